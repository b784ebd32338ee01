// What earlier guards left: a rollback that was begun is always finished, a copy that nobody needs goes, and where
// nobody has said whether what a command did is good, somebody is asked. The journals say what there is, and nothing
// else: a configuration may have gone with what the command did.

import { ConflictError } from '../../errors.ts';
import { printableName } from '../names.ts';
import { abandon, isRunning, thisRunner } from '../place/runner.ts';
import { type FoundGuard, type GuardJournal, moveGuard, readGuards, writeGuard } from './journal.ts';
import { lockRoots } from './lock.ts';
import type { PutBack } from './put-back.ts';
import { freeRoom } from './room.ts';
import { namesOf, overlap } from './roots.ts';
import { holdsAside, letGo, type UndoOptions, undoGuard } from './undo.ts';
import { ADDED } from './where.ts';

export interface EarlierOptions extends UndoOptions {
  /** The id of a guard that is not meant: one's own. */
  readonly exceptFor?: string;
  /** Whether what is still open is an error. */
  readonly isStrict?: boolean;
  /** What a person has said of a command that nobody has judged. */
  readonly verdict?: 'undo' | 'keep';
}

export interface Earlier {
  /** What was put back. */
  readonly undone: readonly PutBack[];
  /** Roots of guards whose command is let stand now. */
  readonly kept: readonly string[];
  /** Guards that somebody has to judge, or whose command still runs. */
  readonly open: readonly ConflictError[];
  /** Why some could not be settled, a reason for each. */
  readonly failed: readonly unknown[];
}

/**
 * Settles what guards that ended by force left in these roots.
 *
 * @param roots absolute, as they were given; undefined for all of this state directory
 * @returns in `failed`: ConflictError `guard-running`, and `guard-pending` where `isStrict`; as `undoGuard`
 * @throws StrongroomError `unsafe-state-directory`
 */
export async function settleEarlier(
  roots: readonly string[] | undefined,
  options: EarlierOptions,
): Promise<Earlier> {
  const { stateDirectory, exceptFor, onWarning } = options;
  const asked = roots?.flatMap(namesOf);
  const earlier = { undone: [] as PutBack[], kept: [] as string[], open: [] as ConflictError[] };
  const failed: unknown[] = [];
  for (const found of readGuards(stateDirectory, onWarning)) {
    const { journal } = found;
    if (journal.id === exceptFor) continue;
    const isHere = asked === undefined || overlap([...journal.roots, ...journal.names], asked);
    try {
      await settleOne(found, isHere, options, earlier);
    } catch (error) {
      failed.push(error);
    }
  }
  return { ...earlier, failed };
}

async function settleOne(
  found: FoundGuard,
  isHere: boolean,
  options: EarlierOptions,
  { undone, kept, open }: { undone: PutBack[]; kept: string[]; open: ConflictError[] },
): Promise<void> {
  const { isStrict = false, verdict, stateDirectory } = options;
  const { journal, phase } = found;
  const isAsked = isHere && (isStrict || verdict !== undefined);
  if (phase === 'kept') {
    if (!journal.places.some(holdsAside)) letGo(journal, options);
  } else if (isAtWork(found)) {
    if (isAsked) throw running(journal, 'another guard is under way');
  } else if (phase === 'taking' || phase === 'done') {
    letGo(journal, options);
  } else if (isHere) {
    const error = openFault(found);
    if (error?.code === RUNNING) {
      if (isAsked) throw error;
      open.push(error);
    } else if (verdict === 'keep') {
      moveGuard(stateDirectory, journal.id, phase, 'done');
      letGo(journal, options);
      kept.push(...journal.roots);
    } else if (phase === 'undoing' || verdict === 'undo') undone.push(...(await finish(found, options)));
    else if (isStrict) throw error;
    else open.push(error);
  }
}

export interface LeftBehind {
  /** Guards that were killed, and that nobody has settled yet. */
  readonly open: readonly ConflictError[];
  /** Absolute paths of directories with what rollbacks have moved out of the way. */
  readonly aside: readonly string[];
}

/**
 * Says what earlier guards left, and changes nothing.
 *
 * @throws StrongroomError `unsafe-state-directory`
 */
export function leftBehind(stateDirectory: string): LeftBehind {
  const found = readGuards(stateDirectory);
  const isOpen = (one: FoundGuard) => (one.phase === 'running' || one.phase === 'undoing') && !isAtWork(one);
  const ended = found.filter((one) => one.phase === 'kept' || !isAtWork(one));
  const places = ended.flatMap(({ journal }) => journal.places);
  return {
    open: found.filter(isOpen).map(openFault),
    aside: places.filter(holdsAside).map(({ path }) => `${path}/${ADDED}`),
  };
}

async function finish({ journal, phase }: FoundGuard, options: EarlierOptions): Promise<PutBack[]> {
  const { stateDirectory } = options;
  // From now on this process is the one that works there.
  const ours = { ...journal, runner: thisRunner() };
  // What stands there may be guarded from elsewhere by now.
  const unlock = lockRoots(journal.roots);
  try {
    if (phase === 'running') moveGuard(stateDirectory, journal.id, phase, 'undoing');
    freeRoom(journal, options);
    writeGuard(stateDirectory, ours, 'undoing');
    return await undoGuard(ours, options);
  } catch (error) {
    abandon(journal.id);
    throw error;
  } finally {
    unlock();
  }
}

function isAtWork({ journal, writtenMs }: FoundGuard): boolean {
  return isRunning(journal.id, journal.runner, Date.now() - writtenMs);
}

function isCommandRunning({ journal, writtenMs }: FoundGuard): boolean {
  const { command, id } = journal;
  return command !== undefined && isRunning(`${id} command`, command, Date.now() - writtenMs);
}

function shown({ roots }: GuardJournal): string {
  return roots.map(printableName).join("', '");
}

const RUNNING = 'guard-running';

function running(journal: GuardJournal, why: string): ConflictError {
  return new ConflictError(RUNNING, `${why} in '${shown(journal)}'`, {
    object: shown(journal),
    hint: 'wait for it to end',
  });
}

/** What is to be said of a guard that was killed, in the phases `running` and `undoing`. */
function openFault(found: FoundGuard): ConflictError {
  const { journal, phase } = found;
  if (isCommandRunning(found)) {
    const pid = journal.command!.pid;
    return running(journal, `the command of a guard that was killed still runs, as process ${pid}`);
  }
  const places = journal.places.map(({ path }) => `'${printableName(path)}'`).join(', ');
  const how =
    phase === 'undoing'
      ? 'could not put back what was there before'
      : 'was killed before it knew how its command ended';
  return new ConflictError('guard-pending', `an earlier guard of '${shown(journal)}' ${how}`, {
    object: shown(journal),
    hint: `what was there before is in ${places}: put it back with \`strongroom guard --recover\`, or let things stand with \`strongroom guard --accept\``,
  });
}
