// `strongroom list`: the snapshots of a vault, whose signatures were judged. Needs no key.
import { chooseListed } from '../vault/select.ts';
import { readSnapshots, type Snapshots } from '../vault/snapshots.ts';
import { authorityFingerprint } from '../vault/vault.ts';
import { defineCommand } from './command.ts';
import { keptFields, keptText } from './kept.ts';
import { openLocked, pastFlag, trustNew, warnFindings } from './open.ts';
import { parseTag, TAG_FORM } from './tags.ts';

export const command = defineCommand({
  description: ['Reads no file and needs no key. What does not count is named on stderr, not listed.'],
  needs: 'read access to the vault; no key',
  args: {},
  flags: {
    set: { value: 'SET', summary: 'only this set' },
    host: { value: 'HOST', summary: 'only those of this host' },
    label: { value: 'LABEL', summary: 'only those with this label' },
    tag: {
      value: 'KEY=VALUE',
      repeat: true,
      summary: 'only those with this tag',
      parse: parseTag,
      form: TAG_FORM,
    },
    since: { value: 'TIME', summary: 'only those made at or after TIME' },
    until: { value: 'TIME', summary: 'only those made at or before TIME' },
    ...pastFlag,
    trustNew,
  },
  examples: [
    ['list', 'every snapshot, oldest first'],
    ['list --set app --json', 'those of one set, a JSON object a line'],
  ],
  async run({ flags }, context) {
    const vault = await openLocked(context, { ...flags, anywhere: true });
    const read = await readSnapshots(vault, flags.set === undefined ? {} : { set: flags.set });
    warnFindings(context, [...vault.findings, ...read.findings]);
    const { set, host, label, tag, since, until } = flags;
    const listed = chooseListed(read.snapshots, { set, host, label, tags: tag, since, until });
    let empty: string | undefined;
    if (listed.length === 0) {
      const all = set === undefined ? read : await readSnapshots(vault);
      empty = whyEmpty(vault.document.name, all, set);
    }
    return { vault, listed, ledger: read.ledger, trust: vault.trust, empty };
  },
  human({ vault, listed, ledger, empty }, out) {
    if (empty !== undefined) out.note(empty);
    else {
      out.table(
        [
          { head: 'SNAPSHOT' },
          { head: 'SET' },
          { head: 'HOST' },
          { head: 'AGE' },
          { head: 'STORED', align: 'right' },
          { head: '' },
        ],
        listed.map((s) => [
          s.id,
          s.set,
          s.host,
          out.age(new Date(s.time)),
          out.size(s.stored),
          [
            s.complete ? '' : 'incomplete',
            keptText(ledger, s),
            s.generation < vault.document.generation ? `key ${s.generation}` : '',
            s.label ? `@${s.label}` : '',
            ...Object.entries(s.tags ?? {}).map(([k, v]) => `${k}=${v}`),
          ]
            .filter((word) => word !== '')
            .join(' '),
        ]),
      );
    }
  },
  json({ vault, listed, ledger, trust }, line) {
    for (const s of listed) {
      line('snapshot', {
        id: s.id,
        set: s.set,
        host: s.host,
        time: s.time,
        seconds: s.seconds,
        complete: s.complete,
        entries: s.entries,
        bytes: s.stored,
        generation: s.generation,
        label: s.label,
        tags: s.tags,
        ...keptFields(ledger, s),
        trust,
      });
    }
    const { document } = vault;
    return {
      vault: document.vault,
      name: document.name,
      fingerprint: authorityFingerprint(document),
      trust,
      snapshots: listed.length,
    };
  },
});

/** @param all what the vault holds, whatever the filters */
function whyEmpty(vault: string, all: Snapshots, set: string | undefined): string {
  const { snapshots, refused } = all;
  if (snapshots.length === 0) {
    return `The vault ${vault} holds no ${refused.length > 0 ? 'snapshot that counts' : 'snapshots yet'}.`;
  }
  if (set !== undefined && !snapshots.some((s) => s.set === set)) {
    const sets = [...new Set(snapshots.map((s) => s.set))].sort();
    return `No snapshot is of the set ${set}; there ${sets.length === 1 ? 'is' : 'are'}: ${sets.join(', ')}.`;
  }
  return 'No snapshot matches.';
}
