// Whether a snapshot has a file, and in the version that is on disk now.
import { createHash } from 'node:crypto';
import { closeSync, constants, fstatSync, openSync, readSync } from 'node:fs';
import type { Entry } from '../../pack/entry.ts';
import type { SnapshotState } from './item.ts';
import { realPath } from './taken.ts';

/** The entries of one snapshot, and the directory that they are relative to. */
export interface HeldEntries {
  /** Absolute. */
  readonly root: string;
  readonly entries: readonly Entry[];
}

const OUTSIDE = '@outside/';
const PIECE = 1 << 20;

/**
 * What the snapshots say about files on this machine.
 *
 * @param snapshots the last one of each set, say: in one of them is enough
 * @returns how a file stands, links followed
 */
export function heldIn(snapshots: readonly HeldEntries[]): (path: string) => SnapshotState {
  const held = new Map<string, Entry[]>();
  for (const { root, entries } of snapshots) {
    const base = realPath(root);
    for (const entry of entries) {
      if (entry.type !== 'file') continue;
      const path = entry.path.startsWith(OUTSIDE)
        ? entry.path.slice(OUTSIDE.length - 1)
        : `${base === '/' ? '' : base}/${entry.path}`;
      held.set(path, [...(held.get(path) ?? []), entry]);
    }
  }
  const known = new Map<string, SnapshotState>();
  const ask = (path: string): SnapshotState => {
    const real = realPath(path);
    const entries = held.get(real) ?? held.get(path) ?? [];
    if (entries.length === 0) return 'absent';
    return isSame(real, entries) ? 'same' : 'changed';
  };
  return (path) => {
    const state = known.get(path) ?? ask(path);
    known.set(path, state);
    return state;
  };
}

function isSame(path: string, entries: readonly Entry[]): boolean {
  const hashes = new Map<number, string>();
  return entries.some(({ size, sha256 }) => {
    if (!hashes.has(size)) hashes.set(size, hashOf(path, size));
    return hashes.get(size) === sha256;
  });
}

/** Of a regular file of just this size; empty for any other. */
function hashOf(path: string, size: number): string {
  let fd: number | undefined;
  try {
    fd = openSync(
      path,
      constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK | constants.O_NOCTTY,
    );
    const stat = fstatSync(fd);
    if (!stat.isFile() || stat.size !== size) return '';
    const hash = createHash('sha256');
    const piece = Buffer.allocUnsafe(Math.min(PIECE, size + 1));
    for (let count = readSync(fd, piece); count > 0; count = readSync(fd, piece))
      hash.update(piece.subarray(0, count));
    return hash.digest('hex');
  } catch {
    // Gone, or not to be read: it is not what the snapshot has.
    return '';
  } finally {
    if (fd !== undefined) closeSync(fd);
  }
}
