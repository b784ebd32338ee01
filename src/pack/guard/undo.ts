// Undoes what a command did to all sets of a guard, and lets the copies go. It may be killed at any point and begun
// again, by whoever finds the journal.

import { existsSync, readdirSync } from 'node:fs';
import { StrongroomError } from '../../errors.ts';
import { decodeName, fsPath, printableName } from '../names.ts';
import { closeDirectory } from '../place/beneath.ts';
import { lookAt } from '../place/existing.ts';
import { isLost } from '../place/failures.ts';
import { readMounts } from '../place/mounts.ts';
import { abandon } from '../place/runner.ts';
import { parentOf } from '../place/target.ts';
import { isQuiet, mountOf } from './choose.ts';
import { dropGuard, type GuardJournal, moveGuard, type UndoPlace, writeGuard } from './journal.ts';
import { clearPlace, clearWithin, makePlace, notOurs, openPlaceOf, placeFinder } from './places.ts';
import { type PutBack, putBack } from './put-back.ts';
import { freeRoom } from './room.ts';
import { settle } from './settle.ts';
import { ADDED, BEFORE } from './where.ts';

export interface UndoOptions {
  readonly stateDirectory: string;
  readonly now: () => Date;
  readonly onWarning?: (message: string) => void;
}

/**
 * @param journal of a guard in the phase `undoing`
 * @throws StrongroomError `undo-copy-gone`, `undo-copy-exposed` and as restores do; the copies then stay, and it can be called again
 */
export async function undoGuard(journal: GuardJournal, options: UndoOptions): Promise<PutBack[]> {
  const { stateDirectory } = options;
  freeRoom(journal, options);
  const mounts = readMounts();
  // Numbers of devices are others after the machine was started anew.
  const mountNow = ({ path }: UndoPlace) => mountOf(parentOf(path) || '/', mounts);
  let current = journal;
  const used = new Set(journal.trees.flatMap(({ entries }) => entries.flatMap(({ place = -1 }) => place)));
  for (const [index, place] of journal.places.entries())
    if (used.has(index)) checkPlace(place, options.onWarning);
  current = { ...journal, places: journal.places.map((place) => ({ ...place, mount: mountNow(place) })) };
  const round = freeRound(journal.places);
  const placesFor = (directories: readonly string[]): readonly UndoPlace[] => {
    const finder = placeFinder(journal.id, journal.roots, stateDirectory, current.places);
    for (const directory of directories) finder.index(directory);
    const known = current.places.length;
    if (finder.places.length === known) return current.places;
    const write = (places: readonly UndoPlace[]) => {
      current = { ...current, places };
      writeGuard(stateDirectory, current, 'undoing');
    };
    write([...finder.places]);
    write(finder.places.map((place, index) => (index < known ? place : makePlace(place))));
    return current.places;
  };
  const asideFor = (set: string, path: string, destination: string): string => {
    const mount = mountOf(parentOf(destination) || '/', mounts);
    const place = current.places.find((one) => one.mount === mount)!;
    const wanted = `${place.path}/${ADDED}/${round}/${set}/${path === '' ? '@root' : path}`;
    for (let free = wanted, next = 2; ; free = `${wanted}.${next++}`) {
      if (lookAt(fsPath(free)) === undefined) return free;
    }
  };
  const done: PutBack[] = [];
  for (const tree of journal.trees) {
    done.push(await putBack(tree, { stateDirectory, now: options.now(), placesFor, asideFor }));
  }
  orLater(current, options, () => moveGuard(stateDirectory, journal.id, 'undoing', 'done'));
  letGo(current, options);
  // Where the copies stood, the directory has another time now.
  for (const tree of journal.trees) {
    try {
      settle(tree);
    } catch {
      // It is a time only, and all else is as it was.
    }
  }
  return done;
}

function checkPlace(place: UndoPlace, onWarning?: (message: string) => void): void {
  const opened = openPlaceOf(place, onWarning);
  if (opened === undefined) throw notOurs(place);
  closeDirectory(opened);
  const directory = parentOf(place.path) || '/';
  // The command may have given it away. Whoever can move the copies would choose where root writes.
  if (process.geteuid!() !== 0 || isQuiet(directory)) return;
  const object = printableName(directory);
  throw new StrongroomError(
    'undo-copy-exposed',
    `others than root can now change '${object}' or what is above it`,
    {
      object,
      hint: "make it root's again, then run `strongroom guard --recover`",
    },
  );
}

function freeRound(places: readonly UndoPlace[]): number {
  for (let round = 1; ; round++) {
    if (!places.some(({ path }) => existsSync(fsPath(`${path}/${ADDED}/${round}`)))) return round;
  }
}

/**
 * Removes the copies of a guard that is `done`, and forgets it. What was moved aside is nobody's copy: that stays until
 * a person has looked at it, and the journal says where.
 */
export function letGo(journal: GuardJournal, options: UndoOptions): void {
  const { stateDirectory, onWarning } = options;
  freeRoom(journal, options);
  orLater(journal, options, () => {
    const places = journal.places.filter(holdsAside);
    for (const place of journal.places) {
      if (places.includes(place)) clearWithin(place, BEFORE, onWarning);
      else clearPlace(place, onWarning);
    }
    if (places.length === 0) dropGuard(stateDirectory, journal.id);
    else writeGuard(stateDirectory, { ...journal, places, trees: [] }, 'kept');
  });
}

/** Whether something is there that a rollback has moved out of the way. */
export function holdsAside({ path }: UndoPlace): boolean {
  const below = (at: string): string[] => {
    try {
      return readdirSync(fsPath(at), { encoding: 'buffer' }).map((name) => `${at}/${decodeName(name)}`);
    } catch (error) {
      if (isLost(error)) return [];
      throw error;
    }
  };
  // `added/N/SET/…`: when somebody has taken all that was in it, the rest is ours to remove.
  return below(`${path}/${ADDED}`).flatMap(below).flatMap(below).length > 0;
}

// The files are as they are to be: that something is left over is said, and the next run tries again.
function orLater(journal: GuardJournal, { onWarning }: UndoOptions, act: () => void): void {
  try {
    act();
  } catch {
    abandon(journal.id);
    const left = journal.places.map(({ path }) => `'${printableName(path)}'`).join(', ');
    onWarning?.(`the copy in ${left} could not be removed; the next run tries again`);
  }
}
