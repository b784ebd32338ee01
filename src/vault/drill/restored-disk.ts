// The disk of the machine that was backed up, as far as it was restored: discovery looks at paths as they were there, and
// sees what the drill has put in its scratch, and nothing of this machine.
import { lstatSync, type Stats } from 'node:fs';
import { posix } from 'node:path';
import type { Disk } from '../../capture/discover/disk.ts';
import type { RestoredTree } from './target.ts';

/** Where the root of a snapshot was; a host that was taken over may say anything. */
export function rootOf({ contents: { root } }: RestoredTree): string {
  return posix.isAbsolute(root) && !root.includes('\0') ? posix.resolve(root) : '/';
}

/**
 * @param own the tree whose files are listed
 * @param others of the same host, for what one set refers to and another one has
 * @param disk where the scratch is
 * @returns one that knows no path but absolute ones without `..`, and throws ENOENT for what was not restored
 */
export function restoredDisk(own: RestoredTree, others: readonly RestoredTree[], disk: Disk): Disk {
  const trees = [own, ...others.filter((tree) => tree !== own)];
  const roots = trees.map(rootOf);
  const directories = new Set<string>();
  /** Whether the way to a place leads through directories only, and so stays in its tree. */
  const isStraight = (place: string, { directory }: RestoredTree): boolean => {
    for (let at = posix.dirname(place); at.length > directory.length; at = posix.dirname(at)) {
      if (directories.has(at)) return true;
      if (!lstatSync(at, { throwIfNoEntry: false })?.isDirectory()) return false;
    }
    directories.add(posix.dirname(place));
    return true;
  };
  /** Where a path is now. */
  const placeOf = (path: string): string => {
    const places = trees.map((tree) => placeIn(tree, path));
    // What is a directory in one set may be a link in another, which leads to a file of this machine.
    const there = places.find(
      (place, at) =>
        isStraight(place, trees[at]!) && lstatSync(place, { throwIfNoEntry: false }) !== undefined,
    );
    if (there !== undefined) return there;
    throw Object.assign(new Error('not restored'), { code: 'ENOENT', syscall: 'lstat' });
  };
  return {
    // The only one that is asked for without a step by step way to it is the root, and the bases of globs.
    realpath: (path) => path,
    lstat(path): Stats {
      // The way to a root is none of the snapshot's.
      const at = roots.findIndex((root) => isAbove(path, root));
      return at >= 0 ? disk.lstat(trees[at]!.directory) : disk.lstat(placeOf(path));
    },
    readlink: (path) => disk.readlink(placeOf(path)),
    list: (path) =>
      path === rootOf(own) ? withoutOutside(disk.list(own.directory)) : disk.list(placeOf(path)),
    isReadable: (path) => disk.isReadable(placeOf(path)),
    read: (path, atMost) => disk.read(placeOf(path), atMost),
  };
}

function placeIn(tree: RestoredTree, path: string): string {
  const root = rootOf(tree);
  if (path === root) return tree.directory;
  const start = root === '/' ? root : `${root}/`;
  return path.startsWith(start)
    ? posix.join(tree.directory, path.slice(start.length))
    : posix.join(tree.directory, '@outside', path);
}

function isAbove(path: string, root: string): boolean {
  return path === root || root.startsWith(path === '/' ? path : `${path}/`);
}

function withoutOutside<T extends { readonly name: string }>(found: T[]): T[] {
  return found.filter(({ name }) => name !== '@outside');
}
