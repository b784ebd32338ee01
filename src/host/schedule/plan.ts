// What is to be scheduled, before it is said in the words of any scheduler. Plain data, without a secret: of those it
// holds the names of files.

import { UsageError } from '../../errors.ts';
import type { Calendar, Every } from './every.ts';
import { lateBy, later } from './spread.ts';

export interface Plan {
  /** Of `[a-z0-9][a-z0-9_-]*`: cron reads no file with a dot in its name. */
  readonly name: string;
  /** What it does, for people: `backup of app`. */
  readonly title: string;
  readonly every: Every;
  /** As it was typed. */
  readonly everyText: string;
  /** Minutes that a run may be late by, so that many machines do not come at once. */
  readonly jitter: number;
  readonly scope: Scope;
  /** The command lines, one after the other, each only when the one before it ended well; without the program. */
  readonly runs: readonly Run[];
  /** Absolute: Node, and the program. */
  readonly program: readonly string[];
  readonly config: string | undefined;
  readonly host: string;
  /** Without a secret. */
  readonly env: Readonly<Record<string, string>>;
  readonly credentials: readonly Credential[];
  readonly needs: Needs;
}

export type Scope = 'system' | 'user';

export interface Run {
  readonly command: string;
  readonly args: readonly string[];
}

/** A file with a secret, which only the scheduled program is to read. */
export interface Credential {
  /** `signing-key`. */
  readonly name: string;
  /** The variable that names it. */
  readonly variable: string;
  /** Absolute. */
  readonly path: string;
}

/** What the command must be left to do, so that the rest can be taken from it. */
export interface Needs {
  /** Absolute paths that it writes below, but for the state and the cache. */
  readonly writes: readonly string[];
  readonly state: string;
  readonly cache: string;
  /** What it reads: absolute. */
  readonly reads: readonly string[];
  readonly network: boolean;
  /** Programs that are not ours run too: `dumps` talk to databases, and `any` may do whatever it likes. */
  readonly others: 'none' | 'dumps' | 'any';
}

/** A file of a scheduler's. */
export interface Written {
  /** Where it belongs. */
  readonly path: string;
  readonly text: string;
}

/** Whether it opens the vault, which nothing else that is scheduled needs to; it signs as no host. */
export function isDrill({ runs }: Plan): boolean {
  return runs.some(needsOpening);
}

/** Whether a host's signing key is used. */
export function needsSigning({ command }: Run): boolean {
  return command === 'backup' || command === 'prune';
}

/** Whether it fails without what opens the vault. */
export function needsOpening({ command }: Run): boolean {
  return command === 'drill';
}

/** Everything that runs, word by word. */
export function argvOf({ program }: Plan, { command, args }: Run): string[] {
  return [...program, command, ...args];
}

/**
 * The times with this machine's own lateness in them.
 * @param who the scheduler, for the message
 * @throws UsageError `cannot-be-said` for an interval that does not come out even in days
 */
export function clockTimes({ every, everyText, jitter, host, name }: Plan, who: string): Calendar {
  if (every.kind === 'interval') {
    throw new UsageError('cannot-be-said', `${who} cannot run anything every ${everyText}`, {
      object: '--every',
      hint: 'give a time that comes out even: 15m, 20m, 30m, 1h, 2h, 3h, 4h, 6h, 8h, 12h, 1d, 7d, or times of the day',
    });
  }
  return jitter === 0 ? every : later(every, lateBy(`${host}/${name}`, jitter));
}

/**
 * Refuses what no scheduler's file can hold for certain.
 * @throws UsageError `odd-path`
 */
export function checkWords(plan: Plan): void {
  const words = [
    ...plan.runs.flatMap((run) => argvOf(plan, run)),
    ...Object.values(plan.env),
    ...plan.credentials.map(({ path }) => path),
    ...plan.needs.writes,
    ...plan.needs.reads,
    plan.needs.state,
    plan.needs.cache,
  ];
  const odd = words.find((word) => /[\u0000-\u001f\u007f\ufffd]/.test(word));
  if (odd !== undefined) throw oddPath(odd, 'a control character');
}

/** @param what is odd about it */
export function oddPath(path: string, what: string): UsageError {
  return new UsageError('odd-path', `${JSON.stringify(path)} holds ${what}, which cannot be scheduled`, {
    object: path,
    hint: 'give it another name, or a symbolic link with one',
  });
}
