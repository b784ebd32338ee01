// `guard --dry-run`: what would be taken, or why the command would not be run.
import { planBackup } from '../../vault/backup/plan.ts';
import { printableName } from '../../vault/guard/guard.ts';
import type { AskedSet } from '../backup/sets.ts';
import type { Context } from '../context.ts';
import { incompleteSet } from './prepare.ts';

export interface GuardPlan {
  readonly set: string;
  readonly paths: readonly string[];
  readonly complete: boolean;
}

/** @throws StrongroomError `incomplete`, as the guard itself would */
export async function plansOf(
  sets: readonly AskedSet[],
  allowIncomplete: boolean,
  context: Context,
): Promise<GuardPlan[]> {
  const plans = [];
  for (const { set, sources: asked } of sets) {
    const { sources, problems } = await planBackup(asked, context.now(), {
      signal: context.signal,
      env: context.env,
    });
    const missed = problems.filter(({ incomplete }) => incomplete);
    for (const { kind, path, reason } of missed)
      context.warn(kind, `${printableName(path)}: ${reason}`, { object: printableName(path) });
    const [first] = missed;
    if (first !== undefined && !allowIncomplete)
      throw incompleteSet(set, `${printableName(first.path)} ${first.reason}`);
    const paths = sources.map(({ path, type }) => printableName(path) + (type === 'dir' ? '/' : ''));
    plans.push({ set, paths, complete: missed.length === 0 });
  }
  return plans;
}
