// Runs other people's programs: one in the foreground, with the terminal's own streams, and short ones that are ended
// when they take too long. Knows nothing of what they are for.

import { type ChildProcess, spawn } from 'node:child_process';
import { closeSync, constants, openSync } from 'node:fs';
import { constants as system } from 'node:os';
import { type StrongroomError, UsageError } from '../errors.ts';

export interface Surroundings {
  readonly cwd: string;
  /** Without any secret of ours. */
  readonly env: Readonly<Record<string, string | undefined>>;
  /** What we were started with: what the program makes is its own affair. */
  readonly umask: number | undefined;
}

/** How a program ended: its exit code, or 128 and the number of the signal that ended it, as shells count. */
export type Status = number;

/** Signals that end us are held for as long as there is something to clean up, and passed on. */
export interface HeldSignals {
  /** The first one that came. */
  readonly first: NodeJS.Signals | undefined;
  /** Passes on what comes, from now on. @param onFirst told of the first one, before anything else is done */
  passTo(child: ChildProcess, onFirst: () => void): void;
  /** Calls this at the first one that comes, or at once where one has. */
  onFirst(act: () => void): void;
  release(): void;
}

const HELD = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const;
/** What a program that was asked to end may take for it. */
const GRACE_MS = 10_000;

export function holdSignals(): HeldSignals {
  let first: NodeJS.Signals | undefined;
  let child: ChildProcess | undefined;
  const acts: (() => void)[] = [];
  let timer: NodeJS.Timeout | undefined;
  const come = (signal: NodeJS.Signals): void => {
    const isFirst = first === undefined;
    first ??= signal;
    if (isFirst) for (const act of acts) act();
    if (child === undefined) return;
    // Ctrl-C goes to all that runs in the foreground of a terminal. Twice means to some: at once.
    if (signal !== 'SIGINT' || !hasTerminal()) child.kill(signal);
    timer ??= setTimeout(() => child?.kill('SIGKILL'), GRACE_MS);
  };
  for (const signal of HELD) process.on(signal, come);
  return {
    get first() {
      return first;
    },
    passTo(to, onFirst) {
      child = to;
      this.onFirst(onFirst);
      to.once('exit', () => {
        clearTimeout(timer);
        child = undefined;
      });
      if (first !== undefined) to.kill(first);
    },
    onFirst(act) {
      if (first === undefined) acts.push(act);
      else act();
    },
    release() {
      clearTimeout(timer);
      for (const signal of HELD) process.off(signal, come);
    },
  };
}

function hasTerminal(): boolean {
  try {
    closeSync(openSync('/dev/tty', constants.O_RDWR | constants.O_NOCTTY));
    return true;
  } catch {
    return false;
  }
}

/**
 * Runs a program with our own stdin, stdout and stderr, in our own process group, as a shell would.
 *
 * @param argv the program and its arguments; no shell is asked
 * @param onStart told its process id, as soon as there is one
 * @param onSignal told when a signal has come that is to end it
 * @throws UsageError `no-such-command` when it was not started: nothing has happened then
 */
export async function runInForeground(
  argv: readonly string[],
  surroundings: Surroundings,
  held: HeldSignals,
  { onStart, onSignal }: { readonly onStart: (pid: number) => void; readonly onSignal: () => void },
): Promise<Status> {
  const [program = '', ...args] = argv;
  const child = started(program, args, surroundings, { stdio: 'inherit' });
  if (child.pid !== undefined) {
    held.passTo(child, onSignal);
    onStart(child.pid);
  }
  return await ended(child, program);
}

/**
 * Runs a program that is to end soon, in a process group of its own. What it prints goes to our stderr.
 *
 * @param argv the program and its arguments; no shell is asked
 * @param limitMs after which it is killed, with all that it has started
 * @returns undefined when it was killed for that, or because the signal fired
 * @throws UsageError `no-such-command` when it was not started
 */
export async function runBriefly(
  argv: readonly string[],
  surroundings: Surroundings,
  limitMs: number,
  signal?: AbortSignal,
): Promise<Status | undefined> {
  const [program = '', ...args] = argv;
  const child = started(program, args, surroundings, { stdio: ['ignore', 2, 2], detached: true });
  let isKilled = false;
  const kill = (): void => {
    isKilled = true;
    try {
      if (child.pid !== undefined) process.kill(-child.pid, 'SIGKILL');
    } catch {
      // It has ended already.
    }
  };
  const timer = setTimeout(kill, limitMs);
  signal?.addEventListener('abort', kill, { once: true });
  if (signal?.aborted) kill();
  try {
    const status = await ended(child, program);
    return isKilled ? undefined : status;
  } finally {
    clearTimeout(timer);
    signal?.removeEventListener('abort', kill);
  }
}

function started(
  program: string,
  args: readonly string[],
  { cwd, env, umask }: Surroundings,
  how: { readonly stdio: 'inherit' | readonly ('ignore' | number)[]; readonly detached?: boolean },
): ChildProcess {
  // It is there, with this umask, when spawn comes back.
  const own = umask === undefined ? undefined : process.umask(umask);
  try {
    const { stdio, detached = false } = how;
    return spawn(program, [...args], { cwd, env: { ...env }, detached, stdio: stdio as 'inherit' });
  } catch (error) {
    throw notStarted(program, error);
  } finally {
    if (own !== undefined) process.umask(own);
  }
}

function ended(child: ChildProcess, program: string): Promise<Status> {
  return new Promise((resolve, reject) => {
    // Later ones are of signals that could not be sent any more.
    child.on('error', (error) => {
      if (child.pid === undefined) reject(notStarted(program, error));
    });
    child.once('exit', (code, signal) => resolve(code ?? 128 + (system.signals[signal!] ?? 0)));
  });
}

function notStarted(program: string, cause: unknown): StrongroomError {
  const code = (cause as NodeJS.ErrnoException).code;
  const why = code === 'ENOENT' ? 'there is no such program' : `it cannot be run (${code ?? 'unknown'})`;
  return new UsageError('no-such-command', `the command was not started: ${why}`, {
    object: program,
    hint: 'give the program and its arguments after `--`; for a line of shell: -- sh -c "…"',
    cause,
  });
}
