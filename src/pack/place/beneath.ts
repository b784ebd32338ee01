// Owns walking below a directory without ever following a link. Where /proc/self/fd exists, every directory on
// the way is held open and named through its descriptor, so a directory that is swapped for a link while we work
// cannot redirect a write; elsewhere each one is looked at first.

import { closeSync, constants, existsSync, fstatSync, lstatSync, openSync, readlinkSync } from 'node:fs';
import { encodeName, fsPath } from '../names.ts';
import { errno } from './failures.ts';

const { O_DIRECTORY, O_NOFOLLOW, O_RDONLY } = constants;
// Not among Node's constants. It opens a directory that may be searched but not listed.
const O_PATH = 0o10000000;

export interface Directory {
  readonly fd: number;
  /** What to put before `/name` for a call of `node:fs`; by itself it names the directory. */
  readonly path: string;
}

let descriptors: boolean | undefined;

function viaDescriptors(): boolean {
  descriptors ??= process.platform === 'linux' && existsSync('/proc/self/fd');
  return descriptors;
}

/**
 * Opens a directory by its absolute path, which holds no link: one that stands above it now was put there since.
 *
 * @param path as it was resolved when the restore was planned
 * @param pinned whether to name it by its descriptor; by default wherever that is possible
 * @throws the system's ENOENT, ENOTDIR or ELOOP when it is no longer there
 */
export function openBase(path: string, pinned: boolean = viaDescriptors()): Directory {
  const fd = openDirectory(fsPath(path));
  if (!pinned) return { fd, path: path === '/' ? '' : path };
  const named = `/proc/self/fd/${fd}`;
  if (encodeName(path).equals(readlinkSync(named, { encoding: 'buffer' }))) return { fd, path: named };
  closeSync(fd);
  throw notThere(path);
}

/**
 * Opens a directory in a directory.
 *
 * @throws the system's ENOENT, ENOTDIR or ELOOP when there is none: nothing, a file, or a symbolic link
 */
export function openChild(parent: Directory, name: string): Directory {
  const path = `${parent.path}/${name}`;
  const fd = openDirectory(fsPath(path));
  if (parent.path.startsWith('/proc/self/fd/')) return { fd, path: `/proc/self/fd/${fd}` };
  const found = lstatSync(fsPath(path));
  const opened = fstatSync(fd);
  if (found.ino === opened.ino && found.dev === opened.dev) return { fd, path };
  closeSync(fd);
  throw notThere(path);
}

function notThere(path: string): Error {
  return Object.assign(new Error(`ENOTDIR: ${path}`), { code: 'ENOTDIR', syscall: 'open' });
}

function openDirectory(path: string | Buffer): number {
  try {
    return openSync(path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW);
  } catch (error) {
    if (errno(error) !== 'EACCES' || process.platform !== 'linux') throw error;
    return openSync(path, O_PATH | O_DIRECTORY | O_NOFOLLOW);
  }
}

export function closeDirectory(directory: Directory): void {
  closeSync(directory.fd);
}

/** Where a name in a directory is, for a call of `node:fs`. */
export function inside(directory: Directory, name: string): string | Buffer {
  return fsPath(`${directory.path}/${name}`);
}

export interface Walk {
  /** @param path a relative path as in `names.ts`, or `''`; the answer is good until the next call */
  at(path: string): Directory;
  close(): void;
}

/** Walks below a base. Keeps the way to the last directory open, so that neighbours are found at once. */
export function walkFrom(base: Directory): Walk {
  const way: { name: string; directory: Directory }[] = [];
  function backTo(depth: number): void {
    while (way.length > depth) closeDirectory(way.pop()!.directory);
  }
  return {
    at(path) {
      const names = path === '' ? [] : path.split('/');
      let depth = 0;
      while (depth < way.length && way[depth]!.name === names[depth]) depth++;
      backTo(depth);
      for (const name of names.slice(depth)) {
        way.push({ name, directory: openChild(way.at(-1)?.directory ?? base, name) });
      }
      return way.at(-1)?.directory ?? base;
    },
    close: () => backTo(0),
  };
}
