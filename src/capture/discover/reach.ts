// Owns where discovery may look: below the root, and where the set's `outside` globs allow. Goes to a path step by
// step and follows links itself, so that none leads anywhere else. Reads no file.
import type { Stats } from 'node:fs';
import { posix } from 'node:path';
import { type Glob, hasGlob, parseGlob } from '../../pack/globs.ts';
import type { Disk } from './disk.ts';

/** Something that is there and may be looked at: its real path, links followed. */
export interface Reached {
  readonly path: string;
  readonly stat: Stats;
}

export type Reach = Reached | 'outside' | 'missing' | 'unreadable';

export interface Place {
  /** Real path of the root. */
  readonly root: string;
  /**
   * The absolute path that is meant, `.` and `..` resolved as text, and the root's path as it was given turned into
   * its real one. Undefined for what no file can be called: with a NUL, or too long.
   */
  absolute(path: string): string | undefined;
  /** Whether an absolute path, or a directory above it, is left out of the set. */
  excludes(path: string): boolean;
  /** Whether one may look at a real path, or take it. */
  permits(path: string): boolean;
  /** Goes to a path from {@link absolute}. */
  reach(path: string): Reach;
  /** Notes a directory below the root that was met without a link on the way. */
  knows(directory: string): void;
}

/** Where one may look. */
interface Area {
  /** As it is written. */
  readonly base: string;
  /** Links followed. */
  readonly real: string;
  /** @param below empty, or with a leading slash */
  permits(below: string): boolean;
}

/** As many as Linux follows. */
const MAX_HOPS = 40;
/** PATH_MAX of Linux. */
const MAX_PATH_BYTES = 4096;
const NOT_THERE = new Set(['ENOENT', 'ENOTDIR', 'ELOOP', 'ENAMETOOLONG']);

/**
 * @param given absolute path of the root, which may be a link
 * @param root its real path
 * @throws UsageError `bad-pattern`
 */
export function openPlace(
  disk: Disk,
  given: string,
  root: string,
  outside: readonly string[],
  exclude: readonly string[],
): Place {
  const alias = posix.resolve(given);
  const absolute = (path: string): string | undefined => {
    if (path.includes('\0') || Buffer.byteLength(path) > MAX_PATH_BYTES) return undefined;
    const resolved = posix.resolve(root, path);
    const below = isWithin(resolved, alias) ? posix.join(root, resolved.slice(alias.length)) : resolved;
    return Buffer.byteLength(below) > MAX_PATH_BYTES ? undefined : below;
  };
  const areas: Area[] = [{ base: root, real: root, permits: () => true }];
  for (const glob of outside.flatMap((pattern) => globsOf(pattern, root))) {
    const base = absolute(glob.base);
    // What is in the root is allowed already; a link in it is no permission for where it leads.
    if (base === undefined || isWithin(base, root)) continue;
    areas.push({ base, real: realBase(disk, base, glob), permits: (below) => covers(glob, below) });
  }
  const directories = new Set<string>();
  return {
    root,
    absolute,
    excludes: excluder(exclude, root, absolute),
    permits: (path) => realWay(areas, path) !== undefined,
    reach: (path) => reach(disk, areas, directories, absolute, path),
    knows: (directory) => directories.add(directory),
  };
}

/** `shared/**` lets the directory itself be taken too: nothing in it is not allowed. */
function globsOf(pattern: string, root: string): Glob[] {
  if (pattern === '') return [];
  const directory = pattern.replace(/\/\*\*$/, '');
  const globs = parseGlob(pattern, root);
  return directory === pattern ? globs : [...globs, ...parseGlob(directory || '/', root)];
}

/** Links such as /var/run are common: whoever names a directory means where it is. What it holds is another matter. */
function realBase(disk: Disk, base: string, glob: Glob): string {
  try {
    if (!glob.matches('')) return disk.realpath(base);
    return base === '/' ? base : posix.join(disk.realpath(posix.dirname(base)), posix.basename(base));
  } catch {
    return base;
  }
}

/** Whether a glob takes what is below its base, or a directory above that. */
function covers(glob: Glob, below: string): boolean {
  if (glob.matches(below)) return true;
  for (let cut = below.lastIndexOf('/'); cut >= 0; cut = cut === 0 ? -1 : below.lastIndexOf('/', cut - 1)) {
    if (glob.matches(below.slice(0, cut))) return true;
  }
  return false;
}

