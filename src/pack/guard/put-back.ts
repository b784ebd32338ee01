// Makes one set's files what they were: what is missing or differs comes back from the copy, what was added moves
// aside, and all of it is one placement, so that it happens wholly or not at all.

import { mkdirSync, renameSync } from 'node:fs';
import { setTimeout as pause } from 'node:timers/promises';
import { ConflictError, StrongroomError } from '../../errors.ts';
import type { Entry } from '../entry.ts';
import { fsPath, printableName } from '../names.ts';
import { hashFile, lookAt } from '../place/existing.ts';
import { placeFailure } from '../place/failures.ts';
import { planPlacement } from '../place/plan.ts';
import { recoverPlacement } from '../place/recover.ts';
import { openStaging } from '../place/stage.ts';
import { joined, parentOf, placeOf } from '../place/target.ts';
import type { PlacementPlan, Staging } from '../place/types.ts';
import { asEntry, withoutAcls } from './as-before.ts';
import { type Changes, changesOf, destinationOf } from './changes.ts';
import { copyGone, feed } from './feed.ts';
import type { GuardedTree, UndoPlace } from './journal.ts';
import { closeAgain, openUp } from './open-up.ts';
import { settle } from './settle.ts';
import { copyPath } from './where.ts';

/** What was done to one set. Paths are those of entries, as names of `names.ts`. */
export interface PutBack {
  readonly set: string;
  readonly root: string;
  /** What came back: it was missing, or differed. */
  readonly restored: readonly string[];
  /** What was moved out of the way, and where it is now. */
  readonly removed: readonly { readonly path: string; readonly keptAs: string }[];
  /** Sentences that are safe to show. */
  readonly warnings: readonly string[];
}

export interface PutBackOptions {
  readonly stateDirectory: string;
  readonly now: Date;
  /** The places, with those that are still needed for what is moved aside made. */
  readonly placesFor: (directories: readonly string[]) => readonly UndoPlace[];
  /** A name in a place, on the mount of an absolute path, that nothing has had yet. */
  readonly asideFor: (set: string, path: string, destination: string) => string;
}

/** Something may be written while we work. More often than this we do not run after it. */
const ROUNDS = 3;
/** How often what changed under our hands is looked at anew, and how long we wait before that, each time twice as long. */
const RETRIES = 5;
const PAUSE_MS = 100;

interface Tally {
  readonly restored: Set<string>;
  readonly removed: { path: string; keptAs: string }[];
  readonly warnings: Set<string>;
}

/** @throws StrongroomError; what was not put back then can be tried again */
export async function putBack(tree: GuardedTree, options: PutBackOptions): Promise<PutBack> {
  const { stateDirectory } = options;
  const tally: Tally = { restored: new Set(), removed: [], warnings: new Set() };
  const onWarning = (message: string) => void tally.warnings.add(message);
  const takeBack = clearRoot(tree, options);
  try {
    if (placeOf(tree.root) !== tree.root) throw rootMoved(tree.root);
    await recoverPlacement(tree.root, { stateDirectory, onWarning });
    for (let round = 1; !(await putBackCalmly(tree, options, tally)); round++) {
      if (round < ROUNDS) continue;
      const root = printableName(tree.root);
      onWarning(`something in '${root}' still changes, or has an owner that only root can give back`);
      break;
    }
  } catch (error) {
    takeBack.call();
    throw placeFailure(error, tree.root);
  }
  if (takeBack.keptAs !== undefined) tally.removed.push({ path: '.', keptAs: takeBack.keptAs });
  for (const message of settle(tree)) onWarning(message);
  const { restored, removed, warnings } = tally;
  return { set: tree.set, root: tree.root, restored: [...restored], removed, warnings: [...warnings] };
}

/** The command may have left something behind that still writes: what it does between our look and our step is no end. */
async function putBackCalmly(tree: GuardedTree, options: PutBackOptions, tally: Tally): Promise<boolean> {
  for (let retry = 1; ; retry++) {
    try {
      return await putBackOnce(tree, options, tally);
    } catch (error) {
      const hasChanged = error instanceof ConflictError && error.code === 'changed-since-plan';
      if (!hasChanged || retry > RETRIES) throw error;
      await pause(PAUSE_MS * 2 ** (retry - 1));
    }
  }
}

