// What a leak laid open: reads the exposed snapshots and the newest ones, each version of a file once, and says of
// every value whether it is still in use.
import { NotFoundError, type StrongroomError } from '../../errors.ts';
import type { Entry } from '../../pack/entry.ts';
import { readSnapshotContents } from '../artifact-read.ts';
import type { Contents } from '../documents/contents.ts';
import { isFault } from '../finding.ts';
import { CONTENTS_ARTIFACT, FILES_ARTIFACT } from '../layout.ts';
import type { Snapshot } from '../snapshots.ts';
import type { UnlockedVault } from '../vault.ts';
import type { ExposedGroup, ExposurePlan } from './plan.ts';
import { type ExposedValue, foldFile, type Sighting, see, type ValuePlace } from './sightings.ts';
import { type FileVersion, newVersions, type Versions } from './versions.ts';

export interface UnreadSnapshot {
  readonly snapshot: Snapshot;
  readonly error: StrongroomError;
}

export interface Exposure {
  readonly values: readonly ExposedValue[];
  /** Exposed or newest snapshots that are damaged, so that it is not known what they hold. */
  readonly unread: readonly UnreadSnapshot[];
  /** Exposed snapshots that hold more than files, such as the dump of a database, which nobody looks into. */
  readonly dumps: readonly Snapshot[];
}

export interface ExposureOptions {
  onProgress?(progress: { readonly done: number; readonly of: number }): void;
}

/** Contents that are read at once: what waits for the network is short, what takes memory is bounded. */
const BATCH = 8;
const BATCH_ENTRIES = 20_000;

/** A reading under way. */
interface Reading {
  readonly vault: UnlockedVault;
  readonly versions: Versions;
  readonly unread: UnreadSnapshot[];
  readonly progress: () => void;
}

/** What the snapshots of a group held. */
interface GroupVersions {
  readonly group: ExposedGroup;
  /** The newest snapshot's files; null when it could not be read. */
  readonly today: ReadonlyMap<string, FileVersion> | null;
  /** By path, and by the SHA-256 of the version. */
  readonly sightings: ReadonlyMap<string, ReadonlyMap<string, Sighting>>;
}

/**
 * Reads what a plan names.
 * @throws StoreError; InterruptedError; a snapshot that is damaged is reported in `unread`
 */
export async function findExposure(
  vault: UnlockedVault,
  { groups }: ExposurePlan,
  { onProgress }: ExposureOptions = {},
): Promise<Exposure> {
  const of = groups.reduce((sum, { exposed, newest }) => sum + readOf(exposed, newest).length, 0);
  let done = 0;
  const progress = () => {
    done += 1;
    onProgress?.({ done, of });
  };
  const reading: Reading = { vault, versions: newVersions(), unread: [], progress };
  const read: GroupVersions[] = [];
  for (const group of groups) read.push(await readGroup(reading, group));
  const places = placesOf(read);
  const values = read.flatMap(({ group, today, sightings }) =>
    [...sightings.entries()]
      .sort(([a], [b]) => (a < b ? -1 : 1))
      .flatMap(([path, seen]) => {
        const { set, host } = group;
        const version = today === null ? null : today.get(path);
        return foldFile({ set, host, path }, [...seen.values()], { version, places });
      }),
  );
  const dumps = groups
    .flatMap((group) => group.exposed)
    .filter((s) => s.artifacts.some(({ name }) => name !== FILES_ARTIFACT && name !== CONTENTS_ARTIFACT));
  return { values, unread: reading.unread, dumps };
}

/** The exposed ones, and the newest where it is none of them. */
function readOf(exposed: readonly Snapshot[], newest: Snapshot): readonly Snapshot[] {
  return exposed.includes(newest) ? exposed : [...exposed, newest];
}

/** Where each likely secret of the newest snapshots is. */
function placesOf(read: readonly GroupVersions[]): Map<string, ValuePlace> {
  const places = new Map<string, ValuePlace>();
  for (const { group, today } of read) {
    const { set, host } = group;
    for (const [path, { values }] of today ?? []) {
      for (const { name, mark, telling } of values) {
        if (telling && !places.has(mark)) places.set(mark, { set, host, path, name });
      }
    }
  }
  return places;
}

async function readGroup(reading: Reading, group: ExposedGroup): Promise<GroupVersions> {
  const { exposed, newest } = group;
  const isExposed = new Set(exposed);
  const sightings = new Map<string, Map<string, Sighting>>();
  let today: ReadonlyMap<string, FileVersion> | null = null;
  for (const batch of batchesOf(readOf(exposed, newest))) {
    const read = await Promise.all(batch.map((snapshot) => contentsOf(reading, snapshot)));
    for (const [i, contents] of read.entries()) {
      const snapshot = batch[i]!;
      const held = contents && (await versionsOf(reading, snapshot, contents));
      reading.progress();
      if (!held) continue;
      if (snapshot === newest) today = new Map(held.map(([{ path }, version]) => [path, version]));
      if (!isExposed.has(snapshot)) continue;
      for (const [{ path, sha256 = '' }, version] of held) {
        const ofPath = sightings.get(path) ?? new Map<string, Sighting>();
        sightings.set(path, ofPath);
        see(ofPath, sha256, version, snapshot.time);
      }
    }
  }
  return { group, today, sightings };
}

function batchesOf(snapshots: readonly Snapshot[]): Snapshot[][] {
  const batches: Snapshot[][] = [];
  let entries = 0;
  for (const snapshot of snapshots) {
    const last = batches.at(-1);
    if (last && last.length < BATCH && entries + snapshot.entries <= BATCH_ENTRIES) {
      last.push(snapshot);
      entries += snapshot.entries;
    } else {
      batches.push([snapshot]);
      entries = snapshot.entries;
    }
  }
  return batches;
}

/** @returns undefined when it is damaged, which is noted */
async function contentsOf(reading: Reading, snapshot: Snapshot): Promise<Contents | undefined> {
  return await orUnread(reading, snapshot, () => readSnapshotContents(reading.vault, snapshot));
}

/** What a snapshot's files are. @returns undefined when it is damaged, which is noted */
async function versionsOf(
  reading: Reading,
  snapshot: Snapshot,
  contents: Contents,
): Promise<[Entry, FileVersion][] | undefined> {
  return await orUnread(reading, snapshot, async () => {
    await reading.versions.read(reading.vault, snapshot, contents);
    return contents.entries
      .filter(({ type }) => type === 'file')
      .map((entry): [Entry, FileVersion] => [entry, reading.versions.of(entry)!]);
  });
}

async function orUnread<T>(
  { unread }: Reading,
  snapshot: Snapshot,
  read: () => Promise<T>,
): Promise<T | undefined> {
  try {
    return await read();
  } catch (error) {
    if (!isFault(error) && !(error instanceof NotFoundError)) throw error;
    unread.push({ snapshot, error });
    return undefined;
  }
}
