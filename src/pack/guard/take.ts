// Makes the copy that a guard would put back: every file as it is now, cloned where the file system can, never a
// second name for the file itself, as the command may write into that where it stands.

import {
  chmodSync,
  closeSync,
  constants,
  copyFileSync,
  existsSync,
  fstatSync,
  lstatSync,
  mkdirSync,
  openSync,
  rmSync,
  type Stats,
  statfsSync,
} from 'node:fs';
import { posix } from 'node:path';
import { ConflictError } from '../../errors.ts';
import type { Problem, Source } from '../collect.ts';
import { openPlace } from '../collect-place.ts';
import { timeOf } from '../collect-source.ts';
import { fsPath, printableName } from '../names.ts';
import { pour } from '../place/copy.ts';
import { hashFile, lookAt } from '../place/existing.ts';
import { diskFull, placeFailure, stopIfAborted } from '../place/failures.ts';
import { bornMode } from '../place/modes.ts';
import { groupsByAcl } from './acl.ts';
import { destinationOf } from './changes.ts';
import type { Kept, UndoPlace } from './journal.ts';
import { copyPath } from './where.ts';

/** From here on a clone is worth more calls than a copy. */
const LARGE = 1 << 20;
/** The kernel's clock for times of files goes in ticks; some file systems count in seconds. */
const TICK_MS = 2000;
const TRIES = 3;

/** What the copy is made of. */
export interface Take {
  readonly set: string;
  /** Real path of its root. */
  readonly root: string;
  readonly sources: readonly Source[];
  /** Index of the place of each file, by entry path. */
  readonly placeOf: ReadonlyMap<string, number>;
}

/**
 * Copies the files of one set.
 *
 * @param places made, 0700
 * @param onFile told of each file that was copied
 * @returns the entries as they were when they were copied
 * @throws ConflictError `changed-while-copied`; StrongroomError `disk-full`, `target-denied`, `place-failed`;
 *   InterruptedError
 */
export async function takeFiles(
  { set, root, sources, placeOf }: Take,
  places: readonly UndoPlace[],
  signal?: AbortSignal,
  onFile?: (bytes: number) => void,
): Promise<Kept[]> {
  const kept: Kept[] = [];
  const made = new Set<string>();
  const groups = aclGroups(root, sources);
  for (const source of sources) {
    stopIfAborted(signal);
    const place = placeOf.get(source.path);
    if (place === undefined) {
      kept.push({ ...asIs(source), ...groups.get(source.path) });
      continue;
    }
    const to = copyPath(places[place]!, set, source.path);
    const above = posix.dirname(to);
    try {
      if (!made.has(above)) mkdirSync(fsPath(above), { recursive: true, mode: 0o700 });
      made.add(above);
      kept.push({ ...(await copied(source, to)), ...groups.get(source.path), place });
      onFile?.(source.size);
    } catch (error) {
      throw placeFailure(error, to);
    }
  }
  return kept;
}

/** By entry path. What lets no group in lets none in without its ACL either. */
function aclGroups(root: string, sources: readonly Source[]): Map<string, Pick<Kept, 'aclGroup'>> {
  const asked = sources.filter(({ type, mode }) => type !== 'symlink' && (mode & 0o070) !== 0);
  const groups = groupsByAcl(asked.map(({ path }) => destinationOf(root, path)));
  return new Map(
    asked.flatMap(({ path }) => {
      const aclGroup = groups.get(destinationOf(root, path));
      return aclGroup === undefined ? [] : [[path, { aclGroup }] as const];
    }),
  );
}

/** What holds no content is known by its entry. */
function asIs({ path, type, mode, uid, gid, mtime, target, from, dev = 0, ino = 0 }: Source): Kept {
  const entry = { path, type, mode, uid, gid, mtime, size: 0, dev, ino };
  if (target === undefined) return entry;
  const stats = lstatSync(from!, { throwIfNoEntry: false });
  const ctime = stats?.ino === ino && stats.dev === dev ? settledTime(stats) : {};
  return { ...entry, target, ...ctime };
}

