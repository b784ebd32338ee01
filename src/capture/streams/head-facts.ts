// What a dump says of itself at its beginning: which server it is from. Nothing depends on it: it is for whoever has to
// install one.

/** What only the dump tells. */
export interface HeadFacts {
  database?: string;
  /** The server's version: `15.18`. */
  server?: string;
}

/** Bytes that are looked at. */
const HEAD = 1024;
const VERSION = /^\d{1,3}(?:\.\d{1,3}){0,3}(?=[^\d.])/;

/**
 * Passes a dump on, and notes what it says of itself.
 * @param versionIn finds text that begins with a version in the first bytes, which may be too few yet
 */
export async function* noteHead(
  dump: AsyncIterable<Buffer>,
  facts: HeadFacts,
  versionIn: (head: Buffer) => string | undefined,
): AsyncGenerator<Buffer> {
  let head: Buffer | undefined = Buffer.alloc(0);
  for await (const chunk of dump) {
    if (head) {
      head = Buffer.concat([head, chunk.subarray(0, HEAD)]).subarray(0, HEAD);
      const server = VERSION.exec(versionIn(head) ?? '')?.[0];
      if (server !== undefined) facts.server = server;
      if (server !== undefined || head.length === HEAD) head = undefined;
    }
    yield chunk;
  }
}

/** What follows some text of a dump. */
export function textAfter(mark: RegExp, head: Buffer): string | undefined {
  const text = head.toString('latin1');
  const found = mark.exec(text);
  return found ? text.slice(found.index + found[0].length) : undefined;
}
