// What a restore will do, before it does it: dry run, confirmation and restore read this one plan.
import { posix } from 'node:path';
import { NotFoundError, UsageError } from '../../errors.ts';
import { isWithin } from '../../pack/collect-place.ts';
import { parentsOf } from '../../pack/collect-source.ts';
import type { Entry } from '../../pack/entry.ts';
import { globMatcher } from '../../pack/globs.ts';
import { printableName } from '../../pack/names.ts';
import { planPlacement, refuseConflicts } from '../../pack/place/plan.ts';
import { placeOf } from '../../pack/place/target.ts';
import type { Destination, Existing, PlacementPlan } from '../../pack/place/types.ts';
import type { Store } from '../../store/store.ts';
import { readSnapshotContents } from '../artifact-read.ts';
import type { Contents, Warning } from '../documents/contents.ts';
import type { Snapshot } from '../snapshots.ts';
import { callOptions, type UnlockedVault } from '../vault.ts';
import { type Asked, heldToSet } from './outside.ts';

export interface RestoreOptions {
  /** Where to: a directory, or the set's own place. */
  readonly destination: Destination;
  /** Only these paths: literal, or globs; a directory means all below it. Empty: everything. */
  readonly paths: readonly string[];
  readonly existing: Existing;
  readonly asRecorded: boolean;
  /** With `asRecorded`, set-id bits too: for an undo copy, which this machine made of its own files. */
  readonly setId?: boolean;
  /** In place: what the set asks for by absolute path. Outside of the root nothing else is placed; left out, nothing. */
  readonly asked?: Asked;
  /** Absolute paths never replaced, such as the active configuration. */
  readonly protect?: readonly string[];
  /** Absolute; journals are kept there. */
  readonly stateDirectory: string;
  /** Keeps what is replaced, for `restore --undo`. */
  readonly undoStore: Store;
}

export interface RestorePlan {
  readonly snapshot: Snapshot;
  readonly contents: Contents;
  readonly options: RestoreOptions;
  readonly placement: PlacementPlan;
  /** What the snapshot warns of and concerns what was chosen of it. */
  readonly warnings: readonly Warning[];
}

/** Restored into its own vault, a secret would lie there in the clear, and be carried wherever the vault is. */
function refuseVault(root: string, location: string): void {
  if (!posix.isAbsolute(location) || !isWithin(placeOf(posix.resolve(root)), placeOf(location))) return;
  const object = printableName(root);
  throw new UsageError('target-in-vault', `'${object}' is in the vault itself`, {
    object,
    hint: 'nothing was changed; files would lie there unencrypted, so choose another --target',
  });
}

/** A path that was asked for, as entries are named. */
function entryPathOf(path: string): string {
  // Empty, such as a shell makes of an unset variable, it would otherwise mean everything.
  if (path === '') return '..';
  return posix.normalize(path.startsWith('/') ? `@outside${path}` : path).replace(/\/+$/, '');
}

const isAtOrBelow = (wanted: string, { path }: Entry): boolean =>
  path === wanted || path.startsWith(`${wanted}/`);

/** The warnings of a snapshot that concern paths and globs, which have chosen entries. */
function warningsFor({ warnings, entries }: Contents, paths: readonly string[]): readonly Warning[] {
  const wanted = paths.map(entryPathOf);
  if (warnings.length === 0 || wanted.length === 0 || wanted.includes('.')) return warnings;
  const globs = wanted
    .filter((path) => !entries.some((e) => isAtOrBelow(path, e)))
    .map((path) => globMatcher(path));
  const isMeant = (path: string) => wanted.includes(path) || globs.some((matches) => matches(path));
  return warnings.filter(({ path }) => [path, ...parentsOf(path)].some(isMeant));
}

/** The entries that paths and globs choose, with the directories above them. */
export function selectEntries(
  contents: Contents,
  paths: readonly string[],
  snapshot: string,
): readonly Entry[] {
  if (paths.length === 0) return contents.entries;
  const chosen = new Set<string>();
  for (const path of paths) {
    const matches = entriesAt(contents.entries, path);
    if (matches === contents.entries) return matches;
    if (matches.length === 0) {
      throw new NotFoundError('no-path', `${snapshot} holds nothing that matches ${printableName(path)}`, {
        hint: `see what it holds with \`strongroom show ${snapshot}\``,
      });
    }
    for (const { path: match } of matches) {
      for (let at = match.length; at > 0; at = match.lastIndexOf('/', at - 1)) chosen.add(match.slice(0, at));
    }
  }
  return contents.entries.filter((e) => chosen.has(e.path));
}

/**
 * What a path or glob means among entries: a literal path with all below it, else what a glob matches.
 * @returns `entries` itself where everything is meant; empty where nothing is
 */
export function entriesAt(entries: readonly Entry[], path: string): readonly Entry[] {
  const wanted = entryPathOf(path);
  if (wanted === '.') return entries;
  const literal = entries.filter((e) => isAtOrBelow(wanted, e));
  const isInside = wanted !== '..' && !wanted.startsWith('../');
  return literal.length > 0 || !isInside ? literal : globbed(entries, wanted);
}

function globbed(entries: readonly Entry[], glob: string): Entry[] {
  const matches = globMatcher(glob);
  const directories = new Set(entries.filter((e) => e.type === 'dir' && matches(e.path)).map((e) => e.path));
  return entries.filter(({ path }) => matches(path) || isBelow(path, directories));
}

function isBelow(path: string, directories: ReadonlySet<string>): boolean {
  for (let at = path.lastIndexOf('/'); at > 0; at = path.lastIndexOf('/', at - 1)) {
    if (directories.has(path.slice(0, at))) return true;
  }
  return false;
}

/**
 * Reads the snapshot's contents and the target, and changes nothing.
 * @throws NotFoundError `no-path`; UsageError `no-place`, `target-in-vault`; IntegrityError `outside-the-set` and as
 *   reading does; StrongroomError as `planPlacement`
 */
export async function planRestore(
  vault: UnlockedVault,
  snapshot: Snapshot,
  options: RestoreOptions,
): Promise<RestorePlan> {
  const contents = await readSnapshotContents(vault, snapshot);
  const { destination, existing, asRecorded, setId, protect, stateDirectory } = options;
  if (destination.root === '') {
    throw new UsageError(
      'no-place',
      `${snapshot.id} was not made from files, so it has no place of its own`,
      {
        hint: 'choose one with --target DIR',
      },
    );
  }
  refuseVault(destination.root, vault.store.location);
  const chosen = selectEntries(contents, options.paths, snapshot.id);
  const asked = options.asked ?? (() => false);
  const inPlace = destination.outside !== undefined;
  const entries = inPlace
    ? heldToSet(chosen, { root: posix.resolve(destination.root), asked, snapshot })
    : chosen;
  const placement = await planPlacement(entries, destination, {
    existing,
    asRecorded,
    ...(setId ? { setId } : {}),
    ...contents.restore,
    ...(protect ? { protect } : {}),
    now: vault.now(),
    stateDirectory,
    ...callOptions(vault),
  });
  const warnings = warningsFor(contents, options.paths);
  return { snapshot, contents, options, placement, warnings };
}

/**
 * Refuses a plan that cannot be carried out, so that one of several does not leave the others done.
 * @throws ConflictError `target-exists`, `symlink-in-the-way`, `in-the-way`
 */
export function refuseRestore({ placement }: RestorePlan): void {
  refuseConflicts(placement);
}
