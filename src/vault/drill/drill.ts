// Carries out a drill: restores each target into the scratch, as a recovery would, and looks at what came back. Writes
// nothing outside of the scratch; what is made elsewhere (scratch databases) is taken away again.
import type { Store } from '../../store/store.ts';
import type { UnlockedVault } from '../vault.ts';
import type { CommandGrounds } from './checks/commands.ts';
import { checkObjectives } from './checks/objectives.ts';
import type { Elsewhere } from './checks/references.ts';
import type { StreamGrounds } from './checks/streams.ts';
import { startClock } from './clock.ts';
import { isPartly, judgePart } from './judge.ts';
import type { DrillPlan } from './plan.ts';
import { type Restored, restoreTarget } from './restore-target.ts';
import { type DrillPart, type DrillResult, noneFailed, type Objectives } from './result.ts';

/** A set as this machine's configuration has it. */
export interface DrillSet extends StreamGrounds, CommandGrounds {
  readonly objectives: Objectives;
}

export interface DrillOptions {
  readonly sets: ReadonlyMap<string, DrillSet>;
  /** Of the whole. */
  readonly objectives: Objectives;
  readonly manual: readonly string[];
  readonly scratch: { readonly path: string; readonly kind: 'memory' | 'disk' };
  /** Nothing is replaced, so nothing is kept there. */
  readonly undoStore: Store;
  /** Milliseconds that it took to open the vault and to choose: they are part of any recovery. */
  readonly openedIn?: number;
  /** Told what is done now, such as `restore app`. */
  readonly onStep?: (what: string) => void;
}

/**
 * @returns what was found; nothing is signed or kept yet
 * @throws StoreError when the store cannot be read; StrongroomError `disk-full`; InterruptedError. Scratch databases are
 *   gone by then
 */
export async function runDrill(
  vault: UnlockedVault,
  plan: DrillPlan,
  options: DrillOptions,
): Promise<DrillResult> {
  const { objectives, manual, scratch, openedIn = 0 } = options;
  const began = new Date(vault.now().getTime() - openedIn);
  const clock = startClock(openedIn);
  const restored: Restored[] = [];
  for (const [number, target] of plan.targets.entries())
    restored.push(await restoreTarget(vault, { ...target, number }, began, options, clock));
  const trees = restored.flatMap(({ tree }) => tree ?? []);
  const elsewhere = heldElsewhere(vault, plan);
  const parts: DrillPart[] = [];
  for (const one of restored) parts.push(await judgePart(vault, one, { trees, elsewhere, began }, options));
  const measured = wholeOf(parts, openedIn);
  const checks = checkObjectives(objectives, { ...measured, isPartly: parts.some(isPartly) });
  return {
    began,
    seconds: clock.now(),
    parts,
    ...measured,
    objectives,
    checks,
    manual,
    passed: parts.length > 0 && [...parts, { checks }].every((one) => noneFailed(one.checks)),
    scratch: scratch.kind,
    evidence: undefined,
  };
}

/** Files of sets that this drill left out: their newest contents are read when somebody asks, once. */
function heldElsewhere(vault: UnlockedVault, plan: DrillPlan): Elsewhere {
  let held: Promise<(host: string, path: string) => boolean> | undefined;
  return async (host, path) => {
    held ??= import('./elsewhere.ts').then(({ readElsewhere }) => readElsewhere(vault, plan));
    return (await held)(host, path);
  };
}

/** Parts are restored one after the other: the whole takes as long as all of them, and is as old as the oldest. */
function wholeOf(parts: readonly DrillPart[], openedIn: number) {
  const [times, points] = [parts.map((p) => p.recoveryTime), parts.map((p) => p.recoveryPoint)];
  const isWhole = <T>(values: readonly (T | undefined)[]): values is T[] =>
    values.length > 0 && values.every((value) => value !== undefined);
  return {
    recoveryTime: isWhole(times)
      ? Math.round(times.reduce((sum, time) => sum + time, openedIn / 1000) * 1000) / 1000
      : undefined,
    recoveryPoint: isWhole(points) ? Math.max(...points) : undefined,
  };
}
