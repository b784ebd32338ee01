// What no placement does: the root's own mode and owner, times that only a touch changed, and the link that a root was
// reached by. None of it is content, and all of it can be done again.

import { randomBytes } from 'node:crypto';
import {
  chmodSync,
  chownSync,
  fstatSync,
  lstatSync,
  lutimesSync,
  readlinkSync,
  renameSync,
  symlinkSync,
  utimesSync,
} from 'node:fs';
import { decodeName, fsPath, printableName } from '../names.ts';
import { closeDirectory, type Directory, inside, openBase, openChild } from '../place/beneath.ts';
import { lookAt } from '../place/existing.ts';
import { errno, isLost } from '../place/failures.ts';
import { timeOf } from '../place/finish.ts';
import { nameOf, parentOf } from '../place/target.ts';
import { aclLost, groupsByAcl, withoutAcl } from './acl.ts';
import { destinationOf } from './changes.ts';
import type { GuardedTree, Kept } from './journal.ts';

/** @returns sentences that are safe to show, of what could not be done */
export function settle(tree: GuardedTree): string[] {
  // From below, as what is done in a directory may change its own time.
  for (const entry of tree.entries.toReversed()) giveTime(tree.root, entry);
  return [...giveRoot(tree), ...giveLink(tree)];
}

function giveTime(root: string, { path, type, mtime }: Kept): void {
  const destination = destinationOf(root, path);
  // The directories above what lies outside are not the set's.
  if (type === 'dir' && path.startsWith('@outside')) return;
  if (!hasOtherTime(destination, type, mtime)) return;
  withDirectory(parentOf(destination) || '/', (parent) => {
    const at = inside(parent, nameOf(destination));
    if (hasOtherTime(at, type, mtime)) lutimesSync(at, timeOf(mtime), timeOf(mtime));
  });
}

function hasOtherTime(path: string | Buffer, type: string, mtime: number): boolean {
  try {
    const now = lookAt(typeof path === 'string' ? fsPath(path) : path);
    return now?.type === type && Math.floor(now.mtimeMs) !== mtime;
  } catch (error) {
    if (isLost(error)) return false;
    throw error;
  }
}

function giveRoot({ root, own }: GuardedTree): string[] {
  const warnings: string[] = [];
  withDirectory(root, ({ fd, path }) => {
    const now = fstatSync(fd);
    if (now.uid !== own.uid || now.gid !== own.gid) {
      try {
        chownSync(path, own.uid, own.gid);
      } catch (error) {
        if (errno(error) !== 'EPERM') throw error;
        warnings.push(`'${printableName(root)}' could not be given to owner ${own.uid}:${own.gid}`);
      }
    }
    if ((fstatSync(fd).mode & 0o7777) !== own.mode) chmodSync(path, modeOf(root, own, warnings));
    // As those of files: what a second as a fraction leaves of it may else be the millisecond before.
    const time = timeOf(Math.floor(own.mtimeMs));
    if (Math.floor(now.mtimeMs) !== Math.floor(own.mtimeMs)) utimesSync(path, time, time);
  });
  return warnings;
}

/** A root that was made anew has no ACL. */
function modeOf(root: string, { mode, aclGroup }: GuardedTree['own'], warnings: string[]): number {
  if (aclGroup === undefined || groupsByAcl([root]).has(root)) return mode;
  warnings.push(aclLost(root));
  return withoutAcl(mode, aclGroup);
}

/** A root such as `current`, which deploys turn to another directory. */
function giveLink({ link }: GuardedTree): string[] {
  if (link === undefined) return [];
  const { path, target } = link;
  const warnings: string[] = [];
  withDirectory(parentOf(path) || '/', (parent) => {
    const at = inside(parent, nameOf(path));
    const now = lookAt(at);
    if (now?.type === 'symlink' && decodeName(readlinkSync(at, { encoding: 'buffer' })) === target) return;
    if (now !== undefined && now.type !== 'symlink') {
      warnings.push(
        `'${printableName(path)}' was a link to '${printableName(target)}', and is left as it is`,
      );
      return;
    }
    const fresh = inside(parent, `.strongroom-link-${randomBytes(8).toString('hex')}`);
    symlinkSync(fsPath(target), fresh);
    renameSync(fresh, at);
  });
  return warnings;
}

/** The last name of a path where that is a link, and what it says; the directories above it resolved. */
export function linkAt(given: string, realParent: string): GuardedTree['link'] {
  const path = `${realParent === '/' ? '' : realParent}/${nameOf(given)}`;
  if (lstatSync(fsPath(path), { throwIfNoEntry: false })?.isSymbolicLink() !== true) return undefined;
  return { path, target: decodeName(readlinkSync(fsPath(path), { encoding: 'buffer' })) };
}

/** By its descriptor: a link that takes its name is not followed. What is no directory is passed over. */
export function withDirectory(path: string, act: (directory: Directory) => void): void {
  let directory: Directory | undefined;
  try {
    const cut = path.lastIndexOf('/');
    const parent = openBase(path.slice(0, cut) || '/');
    try {
      directory = openChild(parent, path.slice(cut + 1));
    } finally {
      closeDirectory(parent);
    }
    act(directory);
  } catch (error) {
    if (!isLost(error) && errno(error) !== 'EACCES' && errno(error) !== 'EPERM') throw error;
  } finally {
    if (directory !== undefined) closeDirectory(directory);
  }
}
