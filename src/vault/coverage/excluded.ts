// What sets leave out on purpose.
import { posix } from 'node:path';
import { hasGlob, parseGlob } from '../../pack/globs.ts';

/**
 * @param patterns as `exclude` has them
 * @param root absolute; relative patterns start there
 * @returns whether a path, or a directory above it, is excluded
 */
export function excluder(patterns: readonly string[], root: string): (path: string) => boolean {
  const given = patterns.filter((pattern) => pattern !== '');
  const names = new Set(given.map((pattern) => posix.resolve(root, pattern)));
  const globs = given.filter(hasGlob).flatMap((pattern) => parseGlob(pattern, root));
  const isExcluded = (path: string): boolean =>
    names.has(path) ||
    globs.some(({ base, matches }) => {
      const start = base === '/' ? '' : base;
      return path.startsWith(`${start}/`) && matches(path.slice(start.length));
    });
  return (path) => {
    for (let at = path; at !== '/' && at !== root; at = posix.dirname(at)) if (isExcluded(at)) return true;
    return false;
  };
}
