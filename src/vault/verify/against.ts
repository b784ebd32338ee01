// `verify --against`: compares a snapshot's entries with a tree on disk, by type, content and link target.
import { planPlacement } from '../../pack/place/plan.ts';
import { readSnapshotContents } from '../artifact-read.ts';
import type { Snapshot } from '../snapshots.ts';
import { callOptions, type UnlockedVault } from '../vault.ts';

export interface Difference {
  readonly path: string;
  readonly how: 'missing' | 'changed';
  readonly reason?: string;
}

/**
 * What a restore into `directory` would have to place: the same comparison that a restore plan makes.
 * @param directory absolute
 */
export async function compareTree(
  vault: UnlockedVault,
  snapshot: Snapshot,
  directory: string,
  stateDirectory: string,
): Promise<Difference[]> {
  const contents = await readSnapshotContents(vault, snapshot);
  const plan = await planPlacement(contents.entries, { root: directory }, {
    existing: 'replace',
    asRecorded: false,
    now: vault.now(),
    stateDirectory,
    ...callOptions(vault),
  });
  return plan.entries.flatMap(({ entry, action, reason }): Difference[] => {
    if (action === 'same') return [];
    if (action === 'create') return [{ path: entry.path, how: 'missing' }];
    return [{ path: entry.path, how: 'changed', ...(reason === undefined ? {} : { reason }) }];
  });
}
