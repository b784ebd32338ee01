// Opens directories that are closed to their owner, for as long as something is put back below them.

import { chmodSync, fstatSync } from 'node:fs';
import { destinationOf } from './changes.ts';
import type { GuardedTree } from './journal.ts';
import { withDirectory } from './settle.ts';

/**
 * Lets us into directories that the command has closed to their owner, or that were so: nothing could be put back
 * below them. Their modes come back with the rest.
 *
 * @returns the modes that they had, by absolute path
 */
export function openUp(tree: GuardedTree): Map<string, number> {
  const opened = new Map<string, number>();
  if (process.geteuid!() === 0) return opened;
  const all = ['', ...tree.entries.filter(({ type }) => type === 'dir').map(({ path }) => path)];
  for (const path of all) {
    const at = path === '' ? tree.root : destinationOf(tree.root, path);
    withDirectory(at, (directory) => {
      const { mode, uid } = fstatSync(directory.fd);
      if (uid !== process.geteuid!() || (mode & 0o700) === 0o700) return;
      chmodSync(directory.path, (mode & 0o7777) | 0o700);
      opened.set(at, mode & 0o7777);
    });
  }
  return opened;
}

/** Gives them those modes again. */
export function closeAgain(opened: ReadonlyMap<string, number>): void {
  for (const [path, mode] of [...opened].reverse()) {
    withDirectory(path, (directory) => chmodSync(directory.path, mode));
  }
}
