// A private directory for what a drill restores, in memory where there is room, and wiped whatever happens: also the one
// that a killed drill left, by the next. Knows nothing of what is put there.

import {
  chmodSync,
  lstatSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  realpathSync,
  rmSync,
  statfsSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { StrongroomError, UsageError } from '../errors.ts';
import { lives, parseHolder, thisProcess } from './process.ts';

export interface Scratch {
  /** Absolute, 0700, and empty. */
  readonly path: string;
  /** On a `disk`, what was removed may be found again. */
  readonly kind: 'memory' | 'disk';
  /** Removes it and all in it. @throws StrongroomError `scratch-left` */
  wipe(): void;
}

export interface ScratchNeeds {
  /** Bytes that will be written. */
  readonly bytes: number;
  /** Files and directories that will be made. */
  readonly entries: number;
  /** The directory to make it in, absolute; else the best there is. */
  readonly within?: string | undefined;
  readonly env: Readonly<Record<string, string | undefined>>;
}

const PREFIX = 'strongroom-drill-';
/** Says whose it is. Beside the files, not among them. */
const HOLDER = 'holder';
const FILES = 'files';
/** linux/magic.h: TMPFS_MAGIC, RAMFS_MAGIC. */
const IN_MEMORY = new Set([0x01021994, 0x858458f6]);
/** A page for each entry, its inode, and room for what servers write beside the files. */
const BYTES_AN_ENTRY = 8192;
const MARGIN_BYTES = 32 * 2 ** 20;

/**
 * @throws UsageError `no-scratch` when it cannot be made where it was asked for; StrongroomError `disk-full` when there is
 *   no place with enough room
 */
export function makeScratch({ bytes, entries, within, env }: ScratchNeeds): Scratch {
  const needed = bytes + Math.ceil(bytes / 8) + entries * BYTES_AN_ENTRY + MARGIN_BYTES;
  const places = within === undefined ? usualPlaces(env) : [within];
  if (within !== undefined) refuseOpen(within);
  const roomy = places.filter(isClosed).flatMap((place) => {
    const room = roomOf(place);
    return room && room.bytes >= needed ? [{ place, kind: room.kind }] : [];
  });
  roomy.sort((a, b) => Number(a.kind === 'disk') - Number(b.kind === 'disk'));
  let cause: unknown;
  for (const { place, kind } of roomy) {
    try {
      return made(place, kind);
    } catch (error) {
      cause = error;
    }
  }
  const mebibytes = Math.ceil(needed / 2 ** 20);
  if (roomy.length > 0 || (within !== undefined && roomOf(within) === undefined)) {
    throw new UsageError('no-scratch', `no directory can be made in ${places.join(' or ')}`, {
      object: places[0]!,
      hint: 'name a directory that this user may write to: --scratch DIR',
      cause,
    });
  }
  throw new StrongroomError('disk-full', `a drill needs ${mebibytes} MiB for a while, and there is less`, {
    object: places.join(', '),
    hint: 'name a directory with enough room: --scratch DIR; one in memory (tmpfs) leaves no trace',
  });
}

/** What drills of this user left that were killed. */
export interface Leftovers {
  /** Wiped now. */
  readonly wiped: readonly string[];
  /** Nobody can tell whether they are in use, or they cannot be removed. */
  readonly left: readonly string[];
}

/** Removes what drills of this user left that were killed. Never fails. */
export function wipeAbandoned({ within, env }: Pick<ScratchNeeds, 'within' | 'env'>): Leftovers {
  const places = new Set([...(within === undefined ? [] : [within]), ...usualPlaces(env)]);
  const wiped: string[] = [];
  const left: string[] = [];
  for (const place of places) {
    for (const name of namesIn(place).filter((n) => n.startsWith(PREFIX))) {
      const path = join(place, name);
      const state = stateOf(path);
      if (state === 'abandoned' && tryToWipe(path)) wiped.push(path);
      else if (state !== 'in use') left.push(path);
    }
  }
  return { wiped, left };
}

function tryToWipe(path: string): boolean {
  try {
    wipe(path);
    return true;
  } catch {
    return false;
  }
}

function usualPlaces(env: ScratchNeeds['env']): string[] {
  const own = env.XDG_RUNTIME_DIR;
  return ['/dev/shm', ...(own?.startsWith('/') ? [own] : []), tmpdir()];
}

/** Whether only this user and root can put something else in the place of what is made there. */
function isClosed(place: string): boolean {
  try {
    for (let at = realpathSync(place); ; at = dirname(at)) {
      const { uid, mode } = lstatSync(at);
      const isSticky = (mode & 0o1000) !== 0;
      if ((uid !== 0 && uid !== process.getuid?.()) || ((mode & 0o022) !== 0 && !isSticky)) return false;
      if (at === dirname(at)) return true;
    }
  } catch {
    // That it is not there is for whoever makes something in it to say.
    return true;
  }
}

/** @throws UsageError `no-scratch` */
function refuseOpen(place: string): void {
  if (isClosed(place)) return;
  throw new UsageError('no-scratch', `others could meddle with what is restored to ${place}`, {
    object: place,
    hint: 'name a directory that only you can write to, as all above it',
  });
}

function roomOf(place: string): { readonly bytes: number; readonly kind: Scratch['kind'] } | undefined {
  try {
    const { type, bavail, bsize } = statfsSync(place);
    return { bytes: bavail * bsize, kind: IN_MEMORY.has(type) ? 'memory' : 'disk' };
  } catch {
    return undefined;
  }
}

function made(place: string, kind: Scratch['kind']): Scratch {
  // Made 0700, under a name that nobody could take before (mkdtemp(3)).
  const path = mkdtempSync(join(place, PREFIX));
  try {
    writeFileSync(join(path, HOLDER), JSON.stringify(thisProcess()), { mode: 0o600, flag: 'wx' });
    mkdirSync(join(path, FILES), { mode: 0o700 });
    return { path: join(path, FILES), kind, wipe: () => wipe(path) };
  } catch (error) {
    rmSync(path, { recursive: true, force: true });
    throw error;
  }
}

function wipe(path: string): void {
  try {
    // A set may ask for directories that nobody may write to.
    openUp(Buffer.from(path));
    rmSync(path, { recursive: true, force: true });
  } catch (cause) {
    throw new StrongroomError('scratch-left', 'what was restored for the drill could not be removed', {
      object: path,
      hint: `remove it, as it holds secrets: rm -rf ${path}`,
      cause,
    });
  }
}

/** Names may be any bytes. */
function openUp(directory: Buffer): void {
  chmodSync(directory, 0o700);
  for (const entry of readdirSync(directory, { withFileTypes: true, encoding: 'buffer' })) {
    if (entry.isDirectory()) openUp(Buffer.concat([directory, Buffer.from('/'), entry.name]));
  }
}

/** Only a directory that this user made and nobody else can look into is ours; without a word of whose, it may be new. */
function stateOf(path: string): 'in use' | 'abandoned' | 'unknown' {
  try {
    const stats = lstatSync(path);
    if (!stats.isDirectory() || stats.uid !== process.getuid?.() || (stats.mode & 0o077) !== 0)
      return 'in use';
    const holder = parseHolder(readFileSync(join(path, HOLDER), 'utf8'));
    if (holder === undefined) return 'in use';
    const isLiving = lives(holder);
    return isLiving === undefined ? 'unknown' : isLiving ? 'in use' : 'abandoned';
  } catch {
    return 'in use';
  }
}

function namesIn(place: string): string[] {
  try {
    return readdirSync(place);
  } catch {
    return [];
  }
}
