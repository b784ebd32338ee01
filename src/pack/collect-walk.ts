// Owns listing directories, without ever following a link, and noting what is found. Reads no file.

import { closeSync, lstatSync, readdirSync, readlinkSync, type Stats } from 'node:fs';
import { entryPath, type Place } from './collect-place.ts';
import {
  attributesOf,
  entryType,
  identityOf,
  type Problem,
  problemOf,
  type Source,
  specialName,
} from './collect-source.ts';
import { checkEntryPath, decodeName, fsPath } from './names.ts';
import type { Pace } from './pace.ts';
import { openDirectory } from './read-open.ts';

/** What has been found so far, and what to heed while looking. */
export interface Gathering {
  readonly place: Place;
  /** Whether an absolute path is excluded, itself or with the directory that it is in. */
  readonly excludes: (path: string) => boolean;
  /** By entry path. */
  readonly found: Map<string, Source>;
  readonly problems: Problem[];
  /** Absolute paths of the directories that were listed whole. */
  readonly walked: Set<string>;
  readonly pace: Pace;
}

/** Which absolute paths of a walk are wanted. */
export interface Wanted {
  matches(path: string): boolean;
  /** Whether anything in this directory could match. */
  reaches(path: string): boolean;
}

/** Something that was looked at: its absolute real path, and what is there. */
export interface Seen {
  path: string;
  stat: Stats;
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
  if (entry === '' || found.has(entry)) return true;
  const type = entryType(stat);
  if (type === undefined) {
    const reason = `is ${specialName(stat)}, which holds no content to keep`;
    problems.push({ kind: 'skipped', path: entry, reason, incomplete: false });
    return false;
  }
  if (!fitsArchive(entry)) {
    problems.push({ kind: 'unreadable', path: entry, reason: 'its path is too long', incomplete: true });
    return false;
  }
  const source: Source = { path: entry, type, from: fsPath(path), ...attributesOf(stat), identity: identityOf(stat) };
  if (type === 'symlink') source.target = decodeName(readlinkSync(fsPath(at), 'buffer'));
  found.set(entry, source);
  return true;
}

/**
 * Lists what is below a directory and notes what is wanted and not excluded. A directory is wanted with all that
 * it holds.
 *
 * @param start a directory, not noted itself
 * @param wanted undefined for everything
 * @returns how many things were wanted, excluded ones too
 */
export async function walk(gathering: Gathering, start: Seen, wanted?: Wanted): Promise<number> {
  const { walked, pace } = gathering;
  let count = 0;
  const pending = [{ ...start, whole: wanted === undefined }];
  for (let directory = pending.pop(); directory !== undefined; directory = pending.pop()) {
    if (walked.has(directory.path)) continue;
    if (directory.whole) walked.add(directory.path);
    const { whole } = directory;
    await attempt(gathering, directory.path, async () => {
      const opened = openDirectory(directory)
      ...
    });
  }
  return count;
}
