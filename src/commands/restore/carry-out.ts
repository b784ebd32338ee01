// Carries plans out: everything that could stop one of them comes before the first.
import { ConflictError, NotFoundError, StrongroomError } from '../../errors.ts';
import { applyRestore, type RestoreResult } from '../../vault/restore/apply.ts';
import { planRestore, type RestorePlan, refuseRestore } from '../../vault/restore/plan.ts';
import { dropUndo, findUndo, type UndoCopy } from '../../vault/restore/undo.ts';
import type { UnlockedVault } from '../../vault/vault.ts';
import type { Context } from '../context.ts';
import { namingOlder } from '../older.ts';

/** A plan, and what came of it: nothing in a dry run. */
export interface Work {
  readonly plan: RestorePlan;
  readonly result: RestoreResult | undefined;
  /** It takes an earlier restore back. */
  readonly isUndo?: true;
}

/** A plan, and the vault that it reads: an undo copy is in a store of its own. */
export interface Planned {
  readonly vault: UnlockedVault;
  readonly plan: RestorePlan;
  /** It takes an earlier restore back. */
  readonly isUndo?: true;
}

/** @throws StrongroomError `not-confirmed`, and as `applyRestore` */
export async function carryOut(
  planned: readonly Planned[],
  dryRun: boolean,
  context: Context,
): Promise<Work[]> {
  if (dryRun) return planned.map(({ plan }) => ({ plan, result: undefined }));
  for (const { plan } of planned) refuseRestore(plan);
  for (const { plan } of planned) await confirm(plan, context);
  const works: Work[] = [];
  for (const one of planned) {
    const { vault } = one;
    const plan = works.length === 0 ? one.plan : await plannedAfresh(one);
    const { bytes: total } = plan.placement;
    const apply = () =>
      applyRestore(vault, plan, ({ files, bytes }) =>
        context.progress.update({ phase: `restoring, ${files} files`, done: bytes, total, unit: 'bytes' }),
      );
    // What stands in for an undo copy is no older one.
    const result = one.isUndo ? await apply() : await namingOlder(vault, plan.snapshot, apply);
    works.push({ plan, result });
  }
  return works;
}

/** Whether a restore that was only planned would be refused. */
export function wouldBeRefused({ plan, result }: Work): boolean {
  return result === undefined && plan.placement.conflicts.length > 0;
}

/** What was restored just now may have made the directories above a new target: it must still be new itself. */
async function plannedAfresh({ vault, plan }: Planned): Promise<RestorePlan> {
  if (!plan.placement.fresh) return plan;
  const afresh = await planRestore(vault, plan.snapshot, plan.options);
  if (afresh.placement.fresh) return afresh;
  throw new ConflictError(
    'changed-since-plan',
    `${plan.placement.root} came into being while the restore was prepared`,
    {
      object: plan.placement.root,
      hint: 'see what made it, and restore this set again',
    },
  );
}

async function confirm({ placement, snapshot, options }: RestorePlan, context: Context): Promise<void> {
  const { replaces, root } = placement;
  if (replaces.length === 0 || options.existing !== 'replace') return;
  const what = replaces.length === 1 ? '1 entry' : `${replaces.length} entries`;
  if (await context.terminal.confirm(`Replace ${what} in ${root} with those of ${snapshot.id}?`)) return;
  throw new StrongroomError('not-confirmed', 'nothing was changed', { hint: 'answer yes, or add --yes' });
}

/** Restores the newest undo copy of each target, with recorded modes and owners, and drops it. */
export async function undoRestores(
  vault: UnlockedVault,
  roots: readonly string[],
  dryRun: boolean,
  context: Context,
): Promise<Work[]> {
  const store = await (await context.world()).undoStore();
  const copies: UndoCopy[] = [];
  const planned: Planned[] = [];
  let missing: NotFoundError | undefined;
  for (const root of roots) {
    try {
      copies.push(await findUndo(vault, store, root));
    } catch (error) {
      if (!(error instanceof NotFoundError)) throw error;
      missing = error;
    }
  }
  if (missing && copies.length === 0) throw missing;
  for (const copy of copies) {
    const plan = await planRestore(copy.vault, copy.snapshot, {
      destination: copy.destination,
      paths: [],
      existing: 'replace',
      asRecorded: true,
      // What this machine kept of its own files goes back whole.
      setId: true,
      asked: () => true,
      stateDirectory: context.paths.state,
      undoStore: store,
    });
    planned.push({ vault: copy.vault, plan, isUndo: true });
  }
  const works = await carryOut(planned, dryRun, context);
  if (!dryRun) for (const copy of copies) await dropUndo(store, copy.snapshot);
  return works.map((work) => ({ ...work, isUndo: true }));
}
