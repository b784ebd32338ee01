// Owns reading one file such that what is kept is one state of it, or is known not to be. Knows nothing of tars.

import { closeSync, fstatSync, readSync, type Stats } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { type Problem, problemOf, replaced, type Source } from './collect-source.ts';
import { type Opened, openFile } from './read-open.ts';

/** A file that was read as a whole. */
export interface ReadFile {
  stat: Stats;
  content: Buffer;
  /** What happened to it meanwhile, each time that it was tried. */
  problem?: Problem;
}

/** Larger files are not held in memory. */
const WHOLE_BYTES = 16 * 2 ** 20;
const PIECE_BYTES = 64 * 2 ** 10;
const RETRIES = 3;
const FIRST_WAIT_MS = 20;
// File times step by up to 10 ms, a kernel's tick: what changed a file that recently may change it again while it
// is read, and leave no trace.
const TICK_MS = 10;

/**
 * Reads a small file that nobody is writing to, which is nearly every file, in the cheapest way.
 *
 * @param limit bytes
 * @param buffer where the content goes
 * @param offsetFor gives the place for it in there; one byte more may be written
 * @returns undefined when there is anything out of the ordinary: {@link readWhole} then knows what to do
 */
export function readQuiet(
  source: Source,
  limit: number,
  buffer: Buffer,
  offsetFor: (stat: Stats) => number,
): Stats | undefined {
  let opened: Opened | undefined;
  try {
    opened = openSource(source);
    if (opened === undefined) return undefined;
    const { fd, stat } = opened;
    if (stat.size > limit || isFresh(stat)) return undefined;
    const got = readSync(fd, buffer, offsetFor(stat), stat.size + 1, null);
    return got === stat.size && isUnchanged(stat, fstatSync(fd)) ? stat : undefined;
  } catch {
    return undefined;
  } finally {
    if (opened !== undefined) closeSync(opened.fd);
  }
}

/**
 * Reads a file as a whole, again when it changed meanwhile.
 *
 * @returns what was read; or the open file when it is over 16 MiB, for the caller to read and to close; or the
 *   problem because of which there is nothing
 */
export async function readWhole(source: Source): Promise<ReadFile | Opened | Problem> {
  let previous: Buffer | undefined;
  for (let retry = 0; ; retry++) {
    const read = readOnce(source);
    const last = retry === RETRIES;
    if ('kind' in read) return read;
    if ('fd' in read) {
      if (last || !isFresh(read.stat)) return read;
      closeSync(read.fd);
    } else {
      const { stat, content, problem, wasFresh } = read;
      if (problem === undefined && (!wasFresh || previous?.equals(content))) return { stat, content };
      if (last) return { stat, content, problem: problem ?? differenceOf(source.path, previous, content) };
      previous = content;
    }
    await sleep(FIRST_WAIT_MS * 2 ** retry);
  }
}

function readOnce(source: Source): (ReadFile & { wasFresh: boolean }) | Opened | Problem {
  let opened: Opened | undefined;
  try {
    opened = openSource(source);
  } catch (error) {
    return problemOf(error, source.path);
  }
  if (opened === undefined) return replaced(source.path);
  const { fd, stat } = opened;
  if (stat.size > WHOLE_BYTES) return opened;
  try {
    const wasFresh = isFresh(stat);
    const content = stat.size === 0 ? contentOfUnknownSize(fd) : contentOfSize(fd, stat.size);
    if (content === undefined) {
      const reason = 'tells no size and has no end';
      return { kind: 'unreadable', path: source.path, reason, incomplete: true };
    }
    const after = fstatSync(fd);
    // Files such as those in /proc never say how much they hold.
    if (stat.size === 0 && after.size === 0) return { stat, content, wasFresh };
    const problem = changeOf(source.path, stat, content.length, after);
    return { stat, content: content.subarray(0, stat.size), wasFresh, ...(problem && { problem }) };
  } catch (error) {
    return problemOf(error, source.path);
  } finally {
    closeSync(fd);
  }
}

/**
 * What happened to a file while it was read.
 *
 * @param got how many bytes there were, of those that `before` promised
 * @returns undefined when nothing did, as far as the file system tells; `grew` when it only became longer;
 *   `changed` when its content may be half old and half new
 */
export function changeOf(path: string, before: Stats, got: number, after: Stats): Problem | undefined {
  if (got === before.size && isUnchanged(before, after)) return undefined;
  return got >= before.size && after.size > before.size ? grewProblem(path) : changedProblem(path);
}

// Of a file that is written to all the time, two readings tell what its times do not.
function differenceOf(path: string, earlier: Buffer | undefined, later: Buffer): Problem {
  const grew = earlier !== undefined && later.subarray(0, earlier.length).equals(earlier);
  return grew ? grewProblem(path) : changedProblem(path);
}

function grewProblem(path: string): Problem {
  const reason = 'grew while it was read; what was added is not in it';
  return { kind: 'grew', path, reason, incomplete: false };
}

function changedProblem(path: string): Problem {
  const reason = 'changed while it was read; it may be half old and half new';
  return { kind: 'changed', path, reason, incomplete: true };
}

function openSource({ from, dev, ino }: Source): Opened | undefined {
  return from === undefined || dev === undefined || ino === undefined
    ? undefined
    : openFile(from, { dev, ino });
}

function contentOfSize(fd: number, size: number): Buffer {
  const content = Buffer.allocUnsafeSlow(size);
  let used = 0;
  while (used < size) {
    const got = readSync(fd, content, used, size - used, null);
    if (got === 0) break;
    used += got;
  }
  return content.subarray(0, used);
}

function contentOfUnknownSize(fd: number): Buffer | undefined {
  const pieces: Buffer[] = [];
  for (let used = 0; used <= WHOLE_BYTES; ) {
    const piece = Buffer.allocUnsafe(PIECE_BYTES);
    const got = readSync(fd, piece, 0, piece.length, null);
    if (got === 0) return Buffer.concat(pieces);
    pieces.push(piece.subarray(0, got));
    used += got;
  }
  return undefined;
}

function isUnchanged(before: Stats, after: Stats): boolean {
  return after.size === before.size && after.mtimeMs === before.mtimeMs && after.ctimeMs === before.ctimeMs;
}

// A clock that is wrong by more, as on a file server, tells nothing.
function isFresh(stat: Stats): boolean {
  return Math.abs(Date.now() - stat.ctimeMs) < TICK_MS;
}
