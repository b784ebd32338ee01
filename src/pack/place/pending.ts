// Whether a restore into a target is unfinished. Looks only: mending is recover.ts.

import { resolve } from 'node:path';
import { hasMarker } from './ground.ts';
import { readJournals } from './journal.ts';
import { placeOf } from './target.ts';
import type { RecoverOptions } from './types.ts';

/**
 * Whether a restore into this target was cut off, or runs now: what `recoverPlacement` would look into.
 *
 * @param target absolute path of the directory that is, or was to be, restored into
 * @throws StrongroomError `unsafe-state-directory`, `target-denied`, `place-failed`
 */
export function pendingRestore(target: string, { stateDirectory, onWarning }: RecoverOptions): boolean {
  const root = placeOf(resolve(target));
  return readJournals(stateDirectory, onWarning).some(
    ({ journal }) => journal.root === root && hasMarker(journal),
  );
}
