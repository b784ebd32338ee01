// What the next backup would take: the files of a set, and those that its compose files and the like refer to. Reads
// no secret, writes nothing.
import { posix } from 'node:path';
import type { Discoverer, DiscoverOptions, Discovery, Reference } from '../../capture/discover/reference.ts';
import { collect, type Problem, type Selection, type Source, sourcesFromMemory } from '../../pack/collect.ts';
import { printableName } from '../../pack/names.ts';
import type { Strays } from './strays.ts';

/** What goes into a snapshot: files on this machine, or values that the caller holds in memory. */
export type BackupSources = FileSources | { readonly memory: Readonly<Record<string, unknown>> };

export interface FileSources {
  /** Absolute. */
  readonly root: string;
  /** Everything in the root when empty, unless `discover` says what is taken. */
  readonly include: readonly string[];
  readonly exclude: readonly string[];
  /** Packed besides, such as the configuration; with nothing but these, a set is as good as empty. */
  readonly also?: readonly string[];
  /** Files that streams take, relative to the root or absolute: a copy of a live database would be torn. */
  readonly elsewhere?: readonly string[];
  /** Kinds of files whose references are followed. With none of them, and no include, no file is taken. */
  readonly discover?: readonly Discoverer[];
  /** Globs of what references may lead to beyond the root. */
  readonly outside?: readonly string[];
}

/** What went wrong with a source; or beside them, in a sentence of its own and with the next step. */
export type BackupProblem = Omit<Problem, 'kind'> & {
  readonly hint?: string;
  readonly kind:
    | Problem['kind']
    | 'clock'
    | 'discovery'
    | 'exposed'
    | 'findings'
    | 'not-remembered'
    | 'not-taken'
    | 'replica'
    | 'replica-behind'
    | 'rotated'
    | 'stream'
    | 'two-successors'
    | 'unseen';
};

export interface BackupPlan {
  readonly sources: Source[];
  readonly problems: readonly BackupProblem[];
  /** What was looked for, with what references led to; not for values in memory. */
  readonly selection?: Selection;
}

export interface PlanOptions {
  readonly signal?: AbortSignal;
  /** For paths in compose files that name variables. */
  readonly env?: Readonly<Record<string, string | undefined>>;
  /** What the kinds of `discover` found, where somebody looked just now. */
  readonly found?: Discovery;
}

/**
 * What the next backup would take, without writing anything.
 * @throws UsageError as `collect`; InterruptedError
 */
export async function planBackup(
  sources: BackupSources,
  now: Date,
  { signal, env, found: known }: PlanOptions = {},
): Promise<BackupPlan> {
  if ('memory' in sources) return { sources: sourcesFromMemory(sources.memory, now.getTime()), problems: [] };
  const call = signal ? { signal } : {};
  const { discover: kinds } = sources;
  if (kinds === undefined) return { ...(await collect(sources, call)), selection: sources };
  const { root, exclude, outside = [] } = sources;
  const options = { root, kinds, exclude, outside, ...(env ? { env } : {}), ...call };
  const discovery = known ?? (kinds.length === 0 ? NOTHING : await discovered(options));
  const named = namedBy(discovery);
  const include = [...sources.include, ...named.keys()];
  const selection = { ...sources, include, isExact: true };
  const found = await collect(selection, call);
  const { strays, ...kept } = await allowed(found.sources, sources, named);
  const shown = (path: string) => shownPath(path, root);
  const problems: BackupProblem[] = found.problems.map((problem) => {
    const reference = named.get(problem.path);
    const path = reference ? shown(reference.path) : problem.path;
    return {
      ...problem,
      path,
      reason: `${problem.reason}${reference ? ` (${namer(reference, shown)})` : ''}`,
    };
  });
  problems.push(...problemsOf(discovery, shown));
  for (const { path, reference } of strays) {
    const reason = 'lies outside the root where the set does not allow it: it was not taken';
    const why = reference ? ` (${namer(reference, shown)})` : '';
    const incomplete = reference?.required ?? true;
    const of = shown(reference?.path ?? path);
    problems.push({ kind: 'not-taken', path: of, reason: `${reason}${why}`, incomplete });
  }
  if (kinds.length > 0 && include.length === 0) {
    const reason = `nothing of a deployment was found in it (looked for: ${kinds.join(', ')})`;
    problems.push({ kind: 'missing', path: root, reason, incomplete: true });
  }
  const astray = new Set(strays.map(({ reference }) => reference));
  const followed = [...named].flatMap(([pattern, reference]) => (astray.has(reference) ? [] : pattern));
  return {
    sources: kept.sources,
    problems,
    selection: { ...selection, include: [...sources.include, ...followed] },
  };
}

/** Only where discovery added something: what a set names itself may lie anywhere. */
async function allowed(
  found: Source[],
  sources: FileSources,
  named: ReadonlyMap<string, Reference>,
): Promise<Strays> {
  if (named.size === 0 || !found.some(({ path }) => path.startsWith('@outside/')))
    return { sources: found, strays: [] };
  return (await import('./strays.ts')).withoutStrays(found, sources, named.values());
}

const NOTHING: Discovery = { references: [], warnings: [] };

async function discovered(options: DiscoverOptions): Promise<Discovery> {
  const { discover } = await import('../../capture/discover/discover.ts');
  return await discover(options);
}

/** Patterns of what is there, or should be: a file that cannot be read must be missed. */
function namedBy({ references }: Discovery): Map<string, Reference> {
  const isMissed = ({ state, required }: Reference) =>
    required && (state === 'missing' || state === 'unreadable');
  const taken = references.filter((r) => r.state === 'file' || r.state === 'directory' || isMissed(r));
  return new Map(taken.map((r) => [patternOf(r.path), r]));
}

/** A pattern that means just this path. */
export function patternOf(path: string): string {
  return path.replace(/[*?[{\\]/g, '\\$&');
}

function shownPath(path: string, root: string): string {
  const below = posix.relative(root, path);
  return printableName(below === '' || below.startsWith('../') ? path : below);
}

function namer({ as, by }: Reference, shown: (path: string) => string): string {
  return by === undefined ? as : `${as} in ${shown(by)}`;
}

function problemsOf({ references, warnings }: Discovery, shown: (path: string) => string): BackupProblem[] {
  const problems: BackupProblem[] = warnings.map(({ path, reason }) => ({
    kind: 'discovery',
    path: shown(path),
    reason,
    incomplete: false,
  }));
  // What is outside and not required is for `coverage` to tell: this is said every night.
  const left = references.filter(
    ({ state, required }) => state === 'too-large' || (state === 'outside' && required),
  );
  // Once a path: every service of a file may refer to it.
  for (const reference of new Map(left.map((r) => [r.path, r])).values()) {
    const why =
      reference.state === 'outside'
        ? 'is outside the root, and the set does not allow it'
        : 'is too large to be taken unasked';
    const reason = `${why} (${namer(reference, shown)})`;
    problems.push({ kind: 'not-taken', path: shown(reference.path), reason, incomplete: false });
  }
  return problems;
}
