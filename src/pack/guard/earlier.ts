// What earlier guards left: a rollback that was begun is always finished, a copy that nobody needs goes, and where
// nobody has said whether what a command did is good, somebody is asked.

import { ConflictError } from '../../errors.ts';
import { isWithin } from '../collect-place.ts';
import { printableName } from '../names.ts';
import { abandon, isRunning, thisRunner } from '../place/runner.ts';
import { type FoundGuard, type GuardJournal, moveGuard, readGuards, writeGuard } from './journal.ts';
import type { PutBack } from './put-back.ts';
import { letGo, type UndoOptions, undoGuard } from './undo.ts';

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
}

/**
 * Settles what guards that ended by force left in these roots.
 *
 * @param roots real paths
 * @throws ConflictError `guard-running`, and `guard-pending` where `isStrict`; as `undoGuard`
 */
export async function settleEarlier(roots: readonly string[], options: EarlierOptions): Promise<Earlier> {
  const { stateDirectory, exceptFor, isStrict = false, verdict, onWarning } = options;
  const undone: PutBack[] = [];
  const kept: string[] = [];
  const open: ConflictError[] = [];
  for (const found of readGuards(stateDirectory, onWarning)) {
    const { journal, phase, writtenMs } = found;
    const isHere = overlaps(journal.roots, roots);
    if (journal.id === exceptFor || phase === 'kept') continue;
    if (isRunning(journal.id, journal.runner, Date.now() - writtenMs)) {
      if (isHere && (isStrict || verdict !== undefined)) throw running(journal, 'another guard is under way');
    } else if (phase === 'taking' || phase === 'done') {
      letGo(journal, options);
    } else if (isHere) {
      if (isCommandRunning(found)) {
        const why = `the command of a guard that was killed still runs, as process ${journal.command!.pid}`;
        if (isStrict || verdict !== undefined) throw running(journal, why);
        open.push(running(journal, why));
      } else if (verdict !== 'keep' && (phase === 'undoing' || verdict === 'undo')) {
        undone.push(...(await finish(found, options)));
      } else if (verdict === 'keep') {
        moveGuard(stateDirectory, journal.id, phase, 'done');
        letGo(journal, options);
        kept.push(...journal.roots);
      } else if (isStrict) throw pending(journal);
      else open.push(pending(journal));
    }
  }
  return { undone, kept, open };
}

/** When all is well again, what a rollback had set aside goes. @param roots real paths */
export function letGoKept(roots: readonly string[], options: UndoOptions): void {
  for (const { journal, phase } of readGuards(options.stateDirectory)) {
    if (phase !== 'kept' || !overlaps(journal.roots, roots)) continue;
    letGo(journal, options);
  }
}

async function finish({ journal, phase }: FoundGuard, options: EarlierOptions): Promise<PutBack[]> {
  // From now on this process is the one that works there.
  const ours = { ...journal, runner: thisRunner() };
  if (phase === 'running') moveGuard(options.stateDirectory, journal.id, phase, 'undoing');
  try {
    writeGuard(options.stateDirectory, ours, 'undoing');
    return await undoGuard(ours, options);
  } catch (error) {
    abandon(journal.id);
    throw error;
  }
}

function isCommandRunning({ journal, writtenMs }: FoundGuard): boolean {
  const { command, id } = journal;
  return command !== undefined && isRunning(`${id} command`, command, Date.now() - writtenMs);
}

function overlaps(some: readonly string[], others: readonly string[]): boolean {
  return some.some((a) => others.some((b) => isWithin(a, b) || isWithin(b, a)));
}

function shown({ roots }: GuardJournal): string {
  return roots.map(printableName).join("', '");
}

function running(journal: GuardJournal, why: string): ConflictError {
  return new ConflictError('guard-running', `${why} in '${shown(journal)}'`, {
    object: shown(journal),
    hint: 'wait for it to end',
  });
}

function pending(journal: GuardJournal): ConflictError {
  const places = journal.places.map(({ path }) => `'${printableName(path)}'`).join(', ');
  return new ConflictError(
    'guard-pending',
    `an earlier guard of '${shown(journal)}' was killed before it knew how its command ended`,
    {
      object: shown(journal),
      hint: `what was there before is in ${places}: put it back with \`strongroom guard --recover\`, or let things stand with \`strongroom guard --accept\``,
    },
  );
}
