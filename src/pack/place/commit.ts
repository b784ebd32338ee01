// Takes what is staged into the target: wholly, or not at all. Old files are saved before the first one is
// replaced, and a journal says how to take every step back, until all of them are on the disk.

import { fstatSync, futimesSync, readlinkSync, symlinkSync } from 'node:fs';
import { setImmediate as nextTurn } from 'node:timers/promises';
import { ConflictError, StrongroomError } from '../../errors.ts';
import { printableName } from '../names.ts';
import { inside } from './beneath.ts';
import { copyToNew } from './copy.ts';
import { lookAt } from './existing.ts';
import { caseCollision, changedSincePlan, errno, placeFailure, stopIfAborted } from './failures.ts';
import { giveAccess, makeLinks } from './finish.ts';
import { type OpenGround, stagedPath, type Terrain } from './ground.ts';
import { markJournal, type Step, writeJournal } from './journal.ts';
import type { Unit } from './layout.ts';
import { thisRunner } from './runner.ts';
import { type Change, put, save } from './swap.ts';
import { syncSaved, syncStaged, syncSteps } from './sync.ts';
import { joined } from './target.ts';
import type { PlacementPlan, PlaceWarning, PlannedEntry } from './types.ts';
import { undoSteps } from './undo.ts';

export interface Work {
  readonly plan: PlacementPlan;
  readonly terrain: Terrain;
  readonly stateDirectory: string;
  readonly signal: AbortSignal | undefined;
}

/** The failure after which the journal must stay, for `recoverPlacement`. */
export const HALF_DONE = 'restore-half-done';

/**
 * @param ground holds every file of the plan; what is left in it afterwards is for the caller to remove
 * @throws ConflictError `changed-since-plan`, `case-collision`; InterruptedError; StrongroomError `disk-full`,
 *   `target-denied`, `place-failed`: all with the target as it was; `restore-half-done`
 */
export async function commitUnits(work: Work, ground: OpenGround): Promise<PlaceWarning[]> {
  const { plan, signal } = work;
  await copyReplaced(plan, ground);
  const warnings: PlaceWarning[] = [];
  await makeLinks(plan, ground, { warnings, signal });
  await syncStaged(plan, ground);
  const late = await giveAccess(plan, ground, { warnings, signal });
  const changes = changesOf(work, ground, late);
  const only = changes[0]!;
  if (plan.fresh && only.lateMode === undefined) {
    // One rename: there is no half of it, and no journal is needed to tell how far it came.
    await attempt(only, changes, () => put(only, ground, warnings));
    await syncSteps([only.step], ground);
  } else {
    await placeAll(work, ground, changes, warnings);
  }
  return warnings;
}

async function placeAll(
  { plan, terrain, stateDirectory, signal }: Work,
  ground: OpenGround,
  changes: readonly Change[],
  warnings: PlaceWarning[],
): Promise<void> {
  const steps = changes.map(({ step }) => step);
  const sinceMs = changeTime(ground);
  writeJournal(stateDirectory, terrain, { root: plan.root, runner: thisRunner(), steps, sinceMs });
  try {
    await each(changes, signal, (change) => save(change, ground));
    await syncSaved(ground);
    await each(changes, signal, (change) => put(change, ground, warnings));
    await syncSteps(steps, ground);
    stopIfAborted(signal);
    markJournal(stateDirectory, terrain.id, 'committed');
  } catch (error) {
    try {
      const pathOf = (step: Step) => changes.find((change) => change.step === step)!.path;
      await undoSteps(steps, ground, { sinceMs, pathOf, onWarning: () => {} });
      await syncSteps(steps, ground);
      markJournal(stateDirectory, terrain.id, 'undone');
    } catch (cause) {
      throw halfDone(plan.root, cause);
    }
    throw error;
  }

  async function each(
    all: readonly Change[],
    stop: AbortSignal | undefined,
    act: (change: Change) => Promise<void>,
  ): Promise<void> {
    for (const [index, change] of all.entries()) {
      if (index % 128 === 0) {
        await nextTurn();
        stopIfAborted(stop);
      }
      await attempt(change, changes, () => act(change));
    }
  }
}

