// A new signing key for a machine that has one. It waits beside that, as `host-key.new`, until the vault lists it: only
// then does it take its place, and the old one is kept as `host-key.old`, `host-key.old.2`, … No key is ever written over.
import { chmod, constants, copyFile, link, lstat, rename, rm } from 'node:fs/promises';
import { StrongroomError } from '../errors.ts';
import type { SigningKey } from '../sign/key.ts';
import { readSigningKey, writeKeyFile } from './signing-key.ts';
import { locked } from './state-file.ts';

/** Where a new key waits. @param path of the key that is in use */
export function newKeyPath(path: string): string {
  return `${path}.new`;
}

/** The key that waits; undefined when none does. @throws as `readSigningKey` */
export async function readNewKey(path: string): Promise<SigningKey | undefined> {
  return await readSigningKey(newKeyPath(path));
}

/**
 * Writes a new key beside the one that is in use; in its place where there is none.
 * @param comment the host's name
 * @returns where it is
 * @throws ConflictError `key-file-exists` when one waits already; StrongroomError `state-unusable`
 */
export async function keepNewKey(path: string, key: SigningKey, comment: string): Promise<string> {
  const target = (await isThere(path)) ? newKeyPath(path) : path;
  await writeKeyFile(target, key, comment);
  return target;
}

/**
 * Puts the key that waits into use. There is a whole key at `path` at any moment, and both are there until it is done.
 * @returns where the old one is; undefined when there was none, or no key waits
 * @throws StrongroomError `state-unusable`, `state-busy`
 */
export async function takeUpNewKey(path: string): Promise<string | undefined> {
  return await locked(path, async () => {
    if (!(await isThere(newKeyPath(path)))) return undefined;
    const old = (await isThere(path)) ? await setAside(path, path) : undefined;
    await orNotReplaced(path, () => rename(newKeyPath(path), path));
    return old;
  });
}

/**
 * Makes room for another new key: the one that waits is kept among the old ones.
 * @returns where it is; undefined when none waits
 * @throws as `takeUpNewKey`
 */
export async function dropNewKey(path: string): Promise<string | undefined> {
  const waiting = newKeyPath(path);
  return await locked(path, async () => {
    if (!(await isThere(waiting))) return undefined;
    const old = await setAside(waiting, path);
    await orNotReplaced(path, () => rm(waiting));
    return old;
  });
}

async function isThere(path: string): Promise<boolean> {
  try {
    await lstat(path);
    return true;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return false;
    throw notReplaced(path, error as NodeJS.ErrnoException);
  }
}

/** A second name for a key, the first that is free, 0600. */
async function setAside(key: string, path: string): Promise<string> {
  for (let n = 1; ; n++) {
    const old = n === 1 ? `${path}.old` : `${path}.old.${n}`;
    const isFree = await orNotReplaced(path, () => secondName(key, old));
    if (!isFree) continue;
    await orNotReplaced(path, () => chmod(old, 0o600));
    return old;
  }
}

/** @returns false where something has that name */
async function secondName(key: string, name: string): Promise<boolean> {
  try {
    // Where a file system has no hard links, its bytes.
    await link(key, name).catch((error: NodeJS.ErrnoException) => {
      if (error.code === 'EEXIST') throw error;
      return copyFile(key, name, constants.COPYFILE_EXCL);
    });
    return true;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'EEXIST') return false;
    throw error;
  }
}

async function orNotReplaced<T>(path: string, work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    throw notReplaced(path, error as NodeJS.ErrnoException);
  }
}

function notReplaced(path: string, cause: NodeJS.ErrnoException): StrongroomError {
  return new StrongroomError(
    'state-unusable',
    `${path} cannot be replaced (${cause.code ?? 'unknown error'})`,
    {
      object: path,
      hint: 'run this as the user whose key it is, and check the free space of that directory',
      cause,
    },
  );
}
