// A look at the beginning of a dump that is still to be read whole.

export interface Peeked {
  /** As many bytes as were asked for, or more; fewer where there are no more. */
  readonly head: Buffer;
  /** All of it, the beginning too. */
  readonly whole: AsyncGenerator<Buffer>;
  /** Lets go of it, read or not. */
  close(): Promise<void>;
}

export async function peek(dump: AsyncIterable<Buffer>, bytes: number): Promise<Peeked> {
  const iterator = dump[Symbol.asyncIterator]();
  let head: Buffer = Buffer.alloc(0);
  while (head.length < bytes) {
    const next = await iterator.next();
    if (next.done) break;
    head = Buffer.concat([head, next.value]);
  }
  async function* all(): AsyncGenerator<Buffer> {
    if (head.length > 0) yield head;
    for (let next = await iterator.next(); !next.done; next = await iterator.next()) yield next.value;
  }
  return {
    head,
    whole: all(),
    async close() {
      await iterator.return?.();
    },
  };
}
