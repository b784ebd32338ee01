// Guards that were killed: a rollback that was begun is finished before anything else is done with the files.
import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { InterruptedError, StrongroomError } from '../../errors.ts';
import type { Context } from '../context.ts';
import { count } from '../counted.ts';

/**
 * @param roots absolute; undefined for all guards of this machine's state directory
 * @param verdict what a person has said of commands that nobody has judged
 * @returns whether anything was settled
 */
export async function endKilledGuards(
  roots: readonly string[] | undefined,
  context: Context,
  verdict?: 'undo' | 'keep',
): Promise<boolean> {
  const stateDirectory = context.paths.state;
  if (!hasJournals(stateDirectory)) return false;
  const { settleEarlier } = await import('../../vault/guard/guard.ts');
  const { undone, kept, open, failed } = await settleEarlier(roots, {
    stateDirectory,
    now: () => context.now(),
    onWarning: (message) => context.warn('recovery', message),
    ...(verdict === undefined ? {} : { verdict }),
  });
  for (const { root, restored, removed, warnings } of undone) {
    const aside = removed.length === 0 ? '' : `; moved aside: ${removed.map((one) => one.keptAs).join(', ')}`;
    for (const message of warnings) context.warn('recovery', message, { object: root });
    context.notice(
      `${root} is as it was before the command of a guard that was killed: ${count(restored.length, 'entry', 'entries')} put back${aside}`,
    );
  }
  for (const root of kept) context.notice(`${root} stays as the command of a guard left it`);
  for (const one of open) warnOf(one, context);
  if (failed.length > 0) throw failed[0];
  return undone.length > 0 || kept.length > 0;
}

/** Half a deploy would be `latest` otherwise, and nobody have heard of it: said under `--quiet` too. */
function warnOf({ code, message, hint = '', object = '' }: StrongroomError, context: Context): void {
  context.warn(code, message, { hint, object, severity: 'error' });
}

/** Guards that are still to be settled, said to people. @returns how many */
export async function warnOfOpenGuards(context: Context): Promise<number> {
  if (!hasJournals(context.paths.state)) return 0;
  const { leftBehind } = await import('../../vault/guard/guard.ts');
  const { open } = leftBehind(context.paths.state);
  for (const one of open) warnOf(one, context);
  return open.length;
}

/** As above, for a backup: that a rollback cannot be finished is said, and is no reason to have no backup. */
export async function endKilledGuardsQuietly(roots: readonly string[], context: Context): Promise<void> {
  try {
    await endKilledGuards(roots, context);
  } catch (error) {
    if (!(error instanceof StrongroomError) || error instanceof InterruptedError) throw error;
    const { code, message, hint = 'see `strongroom guard --recover` and `--accept`', object = '' } = error;
    context.warn(code, `a guard's rollback could not be finished: ${message}`, {
      hint,
      object,
      severity: 'error',
    });
  }
}

/** Cheap, since every backup asks: nearly always there is no journal, and nothing to load. */
function hasJournals(stateDirectory: string): boolean {
  try {
    return readdirSync(join(stateDirectory, 'guards')).length > 0;
  } catch {
    return false;
  }
}
