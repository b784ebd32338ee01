// CRC-64 as RDB files have it (Redis, src/crc64.c): the Jones polynomial, reflected, from zero. Eight bytes at a time,
// in halves of 32 bits, as numbers of 64 bits are slow here.

/** 0xad93d23594c935a9, its bits in the other order. */
const HIGH = 0x95ac9329;
const LOW = 0xac4bc9b5;

/** What remains of a byte that is followed by 0 to 7 others: 8 tables, one after the other. */
const low = new Uint32Array(8 * 256);
const high = new Uint32Array(8 * 256);

function fill(): void {
  for (let byte = 0; byte < 256; byte++) {
    let [h, l] = [0, byte];
    for (let bit = 0; bit < 8; bit++) {
      const isOdd = l & 1;
      l = (l >>> 1) | (h << 31);
      h >>>= 1;
      if (isOdd) [h, l] = [h ^ HIGH, l ^ LOW];
    }
    low[byte] = l;
    high[byte] = h;
  }
  for (let at = 256; at < low.length; at++) {
    const [l, h] = [low[at - 256]!, high[at - 256]!];
    low[at] = ((l >>> 8) | (h << 24)) ^ low[l & 255]!;
    high[at] = (h >>> 8) ^ high[l & 255]!;
  }
}

/** A checksum of bytes that come in pieces. */
export interface Crc64 {
  update(bytes: Uint8Array): void;
  /** Whether eight bytes are what the checksum of all so far is written as: the lowest first. */
  is(bytes: Buffer): boolean;
}

export function crc64(): Crc64 {
  if (low[1] === 0) fill();
  let [l, h] = [0, 0];
  return {
    update(bytes) {
      [l, h] = updated(l, h, bytes);
    },
    is: (bytes) => bytes.readUInt32LE(0) === l >>> 0 && bytes.readUInt32LE(4) === h >>> 0,
  };
}

/** @returns both halves, the lower first */
function updated(lower: number, higher: number, bytes: Uint8Array): [number, number] {
  let [l, h] = [lower, higher];
  let at = 0;
  for (const end = bytes.length - 7; at < end; at += 8) {
    const a = 7 * 256 + ((l ^ bytes[at]!) & 255);
    const b = 6 * 256 + (((l >>> 8) ^ bytes[at + 1]!) & 255);
    const c = 5 * 256 + (((l >>> 16) ^ bytes[at + 2]!) & 255);
    const d = 4 * 256 + (((l >>> 24) ^ bytes[at + 3]!) & 255);
    const e = 3 * 256 + ((h ^ bytes[at + 4]!) & 255);
    const f = 2 * 256 + (((h >>> 8) ^ bytes[at + 5]!) & 255);
    const g = 256 + (((h >>> 16) ^ bytes[at + 6]!) & 255);
    const i = ((h >>> 24) ^ bytes[at + 7]!) & 255;
    l = low[a]! ^ low[b]! ^ low[c]! ^ low[d]! ^ low[e]! ^ low[f]! ^ low[g]! ^ low[i]!;
    h = high[a]! ^ high[b]! ^ high[c]! ^ high[d]! ^ high[e]! ^ high[f]! ^ high[g]! ^ high[i]!;
  }
  for (; at < bytes.length; at++) {
    const byte = (l ^ bytes[at]!) & 255;
    l = ((l >>> 8) | (h << 24)) ^ low[byte]!;
    h = (h >>> 8) ^ high[byte]!;
  }
  return [l, h];
}
