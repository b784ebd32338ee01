// A conversation with a database's own shell: SQL in, lines out, until it is ended. What is asked is the adapter's.
import { randomBytes } from 'node:crypto';
import { StreamError } from '../stream.ts';
import { runTool, type ToolOptions } from './tool.ts';

export interface Session {
  /**
   * @param sql statements, each with its semicolon, or commands of the shell
   * @returns the lines that it printed
   * @throws as `runTool`: a shell that fails is gone
   */
  ask(...sql: string[]): Promise<string[]>;
  /** Lets the shell end, and with it whatever it holds. @throws as `runTool` */
  close(): Promise<void>;
  /** Ends it, be it well or not. Never fails. */
  stop(): Promise<void>;
}

/**
 * @param program a shell that stops at the first error, and prints what it has to say before it reads on
 * @param args no secret
 * @param line how a statement is written to it: as it is, unless given
 */
export function openSession(
  program: string,
  args: readonly string[],
  options: Omit<ToolOptions, 'stdin'>,
  line = (sql: string): string => sql,
): Session {
  const asked = mailbox();
  const printed = linesOf(runTool(program, args, { ...options, stdin: asked.mail }));
  // A shell that ended well by itself is still listened for.
  AbortSignal.timeout(options.timeout).addEventListener('abort', () => asked.end());
  options.signal?.addEventListener('abort', () => asked.end(), { once: true });
  const mark = `-- ${randomBytes(12).toString('hex')}`;
  return {
    async ask(...sql) {
      asked.put(`${[...sql, `SELECT '${mark}';`].map(line).join('\n')}\n`);
      const answer: string[] = [];
      for (;;) {
        const { value, done } = await printed.next();
        if (done) throw new StreamError('stream-failed', `stream ${options.name}: ${program} ended too soon`);
        if (value === mark) return answer;
        answer.push(value);
      }
    },
    async close() {
      asked.end();
      while (!(await printed.next()).done);
    },
    async stop() {
      asked.end();
      await printed.return(undefined).catch(() => {});
    },
  };
}

async function* linesOf(chunks: AsyncIterable<Buffer>): AsyncGenerator<string, undefined> {
  const decoder = new TextDecoder();
  let rest = '';
  for await (const chunk of chunks) {
    const lines = (rest + decoder.decode(chunk, { stream: true })).split('\n');
    rest = lines.pop() ?? '';
    yield* lines;
  }
  if (rest !== '') yield rest;
}

/** What is put into it comes out as soon as it is read. */
function mailbox(): { mail: AsyncGenerator<Buffer>; put(text: string): void; end(): void } {
  const waiting: Buffer[] = [];
  let isOver = false;
  let wake = () => {};
  async function* mail(): AsyncGenerator<Buffer> {
    for (;;) {
      const next = waiting.shift();
      if (next) yield next;
      else if (isOver) return;
      else await new Promise<void>((resolve) => (wake = resolve));
    }
  }
  return {
    mail: mail(),
    put(text) {
      waiting.push(Buffer.from(text));
      wake();
    },
    end() {
      isOver = true;
      wake();
    },
  };
}
