// Owns going through directories: which files there are below the root, and whether a directory is small enough to be
// taken because something refers to it. Follows no link, and reads no file.
import type { Dirent } from 'node:fs';
import { InterruptedError } from '../../errors.ts';
import type { Disk } from './disk.ts';
import type { Place } from './reach.ts';
import type { DiscoveryWarning } from './reference.ts';

/** Configuration has some hundred files. What has more is data: a bind mount of a database or of uploads, say. */
export const MAX_DIRECTORY_FILES = 10_000;
/** The same in bytes: a set's own files are meant to be small, and are taken at every backup. */
export const MAX_DIRECTORY_BYTES = 256 * 2 ** 20;
/** Files below a root that are looked at: more than any deployment has. */
export const MAX_ROOT_FILES = 200_000;

/** What packages and git keep: not written by whoever deploys, and up to a million files. */
const PASSED_OVER = new Set(['.git', 'node_modules']);

/** @throws InterruptedError */
export function checkInterrupt(signal: AbortSignal | undefined): void {
  if (signal?.aborted) throw new InterruptedError('interrupted', 'interrupted');
}

export interface Walking {
  readonly disk: Disk;
  readonly place: Place;
  readonly signal: AbortSignal | undefined;
  /** As `Ground.warn`. */
  warn(path: string, kind: DiscoveryWarning['kind'], reason: string): void;
}

/** Regular files below the root that are not excluded, in byte order. */
export function filesBelow({ disk, place, signal, warn }: Walking): string[] {
  const files: string[] = [];
  const pending = [place.root];
  for (let directory = pending.pop(); directory !== undefined; directory = pending.pop()) {
    checkInterrupt(signal);
    const prefix = directory === '/' ? '/' : `${directory}/`;
    place.knows(directory);
    for (const child of list(disk, directory, warn)) {
      const isDirectory = child.isDirectory();
      if (!isDirectory && !child.isFile()) continue;
      const path = prefix + child.name;
      if ((isDirectory && PASSED_OVER.has(child.name)) || place.excludes(path)) continue;
      if (isDirectory) pending.push(path);
      else if (files.push(path) === MAX_ROOT_FILES) {
        warn(
          place.root,
          'unread',
          `holds more than ${MAX_ROOT_FILES} files, of which not all were looked at`,
        );
        return inByteOrder(files);
      }
    }
  }
  return inByteOrder(files);
}

function list(disk: Disk, directory: string, warn: Walking['warn']): Dirent[] {
  try {
    const children = disk.list(directory);
    if (!children.some(({ name }) => name.includes('\ufffd'))) return children;
    // It cannot be opened by this name. Whether a backup takes it is not asked here.
    warn(directory, 'unread', 'holds names that are not UTF-8, which were not looked at');
    return children.filter(({ name }) => !name.includes('\ufffd'));
  } catch {
    warn(directory, 'unread', 'cannot be listed');
    return [];
  }
}

/**
 * Whether a directory is within the bounds. Counting stops at them. Excluded files are not taken, so not counted.
 * @param path real
 */
export function isWithinBounds({ disk, place, signal }: Walking, path: string): boolean {
  let files = 0;
  let bytes = 0;
  const pending = [path];
  for (let directory = pending.pop(); directory !== undefined; directory = pending.pop()) {
    checkInterrupt(signal);
    const prefix = directory === '/' ? '/' : `${directory}/`;
    for (const child of list(disk, directory, () => {})) {
      const inner = prefix + child.name;
      if (place.excludes(inner)) continue;
      if (child.isDirectory()) pending.push(inner);
      else if (child.isFile()) bytes += sizeOf(disk, inner);
      files += 1;
      if (files > MAX_DIRECTORY_FILES || bytes > MAX_DIRECTORY_BYTES) return false;
    }
  }
  return true;
}

function sizeOf(disk: Disk, path: string): number {
  try {
    return disk.lstat(path).size;
  } catch {
    return 0;
  }
}

/** As the paths of a snapshot: UTF-16 sorts as UTF-8 does, but for surrogates. */
export function byBytes(a: string, b: string): number {
  if (a === b) return 0;
  if (!SURROGATE.test(a) && !SURROGATE.test(b)) return a < b ? -1 : 1;
  return Buffer.compare(Buffer.from(a), Buffer.from(b));
}

const SURROGATE = /[\ud800-\udfff]/;

function inByteOrder(paths: string[]): string[] {
  return paths.some((path) => SURROGATE.test(path)) ? paths.sort(byBytes) : paths.sort();
}
