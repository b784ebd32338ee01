// Kustomizations, and every file that they name (kustomize, api/types/kustomization.go), from one to the next.
import { posix } from 'node:path';
import { documentsOf, documentsWithin } from './documents.ts';
import type { Discover, Ground } from './ground.ts';
import { type Named, namedBy, namedByPlugin } from './kustomize/fields.ts';
import { isRemote } from './kustomize/remote.ts';

/** As kustomize looks for them (api/konfig/general.go). */
const FILES = ['kustomization.yaml', 'kustomization.yml', 'Kustomization'] as const;

/** Finds kustomizations below the root, and follows what they name, out of the root too where that is allowed. */
export const discoverKustomize: Discover = async (ground) => {
  const pending: string[] = [];
  const found = new Set<string>();
  // By their real paths, where their own paths start too: with a link to itself a directory has names without end.
  const find = (path: string): void => {
    const real = ground.real(path);
    if (real === undefined || found.has(real)) return;
    found.add(real);
    pending.push(real);
  };
  for (const path of ground.files()) {
    if (!FILES.some((name) => path.endsWith(`/${name}`))) continue;
    ground.refer({ path, as: 'kustomization', by: undefined, required: true });
    find(path);
  }
  for (let path = pending.pop(); path !== undefined; path = pending.pop()) {
    for (const document of (await documentsOf(ground, path)) ?? []) {
      await referToEach(ground, path, namedBy(document), find);
    }
  }
};

/** To look for one file that is named, and to remember it. */
const STEPS_A_FILE = 800;

async function referToEach(
  ground: Ground,
  by: string,
  all: Iterable<Named>,
  find: (path: string) => void,
): Promise<void> {
  for (const named of all) {
    await ground.breathe();
    if (!ground.affords(by, STEPS_A_FILE)) return;
    await refer(ground, by, named, find);
  }
}

// Kustomize itself refuses files that are not below the kustomization, unless it is told to let them be
// (--load-restrictor): they are named, so they are listed.
async function refer(ground: Ground, by: string, named: Named, find: (path: string) => void): Promise<void> {
  const { text, as, required } = named;
  const directory = posix.dirname(by);
  if (named.mayBeInline && isInline(text)) {
    if (named.isPlugin) await referToPlugin(ground, by, text, find);
    return;
  }
  // A path has one line; what has more is a value that went astray.
  if (text === '' || text.includes('\n')) return;
  if (isRemote(text)) {
    ground.warn(by, 'unread', `names something remote as ${as}, which is not backed up`);
    return;
  }
  const path = posix.resolve(directory, text);
  const inner = named.mayBeBase ? kustomizationsIn(ground, path) : undefined;
  if (inner === undefined) {
    ground.refer({ path, as, by, required });
    if (named.isPlugin) await followPlugin(ground, by, path, find);
    return;
  }
  for (const file of inner) {
    ground.refer({ path: file, as: `kustomization of ${as}`, by, required });
    find(file);
  }
}

/** The kustomization of a directory, be it there or not; undefined for what is no directory. */
function kustomizationsIn(ground: Ground, path: string): string[] | undefined {
  const files = FILES.map((name) => posix.join(path, name));
  const there = files.filter((file) => !['missing', 'outside'].includes(ground.look(file)));
  if (there.length > 0) return there;
  return ['directory', 'too-large'].includes(ground.look(path)) ? files.slice(0, 1) : undefined;
}

/** As kustomize has it: what reads as an object is one, and anything else a path. */
function isInline(text: string): boolean {
  return /\n|^\s*[[{]|^[\w$]+:(?:\s|$)/.test(text.trim());
}

/** Built-in generators and transformers name files of their own, which start at the kustomization too. */
async function followPlugin(
  ground: Ground,
  by: string,
  path: string,
  find: (path: string) => void,
): Promise<void> {
  if (ground.look(path) !== 'file') return;
  for (const document of (await documentsOf(ground, path)) ?? []) {
    await referToEach(ground, by, namedByPlugin(document), find);
  }
}

async function referToPlugin(
  ground: Ground,
  by: string,
  text: string,
  find: (path: string) => void,
): Promise<void> {
  for (const document of await documentsWithin(ground, by, text)) {
    await referToEach(ground, by, namedByPlugin(document), find);
  }
}
