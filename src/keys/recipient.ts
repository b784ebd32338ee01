// The age method: the identity encrypted to somebody's own age recipient, X25519 or hybrid.
import { decryptBytes, encryptBytes } from '../crypt/age.ts';
import { parseIdentityFile, recipientKind, recipientOf } from '../crypt/identity.ts';
import type { Credential, NewKey } from './method.ts';

/**
 * @param recipient `age1…` or `age1pq1…`
 * @throws UsageError `bad-recipient`
 */
export function newRecipientKey(name: string, recipient: string): NewKey {
  recipientKind(recipient);
  return {
    name,
    method: 'age',
    extension: 'age',
    async wrap(plain) {
      return { bytes: await encryptBytes(plain, [recipient]), fields: { recipient } };
    },
  };
}

/**
 * @param identities `AGE-SECRET-KEY-…` texts
 * @param source where they came from, for messages
 */
export async function identityCredential(identities: readonly string[], source: string): Promise<Credential> {
  const recipients = new Set(await Promise.all(identities.map((identity) => recipientOf(identity))));
  return {
    description: `the identity in ${source}`,
    // Anyone can encrypt to a recipient, which is no secret: a slot that opens says nothing about who made it.
    authenticates: false,
    asks: 'nobody',
    fits: (slot) => slot.method === 'age' && (slot.recipient === undefined || recipients.has(slot.recipient)),
    async unwrap(bytes, slot) {
      return await decryptBytes(bytes, identities, { object: slot.object });
    },
  };
}

/**
 * @param text an age identity file: a key a line, `#` begins a comment
 * @throws UsageError `bad-identity-file`
 */
export async function identityFileCredential(text: string, source: string): Promise<Credential> {
  return await identityCredential(parseIdentityFile(text, source), source);
}
