// `strongroom hosts list`: who may write to the vault, and what each did last. Needs no key.
import { readActivity } from '../../vault/hosts/activity.ts';
import { keyFingerprint as fingerprint } from '../../vault/vault.ts';
import { defineCommand } from '../command.ts';
import { openLocked, trustNew, warnFindings } from '../open.ts';

export const command = defineCommand({
  description: [
    'Shows each host, what it may do on which sets, when its newest snapshot was made, and the fingerprint of its signing key.',
    'Of a host that was removed it says how many snapshots still count.',
  ],
  needs: 'read access to the vault; no key',
  args: {},
  flags: { trustNew },
  examples: [['hosts list', 'who may write']],
  async run({ flags }, context) {
    const vault = await openLocked(context, flags);
    const { hosts, findings } = await readActivity(vault);
    warnFindings(context, findings);
    return { hosts, generation: vault.document.generation };
  },
  human({ hosts, generation }, out) {
    out.table(
      [
        { head: 'HOST' },
        { head: 'MAY' },
        { head: 'SETS' },
        { head: 'ADDED' },
        { head: 'LAST SNAPSHOT' },
        { head: 'FINGERPRINT' },
      ],
      hosts.map(({ host, last }) => [
        host.name,
        host.removed ? 'removed' : host.may.join(', '),
        host.sets.join(', '),
        host.added.slice(0, 10),
        last ? last.time.slice(0, 16).replace('T', ' ') : 'none',
        fingerprint(host.key),
      ]),
    );
    const note = (text: string) => out.line(out.styled('yellow', 'note: '), text);
    for (const { host, snapshots, behind } of hosts) {
      if (host.removed !== undefined) {
        const rest = snapshots === 1 ? 'snapshot of it still counts' : 'snapshots of it still count';
        note(`${host.name} was removed on ${host.removed.slice(0, 10)}; ${snapshots} ${rest}`);
      } else if (behind !== undefined) {
        note(
          `${host.name} writes to key ${behind}, and the vault has key ${generation}: it needs the new pin, if it did not write since`,
        );
      }
    }
  },
  json({ hosts }, line) {
    for (const { host, snapshots, last, behind } of hosts) {
      const { name, key, sets, may, added, removed } = host;
      line('host', {
        name,
        fingerprint: fingerprint(key),
        sets,
        may,
        added,
        removed,
        snapshots,
        last: last?.time,
        last_snapshot: last?.id,
        writes_to_key: behind,
      });
    }
    return { hosts: hosts.length };
  },
});
