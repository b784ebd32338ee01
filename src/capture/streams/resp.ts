// One command to a server of Redis or Valkey on a socket of this machine, in their own protocol (RESP2, which they speak
// until told otherwise): redis-cli before 7.0 ends well whatever the server answers.
import { connect } from 'node:net';

/** More than this is not read, in bytes: an answer, and its lengths and signs. */
const MOST = 256 * 1024;
/** Lists in lists, at most: a server's own are not deeper. */
const DEPTH = 16;

/** Text, nothing, or a list; or what the server refuses with. */
export type Reply = string | null | readonly Reply[] | { readonly error: string };

/**
 * @param socket its path
 * @param command one line, as redis-cli takes it: `HGET "a key" field`
 * @returns undefined where the answer is too long
 * @throws what connecting throws; what `signal` is aborted with; an Error where the server hangs up
 */
export async function askRedis(
  socket: string,
  command: string,
  signal: AbortSignal,
): Promise<Reply | undefined> {
  signal.throwIfAborted();
  const connection = connect(socket);
  const stop = () => connection.destroy(signal.reason);
  signal.addEventListener('abort', stop, { once: true });
  try {
    connection.write(`${command}\r\n`);
    let bytes: Buffer = Buffer.alloc(0);
    for await (const chunk of connection) {
      bytes = Buffer.concat([bytes, chunk as Buffer]);
      const found = replyAt(bytes, 0, DEPTH);
      if (found) return found.reply;
      if (bytes.length > MOST) return undefined;
    }
    throw new Error('the server hung up');
  } finally {
    signal.removeEventListener('abort', stop);
    connection.destroy();
  }
}

/** Another protocol, which only who asked for it has to read. */
const UNKNOWN = { error: 'no answer that is known' };

/** @returns undefined where it is not all there yet */
function replyAt(bytes: Buffer, at: number, depth: number): { reply: Reply; end: number } | undefined {
  const eol = bytes.indexOf('\r\n', at);
  if (eol < 0) return undefined;
  const line = bytes.toString('utf8', at + 1, eol);
  const end = eol + 2;
  const length = Number(line);
  switch (String.fromCharCode(bytes[at] ?? 0)) {
    case '+':
    case ':':
      return { reply: line, end };
    case '-':
      return { reply: { error: line }, end };
    case '$':
      if (length < 0) return { reply: null, end };
      if (bytes.length < end + length + 2) return undefined;
      return { reply: bytes.toString('utf8', end, end + length), end: end + length + 2 };
    case '*':
      return depth > 0 ? listAt(bytes, end, { length, depth }) : { reply: UNKNOWN, end };
    default:
      return { reply: UNKNOWN, end };
  }
}

function listAt(
  bytes: Buffer,
  begin: number,
  { length, depth }: { length: number; depth: number },
): { reply: Reply; end: number } | undefined {
  if (length < 0) return { reply: null, end: begin };
  const list: Reply[] = [];
  let end = begin;
  while (list.length < length) {
    const found = replyAt(bytes, end, depth - 1);
    if (!found) return undefined;
    list.push(found.reply);
    end = found.end;
  }
  return { reply: list, end };
}
