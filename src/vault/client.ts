// What a client remembers between runs, and the cache of signatures it has verified: ports, filled in by
// src/host. Losing either costs time or an alarm, never a snapshot.
import type { PreviousRecord } from './documents/record.ts';
import type { Pin } from './pin.ts';

export interface VaultMemory {
  /** The highest revision of the vault document seen. */
  readonly revision: number;
  /** By set: the last record this host saw confirmed, for `previous`. */
  readonly wrote: Readonly<Record<string, PreviousRecord>>;
  /** By `set/host`: the newest record seen. Its disappearance without a ledger entry is an alarm. */
  readonly seen: Readonly<Record<string, PreviousRecord>>;
  /** By set: what `--skip-unchanged` compares. */
  readonly unchanged: Readonly<Record<string, UnchangedMark>>;
}

export interface UnchangedMark {
  /** Random key of the hash, base64: a plain hash of a secret could be guessed from. */
  readonly key: string;
  /** HMAC-SHA256 over location, pin, configuration and every entry, hex. */
  readonly mark: string;
  readonly snapshot: string;
  readonly time: string;
}

export interface ClientMemory {
  /** The pin remembered for a location, as ssh remembers a host. */
  pinFor(location: string): Promise<Pin | undefined>;
  rememberPin(location: string, pin: Pin): Promise<void>;
  vault(id: string): Promise<VaultMemory>;
  /** Reads, changes and writes as one step, also between processes. */
  update(id: string, change: (memory: VaultMemory) => VaultMemory): Promise<void>;
}

export const EMPTY_MEMORY: VaultMemory = { revision: 0, wrote: {}, seen: {}, unchanged: {} };

/** Digest of a whole signed object to the public key that signed it. Never used by `verify`. */
export interface VerifiedCache {
  load(vault: string): Promise<ReadonlyMap<string, string>>;
  /** Adds what is new. A failure to write is not one of the command's. */
  add(vault: string, verified: ReadonlyMap<string, string>): Promise<void>;
}

/** For library callers that keep nothing between calls. */
export function noMemory(): ClientMemory {
  const pins = new Map<string, Pin>();
  const vaults = new Map<string, VaultMemory>();
  return {
    async pinFor(location) {
      return pins.get(location);
    },
    async rememberPin(location, pin) {
      pins.set(location, pin);
    },
    async vault(id) {
      return vaults.get(id) ?? EMPTY_MEMORY;
    },
    async update(id, change) {
      vaults.set(id, change(vaults.get(id) ?? EMPTY_MEMORY));
    },
  };
}
