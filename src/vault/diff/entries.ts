// What became of each file between two lists of entries: added, removed, changed or moved. Pure; reads no file.
import type { Entry } from '../../pack/entry.ts';
import type { Gap } from './side.ts';

/** `unknown`: one side could not have it, so nobody knows whether it is there. */
export type FileChangeKind = 'added' | 'removed' | 'changed' | 'moved' | 'unknown';

/** In what an entry that is on both sides differs. */
export type Aspect = 'type' | 'content' | 'target' | 'mode' | 'owner';

export interface FileChange {
  /** On the later side, if it is there. */
  readonly path: string;
  readonly change: FileChangeKind;
  readonly before?: Entry;
  readonly after?: Entry;
  /** Of what is changed or moved. */
  readonly aspects: readonly Aspect[];
  /** Another path of the later side with the same content; of an added file. */
  readonly sameAs?: string;
  /** Why nobody knows. */
  readonly reason?: string;
}

export interface EntryOptions {
  /** Whether modes and owners count. What a restore puts back has those of its own. */
  readonly attributes: boolean;
  /** What each side could not have. */
  readonly gaps: { readonly before: readonly Gap[]; readonly after: readonly Gap[] };
}

export interface Compared {
  /** In the order of the later side, with what is removed at its place. */
  readonly changes: readonly FileChange[];
  /** Files that are the same. */
  readonly same: number;
}

/** Files with less are alike by chance: empty ones, a line end. */
const TELLING_BYTES = 6;

/** @param before entries, each path once, as `after` */
export function compareEntries(
  before: readonly Entry[],
  after: readonly Entry[],
  { attributes, gaps }: EntryOptions,
): Compared {
  const earlier = new Map(before.map((entry) => [entry.path, entry]));
  const later = new Map(after.map((entry) => [entry.path, entry]));
  const changes: FileChange[] = [];
  let same = 0;
  for (const entry of after) {
    const was = earlier.get(entry.path);
    if (!was) continue;
    const aspects = aspectsOf(was, entry, attributes);
    if (aspects.length > 0)
      changes.push({ path: entry.path, change: 'changed', before: was, after: entry, aspects });
    else if (entry.type === 'file') same += 1;
  }
  const removed = before.filter(({ path }) => !later.has(path));
  const added = after.filter(({ path }) => !earlier.has(path));
  const moved = pairs(removed, added);
  const cameFrom = new Map([...moved].map(([from, to]) => [to, from]));
  const byContent = firstByContent(after);
  for (const entry of added) {
    const from = cameFrom.get(entry);
    const gap = from ? undefined : gapOf(entry.path, gaps.before);
    if (from) {
      const aspects = aspectsOf(from, entry, attributes);
      changes.push({ path: entry.path, change: 'moved', before: from, after: entry, aspects });
    } else if (gap) {
      changes.push({ path: entry.path, change: 'unknown', after: entry, aspects: [], reason: gap.reason });
    } else {
      const twin = isTelling(entry) ? byContent.get(entry.sha256!) : undefined;
      const sameAs = twin !== undefined && twin !== entry.path ? { sameAs: twin } : {};
      changes.push({ path: entry.path, change: 'added', after: entry, aspects: [], ...sameAs });
    }
  }
  for (const entry of removed) {
    if (moved.has(entry)) continue;
    const gap = gapOf(entry.path, gaps.after);
    const change = gap ? 'unknown' : 'removed';
    const reason = gap ? { reason: gap.reason } : {};
    changes.push({ path: entry.path, change, before: entry, aspects: [], ...reason });
  }
  return { changes: withoutFilledDirectories(changes).sort(byPath), same };
}

function aspectsOf(before: Entry, after: Entry, attributes: boolean): Aspect[] {
  if (before.type !== after.type) return ['type'];
  const aspects: Aspect[] = [];
  if (before.sha256 !== after.sha256 || before.size !== after.size) aspects.push('content');
  if (before.target !== after.target) aspects.push('target');
  // The mode of a link means nothing, and differs from system to system.
  if (attributes && after.type !== 'symlink' && before.mode !== after.mode) aspects.push('mode');
  if (attributes && (before.uid !== after.uid || before.gid !== after.gid)) aspects.push('owner');
  return aspects;
}

const isTelling = ({ type, size, sha256 }: Entry): boolean =>
  type === 'file' && size >= TELLING_BYTES && sha256 !== undefined;

const nameOf = (path: string): string => path.slice(path.lastIndexOf('/') + 1);

/** Removed files to added ones with the same content; those that keep their name find each other first. */
function pairs(removed: readonly Entry[], added: readonly Entry[]): Map<Entry, Entry> {
  const free = new Map<string, Entry[]>();
  for (const entry of added.filter(isTelling)) {
    const alike = free.get(entry.sha256!);
    if (alike) alike.push(entry);
    else free.set(entry.sha256!, [entry]);
  }
  const found = new Map<Entry, Entry>();
  const candidates = removed.filter((entry) => isTelling(entry) && free.has(entry.sha256!));
  const wanted = new Map<string, Entry[]>();
  for (const from of candidates) {
    const key = `${from.sha256}/${nameOf(from.path)}`;
    wanted.set(key, [...(wanted.get(key) ?? []), from]);
  }
  const taken = new Set<Entry>();
  for (const to of added.filter(isTelling)) {
    const from = wanted.get(`${to.sha256}/${nameOf(to.path)}`)?.shift();
    if (!from) continue;
    found.set(from, to);
    taken.add(to);
  }
  for (const from of candidates) {
    if (found.has(from)) continue;
    const alike = free.get(from.sha256!)!;
    while (alike[0] && taken.has(alike[0])) alike.shift();
    const to = alike.shift();
    if (to) found.set(from, to);
  }
  return found;
}

function firstByContent(entries: readonly Entry[]): Map<string, string> {
  const first = new Map<string, string>();
  for (const entry of entries) {
    if (isTelling(entry) && !first.has(entry.sha256!)) first.set(entry.sha256!, entry.path);
  }
  return first;
}

function gapOf(path: string, gaps: readonly Gap[]): Gap | undefined {
  return gaps.find((gap) => path === gap.path || path.startsWith(`${gap.path}/`));
}

/** A directory that came or went with what is in it is said by that. */
function withoutFilledDirectories(changes: readonly FileChange[]): FileChange[] {
  const filled = { added: new Set<string>(), removed: new Set<string>() };
  for (const { change, before, after } of changes) {
    if (after && change !== 'changed') addAbove(filled.added, after.path);
    if (before && change !== 'changed') addAbove(filled.removed, before.path);
  }
  return changes.filter(({ path, change, before, after }) => {
    const isDirectory = (after ?? before)!.type === 'dir';
    return !(isDirectory && (change === 'added' || change === 'removed') && filled[change].has(path));
  });
}

function addAbove(paths: Set<string>, path: string): void {
  for (let at = path.lastIndexOf('/'); at > 0; at = path.lastIndexOf('/', at - 1)) {
    const above = path.slice(0, at);
    if (paths.has(above)) return;
    paths.add(above);
  }
}

function byPath(a: FileChange, b: FileChange): number {
  return a.path < b.path ? -1 : a.path > b.path ? 1 : 0;
}
