// Owns the directories that a guard keeps its copies in: makes them, 0700, knows them again, and removes them.

import { chmodSync, chownSync, fstatSync, lstatSync, mkdirSync, readdirSync, rmdirSync } from 'node:fs';
import { StrongroomError } from '../../errors.ts';
import { decodeName, fsPath, printableName } from '../names.ts';
import { closeDirectory, type Directory, inside, openBase, openChild } from '../place/beneath.ts';
import { empty } from '../place/clear.ts';
import { lookAt } from '../place/existing.ts';
import { isLost } from '../place/failures.ts';
import { readMounts } from '../place/mounts.ts';
import { syncDirectory } from '../place/own-file.ts';
import { syncAll } from '../place/sync.ts';
import { nameOf, parentOf, placeOf } from '../place/target.ts';
import { choosePlace, mountOf } from './choose.ts';
import type { UndoPlace } from './journal.ts';
import { ADDED, BEFORE } from './where.ts';

/** Makes the directory, exactly 0700. @returns the place with what it is known by @throws a system error */
export function makePlace(place: UndoPlace): UndoPlace {
  const path = fsPath(place.path);
  mkdirSync(path, 0o700);
  return { ...place, ino: lstatSync(path).ino };
}

/**
 * Opens a place that was made before. Where only its mode or owner are others now, as after a `chmod -R`, it is closed
 * to others again.
 *
 * @param onWarning told of that, in one line safe to show
 * @returns undefined when nothing is there
 * @throws StrongroomError `undo-copy-gone` when what is there is not what was made; a system error
 */
export function openPlaceOf(place: UndoPlace, onWarning?: (message: string) => void): Directory | undefined {
  let parent: Directory | undefined;
  let found: Directory | undefined;
  try {
    parent = openBase(parentOf(place.path) || '/');
    found = openChild(parent, nameOf(place.path));
    claim(place, found, fstatSync(parent.fd).dev, onWarning);
    return found;
  } catch (error) {
    if (found !== undefined) closeDirectory(found);
    if (!isLost(error)) throw error;
    if (isThere(place)) throw notOurs(place);
    return undefined;
  } finally {
    if (parent !== undefined) closeDirectory(parent);
  }
}

function isThere({ path }: UndoPlace): boolean {
  try {
    return lookAt(fsPath(path)) !== undefined;
  } catch (error) {
    if (isLost(error)) return false;
    throw error;
  }
}

function claim(
  place: UndoPlace,
  found: Directory,
  parentDev: number,
  onWarning?: (message: string) => void,
): void {
  const me = process.geteuid!();
  const { uid, mode, ino, dev } = fstatSync(found.fd);
  // The number of the device itself is another one after the machine was started anew.
  if (dev !== parentDev || (place.ino !== undefined && place.ino !== ino)) throw notOurs(place);
  if (uid === me && (mode & 0o700) !== 0o700) chmodSync(found.path, (mode & 0o7777) | 0o700);
  const below = [BEFORE, ADDED].map((name) => lookAt(inside(found, name)));
  // Where one was begun on and not finished, the next run finds it here.
  if (below.some((seen) => seen !== undefined && seen.type !== 'dir')) throw notOurs(place);
  const isAnothers = uid !== me || below.some((seen) => seen !== undefined && seen.uid !== me);
  const isOpen = isAnothers || (mode & 0o077) !== 0;
  if (isOpen && (place.ino === undefined || (isAnothers && me !== 0))) throw notOurs(place);
  if (!isOpen && (mode & 0o700) === 0o700) return;
  closeToOthers(found);
  for (const name of [BEFORE, ADDED]) {
    if (lookAt(inside(found, name)) !== undefined) closeBelow(found, name, name === BEFORE);
  }
  if (!isOpen) return;
  const shown = printableName(place.path);
  onWarning?.(`the copy in '${shown}' had been opened to others, and is closed to them again`);
}

