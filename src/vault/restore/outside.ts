// What an in-place restore may put outside of the set's root. The snapshot says what there is; which of it has any
// business outside is for the configuration of this machine to say, or a host that was taken over could write to
// /etc/cron.d of whoever restores.
import { realpathSync } from 'node:fs';
import { posix } from 'node:path';
import { IntegrityError } from '../../errors.ts';
import { isWithin, pathOfEntry } from '../../pack/collect-place.ts';
import { parentsOf } from '../../pack/collect-source.ts';
import type { Entry } from '../../pack/entry.ts';
import { hasGlob, parseGlob } from '../../pack/globs.ts';
import { decodeName, fsPath, printableName } from '../../pack/names.ts';
import { lookAt } from '../../pack/place/existing.ts';
import type { Snapshot } from '../snapshots.ts';

/** Says whether a set asks for an absolute path. */
export type Asked = (path: string) => boolean;

/** What a set takes, as the configuration of this machine has it. */
export interface AskedSet {
  /** Absolute. */
  readonly root: string;
  /** Paths and globs, relative to the root or absolute; everything in the root when empty. */
  readonly include: readonly string[];
  readonly exclude: readonly string[];
}

/**
 * The patterns of a set as they are understood when it is backed up: what one names, or matches as a glob, counts
 * with all below it. A path counts with the links on its way followed too, since that is how it is stored.
 *
 * @param real where a directory really is; the path itself when that cannot be said
 * @throws UsageError `bad-pattern`
 */
export function askedBy(
  { root, include, exclude }: AskedSet,
  real: (path: string) => string = realPath,
): Asked {
  const roots = [...new Set([root, real(root)])];
  const included = matcher(include.length === 0 ? ['.'] : include, roots, real);
  const excluded = matcher(exclude, roots, real);
  return (path) => {
    const line = [path, ...parentsOf(path), '/'];
    return line.some(included) && !line.some(excluded);
  };
}

function matcher(
  patterns: readonly string[],
  roots: readonly string[],
  real: (path: string) => string,
): Asked {
  // A link that is asked for is stored as a link, so only the way to it is followed.
  const realParent = (path: string) => posix.join(real(posix.dirname(path)), posix.basename(path));
  const names = new Set<string>();
  const globs: { base: string; matches: (below: string) => boolean }[] = [];
  for (const root of roots) {
    for (const pattern of patterns) {
      const name = posix.resolve(root, pattern);
      names.add(name).add(realParent(name));
      if (!hasGlob(pattern)) continue;
      for (const { base, matches } of parseGlob(pattern, root)) {
        for (const from of new Set([base, matches('') ? realParent(base) : real(base)]))
          globs.push({ base: from, matches });
      }
    }
  }
  const below = (path: string, base: string) => path.slice(base === '/' ? 0 : base.length);
  return (path) =>
    names.has(path) || globs.some(({ base, matches }) => isWithin(path, base) && matches(below(path, base)));
}

function realPath(path: string): string {
  try {
    return decodeName(realpathSync.native(fsPath(path), 'buffer'));
  } catch {
    return path;
  }
}

/**
 * Holds the entries of an in-place restore to what the set asks for. A root of `/` has no outside, so there all of
 * them are held to it.
 *
 * @param root absolute
 * @returns the entries without the directories on the way to what is asked for that exist: those are not the set's,
 *   and a recorded mode or owner must not reach them
 * @throws IntegrityError `outside-the-set`, which names the first ten
 */
export function heldToSet(
  entries: readonly Entry[],
  { root, asked, snapshot }: { readonly root: string; readonly asked: Asked; readonly snapshot: Snapshot },
): readonly Entry[] {
  const isOutside = ({ path }: Entry) => root === '/' || path === '@outside' || path.startsWith('@outside/');
  const outside = entries.filter(isOutside);
  if (outside.length === 0) return entries;
  const place = { root, prefix: root === '/' ? root : `${root}/`, given: root };
  const above = new Set(outside.flatMap(({ path }) => [...parentsOf(path)]));
  const onTheWay = new Set<Entry>();
  const foreign: string[] = [];
  for (const entry of outside) {
    const path = pathOfEntry(place, entry.path);
    if (asked(path)) continue;
    if (entry.type === 'dir' && above.has(entry.path)) onTheWay.add(entry);
    else foreign.push(printableName(path));
  }
  if (foreign.length > 0) {
    const more = foreign.length > 10 ? ` and ${foreign.length - 10} more` : '';
    const list = foreign.slice(0, 10).join(', ') + more;
    const { id, set, host } = snapshot;
    throw new IntegrityError(
      'outside-the-set',
      `${id} would write outside of the set ${set} as it is configured here: ${list}`,
      {
        object: id,
        hint: `nothing was changed; add them to the set's include if they belong to it, else find out who has the key of ${host}; --target DIR restores elsewhere`,
      },
    );
  }
  return entries.filter((entry) => !onTheWay.has(entry) || !isDirectory(pathOfEntry(place, entry.path)));
}

function isDirectory(path: string): boolean {
  try {
    return lookAt(fsPath(path))?.type === 'dir';
  } catch {
    // What is in the way of looking is in the way of placing too, which says so.
    return false;
  }
}
