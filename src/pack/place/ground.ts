// Holds the directories of one restore open: the bases that its paths begin at, and its staging directories.
// Owns the names inside a staging directory: `new/N` goes into the target, `old/N` came from it.

import { chmodSync, fstatSync, lstatSync, mkdirSync } from 'node:fs';
import { fsPath } from '../names.ts';
import {
  closeDirectory,
  type Directory,
  inside,
  openBase,
  openChild,
  type Walk,
  walkFrom,
} from './beneath.ts';
import { lookAt } from './existing.ts';
import { changedSincePlan, errno, isLost } from './failures.ts';
import type { Landing } from './layout.ts';
import { markerName } from './marker.ts';
import { joined, nameOf, parentOf } from './target.ts';

/** Where a restore works; also the part of a journal that says so. */
export interface Terrain {
  readonly id: string;
  /** Absolute paths of directories. */
  readonly bases: readonly string[];
  /** Where each staging directory is; the first one is the marker in the target. */
  readonly groups: readonly { readonly base: number; readonly directory: string }[];
}

export interface OpenGround {
  readonly bases: readonly Directory[];
  /** One walk for each base. */
  readonly walks: readonly Walk[];
  /** Undefined where there is none (any more). */
  readonly stagings: readonly (Directory | undefined)[];
  close(): void;
}

export interface MadeGround extends OpenGround {
  /** The umask takes bits from the owner: the mode of whatever is made must be set. */
  readonly isUmaskNarrow: boolean;
}

/**
 * Opens what there is. A staging directory that is not the caller's own is none.
 *
 * @throws a system error
 */
export function openGround(terrain: Terrain): OpenGround {
  return open(terrain, (walk, directory) => {
    try {
      return openOwn(walk.at(directory), markerName(terrain.id));
    } catch (error) {
      if (isLost(error)) return undefined;
      throw error;
    }
  });
}

/**
 * Makes the staging directories, 0700 and empty, and opens them.
 *
 * @throws a system error; what was made by then is for the journal to remove
 */
export function makeGround(terrain: Terrain): MadeGround {
  let isUmaskNarrow = false;
  const ground = open(terrain, (walk, directory) => {
    const parent = walk.at(directory);
    const name = markerName(terrain.id);
    isUmaskNarrow = makeDirectory(parent, name) || isUmaskNarrow;
    // Whoever owns the parent may have put another directory there meanwhile.
    const staging = openOwn(parent, name);
    if (staging === undefined) throw changedSincePlan(joined(terrain.bases[0]!, directory, name));
    try {
      for (const half of ['new', 'old']) makeDirectory(staging, half);
      return staging;
    } catch (error) {
      closeDirectory(staging);
      throw error;
    }
  });
  return { ...ground, isUmaskNarrow };
}

function open(terrain: Terrain, enter: (walk: Walk, directory: string) => Directory | undefined): OpenGround {
  const opened: Directory[] = [];
  const walks: Walk[] = [];
  function close(): void {
    for (const walk of walks) walk.close();
    for (const directory of opened.splice(0)) closeDirectory(directory);
  }
  try {
    const bases = terrain.bases.map((path) => {
      const base = openBase(path);
      opened.push(base);
      walks.push(walkFrom(base));
      return base;
    });
    const stagings = terrain.groups.map(({ base, directory }) => {
      const staging = enter(walks[base]!, directory);
      if (staging !== undefined) opened.push(staging);
      return staging;
    });
    return { bases, walks, stagings, close };
  } catch (error) {
    close();
    throw error;
  }
}

function openOwn(parent: Directory, name: string): Directory | undefined {
  const staging = openChild(parent, name);
  if (fstatSync(staging.fd).uid === process.geteuid!()) return staging;
  closeDirectory(staging);
  return undefined;
}

/**
 * Makes a directory that is exactly 0700.
 *
 * @returns whether the umask takes bits from the owner, so that new files need their mode set
 */
function makeDirectory(parent: Directory, name: string): boolean {
  const path = fsPath(`${parent.path}/${name}`);
  mkdirSync(path, 0o700);
  const mode = lstatSync(path).mode & 0o7777;
  if (mode === 0o700) return false;
  chmodSync(path, 0o700); // Also ends the inheritance of a set-group-id bit.
  return (mode & 0o700) !== 0o700;
}

/** Where something is staged: `/the/rest` is the way below a staged directory. */
export function stagedPath(staging: Directory, unit: number, below = ''): string | Buffer {
  return fsPath(`${staging.path}/new/${unit}${below}`);
}

/** Where what it replaces is kept until the restore is through. */
export function savedPath(staging: Directory, unit: number, ending = ''): string | Buffer {
  return fsPath(`${staging.path}/old/${unit}${ending}`);
}

/**
 * Where something is moved aside to.
 *
 * @param isMade whether directories that are missing on the way are made, 0700
 * @returns undefined when there is no such directory that is the caller's own
 * @throws a system error; with `isMade` in any case in which it would give nothing
 */
export function asidePath(
  { base, directory, name }: Landing,
  ground: OpenGround,
  isMade = false,
): string | Buffer | undefined {
  const walk = ground.walks[base]!;
  const at = (path: string): Directory => {
    try {
      return walk.at(path);
    } catch (error) {
      if (!isMade || errno(error) !== 'ENOENT' || path === '') throw error;
      mkdirSync(inside(at(parentOf(path)), nameOf(path)), 0o700);
      return walk.at(path);
    }
  };
  try {
    const found = at(directory);
    if (fstatSync(found.fd).uid === process.geteuid!()) return inside(found, name);
    throw changedSincePlan(joined(ground.bases[base]!.path, directory));
  } catch (error) {
    if (!isMade && isLost(error)) return undefined;
    throw error;
  }
}

/** Whether the first staging directory is there. */
export function hasMarker({ id, bases, groups }: Terrain): boolean {
  const { base, directory } = groups[0]!;
  return lookAt(fsPath(joined(bases[base]!, directory, markerName(id)))) !== undefined;
}
