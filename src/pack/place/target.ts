// Owns absolute paths: putting them together, and finding out where a target really is.

import { realpathSync } from 'node:fs';
import { decodeName, fsPath } from '../names.ts';
import { lookAt } from './existing.ts';
import { isLost, placeFailure } from './failures.ts';

/** An absolute path and names below it; empty ones are left out. */
export function joined(path: string, ...below: readonly string[]): string {
  return ['', ...[path.slice(1), ...below].filter((part) => part !== '')].join('/') || '/';
}

export function parentOf(path: string): string {
  return path.slice(0, Math.max(0, path.lastIndexOf('/')));
}

export function nameOf(path: string): string {
  return path.slice(path.lastIndexOf('/') + 1);
}

/**
 * Whoever names the target answers for the links above it, so those are followed, once.
 *
 * @returns the deepest directory on the way to it that exists, and the names that are missing below
 */
export function resolveTarget(root: string): { anchor: string; missing: string[] } {
  const missing: string[] = [];
  for (let path = root; ; path = parentOf(path)) {
    const found = resolveIfThere(path || '/');
    if (found !== undefined) return { anchor: found, missing };
    missing.unshift(nameOf(path));
  }
}

/** Where a target is, every link on the way to it resolved, as a plan of it says. */
export function placeOf(root: string): string {
  const { anchor, missing } = resolveTarget(root);
  return joined(anchor, ...missing);
}

function resolveIfThere(path: string): string | undefined {
  try {
    const found = resolve(path);
    return lookAt(fsPath(found))?.type === 'dir' ? found : undefined;
  } catch (error) {
    if (isLost(error)) return undefined;
    throw placeFailure(error, path);
  }
}

/** @throws StrongroomError `target-denied`, `place-failed` */
export function resolveExisting(path: string): string {
  try {
    return resolve(path);
  } catch (error) {
    throw placeFailure(error, path);
  }
}

function resolve(path: string): string {
  return decodeName(realpathSync(fsPath(path), { encoding: 'buffer' }) as unknown as Buffer);
}
