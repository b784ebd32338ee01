// Owns decompressing what gzip-write.ts made. A member is checked whole, CRC and length included, before one byte
// of it is released; whatever is not laid out as docs/format.md says is refused.

import { inflateRaw, type Zlib, type ZlibOptions } from 'node:zlib';
import { IntegrityError, InterruptedError } from '../errors.ts';
import { type ByteReader, byteReader, isZero } from './byte-reader.ts';
import {
  commentMember,
  MAX_MEMBER_BYTES,
  MEMBER_DATA_BYTES,
  MEMBER_HEADER_BYTES,
  MEMBER_TRAILER_BYTES,
  memberLength,
  memberTrailer,
} from './gzip-member.ts';
import { inOrder } from './in-order.ts';

const MIN_MEMBER_BYTES = MEMBER_HEADER_BYTES + MEMBER_TRAILER_BYTES + 1;
const SKIP_BYTES = 64 * 1024;

/** What to expect. */
export interface GunzipOptions {
  /** What the stream must say it is. */
  comment: string;
  /** The artifact, for messages. */
  object: string;
  /** The most bytes to release; no limit unless given. */
  maxBytes?: number;
  signal?: AbortSignal;
}

/**
 * Decompresses a stream, in parallel and in bounded memory.
 *
 * @param source closed when this returns or throws
 * @yields up to 1 MiB each, every byte covered by a CRC that matched
 * @throws IntegrityError `wrong-artifact` when the comment is another one (before any byte is released), `too-large`
 *   above `maxBytes`, `bad-gzip` for damage of any kind
 * @throws InterruptedError when the signal fires
 */
export async function* gunzip(
  source: AsyncIterable<Uint8Array>,
  options: GunzipOptions,
): AsyncGenerator<Buffer> {
  const reader = byteReader(source);
  try {
    await expectComment(reader, options);
    yield* inOrder(members(reader, options), (member) => inflateMember(member, options.object));
  } finally {
    await reader.close();
  }
}

async function expectComment(reader: ByteReader, { comment, object }: GunzipOptions): Promise<void> {
  const expected = commentMember(comment);
  const found = await reader.take(expected.length);
  if (found.equals(expected)) return;
  if (found.equals(expected.subarray(0, found.length))) throw damaged(object, 'ends too early');
  throw new IntegrityError('wrong-artifact', `${object} is not what its name says`, {
    object,
    hint: `it should say '${comment}': it was renamed, mixed up or forged`,
  });
}

// Data members without their headers, up to the zeros or the end of the stream.
async function* members(reader: ByteReader, options: GunzipOptions): AsyncGenerator<Buffer> {
  const { object, maxBytes = Number.POSITIVE_INFINITY, signal } = options;
  let announced = 0;
  for (;;) {
    if (signal?.aborted) throw new InterruptedError('interrupted', 'interrupted');
    const header = await reader.take(MEMBER_HEADER_BYTES);
    if (isZero(header)) return await expectZeros(reader, object);
    const length = memberLength(header);
    if (length === undefined || length > MAX_MEMBER_BYTES || length < MIN_MEMBER_BYTES) {
      throw damaged(object, 'has a member with a bad header');
    }
    const member = await reader.take(length - MEMBER_HEADER_BYTES);
    if (member.length < length - MEMBER_HEADER_BYTES) throw damaged(object, 'ends too early');
    announced += dataLength(member);
    if (announced > maxBytes) {
      throw new IntegrityError('too-large', `${object} holds more than ${maxBytes} bytes`, { object });
    }
    yield member;
  }
}

async function expectZeros(reader: ByteReader, object: string): Promise<void> {
  for (;;) {
    const padding = await reader.some(SKIP_BYTES);
    if (padding.length === 0) return;
    if (!isZero(padding)) throw damaged(object, 'has something after its end');
  }
}

function dataLength(member: Buffer): number {
  return member.readUInt32LE(member.length - 4);
}

async function inflateMember(member: Buffer, object: string): Promise<Buffer> {
  const length = dataLength(member);
  if (length === 0 || length > MEMBER_DATA_BYTES)
    throw damaged(object, 'has a member of an impossible length');
  const trailer = member.subarray(-MEMBER_TRAILER_BYTES);
  try {
    const data = await inflate(member.subarray(0, -MEMBER_TRAILER_BYTES), length);
    if (data !== undefined && memberTrailer(data).equals(trailer)) return data;
  } catch (cause) {
    throw damaged(object, 'does not decompress', cause);
  }
  throw damaged(object, 'has a member that is not what its checksum says');
}

// Undefined when the compressed data ends before its member does.
function inflate(deflated: Buffer, length: number): Promise<Buffer | undefined> {
  // A bomb stops at the announced length. One byte of room to spare saves zlib a second call.
  const options: ZlibOptions = { maxOutputLength: length, chunkSize: Math.max(64, length + 1), info: true };
  return new Promise((resolve, reject) => {
    inflateRaw(deflated, options, (error, result) => {
      if (error !== null) return reject(error);
      const { buffer, engine } = result as unknown as { buffer: Buffer; engine: Zlib };
      resolve(engine.bytesWritten === deflated.length ? buffer : undefined);
    });
  });
}

function damaged(object: string, how: string, cause?: unknown): IntegrityError {
  return new IntegrityError('bad-gzip', `${object} ${how}`, {
    object,
    hint: 'the data is damaged: restore another snapshot',
    cause,
  });
}
