// Comparing values without keeping them: a keyed hash under a key that lives as long as one run. A plain hash of a
// password could be guessed from; this one says nothing to anybody who does not hold the key.
import { createHmac, randomBytes } from 'node:crypto';

/** Bytes of a mark: two different values have the same one with a chance of 2^-128. */
export const MARK_BYTES = 16;

/** Gives equal bytes for equal values, and only for those. */
export type Mark = (value: Uint8Array) => Buffer;

/** A marker with a random key of its own: its marks compare with each other only. */
export function newMarker(): Mark {
  const key = randomBytes(32);
  return (value) => createHmac('sha256', key).update(value).digest().subarray(0, MARK_BYTES);
}
