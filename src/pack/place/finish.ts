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

export interface Finished {
  readonly warnings: PlaceWarning[];
  /** Units by their mode that can be set only in place: what may not be written into cannot be moved. */
  readonly late: ReadonlyMap<number, number>;
}

/** @throws StrongroomError `disk-full`, `target-denied`, `place-failed`; InterruptedError */
export async function finishStaged(
  plan: PlacementPlan,
  ground: OpenGround,
  signal: AbortSignal | undefined,
): Promise<Finished> {
  const { units, spots } = plan.layout;
  const warnings: PlaceWarning[] = [];
  const late = new Map<number, number>();

  function finish(planned: PlannedEntry, { unit, below }: Spot): void {
    const { entry } = planned;
    const path = stagedPath(ground.stagings[units[unit]!.group]!, unit, below);
    const time = timeOf(entry.mtime);
    if (entry.target !== undefined) {
      symlinkSync(fsPath(entry.target), path);
      giveOwner(planned, (uid, gid) => lchownSync(path, uid, gid), warnings);
      lutimesSync(path, time, time);
      return;
    }
    const mode = giveOwner(planned, (uid, gid) => chownSync(path, uid, gid), warnings);
    if (entry.type === 'dir' && below === '' && (mode & 0o700) !== 0o700) late.set(unit, mode);
    else if (mode !== bornMode(entry)) chmodSync(path, mode);
    if (entry.type === 'dir') utimesSync(path, time, time);
  }

  let turns = 0;
  for (const planned of inOrder(plan.entries)) {
    const spot = spots.get(planned.entry.path);
    if (spot === undefined || units[spot.unit]!.kind === 'access') continue;
    if (turns++ % 256 === 0) {
      await nextTurn();
      stopIfAborted(signal);
    }
    try {
      finish(planned, spot);
    } catch (error) {
      throw placeFailure(error, planned.destination);
    }
  }
  return { warnings, late };
}

/** A time for `node:fs`, which takes a negative number for "now" and cuts off what a float lacks. */
export function timeOf(mtime: number): number | Date {
  return mtime < 0 ? new Date(mtime) : (mtime + 0.0005) / 1000;
}

// Links after all files, so that nothing can be written through one; directories last and from below, as what
// changes in them changes their times.
function inOrder(entries: readonly PlannedEntry[]): PlannedEntry[] {
  const of = (type: string) => entries.filter(({ entry }) => entry.type === type);
  const directories = of('dir').sort((a, b) => (a.entry.path < b.entry.path ? 1 : -1));
  return [...of('file'), ...of('symlink'), ...directories];
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
