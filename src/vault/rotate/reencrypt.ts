// Re-encryption: every snapshot under the newest key. Only the age layer changes; the host's signed record is kept
// whole in the new one (docs/format.md sections 6 and 10). At any moment a snapshot has a record that counts and whose
// bytes are there, so that it may be killed anywhere and begun again.
import {
  IntegrityError,
  InterruptedError,
  StoreError,
  type StrongroomError,
  UnlockError,
} from '../../errors.ts';
import { NAMESPACES } from '../../sign/authority.ts';
import { sealDocument } from '../../sign/document.ts';
import { TOOL } from '../../version.ts';
import { gzipBytesOf, readArtifact, readSnapshotContents } from '../artifact-read.ts';
import { writeParts } from '../artifact-write.ts';
import type { Artifact, Reencryption, SnapshotRecord } from '../documents/record.ts';
import { newestGeneration } from '../documents/vault-document.ts';
import { type Finding, finding } from '../finding.ts';
import { CONTENTS_ARTIFACT, LIMITS, newDataDirectory, recordName } from '../layout.ts';
import { documentTime } from '../names.ts';
import { sideBySide } from '../side-by-side.ts';
import { readSnapshots, receivedAt, type Snapshot } from '../snapshots.ts';
import { callOptions, requireProven, type UnlockedVault } from '../vault.ts';
import { originalOf } from './original.ts';
import { finishBatch, removeLeftovers } from './replace.ts';

export interface ReencryptionPlan {
  /** Oldest first. */
  readonly snapshots: readonly Snapshot[];
  /** Records that these stand in for, newest key first. */
  readonly superseded: readonly Snapshot[];
  /** How many snapshots there are, under whatever key. */
  readonly all: number;
  /** Bytes that are read; about as many are written. */
  readonly bytes: number;
}

export interface ReencryptOptions {
  readonly onProgress?: (done: {
    readonly snapshots: number;
    readonly of: number;
    readonly bytes: number;
    readonly ofBytes: number;
  }) => void;
}

export interface ReencryptResult {
  /** How many were re-encrypted in this run. */
  readonly done: number;
  readonly bytes: number;
  /** What was not, because it does not verify, what could not be removed, and what is kept and the store does not hold. */
  readonly findings: readonly Finding[];
}

/** Snapshots between two ledger entries: their old bytes stay until it is written. */
const BATCH = 32;
const BATCH_BYTES = 1024 * 1024 * 1024;
/** Hosts that have not heard of the rotation go on writing: what they add meanwhile is taken in too. */
const MOST_ROUNDS = 4;

/**
 * Which snapshots are not under the newest key yet.
 * @param newest its generation, where it is still to be made
 * @throws StoreError
 */
export async function planReencryption(
  vault: UnlockedVault,
  newest = vault.document.generation,
): Promise<ReencryptionPlan> {
  const read = await readSnapshots(vault);
  const snapshots = read.snapshots.filter((s) => s.generation < newest);
  const superseded = [...read.superseded].sort((a, b) => b.generation - a.generation);
  const bytes = snapshots.reduce((sum, s) => sum + s.stored, 0);
  return { snapshots, superseded, all: read.snapshots.length, bytes };
}

/**
 * Re-encrypts what is left to do, and removes what an earlier run left.
 * @returns findings for what does not verify, which is left as it is
 * @throws StoreError; InterruptedError. What was done by then stays done.
 */
export async function reencrypt(
  vault: UnlockedVault,
  options: ReencryptOptions = {},
): Promise<ReencryptResult> {
  requireProven(vault);
  const findings: Finding[] = [];
  const failed = new Set<string>();
  let done = 0;
  let bytes = 0;
  for (let round = 0; round < MOST_ROUNDS; round++) {
    const plan = await planReencryption(vault);
    const todo = plan.snapshots.filter((s) => !failed.has(s.object));
    if (todo.length === 0) break;
    const of = done + todo.length;
    const ofBytes = bytes + todo.reduce((sum, s) => sum + s.stored, 0);
    let batch: Snapshot[] = [];
    for (const group of sideBySide(todo)) {
      options.onProgress?.({ snapshots: done, of, bytes, ofBytes });
      const faults = await allSettled(group, (s) => orFault(s, () => reencryptSound(vault, s, plan)));
      for (const [index, snapshot] of group.entries()) {
        const fault = faults[index];
        if (fault) {
          findings.push(fault);
          failed.add(snapshot.object);
          continue;
        }
        done++;
        bytes += snapshot.stored;
        batch.push(snapshot);
      }
      if (batch.length < BATCH && batch.reduce((sum, s) => sum + s.stored, 0) < BATCH_BYTES) continue;
      findings.push(...(await finishBatch(vault, batch)));
      batch = [];
    }
    findings.push(...(await finishBatch(vault, batch)));
    options.onProgress?.({ snapshots: done, of, bytes, ofBytes });
  }
  findings.push(...(await removeLeftovers(vault)));
  return { done, bytes, findings };
}

/** As `Promise.all`; when one fails, nothing is under way any more once that is said. */
async function allSettled<T, R>(items: readonly T[], work: (item: T) => Promise<R>): Promise<R[]> {
  const under = items.map(work);
  await Promise.allSettled(under);
  return await Promise.all(under);
}

/** What is wrong with one snapshot must not keep the others under the old key. */
async function orFault(snapshot: Snapshot, work: () => Promise<void>): Promise<Finding | undefined> {
  try {
    await work();
    return undefined;
  } catch (error) {
    if (!isOwn(error)) throw error;
    const { code, message } = error;
    return finding(
      code,
      snapshot.object,
      `${snapshot.id} of ${snapshot.set} was not re-encrypted: ${message}`,
    );
  }
}

/** Whether a failure is the snapshot's own. */
function isOwn(error: unknown): error is StrongroomError {
  const isArchived = error instanceof StoreError && error.code === 'archived';
  return error instanceof IntegrityError || error instanceof UnlockError || isArchived;
}

/**
 * Whoever held an older key may have put a record with bytes of his own in front of the host's: what that stands in for
 * is tried too.
 */
async function reencryptSound(
  vault: UnlockedVault,
  snapshot: Snapshot,
  { superseded }: ReencryptionPlan,
): Promise<void> {
  const others = superseded.filter(({ set, id }) => set === snapshot.set && id === snapshot.id);
  let fault: unknown;
  for (const one of [snapshot, ...others]) {
    try {
      return await reencryptOne(vault, one);
    } catch (error) {
      if (!isOwn(error)) throw error;
      fault ??= error;
    }
  }
  throw fault;
}

/** Verify, decrypt, encrypt, write, read back, and last the record, which makes it count. */
async function reencryptOne(vault: UnlockedVault, snapshot: Snapshot): Promise<void> {
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
      received: documentTime(receivedAt(document, snapshot)),
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
