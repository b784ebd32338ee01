// `strongroom show`: what a snapshot holds, from its contents. No value of any file is read.
import { UsageError } from '../errors.ts';
import type { Entry } from '../pack/entry.ts';
import { readSnapshotContents } from '../vault/artifact-read.ts';
import { EXPIRES_WITHIN_MS, isDue, judgeFindings } from '../vault/file-findings.ts';
import { readSnapshots } from '../vault/snapshots.ts';
import { choiceFlags, chooseFrom } from './choose.ts';
import { defineCommand } from './command.ts';
import { keptFields, keptText } from './kept.ts';
import { namingOlder } from './older.ts';
import { openUnlocked, pastFlag, trustNew } from './open.ts';
import { findingFields, showFindings } from './show/findings.ts';
import { showStreams, streamFields } from './show/streams.ts';
import { parseSpan, SPAN_FORM } from './span.ts';

export const command = defineCommand({
  description: [
    'Lists the entries with their modes, owners and sizes, the streams, the warnings, and the description.',
    'With --findings it lists what was noticed in the files when they were backed up: certificates that have expired or soon do, private keys that do not belong to the certificate beside them, and secrets that are the same in two environments, such as .env.production and .env.staging. It shows names and dates, and no value.',
  ],
  needs: 'read access and one way to open the vault',
  args: {
    snapshot: {
      value: 'SNAPSHOT',
      optional: true,
      summary: 'id, unique beginning of one, latest, latest~2 or @label',
    },
  },
  flags: {
    findings: { summary: 'what was noticed in the files, instead of the entries' },
    within: {
      value: 'TIME',
      summary: 'with --findings: certificates that expire within this time, such as 60d (30d)',
      parse: parseSpan,
      form: SPAN_FORM,
    },
    ...choiceFlags,
    ...pastFlag,
    trustNew,
  },
  examples: [
    ['show', 'the newest snapshot of this host'],
    ['show latest~1 --set app', 'the one before the newest'],
    ['show @before-deploy', 'the newest with that label'],
    ['show --findings --within 60d', 'which certificates expire within 60 days, and what else is amiss'],
  ],
  async run({ args, flags }, context) {
    if (flags.within !== undefined && !flags.findings) {
      throw new UsageError('needs-findings', '--within is of use with --findings only', {
        object: '--within',
        hint: 'add --findings',
      });
    }
    const vault = await openUnlocked(context, { ...flags, anywhere: true });
    const read = await readSnapshots(vault, flags.set === undefined ? {} : { set: flags.set });
    const snapshot = await chooseFrom(context, vault, read, args.snapshot, flags);
    const contents = await namingOlder(vault, snapshot, () => readSnapshotContents(vault, snapshot));
    const within = flags.within ?? EXPIRES_WITHIN_MS;
    const findings = judgeFindings(contents.findings, context.now(), within);
    return { snapshot, ledger: read.ledger, contents, findings, within, asked: flags.findings };
  },
  human({ snapshot, ledger, contents, findings, within, asked }, out) {
    const { set, id, host, time, seconds, complete } = snapshot;
    out.line(out.styled('bold', id), ` of ${set} by ${host}, ${out.time(new Date(time))}, in ${seconds} s`);
    if (!complete) out.line(out.styled('red', 'incomplete'), ': a source failed');
    if (asked) {
      showFindings(findings, within, out);
      return;
    }
    const kept = keptText(ledger, snapshot);
    if (kept !== '') out.line(kept);
    if (snapshot.label) out.line(`label: ${snapshot.label}`);
    for (const [key, value] of Object.entries(snapshot.tags ?? {})) out.line(`tag: ${key}=${value}`);
    if (contents.description) out.line(`description: ${contents.description}`);
    out.line(`root: ${contents.root || '(from memory)'}`);
    for (const { path, reason } of contents.warnings)
      out.line(out.styled('yellow', 'warning: '), `${path} ${reason}`);
    const due = findings.filter(isDue).length;
    if (due > 0)
      out.line(out.styled('yellow', out.count(due, 'finding')), `: strongroom show ${id} --findings`);
    showStreams(contents.streams, out);
    out.table(
      [
        { head: 'MODE' },
        { head: 'OWNER', align: 'right' },
        { head: 'SIZE', align: 'right' },
        { head: 'PATH' },
      ],
      contents.entries.map((e) => [
        modeText(e),
        `${e.uid}:${e.gid}`,
        e.type === 'file' ? out.size(e.size) : '',
        pathText(e),
      ]),
    );
  },
  json({ snapshot, ledger, contents, findings, asked }, line) {
    if (asked) {
      for (const f of findings) line('finding', findingFields(f));
    } else {
      for (const e of contents.entries) line('entry', { ...e, mode: e.mode.toString(8).padStart(4, '0') });
      for (const s of contents.streams) line('stream', streamFields(s));
      for (const w of contents.warnings) line('warning', { ...w });
    }
    const { id, set, host, time, seconds, complete, label, tags } = snapshot;
    const { root, description, bytes, entries, tool } = contents;
    return {
      snapshot: id,
      set,
      host,
      time,
      seconds,
      complete,
      label,
      tags,
      ...keptFields(ledger, snapshot),
      description,
      root,
      tool,
      entries: entries.length,
      bytes,
      streams: contents.streams.length,
      findings: findings.filter(isDue).length,
    };
  },
});

function modeText({ type, mode }: Entry): string {
  return `${type === 'dir' ? 'd' : type === 'symlink' ? 'l' : '-'}${mode.toString(8).padStart(4, '0')}`;
}

function pathText({ path, type, target, torn }: Entry): string {
  if (type === 'symlink') return `${path} -> ${target}`;
  return `${path}${type === 'dir' ? '/' : ''}${torn ? ' (changed while it was read)' : ''}`;
}
