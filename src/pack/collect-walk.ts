// Owns listing directories, without ever following a link, and noting what is found. Reads no file.

import { closeSync, lstatSync, readdirSync, readlinkSync, type Stats } from 'node:fs';
import type { Pace } from './collect-pace.ts';
import { checkReserved, entryPath, type Place } from './collect-place.ts';
import {
  entryType,
  type Problem,
  problemOf,
  replaced,
  type Source,
  sourceOf,
  specialName,
} from './collect-source.ts';
import { UNDO, UNDO_PREFIX } from './guard/name.ts';
import { checkEntryPath, decodeName, fsPath } from './names.ts';
import { MARKER } from './place/marker.ts';
import { isSteady, isSteadyPath, openDirectory } from './read-open.ts';

/** What has been found so far, and what to heed while looking. */
export interface Gathering {
  readonly place: Place;
  /** Whether an absolute path is excluded by itself; what is below an excluded directory is never looked at. */
  readonly excludes: (path: string) => boolean;
  /** Absolute paths that are packed whatever the patterns say, and so answer none. */
  readonly also: ReadonlySet<string>;
  /** By entry path. */
  readonly found: Map<string, Source>;
  readonly problems: Problem[];
  /** Absolute paths of the directories that were listed whole. */
  readonly walked: Set<string>;
  /**
   * Absolute paths of what shows that a directory is not empty: those in which a file or a link was found, files and
   * links that were asked for by name, and what is missed already.
   */
  /** Real paths of files that something else takes. */
  readonly elsewhere: ReadonlySet<string>;
  readonly answers: Set<string>;
  /** Entry paths of the links that were asked for by name. */
  readonly namedLinks: Set<string>;
  readonly pace: Pace;
}

/** Something that was looked at: its absolute real path, and what is there. */
export interface Seen {
  path: string;
  stat: Stats;
}

/** Which absolute paths of a walk are wanted. */
export interface Wanted {
  matches(path: string): boolean;
  /** Whether anything in this directory could match. */
  reaches(path: string): boolean;
}

interface Directory extends Seen {
  /** Nobody else can make its path lead elsewhere. */
  steady: boolean;
  /** Everything below is wanted. */
  whole: boolean;
}

interface Child {
  name: string;
  isDirectory(): boolean;
}

interface Listing {
  fd: number;
  /** The surest path to the directory. */
  at: string;
  children: Child[];
}

/**
 * Lists what is below a directory, and notes what is wanted and not excluded. A directory is wanted with all that
 * it holds.
 *
 * @param start a directory; not noted itself
 * @param wanted undefined for everything
 * @returns how many things were wanted, excluded ones too
 */
export async function walk(gathering: Gathering, start: Seen, wanted?: Wanted): Promise<number> {
  const { excludes, also, elsewhere, walked, answers, pace } = gathering;
  let count = 0;
  const steady = isSteadyPath(start.path);
  const pending: Directory[] = [{ ...start, steady, whole: wanted === undefined }];
  for (let directory = pending.pop(); directory !== undefined; directory = pending.pop()) {
    if (directory.whole) {
      if (walked.has(directory.path)) continue;
      walked.add(directory.path);
    }
    const listing = list(gathering, directory);
    if (listing === undefined) continue;
    try {
      for (const child of listing.children) {
        if (pace.due()) await pace.rest();
        const path = `${directory.path === '/' ? '' : directory.path}/${child.name}`;
        if (child.name.startsWith(UNDO_PREFIX) && isUndoCopy(gathering, path, child)) continue;
        const whole = directory.whole || wanted!.matches(path);
        const isAnswer = whole && !also.has(path);
        if (isAnswer) count++;
        if (!whole && !(child.isDirectory() && wanted!.reaches(path))) continue;
        if (excludes(path)) continue;
        if (elsewhere.has(path)) {
          if (isAnswer) answers.add(directory.path);
          continue;
        }
        const at = directory.steady ? path : `${listing.at}/${child.name}`;
        const stat = look(gathering, path, at, whole);
        if (stat?.isDirectory()) {
          pending.push({ path, stat, steady: directory.steady && isSteady(directory.stat, stat), whole });
        } else if (isAnswer && stat !== undefined) answers.add(directory.path);
      }
    } finally {
      closeSync(listing.fd);
    }
  }
  return count;
}

