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
// What keeps more than this share of its size is not worth the work: of compressing at all, or of trying harder.
const NO_GAIN = 0.97;
const FASTEST_LEVEL = 1;

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
 * @param source any chunk sizes; a chunk is copied before the next is asked for
 * @yields a gzip file: an empty member with the comment, data members, zeros up to the padded length
 * @throws IntegrityError `bad-comment`
 * @throws InterruptedError when the signal fires
 * @see RFC 1952; docs/format.md
 */
export async function* gzip(
  source: AsyncIterable<Uint8Array> | Iterable<Uint8Array>,
  options: GzipOptions,
): AsyncGenerator<Buffer> {
  const { comment, level = DEFAULT_LEVEL, pad } = options;
  const first = commentMember(comment);
  let total = first.length;
  yield first;

  // Blocks go round: left to the collector they would pile up to more memory than all the rest.
  const spare: Buffer[] = [];
  for await (const member of inOrder(blocks(source, spare, options), (block) =>
    dataMember(block, level, spare),
  )) {
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

// Cuts the stream at every MEMBER_DATA_BYTES.
async function* blocks(
  source: AsyncIterable<Uint8Array> | Iterable<Uint8Array>,
  spare: Buffer[],
  { onBytes, signal }: GzipOptions,
): AsyncGenerator<Buffer> {
  let block: Buffer = Buffer.allocUnsafe(MEMBER_DATA_BYTES);
  let filled = 0;
  for await (const chunk of source) {
    if (signal?.aborted) throw new InterruptedError('interrupted', 'interrupted');
    onBytes?.(chunk.length);
    for (let position = 0; position < chunk.length; ) {
      const piece = chunk.subarray(position, position + MEMBER_DATA_BYTES - filled);
      block.set(piece, filled);
      position += piece.length;
      filled += piece.length;
      if (filled < MEMBER_DATA_BYTES) continue;
      yield block;
      block = spare.pop() ?? Buffer.allocUnsafe(MEMBER_DATA_BYTES);
      filled = 0;
    }
  }
  if (filled > 0) yield block.subarray(0, filled);
}

async function dataMember(block: Buffer, level: number, spare: Buffer[]): Promise<Buffer[]> {
  const deflated = await deflate(block, await worthwhileLevel(block, level));
  const length = MEMBER_HEADER_BYTES + deflated.length + MEMBER_TRAILER_BYTES;
  const member = [memberHeader(length), deflated, memberTrailer(block)];
  if (block.length === MEMBER_DATA_BYTES) spare.push(block);
  return member;
}

// Encrypted and compressed data cost the most to compress and gain nothing; keys, hashes and base64 gain all they can
// at the fastest level: try a few pieces.
async function worthwhileLevel(block: Buffer, level: number): Promise<number> {
  const stride = Math.floor(block.length / SAMPLE_PIECES);
  if (level === 0 || stride < 2 * SAMPLE_PIECE_BYTES) return level;
  const pieces = Array.from({ length: SAMPLE_PIECES }, (_, index) =>
    block.subarray(index * stride, index * stride + SAMPLE_PIECE_BYTES),
  );
  const sample = Buffer.concat(pieces);
  const fastest = (await deflate(sample, FASTEST_LEVEL)).length;
  if (fastest > sample.length * NO_GAIN) return 0;
  if (level === FASTEST_LEVEL) return level;
  return (await deflate(sample, level)).length > fastest * NO_GAIN ? FASTEST_LEVEL : level;
}

function deflate(data: Buffer, level: number): Promise<Buffer> {
  // Room for everything at once: each further output chunk would be another trip to the thread pool.
  const options: ZlibOptions = { level, chunkSize: data.length + (data.length >> 8) + 64 };
  return new Promise((resolve, reject) => {
    deflateRaw(data, options, (error, result) => (error === null ? resolve(result) : reject(error)));
  });
}
