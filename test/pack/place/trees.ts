// Small trees written down as data, on the disk and as entries, and the whole way of one into a target.

import { createHash } from 'node:crypto';
import {
  chmodSync,
  lstatSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { dirname, join } from 'node:path';
import type { Entry } from '../../../src/pack/entry.ts';
import { decodeName, fsPath } from '../../../src/pack/names.ts';
import { planPlacement } from '../../../src/pack/place/plan.ts';
import { openStaging } from '../../../src/pack/place/stage.ts';
import type { Destination, PlaceOptions, PlaceReport } from '../../../src/pack/place/types.ts';

/** Path to what is there: text is a file; a file's mode is 0600 and a directory's 0700 unless said. */
export type Tree = Readonly<Record<string, string | Node>>;
export type Node =
  | { readonly text: string; readonly mode?: number }
  | { readonly link: string }
  | { readonly dir: true; readonly mode?: number };

export const NOW = new Date('2026-11-20T05:58:12Z');
export const STAMP = '20261120T055812Z';
export const MTIME = Date.UTC(2025, 0, 2, 3, 4, 5, 678);

/** Where a test works. */
export interface Scene {
  readonly directory: string;
  readonly target: string;
  readonly stateDirectory: string;
}

/** Makes a tree on the disk. */
export function plant(root: string, tree: Tree): void {
  mkdirSync(root, { recursive: true, mode: 0o700 });
  for (const [path, value] of Object.entries(tree)) {
    const node = nodeOf(value);
    const full = fsPath(`${root}/${path}`);
    mkdirSync(fsPath(dirname(`${root}/${path}`)), { recursive: true, mode: 0o700 });
    if ('link' in node) symlinkSync(fsPath(node.link), full);
    else if ('text' in node) {
      writeFileSync(full, node.text);
      chmodSync(full, node.mode ?? 0o600);
    } else mkdirSync(full, { recursive: true });
  }
  for (const [path, node] of Object.entries(tree).reverse()) {
    if (typeof node !== 'string' && 'dir' in node) chmodSync(fsPath(`${root}/${path}`), node.mode ?? 0o700);
  }
}

function nodeOf(value: string | Node): Node {
  return typeof value === 'string' ? { text: value } : value;
}

/** What is on the disk: path to `file 0600 text`, `dir 0700` or `link target`. */
export function survey(root: string): Record<string, string> {
  const found: Record<string, string> = {};
  function visit(path: string): void {
    const names = readdirSync(fsPath(`${root}/${path}`), 'buffer').map(decodeName);
    for (const name of names.sort()) {
      const below = path === '' ? name : `${path}/${name}`;
      const full = fsPath(`${root}/${below}`);
      const stats = lstatSync(full);
      const mode = (stats.mode & 0o7777).toString(8).padStart(4, '0');
      if (stats.isSymbolicLink()) found[below] = `link ${readlinkSync(full)}`;
      else if (stats.isDirectory()) {
        found[below] = `dir ${mode}`;
        visit(below);
      } else found[below] = stats.isFile() ? `file ${mode} ${readFileSync(full, 'utf8')}` : 'special';
    }
  }
  visit('');
  return found;
}

/** The entries that a backup of a tree would hold; modes as written, files of 0644 unless said. */
export function entriesOf(tree: Tree): Entry[] {
  return Object.entries(tree).map(([path, value]) => {
    const node = nodeOf(value);
    const owner = { uid: process.getuid!(), gid: process.getgid!(), mtime: MTIME };
    if ('link' in node) return { path, type: 'symlink', mode: 0o777, size: 0, target: node.link, ...owner };
    if ('dir' in node) return { path, type: 'dir', mode: node.mode ?? 0o755, size: 0, ...owner };
    const content = Buffer.from(node.text);
    const sha256 = createHash('sha256').update(content).digest('hex');
    return { path, type: 'file', mode: node.mode ?? 0o644, size: content.length, sha256, ...owner };
  });
}

export function contentOf(tree: Tree, path: string): Buffer {
  const node = nodeOf(tree[path]!);
  return Buffer.from('text' in node ? node.text : '');
}

export type Choices = Partial<Omit<PlaceOptions, 'stateDirectory'>> & Pick<Destination, 'outside'>;

export function planFor({ target, stateDirectory }: Scene, tree: Tree, choices: Choices = {}) {
  const { outside, ...rest } = choices;
  const options: PlaceOptions = { existing: 'refuse', asRecorded: false, now: NOW, stateDirectory, ...rest };
  const destination = outside === undefined ? { root: target } : { root: target, outside };
  return planPlacement(entriesOf(tree), destination, options);
}

/** Plans, stages and commits. Files with `large` in their name come in pieces. */
export async function restore(place: Scene, tree: Tree, choices: Choices = {}): Promise<PlaceReport> {
  const plan = await planFor(place, tree, choices);
  const { stateDirectory } = place;
  const signal = choices.signal === undefined ? {} : { signal: choices.signal };
  const staging = await openStaging(plan, { stateDirectory, ...signal });
  try {
    for (const entry of entriesOf(tree)) {
      if (entry.type !== 'file') continue;
      const content = contentOf(tree, entry.path);
      if (!entry.path.includes('large')) staging.file(entry, content);
      else {
        const file = staging.openFile(entry);
        for (let at = 0; at < content.length; at += 7) await file.write(content.subarray(at, at + 7));
        await file.close();
      }
    }
    return await staging.commit();
  } finally {
    await staging.discard();
  }
}

/** The journals that are left. */
export function journalsOf({ stateDirectory }: Scene): string[] {
  try {
    return readdirSync(join(stateDirectory, 'restores'));
  } catch {
    return [];
  }
}
