// The payload of an age file: STREAM over ChaCha20-Poly1305 in chunks of 64 KiB. It never releases a byte whose
// tag has not been checked, and holds one chunk at a time. The header is not its business.
//
// It is ours because the package's JavaScript cipher is some fifteen times slower than OpenSSL's.
import { randomBytes } from 'node:crypto';
import { IntegrityError, InterruptedError } from '../errors.ts';
import { derive, open, seal, TAG_SIZE } from './aead.ts';
import type { Reader } from './reader.ts';

/** Bytes of plaintext in every chunk but the last. */
export const CHUNK_SIZE = 64 * 1024;

/** Bytes of the nonce that begins a payload. */
export const NONCE_SIZE = 16;

/** The part of STREAM's nonce that says "this is the last chunk", so that nothing can be cut off or added. */
type LastFlag = 0 | 1;

/**
 * Bytes of a payload.
 *
 * @param plain bytes of plaintext
 */
export function payloadSize(plain: number): number {
  return NONCE_SIZE + plain + TAG_SIZE * Math.max(1, Math.ceil(plain / CHUNK_SIZE));
}

/**
 * Encrypts a payload.
 *
 * @param fileKey 16 bytes, never used for another file
 * @returns the nonce, then the chunks, each followed by its tag
 * @throws InterruptedError when the signal fires
 * @see https://c2sp.org/age#payload
 */
export async function* encryptPayload(
  source: Reader,
  fileKey: Uint8Array,
  signal?: AbortSignal,
): AsyncGenerator<Buffer> {
  const salt = randomBytes(NONCE_SIZE);
  yield salt;
  const key = derive(fileKey, salt, 'payload');
  for (let counter = 0; ; counter++) {
    if (signal?.aborted) throw new InterruptedError('interrupted', 'interrupted');
    const plain = await source.take(CHUNK_SIZE);
    const last = plain.length < CHUNK_SIZE || (await source.ended());
    const [ciphertext, tag] = seal(key, nonceOf(counter, last ? 1 : 0), plain);
    if (ciphertext.length > 0) yield ciphertext;
    yield tag;
    if (last) return;
  }
}

/**
 * Decrypts a payload.
 *
 * @param source the file from behind its header
 * @param fileKey 16 bytes
 * @param object what the file is called in a failure
 * @returns the plaintext, a chunk at a time, each proven; only when it ends without a failure is it whole
 * @throws IntegrityError `tampered` or `truncated`
 * @throws InterruptedError when the signal fires
 * @see https://c2sp.org/age#payload
 */
export async function* decryptPayload(
  source: Reader,
  fileKey: Uint8Array,
  object: string,
  signal?: AbortSignal,
): AsyncGenerator<Buffer> {
  const salt = await source.take(NONCE_SIZE);
  if (salt.length < NONCE_SIZE) throw truncated(object);
  const key = derive(fileKey, salt, 'payload');
  for (let counter = 0; ; counter++) {
    if (signal?.aborted) throw new InterruptedError('interrupted', 'interrupted');
    const box = await source.take(CHUNK_SIZE + TAG_SIZE);
    if (box.length < TAG_SIZE) throw truncated(object);
    const last = box.length < CHUNK_SIZE + TAG_SIZE || (await source.ended());
    const plain = open(key, nonceOf(counter, last ? 1 : 0), box);
    if (plain === undefined) {
      // A full chunk that fits the other flag is genuine but misplaced: the end is missing, or something follows it.
      const full = box.length === CHUNK_SIZE + TAG_SIZE;
      const misplaced = full ? open(key, nonceOf(counter, last ? 0 : 1), box) : undefined;
      if (misplaced !== undefined) yield misplaced;
      throw last && misplaced !== undefined ? truncated(object) : tampered(object);
    }
    // An empty last chunk after a full one says nothing, and would make two ciphertexts of one plaintext.
    if (plain.length === 0 && counter > 0) throw tampered(object);
    if (plain.length > 0) yield plain;
    if (last) return;
  }
}

/** STREAM's nonce: the chunk's number, 11 bytes big-endian, then the flag. Six of them count 2^48 chunks. */
function nonceOf(counter: number, last: LastFlag): Buffer {
  const nonce = Buffer.alloc(12);
  nonce.writeUIntBE(counter, 5, 6);
  nonce[11] = last;
  return nonce;
}

function tampered(object: string): IntegrityError {
  return new IntegrityError('tampered', `${object} is damaged, cut short or was tampered with`, {
    object,
    hint: 'use nothing of it; restore from another snapshot or another copy of the vault',
  });
}

function truncated(object: string): IntegrityError {
  return new IntegrityError('truncated', `${object} ends too early`, {
    object,
    hint: 'use nothing of it; fetch it again, or use another copy of the vault',
  });
}
