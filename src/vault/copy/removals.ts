// What has to go from a copy: what a signed removal removed, what a re-encryption replaced, and keys that open the vault no
// longer. Nothing goes because it is gone from the vault: whoever deletes there must not delete everywhere.
import type { Leftover } from '../delete.ts';
import { type Finding, finding } from '../finding.ts';
import { DATA, generationOfData, KEYS, LEDGER, parseRecordName } from '../layout.ts';
import { isOver, type Ledger } from '../ledger.ts';
import { type Held, placeOf, takeInventory } from '../prune/inventory.ts';
import { findRemains } from '../prune/remains.ts';
import type { readRecords } from '../read-records.ts';
import type { Snapshot, Snapshots } from '../snapshots.ts';
import { callOptions, type Vault } from '../vault.ts';
import type { Target } from './target.ts';

export interface Removals {
  /** Of snapshots that somebody removed: records, then data. */
  readonly removed: readonly string[];
  readonly snapshots: number;
  /** Keys, and notes of removed hosts, that the vault document does not name any more. */
  readonly unnamed: readonly string[];
  /** What re-encrypted snapshots left. */
  readonly replaced: readonly Replaced[];
  /** What was removed from the vault although it is kept, and stays. */
  readonly findings: readonly Finding[];
}

export interface Replaced {
  /** The snapshot, that has to stand there first. */
  readonly by: Snapshot;
  readonly objects: readonly string[];
}

type Records = Awaited<ReturnType<typeof readRecords>>;

export interface Seen {
  /** Of the vault. */
  readonly read: Snapshots;
  /** Of the copy, by what it knows itself; undefined where it may not be read. */
  readonly records: Records | undefined;
  readonly ledger: Ledger | undefined;
}

const NOTHING: Removals = { removed: [], snapshots: 0, unnamed: [], replaced: [], findings: [] };

export async function planRemovals(source: Vault, target: Target, seen: Seen): Promise<Removals> {
  const { read, records, ledger } = seen;
  if (!target.mayRemove || !records || !ledger) return NOTHING;
  const unnamed = await unnamedIn(source, target, ledger.findings);
  const both = together(read.ledger, ledger);
  const isRemoved = (s: Snapshot) => both.removes(s.set, s.id, s.sha256);
  const there: Snapshots = {
    ...records,
    snapshots: records.snapshots.filter((s) => !isRemoved(s)),
    superseded: records.superseded.filter((s) => !isRemoved(s)),
    ledger: both,
  };
  const inventory = await takeInventory(target.vault);
  // What the vault itself has is not left over, whatever stands under its name.
  const mine = new Map(read.snapshots.map((s) => [placeOf(s), s]));
  const { leftovers } = await findRemains(target.vault, there, inventory, () => true, true);
  const kept = keptBy(both);
  const gone: Leftover[] = [];
  const staying: Leftover[] = [];
  for (const left of leftovers)
    if (!mine.has(placeOf(left)) && !(await hasData(source, left)))
      (kept.has(placeOf(left)) ? staying : gone).push(left);
  const replaced = [...inventory.held].flatMap(([where, held]) => {
    const by = mine.get(where);
    const objects = by?.original ? below(by, held, records, both, source.document.generation) : [];
    return by && objects.length > 0 ? [{ by, objects }] : [];
  });
  const objects = gone.flatMap((left) => left.objects);
  const isRecord = (name: string) => parseRecordName(name) !== undefined;
  return {
    removed: [...objects.filter(isRecord), ...objects.filter((name) => !isRecord(name))],
    snapshots: gone.length,
    unnamed,
    replaced,
    findings: staying.map(whyKept),
  };
}

/** A writer must not remove what is kept: whoever did may have a key that was stolen, and not all of its snapshots too. */
function keptBy({ keeping, readAt }: Ledger): Set<string> {
  const entries = keeping.filter((entry) => !isOver(entry, readAt));
  return new Set(entries.flatMap(({ keeps = [] }) => keeps.map(placeOf)));
}

