// The values of one set and host, snapshot by snapshot, oldest first: when each came, changed and went. Pure; it holds
// names and keyed hashes, never a value.
import { isSample } from '../../compare/findings/environment.ts';
import { type ValueKind, WHOLE_FILE } from '../../compare/named-value.ts';
import { isSecretFile } from '../../compare/named-values.ts';
import type { Entry } from '../../pack/entry.ts';
import { printableName } from '../../pack/names.ts';
import { type FileVersion, type MarkedValue, TOO_MANY_NAMES } from '../exposure/versions.ts';
import type { Snapshot } from '../snapshots.ts';

/** Something that happened to a value. `first`: the oldest snapshot that there is has it. */
export interface ValueEvent {
  readonly snapshot: Snapshot;
  readonly what: 'first' | 'appeared' | 'changed' | 'removed';
  /** An earlier snapshot in which it had the same value: it was put back. */
  readonly backTo?: Snapshot;
}

export interface TimedValue {
  readonly path: string;
  readonly name: string;
  readonly kind: ValueKind;
  readonly likely: boolean;
  readonly present: boolean;
  readonly since: Snapshot;
  readonly sinceAs?: { readonly path: string; readonly name: string };
  readonly atLeast: boolean;
  readonly events: readonly ValueEvent[];
}

export interface Timeline {
  /** Whether a file has to be read before the snapshot is seen. */
  wants(entry: Entry): boolean;
  /** Whether a value of a file has to be kept; others are never asked for. */
  keeps(path: string, value: MarkedValue): boolean;
  /** @param versionOf of entries that were wanted */
  see(
    snapshot: Snapshot,
    entries: readonly Entry[],
    versionOf: (entry: Entry) => FileVersion | undefined,
  ): void;
  values(): TimedValue[];
  /** Names that a key may have meant. */
  similar(): string[];
  /** Paths of files whose names were too many to be kept. */
  cut(): string[];
}

interface Sighting {
  readonly snapshot: Snapshot;
  readonly path: string;
  readonly name: string;
}

interface Track {
  readonly path: string;
  readonly value: Pick<MarkedValue, 'name' | 'kind'>;
  likely: boolean;
  telling: boolean;
  mark: string;
  present: boolean;
  readonly events: ValueEvent[];
  /** The first snapshot with each value that it has had. */
  readonly had: Map<string, Sighting>;
}

