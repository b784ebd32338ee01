// How long the bytes of what is removed stay in a bucket with Object Lock or a legal hold. Reads only.
import { type OldVersion, oldVersionOf } from '../old-versions.ts';
import type { Snapshot } from '../snapshots.ts';
import type { Vault } from '../vault.ts';

/** Asked one by one, the newest first: what was stored last is locked the longest. */
const ASKED = 20;

/**
 * @param snapshots that are to be removed, oldest first
 * @returns by the object of the snapshot; of each set its newest ones, as far as they are locked or held at all
 * @throws StoreError; InterruptedError
 */
export async function locksOf(
  vault: Vault,
  snapshots: readonly Snapshot[],
): Promise<ReadonlyMap<string, OldVersion>> {
  const locks = new Map<string, OldVersion>();
  if (!vault.store.history) return locks;
  for (const set of new Set(snapshots.map((s) => s.set))) {
    const newest = snapshots.filter((s) => s.set === set).slice(-ASKED);
    for (const { object } of newest.reverse()) {
      const version = await oldVersionOf(vault, object);
      const isLocked = version?.hold || (version?.until && version.until > vault.now());
      if (!version || !isLocked) break;
      locks.set(object, version);
    }
  }
  return locks;
}