function whyKept({ set, id, objects }: Leftover): Finding {
  const message = `${id} of ${set} was removed from the vault although it is kept: what is there stays`;
  return finding('kept', objects[0] ?? id, message);
}

/** Whether the vault holds data under an id that was removed: a backup to both may be writing it just now. */
async function hasData(source: Vault, { set, id }: Leftover): Promise<boolean> {
  for await (const _ of source.store.list(`${DATA}${set}/${id}/`, callOptions(source))) return true;
  return false;
}

/** The copy may have been told of a removal that the vault has forgotten, since nothing is left of it there. */
function together(a: Ledger, b: Ledger): Ledger {
  const known = new Set(a.entries.map((e) => e.object));
  const entries = [...a.entries, ...b.entries.filter((e) => !known.has(e.object))];
  const released = new Set(entries.flatMap(({ releases = [] }) => releases.map(keyOf)));
  return {
    ...a,
    entries,
    keeping: entries.filter((e) => e.action === 'keep' && !released.has(keyOf(e))),
    removes: (...what) => a.removes(...what) || b.removes(...what),
    replaces: (...what) => a.replaces(...what) || b.replaces(...what),
  };
}

function keyOf({ object, sha256 }: { readonly object: string; readonly sha256: string }): string {
  return `${object} ${sha256}`;
}

/**
 * Keys that were taken away must not open the copy for ever. A key that another copy of a newer state is bringing is in the
 * vault already, so that what the vault holds stays.
 */
async function unnamedIn(
  { store, document, ...source }: Vault,
  { sizes }: Target,
  findings: readonly Finding[],
): Promise<string[]> {
  const named = new Set([
    ...document.slots.map((s) => s.object),
    ...document.generations.flatMap((g) => g.previous?.object ?? []),
  ]);
  const kept = new Set<string>();
  for (const prefix of [KEYS, LEDGER])
    for await (const { name } of store.list(prefix, callOptions({ ...source, store }))) kept.add(name);
  const keys = [...sizes.keys()].filter((name) => name.startsWith(KEYS) && !named.has(name));
  const notes = findings.filter((f) => f.code === 'unnamed-removal').map((f) => f.object);
  return [...keys, ...notes].filter((name) => !kept.has(name));
}

/** Records and data below the one that counts, as a rotation removes them from the vault. */
function below(by: Snapshot, held: Held, records: Records, ledger: Ledger, newest: number): string[] {
  const { set, id, generation } = by;
  const isMine = (r: { readonly set: string; readonly id: string }) => r.set === set && r.id === id;
  const others = [...records.snapshots, ...records.superseded].filter(isMine);
  const old = others.filter(
    (s) =>
      s.object !== by.object &&
      s.sha256 === by.sha256 &&
      s.generation < generation &&
      (generation === newest || ledger.replaces(set, id, s.recordSha256, s.generation)),
  );
  const gone = new Set(old.map((s) => s.object));
  const known = new Set([by.object, ...gone, ...records.intruding.map((s) => s.object)]);
  // What the copy was told before is replaced, it does not count any more, and nothing was read of it but its name.
  for (const name of held.records) {
    const at = parseRecordName(name)?.generation ?? 0;
    if (!known.has(name) && at < generation && !records.refused.some((r) => r.finding.object === name))
      gone.add(name);
  }
  const stays = held.records.filter((name) => !gone.has(name) && name !== by.object);
  if (stays.some((name) => !records.intruding.some((s) => s.object === name))) return [...gone];
  const named = new Set([by.data, ...records.intruding.filter(isMine).map((s) => s.data)]);
  const data = [...held.data].filter(([directory]) => {
    const of = generationOfData(directory, set, id) ?? generation;
    return of < generation && !named.has(directory);
  });
  return [...gone, ...data.flatMap(([, objects]) => objects.map((o) => o.name))];
}
