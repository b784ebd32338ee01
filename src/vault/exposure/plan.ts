// Which snapshots a leak opened. Pure, over the snapshots that count.

import type { LedgerEntry } from '../documents/ledger.ts';
import type { Snapshot } from '../snapshots.ts';
import type { Leak } from './leak.ts';

/** The snapshots of one set and host, oldest first. */
export interface ExposedGroup {
  readonly set: string;
  readonly host: string;
  readonly exposed: readonly Snapshot[];
  /** What its values are compared with: the newest, a complete one if there is any. */
  readonly newest: Snapshot;
}

export interface ExposurePlan {
  readonly leak: Leak;
  readonly groups: readonly ExposedGroup[];
  /** How many snapshots there are, exposed or not. */
  readonly of: number;
  /** How many of the exposed ones were encrypted anew since: what was written before may have been copied. */
  readonly reencrypted: number;
  /** How many snapshots were removed, which may have been copied before; of a host's nobody knows. */
  readonly deleted: number;
}

/** The generation that a snapshot was first encrypted to. */
export function firstGeneration({ original, generation }: Snapshot): number {
  return original?.generation ?? generation;
}

/**
 * @param snapshots all that count, oldest first
 * @param ledger entries that count
 * @returns groups by set and host, in the order of their names
 */
export function planExposure(
  leak: Leak,
  snapshots: readonly Snapshot[],
  ledger: readonly Pick<LedgerEntry, 'action' | 'removes'>[] = [],
): ExposurePlan {
  const byGroup = new Map<string, Snapshot[]>();
  for (const snapshot of snapshots) {
    const key = `${snapshot.set}/${snapshot.host}`;
    const group = byGroup.get(key);
    if (group) group.push(snapshot);
    else byGroup.set(key, [snapshot]);
  }
  const groups = [...byGroup.entries()]
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .flatMap(([, group]): ExposedGroup[] => {
      const exposed = exposedOf(leak, group);
      const newest = group.findLast((s) => s.complete) ?? group.at(-1)!;
      const { set, host } = newest;
      return exposed.length === 0 ? [] : [{ set, host, exposed, newest }];
    });
  const reencrypted = groups.flatMap((g) => g.exposed).filter((s) => s.original !== undefined).length;
  const deleted = leak.kind === 'host' ? 0 : deletedOf(snapshots, ledger);
  return { leak, groups, of: snapshots.length, reencrypted, deleted };
}

function deletedOf(
  snapshots: readonly Snapshot[],
  ledger: readonly Pick<LedgerEntry, 'action' | 'removes'>[],
): number {
  const removed = ledger
    .filter(({ action }) => action === 'delete' || action === 'prune')
    .flatMap(({ removes }) => removes.map(({ set, id }) => `${set}/${id}`));
  const gone = new Set(removed);
  for (const { set, id } of snapshots) gone.delete(`${set}/${id}`);
  return gone.size;
}

function exposedOf(leak: Leak, group: readonly Snapshot[]): readonly Snapshot[] {
  if (leak.kind !== 'host') return group.filter((s) => firstGeneration(s) <= leak.generation);
  const { host, since } = leak;
  if (group[0]?.host !== host) return [];
  if (since === undefined) return group;
  const from = group.findIndex((s) => Date.parse(s.time) >= since.getTime());
  // At that time the host had what its last snapshot before holds.
  return from < 0 ? group.slice(-1) : group.slice(Math.max(from - 1, 0));
}
