// How objects leave a directory, and the directories that are then empty.

import * as fs from 'node:fs';
import { setImmediate as breathe } from 'node:timers/promises';
import { type Anchor, type Chain, closeChain, openChain, syncDirectory } from './anchor.ts';
import { errno } from './errno.ts';
import type { Place } from './local-create.ts';
import { checkSignal } from './store.ts';

// How many quick calls are made in a row before other work gets its turn.
const run = 256;

/**
 * Removes objects in the order given, tidies up behind each directory, and makes it durable. Throws system
 * errors besides those of Store.remove.
 *
 * @param root the open root of the vault
 * @param names checked object names
 */
export async function removeObjects(
  place: Place,
  root: Anchor,
  names: readonly string[],
  signal: AbortSignal | undefined,
): Promise<void> {
  const touched = new Set<string>();
  for (let next = 0; next < names.length; ) {
    await breathe();
    checkSignal(signal);
    const directory = directoryOf(names[next]!);
    const end = Math.min(names.length, next + run);
    const chain = openChain(root, segmentsOf(directory), place.location, false);
    try {
      for (; next < end && directoryOf(names[next]!) === directory; next++) {
        if (chain) unlink(`${chain.anchors.at(-1)!.path}/${names[next]!.slice(directory.length)}`);
      }
      if (chain) touched.add(tidy(chain, segmentsOf(directory)));
    } finally {
      if (chain) closeChain(chain);
    }
  }
  for (const directory of touched) await syncNamed(place, root, directory);
}

// Removes the directory and those above it while they are empty; returns the first that stays. Never the root.
function tidy({ anchors }: Chain, segments: readonly string[]): string {
  for (let depth = segments.length; depth > 0; depth--) {
    const directory = segments.slice(0, depth).join('/');
    try {
      fs.rmdirSync(`${anchors[depth - 1]!.path}/${segments[depth - 1]}`);
    } catch (error) {
      if (errno(error) === undefined) throw error;
      return directory;
    }
  }
  return '';
}

async function syncNamed(place: Place, root: Anchor, directory: string): Promise<void> {
  const chain = openChain(root, directory.split('/').filter(Boolean), place.location, false);
  if (chain === null) return;
  try {
    await syncDirectory(chain.anchors.at(-1)!);
  } finally {
    closeChain(chain);
  }
}

// 'a/b/c' is in 'a/b/'.
function directoryOf(name: string): string {
  return name.slice(0, name.lastIndexOf('/') + 1);
}

function segmentsOf(directory: string): string[] {
  return directory.split('/').slice(0, -1);
}

// A directory is no object, so there is none of that name to remove.
function unlink(path: string): void {
  try {
    fs.unlinkSync(path);
  } catch (error) {
    if (errno(error) !== 'ENOENT' && errno(error) !== 'EISDIR') throw error;
  }
}
