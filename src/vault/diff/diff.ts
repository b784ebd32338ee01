// What changed between two sides: files by their hashes, then, of those that differ, values by their names. Only files
// that differ are looked into, with the certificates and keys beside them.
import { isPemName, type KeyFact, type KeyPair, keyPairs, pairName } from '../../compare/key-pairs.ts';
import { newMarker } from '../../compare/mark.ts';
import { WHOLE_FILE } from '../../compare/named-value.ts';
import { NotFoundError } from '../../errors.ts';
import type { Entry } from '../../pack/entry.ts';
import { printableName } from '../../pack/names.ts';
import type { StreamInfo } from '../documents/streams.ts';
import { type FileVersion, newVersions, type Versions } from '../exposure/versions.ts';
import { entriesAt } from '../restore/plan.ts';
import { compareEntries, type FileChange } from './entries.ts';
import type { Side } from './side.ts';
import { compareValues, type FilePair, type FileValues } from './values.ts';

/** A file that changed, with what is in it; without `values` when neither side was looked into. */
export interface FileDiff extends FileChange {
  readonly values?: FileValues;
}

/**
 * Whether the sizes of a file may be said: not where they tell how long a secret is, as that of an env file with one
 * changed value does.
 */
export function tellsSize({ change, values }: FileDiff): boolean {
  return change !== 'moved' && !values?.isSecret && !(change === 'changed' && values?.isNamed);
}

export interface StreamChange {
  readonly name: string;
  readonly change: 'added' | 'removed' | 'changed';
  readonly before?: StreamInfo;
  readonly after?: StreamInfo;
}

export interface Diff {
  readonly before: Side;
  readonly after: Side;
  readonly files: readonly FileDiff[];
  /** Files that are the same. */
  readonly same: number;
  readonly streams: readonly StreamChange[];
  /** Streams of the snapshot where the other side is the files on disk: only a dump of now could tell. */
  readonly notCompared: readonly StreamInfo[];
  /** Private keys with their certificates, where either of the two came or changed. */
  readonly pairs: readonly KeyPair[];
}

export interface DiffOptions {
  /** Paths or globs, as `restore` takes them; everything when empty. */
  readonly paths?: readonly string[];
}

/** For the names of each side, about: some twenty thousand. Files beyond that are compared as a whole. */
const MAX_BYTES = { path: 8 * 2 ** 20, run: 8 * 2 ** 20 };
/** A larger file beside a certificate is no key. */
const MAX_PARTNER_BYTES = 256 * 1024;

/**
 * @throws NotFoundError `no-path` when neither side has what a path names; IntegrityError, StoreError,
 *   InterruptedError as reading does
 */
export async function diff(before: Side, after: Side, { paths = [] }: DiffOptions = {}): Promise<Diff> {
  const chosen = choose(before, after, paths);
  const isBetweenSnapshots = before.snapshot !== undefined && after.snapshot !== undefined;
  const { changes, same } = compareEntries(chosen.before, chosen.after, {
    attributes: isBetweenSnapshots,
    gaps: { before: before.gaps, after: after.gaps },
  });
  const mark = newMarker();
  const versions = { before: newVersions(MAX_BYTES, mark), after: newVersions(MAX_BYTES, mark) };
  const looked = changes.filter(isLookedInto);
  await versions.before.readFrom(
    looked.flatMap((c) => c.before ?? []),
    before.read,
  );
  const partners = partnersOf(looked, after.entries);
  await versions.after.readFrom([...looked.flatMap((c) => c.after ?? []), ...partners], after.read);
  const values = compareValues(looked.map((change) => pairOf(change, versions)));
  const valuesOf = new Map(looked.map((change, i) => [change, values[i]!]));
  const files = changes.map((change): FileDiff => {
    const own = valuesOf.get(change);
    return own ? { ...change, values: own } : change;
  });
  const streams = paths.length > 0 ? [] : compareStreams(before.streams, after.streams);
  const pairs = pairsOf(looked, partners, versions.after, files);
  return { before, after, files, same, streams, notCompared: onOneSide(before, after, paths), pairs };
}

