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
import { fsPath } from './names.ts';

/** What tells one file of a machine from another. */
export interface Identity {
  readonly dev: number;
  readonly ino: number;
}

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
export function openFile(path: string | Buffer, identity: Identity): Opened | undefined {
  return open(path, identity, O_NONBLOCK | O_NOCTTY, (stat) => stat.isFile());
}

/**
 * Opens a directory, without following a link in its place.
 *
 * @param path absolute, a name as in `names.ts`
 * @param identity which directory was found there
 * @returns undefined as {@link openFile}; besides, `at`: a path that leads to this directory whatever happens to
 *   its name (on Linux). It costs more than the name, so it is only needed where {@link isSteady} is false
 * @throws what `node:fs` throws
 */
export function openDirectory(path: string, identity: Identity): (Opened & { at: string }) | undefined {
  const opened = open(fsPath(path), identity, O_DIRECTORY, (stat) => stat.isDirectory());
  return opened && { ...opened, at: DESCRIPTORS === undefined ? path : `${DESCRIPTORS}/${opened.fd}` };
}

/**
 * Whether nobody but us and root can swap a directory for a link. (As sshd judges directories: StrictModes.)
 *
 * @param parent the directory that it is in
 */
export function isSteady(parent: Stats, directory: Stats): boolean {
  if (!isOurs(parent)) return false;
  const isShared = (parent.mode & 0o022) !== 0;
  const isSticky = (parent.mode & 0o1000) !== 0;
  return !isShared || (isSticky && isOurs(directory));
}

/**
 * Whether that holds for a directory and for all those above it.
 *
 * @param path absolute, a name as in `names.ts`
 */
export function isSteadyPath(path: string): boolean {
  try {
    let parent = lstatSync('/');
    let above = '';
    for (const name of path.split('/').slice(1)) {
      above += `/${name}`;
      const directory = lstatSync(fsPath(above));
      if (!isSteady(parent, directory)) return false;
      parent = directory;
    }
    return true;
  } catch {
    return false;
  }
}

function open(
  path: string | Buffer,
  identity: Identity,
  flags: number,
  fits: (stat: Stats) => boolean,
): Opened | undefined {
  const fd = openSync(path, O_RDONLY | O_NOFOLLOW | flags);
  let opened: Opened | undefined;
  try {
    const stat = fstatSync(fd);
    if (fits(stat) && (isSame(stat, identity) || leadsTo(path, fd, stat))) opened = { fd, stat };
    return opened;
  } finally {
    if (opened === undefined) closeSync(fd);
  }
}

function isOurs(stat: Stats): boolean {
  return stat.uid === 0 || stat.uid === process.geteuid?.();
}

function isSame(stat: Identity, { dev, ino }: Identity): boolean {
  return stat.ino === ino && stat.dev === dev;
}

// An editor that saves puts a new file in the old one's place, which is fine. A directory above that was swapped
// for a link is not: then the path leads to a file that nobody asked for, such as /etc/shadow.
function leadsTo(path: string | Buffer, fd: number, stat: Stats): boolean {
  const expected = Buffer.from(path as string);
  if (DESCRIPTORS !== undefined) return readlinkSync(`${DESCRIPTORS}/${fd}`, 'buffer').equals(expected);
  return realpathSync.native(path, 'buffer').equals(expected) && isSame(lstatSync(path), stat);
}
