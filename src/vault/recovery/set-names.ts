// Which sets a vault holds, for a page that a person reads: by the records that count, since whoever writes to the store
// can put any name beside them.
import { StoreError } from '../../errors.ts';
import { readSnapshots } from '../snapshots.ts';
import type { Vault } from '../vault.ts';

/** Sorted; at most `most` of them. */
export async function setNames(vault: Vault, most = 100): Promise<string[]> {
  try {
    const { snapshots } = await readSnapshots(vault);
    return [...new Set(snapshots.map(({ set }) => set))].sort().slice(0, most);
  } catch (error) {
    // A role for keys need not see snapshots, and the page is good without them.
    if (error instanceof StoreError) return [];
    throw error;
  }
}
