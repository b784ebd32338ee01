// Owns the journals of guards: what a guard watches over, where it keeps what, and how far it came, which is in the
// ending of the file's name. As those of restores they make us move files, so anything odd makes one no journal.

import { readdirSync, renameSync, rmSync } from 'node:fs';
import type { Selection } from '../collect.ts';
import { checkEntries, type Entry } from '../entry.ts';
import { printableName } from '../names.ts';
import { errno, placeFailure } from '../place/failures.ts';
import { checkOwnDirectory, readOwnFile, syncDirectory, writeOwnFile } from '../place/own-file.ts';
import type { Runner } from '../place/runner.ts';

/**
 * - `taking`: the copy is being made, and the command has not begun
 * - `running`: the command may have changed anything, and nobody has said yet whether that is good
 * - `undoing`: it was not: what was goes back in place
 * - `done`: all is as it is to be; the copy goes
 * - `kept`: the same, and what the command had added is still there to be looked at
 */
export const PHASES = ['taking', 'running', 'undoing', 'done', 'kept'] as const;
export type Phase = (typeof PHASES)[number];

/** A directory that holds copies, on the mount that they are of. */
export interface UndoPlace {
  /** Absolute. */
  readonly path: string;
  /** Device and mount point, as `mountOf` says. */
  readonly mount: string;
  /** Absent until the directory was made. */
  readonly ino?: number;
}

/** An entry as it was, and what it is known by as long as nobody touches it. */
export interface Kept extends Entry {
  readonly dev: number;
  readonly ino: number;
  /** Absent where a change in the same tick of the clock could have been missed. */
  readonly ctimeMs?: number;
  /** Where it has an ACL: what that lets the owning group do, as the bits of one octal digit. The mode says another. */
  readonly aclGroup?: number;
  /** Index of the place of a file's copy; its `sha256` is there too then. */
  readonly place?: number;
}

/** One set, as it was. */
export interface GuardedTree {
  readonly set: string;
  /** Real path of its root. */
  readonly root: string;
  /** The root's own name where that is a link, and what the link said. */
  readonly link?: { readonly path: string; readonly target: string };
  readonly own: {
    readonly mode: number;
    readonly uid: number;
    readonly gid: number;
    readonly mtimeMs: number;
    readonly aclGroup?: number;
  };
  readonly selection: Selection;
  /** Paths that could not be looked into: nothing there counts as added. */
  readonly blind: readonly string[];
  readonly entries: readonly Kept[];
}

export interface GuardJournal {
  readonly format: 1;
  readonly id: string;
  readonly runner: Runner;
  /** The command, once it runs. */
  readonly command?: Runner;
  /** Real paths of the roots of all sets. */
  readonly roots: readonly string[];
  /** What else they are called, as `namesOf` says: a command may turn a link, and the real path is another then. */
  readonly names: readonly string[];
  readonly places: readonly UndoPlace[];
  /** Empty while `taking`. */
  readonly trees: readonly GuardedTree[];
}

export interface FoundGuard {
  readonly journal: GuardJournal;
  readonly phase: Phase;
  /** When it was last written, milliseconds since the epoch. */
  readonly writtenMs: number;
}

/** Room that is kept for the rollback's own notes; see `room.ts`. */
export const ROOM = 'room';

const NAME = /^([0-9a-f]{16})\.(taking|running|undoing|done|kept)$/;

/** @returns its own directory, beside the journal */
export function roomIn(stateDirectory: string, id: string): string {
  return `${directoryOf(stateDirectory)}/${id}.${ROOM}`;
}

function directoryOf(stateDirectory: string): string {
  return `${stateDirectory}/guards`;
}

/**
 * Writes a journal, wholly or not at all, and in this phase from then on.
 *
 * @throws StrongroomError `unsafe-state-directory`, `disk-full`, `target-denied`, `place-failed`
 */
