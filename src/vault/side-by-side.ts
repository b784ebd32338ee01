// Which snapshots are worked on at once: small ones, as each is mostly waiting for a disk or a network.
import { LIMITS } from './layout.ts';
import type { Snapshot } from './snapshots.ts';

/** Snapshots at once, if all of them together are no larger than a part. */
const SIDE_BY_SIDE = 16;

/** @returns all of them, in order; a large one is alone */
export function sideBySide(snapshots: readonly Snapshot[]): Snapshot[][] {
  const groups: Snapshot[][] = [];
  let bytes = 0;
  for (const snapshot of snapshots) {
    bytes += snapshot.stored;
    const last = groups.at(-1);
    if (last && last.length < SIDE_BY_SIDE && bytes <= LIMITS.part) last.push(snapshot);
    else {
      groups.push([snapshot]);
      bytes = snapshot.stored;
    }
  }
  return groups;
}
