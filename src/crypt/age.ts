// Bytes to age files and back (https://c2sp.org/age). It decides nothing about keys and knows nothing of vaults.
//
// age says nothing about who wrote a file: prove the bytes before you decrypt them.
import type { Identity, Recipient } from 'age-encryption';
import { unwrapFileKey, wrapFileKey } from './file-key.ts';
import { readHeader } from './header.ts';
import { readerOf } from './reader.ts';
import { decryptPayload, encryptPayload } from './stream.ts';

export type { Identity, Recipient, Stanza } from 'age-encryption';

/** What encrypting may be told besides. */
export interface EncryptOptions {
  signal?: AbortSignal;
}

/** What decrypting may be told besides. */
export interface DecryptOptions {
  /** What the file is called in a failure. */
  object?: string;
  signal?: AbortSignal;
}

/**
 * Encrypts a byte stream into an age file. Memory does not grow with its length.
 *
 * @param source the plaintext; its chunks are not copied, so nobody may write to them again
 * @param recipients `age1…`, `age1pq1…`, or objects of the package's interface; a passphrase only alone
 * @returns the file, in chunks of any size
 * @throws UsageError `no-recipients`, `bad-recipient`, `mixed-recipients`, `too-many-recipients`
 * @throws InterruptedError when the signal fires
 */
export async function* encrypt(
  source: AsyncIterable<Uint8Array>,
  recipients: readonly (string | Recipient)[],
  options: EncryptOptions = {},
): AsyncGenerator<Buffer> {
  const reader = readerOf(source);
  try {
    const { fileKey, header } = await wrapFileKey(recipients);
    yield header;
    yield* encryptPayload(reader, fileKey, options.signal);
  } finally {
    await reader.close();
  }
}

/**
 * Decrypts an age file. Every chunk is proven before it is released, but only when the stream ends without a
 * failure is the plaintext whole: keep what came out apart until then. Memory does not grow with its length.
 *
 * @param source the file, binary
 * @param identities `AGE-SECRET-KEY-1…`, `AGE-SECRET-KEY-PQ-1…`, or objects of the package's interface
 * @returns the plaintext, in chunks of 64 KiB
 * @throws IntegrityError `not-an-age-file`, `bad-header`, `header-tampered`, `work-factor-too-high`, `tampered`,
 *   `truncated`
 * @throws UnlockError `no-identity-matches`, `wrong-passphrase`
 * @throws UsageError `bad-identity`
 * @throws InterruptedError when the signal fires
 */
export async function* decrypt(
  source: AsyncIterable<Uint8Array>,
  identities: readonly (string | Identity)[],
  options: DecryptOptions = {},
): AsyncGenerator<Buffer> {
  const object = options.object ?? 'the file';
  const reader = readerOf(source);
  try {
    const header = await readHeader(reader, object);
    const fileKey = await unwrapFileKey(header, identities, object);
    yield* decryptPayload(reader, fileKey, object, options.signal);
  } finally {
    await reader.close();
  }
}

/** Encrypts bytes; otherwise as {@link encrypt}. */
export async function encryptBytes(
  plain: Uint8Array,
  recipients: readonly (string | Recipient)[],
): Promise<Buffer> {
  return collect(encrypt(once(plain), recipients));
}

/** Decrypts bytes, and returns them only when all are proven; otherwise as {@link decrypt}. */
export async function decryptBytes(
  file: Uint8Array,
  identities: readonly (string | Identity)[],
  options: DecryptOptions = {},
): Promise<Buffer> {
  return collect(decrypt(once(file), identities, options));
}

async function* once(bytes: Uint8Array): AsyncGenerator<Uint8Array> {
  yield bytes;
}

async function collect(stream: AsyncIterable<Buffer>): Promise<Buffer> {
  const chunks: Buffer[] = [];
  for await (const chunk of stream) chunks.push(chunk);
  return Buffer.concat(chunks);
}