// What was moved aside keeps its modes. The files of the copy keep theirs too: nobody can reach them now, and that
// they were another's is known by it.
function closeBelow(parent: Directory, name: string, isDeep: boolean): void {
  const directory = openChild(parent, name);
  try {
    closeToOthers(directory);
    if (!isDeep) return;
    for (const entry of readdirSync(directory.path, { encoding: 'buffer', withFileTypes: true })) {
      if (entry.isDirectory()) closeBelow(directory, decodeName(entry.name as unknown as Buffer), true);
    }
  } finally {
    closeDirectory(directory);
  }
}

function closeToOthers({ fd, path }: Directory): void {
  const { uid, mode } = fstatSync(fd);
  if (uid !== process.geteuid!()) chownSync(path, process.geteuid!(), process.getegid!());
  if ((mode & 0o7777) !== 0o700) chmodSync(path, 0o700);
}

/** @param place of which what was made is not there any more */
export function notOurs({ path }: UndoPlace): StrongroomError {
  const object = printableName(path);
  return new StrongroomError(
    'undo-copy-gone',
    `the copy in '${object}' is gone, or is not what was made there`,
    {
      object,
      hint: 'restore the snapshot that was taken before the command',
    },
  );
}

/**
 * Removes a place and all that is in it.
 *
 * @throws StrongroomError `undo-copy-gone` when something else is there; a system error; it can be called again
 */
export function clearPlace(place: UndoPlace, onWarning?: (message: string) => void): void {
  const found = openPlaceOf(place, onWarning);
  if (found === undefined) return;
  try {
    empty(found);
  } finally {
    closeDirectory(found);
  }
  rmdirSync(fsPath(place.path));
}

/** Removes one thing in a place. @throws a system error; it can be called again */
export function clearWithin(place: UndoPlace, name: string, onWarning?: (message: string) => void): void {
  const found = openPlaceOf(place, onWarning);
  if (found === undefined) return;
  try {
    const below = openChild(found, name);
    try {
      empty(below);
    } finally {
      closeDirectory(below);
    }
    rmdirSync(inside(found, name));
  } catch (error) {
    if (!isLost(error)) throw error;
  } finally {
    closeDirectory(found);
  }
}

/** Finds the place of each directory, and chooses one for each mount that has none. */
export interface PlaceFinder {
  readonly places: readonly UndoPlace[];
  /** @param directory absolute, real; the first one on a mount decides @returns the index of its place */
  index(directory: string): number;
}

/**
 * @param roots real paths of what is guarded
 * @param stateDirectory absolute; it is there
 */
export function placeFinder(
  id: string,
  roots: readonly string[],
  stateDirectory: string,
  known: readonly UndoPlace[] = [],
): PlaceFinder {
  const mounts = readMounts();
  const state = placeOf(stateDirectory);
  const places = [...known];
  const byDirectory = new Map<string, number>();
  return {
    places,
    index(directory) {
      let index = byDirectory.get(directory) ?? -1;
      if (index >= 0) return index;
      const mount = mountOf(directory, mounts);
      index = places.findIndex((place) => place.mount === mount);
      if (index < 0) index = places.push(choosePlace(directory, id, mounts, roots, state)) - 1;
      byDirectory.set(directory, index);
      return index;
    },
  };
}

/** Makes sure that copies outlive a power cut. @throws a system error */
export async function syncPlaces(places: readonly UndoPlace[]): Promise<void> {
  const opened = places.map((place) => openPlaceOf(place)).filter((place) => place !== undefined);
  try {
    const paths = opened.flatMap(({ path }) => [...everythingIn(`${path}/.`)]).map((path) => fsPath(path));
    await syncAll(paths, { stagings: opened });
    for (const place of places) syncDirectory(parentOf(place.path) || '/');
  } finally {
    for (const place of opened) closeDirectory(place);
  }
}

/** A directory and all that is below it, as names of `names.ts`. Links there are none. */
function* everythingIn(directory: string): Generator<string> {
  yield directory;
  for (const entry of readdirSync(fsPath(directory), { withFileTypes: true, encoding: 'buffer' })) {
    const path = `${directory}/${decodeName(entry.name as unknown as Buffer)}`;
    if (entry.isDirectory()) yield* everythingIn(path);
    else yield path;
  }
}
