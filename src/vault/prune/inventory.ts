// What stands in the store of the sets that are pruned, by snapshot: names, sizes and the store's own times. It reads
// listings, and no more bytes than it takes to know a record that was removed.
import type { StoredObject } from '../../store/store.ts';
import { DATA, generationOfData, parseRecordName, SNAPSHOTS } from '../layout.ts';
import { isName, timeOfSnapshotId } from '../names.ts';
import type { Snapshot } from '../snapshots.ts';
import { callOptions, type Vault } from '../vault.ts';

/** What stands under the names of one snapshot. */
export interface Held {
  readonly set: string;
  readonly id: string;
  readonly records: string[];
  /** By data directory. */
  readonly data: Map<string, StoredObject[]>;
}

export interface Inventory {
  /** By `placeOf`. */
  readonly held: ReadonlyMap<string, Held>;
  /** The newest store-side time of anything listed: the store's clock is at least there. */
  readonly newest: Date;
}

export function placeOf({ set, id }: { readonly set: string; readonly id: string }): string {
  return `${set}/${id}`;
}

/**
 * Lists data before records, so that what a backup writes meanwhile is not taken for data without a record.
 * @param set only this one
 * @throws StoreError; InterruptedError
 */
export async function takeInventory(vault: Vault, set?: string): Promise<Inventory> {
  const held = new Map<string, Held>();
  let newest = 0;
  const at = (one: { readonly set: string; readonly id: string }): Held => {
    const place = placeOf(one);
    const there = held.get(place) ?? { set: one.set, id: one.id, records: [], data: new Map() };
    held.set(place, there);
    return there;
  };
  const prefix = set === undefined ? '' : `${set}/`;
  for await (const object of vault.store.list(`${DATA}${prefix}`, callOptions(vault))) {
    newest = Math.max(newest, object.modified.getTime());
    const owner = ownerOf(object.name);
    if (!owner) continue;
    const { data } = at(owner);
    const listed = data.get(owner.directory);
    if (listed) listed.push(object);
    else data.set(owner.directory, [object]);
  }
  for await (const { name, modified } of vault.store.list(`${SNAPSHOTS}${prefix}`, callOptions(vault))) {
    newest = Math.max(newest, modified.getTime());
    const place = parseRecordName(name);
    if (place) at(place).records.push(name);
  }
  return { held, newest: new Date(newest) };
}

/** The snapshot and the directory that a name under data/ is of; undefined for one that strongroom never writes. */
function ownerOf(name: string): { set: string; id: string; directory: string } | undefined {
  const [, set = '', id = '', last = '', part, more] = name.split('/');
  const directory = `${DATA}${set}/${id}/${last}`;
  if (part === undefined || more !== undefined) return undefined;
  if (!isName(set) || timeOfSnapshotId(id) === undefined) return undefined;
  return generationOfData(directory, set, id) === undefined ? undefined : { set, id, directory };
}

/** Whether every piece that the snapshot names is there, with its size. */
export function isPresent({ held }: Inventory, snapshot: Snapshot): boolean {
  const listed = held.get(placeOf(snapshot))?.data.get(snapshot.data) ?? [];
  const sizes = new Map(listed.map(({ name, size }) => [name, size]));
  return snapshot.artifacts.every((a) => a.parts.every((p) => sizes.get(p.object) === p.size));
}
