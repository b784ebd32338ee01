// Checks a vault without any key: signatures and standing, the chain of records, and every stored byte against
// what is signed. Never stops at the first fault: it names each object that is bad.
import { createHash } from 'node:crypto';
import { readPart } from '../artifact-read.ts';
import type { ObjectRef } from '../documents/vault-document.ts';
import { readDrills } from '../drill/evidence.ts';
import { type Finding, finding, isFault } from '../finding.ts';
import { LIMITS } from '../layout.ts';
import { sideBySide } from '../side-by-side.ts';
import { readSnapshots, type Snapshot } from '../snapshots.ts';
import { callOptions, type UnlockedVault, type Vault } from '../vault.ts';
import { findOrphans } from './orphans.ts';
import { readData } from './read-data.ts';
import { findMeddling } from './versions.ts';

export interface VerifyOptions {
  /** Only this set's snapshots; the vault document and the keys are checked all the same. */
  readonly set?: string;
  /** The unlocked vault, to decrypt and compare every entry too. */
  readonly unlocked?: UnlockedVault;
  readonly onProgress?: (done: {
    readonly snapshots: number;
    readonly of: number;
    readonly bytes: number;
  }) => void;
}

export interface VerifyResult {
  readonly snapshots: readonly Snapshot[];
  /** Snapshots with a fault of their own, by id. */
  readonly bad: ReadonlySet<string>;
  readonly findings: readonly Finding[];
  /** Objects read and compared, and their bytes. */
  readonly objects: number;
  readonly bytes: number;
  /** Whether every entry was decrypted and compared. */
  readonly readData: boolean;
}

/**
 * Reads every object of the vault, or of one set.
 * @returns what was found; sound means that no finding is an error
 * @throws StoreError when the store cannot be read; InterruptedError
 */
export async function verify(vault: Vault, options: VerifyOptions = {}): Promise<VerifyResult> {
  const findings: Finding[] = [...vault.findings];
  const tally = { objects: 1, bytes: 0 };
  const { document } = vault;
  const named = [
    ...document.slots,
    document.recovery,
    ...document.generations.flatMap((g) => g.previous ?? []),
  ];
  for (const object of named) await checkNamed(vault, object, findings, tally);

  const read = await readSnapshots(vault, {
    fresh: true,
    ...(options.set === undefined ? {} : { set: options.set }),
  });
  for (const fault of read.findings) findings.push(fault);
  const bad = new Set<string>();
  let done = 0;
  for (const batch of sideBySide(read.snapshots)) {
    const checked = await Promise.all(batch.map((snapshot) => checkParts(vault, snapshot, tally)));
    for (const [index, snapshot] of batch.entries()) {
      const faults = checked[index]!;
      if (options.unlocked && faults.length === 0) await readData(options.unlocked, snapshot, faults);
      for (const fault of faults) findings.push(fault);
      if (faults.length > 0) bad.add(snapshot.id);
      options.onProgress?.({ snapshots: ++done, of: read.snapshots.length, bytes: tally.bytes });
    }
  }
  const records = options.set === undefined ? 'snapshots/' : `snapshots/${options.set}/`;
  for (const meddling of await findMeddling(vault, records)) findings.push(meddling);
  if (options.set === undefined) {
    for (const fault of (await readDrills(vault)).findings) findings.push(fault);
    for (const orphan of await findOrphans(vault, read)) findings.push(orphan);
  }
  return { snapshots: read.snapshots, bad, findings, ...tally, readData: options.unlocked !== undefined };
}

/**
 * Reads every stored byte of one snapshot that counts, and nothing else of the vault.
 * @param unlocked the same vault, to decrypt and compare every entry too
 * @throws StoreError when the store cannot be read; InterruptedError
 */
export async function verifySnapshot(
  vault: Vault,
  snapshot: Snapshot,
  unlocked?: UnlockedVault,
): Promise<VerifyResult> {
  const tally = { objects: 0, bytes: 0 };
  const findings = await checkParts(vault, snapshot, tally);
  if (unlocked && findings.length === 0) await readData(unlocked, snapshot, findings);
  const bad = new Set(findings.length > 0 ? [snapshot.id] : []);
  return { snapshots: [snapshot], bad, findings, ...tally, readData: unlocked !== undefined };
}

interface Tally {
  objects: number;
  bytes: number;
}

/** An object that the vault document names with its hash: a slot, RECOVERY.md. */
async function checkNamed(vault: Vault, object: ObjectRef, findings: Finding[], tally: Tally): Promise<void> {
  const name = object.object;
  try {
    const bytes = await vault.store.get(name, { maxBytes: LIMITS.slot, ...callOptions(vault) });
    if (bytes === null) {
      findings.push(finding('missing-object', name, `${name}, which the vault document names, is gone`));
      return;
    }
    tally.objects++;
    tally.bytes += bytes.length;
    if (bytes.length === object.size && createHash('sha256').update(bytes).digest('hex') === object.sha256)
      return;
    findings.push(finding('object-differs', name, `${name} is not what the vault document lists`));
  } catch (error) {
    if (!isFault(error)) throw error;
    findings.push(finding(error.code, name, error.message));
  }
}

async function checkParts(vault: Vault, snapshot: Snapshot, tally: Tally): Promise<Finding[]> {
  const faults: Finding[] = [];
  for (const part of snapshot.artifacts.flatMap((a) => a.parts)) {
    try {
      const bytes = await readPart(vault.store, part, callOptions(vault));
      tally.bytes += bytes.length;
    } catch (error) {
      if (!isFault(error)) throw error;
      faults.push(finding(error.code, part.object, `${snapshot.id} of ${snapshot.set}: ${error.message}`));
    }
    tally.objects++;
  }
  tally.objects++;
  return faults;
}
