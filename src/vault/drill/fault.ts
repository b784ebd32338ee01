// What a drill takes for a fault of what is stored, and what ends it.
import { StoreError, StrongroomError } from '../../errors.ts';

/**
 * What a recovery would stop at is what a drill is for; that this machine has no room, or no store, is no fault of the
 * snapshot.
 * @throws what it is given, where that is no fault
 */
export function faultOf(error: unknown): StrongroomError {
  const isFault = error instanceof StrongroomError && !(error instanceof StoreError);
  if (!isFault || error.exitCode === 130 || error.code === 'disk-full') throw error;
  return error;
}
