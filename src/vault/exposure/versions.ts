// What each file of the snapshots held, version by version. Each is read once; kept of it are names and keyed hashes,
// never a value.
import { type Mark, newMarker } from '../../compare/mark.ts';
import { type ValueKind, WHOLE_FILE } from '../../compare/named-value.ts';
import { isSecretFile, MAX_NAMED_BYTES, namedValues } from '../../compare/named-values.ts';
import type { Entry } from '../../pack/entry.ts';
import type { Contents } from '../documents/contents.ts';
import { readWholeFiles } from '../read-files.ts';
import type { Snapshot } from '../snapshots.ts';
import type { UnlockedVault } from '../vault.ts';

/** A value without itself. */
export interface MarkedValue {
  readonly name: string;
  readonly kind: ValueKind;
  readonly likely: boolean;
  readonly facts?: Readonly<Record<string, string>>;
  /** Equal for equal values, within one run. */
  readonly mark: string;
  /** Whether it can be known again elsewhere: a likely secret, and too long to be the same by chance. */
  readonly telling: boolean;
}

const TELLING_BYTES = 6;

export interface FileVersion {
  readonly values: readonly MarkedValue[];
  /** Why it is one value although it seemed to be more. */
  readonly reason?: string;
}

export interface Versions {
  /** The version of an entry that was read. */
  of(entry: Entry): FileVersion | undefined;
  /**
   * Reads those of a snapshot's files that were not read yet.
   * @param wants which files; all where it is left out
   * @throws IntegrityError, and nothing of it is kept
   */
  read(
    vault: UnlockedVault,
    snapshot: Snapshot,
    contents: Contents,
    wants?: (entry: Entry) => boolean,
  ): Promise<void>;
  /** As `read`, from wherever the files are. @throws whatever `read` throws, and nothing of it is kept */
  readFrom(entries: Iterable<Entry>, read: ReadWhole): Promise<void>;
}

/** Hands over each wanted file, whole and proven; a file that is not handed over was not to be had. */
export type ReadWhole = (
  wanted: ReadonlySet<Entry>,
  take: (entry: Entry, content: Buffer) => Promise<void>,
) => Promise<void>;

/**
 * Bytes of memory, about, that the values of one path and of all may take over all their versions. Whoever is backed
 * up could otherwise stop the reading by files that are small and hold many names.
 */
const MAX_PATH_BYTES = 8 * 2 ** 20;
const MAX_RUN_BYTES = 96 * 2 ** 20;
/** What a value takes besides its name, and in each further version that has it. */
const VALUE_BYTES = 300;
const REFERENCE_BYTES = 8;

const keyOf = ({ path, sha256 }: Entry): string => `${sha256}/${path}`;

/** What is kept of the values of one path. */
interface Kept {
  readonly values: Map<string, MarkedValue>;
  bytes: number;
}

/**
 * Versions under a random key of this run.
 * @param maxBytes that its values may take, about; a file for which none are left is one value
 * @param mark of others that they are compared with
 * @param keeps which values; all where it is left out
 */
export function newVersions(
  maxBytes = { path: MAX_PATH_BYTES, run: MAX_RUN_BYTES },
  mark: Mark = newMarker(),
  keeps: (path: string, value: MarkedValue) => boolean = () => true,
): Versions {
  const known = new Map<string, FileVersion>();
  const pool = new Map<string, Kept>();
  let bytes = 0;
  // Nothing much would fit any more, and taking files apart takes time.
  const isFull = () => bytes > 0.95 * maxBytes.run;
  // Versions of a file share most of their values.
  const kept = (entry: Entry, { values: all, reason }: FileVersion): FileVersion => {
    const version = {
      values: all.filter((value) => keeps(entry.path, value)),
      ...(reason ? { reason } : {}),
    };
    const ofPath = pool.get(entry.path) ?? { values: new Map<string, MarkedValue>(), bytes: 0 };
    pool.set(entry.path, ofPath);
    const keys = version.values.map((value) => `${value.mark}${value.name}`);
    const cost = version.values.reduce(
      (sum, value, i) => sum + REFERENCE_BYTES + (ofPath.values.has(keys[i]!) ? 0 : bytesOf(value)),
      0,
    );
    if (ofPath.bytes + cost > maxBytes.path || bytes + cost > maxBytes.run) return unkept(entry, mark);
    ofPath.bytes += cost;
    bytes += cost;
    const values = version.values.map((value, i) => {
      const same = ofPath.values.get(keys[i]!);
      if (!same) ofPath.values.set(keys[i]!, value);
      return same ?? value;
    });
    return { ...version, values };
  };
  const readFrom: Versions['readFrom'] = async (entries, read) => {
    const wanted = new Set<Entry>();
    for (const entry of entries)
      if (entry.type === 'file' && !isLarge(entry) && !known.has(keyOf(entry))) wanted.add(entry);
    if (wanted.size === 0) return;
    const found = new Map<string, FileVersion>();
    await read(wanted, async (entry, content) => {
      const version = isFull()
        ? unkept(entry, mark)
        : kept(entry, await versionOf(entry.path, content, mark));
      found.set(keyOf(entry), version);
    });
    // Only now is all of it proven.
    for (const [key, version] of found) known.set(key, version);
  };
  return {
    of: (entry) => known.get(keyOf(entry)) ?? (isLarge(entry) ? largeVersion(entry, mark) : undefined),
    async read(vault, snapshot, contents, wants = () => true) {
      const read: ReadWhole = (wanted, take) => readWholeFiles(vault, snapshot, contents, wanted, take);
      await readFrom(contents.entries.filter(wants), read);
    },
    readFrom,
  };
}

function isLarge({ size }: Entry): boolean {
  return size > MAX_NAMED_BYTES;
}

const largeVersion = (entry: Entry, mark: Mark): FileVersion =>
  wholeVersion(entry, mark, isSecretFile(entry.path), 'is too large to look into');

/** Why a file is one value for which there was no memory left. */
export const TOO_MANY_NAMES = 'has more names than are kept of all files';

const unkept = (entry: Entry, mark: Mark): FileVersion => wholeVersion(entry, mark, true, TOO_MANY_NAMES);

/** A file that is not looked into is compared by the hash that the snapshot keeps of it anyway. */
function wholeVersion({ sha256 = '' }: Entry, mark: Mark, likely: boolean, reason: string): FileVersion {
  const digest = mark(Buffer.from(sha256)).toString('latin1');
  return { values: [{ name: WHOLE_FILE, kind: 'file', likely, mark: digest, telling: likely }], reason };
}

function bytesOf({ name, facts = {} }: MarkedValue): number {
  // The name stands in its key, too.
  const texts = [name, name, ...Object.values(facts)];
  return VALUE_BYTES + texts.reduce((sum, text) => sum + 2 * text.length, 0);
}

async function versionOf(path: string, content: Buffer, mark: Mark): Promise<FileVersion> {
  const { values, reason } = await namedValues(path, content);
  return {
    values: values.map(({ name, kind, likely, facts, reveal }) => {
      const value = reveal();
      const telling = likely && value.length >= TELLING_BYTES;
      const own = { name, kind, likely, telling, mark: mark(value).toString('latin1') };
      return facts ? { ...own, facts } : own;
    }),
    ...(reason === undefined ? {} : { reason }),
  };
}