/** The name without what its place in the file adds: `data.dsn` of `data.dsn (Secret shop/db)`. */
const bareName = (name: string): string => name.replace(/ \([^()]*\)(?: #\d+)?$/, '');

function isMeant(key: string, path: string, name: string): boolean {
  const names = [name, bareName(name)];
  return names.some((n) => n === key || `${path}:${n}` === key);
}

const isWhole = ({ values }: FileVersion): boolean => values.length === 1 && values[0]!.name === WHOLE_FILE;

const MAX_SIMILAR = 5;
/** Values of other names that are kept, to know a value again that had another name before. */
const MAX_OTHERS = 20_000;

/** @param key a name, `PATH:NAME`, or the path of a file; likely secrets where it is left out */
export function newTimeline(key?: string): Timeline {
  const tracks = new Map<string, Map<string, Track>>();
  /** Where likely secrets were first, under whatever name. */
  const firstSeen = new Map<string, Sighting>();
  /** By path, what the snapshot before had. */
  let last = new Map<string, string>();
  let oldest: Snapshot | undefined;
  const similar = new Set<string>();
  const cut = new Set<string>();
  let others = 0;
  const filePath = key?.replace(/^(?:\.\/)+/, '').replace(/^\//, '@outside/');

  function tracksOf(path: string): Map<string, Track> {
    const known = tracks.get(path) ?? new Map<string, Track>();
    tracks.set(path, known);
    return known;
  }

  function isTracked(path: string, { name, likely }: MarkedValue): boolean {
    if (key === undefined) return likely && !isSample(path);
    return isMeant(key, path, name) || (path === filePath && name === WHOLE_FILE);
  }

  function seeValue(snapshot: Snapshot, path: string, value: MarkedValue): void {
    const { name, mark } = value;
    const sighting: Sighting = { snapshot, path, name };
    if (value.telling && !firstSeen.has(mark)) firstSeen.set(mark, sighting);
    // One that is no longer likely is tracked on, or it would seem to be gone.
    if (!isTracked(path, value) && !tracks.get(path)?.has(name)) return;
    const ofPath = tracksOf(path);
    const { likely, telling } = value;
    const track: Track = ofPath.get(name) ?? {
      path,
      value: { name, kind: value.kind },
      likely,
      telling,
      mark,
      present: false,
      events: [],
      had: new Map(),
    };
    ofPath.set(name, track);
    if (!track.present || track.mark !== mark) {
      const what = snapshot === oldest ? 'first' : track.present ? 'changed' : 'appeared';
      const before = track.had.get(mark)?.snapshot;
      track.events.push({ snapshot, what, ...(before ? { backTo: before } : {}) });
    }
    if (!track.had.has(mark)) track.had.set(mark, sighting);
    Object.assign(track, { mark, telling, likely, present: true });
  }

  function seeGone(snapshot: Snapshot, track: Track): void {
    if (!track.present) return;
    track.present = false;
    track.events.push({ snapshot, what: 'removed' });
  }

  return {
    wants: ({ path, type, sha256 }) => type === 'file' && last.get(path) !== sha256,
    keeps(path, value) {
      if (isTracked(path, value)) return true;
      if (key !== undefined && similar.size < MAX_SIMILAR && isSimilar(key, value.name))
        similar.add(printableName(`${path}:${value.name}`));
      // Where the value was before under another name is worth some memory, not all.
      if (value.telling) others += 1;
      return (value.telling && others <= MAX_OTHERS) || value.name === WHOLE_FILE;
    },
    see(snapshot, entries, versionOf) {
      oldest ??= snapshot;
      const now = new Map<string, string>();
      for (const entry of entries) {
        const { path, type, sha256 = '' } = entry;
        if (type !== 'file') continue;
        now.set(path, sha256);
        if (last.get(path) === sha256) continue;
        const isFileMeant = path === filePath;
        const found = versionOf(entry);
        if (found?.reason === TOO_MANY_NAMES) cut.add(path);
        const version = found?.reason === TOO_MANY_NAMES ? undefined : found;
        const values = (version?.values ?? []).filter(({ name }) => !(isFileMeant && name === WHOLE_FILE));
        if (isFileMeant) values.push(wholeFile(entry));
        for (const value of values) seeValue(snapshot, path, value);
        // Of a file that could not be taken apart nobody knows what is in it.
        const known = version && !isWhole(version) ? new Set(values.map(({ name }) => name)) : undefined;
        for (const track of tracks.get(path)?.values() ?? [])
          if (known && !known.has(track.value.name)) seeGone(snapshot, track);
      }
      for (const [path, sha256] of last) {
        if (now.has(path)) continue;
        // What an incomplete snapshot lacks may have been there.
        if (!snapshot.complete) now.set(path, sha256);
        else for (const track of tracks.get(path)?.values() ?? []) seeGone(snapshot, track);
      }
      last = now;
    },
    values: () =>
      [...tracks.values()]
        .flatMap((ofPath) => [...ofPath.values()])
        .filter((track) => key !== undefined || track.likely)
        .map((track) => timed(track, firstSeen, oldest!)),
    similar: () => [...similar],
    cut: () => [...cut],
  };
}

function isSimilar(key: string, name: string): boolean {
  const last = key.toLowerCase().replace(/^.*[:.]/, '');
  return (
    last !== '' &&
    bareName(name)
      .toLowerCase()
      .split(/[.[\]]/)
      .includes(last)
  );
}

function wholeFile({ path, sha256 = '' }: Entry): MarkedValue {
  // It is not kept nor shown, and the snapshot itself says no less.
  return { name: WHOLE_FILE, kind: 'file', likely: isSecretFile(path), mark: sha256, telling: false };
}

function timed(track: Track, firstSeen: ReadonlyMap<string, Sighting>, oldest: Snapshot): TimedValue {
  const { path, value, likely, present, mark, telling, events, had } = track;
  const { name, kind } = value;
  const own = had.get(mark)!;
  const first = (telling ? firstSeen.get(mark) : undefined) ?? own;
  const isHere = first.snapshot === own.snapshot;
  return {
    path,
    name,
    kind,
    likely,
    present,
    since: first.snapshot,
    ...(isHere ? {} : { sinceAs: { path: first.path, name: first.name } }),
    atLeast: first.snapshot === oldest,
    events: [...events].reverse(),
  };
}
