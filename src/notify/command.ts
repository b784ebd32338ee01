// A program of the person's own, with the message as JSON on its standard input. No shell comes between.

import { readFileSync } from 'node:fs';
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
  // group of its own, so that what it starts ends with it.
  const child = spawn(file, args, { cwd, env, stdio: ['pipe', 'ignore', 'ignore'], detached: true });
  const stop = (): void => {
    if (child.pid === undefined) return;
    // Before it ends: nobody says any more then what it has started.
    for (const pid of [-child.pid, ...below(child.pid)]) kill(pid);
  };
  signal.addEventListener('abort', stop, { once: true });
  try {
    await new Promise<void>((resolve, reject) => {
      child.once('error', (error) => {
        reject(new NotSent(`it was not started (${errorName(error) ?? 'unknown'})`, false, error));
      });
      child.once('exit', (code, killer) => {
        // One that waited for what was ended with it may end well at that very moment.
        if (code === 0 && !signal.aborted) resolve();
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

/** What a process has started, in groups of their own too, where Linux tells. What gave its parent up is not found. */
function below(pid: number): number[] {
  try {
    const children = readFileSync(`/proc/${pid}/task/${pid}/children`, 'latin1').split(' ').filter(Boolean);
    return children.map(Number).flatMap((child) => [child, ...below(child)]);
  } catch {
    return [];
  }
}

function kill(pid: number): void {
  try {
    process.kill(pid, 'SIGKILL');
  } catch {
    // It has ended already.
  }
}