function settledTime({ ctimeMs }: Stats): { ctimeMs?: number } {
  return Date.now() - ctimeMs > TICK_MS ? { ctimeMs } : {};
}

async function copied(source: Source, to: string): Promise<Kept> {
  for (let attempt = 1; ; attempt++) {
    const from = openSync(source.from!, constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK);
    try {
      const stats = fstatSync(from);
      const entry = entryOf(source, stats);
      if (stats.isFile() && stats.dev === source.dev && stats.ino === source.ino) {
        await copyContent(from, to, entry);
        const after = fstatSync(from);
        const copy = lookAt(fsPath(to))!;
        const sha256 = await hashFile(to, copy);
        if (
          sha256 !== undefined &&
          copy.size === stats.size &&
          after.size === stats.size &&
          after.mtimeMs === stats.mtimeMs &&
          after.ctimeMs === stats.ctimeMs
        )
          return { ...entry, sha256 };
        rmSync(fsPath(to), { force: true });
      }
    } finally {
      closeSync(from);
    }
    if (attempt < TRIES) continue;
    const object = printableName(source.path);
    throw new ConflictError('changed-while-copied', `'${object}' is being written to`, {
      object,
      hint: 'stop what writes there, or leave it out of the set',
    });
  }
}

function entryOf({ path }: Source, stats: Stats): Kept {
  const { mode, uid, gid, size, dev, ino } = stats;
  const access = { mode: mode & 0o7777, uid, gid };
  return { path, type: 'file', ...access, mtime: timeOf(stats), size, dev, ino, ...settledTime(stats) };
}

async function copyContent(from: number, to: string, entry: Kept): Promise<void> {
  const { O_WRONLY, O_CREAT, O_EXCL, O_NOFOLLOW } = constants;
  const mode = bornMode(entry);
  const copy = openSync(fsPath(to), O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW, mode);
  try {
    if (entry.size < LARGE || !canName(from)) {
      await pour(from, copy);
      return;
    }
  } finally {
    closeSync(copy);
  }
  // By its descriptor, so that it is the file that was looked at. Its mode comes with it, in a directory that nobody
  // else can enter.
  copyFileSync(`/proc/self/fd/${from}`, fsPath(to), constants.COPYFILE_FICLONE);
  chmodSync(fsPath(to), mode);
}

function canName(fd: number): boolean {
  return process.platform === 'linux' && existsSync(`/proc/self/fd/${fd}`);
}

/**
 * Whether a mount has room for the copies; where files are cloned they take none.
 *
 * @param sources files that go to this place
 * @throws StrongroomError `disk-full`
 */
export function checkRoom(place: UndoPlace, sources: readonly Source[]): void {
  const path = fsPath(place.path);
  const disk = statfsSync(path);
  const blocks = process.geteuid!() === 0 ? disk.bfree : disk.bavail;
  const needed = sources.reduce((sum, { size }) => sum + size + disk.bsize / 2, 0);
  const isKnown = disk.blocks > 0;
  const fits = !isKnown || needed <= blocks * disk.bsize;
  const hasNames = disk.files === 0 || sources.length <= disk.ffree;
  if (hasNames && (fits || clones(place, sources))) return;
  throw diskFull(printableName(place.path), Math.ceil(needed));
}

function clones(place: UndoPlace, sources: readonly Source[]): boolean {
  const largest = sources.reduce((a, b) => (b.size > a.size ? b : a));
  const trial = fsPath(`${place.path}/trial`);
  try {
    copyFileSync(largest.from!, trial, constants.COPYFILE_EXCL | constants.COPYFILE_FICLONE_FORCE);
    return true;
  } catch {
    return false;
  } finally {
    rmSync(trial, { force: true });
  }
}

/** What could not be looked into, or is not of a kind that is kept, as entry paths. */
export function blindSpots(problems: readonly Problem[]): string[] {
  return [...new Set(problems.filter(({ kind }) => kind !== 'missing').map(({ path }) => path))];
}

/** The root's real path. @throws UsageError `missing-root`, `unreadable-root` */
export function realRoot(given: string): string {
  return openPlace(given).root;
}
