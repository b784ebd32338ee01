// Removes snapshots, in the order of docs/format.md section 10: one ledger entry, records, data. Plan, then apply.
import { createHash } from 'node:crypto';
import { ConflictError, UsageError } from '../errors.ts';
import { NAMESPACES } from '../sign/authority.ts';
import { sealDocument } from '../sign/document.ts';
import type { SigningKey } from '../sign/key.ts';
import { TOOL } from '../version.ts';
import type { LedgerAction, LedgerEntry } from './documents/ledger.ts';
import { LIMITS, newLedgerName, parseRecordName } from './layout.ts';
import { readLedger } from './ledger.ts';
import { documentTime, inScope, timeOfSnapshotId } from './names.ts';
import type { Snapshot, Snapshots } from './snapshots.ts';
import { callOptions, type Vault } from './vault.ts';

export interface DeletePlan {
  readonly action: Extract<LedgerAction, 'delete' | 'prune'>;
  readonly snapshots: readonly Snapshot[];
  /** What is left of snapshots that the ledger removed already: a delete was cut off. */
  readonly leftovers: readonly Leftover[];
  /** Every object that goes, records first. */
  readonly objects: readonly string[];
  /** Bytes of data that go. */
  readonly bytes: number;
}

/** What stands in the store of a snapshot that the ledger removed. */
export interface Leftover {
  readonly set: string;
  readonly id: string;
  /** Records that were removed, then everything in the snapshot's own directory. */
  readonly objects: readonly string[];
  /** Bytes of data. */
  readonly bytes: number;
}

/** What deleting these snapshots would remove. */
export function planDelete(
  snapshots: readonly Snapshot[],
  action: DeletePlan['action'] = 'delete',
  leftovers: readonly Leftover[] = [],
): DeletePlan {
  const parts = snapshots.flatMap((s) => s.artifacts.flatMap((a) => a.parts));
  return {
    action,
    snapshots,
    leftovers,
    objects: [
      ...snapshots.map((s) => s.object),
      ...parts.map((p) => p.object),
      ...leftovers.flatMap((l) => l.objects),
    ],
    bytes: [...parts.map((p) => p.size), ...leftovers.map((l) => l.bytes)].reduce((sum, n) => sum + n, 0),
  };
}

/**
 * Finds what a delete that was cut off after its ledger entry left of a snapshot. The record proves nothing any more,
 * so what goes is what stands under the snapshot's own names.
 * @param read the snapshots of the vault, or of the set that is meant
 * @param id a whole snapshot id
 * @returns nothing for an id that still stands for a record, sound or not, that no ledger entry removes
 */
export async function findLeftovers(
  vault: Vault,
  read: Snapshots,
  id: string,
  set?: string,
): Promise<Leftover[]> {
  if (timeOfSnapshotId(id) === undefined) return [];
  const ledger = await readLedger(vault);
  // Re-encryption removes a record too, but not its snapshot.
  const deletions = ledger.entries.filter((e) => e.action === 'delete' || e.action === 'prune');
  const removals = deletions.flatMap((e) => e.removes).filter((r) => r.id === id);
  const found: Leftover[] = [];
  for (const place of new Set(removals.map((r) => r.set))) {
    const isIt = (s: { readonly set: string; readonly id: string }) => s.set === place && s.id === id;
    if ((set !== undefined && set !== place) || read.snapshots.some(isIt) || read.refused.some(isIt))
      continue;
    const objects: string[] = [];
    for await (const { name } of vault.store.list(`snapshots/${place}/${id}`, callOptions(vault))) {
      if (parseRecordName(name)?.id !== id) continue;
      const bytes = await vault.store.get(name, { maxBytes: LIMITS.record, ...callOptions(vault) });
      const sha256 = bytes && createHash('sha256').update(bytes).digest('hex');
      if (sha256 && ledger.removes(place, id, sha256)) objects.push(name);
    }
    let total = 0;
    for await (const { name, size } of vault.store.list(`data/${place}/${id}/`, callOptions(vault))) {
      objects.push(name);
      total += size;
    }
    if (objects.length > 0) found.push({ set: place, id, objects, bytes: total });
  }
  return found;
}

/**
 * Removes what was planned. What the ledger removed already needs no entry of its own.
 * @param host a host that may maintain, whose scope covers every set concerned
 * @throws UsageError `may-not-maintain`; StoreError. Whatever was removed by then no longer counts, by the ledger.
 */
export async function applyDelete(
  vault: Vault,
  plan: DeletePlan,
  host: { readonly name: string; readonly key: SigningKey },
): Promise<void> {
  if (plan.objects.length === 0) return;
  const { document, store } = vault;
  const entry = document.hosts.find((h) => h.key === host.key.publicKey && h.removed === undefined);
  const inside = entry && [...plan.snapshots, ...plan.leftovers].every((s) => inScope(s.set, entry.sets));
  if (!entry?.may.includes('maintain') || !inside) {
    throw new UsageError(
      'may-not-maintain',
      `${host.name} may not remove snapshots from the vault ${document.name}`,
      {
        hint: 'run this on a host that may maintain; `strongroom hosts list` shows which',
      },
    );
  }
  if (plan.snapshots.length > 0) await writeEntry(vault, plan, { name: entry.name, key: host.key });
  await store.remove(plan.objects, callOptions(vault));
}

/** Before the first record goes: a record that is gone without an entry in the ledger is an alarm. */
async function writeEntry(
  vault: Vault,
  plan: DeletePlan,
  host: { readonly name: string; readonly key: SigningKey },
): Promise<void> {
  const { document, store } = vault;
  const now = vault.now();
  const ledger: LedgerEntry = {
    format: 1,
    type: 'ledger',
    object: newLedgerName(now),
    vault: document.vault,
    time: documentTime(now),
    tool: TOOL,
    revision: document.revision,
    generation: document.generation,
    by: host.name,
    action: plan.action,
    // By its host's record, which others name as the one before them, and by the one that stands for it now.
    removes: plan.snapshots.flatMap(({ set, id, sha256, recordSha256 }) =>
      [...new Set([sha256, recordSha256])].map((digest) => ({ set, id, sha256: digest })),
    ),
  };
  const bytes = sealDocument(ledger, NAMESPACES.ledger, [host.key]);
  if ((await store.create(ledger.object, bytes, callOptions(vault))) === 'exists') {
    throw new ConflictError('object-exists', `${ledger.object} exists already`, { hint: 'try again' });
  }
}
