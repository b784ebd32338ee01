// Removes staging directories, and nothing else: a directory of that name that is not ours stays.

import { chmodSync, fstatSync, fsyncSync, readdirSync, rmdirSync, unlinkSync } from 'node:fs';
import { decodeName } from '../names.ts';
import { closeDirectory, type Directory, inside, openChild } from './beneath.ts';
import { openGround, type Terrain } from './ground.ts';
import { markerName } from './marker.ts';

/**
 * Removes the staging directories of one restore, the marker in the target last.
 *
 * @throws a system error; it can be called again
 */
export function clearStagings(terrain: Terrain): void {
  const ground = openGround(terrain);
  try {
    for (let group = terrain.groups.length - 1; group >= 0; group--) {
      if (ground.stagings[group] === undefined) continue;
      const { base, directory } = terrain.groups[group]!;
      const parent = ground.walks[base]!.at(directory);
      removeTree(parent, markerName(terrain.id));
      if (group === 0) syncHandle(parent);
    }
  } finally {
    ground.close();
  }
}

// The journal goes next, and must not go first.
function syncHandle(directory: Directory): void {
  try {
    fsyncSync(directory.fd);
  } catch {
    // Open for searching only. Should power fail now, the marker may outlive its journal, and is told of then.
  }
}

/** Removes a directory that nobody else can change, with all that is in it, following no link. */
function removeTree(parent: Directory, name: string): void {
  const directory = openChild(parent, name);
  try {
    if ((fstatSync(directory.fd).mode & 0o700) !== 0o700) chmodSync(directory.path, 0o700);
    const entries = readdirSync(directory.path, { encoding: 'buffer', withFileTypes: true });
    for (const entry of entries) {
      const child = decodeName(entry.name as unknown as Buffer);
      if (entry.isDirectory()) removeTree(directory, child);
      else unlinkSync(inside(directory, child));
    }
  } finally {
    closeDirectory(directory);
  }
  rmdirSync(inside(parent, name));
}
