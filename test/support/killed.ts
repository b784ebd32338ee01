// The program, killed where it stands.
import { spawn } from 'node:child_process';
import type { Machine, RunOptions } from './program.ts';

/** How a run ended that was to be killed. */
export interface Killed {
  /** Whether the kill came in time. */
  readonly killed: boolean;
  readonly code: number | null;
  readonly stderr: string;
}

/** Runs the program and kills it, as `kill -9` does, after `ms`. */
export async function killedAfter(
  on: Machine,
  ms: number,
  args: readonly string[],
  options: RunOptions = {},
): Promise<Killed> {
  const [node = '', ...rest] = on.argv(args);
  const child = spawn(node, rest, {
    cwd: on.work,
    env: on.env(options.env),
    stdio: ['ignore', 'ignore', 'pipe'],
  });
  let stderr = '';
  child.stderr.on('data', (chunk: Buffer) => {
    stderr += chunk;
  });
  const timer = setTimeout(() => child.kill('SIGKILL'), ms);
  const [code, signal] = await new Promise<[number | null, NodeJS.Signals | null]>((resolve) =>
    child.on('close', (...end) => resolve(end)),
  );
  clearTimeout(timer);
  return { killed: signal === 'SIGKILL', code, stderr };
}
