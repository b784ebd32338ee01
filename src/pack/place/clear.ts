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
      const staging = ground.stagings[group];
      if (staging === undefined) continue;
      const { base, directory } = terrain.groups[group]!;
      empty(staging);
      const parent = ground.walks[base]!.at(directory);
      rmdirSync(inside(parent, markerName(terrain.id)));
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

/** Removes what is in a directory that nobody else can change, following no link. @throws a system error */
export function empty(directory: Directory): void {
  if ((fstatSync(directory.fd).mode & 0o700) !== 0o700) chmodSync(directory.path, 0o700);
  for (const entry of readdirSync(directory.path, { encoding: 'buffer', withFileTypes: true })) {
    const name = decodeName(entry.name as unknown as Buffer);
    if (!entry.isDirectory()) {
      unlinkSync(inside(directory, name));
      continue;
    }
    const child = openChild(directory, name);
    try {
      empty(child);
    } finally {
      closeDirectory(child);
    }
    rmdirSync(inside(directory, name));
  }
}
