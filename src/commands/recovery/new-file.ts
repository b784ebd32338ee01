// Files that hold a secret, made anew: 0600 from the first byte, never over what is there, and on the disk before
// anything is said of them.
import { access, constants, lstat, mkdir, open, rm } from 'node:fs/promises';
import { dirname } from 'node:path';
import { ConflictError, StrongroomError } from '../../errors.ts';

const otherName = (what: 'file' | 'directory') => `name another ${what} with --output, or remove that one`;

/**
 * Writes a file that is not there yet; when that fails, it is not there afterwards.
 * @param path absolute
 * @param hint what to do when something has that name
 * @throws ConflictError `file-exists`; StrongroomError `file-not-written`
 */
export async function writeNewFile(path: string, text: string, hint = otherName('file')): Promise<void> {
  const file = await open(path, 'wx', 0o600).catch((error: unknown) => {
    throw failure(error, path, hint);
  });
  try {
    await file.writeFile(text);
    await file.sync();
    await file.close();
  } catch (error) {
    await file.close().catch(() => {});
    await rm(path, { force: true });
    throw failure(error, path);
  }
}

/**
 * Says early what `writeNewFile` and `newDirectory` will refuse.
 * @param what it is to be
 * @param hint what to do when something has that name
 * @throws ConflictError `file-exists`; StrongroomError `file-not-written`
 */
export async function refuseExisting(
  path: string,
  what: 'file' | 'directory' = 'file',
  hint = otherName(what),
): Promise<void> {
  const isThere = await lstat(path).then(
    () => true,
    () => false,
  );
  if (isThere) throw failure({ code: 'EEXIST' }, path, hint);
  await access(dirname(path), constants.W_OK).catch((error: unknown) => {
    throw failure(error, path);
  });
}

/**
 * What is written twice: as Markdown and as a page.
 * @param prefix absolute; one that ends like either of them means the same
 */
export function pagePaths(prefix: string): { readonly markdown: string; readonly page: string } {
  const stem = prefix.replace(/(?<=[^/])\.(?:md|html)$/, '');
  return { markdown: `${stem}.md`, page: `${stem}.html` };
}

/**
 * A directory that nobody else can look into, made anew.
 * @throws ConflictError `file-exists`; StrongroomError `file-not-written`
 */
export async function newDirectory(path: string): Promise<void> {
  await mkdir(path, { mode: 0o700 }).catch((error: unknown) => {
    throw failure(error, path, otherName('directory'));
  });
  await syncDirectory(dirname(path));
}

/** A directory for nobody else, if it is not there yet. @throws StrongroomError `file-not-written` */
export async function privateDirectory(path: string): Promise<void> {
  await mkdir(path, { recursive: true, mode: 0o700 }).catch((error: unknown) => {
    throw failure(error, path);
  });
}

/** Of directories: so that a power cut does not take the names of files whose bytes are safe. */
export async function syncDirectory(path: string): Promise<void> {
  const directory = await open(path, 'r').catch(() => undefined);
  await directory?.sync().catch(() => {});
  await directory?.close();
}

function failure(error: unknown, path: string, hint?: string): StrongroomError {
  const { code } = error as NodeJS.ErrnoException;
  if (code === 'EEXIST') {
    return new ConflictError('file-exists', `${path} is there already`, {
      object: path,
      ...(hint === undefined ? {} : { hint }),
    });
  }
  return new StrongroomError('file-not-written', `cannot write ${path} (${String(code)})`, {
    object: path,
    hint:
      code === 'ENOSPC' || code === 'EDQUOT'
        ? 'make room there, or choose another place'
        : 'choose a place where this user may write',
    cause: error,
  });
}
