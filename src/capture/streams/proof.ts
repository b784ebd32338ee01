// How a dump is proven whole while it passes by: it is not empty, it ends as it must, a second program reads it to its
// end. What a failure is called is the adapter's.
import { PassThrough } from 'node:stream';
import { StreamError } from '../stream.ts';
import { drained } from './drain.ts';

/** Bytes of a dump's end that are looked at. */
const END = 1024;

/** @throws StreamError stream-empty at its end */
export async function* notEmpty(
  dump: AsyncIterable<Buffer>,
  name: string,
  tool: string,
): AsyncGenerator<Buffer> {
  let isEmpty = true;
  for await (const chunk of dump) {
    isEmpty &&= chunk.length === 0;
    yield chunk;
  }
  if (isEmpty) throw new StreamError('stream-empty', `stream ${name}: ${tool} printed nothing`);
}

/**
 * @param trailer what its last KiB, as text of one byte a character, must match
 * @param tool that prints it just now, if one does
 * @throws StreamError stream-unfinished at its end
 */
export async function* endingIn(
  trailer: RegExp,
  dump: AsyncIterable<Buffer>,
  name: string,
  tool?: string,
): AsyncGenerator<Buffer> {
  let end: Buffer = Buffer.alloc(0);
  for await (const chunk of dump) {
    end = Buffer.concat([end, chunk.subarray(-END)]).subarray(-END);
    yield chunk;
  }
  if (trailer.test(end.toString('latin1'))) return;
  if (tool === undefined) throw new StreamError('stream-unfinished', `stream ${name}: the dump has no end`);
  throw new StreamError('stream-unfinished', `stream ${name}: what ${tool} printed has no end`, {
    hint: 'it ended before it was done; see what the server says of it',
  });
}

/**
 * Passes a dump on and, at the same time, to whoever proves it. The slower of both sets the pace.
 * @param prove reads the copy to its end, or fails; it is gone when this ends, by its signal
 * @throws what `dump` and `prove` throw
 */
export async function* provenBy(
  prove: (copy: AsyncIterable<Buffer>, signal: AbortSignal) => Promise<void>,
  dump: AsyncIterable<Buffer>,
): AsyncGenerator<Buffer> {
  const copy = new PassThrough();
  // Whoever proves and fails stops reading: that is told by its own error.
  copy.on('error', () => {});
  const stop = new AbortController();
  let failure: { readonly error: unknown } | undefined;
  const proof = prove(copy, stop.signal).catch((error: unknown) => {
    failure = { error };
    copy.destroy();
  });
  const check = () => {
    if (failure) throw failure.error;
  };
  try {
    for await (const chunk of dump) {
      check();
      yield chunk;
      if (!copy.destroyed && !copy.write(chunk)) await drained(copy);
    }
    copy.end();
    await proof;
    check();
  } finally {
    stop.abort();
    copy.destroy();
    await proof;
  }
}
