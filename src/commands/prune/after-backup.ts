// `prune: after-backup`: the retention of a set is applied once it was backed up. What goes wrong here is said, and is no
// failure of the backup.
import { StrongroomError } from '../../errors.ts';
import { applyLapse, planLapse } from '../../vault/keep.ts';
import { applyPrune } from '../../vault/prune/apply.ts';
import { planPrune } from '../../vault/prune/plan.ts';
import { isEmptyPolicy } from '../../vault/prune/retention.ts';
import type { Context } from '../context.ts';
import { count } from '../counted.ts';
import { warnHolds } from '../kept.ts';
import { openLocked, thisHost } from '../open.ts';
import { warnOf } from './warn.ts';

/**
 * @param sets that were backed up whole; those without a retention, or that are pruned by hand, are passed over
 * @throws whatever is no failure that was thought of; InterruptedError
 */
export async function pruneAfterBackup(context: Context, sets: readonly string[]): Promise<void> {
  const { config } = await context.settings();
  for (const set of sets) {
    const { retention, pruneAfterBackup: isWanted } = config?.sets.get(set) ?? {};
    if (!isWanted || !retention || isEmptyPolicy(retention)) continue;
    try {
      await pruneSet(context, set, retention);
    } catch (error) {
      if (!(error instanceof StrongroomError) || context.signal.aborted) throw error;
      context.warn('not-pruned', `${set} was backed up, but not pruned: ${error.message}`, {
        object: set,
        hint: `${error.hint === undefined ? '' : `${error.hint}; `}set \`prune: by-hand\` where this machine is not to prune`,
        severity: 'error',
      });
    }
  }
}

async function pruneSet(
  context: Context,
  set: string,
  retention: Parameters<typeof isEmptyPolicy>[0],
): Promise<void> {
  const vault = await openLocked(context);
  const plan = await planPrune(vault, () => retention, { set });
  warnOf(context, vault, plan);
  const host = await thisHost(context);
  warnHolds(context, await applyLapse(vault, planLapse(vault, plan.read, host), host));
  const { removed } = await applyPrune(vault, plan, host);
  if (removed.length > 0) context.notice(`${set}: pruned ${count(removed.length, 'snapshot')}`);
}
