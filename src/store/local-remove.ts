// How objects leave a directory, and the directories that are then empty.

import * as fs from 'node:fs';
import { setImmediate as breathe } from 'node:timers/promises';
import { promisify } from 'node:util';
import { type Anchor, type Chain, closeChain, openChain, syncDirectory } from './anchor.ts';
import { errno } from './errno.ts';
import type { Place } from './local-create.ts';
import { checkSignal } from './store.ts';

/** Few are removed at once, in order; many by the thread pool. */
const HERE = {
  unlink: async (path: string) => fs.unlinkSync(path),
  close: async (fd: number) => fs.closeSync(fd),
};
const POOLED = { unlink: promisify(fs.unlink), close: promisify(fs.close) };

/** Names of one directory that are removed in a row. */
const MOST_IN_A_ROW = 64;
/** Rows at once, where there are many names: a disk that has many to free is mostly waited for. */
const AT_ONCE = 8;
const MANY = 256;

/** Names in one directory. */
interface Row {
  readonly directory: string;
  readonly names: string[];
}

/**
 * Removes objects in the order of their top-level directories, tidies up behind each directory, and makes it durable.
 * Throws system errors besides those of Store.remove.
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
  for (const rows of rowsOf(names)) {
    const isMany = rows.reduce((sum, row) => sum + row.names.length, 0) >= MANY;
    const failures: unknown[] = [];
    const worker = async (): Promise<void> => {
      // Once one failed nothing is begun any more, and what is under way is waited for.
      for (let row = rows.pop(); row && failures.length === 0; row = rows.pop()) {
        await removeRow(place, root, row, { touched, calls: isMany ? POOLED : HERE, signal }).catch((error) =>
          failures.push(error),
        );
      }
    };
    await Promise.all(Array.from({ length: isMany ? AT_ONCE : 1 }, worker));
    if (failures.length > 0) throw failures[0];
  }
  for (const directory of touched) await syncNamed(place, root, directory);
}

/** For each run of names below one top-level directory its rows, the last to be removed first. */
function rowsOf(names: readonly string[]): Row[][] {
  const runs: Row[][] = [];
  let top: string | undefined;
  for (const name of names) {
    const below = name.slice(0, name.indexOf('/') + 1);
    if (below !== top) runs.push([]);
    top = below;
    const rows = runs.at(-1)!;
    const directory = directoryOf(name);
    const last = rows.at(-1);
    if (last?.directory === directory && last.names.length < MOST_IN_A_ROW) last.names.push(name);
    else rows.push({ directory, names: [name] });
  }
  return runs.map((rows) => rows.reverse());
}

async function removeRow(
  place: Place,
  root: Anchor,
  { directory, names }: Row,
  work: {
    readonly touched: Set<string>;
    readonly calls: typeof POOLED | typeof HERE;
    readonly signal: AbortSignal | undefined;
  },
): Promise<void> {
  const { touched, calls, signal } = work;
  await breathe();
  checkSignal(signal);
  const chain = openChain(root, segmentsOf(directory), place.location, false);
  if (!chain) return;
  try {
    for (const name of names)
      await unlink(calls, `${chain.anchors.at(-1)!.path}/${name.slice(directory.length)}`);
    touched.add(tidy(chain, segmentsOf(directory)));
  } finally {
    // The last to close a directory that is gone frees it, which takes its time.
    await Promise.all(chain.anchors.slice(1).map(({ fd }) => calls.close(fd)));
  }
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
async function unlink(calls: typeof POOLED | typeof HERE, path: string): Promise<void> {
  try {
    await calls.unlink(path);
  } catch (error) {
    if (errno(error) !== 'ENOENT' && errno(error) !== 'EISDIR') throw error;
  }
}
