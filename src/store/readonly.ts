// A store that reads and never writes, for --dry-run. A plan that tries to write is stopped here, whatever it is.

import { StoreError } from '../errors.ts';
import type { Store } from './store.ts';

/**
 * The same store, whose `create` and `remove` reject.
 *
 * @throws StoreError `read-only`, from the returned store's `create` and `remove`
 */
export function readonlyStore(store: Store): Store {
  return {
    location: store.location,
    list: (prefix, options) => store.list(prefix, options),
    get: (name, options) => store.get(name, options),
    create: async (name) => refuse('create', name),
    remove: async (names) => refuse('remove', names[0] ?? 'objects'),
  };

  function refuse(verb: string, name: string): never {
    throw new StoreError(
      'read-only',
      `will not ${verb} ${name}: ${store.location} is opened for reading only`,
      {
        object: name,
      },
    );
  }
}
