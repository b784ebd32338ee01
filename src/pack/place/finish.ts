// Finishes what is staged, just before it is placed: links, then modes, owners and the times of directories. Until
// now everything was 0600 or 0700, and nobody else can reach it where it is.

import { chmodSync, chownSync, lchownSync, lutimesSync, symlinkSync, utimesSync } from 'node:fs';
import { setImmediate as nextTurn } from 'node:timers/promises';
import { fsPath, printableName } from '../names.ts';
import { errno, placeFailure, stopIfAborted } from './failures.ts';
import { type OpenGround, stagedPath } from './ground.ts';
import type { Spot } from './layout.ts';
import { bornMode } from './modes.ts';
import type { PlacementPlan, PlaceWarning, PlannedEntry } from './types.ts';

/**
 * Makes the links, when all files are there: nothing can be written through one.
 *
 * @throws StrongroomError `disk-full`, `target-denied`, `place-failed`; InterruptedError
 */
export async function makeLinks(plan: PlacementPlan, ground: OpenGround, finish: Finish): Promise<void> {
  await eachStaged(plan, ground, ofType(plan, 'symlink'), finish.signal, (planned, path) => {
    const time = timeOf(planned.entry.mtime);
    symlinkSync(fsPath(planned.entry.target!), path);
    giveOwner(planned, (uid, gid) => lchownSync(path, uid, gid), finish.warnings);
    lutimesSync(path, time, time);
  });
}

/**
 * Gives files and directories what they end with. A file may be closed to us after that, so it must have been
 * synced. Should power fail soon, the mode is what may be lost: that leaves it 0600.
 *
 * @returns units by their mode that can be set only in place: what may not be written into cannot be moved
 * @throws StrongroomError `target-denied`, `place-failed`; InterruptedError
 */
export async function giveAccess(
  plan: PlacementPlan,
  ground: OpenGround,
  finish: Finish,
): Promise<ReadonlyMap<number, number>> {
  const late = new Map<number, number>();
  // Directories from below, as what changes in them changes their times.
  const directories = ofType(plan, 'dir').sort((a, b) => (a.entry.path < b.entry.path ? 1 : -1));
  const all = [...ofType(plan, 'file'), ...directories];
  await eachStaged(plan, ground, all, finish.signal, (planned, path, { unit, below }) => {
    const { entry } = planned;
    const mode = giveOwner(planned, (uid, gid) => chownSync(path, uid, gid), finish.warnings);
    if (entry.type === 'dir' && below === '' && (mode & 0o700) !== 0o700) late.set(unit, mode);
    else if (mode !== bornMode(entry)) chmodSync(path, mode);
    if (entry.type === 'dir') utimesSync(path, timeOf(entry.mtime), timeOf(entry.mtime));
  });
  return late;
}

export interface Finish {
  readonly warnings: PlaceWarning[];
  readonly signal: AbortSignal | undefined;
}

function ofType({ entries }: PlacementPlan, type: string): PlannedEntry[] {
  return entries.filter(({ entry }) => entry.type === type);
}

async function eachStaged(
  { layout }: PlacementPlan,
  ground: OpenGround,
  entries: readonly PlannedEntry[],
  signal: AbortSignal | undefined,
  act: (planned: PlannedEntry, path: string | Buffer, spot: Spot) => void,
): Promise<void> {
  const { units, spots } = layout;
  for (const [index, planned] of entries.entries()) {
    const spot = spots.get(planned.entry.path);
    if (spot === undefined || units[spot.unit]!.kind === 'access') continue;
    if (index % 256 === 0) {
      await nextTurn();
      stopIfAborted(signal);
    }
    try {
      act(planned, stagedPath(ground.stagings[units[spot.unit]!.group]!, spot.unit, spot.below), spot);
    } catch (error) {
      throw placeFailure(error, planned.destination);
    }
  }
}

/** A time for `node:fs`, which takes a negative number for "now" and cuts off what a float lacks. */
export function timeOf(mtime: number): number | Date {
  return mtime < 0 ? new Date(mtime) : (mtime + 0.0005) / 1000;
}

/**
 * Gives something its owner, where one was asked for.
 *
 * @param change sets numeric owner and group
 * @returns the mode that is safe to give: bits meant for an owner or group go when that could not be set
 */
export function giveOwner(
  { mode, owner, destination }: PlannedEntry,
  change: (uid: number, gid: number) => void,
  warnings: PlaceWarning[],
): number {
  if (owner === undefined) return mode;
  try {
    change(owner.uid, owner.gid);
    return mode;
  } catch (error) {
    if (errno(error) !== 'EPERM') throw error;
  }
  const whom = `owner ${owner.uid}:${owner.gid}`;
  const message = `'${printableName(destination)}' could not be given to ${whom}; only root can do that`;
  warnings.push({ code: 'owner-not-set', destination, message });
  try {
    change(process.geteuid!(), owner.gid);
    return mode & ~0o6000;
  } catch (error) {
    if (errno(error) !== 'EPERM') throw error;
    return mode & ~0o6070;
  }
}
