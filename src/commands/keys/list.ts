// `strongroom keys list`: what opens the vault. Needs no key.
import { newestGeneration } from '../../vault/documents/vault-document.ts';
import { keyNotes } from '../../vault/keys/notes.ts';
import { defineCommand } from '../command.ts';
import { openLocked, trustNew } from '../open.ts';
import { shortKey } from './changed.ts';
import { loginKeys } from './login-keys.ts';

export const command = defineCommand({
  description: ['Shows each way to open the vault, who added it and when, and what to think about.'],
  needs: 'read access to the vault; no key',
  args: {},
  flags: { trustNew },
  examples: [['keys list', 'what opens the vault']],
  async run({ flags }, context) {
    const { document } = await openLocked(context, flags);
    const hasSsh = document.slots.some(({ method }) => method === 'ssh');
    const logins = hasSsh ? await loginKeys(context.env.HOME) : new Map<string, string>();
    return { document, notes: keyNotes(document, { logins }) };
  },
  human({ document, notes }, out) {
    out.table(
      [{ head: 'KEY' }, { head: 'METHOD' }, { head: 'ADDED' }, { head: 'BY' }, { head: '' }],
      document.slots.map((s) => [
        s.name,
        s.kit ? `${s.method}, recovery kit` : s.method,
        s.added.slice(0, 10),
        s.by,
        shortKey(s),
      ]),
    );
    const { generation } = newestGeneration(document);
    if (generation > 1) {
      out.line(`They open key number ${generation}: it was rotated ${out.count(generation - 1, 'time')}.`);
    }
    for (const note of notes) out.line(out.styled('yellow', 'note: '), note);
  },
  json({ document, notes }, line) {
    for (const { name, method, added, by, recipient, arn, kit } of document.slots)
      line('key', { name, method, added, by, recipient, arn, kit });
    const { slots, revision, generation, generations, reencrypt } = document;
    const compromised = generations.flatMap((g) => (g.compromised ? [g.generation] : []));
    return { keys: slots.length, revision, generation, compromised, reencrypt, notes };
  },
});
