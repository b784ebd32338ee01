// Finds one file in a snapshot and passes its bytes on.
import { NotFoundError, UsageError } from '../errors.ts';
import type { Entry } from '../pack/entry.ts';
import { printableName } from '../pack/names.ts';
import { readSnapshotContents } from './artifact-read.ts';
import { readOneFile } from './read-files.ts';
import type { Snapshot } from './snapshots.ts';
import type { UnlockedVault } from './vault.ts';

/**
 * @param path the entry's path; a leading `./` is taken off, and an absolute one means what lies outside the root
 * @throws NotFoundError `no-path`; UsageError `not-a-file`; IntegrityError
 */
export async function cat(
  vault: UnlockedVault,
  snapshot: Snapshot,
  path: string,
  write: (chunk: Buffer) => Promise<void>,
): Promise<Entry> {
  const contents = await readSnapshotContents(vault, snapshot);
  const wanted = path.startsWith('/') ? `@outside${path}` : path.replace(/^(?:\.\/)+/, '');
  const entry = contents.entries.find((e) => e.path === wanted);
  if (!entry) {
    throw new NotFoundError('no-path', `${snapshot.id} of ${snapshot.set} holds no ${printableName(path)}`, {
      hint: `see what it holds with \`strongroom show ${snapshot.id}\``,
    });
  }
  if (entry.type !== 'file') {
    throw new UsageError(
      'not-a-file',
      `${printableName(path)} is a ${entry.type === 'dir' ? 'directory' : 'symbolic link'}`,
      {
        hint: 'restore it instead',
      },
    );
  }
  await readOneFile(vault, snapshot, contents, entry, write);
  return entry;
}
