// Looks at what stands where an entry is to go. Reads only, and never through a symbolic link.

import { createHash } from 'node:crypto';
import {
  closeSync,
  constants,
  fstatSync,
  lstatSync,
  openSync,
  readFileSync,
  readlinkSync,
  readSync,
  type Stats,
} from 'node:fs';
import type { Entry } from '../entry.ts';
import { encodeName, fsPath } from '../names.ts';

export interface Seen {
  readonly type: 'file' | 'dir' | 'symlink' | 'special';
  readonly dev: number;
  readonly ino: number;
  readonly size: number;
  readonly mtimeMs: number;
  /** Permission bits. */
  readonly mode: number;
  readonly uid: number;
  readonly gid: number;
}

/** @returns undefined when nothing is there */
export function lookAt(path: string | Buffer): Seen | undefined {
  const stats = lstatSync(path, { throwIfNoEntry: false });
  return stats === undefined ? undefined : seenFrom(stats);
}

export function seenFrom(stats: Stats): Seen {
  const { dev, ino, size, mtimeMs, uid, gid } = stats;
  const type = stats.isFile()
    ? 'file'
    : stats.isDirectory()
      ? 'dir'
      : stats.isSymbolicLink()
        ? 'symlink'
        : 'special';
  return { type, dev, ino, size, mtimeMs, mode: stats.mode & 0o7777, uid, gid };
}

/** Whether this is still the very thing that was seen, unwritten since. */
export function isStill(seen: Seen, now: Seen | undefined): boolean {
  return (
    now !== undefined &&
    now.dev === seen.dev &&
    now.ino === seen.ino &&
    (now.type === 'dir' ? seen.type === 'dir' : isAsWritten(seen, now))
  );
}

/** Whether this has the content that was seen, as far as size and time tell. */
export function isAsWritten(seen: Seen, now: Seen | undefined): boolean {
  return (
    now !== undefined && now.type === seen.type && now.size === seen.size && now.mtimeMs === seen.mtimeMs
  );
}

/**
 * Whether the content of an entry is there already: type, size and SHA-256, or the text of a link.
 *
 * @param path absolute, a name of `names.ts`
 */
export async function holdsContent(path: string, seen: Seen, entry: Entry): Promise<boolean> {
  if (seen.type !== entry.type) return false;
  if (entry.target !== undefined) {
    return readlinkSync(fsPath(path), { encoding: 'buffer' }).equals(encodeName(entry.target));
  }
  if (seen.size !== entry.size || entry.sha256 === undefined) return false;
  return (await hashFile(path, seen)) === entry.sha256;
}

const WHOLE = 1 << 20;

/**
 * @param path absolute, a name of `names.ts`
 * @returns SHA-256 in hex; undefined for what cannot be read or is no longer the file that was seen
 */
export async function hashFile(path: string, seen: Seen): Promise<string | undefined> {
  let fd: number;
  try {
    fd = openSync(fsPath(path), constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK);
  } catch {
    return undefined;
  }
  try {
    if (!isStill(seen, seenFrom(fstatSync(fd)))) return undefined;
    const hash = createHash('sha256');
    if (seen.size <= WHOLE) return hash.update(readFileSync(fd)).digest('hex');
    const buffer = Buffer.allocUnsafe(WHOLE);
    for (;;) {
      const length = readSync(fd, buffer);
      if (length === 0) return hash.digest('hex');
      hash.update(buffer.subarray(0, length));
      await new Promise(setImmediate);
    }
  } finally {
    closeSync(fd);
  }
}
