// Notes of removals that have done their work: nothing is left of what they removed, and nothing names it. Without this
// every prune would make every reading slower.
import { type CountingEntry, NOTES_KEPT_MS } from '../ledger.ts';
import type { Snapshots } from '../snapshots.ts';
import type { Vault } from '../vault.ts';
import { type Inventory, placeOf } from './inventory.ts';

/**
 * Entries of prune only. One of `delete` may have removed the newest snapshot of a host, which names it as the one
 * before its next, whenever that comes.
 * @param isAsked whether this set is pruned
 */
export function findSpentEntries(
  vault: Vault,
  read: Snapshots,
  { held, newest }: Inventory,
  isAsked: (set: string) => boolean,
): CountingEntry[] {
  const named = new Set<string>();
  for (const { set, previous } of [...read.snapshots, ...read.superseded, ...read.intruding])
    if (previous) named.add(placeOf({ set, id: previous.id }));
  // Nobody knows what those name.
  const unread = new Set(read.refused.map((r) => r.set));
  const before = Math.min(newest.getTime(), vault.now().getTime()) - NOTES_KEPT_MS;
  return read.ledger.entries.filter(
    ({ action, removes, modified }) =>
      action === 'prune' &&
      modified.getTime() < before &&
      removes.every(
        (r) => isAsked(r.set) && !unread.has(r.set) && !held.has(placeOf(r)) && !named.has(placeOf(r)),
      ),
  );
}
