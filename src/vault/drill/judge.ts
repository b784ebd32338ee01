// What is made of a restored part: whether it would start, whether the user's own programs are content, and whether it
// holds what was promised.
import type { UnlockedVault } from '../vault.ts';
import { checkCommands } from './checks/commands.ts';
import { checkObjectives } from './checks/objectives.ts';
import { checkReferences, type Elsewhere } from './checks/references.ts';
import type { DrillOptions } from './drill.ts';
import { faultOf } from './fault.ts';
import type { Restored } from './restore-target.ts';
import { type Check, type DrillPart, noneFailed } from './result.ts';
import type { RestoredTree } from './target.ts';

export interface Judging {
  readonly trees: readonly RestoredTree[];
  readonly elsewhere: Elsewhere;
  readonly began: Date;
}

/** @throws StoreError; InterruptedError */
export async function judgePart(
  vault: UnlockedVault,
  { target, tree, clock, checks: found, files, bytes }: Restored,
  { trees, elsewhere, began }: Judging,
  { sets, onStep }: DrillOptions,
): Promise<DrillPart> {
  const { set, host, snapshot, newest, isOlder } = target;
  const own = sets.get(set);
  const objectives = own?.objectives ?? {};
  const checks = [...found];
  if (tree) {
    onStep?.(`look into ${set} of ${host}`);
    checks.push(
      ...(await clock.timed('check', () =>
        orFault(tree, () => checkReferences(tree, trees, elsewhere, vault.signal)),
      )),
    );
    if (own) {
      const env = { STRONGROOM_DRILL_ROOT: tree.directory };
      checks.push(...(await checkCommands(own.settings.commands, { cwd: tree.directory, env }, own)));
    }
  }
  const isBack = !found.some((check) => check.check === 'stream' && check.outcome === 'failed');
  const measured = {
    recoveryPoint: newest && Math.max(0, Math.round((began.getTime() - Date.parse(newest.time)) / 1000)),
    recoveryTime: tree && isBack ? clock.recovery() : undefined,
  };
  checks.push(...checkObjectives(objectives, { ...measured, isPartly: isPartly({ checks }) }));
  const passed = tree !== undefined && noneFailed(checks);
  return {
    set,
    host,
    snapshot,
    isOlder,
    objectives,
    ...measured,
    files,
    bytes,
    phases: clock.phases,
    checks,
    passed,
  };
}

/** Whether dumps of it were not loaded, so that a recovery would take longer. */
export function isPartly({ checks }: Pick<DrillPart, 'checks'>): boolean {
  return checks.some(({ check, outcome }) => check === 'stream' && outcome === 'skipped');
}

/** What a host has written must not end the drill of the others. */
async function orFault({ contents: { id } }: RestoredTree, look: () => Promise<Check[]>): Promise<Check[]> {
  try {
    return await look();
  } catch (error) {
    const { message } = faultOf(error);
    return [{ check: 'compose', subject: id, outcome: 'failed', message }];
  }
}
