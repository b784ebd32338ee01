// The name of the staging directory. One of these in a target marks an unfinished restore; its name is all that
// is ever taken from it.

/** The name, and its id as the first group. */
export const MARKER = /^\.strongroom-restore-([0-9a-f]{16})$/;

export function markerName(id: string): string {
  return `.strongroom-restore-${id}`;
}
