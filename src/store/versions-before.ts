// Owns looking at a versioned place as it was at a time. Writes nothing.

import { StoreError, UsageError } from '../errors.ts';
import {
  type CallOptions,
  checkObjectName,
  checkPrefix,
  type History,
  type Store,
  type StoredObject,
  type StoredVersion,
} from './store.ts';

/**
 * A store as it was: what was there at `time`, each name with the bytes that it had first. Names are written once, so
 * whatever came later under one was written over it by somebody else.
 *
 * @param always prefixes of names that are never removed: all that ever stood there is there, whatever hides it now
 * @throws UsageError `no-versions` when the place keeps none
 */
export function versionsBefore(store: Store, time: Date, always: readonly string[]): Store {
  const { history } = store;
  if (!history) throw noVersions(store.location);
  // By directory: a restore reads a few of many.
  const known = new Map<string, Promise<ReadonlyMap<string, StoredVersion>>>();
  const below = (directory: string, options: CallOptions) => {
    const isAlways = always.some((prefix) => directory.startsWith(prefix));
    const found = known.get(directory) ?? asOf(history, directory, isAlways ? undefined : time, options);
    known.set(directory, found);
    return found;
  };
  const refuse = (): never => {
    throw new StoreError('read-only', `${store.location} is open as it was before: nothing can be written`);
  };
  return {
    location: store.location,
    ...(store.remote === undefined ? {} : { remote: store.remote }),
    async *list(prefix, options = {}): AsyncGenerator<StoredObject> {
      checkPrefix(prefix);
      const directory = prefix.slice(0, prefix.lastIndexOf('/') + 1);
      const found = [...(await below(directory, options)).values()];
      for (const version of found) if (version.name.startsWith(prefix)) yield version;
    },
    async get(name, options = {}) {
      checkObjectName(name);
      const version = (await below(name.slice(0, name.lastIndexOf('/') + 1), options)).get(name);
      return version ? await history.get(name, version.version, options) : null;
    },
    create: async () => refuse(),
    remove: async () => refuse(),
  };
}

export function noVersions(location: string): UsageError {
  return new UsageError('no-versions', `${location} keeps no versions of its objects`, {
    object: location,
    hint: 'only a bucket with versioning does; leave --versions-before out',
  });
}

/** @param time undefined for whatever there ever was */
async function asOf(
  history: History,
  prefix: string,
  time: Date | undefined,
  options: CallOptions,
): Promise<ReadonlyMap<string, StoredVersion>> {
  const versions = new Map<string, StoredVersion[]>();
  for await (const version of history.list(prefix, options)) {
    const others = versions.get(version.name);
    if (others) others.push(version);
    else versions.set(version.name, [version]);
  }
  const there = [...versions.values()].flatMap((all) => {
    const first = all.filter((version) => !version.isRemoval).reduce(older, undefined);
    if (time === undefined) return first ?? [];
    const last = all.filter((version) => version.modified <= time).reduce(newer, undefined);
    return first && last && !last.isRemoval ? first : [];
  });
  there.sort((a, b) => (a.name < b.name ? -1 : 1));
  return new Map(there.map((version) => [version.name, version]));
}

function older(one: StoredVersion | undefined, other: StoredVersion): StoredVersion {
  return one && !isNewer(one, other) ? one : other;
}

function newer(one: StoredVersion | undefined, other: StoredVersion): StoredVersion {
  return one && isNewer(one, other) ? one : other;
}

// Times are whole seconds on some services: of two in one second the one that counts now is the newer.
function isNewer(one: StoredVersion, other: StoredVersion): boolean {
  const apart = one.modified.getTime() - other.modified.getTime();
  return apart > 0 || (apart === 0 && one.isLatest);
}
