// Restores that were killed: mended before anything else is done with their target, or only said in a dry run.
import { pendingRestore, recoverPlacement } from '../../vault/restore/apply.ts';
import type { Context } from '../context.ts';
import { endKilledGuards } from '../guard/earlier.ts';

/** @returns whether there was a restore into `root` to finish or undo */
export async function mend(root: string, dryRun: boolean, context: Context): Promise<boolean> {
  const onWarning = (message: string) => context.warn('recovery', message, { object: root });
  const options = { stateDirectory: context.paths.state, onWarning };
  if (dryRun) {
    if (!pendingRestore(root, options)) return false;
    context.warn('pending-restore', `a restore into ${root} is unfinished; it is left as it is`, {
      object: root,
      hint: 'the next restore into it, or restore --recover, finishes or undoes it first',
    });
    return false;
  }
  const how = await recoverPlacement(root, options);
  const isUndone = await endKilledGuards([root], context);
  if (how === 'nothing') return isUndone;
  context.notice(`a restore into ${root} that was interrupted has been ${how}`);
  return true;
}
