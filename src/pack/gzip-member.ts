// Owns the layout of our gzip members (docs/format.md): a first, empty one that carries a comment, then data
// members that state their own length, as BGZF does, so a reader knows where each ends before inflating it.

import { crc32 } from 'node:zlib';
import { IntegrityError } from '../errors.ts';

/** Input bytes in a data member: at most, and exactly but for the last. */
export const MEMBER_DATA_BYTES = 1024 * 1024;

/** The length of a data member's header. */
export const MEMBER_HEADER_BYTES = 20;

/** The length of a member's trailer: CRC-32 and input length. */
export const MEMBER_TRAILER_BYTES = 8;

/** No data member is longer: what deflate adds to incompressible data is far below this allowance. */
export const MAX_MEMBER_BYTES = MEMBER_DATA_BYTES + 64 * 1024;

// RFC 1952, 2.3: magic, deflate, FEXTRA, no time, no XFL, OS unknown; then one subfield "SR" of four bytes.
const HEADER_START = Buffer.from([0x1f, 0x8b, 8, 0x04, 0, 0, 0, 0, 0, 255, 8, 0, 0x53, 0x52, 4, 0]);

const COMMENT_START = Buffer.from([0x1f, 0x8b, 8, 0x10, 0, 0, 0, 0, 0, 255]);
// NUL after the comment, an empty final deflate block, CRC-32 and length of nothing.
const COMMENT_END = Buffer.from([0, 0x03, 0x00, 0, 0, 0, 0, 0, 0, 0, 0]);

/**
 * The first member: no data, only a comment (FCOMMENT) that says what this stream is.
 *
 * @param comment printable ASCII
 * @throws IntegrityError `bad-comment`
 */
export function commentMember(comment: string): Buffer {
  if (!/^[ -~]+$/.test(comment))
    throw new IntegrityError('bad-comment', 'a gzip comment must be printable ASCII');
  return Buffer.concat([COMMENT_START, Buffer.from(comment, 'latin1'), COMMENT_END]);
}

/** The header of a data member of `length` bytes, header and trailer included. */
export function memberHeader(length: number): Buffer {
  const header = Buffer.alloc(MEMBER_HEADER_BYTES);
  HEADER_START.copy(header);
  header.writeUInt32LE(length, HEADER_START.length);
  return header;
}

/**
 * Reads a data member's header.
 *
 * @returns the length of the whole member in bytes, not yet judged; `undefined` when this is no such header
 */
export function memberLength(header: Buffer): number | undefined {
  if (header.length !== MEMBER_HEADER_BYTES) return undefined;
  if (!header.subarray(0, HEADER_START.length).equals(HEADER_START)) return undefined;
  return header.readUInt32LE(HEADER_START.length);
}

/** The trailer of a member that holds `data`. */
export function memberTrailer(data: Buffer): Buffer {
  const trailer = Buffer.alloc(MEMBER_TRAILER_BYTES);
  trailer.writeUInt32LE(crc32(data), 0);
  trailer.writeUInt32LE(data.length, 4);
  return trailer;
}
