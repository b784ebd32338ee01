// What belongs to no snapshot that counts: the rest of a prune or delete that was cut off, and data that never got a
// record. Finds it; removes nothing.
import { digestsOf, type Leftover, removalTimes } from '../delete.ts';
import { isFault } from '../finding.ts';
import { LIMITS } from '../layout.ts';
import { timeOfSnapshotId } from '../names.ts';
import type { Snapshot, Snapshots } from '../snapshots.ts';
import { MAX_AHEAD_MS } from '../standing.ts';
import { callOptions, type Vault } from '../vault.ts';
import { type Held, type Inventory, placeOf } from './inventory.ts';

/** Data that no record names, old enough that no backup can still be writing it. */
export interface Orphan {
  readonly set: string;
  readonly id: string;
  readonly directory: string;
  readonly objects: readonly string[];
  /** Those under the same id, of which none names it. */
  readonly records: readonly string[];
  /** The newest store-side time of them. */
  readonly modified: Date;
  readonly bytes: number;
}

const DAY_MS = 24 * 60 * 60 * 1000;
/** A backup takes a day at most. */
const ORPHAN_MS = 7 * DAY_MS;
/** One that is running stores something more often than that. */
const QUIET_MS = 60 * 60 * 1000;
/** Removed records that are read at once. */
const AT_ONCE = 16;

export interface Remains {
  readonly leftovers: readonly Leftover[];
  readonly orphans: readonly Orphan[];
}

/**
 * @param read the snapshots of the vault, or of the set that was listed
 * @param isAsked whether this set is pruned
 * @param takesYoung whether data that came after a removal goes as well: the caller knows in another way that nobody writes
 *   it now
 * @throws StoreError; InterruptedError
 */
export async function findRemains(
  vault: Vault,
  read: Snapshots,
  { held, newest }: Inventory,
  isAsked: (set: string) => boolean,
  takesYoung = false,
): Promise<Remains> {
  const removedAt = removalTimes(read.ledger);
  const standing = new Map<string, Snapshot[]>();
  for (const s of [...read.snapshots, ...read.superseded, ...read.intruding])
    standing.set(placeOf(s), [...(standing.get(placeOf(s)) ?? []), s]);
  // What a record of somebody else, or a damaged one, names is not for prune to judge.
  const refused = new Set(read.refused.map(placeOf));
  const missed = new Set(missedBy(read.snapshots));
  const cutOff: Held[] = [];
  const orphans: Orphan[] = [];
  // By both clocks: one of them may be wrong, or was when something was stored.
  const before = Math.min(newest.getTime(), vault.now().getTime()) - ORPHAN_MS;
  for (const [place, there] of held) {
    if (!isAsked(there.set)) continue;
    const snapshots = standing.get(place);
    if (refused.has(place)) continue;
    const removed = removedAt.get(place);
    if (!snapshots && removed) {
      const [old, young] = takesYoung ? [there, { ...there, data: new Map() }] : split(there, removed);
      cutOff.push(old);
      for (const orphan of unnamed(young, new Set()))
        if (orphan.modified.getTime() < before && there.records.length === 0) orphans.push(orphan);
      continue;
    }
    // A record that came after the others were read is not known yet; and where one is missing and nobody signed that,
    // this data may be all that is left of its snapshot.
    if (!snapshots && (there.records.length > 0 || missed.has(place))) continue;
    const named = new Set(snapshots?.map((s) => s.data));
    for (const orphan of unnamed(there, named)) if (orphan.modified.getTime() < before) orphans.push(orphan);
  }
  const leftovers: Leftover[] = [];
  for (let i = 0; i < cutOff.length; i += AT_ONCE) {
    const found = await Promise.all(cutOff.slice(i, i + AT_ONCE).map((one) => leftOf(vault, read, one)));
    leftovers.push(...found.filter((left) => left !== undefined));
  }
  return { leftovers, orphans };
}

/** Those that another names as the one before it, be they there or not. */
function missedBy(snapshots: readonly Snapshot[]): string[] {
  return snapshots.flatMap(({ set, previous }) => (previous ? [placeOf({ set, id: previous.id })] : []));
}

/**
 * The data that was there before a removal, and what may be of a backup that runs: whoever has the key of a host can
 * write a record under the id of another's, for it to be removed.
 */
function split(there: Held, removed: Date): [Held, Held] {
  const began = Date.parse(timeOfSnapshotId(there.id) ?? '');
  const mayRun = removed.getTime() - began < DAY_MS + MAX_AHEAD_MS;
  const until = new Date(removed.getTime() - (mayRun ? QUIET_MS : 0));
  const data = [...there.data];
  const isOld = ([, objects]: (typeof data)[number]) => objects.every((o) => o.modified <= until);
  const [old, young] = [data.filter(isOld), data.filter((one) => !isOld(one))];
  return [
    { ...there, data: new Map(old) },
    { ...there, data: new Map(young) },
  ];
}

/** @returns undefined where a record stands that no entry removes, and where nothing is left */
async function leftOf(vault: Vault, { ledger }: Snapshots, there: Held): Promise<Leftover | undefined> {
  const { set, id } = there;
  const records: string[] = [];
  for (const name of there.records) {
    const bytes = await vault.store.get(name, { maxBytes: LIMITS.reencryption, ...callOptions(vault) });
    if (!bytes) continue;
    if (!digestsAt(bytes, name).some((sha256) => ledger.removes(set, id, sha256))) return undefined;
    records.push(name);
  }
  const data = [...there.data.values()].flat();
  if (records.length + data.length === 0) return undefined;
  const bytes = data.reduce((sum, { size }) => sum + size, 0);
  return { set, id, objects: [...records, ...data.map((o) => o.name)], unsigned: [], bytes };
}

/** Of a re-encryption also the digest of what it embeds: it may have been written while the snapshot was removed. */
function digestsAt(bytes: Buffer, name: string): string[] {
  try {
    return digestsOf(bytes, name);
  } catch (error) {
    if (isFault(error)) return [];
    throw error;
  }
}

function unnamed({ set, id, data, records }: Held, named: ReadonlySet<string>): Orphan[] {
  return [...data]
    .filter(([directory]) => !named.has(directory))
    .map(([directory, objects]) => ({
      set,
      id,
      directory,
      objects: objects.map((o) => o.name),
      records,
      modified: new Date(Math.max(...objects.map((o) => o.modified.getTime()))),
      bytes: objects.reduce((sum, { size }) => sum + size, 0),
    }));
}
