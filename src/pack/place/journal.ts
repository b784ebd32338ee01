// Owns the journals of unfinished restores: what they say, where they are, and how far they are trusted. A journal
// is one 0600 file in the state directory; how far its restore came is in the ending of its name.

import { existsSync, lstatSync, readdirSync, renameSync, rmSync } from 'node:fs';
import { printableName } from '../names.ts';
import { errno, placeFailure } from './failures.ts';
import type { Terrain } from './ground.ts';
import { type Journal, parseJournal, type Step } from './journal-text.ts';
import { checkOwnDirectory, readOwnFile, syncDirectory, writeOwnFile } from './own-file.ts';

export type { Journal, Step };

/**
 * - `staging`: the target is untouched; staging directories go
 * - `placing`: the target may be half changed; undo
 * - `committed`, `undone`: the target is whole; staging directories go
 */
export type JournalState = 'staging' | 'placing' | 'committed' | 'undone';

export interface FoundJournal {
  readonly journal: Journal;
  readonly state: JournalState;
  /** When it was last written, milliseconds since the epoch. */
  readonly writtenMs: number;
}

const NAME = /^([0-9a-f]{16})\.(journal|committed|undone)$/;
const ENDINGS = ['part', 'journal', 'committed', 'undone'];

/**
 * Writes a journal, or writes it anew, so that it is wholly there whatever happens.
 *
 * @param rest with `steps`: the target is about to be changed
 * @throws StrongroomError `unsafe-state-directory`, `disk-full`, `target-denied`, `place-failed`
 */
export function writeJournal(
  stateDirectory: string,
  terrain: Terrain,
  rest: Pick<Journal, 'root' | 'runner' | 'steps' | 'sinceMs'>,
): void {
  const { id, bases, groups } = terrain;
  const places = groups.map(({ base, directory }) => ({ base, directory }));
  const journal: Journal = { format: 1, id, bases, groups: places, ...rest };
  writeOwnFile(directoryOf(stateDirectory), `${id}.journal`, `${id}.part`, JSON.stringify(journal));
}

/**
 * Notes, in one step, that the target is whole again.
 *
 * @throws a system error
 */
export function markJournal(stateDirectory: string, id: string, state: 'committed' | 'undone'): void {
  const directory = directoryOf(stateDirectory);
  renameSync(`${directory}/${id}.journal`, `${directory}/${id}.${state}`);
  syncDirectory(directory);
}

/** Forgets a journal. */
export function dropJournal(stateDirectory: string, id: string): void {
  for (const ending of ENDINGS) rmSync(`${directoryOf(stateDirectory)}/${id}.${ending}`, { force: true });
}

const UNFINISHED_MS = 10 * 60 * 1000;

/** Removes what was left of journals whose writing was cut off. Writing one takes no time at all. */
export function dropUnfinished(stateDirectory: string): void {
  const directory = directoryOf(stateDirectory);
  for (const name of existsSync(directory) ? readdirSync(directory) : []) {
    const path = `${directory}/${name}`;
    if (!/^[0-9a-f]{16}\.part$/.test(name)) continue;
    const stats = lstatSync(path, { throwIfNoEntry: false });
    if (stats !== undefined && Date.now() - stats.mtimeMs > UNFINISHED_MS) rmSync(path, { force: true });
  }
}

/**
 * Reads the journals that are ours. One that another user owns or can write is nobody's: whoever wrote it could
 * make us move files about.
 *
 * @param onWarning told about a journal that is damaged or not ours
 * @throws StrongroomError `unsafe-state-directory`
 */
export function readJournals(stateDirectory: string, onWarning?: (message: string) => void): FoundJournal[] {
  const directory = directoryOf(stateDirectory);
  let names: string[];
  try {
    names = readdirSync(directory);
    checkOwnDirectory(directory);
  } catch (error) {
    if (errno(error) === 'ENOENT') return [];
    throw placeFailure(error, directory);
  }
  const found: FoundJournal[] = [];
  for (const name of names.sort()) {
    const [, id, ending] = NAME.exec(name) ?? [];
    if (id === undefined) continue;
    const path = `${directory}/${name}`;
    const file = readOwnFile(path);
    const journal = file && parseJournal(file.text, id);
    if (journal === undefined)
      onWarning?.(`ignored the journal ${printableName(path)}: damaged, or not yours`);
    else found.push({ journal, state: stateOf(journal, ending!), writtenMs: file!.writtenMs });
  }
  return found;
}

function stateOf(journal: Journal, ending: string): JournalState {
  if (ending === 'journal') return journal.steps === undefined ? 'staging' : 'placing';
  return ending === 'committed' ? 'committed' : 'undone';
}

function directoryOf(stateDirectory: string): string {
  return `${stateDirectory}/restores`;
}
