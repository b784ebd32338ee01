// The second half of re-encryption: the old records and bytes go, once new ones stand. First the ledger says so, that
// putting them back is in vain (docs/format.md section 10).
import { createHash } from 'node:crypto';
import type { Removal } from '../documents/ledger.ts';
import type { Finding } from '../finding.ts';
import { holdAgain } from '../keep.ts';
import { DATA, generationOfData, LIMITS, parseRecordName, SNAPSHOTS } from '../layout.ts';
import { type Ledger, readLedger } from '../ledger.ts';
import { readSnapshots, type Snapshot } from '../snapshots.ts';
import { callOptions, type UnlockedVault } from '../vault.ts';
import { writeLedgerEntry } from '../write-ledger.ts';
import { sayAgain } from './said-again.ts';

/**
 * Removes the records and bytes of snapshots that have a record of the newest generation now.
 * @param old as they were before
 * @returns warnings for what is kept and the store does not hold
 * @throws StoreError; ConflictError
 */
export async function finishBatch(vault: UnlockedVault, old: readonly Snapshot[]): Promise<Finding[]> {
  if (old.length === 0) return [];
  const unheld = await holdAgain(vault, old);
  await sayReplaced(
    vault,
    old.map(({ set, id, recordSha256 }) => ({ set, id, sha256: recordSha256 })),
  );
  const parts = old.flatMap((s) => s.artifacts.flatMap((a) => a.parts.map((p) => p.object)));
  await vault.store.remove([...old.map((s) => s.object), ...parts], callOptions(vault));
  return unheld;
}

async function sayReplaced(vault: UnlockedVault, removes: readonly Removal[]): Promise<void> {
  await writeLedgerEntry(
    vault,
    { name: 'authority', key: vault.authority },
    { action: 'reencrypt', removes },
  );
}

/**
 * Removes what runs that were cut off left of snapshots that are under the newest key now: records that another one
 * stands in for, and directories that none names.
 * @throws StoreError
 */
export async function removeLeftovers(vault: UnlockedVault): Promise<Finding[]> {
  const { snapshots, superseded, intruding } = await readSnapshots(vault);
  const standing = new Map<string, Snapshot>();
  for (const snapshot of snapshots) {
    const isDone = snapshot.original && snapshot.generation === vault.document.generation;
    if (isDone) standing.set(`${snapshot.set}/${snapshot.id}`, snapshot);
  }
  const there = new Set(snapshots.map(({ set, id }) => `${set}/${id}`));
  const stateOf = ({ set, id }: Removal) =>
    standing.has(`${set}/${id}`) ? 'standing' : there.has(`${set}/${id}`) ? 'to come' : 'gone';
  await sayAgain(vault, stateOf, (removes) => sayReplaced(vault, removes));
  if (standing.size === 0) return [];
  // Only for what was read back: the word of an older key may be anybody's by now, and the host's own bytes are sound.
  const unheld = await finishBatch(
    vault,
    superseded.filter(({ set, id }) => standing.has(`${set}/${id}`)),
  );
  const ledger = await readLedger(vault);
  const left: string[] = [];
  for await (const { name } of vault.store.list(SNAPSHOTS, callOptions(vault))) {
    const place = parseRecordName(name);
    const snapshot = place && standing.get(`${place.set}/${place.id}`);
    if (snapshot && name !== snapshot.object && (await isReplaced(vault, ledger, name))) left.push(name);
  }
  for await (const { name } of vault.store.list(DATA, callOptions(vault))) {
    const [, set = '', id = '', directory] = name.split('/');
    const snapshot = standing.get(`${set}/${id}`);
    const generation = generationOfData(`${DATA}${set}/${id}/${directory}`, set, id) ?? 0;
    // What is under a newer key is of somebody who rotated meanwhile: its record is still to come.
    if (!snapshot || generation > snapshot.generation) continue;
    const isNamed = [snapshot, ...intruding].some(({ data }) => name.startsWith(`${data}/`));
    if (!isNamed) left.push(name);
  }
  await vault.store.remove(left, callOptions(vault));
  return unheld;
}

async function isReplaced(vault: UnlockedVault, ledger: Ledger, name: string): Promise<boolean> {
  const { set, id, generation = 0 } = parseRecordName(name)!;
  const bytes = await vault.store.get(name, { maxBytes: LIMITS.reencryption, ...callOptions(vault) });
  const sha256 = bytes && createHash('sha256').update(bytes).digest('hex');
  return sha256 !== null && ledger.replaces(set, id, sha256, generation);
}
