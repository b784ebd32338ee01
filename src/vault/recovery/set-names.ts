// Which sets a vault holds, for a page that a person reads: by the names of its objects, which anybody who writes to
// the store could add to.
import { StoreError } from '../../errors.ts';
import { parseRecordName } from '../layout.ts';
import { callOptions, type VaultContext } from '../vault.ts';

/** Sorted; at most `most` of them. */
export async function setNames(vault: VaultContext, most = 100): Promise<string[]> {
  const names = new Set<string>();
  try {
    for await (const { name } of vault.store.list('snapshots/', callOptions(vault))) {
      const set = parseRecordName(name)?.set;
      if (set !== undefined && names.size < most) names.add(set);
    }
  } catch (error) {
    // A role for keys need not see snapshots, and the page is good without them.
    if (!(error instanceof StoreError)) throw error;
  }
  return [...names].sort();
}
