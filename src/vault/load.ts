// Loads a snapshot's files into memory: for callers that keep their state in objects, not in files.
import { StrongroomError } from '../errors.ts';
import { readSnapshotContents } from './artifact-read.ts';
import { readFiles } from './read-files.ts';
import type { Snapshot } from './snapshots.ts';
import type { UnlockedVault } from './vault.ts';

const MAX_BYTES = 256 * 1024 * 1024;

/**
 * @param options.maxBytes the most that is loaded, 256 MiB unless given
 * @returns entry paths to bytes, all proven
 * @throws StrongroomError `too-large-for-memory`; IntegrityError
 */
export async function loadFiles(
  vault: UnlockedVault,
  snapshot: Snapshot,
  options: { readonly maxBytes?: number } = {},
): Promise<Map<string, Buffer>> {
  const contents = await readSnapshotContents(vault, snapshot);
  if (contents.bytes > (options.maxBytes ?? MAX_BYTES)) {
    throw new StrongroomError('too-large-for-memory', `${snapshot.id} holds ${contents.bytes} bytes`, {
      hint: 'raise maxBytes, or restore it into a directory',
    });
  }
  const files = new Map<string, Buffer>();
  await readFiles(vault, snapshot, contents, {
    wants: () => true,
    file(entry, content) {
      // A copy: what the reader hands out may be a piece of a larger buffer.
      files.set(entry.path, Buffer.from(content));
    },
    open(entry) {
      const chunks: Buffer[] = [];
      return {
        write(chunk) {
          chunks.push(Buffer.from(chunk));
        },
        close() {
          files.set(entry.path, Buffer.concat(chunks));
        },
      };
    },
  });
  return files;
}
