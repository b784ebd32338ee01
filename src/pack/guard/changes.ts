// What differs from how it was: what is to be looked at again, what the command added, and what stands in the way.
// Reads only.

import { lstatSync } from 'node:fs';
import { UsageError } from '../../errors.ts';
import { collect } from '../collect.ts';
import { isWithin } from '../collect-place.ts';
import { parentsOf } from '../collect-source.ts';
import { fsPath } from '../names.ts';
import { lookAt, type Seen } from '../place/existing.ts';
import { joined } from '../place/target.ts';
import type { GuardedTree, Kept } from './journal.ts';

export interface Changes {
  /** Entries that may not be as they were, with every directory. */
  readonly suspects: readonly Kept[];
  /** Entry paths of what was not there, none below another. */
  readonly added: readonly string[];
  /** Entry paths at which something of another kind stands now, which has to go first. */
  readonly displaced: readonly string[];
}

/** Where an entry is: absolute, a name of `names.ts`. */
export function destinationOf(root: string, path: string): string {
  if (path === '@outside') return '/';
  return path.startsWith('@outside/') ? path.slice('@outside'.length) : joined(root, path);
}

/**
 * @throws InterruptedError; a system error where a directory can no longer be looked into
 */
export async function changesOf(tree: GuardedTree, signal?: AbortSignal): Promise<Changes> {
  const suspects: Kept[] = [];
  const displaced = new Set<string>();
  const types = new Map(tree.entries.map(({ path, type }) => [path, type]));
  for (const entry of tree.entries) {
    // A directory that has become a link would lead elsewhere.
    if (hasAbove(displaced, entry.path)) {
      suspects.push(entry);
      continue;
    }
    const now = statOf(destinationOf(tree.root, entry.path));
    if (now !== undefined && isAnotherKind(entry, now)) displaced.add(entry.path);
    if (entry.type === 'dir' || now === undefined || !isUntouched(entry, now)) suspects.push(entry);
  }
  const isBlind = (path: string) => tree.blind.some((spot) => isWithin(path, spot));
  const added = new Set<string>();
  for (const path of await selectedNow(tree, signal)) {
    if (types.has(path) || isBlind(path) || hasAbove(added, path)) continue;
    // What is below something that is not to be a directory goes with it.
    if ([...parentsOf(path)].some((above) => (types.get(above) ?? 'dir') !== 'dir')) continue;
    added.add(path);
  }
  return { suspects, added: [...added], displaced: [...displaced] };
}

function hasAbove(paths: ReadonlySet<string>, path: string): boolean {
  if (paths.size > 0) for (const above of parentsOf(path)) if (paths.has(above)) return true;
  return false;
}

type Now = Seen & { readonly ctimeMs: number };

function statOf(path: string): Now | undefined {
  const seen = lookAt(fsPath(path));
  return seen && { ...seen, ctimeMs: lstatSync(fsPath(path)).ctimeMs };
}

function isAnotherKind({ type }: Kept, now: Now): boolean {
  if (type === 'dir') return now.type !== 'dir';
  // A file and a link take each other's place in one step.
  return now.type === 'dir' || now.type === 'special';
}

/** The kernel sets the time of change itself, whatever is changed: content, mode, owner or name. */
function isUntouched({ dev, ino, ctimeMs }: Kept, now: Now): boolean {
  return ctimeMs !== undefined && now.dev === dev && now.ino === ino && now.ctimeMs === ctimeMs;
}

/** What the set would take now, by the patterns as they were, in byte order. */
async function selectedNow(tree: GuardedTree, signal?: AbortSignal): Promise<string[]> {
  // What was there and is wanted by nothing but for what is below it is no addition.
  const selection = { ...tree.selection, root: tree.root, also: [], withoutWay: true };
  // Nothing of that name could have been taken before either.
  const exclude = [...selection.exclude, '@outside'];
  try {
    const { sources } = await collect({ ...selection, exclude }, signal ? { signal } : {});
    return sources.map(({ path }) => path);
  } catch (error) {
    // The root itself is gone, or is no directory any more: then nothing was added in it.
    if (error instanceof UsageError) return [];
    throw error;
  }
}
