// Room for a rollback, taken before the command runs and given back when it is needed: a deploy that fills the disk is
// what people roll back from, and the copies take no more room then, but directories and notes do.

import { randomBytes } from 'node:crypto';
import { closeSync, mkdirSync, openSync, rmSync, statfsSync, writeFileSync } from 'node:fs';
import { fsPath } from '../names.ts';
import { type GuardJournal, ROOM, roomIn } from './journal.ts';
import { clearWithin } from './places.ts';

/** What is moved aside has to be noted too, and nobody knows how much that will be. */
const SPARE_BYTES = 256 * 1024;
/** Directories of a staging, and those on the way to what is moved aside. */
const SPARE_NAMES = 12;
const BLOCK = 4096;
const CHUNK = 1 << 20;
/** A name in a directory, with what belongs to it. */
const NAME_BYTES = 32;
/** Source: statfs(2). There, a second name for a file counts as a file. */
const TMPFS = 0x01021994;

/**
 * @param journal with its places made, and with all that was copied
 * @throws a system error, such as ENOSPC
 */
export function reserveRoom(stateDirectory: string, journal: GuardJournal): void {
  const { id, places, trees } = journal;
  // The journal is written anew by whoever finishes a rollback, and that of the placement is about as long.
  fill(roomIn(stateDirectory, id), 2 * JSON.stringify(journal).length + SPARE_BYTES, SPARE_NAMES);
  const entries = trees.flatMap((tree) => tree.entries);
  const files = entries.filter(({ type }) => type === 'file').length;
  const others = entries.length - files + SPARE_NAMES;
  for (const { path } of places) {
    const isCounted = statfsSync(fsPath(path)).type === TMPFS;
    const names = others + (isCounted ? 2 * files : 0);
    fill(`${path}/${ROOM}`, others * BLOCK + 2 * files * NAME_BYTES, names);
  }
}

function fill(directory: string, bytes: number, names: number): void {
  mkdirSync(fsPath(directory), 0o700);
  const make = (name: string): number => openSync(fsPath(`${directory}/${name}`), 'wx', 0o600);
  const fd = make('bytes');
  try {
    // Noise, as some file systems store next to nothing for zeros.
    for (let left = bytes; left > 0; left -= CHUNK) writeFileSync(fd, randomBytes(Math.min(left, CHUNK)));
  } finally {
    closeSync(fd);
  }
  for (let name = names; name > 0; name--) closeSync(make(`${name}`));
}

interface Freeing {
  readonly stateDirectory: string;
  readonly onWarning?: (message: string) => void;
}

/** Gives back what there is. What cannot be given back goes with the rest of the guard. */
export function freeRoom({ id, places }: GuardJournal, { stateDirectory, onWarning }: Freeing): void {
  for (const free of [
    () => rmSync(roomIn(stateDirectory, id), { recursive: true, force: true }),
    ...places.map((place) => () => clearWithin(place, ROOM, onWarning)),
  ]) {
    try {
      free();
    } catch {
      // Whether there is room enough without it shows soon.
    }
  }
}
