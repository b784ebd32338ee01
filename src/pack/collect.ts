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
  /** Paths that are packed besides. They answer no pattern: with nothing but these, a set is as good as empty. */
  also?: readonly string[];
  /** Files that are taken in another way, such as a database by its own tool: left out here, and not missed. */
  elsewhere?: readonly string[];
  /** Whether an empty `include` means nothing, as it names all that is wanted. */
  isExact?: boolean;
  /** Whether to leave out directories that nothing asks for, and that are there only as the way to what is. */
  withoutWay?: boolean;
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
  const { exclude, also = [], elsewhere = [], isExact = false, withoutWay = false } = selection;
  const include = selection.include.length === 0 && !isExact ? ['.'] : selection.include;
  for (const pattern of [...include, ...exclude, ...also]) checkPattern(pattern);
  const found = new Map<string, Source>();
  const gathering: Gathering = {
    place,
    excludes: excluder(place, exclude),
    also: new Set(also.map((path) => realPathOf(place, path))),
    elsewhere: new Set(elsewhere.map((path) => realPathOf(place, path))),
    found,
    problems: [],
    walked: new Set(),
    answers: new Set(),
    namedLinks: new Set(),
    pace: paceOf(options.signal, () => options.onProgress?.({ entries: found.size })),
  };
  const { problems, answers, namedLinks } = gathering;
  for (const pattern of include) await gather(gathering, pattern);
  // Every pattern may have found something, and an exclude have taken it away again.
  if (include.length > 0 && answers.size === 0 && problems.length === 0)
    problems.push(nothingIn(place, place.root));
  for (const path of also) await gatherBesides(gathering, path);
  if (!withoutWay) addParents(gathering);
  return {
    sources: inByteOrder(found),
    problems: withoutRepeats([...problems, ...danglingLinks(place, found, namedLinks)]),
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

// One pattern: what it names, and what it matches as a glob. Both, or a file that happens to be called `*.pem` would
// leave out all the others.
async function gather(gathering: Gathering, pattern: string): Promise<void> {
  const { place, problems } = gathering;
  const before = problems.length;
  const fail = ({ kind, reason }: Pick<Problem, 'kind' | 'reason'>) =>
    problems.push({ kind, path: pattern, reason, incomplete: true });

  const named = locate(place, absolutePath(place, pattern));
  if ('stat' in named) await gatherNamed(gathering, named);
  else if (!hasGlob(pattern)) fail(named.problem);
  if (!hasGlob(pattern)) return;
  let count = 'stat' in named ? 1 : 0;
  for (const glob of parseGlob(pattern, place.root)) {
    const isName = glob.matches('');
    const base = locate(place, absolutePath(place, glob.base), isName ? 'itself' : 'inside');
    if ('problem' in base) {
      if (base.problem.kind !== 'missing') fail(base.problem);
    } else if (isName) {
      await gatherNamed(gathering, base);
      count++;
    } else if (isExcluded(gathering, base.path)) count++;
    else if (base.stat.isDirectory()) count += await walk(gathering, base, wantedBy(glob, base.path));
  }
  if (count === 0 && problems.length === before) fail({ kind: 'missing', reason: 'matches nothing' });
}

// What was asked for by name is missed when it comes to nothing: a special file, which among others is only passed
// over, and a directory without a file, such as one whose disk is not mounted.
async function gatherNamed(gathering: Gathering, { path, stat }: Seen): Promise<void> {
  const { place, problems, answers, namedLinks } = gathering;
  if (isExcluded(gathering, path)) return;
  if (gathering.elsewhere.has(path)) {
    answers.add(path);
    return;
  }
  await gatherWhole(gathering, path);
  const entry = entryPath(place, path);
  if (stat.isDirectory()) {
    if (!hasAnswer(answers, path)) problems.push(nothingIn(place, path));
    return;
  }
  answers.add(path);
  if (stat.isSymbolicLink()) namedLinks.add(entry);
  if (entryType(stat) === undefined) {
    problems.push({ kind: 'skipped', path: entry, reason: `is ${specialName(stat)}`, incomplete: true });
  }
}

function hasAnswer(answers: ReadonlySet<string>, directory: string): boolean {
  if (answers.has(directory)) return true;
  for (const path of answers) if (isWithin(path, directory)) return true;
  return false;
}

function nothingIn(place: Place, path: string): Problem {
  const reason = 'there is nothing in it to back up';
  return { kind: 'missing', path: entryPath(place, path) || place.given, reason, incomplete: true };
}

async function gatherBesides(gathering: Gathering, path: string): Promise<void> {
  const named = locate(gathering.place, absolutePath(gathering.place, path));
  if ('problem' in named) gathering.problems.push({ ...named.problem, path, incomplete: true });
  else if (!isExcluded(gathering, named.path)) await gatherWhole(gathering, named.path);
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
    names.add(realPathOf(place, pattern));
    if (hasGlob(pattern)) {
      for (const glob of parseGlob(pattern, place.root)) {
        const lexical = absolutePath(place, glob.base);
        const base = locate(place, lexical, 'inside');
        globs.push(wantedBy(glob, 'stat' in base ? base.path : lexical));
      }
    }
  }
  return (path) => names.has(path) || globs.some((glob) => glob.matches(path));
}

// The path as it will be met, or as it was given when there is no such thing.
function realPathOf(place: Place, path: string): string {
  const absolute = absolutePath(place, path);
  const named = locate(place, absolute);
  return 'stat' in named ? named.path : absolute;
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
