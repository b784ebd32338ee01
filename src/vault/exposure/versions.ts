// What each file of the snapshots held, version by version. Each is read once; kept of it are names and keyed hashes,
// never a value.
import { type Mark, newMarker } from '../../compare/mark.ts';
import { type ValueKind, WHOLE_FILE } from '../../compare/named-value.ts';
import { isSecretFile, MAX_NAMED_BYTES, namedValues } from '../../compare/named-values.ts';
import type { Entry } from '../../pack/entry.ts';
import type { Contents } from '../documents/contents.ts';
import { readFiles } from '../read-files.ts';
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
  /** Reads those of a snapshot's files that were not read yet. @throws IntegrityError, and nothing of it is kept */
  read(vault: UnlockedVault, snapshot: Snapshot, contents: Contents): Promise<void>;
}

const keyOf = ({ path, sha256 }: Entry): string => `${sha256}/${path}`;

/** Versions under a random key of this run. */
export function newVersions(): Versions {
  const known = new Map<string, FileVersion>();
  const pool = new Map<string, MarkedValue>();
  const mark = newMarker();
  // Versions of a file share most of their values.
  const pooled = (path: string, value: MarkedValue): MarkedValue => {
    const key = `${path}\0${value.name}\0${value.mark}`;
    const same = pool.get(key);
    if (!same) pool.set(key, value);
    return same ?? value;
  };
  return {
    of: (entry) => known.get(keyOf(entry)) ?? (isLarge(entry) ? largeVersion(entry, mark) : undefined),
    async read(vault, snapshot, contents) {
      const wanted = new Set(
        contents.entries.filter((e) => e.type === 'file' && !isLarge(e) && !known.has(keyOf(e))),
      );
      if (wanted.size === 0) return;
      const found = new Map<string, FileVersion>();
      const take = async (entry: Entry, content: Buffer): Promise<void> => {
        const version = await versionOf(entry.path, content, mark);
        found.set(keyOf(entry), { ...version, values: version.values.map((v) => pooled(entry.path, v)) });
      };
      await readFiles(vault, snapshot, contents, {
        wants: (entry) => wanted.has(entry),
        file: take,
        open(entry) {
          const chunks: Buffer[] = [];
          return {
            write: (chunk) => void chunks.push(Buffer.from(chunk)),
            close: () => take(entry, Buffer.concat(chunks)),
          };
        },
      });
      // Only now is all of it proven.
      for (const [key, version] of found) known.set(key, version);
    },
  };
}

function isLarge({ size }: Entry): boolean {
  return size > MAX_NAMED_BYTES;
}

/** A large file is compared by the hash that the snapshot keeps of it anyway. */
function largeVersion({ path, sha256 = '' }: Entry, mark: Mark): FileVersion {
  const likely = isSecretFile(path);
  const digest = mark(Buffer.from(sha256)).toString('latin1');
  return {
    values: [{ name: WHOLE_FILE, kind: 'file', likely, mark: digest, telling: likely }],
    reason: 'is too large to look into',
  };
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
