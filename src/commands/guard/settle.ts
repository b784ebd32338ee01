// `guard --recover` and `--accept`: what guards that were killed left, settled as a person says.
import { UsageError } from '../../errors.ts';
import { setsToBackUp } from '../backup/sets.ts';
import type { Context } from '../context.ts';
import { endKilledGuards, warnOfOpenGuards } from './earlier.ts';

export interface Settled {
  /** Whether there was anything to settle. */
  readonly settled: boolean;
  /** How many are open still. */
  readonly open: number;
}

/**
 * Settles the guards of the configured sets, or all of this state directory where no set is configured: the
 * configuration may be what the command has removed.
 *
 * @throws as `settleEarlier` reports, when all else is settled
 */
export async function settle(
  set: string | undefined,
  verdict: 'undo' | 'keep',
  context: Context,
): Promise<Settled> {
  const settled = await endKilledGuards(await rootsOf(set, context), context, verdict);
  return { settled, open: await warnOfOpenGuards(context) };
}

async function rootsOf(set: string | undefined, context: Context): Promise<readonly string[] | undefined> {
  try {
    const sets = setsToBackUp([], { set, exclude: [] }, await context.settings(), context.cwd);
    return sets.map(({ sources }) => sources.root);
  } catch (error) {
    // One that was named on the command line is meant: whoever mistypes it does not mean all.
    const isNamed = set !== undefined || (context.options.config ?? 'none') !== 'none';
    if (!(error instanceof UsageError) || isNamed) throw error;
    if (error.code !== 'no-sets') context.warn(error.code, `every guard is settled: ${error.message}`);
    return undefined;
  }
}
