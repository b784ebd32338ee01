// Small private files of this user: read, and changed as one step even between processes. 0600 in 0700.

import { randomBytes } from 'node:crypto';
import { constants, copyFile, link, mkdir, open, rename, rm, stat } from 'node:fs/promises';
import { dirname } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { ConflictError, StrongroomError } from '../errors.ts';

/** How long to wait for whom, in milliseconds. */
export interface LockTimes {
  /** A lock older than this was left by a process that was killed: no change takes that long. */
  readonly stale: number;
  readonly wait: number;
}

const TIMES: LockTimes = { stale: 10_000, wait: 15_000 };

function failed(path: string, what: string, cause: unknown): StrongroomError {
  const code = codeOf(cause) ?? 'unknown error';
  return new StrongroomError('state-unusable', `${path} cannot be ${what} (${code})`, {
    object: path,
    hint: 'check the permissions and the free space of that directory, or set XDG_STATE_HOME to another one',
    cause,
  });
}

/**
 * The file's text, or undefined when there is none.
 * @throws StrongroomError `state-unusable`, and `state-unsafe` when somebody else owns it or can write to it: what
 *   this machine trusts stands here
 */
export async function readState(path: string): Promise<string | undefined> {
  try {
    const file = await open(path, 'r');
    try {
      const stats = await file.stat();
      if (!isOurs(stats)) throw unsafe(path);
      return await file.readFile('utf8');
    } finally {
      await file.close();
    }
  } catch (error) {
    if (codeOf(error) === 'ENOENT') return undefined;
    if (error instanceof StrongroomError) throw error;
    throw failed(path, 'read', error);
  }
}

/** Whether nobody but this user, or root, can have written a file. */
export function isOurs({ uid, mode }: { readonly uid: number; readonly mode: number }): boolean {
  return (uid === 0 || uid === (process.getuid?.() ?? uid)) && (mode & 0o022) === 0;
}

function unsafe(path: string): StrongroomError {
  return new StrongroomError('state-unsafe', `${path} belongs to somebody else, or others can write to it`, {
    object: path,
    hint: 'move it away, or give it back to the user who runs this, mode 0600',
  });
}

/** Replaces the file in one rename. @throws StrongroomError `state-unusable` */
export async function writeState(path: string, text: string): Promise<void> {
  await written(path, text, (temporary) => rename(temporary, path));
}

/**
 * Makes the file, whole at once, unless it is there.
 * @returns whether it was made
 * @throws StrongroomError `state-unusable`
 */
export async function createState(path: string, text: string): Promise<boolean> {
  return await written(path, text, async (temporary) => {
    try {
      await link(temporary, path).catch((error) => {
        if (!NO_LINKS.has(codeOf(error))) throw error;
        return copyFile(temporary, path, constants.COPYFILE_EXCL);
      });
    } catch (error) {
      if (codeOf(error) === 'EEXIST') return false;
      throw error;
    }
    await syncDirectory(dirname(path));
    return true;
  });
}

/** What `link` says where a file system has no hard links. */
const NO_LINKS = new Set<unknown>(['EPERM', 'ENOTSUP', 'EOPNOTSUPP', 'ENOSYS']);

/** Writes a file beside `path` and lets `settle` give it its name. */
async function written<T>(path: string, text: string, settle: (temporary: string) => Promise<T>): Promise<T> {
  const temporary = `${path}.${randomBytes(6).toString('hex')}`;
  try {
    await mkdir(dirname(path), { recursive: true, mode: 0o700 });
    const file = await open(temporary, 'wx', 0o600);
    try {
      await file.writeFile(text);
      await file.datasync();
    } finally {
      await file.close();
    }
    return await settle(temporary);
  } catch (error) {
    throw failed(path, 'written', error);
  } finally {
    await rm(temporary, { force: true }).catch(() => {});
  }
}

async function syncDirectory(path: string): Promise<void> {
  const directory = await open(path, 'r');
  try {
    await directory.sync();
  } finally {
    await directory.close();
  }
}

/**
 * Runs `work` while no other process runs it for the same path.
 * @throws ConflictError `state-busy`; StrongroomError `state-unusable`
 */
export async function locked<T>(path: string, work: () => Promise<T>, times = TIMES): Promise<T> {
  const lock = `${path}.lock`;
  const until = Date.now() + times.wait;
  try {
    await mkdir(dirname(path), { recursive: true, mode: 0o700 });
    while (!(await make(lock))) {
      await breakStale(lock, times.stale);
      if (Date.now() > until) throw busy(path, lock);
      await sleep(20);
    }
  } catch (error) {
    throw error instanceof ConflictError ? error : failed(path, 'locked', error);
  }
  try {
    return await work();
  } finally {
    await rm(lock, { force: true });
  }
}

async function make(lock: string): Promise<boolean> {
  try {
    await (await open(lock, 'wx', 0o600)).close();
    return true;
  } catch (error) {
    if (codeOf(error) === 'EEXIST') return false;
    throw error;
  }
}

/** Removes a lock that nobody holds any more. One process does at a time: two would remove each other's new lock. */
async function breakStale(lock: string, stale: number): Promise<void> {
  if (!(await isOld(lock, stale))) return;
  const breaking = `${lock}.break`;
  if (!(await make(breaking))) {
    // Left by a process that was killed between these few lines.
    if (await isOld(breaking, stale)) await rm(breaking, { force: true });
    return;
  }
  try {
    if (await isOld(lock, stale)) await rm(lock, { force: true });
  } finally {
    await rm(breaking, { force: true });
  }
}

async function isOld(path: string, age: number): Promise<boolean> {
  const since = await stat(path).then(
    (s) => s.mtimeMs,
    () => Date.now(),
  );
  return Date.now() - since > age;
}

function busy(path: string, lock: string): ConflictError {
  return new ConflictError('state-busy', `${path} is in use by another strongroom`, {
    object: path,
    hint: `wait for it to end; if none is running, remove ${lock}`,
  });
}

function codeOf(error: unknown): unknown {
  return (error as NodeJS.ErrnoException).code;
}