export function writeGuard(stateDirectory: string, journal: GuardJournal, phase: Phase): void {
  const directory = directoryOf(stateDirectory);
  writeOwnFile(directory, `${journal.id}.${phase}`, `${journal.id}.part`, JSON.stringify(journal));
  // Of two, the one that is further counts.
  for (const earlier of PHASES.slice(0, PHASES.indexOf(phase)))
    rmSync(`${directory}/${journal.id}.${earlier}`, { force: true });
}

/** Says, in one step that takes no room, that a guard is in another phase. @throws a system error */
export function moveGuard(stateDirectory: string, id: string, from: Phase, to: Phase): void {
  const directory = directoryOf(stateDirectory);
  renameSync(`${directory}/${id}.${from}`, `${directory}/${id}.${to}`);
  syncDirectory(directory);
}

export function dropGuard(stateDirectory: string, id: string): void {
  const directory = directoryOf(stateDirectory);
  for (const ending of ['part', ...PHASES]) rmSync(`${directory}/${id}.${ending}`, { force: true });
  rmSync(roomIn(stateDirectory, id), { recursive: true, force: true });
}

/**
 * The journals that are ours.
 *
 * @param onWarning told about one that is damaged or not ours
 * @throws StrongroomError `unsafe-state-directory`
 */
export function readGuards(stateDirectory: string, onWarning?: (message: string) => void): FoundGuard[] {
  const directory = directoryOf(stateDirectory);
  let names: string[];
  try {
    names = readdirSync(directory);
    checkOwnDirectory(directory);
  } catch (error) {
    if (errno(error) === 'ENOENT') return [];
    throw placeFailure(error, directory);
  }
  const found = new Map<string, FoundGuard>();
  for (const name of names.sort()) {
    const [, id, ending] = NAME.exec(name) ?? [];
    if (id === undefined) continue;
    const path = `${directory}/${name}`;
    const file = readOwnFile(path);
    const journal = file && parseGuard(file.text, id);
    const phase = ending as Phase;
    if (journal === undefined) {
      onWarning?.(`ignored the guard's journal ${printableName(path)}: damaged, or not yours`);
    } else if (PHASES.indexOf(phase) >= PHASES.indexOf(found.get(id)?.phase ?? 'taking')) {
      found.set(id, { journal, phase, writtenMs: file!.writtenMs });
    }
  }
  return [...found.values()];
}

/** @returns undefined when it is not a journal of this id, or of another format */
export function parseGuard(text: string, id: string): GuardJournal | undefined {
  try {
    const journal = JSON.parse(text) as GuardJournal;
    return isJournal(journal) && journal.id === id ? journal : undefined;
  } catch {
    return undefined; // Not JSON, not shaped like one, or with entries that no directory can have held.
  }
}

function isJournal({ format, runner, roots, names, places, trees }: GuardJournal): boolean {
  return (
    format === 1 &&
    isCount(runner.pid) &&
    [...roots, ...names].every(isAbsolute) &&
    places.every(({ path, mount }) => isAbsolute(path) && typeof mount === 'string') &&
    trees.every((tree) => isTree(tree, places.length))
  );
}

function isTree({ set, root, own, selection, blind, entries }: GuardedTree, places: number): boolean {
  checkEntries(entries);
  return (
    /^[a-z0-9][a-z0-9._-]*$/.test(set) &&
    isAbsolute(root) &&
    [own.mode, own.uid, own.gid].every(isCount) &&
    isAbsolute(selection.root) &&
    Array.isArray(selection.include) &&
    Array.isArray(selection.exclude) &&
    blind.every((path) => typeof path === 'string') &&
    entries.every(
      ({ type, place, sha256 }) =>
        type !== 'file' || (isCount(place) && place! < places && typeof sha256 === 'string'),
    )
  );
}

function isAbsolute(path: unknown): boolean {
  return typeof path === 'string' && path.startsWith('/') && !path.includes('\0');
}

function isCount(value: unknown): boolean {
  return Number.isSafeInteger(value) && (value as number) >= 0;
}
