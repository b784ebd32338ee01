// The name of the directory in which a guard keeps what it would put back. No set ever takes one.

export const UNDO_PREFIX = '.strongroom-undo-';

/** The name, and its id as the first group. */
export const UNDO = /^\.strongroom-undo-([0-9a-f]{16})$/;

export function undoName(id: string): string {
  return `${UNDO_PREFIX}${id}`;
}
