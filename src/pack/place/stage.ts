// Opens a staging for a plan and takes it through to the end: committed, or gone without a trace. Nothing in the
// target changes before the commit.

import { randomBytes } from 'node:crypto';
import { chmodSync, mkdirSync, statfsSync } from 'node:fs';
import { ConflictError, IntegrityError, StrongroomError } from '../../errors.ts';
import { fsPath, printableName } from '../names.ts';
import { clearStagings } from './clear.ts';
import { commitUnits, HALF_DONE } from './commit.ts';
import { caseCollision, diskFull, errno, placeFailure, restoreRunning, stopIfAborted } from './failures.ts';
import { hasMarker, type MadeGround, makeGround, stagedPath, type Terrain } from './ground.ts';
import { dropJournal, readJournals, writeJournal } from './journal.ts';
import { refuseConflicts } from './plan.ts';
import { receive } from './receive.ts';
import { abandon, isRunning, thisRunner } from './runner.ts';
import { joined } from './target.ts';
import type { PlacementPlan, PlaceOptions, PlaceReport, Staging } from './types.ts';

/**
 * Makes room for what a plan puts into its target.
 *
 * @throws ConflictError `target-exists`, `symlink-in-the-way`, `in-the-way` for the plan's conflicts;
 *   `restore-running`, `restore-pending` when another restore of this target has not ended; `changed-since-plan`
 * @throws StrongroomError `disk-full`, `target-denied`, `place-failed`, `unsafe-state-directory`
 * @throws InterruptedError
 */
export async function openStaging(
  plan: PlacementPlan,
  options: Pick<PlaceOptions, 'stateDirectory' | 'signal'> & {
    /** Its files are adopted, so that it takes no room. */
    readonly isAtHand?: boolean;
  },
): Promise<Staging> {
  const { stateDirectory, signal, isAtHand = false } = options;
  const { layout } = plan;
  const terrain: Terrain = { id: randomBytes(8).toString('hex'), bases: layout.bases, groups: layout.groups };
  refuseConflicts(plan);
  stopIfAborted(signal);
  const ground = layout.units.length === 0 ? undefined : start(plan, terrain, stateDirectory, isAtHand);
  const receiver = receive(plan, ground, signal);
  let isOpen = true;

  function end(isMendable = false): void {
    if (!isOpen) return;
    isOpen = false;
    receiver.end();
    if (ground === undefined) return;
    ground.close();
    if (isMendable) abandon(terrain.id);
    else remove(terrain, stateDirectory);
  }

  function failed(error: unknown): unknown {
    end(error instanceof StrongroomError && error.code === HALF_DONE);
    return placeFailure(error, plan.root);
  }

  // Whatever fails ends the staging, so that nothing is left even where the caller forgets to discard it.
  function orEnd<T>(act: () => T): T {
    try {
      return act();
    } catch (error) {
      throw failed(error);
    }
  }
  async function orEndLater<T>(act: () => Promise<T>): Promise<T> {
    try {
      return await act();
    } catch (error) {
      throw failed(error);
    }
  }

  async function commit(): Promise<PlaceReport> {
    const missing = receiver.missing();
    if (missing !== undefined) {
      throw new IntegrityError('missing-entry', `entry '${printableName(missing)}' did not come`);
    }
    const { root, counts, narrower, ownerLost, setIdLost, links } = plan;
    const work = { plan, terrain, stateDirectory, signal };
    const warnings = ground === undefined ? [] : await commitUnits(work, ground);
    end();
    return { root, counts, narrower, ownerLost, setIdLost, links, warnings };
  }

  return {
    wants: receiver.wants,
    file: (entry, content) => orEnd(() => receiver.file(entry, content)),
    openFile(entry) {
      const file = orEnd(() => receiver.openFile(entry));
      return {
        write: (chunk) => orEndLater(() => file.write(chunk)),
        close: () => orEndLater(() => file.close()),
      };
    },
    adopt: (entry, from) => orEnd(() => receiver.adopt(entry, from)),
    commit: () => orEndLater(commit),
    discard: async () => end(),
  };
}

// The journal is there before the first directory: a killed run leaves nothing that the next one cannot find.
function start(plan: PlacementPlan, terrain: Terrain, stateDirectory: string, isAtHand: boolean): MadeGround {
  try {
    if (!isAtHand) checkSpace(plan);
  } catch (error) {
    throw placeFailure(error, plan.root);
  }
  writeJournal(stateDirectory, terrain, { root: plan.root, runner: thisRunner() });
  let ground: MadeGround | undefined;
  try {
    refuseOthers(plan.root, terrain.id, stateDirectory);
    ground = makeGround(terrain);
    for (const { unit, below } of plan.layout.directories) {
      const path = stagedPath(ground.stagings[plan.layout.units[unit]!.group]!, unit, below);
      mkdirSync(path, 0o700);
      if (ground.isUmaskNarrow) chmodSync(path, 0o700);
    }
    return ground;
  } catch (error) {
    ground?.close();
    remove(terrain, stateDirectory);
    throw errno(error) === 'EEXIST' ? caseCollision(plan.root) : placeFailure(error, plan.root);
  }
}

// What cannot be removed is no reason to fail, and no reason to hide why it failed: its journal stays, and the
// next run tries again.
function remove(terrain: Terrain, stateDirectory: string): void {
  try {
    clearStagings(terrain);
    dropJournal(stateDirectory, terrain.id);
  } catch (error) {
    abandon(terrain.id);
    if (errno(error) === undefined) throw error;
  }
}

/** @throws StrongroomError `disk-full` when a file system cannot hold what is staged on it */
function checkSpace(plan: PlacementPlan): void {
  const { groups, bases } = plan.layout;
  for (const { base, directory, bytes, files } of groups) {
    const path = joined(bases[base]!, directory);
    const disk = statfsSync(fsPath(path));
    const blocks = process.geteuid!() === 0 ? disk.bfree : disk.bavail;
    // On average half a block is lost at the end of each file.
    const needed = bytes + files * (disk.bsize / 2);
    // Some network file systems do not say.
    const isKnown = disk.blocks > 0;
    if ((isKnown && needed > blocks * disk.bsize) || (disk.files > 0 && files > disk.ffree)) {
      throw diskFull(printableName(path), Math.ceil(needed));
    }
  }
}

// Looked for when our own journal is there: of two that begin together, neither overlooks the other.
function refuseOthers(root: string, ownId: string, stateDirectory: string): void {
  const object = printableName(root);
  for (const { journal, writtenMs } of readJournals(stateDirectory)) {
    if (journal.root !== root || journal.id === ownId) continue;
    if (isRunning(journal.id, journal.runner, Date.now() - writtenMs)) throw restoreRunning(root);
    // Without its marker it is about a tree that is not here: deleted, or not mounted now.
    if (!hasMarker(journal)) continue;
    throw new ConflictError('restore-pending', `an earlier restore into '${object}' did not end`, {
      object,
      hint: 'run restore --recover first',
    });
  }
}
