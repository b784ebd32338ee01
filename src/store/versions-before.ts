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
 * A store as it was: of each name the newest version that is not younger than `time`, unless that removed it.
 *
 * @param today prefixes that are read as they are now: what says whom to trust must not come from the past
 * @throws UsageError `no-versions` when the place keeps none
 */
export function versionsBefore(store: Store, time: Date, today: readonly string[]): Store {
  const { history } = store;
  if (!history) {
    throw new UsageError('no-versions', `${store.location} keeps no versions of its objects`, {
      object: store.location,
      hint: 'only a bucket with versioning does; leave --versions-before out',
    });
  }
  const isToday = (name: string) => today.some((prefix) => name.startsWith(prefix));
  // By directory: a restore reads a few of many.
  const known = new Map<string, Promise<ReadonlyMap<string, StoredVersion>>>();
  const below = (directory: string, options: CallOptions) => {
    const found = known.get(directory) ?? asOf(history, directory, time, options);
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
      if (prefix !== '' && isToday(prefix)) return yield* store.list(prefix, options);
      const directory = prefix.slice(0, prefix.lastIndexOf('/') + 1);
      const found = [...(await below(directory, options)).values()];
      for (const version of found) if (version.name.startsWith(prefix)) yield version;
    },
    async get(name, options = {}) {
      checkObjectName(name);
      if (isToday(name)) return await store.get(name, options);
      const version = (await below(name.slice(0, name.lastIndexOf('/') + 1), options)).get(name);
      return version ? await history.get(name, version.version, options) : null;
    },
    create: async () => refuse(),
    remove: async () => refuse(),
  };
}

async function asOf(
  history: History,
  prefix: string,
  time: Date,
  options: CallOptions,
): Promise<ReadonlyMap<string, StoredVersion>> {
  const newest = new Map<string, StoredVersion>();
  for await (const version of history.list(prefix, options)) {
    const other = newest.get(version.name);
    if (version.modified <= time && !(other && isOlder(version, other))) newest.set(version.name, version);
  }
  const there = [...newest.values()].filter((version) => !version.isRemoval);
  there.sort((a, b) => (a.name < b.name ? -1 : 1));
  return new Map(there.map((version) => [version.name, version]));
}

// Times are whole seconds on some services: of two in one second the one that counts now is the newer.
function isOlder(one: StoredVersion, other: StoredVersion): boolean {
  const apart = one.modified.getTime() - other.modified.getTime();
  return apart < 0 || (apart === 0 && !one.isLatest);
}
