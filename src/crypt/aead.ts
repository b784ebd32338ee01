// The two primitives age is built from: ChaCha20-Poly1305 (RFC 8439) and HKDF-SHA256 (RFC 5869), both OpenSSL's.
// It chooses no nonce and keeps no state; stream.ts and the recipients do.
import { createCipheriv, createDecipheriv, hkdfSync } from 'node:crypto';

const CIPHER = 'chacha20-poly1305';

/** Bytes of a Poly1305 tag. */
export const TAG_SIZE = 16;

/** Bytes of an age file key. */
export const FILE_KEY_SIZE = 16;

// A wrap key seals one file key and nothing else, so age fixes its nonce.
const WRAP_NONCE = Buffer.alloc(12);

/**
 * Encrypts one message.
 *
 * @param key 32 bytes
 * @param nonce 12 bytes, never used before with this key
 * @returns the ciphertext, as long as the message, and its tag of 16 bytes
 */
export function seal(
  key: Uint8Array,
  nonce: Uint8Array,
  plain: Uint8Array,
): [ciphertext: Buffer, tag: Buffer] {
  const cipher = createCipheriv(CIPHER, key, nonce, { authTagLength: TAG_SIZE });
  const ciphertext = cipher.update(plain);
  cipher.final();
  return [ciphertext, cipher.getAuthTag()];
}

/**
 * Decrypts one message.
 *
 * @param key 32 bytes
 * @param nonce 12 bytes
 * @param box ciphertext and tag
 * @returns the message, or undefined when the tag does not fit: what was decrypted is then dropped
 */
export function open(key: Uint8Array, nonce: Uint8Array, box: Uint8Array): Buffer | undefined {
  if (box.length < TAG_SIZE) return undefined;
  const end = box.length - TAG_SIZE;
  const decipher = createDecipheriv(CIPHER, key, nonce, { authTagLength: TAG_SIZE });
  decipher.setAuthTag(box.subarray(end));
  const plain = decipher.update(box.subarray(0, end));
  try {
    decipher.final();
  } catch {
    return undefined;
  }
  return plain;
}

/**
 * HKDF-SHA256 as age uses it.
 *
 * @param salt may be empty
 * @param info the label of the purpose
 * @returns 32 bytes
 */
export function derive(secret: Uint8Array, salt: Uint8Array | string, info: string): Buffer {
  return Buffer.from(hkdfSync('sha256', secret, salt, info, 32));
}

/** Seals a file key under a wrap key: the body of an X25519 or scrypt stanza, 32 bytes. */
export function sealFileKey(wrapKey: Uint8Array, fileKey: Uint8Array): Buffer {
  return Buffer.concat(seal(wrapKey, WRAP_NONCE, fileKey));
}

/** Opens the body of an X25519 or scrypt stanza; undefined when it was sealed under another key. */
export function openFileKey(wrapKey: Uint8Array, body: Uint8Array): Buffer | undefined {
  return open(wrapKey, WRAP_NONCE, body);
}
