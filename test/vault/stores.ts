// Stores that misbehave, or may not do everything, over a real one.

import { StoreError } from '../../src/errors.ts';
import type { Store } from '../../src/store/store.ts';

/** What a call is about to do. */
export interface Call {
  readonly verb: 'list' | 'get' | 'create' | 'remove';
  readonly name: string;
  /** How many `create` calls there were before. */
  readonly creates: number;
}

export interface Watched extends Store {
  /** `create NAME`, `remove NAME` in the order in which they were asked for. */
  readonly writes: string[];
}

/**
 * A store that asks before each call, and after each `create`. Whatever `before` or `after` throws, the call throws.
 */
export function watched(
  store: Store,
  before: (call: Call) => void | Promise<void> = () => {},
  after: (call: Call) => void | Promise<void> = () => {},
): Watched {
  let creates = 0;
  const writes: string[] = [];
  return {
    location: store.location,
    writes,
    async *list(prefix, options) {
      await before({ verb: 'list', name: prefix, creates });
      yield* store.list(prefix, options);
    },
    async get(name, options) {
      await before({ verb: 'get', name, creates });
      return await store.get(name, options);
    },
    async create(name, bytes, options) {
      const call: Call = { verb: 'create', name, creates: creates++ };
      writes.push(`create ${name}`);
      await before(call);
      const result = await store.create(name, bytes, options);
      await after(call);
      return result;
    },
    async remove(names, options) {
      for (const name of names) {
        writes.push(`remove ${name}`);
        await before({ verb: 'remove', name, creates });
        await store.remove([name], options);
      }
    },
  };
}

export function denied(what: string): StoreError {
  return new StoreError('store-denied', `may not ${what}`, { object: what });
}

/** What a role that may only create sees. */
export function putOnly(store: Store): Watched {
  return watched(store, ({ verb }) => {
    if (verb !== 'create') throw denied(verb);
  });
}

/** Thrown where a process would have been killed: nothing that runs afterwards may reach the store. */
export class Killed extends Error {}

/** A store that is gone, for good, when `count` objects have been created. */
export function killedAfter(store: Store, count: number): Store {
  let isDead = false;
  return watched(store, ({ verb, creates }) => {
    isDead ||= verb === 'create' && creates >= count;
    if (isDead) throw new Killed('killed');
  });
}
