// A store that lives as long as the process: for tests and for trying things out. It keeps the contract, not bytes.

import { StoreError } from '../errors.ts';
import {
  type CallOptions,
  checkObjectName,
  checkPrefix,
  checkSignal,
  checkSize,
  type Store,
  type StoredObject,
} from './store.ts';

/**
 * @param options.clock the store's own clock
 * @param options.maxBytes how much it holds in all before it is full (`store-full`); unlimited when absent
 */
export function memoryStore(options: { clock?: () => Date; maxBytes?: number } = {}): Store {
  const { clock = () => new Date(), maxBytes = Number.POSITIVE_INFINITY } = options;
  return new MemoryStore(clock, maxBytes);
}

class MemoryStore implements Store {
  readonly location = 'memory:';
  readonly #objects = new Map<string, { bytes: Buffer; modified: Date }>();
  readonly #clock: () => Date;
  readonly #capacity: number;
  #used = 0;

  constructor(clock: () => Date, capacity: number) {
    this.#clock = clock;
    this.#capacity = capacity;
  }

  async *list(prefix: string, { signal }: CallOptions = {}): AsyncGenerator<StoredObject> {
    checkPrefix(prefix);
    checkSignal(signal);
    // Names are ASCII, so the default order is byte order.
    const names = [...this.#objects.keys()].filter((name) => name.startsWith(prefix)).sort();
    for (const name of names) {
      checkSignal(signal);
      const found = this.#objects.get(name);
      if (found) yield { name, size: found.bytes.length, modified: new Date(found.modified) };
    }
  }

  async get(
    name: string,
    { signal, maxBytes }: CallOptions & { maxBytes?: number } = {},
  ): Promise<Buffer | null> {
    checkObjectName(name);
    checkSignal(signal);
    const found = this.#objects.get(name);
    if (found === undefined) return null;
    checkSize(name, found.bytes.length, maxBytes);
    return Buffer.from(found.bytes);
  }

  async create(name: string, bytes: Uint8Array, { signal }: CallOptions = {}): Promise<'created' | 'exists'> {
    checkObjectName(name);
    checkSize(name, bytes.length);
    checkSignal(signal);
    if (this.#objects.has(name)) return 'exists';
    if (this.#used + bytes.length > this.#capacity) {
      throw new StoreError('store-full', `cannot create ${name} in memory: no space left`, { object: name });
    }
    this.#used += bytes.length;
    this.#objects.set(name, { bytes: Buffer.from(bytes), modified: new Date(this.#clock()) });
    return 'created';
  }

  async remove(names: readonly string[], { signal }: CallOptions = {}): Promise<void> {
    names.forEach(checkObjectName);
    checkSignal(signal);
    for (const name of names) {
      this.#used -= this.#objects.get(name)?.bytes.length ?? 0;
      this.#objects.delete(name);
    }
  }
}
