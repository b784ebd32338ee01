// What a guard stands on: which files of a set it watches over, and the copy of them that it keeps beside them.
import { UsageError } from '../../errors.ts';
import type { Guarded } from '../../pack/guard/guard.ts';
import { type BackupSources, type PlanOptions, planBackup } from '../backup/plan.ts';

export { leftBehind, settleEarlier } from '../../pack/guard/earlier.ts';
export { beginGuard, type Guard } from '../../pack/guard/guard.ts';
export type { PutBack } from '../../pack/guard/put-back.ts';
export { printableName } from '../../pack/names.ts';

/**
 * The files of a set as they are named now: what references lead to is settled here, so that a command that changes
 * the references does not change what is watched over.
 *
 * @throws UsageError as `planBackup`; InterruptedError
 */
export async function guardedFiles(
  set: string,
  sources: BackupSources,
  now: Date,
  options: PlanOptions = {},
): Promise<Guarded> {
  const { selection } = await planBackup(sources, now, options);
  if (selection !== undefined) return { set, selection };
  throw new UsageError('no-files', `the set ${set} holds values in memory, and no files`);
}
