// What the root of a set is called. Deploys turn links such as `current`: by its real path alone, what a guard watched
// over would not be found again.

import { posix } from 'node:path';
import { isWithin } from '../collect-place.ts';
import { joined, nameOf, placeOf } from '../place/target.ts';

/**
 * @param root absolute, as it was given
 * @returns the same, with the links above its last name resolved, and with all of them resolved, as they are now
 */
export function namesOf(root: string): string[] {
  const given = posix.resolve(root);
  const named = joined(placeOf(posix.dirname(given)), nameOf(given));
  return [...new Set([given, named, placeOf(given)])];
}

/** Whether one of these paths is, or is above, one of the others. */
export function overlap(some: readonly string[], others: readonly string[]): boolean {
  return some.some((a) => others.some((b) => isWithin(a, b) || isWithin(b, a)));
}
