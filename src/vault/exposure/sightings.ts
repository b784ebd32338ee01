// From which version of a file was in which snapshot to one line for each value: where, how often, from when to when,
// and whether it is still the same. Pure.
import { type ValueKind, WHOLE_FILE } from '../../compare/named-value.ts';
import type { FileVersion, MarkedValue } from './versions.ts';

/**
 * `moved`: gone or changed, but the same value is in use under another name. `unknown`: the newest snapshot could not
 * be read, or its file not be taken apart as it was before.
 */
export type ValueStatus = 'same' | 'moved' | 'changed' | 'gone' | 'unknown';

/** Of several versions the one that asks for most. */
const GRAVEST: readonly ValueStatus[] = ['same', 'moved', 'unknown', 'changed', 'gone'];

/** Where a value is in use now. */
export interface ValuePlace {
  readonly set: string;
  readonly host: string;
  readonly path: string;
  readonly name: string;
}

/** A value that a leak laid open, by its name. */
export interface ExposedValue {
  readonly set: string;
  readonly host: string;
  readonly path: string;
  readonly name: string;
  readonly kind: ValueKind;
  readonly likely: boolean;
  readonly facts?: Readonly<Record<string, string>>;
  /** Why its file is one value, where it seemed to be more. */
  readonly reason?: string;
  /** What is in the newest snapshot under this name: any value of those that were exposed, another, or nothing. */
  readonly status: ValueStatus;
  /** Where it is now; of a `moved` one. */
  readonly now: ValuePlace | undefined;
  /** In how many exposed snapshots the name is, and the times of the first and the last. */
  readonly snapshots: number;
  readonly first: string;
  readonly last: string;
}

/** The snapshots that hold one version of a file. */
export interface Sighting {
  readonly version: FileVersion;
  snapshots: number;
  first: string;
  last: string;
}

/** Notes that a snapshot holds a version. */
export function see(sightings: Map<string, Sighting>, key: string, version: FileVersion, time: string): void {
  const seen = sightings.get(key);
  if (!seen) {
    sightings.set(key, { version, snapshots: 1, first: time, last: time });
    return;
  }
  seen.snapshots += 1;
  if (time < seen.first) seen.first = time;
  if (time > seen.last) seen.last = time;
}

/** What the newest snapshots hold. */
export interface Today {
  /** The file's version; undefined when it is gone, null when nobody knows. */
  readonly version: FileVersion | undefined | null;
  /** Where a telling value is now, by its mark. */
  readonly places: ReadonlyMap<string, ValuePlace>;
}

/**
 * The values of one file.
 * @param sightings of its exposed versions
 * @returns in the order of the newest exposed version
 */
export function foldFile(
  place: Pick<ExposedValue, 'set' | 'host' | 'path'>,
  sightings: readonly Sighting[],
  { version: newest, places }: Today,
): ExposedValue[] {
  const marks = new Map(newest?.values.map(({ name, mark }) => [name, mark]));
  const statusOf = ({ name, mark, telling }: MarkedValue, { values }: FileVersion): ValueStatus => {
    const now = marks.get(name);
    if (newest === null) return 'unknown';
    if (now === mark) return 'same';
    if (telling && places.has(mark)) return 'moved';
    // A file that was taken apart, and is one value now: what was in it may be in it still.
    if (newest && now === undefined && isWhole(newest.values) !== isWhole(values)) return 'unknown';
    return now === undefined ? 'gone' : 'changed';
  };
  const folded = new Map<string, ExposedValue>();
  const byNewest = [...sightings].sort((a, b) => (a.last < b.last ? 1 : a.last > b.last ? -1 : 0));
  for (const { version, snapshots, first, last } of byNewest) {
    for (const value of version.values) {
      const { name, kind, likely, facts, mark } = value;
      const before = folded.get(name);
      const status = statusOf(value, version);
      const isGraver = !before || GRAVEST.indexOf(status) < GRAVEST.indexOf(before.status);
      const now = isGraver ? (status === 'moved' ? places.get(mark) : undefined) : before.now;
      folded.set(name, {
        ...place,
        name,
        kind,
        ...(facts ? { facts } : {}),
        ...(version.reason === undefined ? {} : { reason: version.reason }),
        last,
        ...before,
        likely: likely || (before?.likely ?? false),
        status: isGraver ? status : before.status,
        now,
        snapshots: snapshots + (before?.snapshots ?? 0),
        first: before && before.first < first ? before.first : first,
      });
    }
  }
  return [...folded.values()];
}

function isWhole(values: readonly MarkedValue[]): boolean {
  return values.length === 1 && values[0]!.name === WHOLE_FILE;
}