/** @returns whether all was as it should be, so that there was nothing left to do */
async function putBackOnce(tree: GuardedTree, options: PutBackOptions, tally: Tally): Promise<boolean> {
  const opened = openUp(tree);
  try {
    const { plan, moved } = await planOf(tree, await changesOf(tree), options, tally);
    const { units } = plan.layout;
    if (units.length === 0) return true;
    const report = await place(tree, plan, options);
    for (const { action, entry, destination } of plan.entries) {
      const isOnlyOpened = entry.type === 'dir' && opened.get(destination) === entry.mode;
      if ((action === 'create' || action === 'replace') && !isOnlyOpened) tally.restored.add(entry.path);
    }
    for (const unit of units) {
      if (unit.aside === undefined) continue;
      const at = joined(plan.layout.bases[unit.base]!, unit.directory, unit.name);
      const { directory, name } = unit.aside;
      tally.removed.push({ path: moved.get(at) ?? at, keptAs: joined('/', directory, name) });
    }
    for (const { message } of report.warnings) tally.warnings.add(message);
    return units.every(
      ({ kind, base, directory, name }) =>
        kind === 'access' && opened.has(joined(plan.layout.bases[base]!, directory, name)),
    );
  } catch (error) {
    closeAgain(opened);
    throw error;
  }
}

/**
 * Moves away what has taken the place of the root: a placement would follow a link there.
 *
 * @returns where it is now, if there was anything, and how to take that back
 */
function clearRoot(
  { set, root }: GuardedTree,
  { placesFor, asideFor }: PutBackOptions,
): { readonly keptAs?: string; call(): void } {
  const now = lookAt(fsPath(root));
  if (now === undefined || now.type === 'dir') return { call: () => {} };
  placesFor([parentOf(root) || '/']);
  const keptAs = asideFor(set, '', root);
  mkdirSync(fsPath(parentOf(keptAs)), { recursive: true, mode: 0o700 });
  renameSync(fsPath(root), fsPath(keptAs));
  return {
    keptAs,
    call() {
      if (lookAt(fsPath(root)) === undefined) renameSync(fsPath(keptAs), fsPath(root));
    },
  };
}

function rootMoved(root: string): ConflictError {
  const object = printableName(root);
  return new ConflictError('root-moved', `a directory above '${object}' has become a link to another place`, {
    object,
    hint: 'put that directory back, then run `strongroom guard --recover`',
  });
}

async function planOf(
  tree: GuardedTree,
  { suspects, added, displaced }: Changes,
  { stateDirectory, now, placesFor, asideFor }: PutBackOptions,
  { warnings }: Tally,
): Promise<{ plan: PlacementPlan; moved: ReadonlyMap<string, string> }> {
  const moved = new Map([...added, ...displaced].map((path) => [destinationOf(tree.root, path), path]));
  const places = placesFor([...moved.keys()].map((path) => parentOf(path) || '/'));
  const entries: Entry[] = [];
  const onWarning = (message: string) => void warnings.add(message);
  for (const entry of await withoutAcls(tree, suspects, onWarning))
    entries.push(asEntry(tree, entry, places));
  const to = (path: string) => asideFor(tree.set, moved.get(path) ?? path.slice(1), path);
  const plan = await planPlacement(
    entries,
    { root: tree.root, outside: '/' },
    {
      existing: 'replace',
      asRecorded: true,
      setId: true,
      now,
      stateDirectory,
      aside: { unwanted: added, to },
    },
  );
  return { plan, moved };
}

/** Copies what is to come back into the staging; where the disk is full, the copies themselves go there. */
async function place(tree: GuardedTree, plan: PlacementPlan, options: PutBackOptions) {
  const { stateDirectory, placesFor } = options;
  const places = placesFor([]);
  const byPath = new Map(tree.entries.map((entry) => [entry.path, entry]));
  const attempt = async (isAtHand: boolean) => {
    const staging = await openStaging(plan, { stateDirectory, isAtHand });
    try {
      for (const { entry } of plan.entries) {
        if (entry.type !== 'file' || !staging.wants(entry.path)) continue;
        const copy = copyPath(places[byPath.get(entry.path)!.place!]!, tree.set, entry.path);
        await hand(staging, entry, copy, isAtHand);
      }
      return await staging.commit();
    } catch (error) {
      await staging.discard();
      throw error;
    }
  };
  try {
    return await attempt(false);
  } catch (error) {
    if (!(error instanceof StrongroomError) || error.code !== 'disk-full') throw error;
    return await attempt(true);
  }
}

async function hand(staging: Staging, entry: Entry, copy: string, isAtHand: boolean): Promise<void> {
  if (isAtHand && (await canBecome(entry, copy)) && staging.adopt(entry, copy)) return;
  await feed(copy, staging.openFile(entry), entry.sha256!);
}

/** Whether it is what was kept, and nobody else can have it open to write. */
async function canBecome(entry: Entry, copy: string): Promise<boolean> {
  const seen = lookAt(fsPath(copy));
  if (seen === undefined || seen.uid !== process.geteuid!() || (seen.mode & 0o022) !== 0) return false;
  if ((await hashFile(copy, seen)) === entry.sha256) return true;
  throw copyGone(copy);
}
