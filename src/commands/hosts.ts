// `strongroom hosts list`: who may write to the vault. Needs no key.
import { keyFingerprint as fingerprint } from '../vault/vault.ts';
import { defineCommand } from './command.ts';
import { openLocked, trustNew } from './open.ts';

export const list = defineCommand({
  description: ['Shows each host, what it may do on which sets, and the fingerprint of its signing key.'],
  needs: 'read access to the vault; no key',
  args: {},
  flags: { trustNew },
  examples: [['hosts list', 'who may write']],
  async run({ flags }, context) {
    return (await openLocked(context, flags)).document;
  },
  human({ hosts }, out) {
    out.table(
      [{ head: 'HOST' }, { head: 'MAY' }, { head: 'SETS' }, { head: 'ADDED' }, { head: 'FINGERPRINT' }],
      hosts.map((h) => [
        h.name,
        h.removed ? 'removed' : h.may.join(', '),
        h.sets.join(', '),
        h.added.slice(0, 10),
        fingerprint(h.key),
      ]),
    );
  },
  json({ hosts }, line) {
    for (const { name, key, sets, may, added, removed } of hosts) {
      line('host', { name, fingerprint: fingerprint(key), sets, may, added, removed });
    }
    return { hosts: hosts.length };
  },
});
