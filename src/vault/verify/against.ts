// `verify --against`: compares a snapshot's entries with a tree on disk, by type, content and link target.
import { stat } from 'node:fs/promises';
import { NotFoundError } from '../../errors.ts';
import { fsPath } from '../../pack/names.ts';
import { holdsContent, lookAt } from '../../pack/place/existing.ts';
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
 * A name with a slip in it would make everything look as if it were missing.
 * @param directory absolute
 * @throws NotFoundError `no-directory`
 */
export async function checkDirectory(directory: string): Promise<void> {
  const isThere = await stat(directory).then(
    (found) => found.isDirectory(),
    // What cannot be looked at is for the comparison to say.
    (error: NodeJS.ErrnoException) => error.code !== 'ENOENT' && error.code !== 'ENOTDIR',
  );
  if (isThere) return;
  throw new NotFoundError('no-directory', `there is no directory ${directory}`, {
    object: directory,
    hint: 'name the restored or live tree to compare with',
  });
}

/**
 * What a restore into `directory` would have to place: the same comparison that a restore plan makes.
 * @param directory absolute
 * @param options.outside where `@outside/…` entries are, such as `/` for a live tree; else below the directory, as in one
 *   that was restored
 * @throws IntegrityError, StoreError, InterruptedError, as reading does
 */
export async function compareTree(
  vault: UnlockedVault,
  snapshot: Snapshot,
  directory: string,
  stateDirectory: string,
  { outside }: { readonly outside?: string } = {},
): Promise<Difference[]> {
  const contents = await readSnapshotContents(vault, snapshot);
  const plan = await planPlacement(
    contents.entries,
    { root: directory, ...(outside === undefined ? {} : { outside }) },
    {
      existing: 'replace',
      asRecorded: false,
      now: vault.now(),
      stateDirectory,
      ...callOptions(vault),
    },
  );
  const differences: Difference[] = [];
  for (const { entry, destination, action, reason } of plan.entries) {
    if (action === 'same') continue;
    // A restore would narrow the mode of a live file, which is no difference in what it holds.
    const there = action === 'replace' ? lookAt(fsPath(destination)) : undefined;
    if (there && (await holdsContent(destination, there, entry))) continue;
    if (action === 'create') differences.push({ path: entry.path, how: 'missing' });
    else differences.push({ path: entry.path, how: 'changed', ...(reason === undefined ? {} : { reason }) });
  }
  return differences;
}
