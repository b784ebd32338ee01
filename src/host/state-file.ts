// Small private files of this user: read, and changed as one step even between processes. 0600 in 0700.
import { mkdir, open, readFile, rename, rm, stat } from 'node:fs/promises';
import { dirname } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { randomBytes } from 'node:crypto';
import { ConflictError, StrongroomError } from '../errors.ts';

/** A lock older than this was left by a process that was killed: no change takes that long. */
const STALE_MS = 10_000;
const WAIT_MS = 15_000;

function failed(path: string, what: string, cause: unknown): StrongroomError {
  const code = (cause as NodeJS.ErrnoException).code ?? 'unknown error';
  return new StrongroomError('state-unusable', `${path} cannot be ${what} (${code})`, {
    object: path,
    hint: 'check the permissions and the free space of that directory, or set XDG_STATE_HOME to another one',
    cause,
  });
}

/** The file's text, or undefined when there is none. @throws StrongroomError `state-unusable` */
export async function readState(path: string): Promise<string | undefined> {
  try {
    return await readFile(path, 'utf8');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw failed(path, 'read', error);
  }
}

/** Replaces the file in one rename. @throws StrongroomError `state-unusable` */
export async function writeState(path: string, text: string): Promise<void> {
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
    await rename(temporary, path);
  } catch (error) {
    await rm(temporary, { force: true }).catch(() => {});
    throw failed(path, 'written', error);
  }
}

/**
 * Runs `work` while no other process runs it for the same path.
 * @throws ConflictError `state-busy`; StrongroomError `state-unusable`
 */
export async function locked<T>(path: string, work: () => Promise<T>): Promise<T> {
  const lock = `${path}.lock`;
  const until = Date.now() + WAIT_MS;
  await mkdir(dirname(path), { recursive: true, mode: 0o700 }).catch((error) => {
    throw failed(path, 'written', error);
  });
  for (;;) {
    try {
      await (await open(lock, 'wx', 0o600)).close();
      break;
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw failed(lock, 'written', error);
      const age = Date.now() - (await stat(lock).then((s) => s.mtimeMs, () => Date.now()));
      if (age > STALE_MS) await rm(lock, { force: true });
      else if (Date.now() > until) {
        throw new ConflictError('state-busy', `${path} is in use by another strongroom`, {
          object: path,
          hint: `wait for it to end; if none is running, remove ${lock}`,
        });
      } else await sleep(20);
    }
  }
  try {
    return await work();
  } finally {
    await rm(lock, { force: true });
  }
}
