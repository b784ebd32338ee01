// Small files of ours in the state directory, whose word makes us move files about: written whole or not at all, and
// read only where nobody else can have written them.

import {
  chmodSync,
  closeSync,
  constants,
  fchmodSync,
  fstatSync,
  fsyncSync,
  lstatSync,
  mkdirSync,
  openSync,
  readFileSync,
  renameSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { StrongroomError } from '../../errors.ts';
import { printableName } from '../names.ts';
import { placeFailure } from './failures.ts';

const MAX_BYTES = 256 * 1024 * 1024;

/**
 * Writes a file, 0600, or writes it anew, and the directory if need be, 0700.
 *
 * @param part name that it has until it is whole
 * @throws StrongroomError `unsafe-state-directory`, `disk-full`, `target-denied`, `place-failed`
 */
export function writeOwnFile(directory: string, name: string, part: string, text: string): void {
  const unfinished = `${directory}/${part}`;
  try {
    if (mkdirSync(directory, { recursive: true, mode: 0o700 }) !== undefined) chmodSync(directory, 0o700);
    checkOwnDirectory(directory);
    rmSync(unfinished, { force: true });
    const { O_WRONLY, O_CREAT, O_EXCL, O_NOFOLLOW } = constants;
    const fd = openSync(unfinished, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW, 0o600);
    try {
      fchmodSync(fd, 0o600);
      writeFileSync(fd, text);
      fsyncSync(fd);
    } finally {
      closeSync(fd);
    }
    renameSync(unfinished, `${directory}/${name}`);
    syncDirectory(directory);
  } catch (error) {
    try {
      rmSync(unfinished, { force: true });
    } catch {
      // It goes with the next ones.
    }
    throw placeFailure(error, unfinished);
  }
}

/** @returns undefined when it is not there, or not ours */
export function readOwnFile(path: string): { text: string; writtenMs: number } | undefined {
  let fd: number;
  try {
    fd = openSync(path, constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK);
  } catch {
    return undefined;
  }
  try {
    const stats = fstatSync(fd);
    // More than one name: somebody may have linked a file of ours here.
    const isOurs =
      stats.isFile() &&
      stats.uid === process.geteuid!() &&
      (stats.mode & 0o077) === 0 &&
      stats.nlink === 1 &&
      stats.size <= MAX_BYTES;
    return isOurs ? { text: readFileSync(fd, 'utf8'), writtenMs: stats.mtimeMs } : undefined;
  } finally {
    closeSync(fd);
  }
}

/** @throws StrongroomError `unsafe-state-directory`; a system error */
export function checkOwnDirectory(path: string): void {
  const stats = lstatSync(path);
  if (stats.isDirectory() && stats.uid === process.geteuid!() && (stats.mode & 0o022) === 0) return;
  throw new StrongroomError('unsafe-state-directory', `'${printableName(path)}' can be changed by others`, {
    object: printableName(path),
    hint: 'make it yours and 0700, or set XDG_STATE_HOME to a directory of your own',
  });
}

/** @throws a system error */
export function syncDirectory(path: string): void {
  const fd = openSync(path, constants.O_RDONLY | constants.O_DIRECTORY);
  try {
    fsyncSync(fd);
  } finally {
    closeSync(fd);
  }
}
