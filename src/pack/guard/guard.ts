// One guard, from its lock to its end: keeps a copy of what the sets hold, and puts it back or lets it go. Knows
// nothing of snapshots, commands and probes.

import { randomBytes } from 'node:crypto';
import { existsSync } from 'node:fs';
import { StrongroomError } from '../../errors.ts';
import type { Problem } from '../collect.ts';
import { fsPath } from '../names.ts';
import { errno } from '../place/failures.ts';
import { abandon, runnerOf, thisRunner } from '../place/runner.ts';
import { placeOf } from '../place/target.ts';
import { settleEarlier } from './earlier.ts';
import { dropGuard, type GuardJournal, moveGuard, type Phase, writeGuard } from './journal.ts';
import { lockRoots } from './lock.ts';
import type { PutBack } from './put-back.ts';
import { namesOf } from './roots.ts';
import { realRoot } from './take.ts';
import { type Guarded, takeSets } from './take-sets.ts';
import { letGo, undoGuard } from './undo.ts';
import { BEFORE } from './where.ts';

export type { Guarded };

const NOT_NOTED = 'that the guard has ended well could not be noted';

export interface GuardOptions {
  /** Absolute; journals are kept in its `guards` directory. */
  readonly stateDirectory: string;
  readonly now: () => Date;
  readonly signal?: AbortSignal;
  /** Told, in one line safe to show. */
  readonly onWarning?: (message: string) => void;
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
  /** What was done is good: the copies go. That they cannot is told, and is no failure. */
  keep(): void;
  /** Before anything was done: the copies go. Does nothing after that. */
  release(): void;
  /** Absolute paths of the directories of ours. */
  readonly places: readonly string[];
  /** Those with what was there before, as far as they are still there. */
  readonly copies: readonly string[];
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
  const names = roots.flatMap(namesOf);
  const id = randomBytes(8).toString('hex');
  const runner = thisRunner();
  let journal: GuardJournal = { format: 1, id, runner, roots: real, names, places: [], trees: [] };
  let phase: Phase = 'taking';
  let isOpen = true;
  let unlock = (): void => {};
  const note = (next: Phase, change: Partial<GuardJournal> = {}): GuardJournal => {
    journal = { ...journal, ...change };
    writeGuard(stateDirectory, journal, next);
    phase = next;
    return journal;
  };
  // Before we look for others: of two that begin together, neither overlooks the other.
  note('taking');
  const end = (): void => {
    isOpen = false;
    unlock();
    try {
      moveGuard(stateDirectory, id, phase, 'done');
    } catch (error) {
      if (errno(error) !== 'ENOENT') {
        abandon(id);
        options.onWarning?.(`${NOT_NOTED}; let things stand with \`strongroom guard --accept\``);
        return;
      }
      // The command has made away with our notes, and no run after us could find the copies.
      options.onWarning?.('the command removed what the guard had noted; its copies go all the same');
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
    const { failed } = await settleEarlier(roots, { ...options, exceptFor: id, isStrict: true });
    if (failed.length > 0) throw failed[0];
    // They may have brought back a root, or the link to one.
    real = roots.map(realRoot);
    unlock = lockRoots(real);
    note('taking', { roots: real, names: [...new Set([...names, ...roots.flatMap(namesOf)])] });
  } catch (error) {
    unlock();
    dropGuard(stateDirectory, id);
    throw error;
  }

  return {
    get places() {
      return journal.places.map(({ path }) => path);
    },
    get copies() {
      const copies = journal.places.map(({ path }) => `${path}/${BEFORE}`);
      return copies.filter((path) => existsSync(fsPath(path)));
    },
    async take(sets, onFile) {
      const write = (change: Partial<GuardJournal>) => note('taking', change);
      const { trees, problems } = await takeSets({
        sets,
        roots,
        real,
        stateDirectory,
        signal,
        onFile,
        write,
      });
      note('running', { trees });
      return problems;
    },
    noteCommand(pid) {
      if (phase === 'running') note('running', { command: runnerOf(pid) });
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
      } finally {
        unlock();
      }
    },
    keep: end,
    release() {
      if (isOpen && (phase === 'taking' || phase === 'running')) end();
    },
  };
}