function choose(before: Side, after: Side, paths: readonly string[]) {
  if (paths.length === 0) return { before: before.entries, after: after.entries };
  const chosen = { before: new Set<Entry>(), after: new Set<Entry>() };
  for (const path of paths) {
    const found = [entriesAt(before.entries, path), entriesAt(after.entries, path)] as const;
    if (found[0].length + found[1].length === 0) {
      throw new NotFoundError('no-path', `neither side holds anything that matches ${printableName(path)}`, {
        hint: 'paths are relative to the root of the set; see them with `strongroom show`',
      });
    }
    for (const entry of found[0]) chosen.before.add(entry);
    for (const entry of found[1]) chosen.after.add(entry);
  }
  return { before: [...chosen.before], after: [...chosen.after] };
}

/** Files whose content is on one side only. */
function isLookedInto({ change, aspects, before, after }: FileChange): boolean {
  if (change === 'moved' || change === 'unknown') return false;
  if (change === 'changed' && !aspects.includes('content') && !aspects.includes('type')) return false;
  return before?.type === 'file' || after?.type === 'file';
}

function pairOf(
  { before, after }: FileChange,
  versions: { readonly before: Versions; readonly after: Versions },
): FilePair {
  const side = (entry: Entry | undefined, ofSide: Versions) => {
    if (entry?.type !== 'file') return undefined;
    return { path: entry.path, version: ofSide.of(entry) ?? UNREAD };
  };
  const [earlier, later] = [side(before, versions.before), side(after, versions.after)];
  return { ...(earlier ? { before: earlier } : {}), ...(later ? { after: later } : {}) };
}

/** Of a file on disk that was written to meanwhile. */
const UNREAD: FileVersion = {
  values: [{ name: WHOLE_FILE, kind: 'file', likely: false, mark: '', telling: false }],
  reason: 'changed while it was read',
};

/** What is not changed itself, and belongs to a certificate or key that is. */
function partnersOf(changes: readonly FileChange[], entries: readonly Entry[]): Entry[] {
  const changed = new Set(changes.map(({ path }) => path));
  const wanted = new Set(changes.flatMap(({ path }) => (isPemName(path) ? pairName(path) : [])));
  if (wanted.size === 0) return [];
  return entries.filter(
    ({ path, type, size }) =>
      type === 'file' &&
      size <= MAX_PARTNER_BYTES &&
      !changed.has(path) &&
      isPemName(path) &&
      wanted.has(pairName(path)),
  );
}

function pairsOf(
  changes: readonly FileChange[],
  partners: readonly Entry[],
  versions: Versions,
  files: readonly FileDiff[],
): KeyPair[] {
  const entries = [...changes.flatMap(({ after }) => (after?.type === 'file' ? after : [])), ...partners];
  const facts = entries.flatMap((entry) => keyFacts(entry.path, versions.of(entry)));
  const fresh = new Set(
    files.flatMap((file) =>
      (file.values?.changes ?? []).map(({ path, name }) => JSON.stringify([path, name])),
    ),
  );
  const isFresh = ({ path, name }: KeyFact) => fresh.has(JSON.stringify([path, name]));
  return keyPairs(facts).filter(({ key, certificate }) => isFresh(key) || isFresh(certificate));
}

function keyFacts(path: string, version: FileVersion | undefined): KeyFact[] {
  return (version?.values ?? []).flatMap(({ name, kind, facts }) => {
    const publicKey = facts?.public_key;
    if (publicKey === undefined || (kind !== 'certificate' && kind !== 'private-key')) return [];
    return [{ path, name, kind, publicKey }];
  });
}

function onOneSide(before: Side, after: Side, paths: readonly string[]): readonly StreamInfo[] {
  if (paths.length > 0 || (before.streams !== undefined && after.streams !== undefined)) return [];
  return before.streams ?? after.streams ?? [];
}

function compareStreams(
  before: readonly StreamInfo[] | undefined,
  after: readonly StreamInfo[] | undefined,
): StreamChange[] {
  if (before === undefined || after === undefined) return [];
  const earlier = new Map(before.map((stream) => [stream.name, stream]));
  const changes = after.flatMap((stream): StreamChange[] => {
    const { name } = stream;
    const was = earlier.get(name);
    earlier.delete(name);
    if (!was) return [{ name, change: 'added', after: stream }];
    const isSame = was.sha256 === stream.sha256 && was.bytes === stream.bytes && was.type === stream.type;
    return isSame ? [] : [{ name, change: 'changed', before: was, after: stream }];
  });
  const removed = [...earlier.values()].map(
    (s): StreamChange => ({ name: s.name, change: 'removed', before: s }),
  );
  return [...changes, ...removed];
}
