// A program of the person's own, with the message as JSON on its standard input. No shell comes between.

import { fieldsOf, type Message } from './message.ts';
import { errorName, NotSent } from './not-sent.ts';

export interface Program {
  readonly kind: 'command';
  readonly run: readonly string[];
  /** Absolute directory. */
  readonly cwd: string;
  /** Its whole environment. */
  readonly env: Readonly<Record<string, string | undefined>>;
}

export async function runProgram(
  { run, cwd, env }: Program,
  message: Message,
  signal: AbortSignal,
): Promise<void> {
  const { spawn } = await import('node:child_process');
  const [file = '', ...args] = run;
  // What it prints is nobody's: it may hold the URL that it calls, and our own output is an interface. In a process
  // group of its own, so that all that it starts ends with it.
  const child = spawn(file, args, { cwd, env, stdio: ['pipe', 'ignore', 'ignore'], detached: true });
  const stop = (): void => {
    try {
      if (child.pid !== undefined) process.kill(-child.pid, 'SIGKILL');
    } catch {
      // It has ended already.
    }
  };
  signal.addEventListener('abort', stop, { once: true });
  try {
    await new Promise<void>((resolve, reject) => {
      child.once('error', (error) => {
        reject(new NotSent(`it was not started (${errorName(error) ?? 'unknown'})`, false, error));
      });
      child.once('exit', (code, killer) => {
        if (code === 0) resolve();
        else
          reject(new NotSent(killer ? `it was ended by ${killer}` : `it ended with exit code ${code}`, true));
      });
      // It need not read it.
      child.stdin.on('error', () => {});
      child.stdin.end(`${JSON.stringify(fieldsOf(message))}\n`);
      if (signal.aborted) stop();
    });
  } finally {
    signal.removeEventListener('abort', stop);
  }
}
