// One backup in several places: what is written to the vault is written to its replicas too, the same bytes under the same
// names. What a replica does never fails the backup; it is out of it from then on, and its failure is kept.
import { ConflictError, StoreError, StrongroomError } from '../../errors.ts';
import type { Store } from '../../store/store.ts';
import { SNAPSHOTS } from '../layout.ts';

/** A further place that a vault's backups go to. */
export interface Replica {
  readonly location: string;
  readonly store: Store;
  /** Why it has no more part in this run; undefined while all goes well. */
  failure: StrongroomError | undefined;
}

const CLEAN_UP_MS = 3000;

/**
 * The vault's own store, whose `create` and `remove` reach the replicas too. All else is asked of the vault's own alone. A
 * record goes to the vault first: where that has none, no replica may.
 */
export function everywhere(first: Store, replicas: readonly Replica[]): Store {
  const written = new Map<Replica, string[]>();
  const live = () => replicas.filter((replica) => replica.failure === undefined);
  const copy = async (replica: Replica, name: string, bytes: Uint8Array, signal?: AbortSignal) => {
    const mine = written.get(replica) ?? [];
    written.set(replica, mine);
    mine.push(name);
    try {
      const outcome = await replica.store.create(name, bytes, signal ? { signal } : {});
      if (outcome === 'exists') throw taken(name, replica.location);
      // From here on the snapshot stands there.
      if (name.startsWith(SNAPSHOTS)) written.delete(replica);
    } catch (error) {
      if (!(error instanceof StrongroomError)) throw error;
      replica.failure = error;
      written.delete(replica);
      // Last written first, as the record may have come through.
      if (!isAway(error)) await clean(replica.store, mine.reverse());
    }
  };
  return {
    location: first.location,
    ...(first.remote === undefined ? {} : { remote: first.remote }),
    ...(first.history ? { history: first.history } : {}),
    ...(first.holds ? { holds: first.holds } : {}),
    list: (prefix, options) => first.list(prefix, options),
    get: (name, options) => first.get(name, options),
    async create(name, bytes, options = {}) {
      const also = () => Promise.all(live().map((replica) => copy(replica, name, bytes, options.signal)));
      if (name.startsWith(SNAPSHOTS)) {
        const outcome = await first.create(name, bytes, options);
        if (outcome === 'created') await also();
        return outcome;
      }
      // The bytes are the caller's again once this returns, however it ends.
      const [outcome] = await Promise.allSettled([first.create(name, bytes, options), also()]);
      if (outcome.status === 'rejected') throw outcome.reason;
      return outcome.value;
    },
    async remove(names, options) {
      const cleaning = live().map((replica) => clean(replica.store, names));
      await first.remove(names, options).finally(() => Promise.all(cleaning));
    },
  };
}

/** Without a record it is only room that it takes. */
async function clean(store: Store, names: readonly string[]): Promise<void> {
  await store.remove(names, { signal: AbortSignal.timeout(CLEAN_UP_MS) }).catch(() => {});
}

function isAway(error: StrongroomError): boolean {
  return error instanceof StoreError && error.code === 'store-unreachable';
}

function taken(name: string, location: string): ConflictError {
  return new ConflictError('object-exists', `${name} exists already at ${location}`, {
    object: name,
    hint: 'nothing but this backup knows that name: find out who can write there',
  });
}
