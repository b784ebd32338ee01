// Owns reading a reply's body into memory, with a bound.

import { IntegrityError } from '../../errors.ts';
import { checkSize } from '../store.ts';
import type { GetObjectCommandOutput } from './sdk.ts';

/**
 * The whole body of a reply.
 *
 * @param maxBytes refuse a larger one before reading it
 * @throws IntegrityError `object-too-large`, `object-cut-short`; an error with code ECONNRESET for one that broke off
 */
export async function bodyOf(
  { Body, ContentLength = 0 }: GetObjectCommandOutput,
  name: string,
  maxBytes: number | undefined,
): Promise<Buffer> {
  const stream = Body as (AsyncIterable<Uint8Array> & { destroy(): void }) | undefined;
  try {
    checkSize(name, ContentLength, maxBytes);
    const bytes = Buffer.allocUnsafe(ContentLength);
    let used = 0;
    for await (const chunk of stream ?? []) {
      if (used + chunk.length > ContentLength) throw cutShort(name);
      bytes.set(chunk, used);
      used += chunk.length;
    }
    // A connection that broke in the middle: the same call may succeed.
    if (used < ContentLength) throw Object.assign(new Error('cut short'), { code: 'ECONNRESET' });
    return bytes;
  } finally {
    stream?.destroy();
  }
}

function cutShort(name: string): IntegrityError {
  return new IntegrityError('object-cut-short', `${name} is not as long as the service says`, {
    object: name,
  });
}
