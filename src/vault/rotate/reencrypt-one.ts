// Re-encrypts one snapshot. What stands under the old key stays there: taking it away is for src/vault/rotate/replace.ts,
// once the new record counts.
import { IntegrityError, InterruptedError, StoreError } from '../../errors.ts';
import { NAMESPACES } from '../../sign/authority.ts';
import { sealDocument } from '../../sign/document.ts';
import { TOOL } from '../../version.ts';
import { gzipBytesOf, readArtifact, readSnapshotContents } from '../artifact-read.ts';
import { writeParts } from '../artifact-write.ts';
import type { Artifact, Reencryption, SnapshotRecord } from '../documents/record.ts';
import { newestGeneration } from '../documents/vault-document.ts';
import { CONTENTS_ARTIFACT, LIMITS, newDataDirectory, recordName } from '../layout.ts';
import { documentTime } from '../names.ts';
import { readSnapshots, type Snapshot } from '../snapshots.ts';
import { callOptions, type UnlockedVault } from '../vault.ts';
import { originalOf } from './original.ts';

/**
 * Verify, decrypt, encrypt, write, read back, and last the record, which makes it count.
 * @param received when the store had received it, as far as that is believed: the newest key signs it now
 * @throws IntegrityError, UnlockError for what is wrong with the snapshot, which is left as it is; `planted-record`;
 *   StoreError; InterruptedError
 */
export async function reencryptOne(vault: UnlockedVault, snapshot: Snapshot, received: Date): Promise<void> {
  const { store, document } = vault;
  const { generation, recipient } = newestGeneration(document);
  const { set, id } = snapshot;
  const call = callOptions(vault);
  const object = recordName(set, id, generation);
  const data = newDataDirectory(set, id, generation);
  const written: string[] = [];
  let isCommitting = false;
  const target = {
    store,
    recipient,
    data,
    room: [],
    beforeObject: (name: string) => void written.push(name),
    ...call,
  };
  try {
    const original = await originalOf(vault, snapshot);
    const contents = await readSnapshotContents(vault, snapshot);
    const expectedOf = (name: string) =>
      name === CONTENTS_ARTIFACT
        ? { sha256: snapshot.contents }
        : (contents.artifacts.find((a) => a.name === name) ?? { sha256: '' });
    const artifacts: Artifact[] = [];
    for (const { name } of snapshot.artifacts) {
      artifacts.push(await writeParts(target, name, gzipBytesOf(vault, snapshot, name, expectedOf(name))));
    }
    const again: SnapshotRecord = { ...snapshot, generation, data, artifacts };
    for (const { name } of artifacts) {
      // Through the store and the new key, to the same bytes, which say that they are this snapshot's: before anything
      // points here.
      const isIndex = name === CONTENTS_ARTIFACT;
      const bytes = isIndex
        ? gzipBytesOf(vault, again, name, expectedOf(name))
        : readArtifact(vault, again, contents, name);
      for await (const _ of bytes);
    }
    const record: Reencryption = {
      format: 1,
      type: 'record',
      object,
      vault: document.vault,
      time: documentTime(vault.now()),
      tool: TOOL,
      revision: document.revision,
      generation,
      set,
      id,
      data,
      artifacts,
      contents: snapshot.contents,
      received: documentTime(received),
      original: original.toString('utf8'),
    };
    const bytes = sealDocument(record, NAMESPACES.record, [vault.authority]);
    if (bytes.length > LIMITS.reencryption) throw tooLarge(object);
    isCommitting = true;
    if ((await store.create(object, bytes, call)) === 'exists') {
      // Somebody else re-encrypts too, and was quicker; unless it was planted, and the old bytes must then stay.
      if (!(await isDone(vault, object))) throw planted(object);
      await store.remove(written, call);
    }
  } catch (error) {
    if (!(isCommitting && mayStandLater(vault, error)))
      await removeUnlessRecorded(vault, object, data, written);
    // The other one, having been quicker, removes what does not belong to its record: ours, and what we were reading.
    if (error instanceof IntegrityError && (await isDone(vault, object))) return;
    throw error;
  }
}

/** Whether a record of the newest generation stands and counts. */
async function isDone(vault: UnlockedVault, object: string): Promise<boolean> {
  const { snapshots } = await readSnapshots(vault);
  return snapshots.some((s) => s.object === object);
}

function planted(object: string): IntegrityError {
  return new IntegrityError('planted-record', `${object} is in the way and does not count`, {
    object,
    hint: 'somebody who can write to the store put it there: remove it, and try again',
  });
}

function tooLarge(object: string): IntegrityError {
  return new IntegrityError('record-too-large', `${object} would be larger than it may be`, { object });
}

/** Whether a record may come to stand after its writing failed: the request can be under way still. */
function mayStandLater({ store }: UnlockedVault, error: unknown): boolean {
  const isRefused = error instanceof StoreError && ['store-denied', 'store-full'].includes(error.code);
  const isOpen = error instanceof InterruptedError || (error instanceof StoreError && !isRefused);
  return store.remote === true && isOpen;
}

/** The record may stand although writing it failed: its bytes must then stay. */
async function removeUnlessRecorded(
  { store }: UnlockedVault,
  object: string,
  data: string,
  written: readonly string[],
): Promise<void> {
  try {
    const there = await store.get(object);
    if (!there?.includes(data)) await store.remove(written);
  } catch {
    // Unknown: what it leaves is removed by the next run.
  }
}
