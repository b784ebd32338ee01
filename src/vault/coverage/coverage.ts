// Whether the next backup would take what the deployment refers to, and what else looks secret. Needs no vault and no
// key; reads files, and writes nothing.
import { posix } from 'node:path';
import { openGround } from '../../capture/discover/ground.ts';
import type { Source } from '../../pack/collect.ts';
import { type BackupPlan, planBackup } from '../backup/plan.ts';
import { type Around, foundBy, lookAround } from './around.ts';
import { tornDatabases } from './databases.ts';
import { excluder } from './excluded.ts';
import type { CoverageDoubt, CoverageItem, RootCoverage, SnapshotState } from './item.ts';
import { belowEach, judge } from './judge.ts';
import type { CoverageSet } from './next.ts';
import { nextLines } from './next.ts';
import { lookingSecret, secretFiles, type Tracked } from './secret-files.ts';
import { realPath, takenBy } from './taken.ts';

export interface CoverageOptions {
  /** Every configured set: what any of them takes is covered. */
  readonly sets: readonly CoverageSet[];
  /** Absolute: one directory to look at; else the roots of the sets. */
  readonly path?: string;
  readonly now: Date;
  /** For paths in compose files that name variables. */
  readonly env?: Readonly<Record<string, string | undefined>>;
  readonly signal?: AbortSignal;
  readonly tracked: Tracked;
  /** Absolute paths of files that open this vault, as configured: they are never backed up, and need not be. */
  readonly credentials?: readonly string[];
  /** How files stand to the last snapshots; undefined where those were not asked. */
  readonly held?: (path: string) => SnapshotState;
}

/**
 * Looks at each root: what is referred to there, and how it stands.
 *
 * @returns one for each root, in the order of the sets
 * @throws UsageError `missing-root`, and as `planBackup`; InterruptedError
 */
export async function coverage(options: CoverageOptions): Promise<RootCoverage[]> {
  const { sets, path, now, signal, env } = options;
  const plans = new Map<CoverageSet, BackupPlan>();
  const call = { ...(signal ? { signal } : {}), ...(env ? { env } : {}) };
  // Where there is one set, what its backup discovers is part of what is looked for here: once is enough.
  const [only, ...more] = sets;
  const around =
    only && more.length === 0 && (path === undefined || realPath(path) === realPath(only.sources.root))
      ? await lookAround(realPath(only.sources.root), sets, call)
      : undefined;
  for (const set of sets) {
    const { discover } = set.sources;
    const found = around && discover ? { found: foundBy(around, discover) } : {};
    plans.set(set, await planBackup(set.sources, now, { ...call, ...found }));
  }
  const sources = [...plans.values()].flatMap((plan): Source[] => plan.sources);
  const elsewhere = sets.flatMap(({ sources: s }) =>
    (s.elsewhere ?? []).map((file) => posix.resolve(s.root, file)),
  );
  const groups = new Map<string, CoverageSet[]>();
  if (path !== undefined) groups.set(realPath(path), setsAt(realPath(path), sets));
  else {
    for (const set of sets) {
      const root = realPath(set.sources.root);
      groups.set(root, [...(groups.get(root) ?? []), set]);
    }
  }
  const found: RootCoverage[] = [];
  for (const [root, own] of groups) {
    const problems = own.flatMap((set) => plans.get(set)?.problems ?? []);
    const at = around ?? (await lookAround(root, own, call));
    found.push(await lookAt(at, own, problems, { sources, elsewhere }, options));
  }
  return found;
}

/** The sets that have a directory, or lie in it. */
function setsAt(path: string, sets: readonly CoverageSet[]): CoverageSet[] {
  const isIn = (inner: string, outer: string) =>
    inner === outer || inner.startsWith(outer === '/' ? outer : `${outer}/`);
  return sets.filter(({ sources }) => {
    const root = realPath(sources.root);
    return isIn(path, root) || isIn(root, path);
  });
}

async function lookAt(
  around: Around,
  sets: readonly CoverageSet[],
  problems: BackupPlan['problems'],
  { sources, elsewhere }: { readonly sources: readonly Source[]; readonly elsewhere: readonly string[] },
  { signal, tracked, credentials = [], held }: CoverageOptions,
): Promise<RootCoverage> {
  const { references, warnings } = foundBy(around);
  const { ground } = openGround(around.options, around.disk);
  const looking = lookingSecret(ground);
  const taken = takenBy(sources, elsewhere);
  const own = new Set(credentials.map(realPath));
  const judging = {
    root: ground.root,
    filesBelow: belowEach(ground.root, ground.files()),
    taken,
    isExcluded: excluder(around.exclude, around.options.root),
    held,
    signal,
  };
  const items = references.map((reference): CoverageItem => {
    const item = judge(judging, reference, (path) => looking.has(path));
    if (item.state === 'covered' || !own.has(realPath(item.path))) return item;
    const why = 'opens this vault, and is kept elsewhere';
    return { ...item, state: 'excluded', why, lacking: false, warned: false };
  });

  const referred = new Set(items.map((item) => item.path));
  const isOwn = (path: string): boolean => own.has(path);
  const sight = { ground, looking, items, taken, isOwn, tracked, held };
  const { secrets, gitKnown } = await secretFiles(sight);
  const torn = tornDatabases(ground, sources, elsewhere);
  return {
    root: ground.root,
    sets: sets.map(({ set }) => set),
    items,
    secrets,
    doubts: [...doubtsOf(ground.root, warnings, problems, referred), ...torn],
    gitKnown,
    next: nextLines(ground.root, sets[0], items, problems),
  };
}

/** What discovery did not understand, and what the plans miss that is no reference. */
function doubtsOf(
  root: string,
  warnings: readonly { readonly path: string; readonly reason: string }[],
  problems: BackupPlan['problems'],
  referred: ReadonlySet<string>,
): CoverageDoubt[] {
  const doubts = new Map<string, CoverageDoubt>();
  for (const { path, reason } of warnings) doubts.set(`${path} ${reason}`, { path, reason, lacking: false });
  for (const { kind, path, reason, incomplete } of problems) {
    // Those of references are told with the references.
    if (kind === 'discovery' || kind === 'not-taken' || referred.has(posix.resolve(root, path))) continue;
    doubts.set(`${path} ${reason}`, { path, reason, lacking: incomplete });
  }
  return [...doubts.values()];
}
