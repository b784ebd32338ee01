// What a leak laid open: reads the exposed snapshots and the newest ones, each version of a file once, and says of
// every value whether it is still in use.
import type { Entry } from '../../pack/entry.ts';
import { type EachSnapshot, eachSnapshot, type UnreadSnapshot } from '../each-snapshot.ts';
import { CONTENTS_ARTIFACT, FILES_ARTIFACT } from '../layout.ts';
import type { Snapshot } from '../snapshots.ts';
import type { UnlockedVault } from '../vault.ts';
import type { ExposedGroup, ExposurePlan } from './plan.ts';
import { type ExposedValue, foldFile, type Sighting, see, type ValuePlace } from './sightings.ts';
import { type FileVersion, newVersions, type Versions } from './versions.ts';

export type { UnreadSnapshot } from '../each-snapshot.ts';

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

/** A reading under way. */
interface Reading extends EachSnapshot {
  readonly versions: Versions;
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
  const unread: UnreadSnapshot[] = [];
  const reading: Reading = { vault, versions: newVersions(), unread, progress };
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
  return { values, unread, dumps };
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
  await eachSnapshot(reading, readOf(exposed, newest), async (snapshot, contents) => {
    const { vault, versions } = reading;
    await versions.read(vault, snapshot, contents);
    const held = contents.entries
      .filter(({ type }) => type === 'file')
      .map((entry): [Entry, FileVersion] => [entry, versions.of(entry)!]);
    if (snapshot === newest) today = new Map(held.map(([{ path }, version]) => [path, version]));
    if (!isExposed.has(snapshot)) return;
    for (const [{ path, sha256 = '' }, version] of held) {
      const ofPath = sightings.get(path) ?? new Map<string, Sighting>();
      sightings.set(path, ofPath);
      see(ofPath, sha256, version, snapshot.time);
    }
  });
  return { group, today, sightings };
}
