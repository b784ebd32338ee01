// Reads what many snapshots list, one after the other: a few are fetched at once, and one that is damaged does not keep
// the others from being read.
import { NotFoundError, type StrongroomError } from '../errors.ts';
import { readSnapshotContents } from './artifact-read.ts';
import type { Contents } from './documents/contents.ts';
import { isFault } from './finding.ts';
import type { Snapshot } from './snapshots.ts';
import type { UnlockedVault } from './vault.ts';

export interface UnreadSnapshot {
  readonly snapshot: Snapshot;
  readonly error: StrongroomError;
}

export interface EachSnapshot {
  readonly vault: UnlockedVault;
  /** Takes those that are damaged. */
  readonly unread: UnreadSnapshot[];
  /** Called after each. */
  readonly progress?: () => void;
}

/** Contents that are read at once: what waits for the network is short, what takes memory is bounded. */
const BATCH = 8;
const BATCH_ENTRIES = 20_000;

/**
 * @param use called in the order of the snapshots; a fault that it throws is the snapshot's
 * @throws StoreError; InterruptedError
 */
export async function eachSnapshot(
  { vault, unread, progress }: EachSnapshot,
  snapshots: readonly Snapshot[],
  use: (snapshot: Snapshot, contents: Contents) => Promise<void>,
): Promise<void> {
  const orUnread = async <T>(snapshot: Snapshot, read: () => Promise<T>): Promise<T | undefined> => {
    try {
      return await read();
    } catch (error) {
      if (!isFault(error) && !(error instanceof NotFoundError)) throw error;
      unread.push({ snapshot, error });
      return undefined;
    }
  };
  for (const batch of batchesOf(snapshots)) {
    const read = await Promise.all(
      batch.map((snapshot) => orUnread(snapshot, () => readSnapshotContents(vault, snapshot))),
    );
    for (const [i, contents] of read.entries()) {
      const snapshot = batch[i]!;
      if (contents) await orUnread(snapshot, () => use(snapshot, contents));
      progress?.();
    }
  }
}

function batchesOf(snapshots: readonly Snapshot[]): Snapshot[][] {
  const batches: Snapshot[][] = [];
  let entries = 0;
  for (const snapshot of snapshots) {
    const last = batches.at(-1);
    if (last && last.length < BATCH && entries + snapshot.entries <= BATCH_ENTRIES) {
      last.push(snapshot);
      entries += snapshot.entries;
    } else {
      batches.push([snapshot]);
      entries = snapshot.entries;
    }
  }
  return batches;
}
