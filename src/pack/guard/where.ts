// The names inside a guard's directory: `before/SET/…` is what was, `added/N/…` is what the command had added.

import type { UndoPlace } from './journal.ts';

/** What was there before the command. */
export const BEFORE = 'before';
/** What the command had added, moved out of the way. */
export const ADDED = 'added';

/** @returns the absolute path of a file's copy */
export function copyPath(place: UndoPlace, set: string, path: string): string {
  return `${place.path}/${BEFORE}/${set}/${path}`;
}
