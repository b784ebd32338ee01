// `strongroom keys list`: what opens the vault. Needs no key.
import { newestGeneration } from '../vault/documents/vault-document.ts';
import { shortRecipient } from '../vault/short-recipient.ts';
import { defineCommand } from './command.ts';
import { openLocked, trustNew } from './open.ts';

export const list = defineCommand({
  description: ['Shows each way to open the vault, who added it and when, and what to think about.'],
  needs: 'read access to the vault; no key',
  args: {},
  flags: { trustNew },
  examples: [['keys list', 'what opens the vault']],
  async run({ flags }, context) {
    const { document } = await openLocked(context, flags);
    const notes: string[] = [];
    if (document.slots.length === 1) notes.push('there is only one way in: when it is lost, so is the vault');
    const hybrid = newestGeneration(document).recipient.startsWith('age1pq1');
    const classic = document.slots.filter(
      (s) => s.recipient !== undefined && !s.recipient.startsWith('age1pq1'),
    );
    if (hybrid && classic.length > 0) {
      notes.push(`not post-quantum as long as ${classic.map((s) => s.name).join(', ')} opens it`);
    }
    return { document, notes };
  },
  human({ document, notes }, out) {
    out.table(
      [{ head: 'KEY' }, { head: 'METHOD' }, { head: 'ADDED' }, { head: 'BY' }, { head: '' }],
      document.slots.map((s) => [
        s.name,
        s.method,
        s.added.slice(0, 10),
        s.by,
        s.recipient === undefined ? (s.arn ?? '') : shortRecipient(s.recipient),
      ]),
    );
    for (const note of notes) out.line(out.styled('yellow', 'note: '), note);
  },
  json({ document, notes }, line) {
    for (const { name, method, added, by, recipient, arn } of document.slots)
      line('key', { name, method, added, by, recipient, arn });
    return { keys: document.slots.length, notes };
  },
});
