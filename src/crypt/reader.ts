// Pulls exact amounts out of a byte stream whose chunks may have any size. It holds no more than was asked for
// and the chunk it came in.

/** A byte stream, read by the piece. */
export interface Reader {
  /** The next `size` bytes; fewer only at the end of the stream. */
  take(size: number): Promise<Buffer>;
  /** The next line with its line feed; undefined when none ends within `limit` bytes. */
  line(limit: number): Promise<Buffer | undefined>;
  /** Whether every byte has been taken. */
  ended(): Promise<boolean>;
  /** Tells the source that no more is wanted, so that it can release what it holds. */
  close(): Promise<void>;
}

const LINE_FEED = 0x0a;

/**
 * Reads a byte stream by the piece.
 *
 * @param source the bytes; its chunks are handed on without copying, so nobody may write to them again
 */
export function readerOf(source: AsyncIterable<Uint8Array>): Reader {
  const iterator = source[Symbol.asyncIterator]();
  let queue: Buffer[] = [];
  let queued = 0;
  let finished = false;

  async function fill(size: number): Promise<void> {
    while (queued < size && !finished) {
      // A source that throws is finished; it must not be asked to close as well.
      finished = true;
      const next = await iterator.next();
      if (next.done) return;
      finished = false;
      const { buffer, byteOffset, byteLength } = next.value;
      if (byteLength === 0) continue;
      queue.push(Buffer.from(buffer, byteOffset, byteLength));
      queued += byteLength;
    }
  }

  function shift(size: number): Buffer {
    const first = queue[0];
    if (first === undefined) return Buffer.alloc(0);
    queued -= size;
    if (first.length > size) {
      queue[0] = first.subarray(size);
      return first.subarray(0, size);
    }
    let count = 0;
    let length = 0;
    while (length < size) length += queue[count++]!.length;
    const pieces = queue.splice(0, count);
    const excess = length - size;
    if (excess > 0) {
      const last = pieces[count - 1]!;
      queue.unshift(last.subarray(last.length - excess));
    }
    return pieces.length === 1 ? pieces[0]! : Buffer.concat(pieces, size);
  }

  return {
    async take(size) {
      if (queued < size) await fill(size);
      return shift(Math.min(size, queued));
    },
    async line(limit) {
      let offset = 0;
      for (let index = 0; offset < limit; index++) {
        if (index === queue.length) await fill(queued + 1);
        const piece = queue[index];
        if (piece === undefined) return undefined;
        const at = piece.subarray(0, limit - offset).indexOf(LINE_FEED);
        if (at >= 0) return shift(offset + at + 1);
        offset += piece.length;
      }
      return undefined;
    },
    async ended() {
      if (queued === 0) await fill(1);
      return queued === 0;
    },
    async close() {
      queue = [];
      queued = 0;
      if (finished) return;
      finished = true;
      await iterator.return?.();
    },
  };
}
