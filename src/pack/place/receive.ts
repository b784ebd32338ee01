// Takes the content of planned files, in any order, into a staging directory. Every file is born 0600 (0700 when
// its owner may execute it), whatever the umask, and never through a link.

import {
  chmodSync,
  closeSync,
  constants,
  fchmodSync,
  futimesSync,
  openSync,
  utimesSync,
  write,
  writeSync,
} from 'node:fs';
import { promisify } from 'node:util';
import { IntegrityError, StrongroomError } from '../../errors.ts';
import type { Entry } from '../entry.ts';
import { fsPath, printableName } from '../names.ts';
import { lookAt } from './existing.ts';
import { caseCollision, errno, placeFailure, stopIfAborted } from './failures.ts';
import { timeOf } from './finish.ts';
import { type MadeGround, stagedPath } from './ground.ts';
import { bornMode } from './modes.ts';
import { hasLinked } from './swap.ts';
import type { PlacementPlan, PlannedEntry, Staging } from './types.ts';

const writeSome = promisify(write);
const { O_WRONLY, O_CREAT, O_EXCL, O_NOFOLLOW } = constants;

export interface Receiver extends Pick<Staging, 'wants' | 'file' | 'openFile' | 'adopt'> {
  /** The path of a planned file that has not come; undefined when all have. */
  missing(): string | undefined;
  /** Takes no more, and closes what is open. */
  end(): void;
}

export function receive(
  plan: PlacementPlan,
  ground: MadeGround | undefined,
  signal: AbortSignal | undefined,
): Receiver {
  const { spots, units } = plan.layout;
  const files = plan.entries.filter(({ entry }) => entry.type === 'file');
  const planned = new Map(files.map((one) => [one.entry.path, one]));
  const awaited = new Set([...planned.keys()].filter((path) => spots.has(path)));
  const open = new Set<Sink>();
  let isEnded = false;

  /** Where an entry is to be staged; undefined when its content is not needed. */
  function claim({ path }: Entry): { staged: string | Buffer; one: PlannedEntry } | undefined {
    stopIfAborted(signal);
    if (isEnded) throw ended();
    const one = planned.get(path);
    if (one === undefined) throw unexpected(path, 'is not part of the plan');
    const spot = spots.get(path);
    if (spot === undefined || ground === undefined) return undefined;
    if (!awaited.delete(path)) throw unexpected(path, 'is there twice');
    return { one, staged: stagedPath(ground.stagings[units[spot.unit]!.group]!, spot.unit, spot.below) };
  }

  /** Opens the file that an entry is staged as; undefined when its content is not needed. */
  function begin(entry: Entry): { fd: number; one: PlannedEntry } | undefined {
    const claimed = claim(entry);
    if (claimed === undefined || ground === undefined) return undefined;
    const { staged, one } = claimed;
    try {
      const fd = openSync(staged, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW, bornMode(one.entry));
      if (ground.isUmaskNarrow) fchmodSync(fd, bornMode(one.entry));
      return { fd, one };
    } catch (error) {
      throw errno(error) === 'EEXIST' ? caseCollision(one.destination) : placeFailure(error, one.destination);
    }
  }

  return {
    wants: (path) => awaited.has(path),
    missing: () => awaited.values().next().value ?? open.values().next().value?.path,

    file(entry, content) {
      const begun = begin(entry);
      if (begun === undefined) return;
      const { fd, one } = begun;
      try {
        for (let at = 0; at < content.length; ) at += writeSync(fd, content, at);
        complete(one, fd, content.length);
      } catch (error) {
        throw placeFailure(error, one.destination);
      } finally {
        closeSync(fd);
      }
    },

    openFile(entry) {
      const begun = begin(entry);
      if (begun === undefined) return { write: async () => {}, close: async () => {} };
      const { fd, one } = begun;
      const sink = sinkFor(fd, entry.path);
      open.add(sink);
      let size = 0;
      return {
        async write(chunk) {
          stopIfAborted(signal);
          size += chunk.length;
          try {
            await sink.append(chunk);
          } catch (error) {
            throw placeFailure(error, one.destination);
          }
        },
        async close() {
          if (isEnded) throw ended();
          try {
            complete(one, fd, size);
            open.delete(sink);
          } catch (error) {
            throw placeFailure(error, one.destination);
          } finally {
            sink.end();
          }
        },
      };
    },

    adopt(entry, from) {
      const claimed = claim(entry);
      if (claimed === undefined) return true;
      const { staged, one } = claimed;
      try {
        if (!hasLinked(fsPath(from), staged)) {
          awaited.add(entry.path);
          return false;
        }
        const { type, size } = lookAt(staged)!;
        checkSize(entry, type === 'file' ? size : -1);
        // It is as if it had been written here: what comes after goes by the mode that files are born with.
        chmodSync(staged, bornMode(entry));
        utimesSync(staged, timeOf(entry.mtime), timeOf(entry.mtime));
        return true;
      } catch (error) {
        throw placeFailure(error, one.destination);
      }
    },

    end() {
      isEnded = true;
      for (const sink of open) sink.end();
    },
  };
}

function complete({ entry }: PlannedEntry, fd: number, size: number): void {
  checkSize(entry, size);
  futimesSync(fd, timeOf(entry.mtime), timeOf(entry.mtime));
}

function checkSize(entry: Entry, size: number): void {
  if (size === entry.size) return;
  const shown = printableName(entry.path);
  throw new IntegrityError('wrong-size', `entry '${shown}' has ${size} bytes and not ${entry.size}`);
}

/** A file that is written in pieces. */
interface Sink {
  readonly path: string;
  append(chunk: Uint8Array): Promise<void>;
  end(): void;
}

// A descriptor is never closed under a write: its number could be another file's by the time the write happens.
function sinkFor(fd: number, path: string): Sink {
  let isWriting = false;
  let isEnded = false;
  return {
    path,
    async append(chunk) {
      if (isEnded) throw ended();
      isWriting = true;
      try {
        for (let at = 0; at < chunk.length; ) {
          at += (await writeSome(fd, chunk, at, chunk.length - at)).bytesWritten;
        }
      } finally {
        isWriting = false;
        if (isEnded) closeSync(fd);
      }
    },
    end() {
      if (isEnded) return;
      isEnded = true;
      if (!isWriting) closeSync(fd);
    },
  };
}

function ended(): StrongroomError {
  return new StrongroomError('place-failed', 'the restore has ended already');
}

function unexpected(path: string, why: string): IntegrityError {
  return new IntegrityError('unexpected-entry', `entry '${printableName(path)}' ${why}`);
}
