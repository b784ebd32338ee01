// How an age header says which SSH key a line of it is for. That a file shows this much is age's choice: with it a
// passphrase is asked only for a key that fits.
import { createHash } from 'node:crypto';
import { encodeBase64 } from './base64.ts';

const SIZE = 4;

/**
 * @param wire the public key as SSH writes it on the wire (RFC 4253, section 6.6)
 * @returns the first bytes of its SHA-256, in base64
 */
export function tagOf(wire: Uint8Array): string {
  return encodeBase64(createHash('sha256').update(wire).digest().subarray(0, SIZE));
}