/** The plain copy that a guard keeps beside its files is no file of anybody's set. */
function isUndoCopy({ place, problems }: Gathering, path: string, child: Child): boolean {
  if (!UNDO.test(child.name) || !child.isDirectory()) return false;
  const reason = 'is what a guard keeps to undo a command with';
  problems.push({ kind: 'skipped', path: entryPath(place, path), reason, incomplete: false });
  return true;
}

/**
 * Looks at one thing and, if it is wanted, notes it: as a source, or as a problem when it cannot be stored.
 *
 * @param at another path to the same, when that one is surer to lead there
 * @returns what is there; undefined after a problem
 */
export function look(gathering: Gathering, path: string, at = path, isWanted = true): Stats | undefined {
  try {
    const stat = lstatSync(fsPath(at));
    return !isWanted || note(gathering, { path, stat }, at) ? stat : undefined;
  } catch (error) {
    fail(gathering, path, error);
    return undefined;
  }
}

/**
 * Notes one thing: a source, or a problem when it cannot be stored.
 *
 * @param at another path to the same, when that one is surer to lead there
 * @returns whether it is a source
 * @throws what `node:fs` throws; UsageError `reserved-name`
 */
export function note(gathering: Gathering, { path, stat }: Seen, at = path): boolean {
  const { place, found, problems } = gathering;
  const entry = entryPath(place, path);
  if (entry === '') return true;
  checkReserved(place, path);
  if (found.has(entry)) return true;
  if (MARKER.test(entry.slice(entry.lastIndexOf('/') + 1))) {
    const reason =
      'belongs to a restore that is under way, so what is around it may be half old and half new';
    problems.push({ kind: 'changed', path: entry, reason, incomplete: true });
    return false;
  }
  const type = entryType(stat);
  if (type === undefined) {
    const reason = `is ${specialName(stat)}, which holds no content to keep`;
    problems.push({ kind: 'skipped', path: entry, reason, incomplete: false });
    return false;
  }
  if (!fitsArchive(entry)) {
    const reason = 'its path is too long';
    miss(gathering, path, { kind: 'unreadable', path: entry, reason, incomplete: true });
    return false;
  }
  const target = type === 'symlink' ? decodeName(readlinkSync(fsPath(at), 'buffer')) : undefined;
  found.set(entry, sourceOf(entry, fsPath(path), type, stat, target));
  return true;
}

// Reached through the descriptor, the directory stays the same one even if somebody swaps its name, or one above,
// for a link to a place that nobody asked for.
function list(gathering: Gathering, { path, stat }: Seen): Listing | undefined {
  try {
    const opened = openDirectory(path, stat);
    if (opened === undefined) {
      miss(gathering, path, replaced(entryPath(gathering.place, path)));
      return undefined;
    }
    try {
      return { ...opened, children: childrenOf(opened.at) };
    } catch (error) {
      closeSync(opened.fd);
      throw error;
    }
  } catch (error) {
    fail(gathering, path, error);
    return undefined;
  }
}

function childrenOf(directory: string): Child[] {
  const path = fsPath(directory);
  const children = readdirSync(path, { withFileTypes: true });
  // U+FFFD is what bytes that are not UTF-8 have become; they are asked for again, slower.
  if (!children.some((child) => child.name.includes('\ufffd'))) return children;
  return readdirSync(path, { withFileTypes: true, encoding: 'buffer' }).map((child) => ({
    name: decodeName(child.name),
    isDirectory: () => child.isDirectory(),
  }));
}

function fail(gathering: Gathering, path: string, error: unknown): void {
  miss(gathering, path, problemOf(error, entryPath(gathering.place, path) || '.'));
}

function miss({ answers, problems }: Gathering, path: string, problem: Problem): void {
  answers.add(path);
  problems.push(problem);
}

function fitsArchive(entry: string): boolean {
  // No character has more than three bytes a UTF-16 unit, and 255 bytes fit.
  if (entry.length <= 85) return true;
  try {
    checkEntryPath(entry);
    return true;
  } catch {
    return false;
  }
}
