// The command, the probe, and what becomes of the files: kept as they are now, or put back.
import { StrongroomError } from '../../errors.ts';
import { type HeldSignals, runInForeground, type Surroundings } from '../../host/run.ts';
import { beforeCommand, GuardError, notPutBack, PROBE_FAILED } from '../../vault/guard/failure.ts';
import { type PutBack, printableName } from '../../vault/guard/guard.ts';
import type { Context } from '../context.ts';
import { count } from '../counted.ts';
import type { Prepared } from './prepare.ts';
import { type ProbeOptions, probe } from './probe.ts';

/** How it went; what failed comes with the exit code for it. */
interface Verdict {
  readonly tries: number;
  readonly failure?: { readonly exitCode: number; readonly code: string; readonly message: string };
}

/**
 * @returns how often the probe was tried
 * @throws GuardError with the command's exit code, or 5, 125, 126, 130; the files are as they were, but for 126
 */
export async function attempt(
  argv: readonly string[],
  { guard, snapshots }: Prepared,
  probing: ProbeOptions,
  held: HeldSignals,
  context: Context,
): Promise<number> {
  let isStarted = false;
  let verdict: Verdict;
  try {
    verdict = await judge(argv, guard, probing, held, context, () => {
      isStarted = true;
    });
  } catch (error) {
    if (!isStarted) {
      guard.release();
      throw error instanceof StrongroomError ? beforeCommand(error) : error;
    }
    // Whatever went wrong with us, nobody has said that all is well.
    const message = error instanceof StrongroomError ? error.message : 'the guard failed';
    verdict = { tries: 0, failure: { exitCode: 1, code: 'guard-failed', message } };
  }
  const { failure, tries } = verdict;
  if (failure === undefined) {
    guard.keep();
    return tries;
  }
  const ids = snapshots.map(({ snapshot }) => snapshot);
  // Where the disk is full or the terminal gone, it is still to be done.
  evenUnheard(() => context.notice(`${failure.message}: putting the files back`));
  let done: readonly PutBack[];
  try {
    done = await guard.undo();
  } catch (error) {
    throw notPutBack(error, guard.copies.map(printableName), ids);
  }
  evenUnheard(() => {
    for (const one of done) tell(one, context);
    if (done.some(({ removed }) => removed.length > 0))
      context.notice('what was moved aside stays there until you remove it');
  });
  const details = { hint: `the snapshot from before is ${ids.join(', ')}` };
  throw new GuardError(failure.exitCode, failure.code, `${failure.message}; ${sumOf(done)}`, details, ids);
}

function evenUnheard(say: () => void): void {
  try {
    say();
  } catch (error) {
    if (!(error instanceof StrongroomError)) throw error;
  }
}

async function judge(
  argv: readonly string[],
  guard: Prepared['guard'],
  probing: ProbeOptions,
  held: HeldSignals,
  context: Context,
  onStart: () => void,
): Promise<Verdict> {
  const { cwd, env, umask } = context;
  const surroundings: Surroundings = { cwd, env, umask };
  const status = await runInForeground(argv, surroundings, held, {
    onStart: (pid) => {
      onStart();
      attemptTo(() => guard.noteCommand(pid), context);
    },
    // Should we be killed before the files are back, the next run knows that they are to be.
    onSignal: () => attemptTo(() => guard.condemn(), context),
  });
  const interrupted = { exitCode: 130, code: 'interrupted', message: 'interrupted' };
  if (held.first !== undefined) return { tries: 0, failure: interrupted };
  if (status !== 0) {
    const message = `the command ended with exit code ${status}`;
    return { tries: 0, failure: { exitCode: status, code: 'command-failed', message } };
  }
  const stopped = new AbortController();
  const stop = () => stopped.abort();
  held.onFirst(stop);
  const { tries, fault } = await probe(probing, surroundings, stopped.signal);
  if (held.first !== undefined) return { tries, failure: interrupted };
  if (fault === undefined) return { tries };
  const message = `the probe failed, ${tries === 1 ? 'once' : `${tries} times`}: ${fault}`;
  return { tries, failure: { exitCode: PROBE_FAILED, code: 'probe-failed', message } };
}

/** A note for the next run, should we not come to our end: nothing depends on it while we do. */
function attemptTo(note: () => void, context: Context): void {
  try {
    note();
  } catch (error) {
    const why = error instanceof StrongroomError ? `: ${error.message}` : '';
    evenUnheard(() => context.warn('guard', `what is under way could not be noted${why}`));
  }
}

function tell({ set, root, restored, removed, warnings }: PutBack, context: Context): void {
  for (const path of restored) {
    const name = printableName(path);
    context.emit({ type: 'put_back', fields: { set, root, path }, human: [`put back: ${name}`] });
  }
  for (const { path, keptAs } of removed) {
    const human = [`moved aside: ${printableName(path)}, to ${printableName(keptAs)}`];
    context.emit({ type: 'moved_aside', fields: { set, root, path, kept_as: keptAs }, human });
  }
  for (const message of warnings) context.warn('guard', message, { object: root });
}

function sumOf(done: readonly PutBack[]): string {
  const restored = done.reduce((sum, one) => sum + one.restored.length, 0);
  const removed = done.reduce((sum, one) => sum + one.removed.length, 0);
  if (restored + removed === 0) return 'it had changed no file of the set';
  const aside = removed === 0 ? '' : `, and ${count(removed, 'new one')} moved aside`;
  return `${count(restored, 'entry', 'entries')} put back as before${aside}`;
}
