// A plain dump as psql may read it: as SQL alone. Commands of psql's own, such as `\!`, would run as whoever loads it,
// and anybody who could write to the database or to the dump may have put one there (CVE-2025-8714).
import { randomBytes } from 'node:crypto';
import { peek } from './peek.ts';
import { type ToolOptions, toolText } from './tool.ts';

/** Bytes at either end that a key of the dump's own is looked for in. */
const EDGE = 512;
/** What pg_dump begins with since August 2025: comments, and a key of its own. */
const FIRST = /^((?:(?:--[^\n]*)?\n)*)\\restrict ([A-Za-z\d]{1,255})\n/;
/** What it ends with then. */
const LAST = /^\\unrestrict ([A-Za-z\d]{1,255})(?=\s*$(?![\s\S]))/m;

/** Whether psql has a mode in which it runs no command of its own. No server is asked. @throws as `toolText` */
export async function canRestrict(run: ToolOptions): Promise<boolean> {
  return /^\s*\\restrict /m.test(await toolText('psql', ['--help=commands'], run));
}

/**
 * The dump after a key that nobody can know: psql leaves its restricted mode by that alone. The key that the dump itself
 * may have is left out, as it would be such a command.
 * @throws what reading the dump throws
 */
export async function* restricted(dump: AsyncIterable<Buffer>): AsyncGenerator<Buffer> {
  yield Buffer.from(`\\restrict ${randomBytes(32).toString('hex')}\n`);
  const { head, whole, close } = await peek(dump, EDGE);
  try {
    const [line = '', before = '', key] = FIRST.exec(head.subarray(0, EDGE).toString('latin1')) ?? [];
    if (key === undefined) return yield* whole;
    yield head.subarray(0, before.length);
    yield* withoutLast(key, skip(line.length, whole));
  } finally {
    await close();
  }
}

async function* skip(bytes: number, chunks: AsyncIterable<Buffer>): AsyncGenerator<Buffer> {
  let left = bytes;
  for await (const chunk of chunks) {
    yield chunk.subarray(left);
    left = Math.max(0, left - chunk.length);
  }
}

async function* withoutLast(key: string, chunks: AsyncIterable<Buffer>): AsyncGenerator<Buffer> {
  let held: Buffer = Buffer.alloc(0);
  for await (const chunk of chunks) {
    held = Buffer.concat([held, chunk]);
    if (held.length <= EDGE) continue;
    yield held.subarray(0, -EDGE);
    held = held.subarray(-EDGE);
  }
  const end = held.toString('latin1');
  yield Buffer.from(
    end.replace(LAST, (line, of: string) => (of === key ? '' : line)),
    'latin1',
  );
}
