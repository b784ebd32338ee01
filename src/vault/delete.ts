// Removes snapshots, in the order of docs/format.md section 10: one ledger entry, records, data. Plan, then apply.
import { createHash } from 'node:crypto';
import { NAMESPACES } from '../sign/authority.ts';
import { openDocument } from '../sign/document.ts';
import type { StoredObject } from '../store/store.ts';
import type { LedgerAction, Removal } from './documents/ledger.ts';
import { checkNotKept } from './keep.ts';
import { LIMITS, parseRecordName } from './layout.ts';
import { type Ledger, readLedger } from './ledger.ts';
import { timeOfSnapshotId } from './names.ts';
import { isDisownedBy } from './snapshot.ts';
import type { RefusedRecord, Snapshot, Snapshots } from './snapshots.ts';
import { callOptions, type Vault } from './vault.ts';
import { maintainer, type Signer, writeLedgerEntry } from './write-ledger.ts';

export interface DeletePlan {
  readonly action: Extract<LedgerAction, 'delete' | 'prune'>;
  readonly snapshots: readonly Snapshot[];
  /** What is left of snapshots that do not count any more: a delete was cut off, or their host was removed. */
  readonly leftovers: readonly Leftover[];
  /** Every object that goes, records first. */
  readonly objects: readonly string[];
  /** Bytes of data that go. */
  readonly bytes: number;
}

/** What stands in the store of a snapshot that the ledger removed, or that went with its host. */
export interface Leftover {
  readonly set: string;
  readonly id: string;
  /** Records that do not count any more, then everything in the snapshot's own directory. */
  readonly objects: readonly string[];
  /** Digests of records of a removed host: nobody has signed their removal yet. */
  readonly unsigned: readonly string[];
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
 * Finds what a delete that was cut off after its ledger entry left of a snapshot, and what a removed host wrote that does
 * not count. The record proves nothing any more, so what goes is what stands under the snapshot's own names.
 * @param read the snapshots of the vault, or of the set that is meant
 * @param id a whole snapshot id
 * @returns nothing for an id that still stands for any other record, sound or not, that no ledger entry removes
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
  const removedAt = removalTimes(ledger);
  const disowned = read.refused.filter((r) => r.id === id && isDisownedBy(r.finding.code));
  const found: Leftover[] = [];
  for (const place of new Set([...removals, ...disowned].map((r) => r.set))) {
    const isIt = (s: { readonly set: string; readonly id: string }) => s.set === place && s.id === id;
    const isOther = (r: RefusedRecord) => isIt(r) && !disowned.includes(r);
    if ((set !== undefined && set !== place) || read.snapshots.some(isIt) || read.refused.some(isOther))
      continue;
    const objects: string[] = [];
    const unsigned: string[] = [];
    let until = removedAt.get(`${place}/${id}`)?.getTime() ?? 0;
    for await (const { name, modified } of vault.store.list(`snapshots/${place}/${id}`, callOptions(vault))) {
      if (parseRecordName(name)?.id !== id) continue;
      const bytes = await vault.store.get(name, { maxBytes: LIMITS.reencryption, ...callOptions(vault) });
      if (!bytes) continue;
      const isDisowned = disowned.some((r) => r.set === place && r.finding.object === name);
      if (isDisowned) {
        unsigned.push(...digestsOf(bytes, name));
        until = Math.max(until, modified.getTime());
      }
      if (isDisowned || ledger.removes(place, id, sha256Of(bytes))) objects.push(name);
    }
    let total = 0;
    const data = new Map<string, StoredObject[]>();
    for await (const one of vault.store.list(`data/${place}/${id}/`, callOptions(vault))) {
      const directory = one.name.split('/').slice(0, 4).join('/');
      data.set(directory, [...(data.get(directory) ?? []), one]);
    }
    for (const directory of data.values()) {
      // What came later may be of a backup that runs, of another host: somebody else wrote a record under its id.
      if (directory.some(({ modified }) => modified.getTime() > until)) continue;
      objects.push(...directory.map((o) => o.name));
      total += directory.reduce((sum, { size }) => sum + size, 0);
    }
    if (objects.length > 0) found.push({ set: place, id, objects, unsigned, bytes: total });
  }
  return found;
}

/** When the store received the newest entry that removes a snapshot, by `SET/ID`. Re-encryption removes none. */
export function removalTimes({ entries }: Pick<Ledger, 'entries'>): Map<string, Date> {
  const times = new Map<string, Date>();
  for (const { action, removes, modified } of entries) {
    if (action !== 'delete' && action !== 'prune') continue;
    for (const { set, id } of removes) {
      const other = times.get(`${set}/${id}`);
      if (!other || modified > other) times.set(`${set}/${id}`, modified);
    }
  }
  return times;
}

/** Of a record, whose signature was checked; and of the host's own one where a re-encryption embeds it. */
export function digestsOf(bytes: Buffer, object: string): string[] {
  const own = sha256Of(bytes);
  if (parseRecordName(object)?.generation === undefined) return [own];
  const options = { namespace: NAMESPACES.record, object, maxBytes: LIMITS.reencryption };
  const { original } = openDocument(bytes, options).parse();
  return typeof original === 'string' ? [sha256Of(Buffer.from(original)), own] : [own];
}

function sha256Of(bytes: Uint8Array): string {
  return createHash('sha256').update(bytes).digest('hex');
}

/**
 * Removes what was planned. What the ledger removed already needs no entry of its own.
 * @param host a host that may maintain, whose scope covers every set concerned
 * @throws UsageError `may-not-maintain`; ConflictError `kept`; StoreError. Whatever was removed by then no longer counts, by the ledger.
 */
export async function applyDelete(vault: Vault, plan: DeletePlan, host: Signer): Promise<void> {
  if (plan.objects.length === 0) return;
  const sets = [...plan.snapshots, ...plan.leftovers].map((s) => s.set);
  const signer = maintainer(vault, host, sets, 'remove snapshots from');
  const removes = removalsOf(plan);
  if (removes.length > 0) {
    // As it is now: somebody may have said so while a person thought about the question.
    checkNotKept(await readLedger(vault), removes);
    // Before the first record goes: a record that is gone without an entry in the ledger is an alarm.
    await writeLedgerEntry(vault, signer, { action: plan.action, removes });
  }
  await vault.store.remove(plan.objects, callOptions(vault));
}

/** What must be signed. By its host's record, which others name as the one before them, and by the one that stands now. */
export function removalsOf({ snapshots, leftovers }: Pick<DeletePlan, 'snapshots' | 'leftovers'>): Removal[] {
  const both = snapshots.map((s) => ({ ...s, unsigned: [s.sha256, s.recordSha256] }));
  return [...both, ...leftovers].flatMap(({ set, id, unsigned }) =>
    [...new Set(unsigned)].map((sha256) => ({ set, id, sha256 })),
  );
}
