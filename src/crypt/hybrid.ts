// age's post-quantum recipients, by the age package. This is the only file that loads it, and is itself loaded
// only for such a key: the package costs tens of milliseconds, which no classic backup need pay.
import { Decrypter, Encrypter, identityToRecipient, type Stanza } from 'age-encryption';
import { UsageError } from '../errors.ts';
import { badHeader, type Header, headerTampered, readHeader } from './header.ts';
import { readerOf } from './reader.ts';

/**
 * The public side of a post-quantum identity.
 *
 * @param identity `AGE-SECRET-KEY-PQ-1…`, already checked
 */
export async function hybridRecipientOf(identity: string): Promise<string> {
  return identityToRecipient(identity);
}

/**
 * Makes a file key and wraps it for post-quantum recipients. The package chooses the file key, so the caller wraps
 * that one for whoever else is to read the file.
 *
 * @param recipients `age1pq1…`, already checked
 * @throws UsageError `bad-recipient` when a key is of the right size but no ML-KEM key
 */
export async function wrapForHybrid(
  recipients: readonly string[],
): Promise<{ fileKey: Uint8Array; stanzas: Stanza[] }> {
  const noted: Uint8Array[] = [];
  const encrypter = new Encrypter();
  encrypter.addRecipient({
    wrapFileKey(fileKey) {
      noted.push(fileKey);
      return [];
    },
  });
  for (const recipient of recipients) encrypter.addRecipient(recipient);
  // A stream in and out: for bytes the package would load all of fetch().
  const file = await encrypter.encrypt(ReadableStream.from([])).catch(() => {
    throw new UsageError('bad-recipient', 'a post-quantum recipient is not a valid key');
  });
  const { stanzas } = await readHeader(readerOf(file), 'a new file');
  return { fileKey: noted[0]!, stanzas };
}

/**
 * Unwraps a file key with a post-quantum identity.
 *
 * @param identity `AGE-SECRET-KEY-PQ-1…`, already checked
 * @param object what the file is called in a failure
 * @returns the file key, or null when no stanza is for this identity
 * @throws IntegrityError `bad-header` or `header-tampered`
 */
export async function unwrapWithHybrid(
  header: Header,
  identity: string,
  object: string,
): Promise<Uint8Array | null> {
  let matched = true;
  const decrypter = new Decrypter();
  decrypter.addIdentity(identity);
  // The package does not tell "not for you" from other failures; this one is asked only when the first had no match.
  decrypter.addIdentity({
    unwrapFileKey() {
      matched = false;
      return null;
    },
  });
  try {
    return await decrypter.decryptHeader(header.bytes);
  } catch (error) {
    if (!matched) return null;
    if (error instanceof Error && error.message === 'invalid header HMAC') throw headerTampered(object);
    throw badHeader(object, 'a post-quantum recipient is malformed');
  }
}
