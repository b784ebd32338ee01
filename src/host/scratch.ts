// A private directory for what a drill restores, in memory where there is room, and wiped whatever happens: also the one
// that a killed drill left, by the next. Knows nothing of what is put there.

import {
  lstatSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statfsSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
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
  const roomy = places.flatMap((place) => {
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

/**
 * Removes what drills of this user left that were killed.
 * @returns what was removed
 */
export function wipeAbandoned({ within, env }: Pick<ScratchNeeds, 'within' | 'env'>): string[] {
  const places = new Set([...(within === undefined ? [] : [within]), ...usualPlaces(env)]);
  return [...places].flatMap((place) => {
    const left = namesIn(place)
      .filter((name) => name.startsWith(PREFIX))
      .map((name) => join(place, name))
      .filter(isAbandoned);
    for (const path of left) wipe(path);
    return left;
  });
}

function usualPlaces(env: ScratchNeeds['env']): string[] {
  const own = env.XDG_RUNTIME_DIR;
  return ['/dev/shm', ...(own?.startsWith('/') ? [own] : []), tmpdir()];
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
    rmSync(path, { recursive: true, force: true });
  } catch (cause) {
    throw new StrongroomError('scratch-left', `what was restored for the drill could not be removed`, {
      object: path,
      hint: `remove it, as it holds secrets: rm -rf ${path}`,
      cause,
    });
  }
}

/** Only a directory that this user made and nobody else can look into; one without a word of whose it is may be new. */
function isAbandoned(path: string): boolean {
  try {
    const { uid, mode } = lstatSync(path);
    if (!lstatSync(path).isDirectory() || uid !== process.getuid?.() || (mode & 0o077) !== 0) return false;
    const holder = parseHolder(readFileSync(join(path, HOLDER), 'utf8'));
    return holder !== undefined && lives(holder) === false;
  } catch {
    return false;
  }
}

function namesIn(place: string): string[] {
  try {
    return readdirSync(place);
  } catch {
    return [];
  }
}
