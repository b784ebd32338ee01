// What to take instead, where the stored bytes of a snapshot are bad: damage to one must not end a recovery at 3 a.m.
import { IntegrityError } from '../errors.ts';
import { readSnapshots, type Snapshot } from '../vault/snapshots.ts';
import type { Vault } from '../vault/vault.ts';

/**
 * Does what reads a snapshot. Where its bytes are bad, the hint names the newest complete one before it, of the same set
 * and host; whether that one is whole is not looked at.
 * @throws what `act` throws
 */
export async function namingOlder<T>(vault: Vault, bad: Snapshot, act: () => Promise<T>): Promise<T> {
  try {
    return await act();
  } catch (error) {
    if (!(error instanceof IntegrityError)) throw error;
    const { set, host, id } = bad;
    // What cannot be listed now must not take the place of what is wrong.
    const read = await readSnapshots(vault, { set }).catch(() => undefined);
    const older = read?.snapshots.filter((s) => s.host === host && s.complete && s.id < id).at(-1);
    const next = older
      ? `the newest of ${set} by ${host} before it is ${older.id}`
      : `there is no older complete one of ${set} by ${host}`;
    throw new IntegrityError(error.code, error.message, {
      hint: error.hint === undefined ? next : `${error.hint}; ${next}`,
      ...(error.object === undefined ? {} : { object: error.object }),
      cause: error,
    });
  }
}
