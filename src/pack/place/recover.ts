// Ends what a killed restore left: undoes what was not committed, finishes what was. It may be killed itself, at
// any point, and begun again.

import { readdirSync } from 'node:fs';
import { resolve } from 'node:path';
import { ConflictError } from '../../errors.ts';
import { fsPath, printableName } from '../names.ts';
import { clearStagings } from './clear.ts';
import { lookAt } from './existing.ts';
import { placeFailure, restoreRunning } from './failures.ts';
import { hasMarker, openGround, stagedPath } from './ground.ts';
import {
  dropJournal,
  dropUnfinished,
  type FoundJournal,
  type Journal,
  markJournal,
  readJournals,
  type Step,
  writeJournal,
} from './journal.ts';
import { MARKER, markerName } from './marker.ts';
import { abandon, isRunning, thisRunner } from './runner.ts';
import { syncSteps } from './sync.ts';
import { joined, placeOf, resolveTarget } from './target.ts';
import type { RecoverOptions, Recovery } from './types.ts';
import { undoSteps } from './undo.ts';

/**
 * Makes a target whole after a restore that was killed: wholly as it was, or wholly as it was to be. What killed
 * restores into other targets left is removed too, as far as those targets are whole.
 *
 * @param target absolute path of the directory that is, or was to be, restored into
 * @returns what was done for this target
 * @throws ConflictError `restore-running`; `restore-pending` for a marker whose journal is not ours to follow;
 *   `directory-gone` when a part of the target is not there to be mended
 * @throws StrongroomError `target-denied`, `place-failed`, `unsafe-state-directory`
 */
export async function recoverPlacement(target: string, options: RecoverOptions): Promise<Recovery> {
  const { stateDirectory, onWarning = () => {} } = options;
  const root = placeOf(resolve(target));
  const running = new Set<string>();
  let outcome: Recovery = 'nothing';
  for (const found of readJournals(stateDirectory, onWarning)) {
    const { journal, state, writtenMs } = found;
    const isHere = journal.root === root;
    if (isRunning(journal.id, journal.runner, Date.now() - writtenMs)) {
      if (isHere) throw restoreRunning(root);
      running.add(journal.id);
    } else if (isHere || state !== 'placing') {
      try {
        const done = await end(found, stateDirectory, onWarning);
        if (isHere && done !== 'nothing') outcome = done;
      } catch (error) {
        abandon(journal.id);
        if (isHere) throw placeFailure(error, root);
      }
    }
  }
  dropUnfinished(stateDirectory);
  if (resolveTarget(root).missing.length === 0) refuseStrangers(root, running, stateDirectory);
  return outcome;
}

async function end(
  { journal, state }: FoundJournal,
  stateDirectory: string,
  onWarning: (message: string) => void,
): Promise<Recovery> {
  // The marker is made first and goes last: without it there is nothing to do, or this is another tree.
  if (!hasMarker(journal)) {
    const root = printableName(journal.root);
    if (state === 'placing') onWarning(`'${root}' no longer holds the unfinished restore ${journal.id}`);
    else if (lookAt(fsPath(journal.bases[0]!)) !== undefined) dropJournal(stateDirectory, journal.id);
    return 'nothing';
  }
  const isDone = state === 'committed' || (state === 'staging' && wasRenamed(journal));
  if (state === 'placing') await undo(journal, stateDirectory, onWarning);
  clearStagings(journal);
  dropJournal(stateDirectory, journal.id);
  return isDone ? 'finished' : 'undone';
}

// A new target comes into being by one rename, which has no journal of its own.
function wasRenamed(journal: Journal): boolean {
  if (journal.bases[0] === journal.root || lookAt(fsPath(journal.root)) === undefined) return false;
  const ground = openGround(journal);
  try {
    const [staging] = ground.stagings;
    return staging !== undefined && lookAt(stagedPath(staging, 0)) === undefined;
  } finally {
    ground.close();
  }
}

async function undo(
  journal: Journal,
  stateDirectory: string,
  onWarning: (message: string) => void,
): Promise<void> {
  const { root, bases, steps = [], sinceMs = 0 } = journal;
  // From now on this process is the one that works there.
  writeJournal(stateDirectory, journal, { root, steps, sinceMs, runner: thisRunner() });
  const ground = openGround(journal);
  try {
    for (const [group, staging] of ground.stagings.entries()) {
      if (staging === undefined) throw partGone(journal, group);
    }
    const pathOf = ({ base, directory, name }: Step) => joined(bases[base]!, directory, name);
    await undoSteps(steps, ground, { sinceMs, pathOf, onWarning });
    await syncSteps(steps, ground);
    markJournal(stateDirectory, journal.id, 'undone');
  } finally {
    ground.close();
  }
}

// A name is all that is taken from a marker, so one that somebody planted cannot make us touch anything.
function refuseStrangers(root: string, running: ReadonlySet<string>, stateDirectory: string): void {
  for (const name of readdirSync(fsPath(root))) {
    const id = MARKER.exec(name)?.[1];
    if (id === undefined || running.has(id)) continue;
    const object = printableName(joined(root, name));
    throw new ConflictError(
      'restore-pending',
      `'${object}' is of an unfinished restore that is not known here`,
      {
        object,
        hint: `its journal is not in '${printableName(stateDirectory)}': run restore --recover as whoever began it, or remove that directory if nobody did`,
      },
    );
  }
}

function partGone({ id, bases, groups }: Journal, group: number): ConflictError {
  const { base, directory } = groups[group]!;
  const object = printableName(joined(bases[base]!, directory, markerName(id)));
  return new ConflictError('directory-gone', `'${object}' is gone, so the restore cannot be undone`, {
    object,
    hint: 'mount what is missing there, then run restore --recover',
  });
}
