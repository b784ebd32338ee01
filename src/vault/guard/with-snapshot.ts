// A guard for programs that call the library: a snapshot, then a function, and what was before when that throws.
import { StrongroomError } from '../../errors.ts';
import { beginGuard, type Guard } from '../../pack/guard/guard.ts';
import { printableName } from '../../pack/names.ts';
import { type BackupOptions, type BackupResult, backup } from '../backup/backup.ts';
import type { BackupSources } from '../backup/plan.ts';
import type { VaultContext } from '../vault.ts';
import { beforeCommand, GuardError, notPutBack } from './failure.ts';
import { guardedFiles } from './guard.ts';

export type WithSnapshotOptions = Omit<BackupOptions, 'sources'> & {
  /** Absolute; journals are kept there. Only files need one. */
  readonly stateDirectory?: string;
  /** Go on even if some of it cannot be taken; only the rest is put back then. */
  readonly allowIncomplete?: boolean;
  /** Told, in one line safe to show, of what could not be put back as it was. */
  readonly onWarning?: (message: string) => void;
};

/**
 * Takes a snapshot, tagged `guard`, and runs a function. When that throws, the files are put back as they were, or the
 * values are given back to the object that held them, and the error is thrown on.
 *
 * @param sources files of this machine, or values: then the object itself gets them back, as they were
 * @returns what the function returns
 * @throws GuardError `exitCode` 125 when it failed before the function ran, 126 when the files could not be put back
 *   (`cause` is why; what the function threw is its `cause`, unless that has one); whatever the function throws
 */
export async function withSnapshot<T>(
  context: VaultContext,
  options: WithSnapshotOptions,
  sources: BackupSources,
  fn: (snapshot: BackupResult) => Promise<T> | T,
): Promise<T> {
  const { stateDirectory, allowIncomplete = false, onWarning, tags, ...rest } = options;
  const asBackup: BackupOptions = { ...rest, sources, tags: { ...tags, guard: 'true' } };
  if ('memory' in sources) {
    const { memory } = sources;
    const before = await beforehand(async () => copyOf(memory));
    const made = await beforehand(() => whole(context, asBackup, allowIncomplete));
    return await withValues(memory, before, () => fn(made));
  }
  let guard: Guard | undefined;
  const made = await beforehand(async () => {
    if (stateDirectory === undefined) {
      throw new StrongroomError('no-state-directory', 'withSnapshot of files needs a stateDirectory');
    }
    const { now, signal } = context;
    const call = { ...(signal ? { signal } : {}), ...(onWarning ? { onWarning } : {}) };
    guard = await beginGuard([sources.root], { stateDirectory, now, ...call });
    const snapshot = await whole(context, asBackup, allowIncomplete);
    const { env } = options;
    const files = await guardedFiles(options.set, sources, now(), {
      ...(signal ? { signal } : {}),
      ...(env ? { env } : {}),
    });
    const missed = [...(await guard.take([files])).values()].flat().find(({ incomplete }) => incomplete);
    if (missed !== undefined && !allowIncomplete)
      throw incomplete(options.set, `${printableName(missed.path)} ${missed.reason}`);
    return snapshot;
  }).catch((error: unknown) => {
    guard?.release();
    throw error;
  });
  return await withFiles(guard!, made, onWarning, () => fn(made));
}

/** What is wrong before anything ran is said with exit code 125. */
async function beforehand<T>(act: () => Promise<T>): Promise<T> {
  try {
    return await act();
  } catch (error) {
    const isNew = error instanceof StrongroomError && !(error instanceof GuardError);
    throw isNew && error.exitCode !== 130 ? beforeCommand(error) : error;
  }
}

async function whole(
  context: VaultContext,
  options: BackupOptions,
  allowIncomplete: boolean,
): Promise<BackupResult> {
  const made = await backup(context, options);
  if (made.complete || allowIncomplete) return made;
  const missed = made.problems.find((problem) => problem.incomplete);
  throw incomplete(options.set, missed === undefined ? '' : `${printableName(missed.path)} ${missed.reason}`);
}

function incomplete(set: string, why: string): StrongroomError {
  return new StrongroomError('incomplete', `the set ${set} cannot be guarded as a whole: ${why}`, {
    object: set,
    hint: 'the function was not run',
  });
}

async function withFiles<T>(
  guard: Guard,
  made: BackupResult,
  onWarning: ((message: string) => void) | undefined,
  act: () => Promise<T> | T,
): Promise<T> {
  let result: T;
  try {
    result = await act();
  } catch (error) {
    try {
      for (const { warnings } of await guard.undo()) for (const message of warnings) onWarning?.(message);
    } catch (cause) {
      if (cause instanceof Error) cause.cause ??= error;
      throw notPutBack(cause, guard.copies.map(printableName), [made.snapshot]);
    }
    throw error;
  }
  guard.keep();
  return result;
}

async function withValues<T>(
  values: Readonly<Record<string, unknown>>,
  before: unknown,
  act: () => Promise<T> | T,
): Promise<T> {
  try {
    return await act();
  } catch (error) {
    giveBack(values, before);
    throw error;
  }
}

function copyOf(values: Readonly<Record<string, unknown>>): unknown {
  try {
    return structuredClone(values);
  } catch {
    // What the engine says of it may hold a value.
    throw new StrongroomError('not-plain', 'the values cannot be copied, so they could not be given back', {
      hint: 'pass plain data, without functions',
    });
  }
}

/** Gives an object back what it held, in the objects below it where they are still there: others may hold those. */
function giveBack(now: unknown, before: unknown): unknown {
  if (now instanceof Uint8Array && before instanceof Uint8Array && now.length === before.length) {
    now.set(before);
    return now;
  }
  if (!isTree(now) || !isTree(before) || Array.isArray(now) !== Array.isArray(before)) return before;
  for (const key of Object.keys(now)) if (!Object.hasOwn(before, key)) delete now[key];
  if (Array.isArray(now) && Array.isArray(before)) now.length = before.length;
  for (const [key, value] of Object.entries(before)) now[key] = giveBack(now[key], value);
  return now;
}

function isTree(value: unknown): value is Record<string, unknown> {
  if (typeof value !== 'object' || value === null) return false;
  const prototype: unknown = Object.getPrototypeOf(value);
  return Array.isArray(value) || prototype === Object.prototype || prototype === null;
}
