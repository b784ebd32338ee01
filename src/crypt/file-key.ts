// From keys to a file's own key and back: who may be in one header together, and which of several identities opens
// it. The bytes of the header are header.ts's.
import { randomBytes } from 'node:crypto';
import type { Identity, Recipient, Stanza } from 'age-encryption';
import { UnlockError, UsageError } from '../errors.ts';
import { FILE_KEY_SIZE } from './aead.ts';
import { badHeader, encodeHeader, type Header, headerTampered, macFits, scryptHasCompany } from './header.ts';
import { parseIdentity, parseRecipient } from './identity.ts';
import { X25519Identity, X25519Recipient } from './x25519.ts';

const POST_QUANTUM = new Set(['mlkem768x25519', 'mlkem768p256tag']);

/**
 * Makes a file key and the header that wraps it.
 *
 * @param recipients `age1…`, `age1pq1…`, or objects of the package's interface
 * @throws UsageError `no-recipients`, `bad-recipient`, `mixed-recipients`, `too-many-recipients`
 */
export async function wrapFileKey(
  recipients: readonly (string | Recipient)[],
): Promise<{ fileKey: Uint8Array; header: Buffer }> {
  if (recipients.length === 0) throw new UsageError('no-recipients', 'there is nobody to encrypt to');
  const hybrids: string[] = [];
  const others: Recipient[] = [];
  for (const recipient of recipients) {
    if (typeof recipient !== 'string') {
      others.push(recipient);
      continue;
    }
    const { kind, publicKey } = parseRecipient(recipient);
    if (kind === 'hybrid') hybrids.push(recipient);
    else others.push(new X25519Recipient(publicKey));
  }

  const { fileKey, stanzas } = hybrids.length > 0 ? await wrapForHybrids(hybrids) : freshFileKey();
  for (const recipient of others) stanzas.push(...(await recipient.wrapFileKey(fileKey)));
  checkCompany(stanzas);
  return { fileKey, header: encodeHeader(stanzas, fileKey) };
}

/**
 * Finds the identity that opens a header. All are tried before it fails.
 *
 * @param identities `AGE-SECRET-KEY-…`, or objects of the package's interface
 * @param object what the file is called in a failure
 * @returns the file key, proven by the header's MAC
 * @throws UnlockError `no-identity-matches`, or what the first identity that was refused says (`wrong-passphrase`)
 * @throws IntegrityError `bad-header`, `header-tampered`, `work-factor-too-high`
 * @throws UsageError `bad-identity`
 */
export async function unwrapFileKey(
  header: Header,
  identities: readonly (string | Identity)[],
  object: string,
): Promise<Uint8Array> {
  let refusal: UnlockError | undefined;
  for (const identity of identities) {
    try {
      const fileKey = await unwrapWith(identity, header, object);
      if (fileKey === null) continue;
      if (fileKey.length !== FILE_KEY_SIZE) throw badHeader(object, 'its file key has the wrong length');
      if (!macFits(header, fileKey)) throw headerTampered(object);
      return fileKey;
    } catch (error) {
      if (!(error instanceof UnlockError)) throw error;
      refusal ??= error;
    }
  }
  throw refusal ?? noMatch(object);
}

/** What our own identities accept besides the stanzas, so that their failures name the file. */
interface NamedIdentity {
  unwrapFileKey(stanzas: Stanza[], object: string): Uint8Array | null | Promise<Uint8Array | null>;
}

async function unwrapWith(
  identity: string | NamedIdentity,
  header: Header,
  object: string,
): Promise<Uint8Array | null> {
  if (typeof identity !== 'string') return identity.unwrapFileKey(header.stanzas, object);
  const { kind, secret } = parseIdentity(identity);
  if (kind === 'x25519') return new X25519Identity(secret).unwrapFileKey(header.stanzas, object);
  const { unwrapWithHybrid } = await import('./hybrid.ts');
  return unwrapWithHybrid(header, identity, object);
}

async function wrapForHybrids(
  recipients: readonly string[],
): Promise<{ fileKey: Uint8Array; stanzas: Stanza[] }> {
  const { wrapForHybrid } = await import('./hybrid.ts');
  return wrapForHybrid(recipients);
}

function freshFileKey(): { fileKey: Uint8Array; stanzas: Stanza[] } {
  return { fileKey: randomBytes(FILE_KEY_SIZE), stanzas: [] };
}

/** Who may not be in one header together. */
function checkCompany(stanzas: readonly Stanza[]): void {
  if (scryptHasCompany(stanzas)) {
    throw new UsageError('mixed-recipients', 'a passphrase must be the only recipient of an age file');
  }
  const postQuantum = stanzas.filter(({ args }) => POST_QUANTUM.has(args[0] ?? '')).length;
  // One classic recipient, and a quantum computer opens the file: the others would promise what does not hold.
  if (postQuantum > 0 && postQuantum < stanzas.length) {
    throw new UsageError('mixed-recipients', 'post-quantum and classic recipients cannot share an age file', {
      hint: 'use recipients of one kind: age1pq1… only, or none of them',
    });
  }
}

function noMatch(object: string): UnlockError {
  return new UnlockError('no-identity-matches', `no key at hand opens ${object}`, {
    object,
    hint: 'give the identity or passphrase it was encrypted to',
  });
}
