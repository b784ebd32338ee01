// `strongroom show`: what a snapshot holds, from its contents. No value of any file is read.
import type { Entry } from '../pack/entry.ts';
import { readSnapshotContents } from '../vault/artifact-read.ts';
import { readSnapshots } from '../vault/snapshots.ts';
import { choiceFlags, chooseFrom } from './choose.ts';
import { defineCommand } from './command.ts';
import { keptFields, keptText } from './kept.ts';
import { openUnlocked, pastFlag, trustNew } from './open.ts';

export const command = defineCommand({
  description: ['Lists the entries with their modes, owners and sizes, the warnings, and the description.'],
  needs: 'read access and one way to open the vault',
  args: {
    snapshot: {
      value: 'SNAPSHOT',
      optional: true,
      summary: 'id, unique beginning of one, latest, latest~2 or @label',
    },
  },
  flags: { ...choiceFlags, ...pastFlag, trustNew },
  examples: [
    ['show', 'the newest snapshot of this host'],
    ['show latest~1 --set app', 'the one before the newest'],
    ['show @before-deploy', 'the newest with that label'],
  ],
  async run({ args, flags }, context) {
    const vault = await openUnlocked(context, flags);
    const read = await readSnapshots(vault, flags.set === undefined ? {} : { set: flags.set });
    const snapshot = await chooseFrom(context, vault, read, args.snapshot, flags);
    return { snapshot, ledger: read.ledger, contents: await readSnapshotContents(vault, snapshot) };
  },
  human({ snapshot, ledger, contents }, out) {
    const { set, id, host, time, seconds, complete } = snapshot;
    out.line(out.styled('bold', id), ` of ${set} by ${host}, ${out.time(new Date(time))}, in ${seconds} s`);
    if (!complete) out.line(out.styled('red', 'incomplete'), ': a source failed');
    const kept = keptText(ledger, snapshot);
    if (kept !== '') out.line(kept);
    if (snapshot.label) out.line(`label: ${snapshot.label}`);
    for (const [key, value] of Object.entries(snapshot.tags ?? {})) out.line(`tag: ${key}=${value}`);
    if (contents.description) out.line(`description: ${contents.description}`);
    out.line(`root: ${contents.root || '(from memory)'}`);
    for (const { path, reason } of contents.warnings)
      out.line(out.styled('yellow', 'warning: '), `${path} ${reason}`);
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
  json({ snapshot, ledger, contents }, line) {
    for (const e of contents.entries) line('entry', { ...e, mode: e.mode.toString(8).padStart(4, '0') });
    for (const w of contents.warnings) line('warning', { ...w });
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
