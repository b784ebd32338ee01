// One guard, from its lock to its end: keeps a copy of what the sets hold, and puts it back or lets it go. Knows
// nothing of snapshots, commands and probes.

import { randomBytes } from 'node:crypto';
import { lstatSync, type Stats } from 'node:fs';
import { posix } from 'node:path';
import { StrongroomError } from '../../errors.ts';
import { collect, type Problem, type Selection, type Source } from '../collect.ts';
import { fsPath } from '../names.ts';
import { placeFailure, stopIfAborted } from '../place/failures.ts';
import { abandon, runnerOf, thisRunner } from '../place/runner.ts';
import { placeOf, resolveExisting } from '../place/target.ts';
import { destinationOf } from './changes.ts';
import { letGoKept, settleEarlier } from './earlier.ts';
import {
  dropGuard,
  type GuardedTree,
  type GuardJournal,
  moveGuard,
  type Phase,
  writeGuard,
} from './journal.ts';
import { makePlace, placeFinder, syncPlaces } from './places.ts';
import type { PutBack } from './put-back.ts';
import { linkAt } from './settle.ts';
import { blindSpots, checkRoom, realRoot, takeFiles } from './take.ts';
import { letGo, undoGuard } from './undo.ts';

export interface GuardOptions {
  /** Absolute; journals are kept in its `guards` directory. */
  readonly stateDirectory: string;
  readonly now: () => Date;
  readonly signal?: AbortSignal;
  /** Told, in one line safe to show. */
  readonly onWarning?: (message: string) => void;
}

/** A set that is guarded. */
export interface Guarded {
  readonly set: string;
  readonly selection: Selection;
}

export interface Guard {
  /**
   * Copies what the sets hold now. From then on it can be put back, whoever ends this process.
   *
   * @returns what could not be copied, by set
   * @throws ConflictError `changed-while-copied`; StrongroomError `disk-full`, `no-room-beside` and as restores do;
   *   InterruptedError
   */
  take(
    sets: readonly Guarded[],
    onFile?: (bytes: number) => void,
  ): Promise<ReadonlyMap<string, readonly Problem[]>>;
  /** Notes which process may change the files, so that nobody undoes it while it runs. */
  noteCommand(pid: number): void;
  /** Says that what was done is to be undone, by somebody else if this process ends first. */
  condemn(): void;
  /**
   * Puts everything back. It can be called again.
   *
   * @throws StrongroomError; the copies then stay
   */
  undo(): Promise<readonly PutBack[]>;
  /** What was done is good: the copies go, and with them what earlier guards of these roots had set aside. */
  keep(): void;
  /** Before anything was done: the copies go. Does nothing after that. */
  release(): void;
  /** Where the copies are, absolute. */
  readonly places: readonly string[];
}

/**
 * Locks the roots of some sets for a guard, when what earlier guards left there is settled.
 *
 * @param roots absolute; each is there
 * @throws ConflictError `guard-running`, `guard-pending`; UsageError `missing-root`, `unreadable-root`; StrongroomError
 */
