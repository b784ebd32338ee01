// Owns taking exact numbers of bytes from a stream of chunks of any size. Holds one chunk, copies only what
// spans several.

const EMPTY: Buffer = Buffer.alloc(0);

export interface ByteReader {
  /** The next `count` bytes; fewer only when the stream has ended. */
  take(count: number): Promise<Buffer>;
  /** The next 1 to `max` bytes, as they come; none only when the stream has ended. */
  some(max: number): Promise<Buffer>;
  /** Lets go of the stream, ended or not. */
  close(): Promise<void>;
}

/**
 * Reads a stream piecemeal. One call at a time; the caller closes the reader, whatever happens.
 *
 * @param source chunks that nobody changes afterwards: what is taken may share their memory
 */
export function byteReader(source: AsyncIterable<Uint8Array>): ByteReader {
  const iterator = source[Symbol.asyncIterator]();
  let chunk = EMPTY;
  let position = 0;
  let ended = false;

  async function some(max: number): Promise<Buffer> {
    while (position === chunk.length && !ended) {
      const next = await iterator.next();
      position = 0;
      if (next.done) ended = true;
      chunk = next.done
        ? EMPTY
        : Buffer.from(next.value.buffer, next.value.byteOffset, next.value.byteLength);
    }
    const start = position;
    position = Math.min(chunk.length, start + max);
    return chunk.subarray(start, position);
  }

  async function take(count: number): Promise<Buffer> {
    const first = await some(count);
    if (first.length === count || ended) return first;
    const pieces = [first];
    let missing = count - first.length;
    while (missing > 0) {
      const piece = await some(missing);
      if (piece.length === 0) break;
      pieces.push(piece);
      missing -= piece.length;
    }
    return Buffer.concat(pieces);
  }

  async function close(): Promise<void> {
    if (!ended) await iterator.return?.();
    ended = true;
  }

  return { take, some, close };
}

/** Whether every byte is zero. */
export function isZero(bytes: Buffer): boolean {
  // Each byte equals the one before it: a memcmp, about fifty times faster than a loop.
  return bytes.length === 0 || (bytes[0] === 0 && bytes.subarray(1).equals(bytes.subarray(0, -1)));
}
