// Owns compressing a stream: blocks of 1 MiB, each its own gzip member, so that several cores work at once; data
// that will not shrink is stored. The output follows from the input bytes alone, whatever their chunking.

import { deflateRaw, type ZlibOptions } from 'node:zlib';
import { InterruptedError } from '../errors.ts';
import {
  commentMember,
  MEMBER_DATA_BYTES,
  MEMBER_HEADER_BYTES,
  MEMBER_TRAILER_BYTES,
  memberHeader,
  memberTrailer,
} from './gzip-member.ts';
import { inOrder } from './in-order.ts';

// At most 6 % larger than what gzip's default 6 gives, at one and a half to two times its speed.
const DEFAULT_LEVEL = 4;

const SAMPLE_PIECES = 4;
const SAMPLE_PIECE_BYTES = 8 * 1024;
// A sample that keeps more than this share of its size is not worth compressing.
const INCOMPRESSIBLE = 0.97;

const ZERO_BYTES = 64 * 1024;

/** How to compress. */
export interface GzipOptions {
  /** What this stream is, printable ASCII; stands in the first member, where `gunzip` checks it. */
  comment: string;
  /** 0 (store) to 9; 4 unless given. */
  level?: number;
  /** From the length so far, in bytes, to the length to fill up to with zeros; no padding unless given. */
  pad?: (size: number) => number;
  /** Told of the input bytes taken, chunk by chunk. */
  onBytes?: (count: number) => void;
  signal?: AbortSignal;
}

/**
 * Compresses a stream in parallel, in bounded memory (a few MiB per core).
 *
 * @param source any chunk sizes; nobody changes a chunk afterwards
 * @yields a gzip file: an empty member with the comment, data members, zeros up to the padded length
 * @throws IntegrityError `bad-comment`
 * @throws InterruptedError when the signal fires
 * @see RFC 1952; docs/format.md
 */
export async function* gzip(source: AsyncIterable<Uint8Array>, options: GzipOptions): AsyncGenerator<Buffer> {
  const { comment, level = DEFAULT_LEVEL, pad } = options;
  const first = commentMember(comment);
  let total = first.length;
  yield first;

  for await (const member of inOrder(blocks(source, options), (block) => dataMember(block, level))) {
    for (const piece of member) {
      total += piece.length;
      yield piece;
    }
  }

  if (pad === undefined) return;
  const zeros = Buffer.alloc(ZERO_BYTES);
  for (let missing = pad(total) - total; missing > 0; missing -= ZERO_BYTES) {
    yield zeros.subarray(0, Math.min(missing, ZERO_BYTES));
  }
}

// Cuts the stream at every MEMBER_DATA_BYTES. Large chunks are sliced, small ones gathered.
async function* blocks(source: AsyncIterable<Uint8Array>, options: GzipOptions): AsyncGenerator<Buffer> {
  let gathered = Buffer.allocUnsafe(MEMBER_DATA_BYTES);
  let filled = 0;
  for await (const bytes of source) {
    if (options.signal?.aborted) throw new InterruptedError('interrupted', 'interrupted');
    options.onBytes?.(bytes.length);
    let position = 0;
    while (position < bytes.length) {
      if (filled === 0 && bytes.length - position >= MEMBER_DATA_BYTES) {
        yield Buffer.from(bytes.buffer, bytes.byteOffset + position, MEMBER_DATA_BYTES);
        position += MEMBER_DATA_BYTES;
        continue;
      }
      const piece = bytes.subarray(position, position + MEMBER_DATA_BYTES - filled);
      gathered.set(piece, filled);
      position += piece.length;
      filled += piece.length;
      if (filled === MEMBER_DATA_BYTES) {
        yield gathered;
        gathered = Buffer.allocUnsafe(MEMBER_DATA_BYTES);
        filled = 0;
      }
    }
  }
  if (filled > 0) yield gathered.subarray(0, filled);
}

async function dataMember(block: Buffer, level: number): Promise<Buffer[]> {
  const store = level === 0 || (await isIncompressible(block));
  const deflated = await deflate(block, store ? 0 : level);
  const length = MEMBER_HEADER_BYTES + deflated.length + MEMBER_TRAILER_BYTES;
  return [memberHeader(length), deflated, memberTrailer(block)];
}

// Encrypted and compressed data cost the most to compress and gain nothing: try a few pieces at the fastest level.
async function isIncompressible(block: Buffer): Promise<boolean> {
  const stride = Math.floor(block.length / SAMPLE_PIECES);
  if (stride < 2 * SAMPLE_PIECE_BYTES) return false;
  const pieces = Array.from({ length: SAMPLE_PIECES }, (_, index) =>
    block.subarray(index * stride, index * stride + SAMPLE_PIECE_BYTES),
  );
  const sample = Buffer.concat(pieces);
  return (await deflate(sample, 1)).length > sample.length * INCOMPRESSIBLE;
}

function deflate(data: Buffer, level: number): Promise<Buffer> {
  // Room for everything at once: each further output chunk would be another trip to the thread pool.
  const options: ZlibOptions = { level, chunkSize: data.length + (data.length >> 8) + 64 };
  return new Promise((resolve, reject) => {
    deflateRaw(data, options, (error, result) => (error === null ? resolve(result) : reject(error)));
  });
}
