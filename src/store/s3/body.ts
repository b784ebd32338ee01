// Owns reading a reply's body into memory, with a bound.

import { IntegrityError } from '../../errors.ts';
import { checkSize } from '../store.ts';
import type { GetObjectCommandOutput } from './sdk.ts';
import { REPLY_TOO_LARGE } from './words.ts';

/** A page of a thousand keys of 1024 bytes, each of them escaped, has less. */
const MAX_REPLY_BYTES = 16 * 1024 * 1024;

type Body = AsyncIterable<Uint8Array> & { destroy(): void };

/**
 * The whole body of an object's reply.
 *
 * @param maxBytes refuse a larger one before reading it, or, where nothing says how large it is, while reading it
 * @throws IntegrityError `object-too-large`, `object-cut-short`; an error with code ECONNRESET for one that broke off
 */
export async function bodyOf(
  { Body, ContentLength: length }: GetObjectCommandOutput,
  name: string,
  maxBytes: number | undefined,
): Promise<Buffer> {
  const stream = Body as Body | undefined;
  try {
    if (!stream) return Buffer.alloc(0);
    return await (length === undefined
      ? bounded(stream, (used) => checkSize(name, used, maxBytes))
      : sized(stream, length, name, maxBytes));
  } finally {
    stream?.destroy();
  }
}

/**
 * The body of any other reply.
 * @throws an error with the name REPLY_TOO_LARGE: the SDK writes into errors that pass it, so that it is none of ours
 */
export function collectReply(stream: AsyncIterable<Uint8Array>): Promise<Uint8Array> {
  return bounded(stream, (used) => {
    if (used > MAX_REPLY_BYTES) throw Object.assign(new Error('reply too large'), { name: REPLY_TOO_LARGE });
  });
}

async function sized(
  stream: Body,
  length: number,
  name: string,
  maxBytes: number | undefined,
): Promise<Buffer> {
  checkSize(name, length, maxBytes);
  const bytes = Buffer.allocUnsafe(length);
  let used = 0;
  for await (const chunk of stream) {
    if (used + chunk.length > length) {
      throw new IntegrityError('object-cut-short', `${name} is not as long as the service says`, {
        object: name,
      });
    }
    bytes.set(chunk, used);
    used += chunk.length;
  }
  // A connection that broke in the middle: the same call may succeed.
  if (used < length) throw Object.assign(new Error('cut short'), { code: 'ECONNRESET' });
  return bytes;
}

// A chunked reply, as something between may make it; Node says itself when one of those breaks off.
async function bounded(stream: AsyncIterable<Uint8Array>, check: (used: number) => void): Promise<Buffer> {
  const chunks: Uint8Array[] = [];
  let used = 0;
  for await (const chunk of stream) {
    used += chunk.length;
    check(used);
    chunks.push(chunk);
  }
  return Buffer.concat(chunks);
}
