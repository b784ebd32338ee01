// One side of a comparison: a snapshot, or the files on disk now. What it lists is known at once; what is in a file is
// read only when it is asked for. Compares nothing.
import { hash } from 'node:crypto';
import { closeSync } from 'node:fs';
import { InterruptedError } from '../../errors.ts';
import type { Source } from '../../pack/collect.ts';
import type { Entry } from '../../pack/entry.ts';
import { packSources } from '../../pack/pack.ts';
import { readWhole } from '../../pack/read.ts';
import { readSnapshotContents } from '../artifact-read.ts';
import { type BackupSources, planBackup } from '../backup/plan.ts';
import type { StreamInfo } from '../documents/streams.ts';
import type { ReadWhole } from '../exposure/versions.ts';
import { readWholeFiles } from '../read-files.ts';
import type { Snapshot } from '../snapshots.ts';
import type { UnlockedVault } from '../vault.ts';

/** Something that may be there and could not be had, so that nobody knows whether it was removed. */
export interface Gap {
  /** Of an entry, with all below it. Not safe to print as it is. */
  readonly path: string;
  readonly reason: string;
}

export interface Side {
  /** Undefined for the files on disk. */
  readonly snapshot?: Snapshot;
  readonly entries: readonly Entry[];
  /** Undefined where nobody knows what a dump would hold: on disk. */
  readonly streams?: readonly StreamInfo[];
  readonly gaps: readonly Gap[];
  readonly read: ReadWhole;
}

/** @throws IntegrityError, StoreError, InterruptedError, as reading a snapshot does */
export async function snapshotSide(vault: UnlockedVault, snapshot: Snapshot): Promise<Side> {
  const contents = await readSnapshotContents(vault, snapshot);
  return {
    snapshot,
    entries: contents.entries,
    streams: contents.streams,
    gaps: contents.warnings.filter((w) => w.incomplete && isGap(w.kind)),
    read: (wanted, take) => readWholeFiles(vault, snapshot, contents, wanted, take),
  };
}

/** A pattern that names nothing leaves no doubt: what it named is gone. */
const isGap = (kind: string): boolean => kind !== 'missing';

export interface LiveOptions {
  readonly signal?: AbortSignal;
  /** Without any secret: what a deployment refers to may be named by it. */
  readonly env?: Readonly<Record<string, string | undefined>>;
  readonly onProgress?: (done: { readonly files: number; readonly bytes: number }) => void;
}

/**
 * Finds and hashes the files of a set, as a backup would. Writes nothing.
 * @throws UsageError as `planBackup`; InterruptedError
 */
export async function liveSide(sources: BackupSources, now: Date, options: LiveOptions = {}): Promise<Side> {
  const { signal, env } = options;
  const found = await planBackup(sources, now, { ...(signal ? { signal } : {}), ...(env ? { env } : {}) });
  // Packing empties the list.
  const byPath = new Map(found.sources.map((source) => [source.path, source]));
  const packed = packSources(found.sources, options);
  for await (const _ of packed.stream);
  const { entries, problems } = packed.result();
  return {
    entries,
    gaps: [...found.problems, ...problems].filter((p) => p.incomplete && isGap(p.kind)),
    async read(wanted, take) {
      for (const entry of wanted) {
        if (signal?.aborted) throw new InterruptedError('interrupted', 'interrupted');
        const content = await contentOf(byPath.get(entry.path)!, entry);
        if (content) await take(entry, content);
      }
    },
  };
}

/** @returns undefined when the file is no longer what was hashed */
async function contentOf(source: Source, entry: Entry): Promise<Buffer | undefined> {
  const read = await readWhole(source);
  if (!('content' in read)) {
    if ('fd' in read) closeSync(read.fd);
    return undefined;
  }
  return hash('sha256', read.content) === entry.sha256 ? read.content : undefined;
}