export async function beginGuard(roots: readonly string[], options: GuardOptions): Promise<Guard> {
  const { stateDirectory, signal } = options;
  let real = roots.map(placeOf);
  const id = randomBytes(8).toString('hex');
  let journal: GuardJournal = { format: 1, id, runner: thisRunner(), roots: real, places: [], trees: [] };
  let phase: Phase = 'taking';
  let isOpen = true;
  const write = (next: Phase, change: Partial<GuardJournal> = {}): void => {
    journal = { ...journal, ...change };
    writeGuard(stateDirectory, journal, next);
    phase = next;
  };
  // Before we look for others: of two that begin together, neither overlooks the other.
  write('taking');
  const end = (): void => {
    isOpen = false;
    try {
      moveGuard(stateDirectory, id, phase, 'done');
    } catch (error) {
      throw placeFailure(error, stateDirectory);
    }
    phase = 'done';
    letGo(journal, options);
  };
  const condemn = (): void => {
    if (phase !== 'running') return;
    moveGuard(stateDirectory, id, phase, 'undoing');
    phase = 'undoing';
  };
  try {
    await settleEarlier(real, { ...options, exceptFor: id, isStrict: true });
    // They may have brought back a root, or the link to one.
    real = roots.map(realRoot);
    write('taking', { roots: real });
  } catch (error) {
    dropGuard(stateDirectory, id);
    throw error;
  }

  return {
    get places() {
      return journal.places.map(({ path }) => path);
    },
    async take(sets, onFile) {
      const problems = new Map<string, readonly Problem[]>();
      const collected: { readonly guarded: Guarded; readonly sources: Source[]; readonly blind: string[] }[] =
        [];
      for (const asked of sets) {
        const guarded = { ...asked, selection: withoutOwn(asked.selection, stateDirectory) };
        const found = await collect(guarded.selection, signal ? { signal } : {});
        problems.set(guarded.set, found.problems);
        collected.push({ guarded, sources: found.sources, blind: blindSpots(found.problems) });
      }
      const finder = placeFinder(id, real);
      const placed = collected.map(({ sources }, index) => {
        const files = sources.filter(({ type }) => type === 'file');
        const root = real[index]!;
        const at = (path: string) => finder.index(posix.dirname(destinationOf(root, path)));
        finder.index(root);
        return new Map(files.map(({ path }) => [path, at(path)] as const));
      });
      const own = real.map((root) => accessOf(lstatSync(fsPath(root))));
      // The journal is there before the first directory: a killed run leaves nothing that the next one cannot find.
      write('taking', { places: finder.places });
      const trees: GuardedTree[] = [];
      try {
        const places = finder.places.map(makePlace);
        write('taking', { places });
        for (const [index, place] of places.entries()) {
          const files = collected.flatMap(({ sources }, i) =>
            sources.filter(({ path }) => placed[i]!.get(path) === index),
          );
          if (files.length > 0) checkRoom(place, files);
        }
        for (const [index, { guarded, sources, blind }] of collected.entries()) {
          const { set, selection } = guarded;
          const entries = await takeFiles({ set, sources, placeOf: placed[index]! }, places, signal, onFile);
          const root = real[index]!;
          const link = linkAt(roots[index]!, resolveExisting(posix.dirname(roots[index]!)));
          const isLink = link ? { link } : {};
          trees.push({ set, root, ...isLink, own: own[index]!, selection, blind, entries });
        }
        await syncPlaces(places);
      } catch (error) {
        throw placeFailure(error, real[0]!);
      }
      stopIfAborted(signal);
      write('running', { trees });
      return problems;
    },
    noteCommand(pid) {
      if (phase === 'running') write('running', { command: runnerOf(pid) });
    },
    condemn,
    async undo() {
      try {
        condemn();
      } catch {
        // The command may have made away with the journal. All that is in it is still known here.
        phase = 'undoing';
      }
      if (phase !== 'undoing') throw new StrongroomError('no-copy', 'there is nothing to put back');
      try {
        const done = await undoGuard(journal, options);
        isOpen = false;
        return done;
      } catch (error) {
        abandon(id);
        throw error;
      }
    },
    keep() {
      end();
      letGoKept(real, options);
    },
    release() {
      if (isOpen && (phase === 'taking' || phase === 'running')) end();
    },
  };
}

/** Our own journals change while we work: they are no part of what is put back. */
function withoutOwn(selection: Selection, stateDirectory: string): Selection {
  const own = [...new Set([stateDirectory, placeOf(stateDirectory)])];
  return {
    ...selection,
    exclude: [...selection.exclude, ...own.map((path) => path.replace(/[*?[{\\]/g, '\\$&'))],
  };
}

function accessOf({ mode, uid, gid, mtimeMs }: Stats): GuardedTree['own'] {
  return { mode: mode & 0o7777, uid, gid, mtimeMs };
}