// What the file system calls now: nothing that is staged is newer, and its clock is not as fine as ours.
function changeTime({ stagings }: OpenGround): number {
  const { fd } = stagings[0]!;
  const now = Date.now() / 1000;
  futimesSync(fd, now, now);
  return fstatSync(fd).ctimeMs;
}

/** Takes a step and says what went wrong with it. */
async function attempt(change: Change, all: readonly Change[], act: () => Promise<void>): Promise<void> {
  try {
    await act();
  } catch (error) {
    const isInTheWay = errno(error) === 'EEXIST' || error instanceof ConflictError;
    if (isInTheWay && change.seen === undefined && all.some((other) => isTwin(other.step, change.step))) {
      throw caseCollision(change.path);
    }
    throw errno(error) === 'EEXIST' ? changedSincePlan(change.path, error) : placeFailure(error, change.path);
  }
}

function isTwin(a: Step, b: Step): boolean {
  const folded = ({ base, directory, name }: Step) =>
    `${base} ${directory}/${name}`.normalize('NFC').toLowerCase();
  return a !== b && folded(a) === folded(b);
}

const ORDER = ['aside', 'tree', 'file', 'write', 'link', 'access'];

// Access last, and from below: after that a directory may be closed to us.
function changesOf({ plan, terrain }: Work, ground: OpenGround, late: ReadonlyMap<number, number>): Change[] {
  const { units, spots } = plan.layout;
  const byUnit = new Map<number, PlannedEntry>();
  for (const planned of plan.entries) {
    const spot = spots.get(planned.entry.path);
    if (spot?.below === '') byUnit.set(spot.unit, planned);
  }
  const changes = units.map((unit, index): Change => {
    const path = joined(terrain.bases[unit.base]!, unit.directory, unit.name);
    const step = stepOf(unit, index, ground);
    return { step, path, seen: unit.seen, planned: byUnit.get(index), lateMode: late.get(index) };
  });
  const rank = ({ step }: Change) => ORDER.indexOf(step.kind);
  return changes.sort(
    (a, b) =>
      rank(a) - rank(b) || (a.step.kind === 'access' && a.path < b.path ? 1 : a.step.unit - b.step.unit),
  );
}

function stepOf(unit: Unit, index: number, ground: OpenGround): Step {
  const { kind, group, base, directory, name, seen, aside } = unit;
  if (kind === 'aside') {
    const { ino, size, mtimeMs } = seen!;
    return { kind, unit: index, group, base, directory, name, isReplacing: true, ino, size, mtimeMs, aside };
  }
  const staged = kind === 'access' ? undefined : lookAt(stagedPath(ground.stagings[group]!, index));
  const { ino = 0, size = 0, mtimeMs = 0 } = staged ?? {};
  const step = {
    kind,
    unit: index,
    group,
    base,
    directory,
    name,
    isReplacing: seen !== undefined,
    ino,
    size,
    mtimeMs,
  };
  if (seen === undefined || (kind !== 'access' && kind !== 'write')) return step;
  return { ...step, before: { mode: seen.mode, uid: seen.uid, gid: seen.gid, mtimeMs: seen.mtimeMs } };
}

/** Stages a copy of what is to be kept under another name. */
async function copyReplaced({ layout }: PlacementPlan, ground: OpenGround): Promise<void> {
  for (const [index, { copyOf, group, kind }] of layout.units.entries()) {
    if (copyOf === undefined) continue;
    const { base, directory, name, seen } = layout.units[copyOf]!;
    const to = stagedPath(ground.stagings[group]!, index);
    const path = joined(layout.bases[base]!, directory, name);
    try {
      const from = inside(ground.walks[base]!.at(directory), name);
      if (kind === 'link') symlinkSync(readlinkSync(from, { encoding: 'buffer' }), to);
      else if (!(await copyToNew(from, to, seen!))) throw changedSincePlan(path);
    } catch (error) {
      throw placeFailure(error, path);
    }
  }
}

function halfDone(root: string, cause: unknown): StrongroomError {
  const object = printableName(root);
  return new StrongroomError(HALF_DONE, `the restore into '${object}' failed and could not be undone`, {
    object,
    hint: 'run restore --recover',
    cause,
  });
}
