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
  try {
    const root = realPath(path);
    if (lstatSync(fsPath(root)).isDirectory()) return { root, given: path };
  } catch (error) {
    const { kind, reason } = problemOf(error, path);
    if (kind !== 'missing') {
      throw new UsageError('unreadable-root', `directory '${printableName(path)}' cannot be used: ${reason}`, {
        hint: 'run as a user that may read it',
        object: path,
        cause: error,
      });
    }
  }
  throw new UsageError('missing-root', `there is no directory '${printableName(path)}' to back up`, {
    hint: 'check the `root` of the set',
    object: path,
  });
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
 * @throws UsageError `reserved-name` for something in the root that would look as if it lay outside
 */
export function entryPath(place: Place, path: string): string {
  if (path === place.root) return '';
  if (!isWithin(path, place.root)) return OUTSIDE + (path === '/' ? '' : path);
  const inside = path.slice(place.root === '/' ? 1 : place.root.length + 1);
  if (inside === OUTSIDE || inside.startsWith(`${OUTSIDE}/`)) {
    throw new UsageError('reserved-name', `'${OUTSIDE}' in ${printableName(place.root)} is a name that vaults use`, {
      hint: `rename it, or exclude it with the pattern ${OUTSIDE}`,
      object: path,
    });
  }
  return inside;
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
 */
export function locate(place: Place, path: string): Located {
  try {
    const real = isWithin(path, place.root) ? path : realParent(path);
    const link = isWithin(real, place.root) ? linkAbove(place.root, real) : undefined;
    if (link !== undefined) {
      const reason = `lies behind the symbolic link '${printableName(entryPath(place, link))}'`;
      return { problem: { kind: 'behind-link', reason } };
    }
    return { path: real, stat: lstatSync(fsPath(real)) };
  } catch (error) {
    const { kind, reason } = problemOf(error, path);
    return { problem: { kind, reason: kind === 'missing' ? 'does not exist' : reason } };
  }
}

// The path with its directory's links resolved, but not its own: a link that is asked for is stored as a link.
function realParent(path: string): string {
  return path === '/' ? path : posix.join(realPath(posix.dirname(path)), posix.basename(path));
}

function linkAbove(root: string, path: string): string | undefined {
  for (let cut = path.indexOf('/', root.length + 1); cut !== -1; cut = path.indexOf('/', cut + 1)) {
    const above = path.slice(0, cut);
    if (lstatSync(fsPath(above)).isSymbolicLink()) return above;
  }
  return undefined;
}

function realPath(path: string): string {
  return decodeName(realpathSync.native(fsPath(path), 'buffer'));
}
