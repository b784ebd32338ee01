// Builds age files by hand, broken ones too, with a MAC and tags that fit. It shares no code with what it tests.
import { createCipheriv, createHmac, hkdfSync } from 'node:crypto';

/** A file key for forged files; any 16 bytes do. */
export const FILE_KEY = Buffer.from('strongroom tests');

export const VERSION = 'age-encryption.org/v1\n';

/** Base64 without padding. */
export function base64(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString('base64').replaceAll('=', '');
}

/** HKDF-SHA256 to 32 bytes. */
export function hkdf(secret: Uint8Array, salt: Uint8Array, info: string): Buffer {
  return Buffer.from(hkdfSync('sha256', secret, salt, info, 32));
}

/** ChaCha20-Poly1305: ciphertext, then tag. */
export function chachaSeal(key: Uint8Array, nonce: Uint8Array, plain: Uint8Array): Buffer {
  const cipher = createCipheriv('chacha20-poly1305', key, nonce, { authTagLength: 16 });
  return Buffer.concat([cipher.update(plain), cipher.final(), cipher.getAuthTag()]);
}

/** A header of these lines, each with its line feed, and a MAC that fits whatever they are. */
export function forgeHeader(lines: string, fileKey: Uint8Array = FILE_KEY): Buffer {
  const covered = Buffer.from(`${VERSION}${lines}---`, 'latin1');
  return Buffer.concat([covered, Buffer.from(` ${forgeMac(covered, fileKey)}\n`)]);
}

/** The base64 of the MAC over these bytes. */
export function forgeMac(covered: Uint8Array, fileKey: Uint8Array = FILE_KEY): string {
  return base64(
    createHmac('sha256', hkdf(fileKey, Buffer.alloc(0), 'header'))
      .update(covered)
      .digest(),
  );
}

/** One chunk of a payload: its place, its flag and its plaintext. */
export interface Chunk {
  counter: number;
  last: boolean;
  plain: Uint8Array;
}

/** A payload of these chunks, whatever their order, size and flags. */
export function forgePayload(chunks: readonly Chunk[], fileKey: Uint8Array = FILE_KEY): Buffer {
  const salt = Buffer.alloc(16, 0x5a);
  const key = hkdf(fileKey, salt, 'payload');
  const boxes = chunks.map(({ counter, last, plain }) => {
    const nonce = Buffer.alloc(12);
    nonce.writeUInt32BE(counter, 7);
    nonce[11] = last ? 1 : 0;
    return chachaSeal(key, nonce, plain);
  });
  return Buffer.concat([salt, ...boxes]);
}

/** A payload of one short chunk, for files whose header is the matter. */
export const PAYLOAD = forgePayload([{ counter: 0, last: true, plain: Buffer.from('age') }]);