function excluder(patterns: readonly string[], root: string, absolute: Place['absolute']): Place['excludes'] {
  const names = new Set(patterns.filter((pattern) => pattern !== '').map(absolute));
  const globs = patterns
    .filter(hasGlob)
    .flatMap((pattern) =>
      parseGlob(pattern, root).map((glob) => ({ base: absolute(glob.base) ?? glob.base, glob })),
    );
  if (names.size === 0) return () => false;
  const isExcluded = (path: string): boolean =>
    names.has(path) ||
    globs.some(({ base, glob }) => isWithin(path, base) && glob.matches(below(path, base)));
  return (path) => {
    for (let at = path; ; at = posix.dirname(at)) {
      if (isExcluded(at)) return true;
      if (at === '/' || at === root) return false;
    }
  };
}

// Step by step, as the kernel would, but never through a link that leads where one may not look.
function reach(
  disk: Disk,
  areas: readonly Area[],
  directories: Set<string>,
  absolute: Place['absolute'],
  path: string,
): Reach {
  let hops = 0;
  const go = (asked: string): Reach => {
    for (let target = absolute(asked); target !== undefined; ) {
      const start = realWay(areas, target);
      if (start === undefined) return 'outside';
      const step = walk(disk, directories, start.real, start.below);
      if (!('link' in step)) return step;
      // Before it is followed: `.env -> .env/..` asks for itself.
      hops += 1;
      if (hops > MAX_HOPS) return 'missing';
      const led = leadsTo(step, go);
      if (typeof led !== 'object') return led;
      target = absolute(led.path);
    }
    return 'missing';
  };
  try {
    return go(path);
  } catch (error) {
    return stateOf(error);
  }
}

/** Where a link leads, with no `..` left: that starts where the names before it lead, which may be links themselves. */
function leadsTo(
  { link, from, rest }: Link,
  go: (path: string) => Reach,
): Exclude<Reach, Reached> | { path: string } {
  let at = link.startsWith('/') ? '/' : from;
  let isReal = true;
  for (const name of `${link}${rest}`.split('/')) {
    if (name === '' || name === '.') continue;
    if (name !== '..') {
      at = posix.join(at, name);
      isReal = false;
      continue;
    }
    const reached = isReal ? { path: at } : go(at);
    if (typeof reached === 'string') return reached;
    if ('stat' in reached && !reached.stat.isDirectory()) return 'missing';
    at = posix.dirname(reached.path);
    isReal = true;
  }
  return { path: at };
}

/** What a failure of the disk says of a path. @throws what is none */
export function stateOf(error: unknown): 'missing' | 'unreadable' {
  const code = (error as NodeJS.ErrnoException).code;
  if (!(error instanceof Error) || typeof code !== 'string' || !('syscall' in error)) throw error;
  return NOT_THERE.has(code) ? 'missing' : 'unreadable';
}

/** The area that a path is in, if one may look there. */
function realWay(areas: readonly Area[], path: string): { real: string; below: string } | undefined {
  for (const { base, real, permits } of areas) {
    for (const start of [base, real]) {
      if (isWithin(path, start) && permits(below(path, start))) return { real, below: below(path, start) };
    }
  }
  return undefined;
}

/** The first link on a way: as it is written, the real directory that it lies in, and what follows it on the way. */
interface Link {
  readonly link: string;
  readonly from: string;
  readonly rest: string;
}

function walk(disk: Disk, directories: Set<string>, real: string, way: string): Reached | Link {
  const path = way === '' ? real : posix.join(real, way);
  const isKnown = directories.has(posix.dirname(path));
  let at = isKnown || way === '' ? path.length : real.length;
  for (;;) {
    // To the end of the next name.
    const slash = path.indexOf('/', at + 1);
    at = slash === -1 ? path.length : slash;
    const here = path.slice(0, at);
    const isLast = at === path.length;
    if (!isLast && directories.has(here)) continue;
    const stat = disk.lstat(here);
    if (stat.isSymbolicLink())
      return { link: disk.readlink(here), from: posix.dirname(here), rest: path.slice(at) };
    if (isLast) return { path, stat };
    if (stat.isDirectory()) directories.add(here);
  }
}

/** Whether a path is a directory's own or below it. */
export function isWithin(path: string, directory: string): boolean {
  return path === directory || path.startsWith(directory === '/' ? directory : `${directory}/`);
}

/** The rest of a path behind a directory: empty, or with a leading slash. */
function below(path: string, directory: string): string {
  return directory === '/' && path !== '/' ? path : path.slice(directory === '/' ? 1 : directory.length);
}
