// What comes before the command: a snapshot of each set, and a copy of its files to put back.
import { StrongroomError } from '../../errors.ts';
import { gitCommit } from '../../host/git-commit.ts';
import type { BackupResult } from '../../vault/backup/backup.ts';
import { beginGuard, type Guard, guardedFiles, leftBehind, printableName } from '../../vault/guard/guard.ts';
import { backUp } from '../backup/one-set.ts';
import type { AskedSet } from '../backup/sets.ts';
import type { Context } from '../context.ts';
import { count } from '../counted.ts';

export interface Prepared {
  readonly guard: Guard;
  readonly snapshots: readonly BackupResult[];
}

/** @throws StrongroomError with nothing changed; InterruptedError */
export async function prepare(
  sets: readonly AskedSet[],
  program: string,
  allowIncomplete: boolean,
  context: Context,
): Promise<Prepared> {
  let guard: Guard | undefined;
  try {
    guard = await beginGuard(
      sets.map(({ sources }) => sources.root),
      {
        stateDirectory: context.paths.state,
        now: () => context.now(),
        signal: context.signal,
        onWarning: (message) => context.warn('guard', message),
      },
    );
    const snapshots: BackupResult[] = [];
    for (const asked of sets) snapshots.push(await snapshot(asked, allowIncomplete, context));
    await copy(guard, sets, allowIncomplete, context);
    if (sets.some(({ streams }) => streams.length > 0))
      context.notice('databases are in the snapshot, but only files are put back should it fail');
    const aside = leftBehind(context.paths.state).aside.map(printableName);
    if (aside.length > 0)
      context.notice(`what earlier guards moved aside is still in ${aside.join(', ')}, until you remove it`);
    const made = snapshots.map((one) => `${one.set}: ${one.snapshot}`).join(', ');
    context.notice(`${made}; running ${printableName(program)}`);
    return { guard, snapshots };
  } catch (error) {
    guard?.release();
    throw error;
  }
}

async function snapshot(asked: AskedSet, allowIncomplete: boolean, context: Context): Promise<BackupResult> {
  const commit = gitCommit(asked.sources.root);
  const made = await backUp(
    asked,
    {
      label: undefined,
      description: undefined,
      skipUnchanged: false,
      tag: [['guard', 'true'], ...(commit === undefined ? [] : [['git-commit', commit] as const])],
    },
    context,
  );
  const { set, snapshot: id, files, complete } = made;
  for (const { kind, path, reason, incomplete } of made.problems)
    if (incomplete) context.warn(kind, `${path}: ${reason}`, { object: path });
  if (!complete && !allowIncomplete) throw incompleteSet(set, `the snapshot ${id} is incomplete`);
  context.emit({ type: 'snapshot', fields: { set, snapshot: id, files, complete } });
  return made;
}

async function copy(
  guard: Guard,
  sets: readonly AskedSet[],
  allowIncomplete: boolean,
  context: Context,
): Promise<void> {
  const { signal, env } = context;
  const guarded = [];
  for (const { set, sources } of sets)
    guarded.push(await guardedFiles(set, sources, context.now(), { signal, env }));
  let done = 0;
  const problems = await guard.take(guarded, (bytes) => {
    done += bytes;
    context.progress.update({ phase: 'keeping a copy', done, unit: 'bytes' });
  });
  context.progress.clear();
  for (const [set, found] of problems) {
    const missed = found.filter(({ incomplete }) => incomplete);
    const [first] = missed;
    if (first === undefined || allowIncomplete) continue;
    const what = `${printableName(first.path)} ${first.reason}`;
    throw incompleteSet(set, `${count(missed.length, 'path')} cannot be kept: ${what}`);
  }
}

export function incompleteSet(set: string, why: string): StrongroomError {
  return new StrongroomError('incomplete', `the set ${set} cannot be guarded as a whole: ${why}`, {
    object: set,
    hint: 'the command was not run; with --allow-incomplete only what could be taken is put back',
  });
}
