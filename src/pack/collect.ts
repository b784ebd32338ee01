// Owns finding what goes into a snapshot: from the patterns of a set to a list of sources. Never follows a link,
// and never leaves out quietly what was asked for. Reads no content.

import { lstatSync } from 'node:fs';
import { UsageError } from '../errors.ts';
import { danglingLinks } from './collect-links.ts';
import { paceOf } from './collect-pace.ts';
import {
  absolutePath,
  entryPath,
  isWithin,
  locate,
  openPlace,
  type Place,
  pathOfEntry,
} from './collect-place.ts';
import {
  entryType,
  inByteOrder,
  type Problem,
  parentsOf,
  problemOf,
  replaced,
  type Source,
  specialName,
} from './collect-source.ts';
import { type Gathering, look, note, type Seen, type Wanted, walk } from './collect-walk.ts';
import { type Glob, hasGlob, parseGlob } from './globs.ts';
import { fsPath } from './names.ts';

export { type Problem, type Source, sourcesFromMemory } from './collect-source.ts';

/** What a set asks for. Patterns are paths or globs, relative to the root or absolute. */
export interface Selection {
  /** Absolute path of a directory. */
  root: string;
  /** Everything in the root when empty. A directory stands for all that it holds. */
  include: readonly string[];
  /** Stronger than `include`. An excluded directory is not looked into. */
  exclude: readonly string[];
}

export interface CollectOptions {
  signal?: AbortSignal | undefined;
  /** Called now and then with how much has been found so far. */
  onProgress?: ((found: { entries: number }) => void) | undefined;
}

/**
 * Finds what goes into a snapshot.
 *
 * @returns sources in byte order of their paths, each once, with the directories above them; and what is not as
 *   one would expect
 * @throws UsageError `missing-root`, `unreadable-root`, `bad-pattern`, or `reserved-name` when something in the root
 *   is called `@outside`; InterruptedError
 */
export async function collect(
  selection: Selection,
  options: CollectOptions = {},
): Promise<{ sources: Source[]; problems: Problem[] }> {
  const place = openPlace(selection.root);
  const include = selection.include.length === 0 ? ['.'] : selection.include;
  for (const pattern of [...include, ...selection.exclude]) checkPattern(pattern);
  const found = new Map<string, Source>();
  const gathering: Gathering = {
    place,
    excludes: excluder(place, selection.exclude),
    found,
    problems: [],
    walked: new Set(),
    pace: paceOf(options.signal, () => options.onProgress?.({ entries: found.size })),
  };
  for (const pattern of include) await gather(gathering, pattern);
  addParents(gathering);
  return {
    sources: inByteOrder(found),
    problems: withoutRepeats([...gathering.problems, ...danglingLinks(place, found)]),
  };
}

function checkPattern(pattern: string): void {
  // An empty one, such as a shell makes of an unset variable, would mean the whole root.
  if (pattern !== '' && !pattern.includes('\0')) return;
  const fault = pattern === '' ? 'is empty' : 'holds a NUL';
  throw new UsageError('bad-pattern', `a path or pattern to back up ${fault}`, {
    hint: 'write `.` for everything in the root',
  });
}

// One pattern: what it names or, if there is no such thing, what it matches as a glob.
async function gather(gathering: Gathering, pattern: string): Promise<void> {
  const { place, problems } = gathering;
  const before = problems.length;
  const fail = (kind: Problem['kind'], reason: string) =>
    problems.push({ kind, path: pattern, reason, incomplete: true });

  const named = locate(place, absolutePath(place, pattern));
  if ('stat' in named) {
    if (isExcluded(gathering, named.path)) return;
    await gatherWhole(gathering, named.path);
    // A special file among others is only passed over. One that was asked for by name is missed.
    if (entryType(named.stat) === undefined) {
      const [path, reason] = [entryPath(place, named.path), `is ${specialName(named.stat)}`];
      problems.push({ kind: 'skipped', path, reason, incomplete: true });
    }
    return;
  }
  if (!hasGlob(pattern)) {
    fail(named.problem.kind, named.problem.reason);
    return;
  }
  let count = 0;
  for (const glob of parseGlob(pattern, place.root)) {
    const base = locate(place, absolutePath(place, glob.base), glob.matches('') ? 'itself' : 'inside');
    if ('stat' in base) count += await gatherGlob(gathering, glob, base);
    else if (base.problem.kind !== 'missing') fail(base.problem.kind, base.problem.reason);
  }
  if (count === 0 && problems.length === before) fail('missing', 'matches nothing');
}

async function gatherGlob(gathering: Gathering, glob: Glob, base: Seen): Promise<number> {
  if (isExcluded(gathering, base.path)) return 1;
  if (!glob.matches('')) {
    return base.stat.isDirectory() ? walk(gathering, base, wantedBy(glob, base.path)) : 0;
  }
  await gatherWhole(gathering, base.path);
  return 1;
}

async function gatherWhole(gathering: Gathering, path: string): Promise<void> {
  const stat = look(gathering, path);
  if (stat?.isDirectory()) await walk(gathering, { path, stat });
}

function wantedBy(glob: Glob, base: string): Wanted {
  const cut = base === '/' ? 0 : base.length;
  return {
    matches: (path) => isWithin(path, base) && glob.matches(path.slice(cut)),
    reaches: (path) => glob.reaches(path.slice(cut)),
  };
}

function excluder(place: Place, patterns: readonly string[]): (path: string) => boolean {
  const names = new Set<string>();
  const globs: Wanted[] = [];
  for (const pattern of patterns) {
    const path = absolutePath(place, pattern);
    const named = locate(place, path);
    names.add('stat' in named ? named.path : path);
    if ('problem' in named && hasGlob(pattern)) {
      for (const glob of parseGlob(pattern, place.root)) {
        const lexical = absolutePath(place, glob.base);
        const base = locate(place, lexical, 'inside');
        globs.push(wantedBy(glob, 'stat' in base ? base.path : lexical));
      }
    }
  }
  return (path) => names.has(path) || globs.some((glob) => glob.matches(path));
}

function isExcluded({ excludes }: Gathering, path: string): boolean {
  if (excludes(path)) return true;
  for (const parent of parentsOf(path)) if (excludes(parent)) return true;
  return false;
}

function addParents(gathering: Gathering): void {
  const { place, found, problems } = gathering;
  for (const path of [...found.keys()]) {
    for (const parent of parentsOf(path)) {
      if (found.has(parent)) break;
      const above = pathOfEntry(place, parent);
      try {
        const stat = lstatSync(fsPath(above));
        if (stat.isDirectory()) note(gathering, { path: above, stat });
        else problems.push(replaced(parent));
      } catch (error) {
        problems.push(problemOf(error, parent));
      }
    }
  }
}

// Patterns may overlap, and so then do their problems.
function withoutRepeats(problems: readonly Problem[]): Problem[] {
  const kept = new Map<string, Problem>();
  for (const problem of problems) {
    const key = `${problem.kind}\0${problem.path}`;
    if (!kept.get(key)?.incomplete) kept.set(key, problem);
  }
  return [...kept.values()];
}
