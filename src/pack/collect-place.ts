// Owns where things lie: between a path in the file system and the path of an entry, and whether a path that was
// asked for can be reached without following a link. Lists nothing.

import { lstatSync, realpathSync, type Stats } from 'node:fs';
import { posix } from 'node:path';
import { UsageError } from '../errors.ts';
import { type Problem, problemOf } from './collect-source.ts';
import { decodeName, fsPath, printableName } from './names.ts';

const OUTSIDE = '@outside';

/** The root of a set. Paths here are names as in `names.ts`. */
export interface Place {
  /** Its real path. */
  readonly root: string;
  /** The same with a slash at its end. */
  readonly prefix: string;
  /** The path by which it was asked for, which may lead through links. */
  readonly given: string;
}

/** A path that exists, and what is there; or what stands in the way. */
export type Located = { path: string; stat: Stats } | { problem: Pick<Problem, 'kind' | 'reason'> };

/**
 * Finds the root. It may be a symbolic link: that one is followed, once.
 *
 * @param given absolute path
 * @throws UsageError `missing-root` when it is not there or no directory, `unreadable-root`
 */
export function openPlace(given: string): Place {
  const path = posix.resolve(given);
  const shown = `'${printableName(path)}'`;
  try {
    const root = realPath(path);
    const prefix = root === '/' ? root : `${root}/`;
    if (lstatSync(fsPath(root)).isDirectory()) return { root, prefix, given: path };
  } catch (error) {
    const { kind, reason } = problemOf(error, path);
    if (kind !== 'missing') {
      const hint = 'run as a user that may read it';
      const message = `directory ${shown} cannot be backed up: ${reason}`;
      throw new UsageError('unreadable-root', message, { hint, object: path, cause: error });
    }
  }
  const hint = 'check the `root` of the set';
  throw new UsageError('missing-root', `there is no directory ${shown} to back up`, { hint, object: path });
}

/**
 * The absolute path that a pattern or path asks for, `.` and `..` resolved as text.
 *
 * @param path relative to the root, or absolute; an absolute one may use the root's path as it was given
 */
export function absolutePath(place: Place, path: string): string {
  const absolute = posix.resolve(place.root, path);
  return isWithin(absolute, place.given)
    ? posix.join(place.root, absolute.slice(place.given.length))
    : absolute;
}

/**
 * The path of the entry for what is at an absolute real path: relative to the root, or under `@outside`.
 *
 * @returns empty for the root itself
 */
export function entryPath({ root, prefix }: Place, path: string): string {
  if (path === root) return '';
  if (path.startsWith(prefix)) return path.slice(prefix.length);
  return path === '/' ? OUTSIDE : OUTSIDE + path;
}

/**
 * Refuses what lies in the root under a name that says it lies outside.
 *
 * @throws UsageError `reserved-name`
 */
export function checkReserved({ root, prefix }: Place, path: string): void {
  if (!path.startsWith(OUTSIDE, prefix.length) || !isWithin(path, prefix + OUTSIDE)) return;
  const message = `'${printableName(root)}' holds '${OUTSIDE}', a name that vaults use`;
  const hint = `rename it, or exclude it with the pattern '${OUTSIDE}'`;
  throw new UsageError('reserved-name', message, { hint, object: path });
}

/** The absolute path of what has this entry path: the inverse of {@link entryPath}. */
export function pathOfEntry(place: Place, entry: string): string {
  if (entry === OUTSIDE) return '/';
  return entry.startsWith(`${OUTSIDE}/`) ? entry.slice(OUTSIDE.length) : posix.join(place.root, entry);
}

/** Whether a path is a directory's own or below it. */
export function isWithin(path: string, directory: string): boolean {
  return path === directory || path.startsWith(directory === '/' ? directory : `${directory}/`);
}

/**
 * Looks whether something is there. Below the root no link is followed to reach it: what lies behind one belongs
 * to another tree. Outside of it links such as /var/run are common, so there the real path counts.
 *
 * @param path absolute, as from {@link absolutePath}
 * @param wanted the thing itself, which may be a link, or what is inside of it
 */
export function locate(place: Place, path: string, wanted: 'itself' | 'inside' = 'itself'): Located {
  try {
    const resolve = wanted === 'itself' ? realParent : realPath;
    const real = isWithin(path, place.root) ? path : resolve(path);
    const link = linkAbove(place.root, wanted === 'itself' ? real : `${real}/`);
    if (link === undefined) return { path: real, stat: lstatSync(fsPath(real)) };
    const reason = `lies behind the symbolic link '${printableName(entryPath(place, link))}'`;
    return { problem: { kind: 'behind-link', reason } };
  } catch (error) {
    const { kind, reason } = problemOf(error, path);
    return { problem: { kind, reason: kind === 'missing' ? 'does not exist' : reason } };
  }
}

// The path with its directory's links resolved, but not its own: a link that is asked for is stored as a link.
function realParent(path: string): string {
  return path === '/' ? path : posix.join(realPath(posix.dirname(path)), posix.basename(path));
}

// The first link in the root that a path goes through.
function linkAbove(root: string, path: string): string | undefined {
  if (!isWithin(path, root)) return undefined;
  for (let cut = path.indexOf('/', root.length + 1); cut !== -1; cut = path.indexOf('/', cut + 1)) {
    const above = path.slice(0, cut);
    if (lstatSync(fsPath(above)).isSymbolicLink()) return above;
  }
  return undefined;
}

function realPath(path: string): string {
  return decodeName(realpathSync.native(fsPath(path), 'buffer'));
}
