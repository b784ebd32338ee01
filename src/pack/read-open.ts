// Owns opening a file or a directory that was found before, and being sure that it is the one. Reads nothing.

import {
  closeSync,
  constants,
  existsSync,
  fstatSync,
  lstatSync,
  openSync,
  readlinkSync,
  realpathSync,
  type Stats,
} from 'node:fs';
import type { Identity } from './collect-source.ts';

/** An open file or directory. Whoever gets one closes `fd`. */
export interface Opened {
  fd: number;
  stat: Stats;
}

const { O_RDONLY, O_NOFOLLOW, O_NONBLOCK, O_NOCTTY, O_DIRECTORY } = constants;
const DESCRIPTORS = existsSync('/proc/self/fd') ? '/proc/self/fd' : undefined;

/**
 * Opens a regular file, without following a link in its place or waiting for the other end of a pipe.
 *
 * @param path absolute
 * @param identity which file was found there
 * @returns undefined when it is no regular file any more, or the path now leads elsewhere
 * @throws what `node:fs` throws
 */
export function openFile(path: string | Buffer, identity: Identity | undefined): Opened | undefined {
  return open(path, identity, O_NONBLOCK | O_NOCTTY, (stat) => stat.isFile());
}

/**
 * Opens a directory, without following a link in its place.
 *
 * @returns besides, `at`: a path to the directory that holds whatever happens to its name (on Linux); undefined
 *   as {@link openFile}
 * @throws what `node:fs` throws
 */
export function openDirectory(
  path: string | Buffer,
  identity: Identity,
): (Opened & { at: string | Buffer }) | undefined {
  const opened = open(path, identity, O_DIRECTORY, (stat) => stat.isDirectory());
  return opened && { ...opened, at: DESCRIPTORS === undefined ? path : `${DESCRIPTORS}/${opened.fd}` };
}

function open(
  path: string | Buffer,
  identity: Identity | undefined,
  flags: number,
  fits: (stat: Stats) => boolean,
): Opened | undefined {
  const fd = openSync(path, O_RDONLY | O_NOFOLLOW | flags);
  try {
    const stat = fstatSync(fd);
    if (fits(stat) && (isSame(stat, identity) || leadsTo({ fd, stat }, path))) return { fd, stat };
  } catch (error) {
    closeSync(fd);
    throw error;
  }
  closeSync(fd);
  return undefined;
}

function isSame(stat: Stats, identity: Identity | undefined): boolean {
  return identity !== undefined && stat.ino === identity.ino && stat.dev === identity.dev;
}

// An editor that saves puts a new file in the old one's place, which is fine. A directory above that was swapped
// for a link is not: then the path leads to a file that nobody asked for, such as /etc/shadow.
function leadsTo(opened: Opened, path: string | Buffer): boolean {
  const expected = Buffer.from(path as string);
  if (DESCRIPTORS !== undefined) {
    return readlinkSync(`${DESCRIPTORS}/${opened.fd}`, 'buffer').equals(expected);
  }
  return realpathSync.native(path, 'buffer').equals(expected) && isSame(lstatSync(path), opened.stat);
}
