// A guarded tree of one test, all that can be seen of it, and what commands may do to it.

import {
  appendFileSync,
  chmodSync,
  closeSync,
  existsSync,
  lstatSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  renameSync,
  rmSync,
  symlinkSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { basename, dirname, join } from 'node:path';
import fc from 'fast-check';
import type { Selection } from '../../../src/pack/collect.ts';
import { beginGuard, type Guard } from '../../../src/pack/guard/guard.ts';
import { plant, type Scene, scene, type Tree } from '../place/scene.ts';

export type { Scene, Tree } from '../place/scene.ts';

/** Path to kind, mode, owner, time and content; `''` is the root itself. */
export function everything(root: string): Record<string, string> {
  const found: Record<string, string> = {};
  const visit = (path: string): void => {
    const at = join(root, path);
    const stats = lstatSync(at);
    const access = `${(stats.mode & 0o7777).toString(8)} ${stats.uid}:${stats.gid}`;
    const time = stats.isSymbolicLink() ? '' : Math.floor(stats.mtimeMs);
    const content = stats.isFile()
      ? readFileSync(at, 'latin1')
      : stats.isSymbolicLink()
        ? readlinkSync(at)
        : '/';
    found[path] = `${stats.isSymbolicLink() ? '' : access} ${time} ${content}`;
    if (stats.isDirectory()) for (const name of readdirSync(at).sort()) visit(join(path, name));
  };
  visit('');
  return found;
}

export function guardScene(tree: Tree, parent?: string): Scene {
  const place = scene(undefined, parent);
  // A directory above the root of its own, so that what stands beside it is seen.
  const target = join(place.directory, 'srv', 'app');
  mkdirSync(dirname(target), { mode: 0o755 });
  plant(target, tree);
  return { ...place, target };
}

/** A guard that holds a copy of the whole target. */
export async function taken(place: Scene, selection: Partial<Selection> = {}): Promise<Guard> {
  const guard = await begun(place);
  await guard.take([{ set: 'app', selection: selectionOf(place, selection) }]);
  return guard;
}

export function begun(place: Scene): Promise<Guard> {
  return beginGuard([place.target], { stateDirectory: place.stateDirectory, now: () => new Date() });
}

export function selectionOf(place: Scene, selection: Partial<Selection> = {}): Selection {
  return { root: place.target, include: [], exclude: [], ...selection };
}

/** What stands beside the root, and what guards keep in the state directory or above: absolute. */
export function kept({ target, stateDirectory, directory }: Scene): string[] {
  const below = (at: string) => readdirSync(at).map((name) => join(at, name));
  const undo = [stateDirectory, directory].flatMap((at) => (existsSync(at) ? below(at) : []));
  const own = undo.filter((path) => basename(path).startsWith('.strongroom-undo-'));
  return [...below(dirname(target)).filter((path) => path !== target), ...own];
}

/** The kernel closes what a process that is dead had open, and with it goes its lock: here the process lives on. */
export function closeLocks(target: string): void {
  for (const fd of readdirSync('/proc/self/fd')) {
    const path = `/proc/self/fd/${fd}`;
    if (lstatSync(path, { throwIfNoEntry: false }) && readlinkSync(path) === target) closeSync(Number(fd));
  }
}

type Change = readonly [what: string, path: string, other: string];

const path = fc.constantFrom(
  'a',
  'b',
  'c',
  'a/b',
  'a/c',
  'b/a',
  'b/a/c',
  'c/d',
  'c/d/e',
  'a-b',
  'new',
  'new/x',
);

export const changes: fc.Arbitrary<readonly Change[]> = fc.array(
  fc.tuple(
    fc.constantFrom('write', 'append', 'remove', 'mkdir', 'link', 'chmod', 'close', 'rename', 'touch'),
    path,
    path,
  ),
  { maxLength: 8 },
);

/** Does what can be done, as a careless script would. */
export function change(root: string, [what, path, other]: Change): void {
  const at = join(root, path);
  try {
    if (what === 'write') {
      rmSync(at, { recursive: true, force: true });
      mkdirSync(dirname(at), { recursive: true });
      writeFileSync(at, `new ${other}`);
    } else if (what === 'append') appendFileSync(at, 'more');
    else if (what === 'remove') rmSync(at, { recursive: true, force: true });
    else if (what === 'mkdir') {
      if (lstatSync(at, { throwIfNoEntry: false })?.isDirectory() === false) rmSync(at);
      mkdirSync(at, { recursive: true });
    } else if (what === 'link') {
      rmSync(at, { recursive: true, force: true });
      symlinkSync(other, at);
    } else if (what === 'chmod') chmodSync(at, 0o751);
    else if (what === 'close') chmodSync(at, 0);
    else if (what === 'rename') renameSync(at, join(root, other));
    else utimesSync(at, 1, 1);
  } catch {
    // There is nothing of the kind.
  }
}
