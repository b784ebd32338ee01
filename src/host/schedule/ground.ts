// What installing stands on: the files and programs of this machine that schedulers have. The only place that starts them.

import { spawnSync } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { chmodSync, mkdirSync, readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';
import { StrongroomError } from '../../errors.ts';
import type { Plan, Scope } from './plan.ts';
import type { Mark } from './seal.ts';

export interface Ground {
  /** Without a secret. */
  readonly env: Readonly<Record<string, string | undefined>>;
  /** Absolute. */
  readonly home: string;
  readonly uid: number;
}

export const FORMATS = ['systemd', 'cron', 'launchd'] as const;
export type Format = (typeof FORMATS)[number];

/** A schedule of ours that stands on this machine. */
export interface Installed {
  readonly format: Format;
  readonly scope: Scope;
  readonly mark: Mark;
  /** Somebody has changed it since. */
  readonly isChanged: boolean;
  /** None of its files is missing: else it does not run. */
  readonly isWhole: boolean;
  /** Files, or `crontab`. */
  readonly places: readonly string[];
}

/** A text as it will stand, and whether it stands there so already. */
export interface Change {
  readonly path: string;
  readonly text: string;
  readonly isThere: boolean;
}

/** One kind of scheduler on this machine. */
export interface Scheduler {
  readonly format: Format;
  /** Whether it can be used here. */
  isHere(scope: Scope): boolean;
  /** Schedules of ours. @throws ConflictError `crontab-broken`; StrongroomError `scheduler-failed` */
  installed(scope: Scope): Installed[];
  /** What installing would write. @throws ConflictError `not-ours` for a file of somebody else's in its place */
  changes(plan: Plan): Change[];
  /** Writes it and has it begin. @returns whether anything was changed @throws StrongroomError `scheduler-failed` */
  install(plan: Plan): boolean;
  /** Why what is installed may never run; undefined where nothing speaks for that. */
  doubt?(): string | undefined;
  /** Ends it, and removes what we wrote. */
  remove(installed: Installed): void;
}

export interface ToolRun {
  /** 127 where there is no such program. */
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

const LIMIT_MS = 60_000;

/** @param encoding of what goes in and comes out; `latin1` for bytes as they are */
export function runTool(
  ground: Ground,
  program: string,
  args: readonly string[],
  input = '',
  encoding: 'utf8' | 'latin1' = 'utf8',
): ToolRun {
  const { error, status, stdout, stderr } = spawnSync(program, [...args], {
    env: { ...ground.env, LC_ALL: 'C' },
    input: Buffer.from(input, encoding),
    encoding,
    timeout: LIMIT_MS,
    maxBuffer: 16 * 2 ** 20,
  });
  if (error && (error as NodeJS.ErrnoException).code === 'ENOENT')
    return { code: 127, stdout: '', stderr: '' };
  return { code: status ?? 1, stdout: stdout ?? '', stderr: stderr ?? '' };
}

/** @throws StrongroomError `scheduler-failed` unless the program ends well */
export function mustRun(...[ground, program, args, ...io]: Parameters<typeof runTool>): string {
  const { code, stdout, stderr } = runTool(ground, program, args, ...io);
  if (code === 0) return stdout;
  const said = stderr.trim().split('\n')[0] ?? '';
  throw new StrongroomError('scheduler-failed', `\`${[program, ...args].join(' ')}\` failed (exit ${code})`, {
    object: program,
    hint: said === '' ? 'run it by hand to see why' : `it said: ${said}`,
  });
}

export function readText(path: string): string | undefined {
  try {
    return readFileSync(path, 'utf8');
  } catch (error) {
    if (['ENOENT', 'ENOTDIR'].includes((error as NodeJS.ErrnoException).code ?? '')) return undefined;
    throw unusable(path, 'read', error);
  }
}

/** Replaces a file in one rename. Others may read it, as the scheduler does: it holds no secret. */
export function writeText(path: string, text: string): void {
  const temporary = `${path}.${randomBytes(6).toString('hex')}`;
  try {
    mkdirSync(dirname(path), { recursive: true });
    writeFileSync(temporary, text, { flag: 'wx', flush: true });
    // Whatever the umask.
    chmodSync(temporary, 0o644);
    renameSync(temporary, path);
  } catch (error) {
    rmSync(temporary, { force: true });
    throw unusable(path, 'written', error);
  }
}

export function removeFile(path: string): void {
  try {
    rmSync(path, { force: true });
  } catch (error) {
    throw unusable(path, 'removed', error);
  }
}

/** Names in a directory; none where there is no such directory. */
export function namesIn(directory: string): string[] {
  try {
    return readdirSync(directory).sort();
  } catch {
    return [];
  }
}

function unusable(path: string, what: string, cause: unknown): StrongroomError {
  const code = (cause as NodeJS.ErrnoException).code ?? 'unknown error';
  return new StrongroomError('schedule-unusable', `${path} cannot be ${what} (${code})`, {
    object: path,
    hint: 'schedules of the system need root; those of a user do not: --user',
    cause,
  });
}
