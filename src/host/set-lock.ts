// A lock for as long as a backup of one set runs, so that a second one does not begin beside it. Held by a file in the
// state directory; one that a killed process left behind is seen for what it is.

import { createHash, randomBytes } from 'node:crypto';
import {
  closeSync,
  mkdirSync,
  openSync,
  readFileSync,
  rmSync,
  statSync,
  utimesSync,
  writeSync,
} from 'node:fs';
import { join } from 'node:path';
import { ConflictError } from '../errors.ts';
import { type Holder, lives, parseHolder, thisProcess } from './process.ts';
import { locked } from './state-file.ts';

/** How often a holder shows that it lives, and how long one may not: for those whose processes cannot be seen from here. */
const BEAT_MS = 30_000;
const DEAD_MS = 5 * 60_000;
/** Between making the file and writing to it. */
const YOUNG_MS = 10_000;

/** Who holds a lock. */
interface LockHolder extends Holder {
  readonly token: string;
}

/**
 * Runs `work` while no other process of this user backs up the set to the same place.
 *
 * @param stateDirectory absolute
 * @param set name of the set
 * @param location of the vault
 * @throws ConflictError `set-busy`, and whatever `work` throws
 */
export async function withSetLock<T>(
  stateDirectory: string,
  set: string,
  location: string,
  work: () => Promise<T>,
): Promise<T> {
  const directory = join(stateDirectory, 'locks');
  const path = join(directory, `${set}-${createHash('sha256').update(location).digest('hex').slice(0, 12)}`);
  const own: LockHolder = { ...thisProcess(), token: randomBytes(8).toString('hex') };
  try {
    mkdirSync(directory, { recursive: true, mode: 0o700 });
    if (!make(path, own)) await takeOver(path, own, set);
  } catch (error) {
    if (error instanceof ConflictError) throw error;
    // A full disk, or a state directory that is read-only: better a snapshot than a lock. What follows says so.
    return await work();
  }
  const beat = setInterval(() => touch(path), BEAT_MS);
  beat.unref();
  try {
    return await work();
  } finally {
    clearInterval(beat);
    // Not one that somebody else has taken over, from a process that slept for long.
    if (read(path)?.token === own.token) rmSync(path, { force: true });
  }
}

/** One process at a time looks and takes over: two would remove each other's new lock. */
async function takeOver(path: string, own: LockHolder, set: string): Promise<void> {
  await locked(path, async () => {
    if (!isLeft(path)) throw busy(path, set);
    rmSync(path, { force: true });
    if (!make(path, own)) throw busy(path, set);
  });
}

function make(path: string, own: LockHolder): boolean {
  let file: number;
  try {
    file = openSync(path, 'wx', 0o600);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'EEXIST') return false;
    throw error;
  }
  try {
    writeSync(file, JSON.stringify(own));
    return true;
  } finally {
    closeSync(file);
  }
}

/** Whether its holder is gone. */
function isLeft(path: string): boolean {
  const age = ageOf(path);
  if (age === undefined) return true;
  const holder = read(path);
  if (!holder) return Math.abs(age) > YOUNG_MS;
  const isLiving = lives(holder);
  // Of another container or another machine only the file is seen.
  // A time to come was set by a clock that was wrong: nobody alive would leave it there.
  return isLiving === undefined ? Math.abs(age) > DEAD_MS : !isLiving;
}

function read(path: string): LockHolder | undefined {
  try {
    return parseHolder(readFileSync(path, 'utf8'));
  } catch {
    return undefined;
  }
}

function ageOf(path: string): number | undefined {
  try {
    return Date.now() - statSync(path).mtimeMs;
  } catch {
    return undefined;
  }
}

function touch(path: string): void {
  try {
    const now = new Date();
    utimesSync(path, now, now);
  } catch {
    // It is gone, or the disk is: the work will say so where it matters.
  }
}

function busy(path: string, set: string): ConflictError {
  const pid = read(path)?.pid;
  const who = pid === undefined ? '' : `, by process ${pid}`;
  return new ConflictError('set-busy', `${set} is being backed up already${who}`, {
    object: set,
    hint: `wait for it to end; if nothing of strongroom runs here, remove ${path}`,
  });
}
