// Re-encryption: every snapshot under the newest key. Only the age layer changes; the host's signed record is kept
// whole in the new one (docs/format.md sections 6 and 10). At any moment a snapshot has a record that counts and whose
// bytes are there, so that it may be killed anywhere and begun again.
import { IntegrityError, StoreError, type StrongroomError, UnlockError } from '../../errors.ts';
import { type Finding, finding } from '../finding.ts';
import { type ReceivedAt, readReceivedAt } from '../received.ts';
import { sideBySide } from '../side-by-side.ts';
import { readSnapshots, type Snapshot } from '../snapshots.ts';
import { requireProven, type UnlockedVault } from '../vault.ts';
import { reencryptOne } from './reencrypt-one.ts';
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
    const receivedAt = await readReceivedAt(vault, [...todo, ...plan.superseded]);
    const of = done + todo.length;
    const ofBytes = bytes + todo.reduce((sum, s) => sum + s.stored, 0);
    let batch: Snapshot[] = [];
    for (const group of sideBySide(todo)) {
      options.onProgress?.({ snapshots: done, of, bytes, ofBytes });
      const faults = await allSettled(group, (s) =>
        orFault(s, () => reencryptSound(vault, s, plan, receivedAt)),
      );
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
  receivedAt: ReceivedAt,
): Promise<void> {
  const others = superseded.filter(({ set, id }) => set === snapshot.set && id === snapshot.id);
  let fault: unknown;
  for (const one of [snapshot, ...others]) {
    try {
      return await reencryptOne(vault, one, receivedAt(one));
    } catch (error) {
      if (!isOwn(error)) throw error;
      fault ??= error;
    }
  }
  throw fault;
}
