// `verify --read-data`: decrypts a snapshot and compares every entry, without writing any of it.
import { IntegrityError, UnlockError } from '../../errors.ts';
import { readSnapshotContents } from '../artifact-read.ts';
import { type Finding, finding } from '../finding.ts';
import { CHECK_ONLY, readFiles } from '../read-files.ts';
import { readStream } from '../read-stream.ts';
import type { Snapshot } from '../snapshots.ts';
import type { UnlockedVault } from '../vault.ts';

/** Adds what is wrong with the snapshot's contents and files to `findings`. */
export async function readData(vault: UnlockedVault, snapshot: Snapshot, findings: Finding[]): Promise<void> {
  try {
    const contents = await readSnapshotContents(vault, snapshot);
    await readFiles(vault, snapshot, contents, CHECK_ONLY);
    for (const info of contents.streams) for await (const _ of readStream(vault, snapshot, contents, info));
  } catch (error) {
    // Parts that are proven and do not open: encrypted to somebody else by a host that is listed.
    if (!(error instanceof IntegrityError || error instanceof UnlockError)) throw error;
    findings.push(
      finding(error.code, snapshot.object, `${snapshot.id} of ${snapshot.set}: ${error.message}`),
    );
  }
}
