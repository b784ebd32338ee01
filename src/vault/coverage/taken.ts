// What the next backup would take, as absolute paths, whichever set does.
import { realpathSync } from 'node:fs';
import { posix } from 'node:path';
import type { Source } from '../../pack/collect.ts';

/** Everything that some plan holds. */
export interface Taken {
  /** Whether a file is taken, links followed: a link alone is not what it leads to. */
  has(path: string): boolean;
  /** Whether the link or file of just this name is taken. */
  hasName(path: string): boolean;
  /** As `has`, for a path that is its own real one. */
  hasReal(path: string): boolean;
  /** Whether anything below a directory is taken. */
  hasBelow(path: string): boolean;
}

/**
 * @param sources of every set
 * @param elsewhere absolute paths of files that streams take
 */
export function takenBy(sources: Iterable<Source>, elsewhere: readonly string[] = []): Taken {
  // One that is not there yet, such as a log of a database, is known by its directory.
  const paths = new Set(elsewhere.flatMap((path) => [realPath(path), realParent(path)]));
  for (const { from, type } of sources) if (typeof from === 'string' && type !== 'dir') paths.add(from);
  const hasName = (path: string): boolean => paths.has(path) || paths.has(realParent(path));
  return {
    hasName,
    hasReal: (path) => paths.has(path),
    hasBelow(path) {
      const prefix = `${path}/`;
      for (const taken of paths) if (taken.startsWith(prefix)) return true;
      return false;
    },
    // Nearly every path is its own real one, and need not be asked for.
    has: (path) => hasName(path) && (paths.has(realPath(path)) || hasName(realPath(path))),
  };
}

/** The path with the links above it resolved, but not its own. */
function realParent(path: string): string {
  const parent = realPath(posix.dirname(path));
  return path === '/' ? path : posix.join(parent, posix.basename(path));
}

/** The path with links followed; itself where it leads nowhere. */
export function realPath(path: string): string {
  try {
    return realpathSync.native(path);
  } catch {
    return path;
  }
}
