// What a client remembers between runs, and the cache of signatures it has verified: ports, filled in by
// src/host. Losing either costs time or an alarm, never a snapshot.
import type { PreviousRecord } from './documents/record.ts';
import type { Pin } from './pin.ts';

export interface VaultMemory {
  /** The highest revision of the vault document seen. */
  readonly revision: number;
  /** The newest generation seen, 0 for none, and its authority's fingerprint: a rotation that was believed once. */
  readonly generation: number;
  readonly authority: string;
  /**
   * Fingerprints of authorities that this client made, or that a person told it: a rotation that was cut off before its
   * pin was kept is its own.
   */
  readonly made: readonly string[];
  /** By set and place: the last record this host saw confirmed, for `previous`. */
  readonly wrote: Readonly<Record<string, PreviousRecord>>;
  /** By `set/host` and place: the newest record seen. Its disappearance without a ledger entry is an alarm. */
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

/**
 * The key of something that is remembered of one place. A vault may stand at several, and what went to a mistyped one
 * must not be missed at the right one.
 *
 * @param what a set, or `set/host`
 */
export function atPlace(what: string, location: string): string {
  return `${what} ${location}`;
}

export const EMPTY_MEMORY: VaultMemory = {
  revision: 0,
  generation: 0,
  authority: '',
  made: [],
  wrote: {},
  seen: {},
  unchanged: {},
};

/** A record whose signature was verified, as it was read then. */
export interface CachedRecord {
  readonly object: string;
  /** The store's mark of these bytes at this place; empty where it has none. */
  readonly etag: string;
  /** SHA-256 of the whole object. */
  readonly sha256: string;
  /** The public key that signed it. */
  readonly signer: string;
  /** The record as JSON, without its artifacts. */
  readonly record: string;
  /** Its artifacts as JSON, in short. */
  readonly artifacts: string;
}

/** Saves reading and verifying a record twice. Whether it counts is judged anew each time; `verify` never asks it. */
export interface RecordCache {
  /** By object name. */
  load(vault: string, location: string): Promise<ReadonlyMap<string, CachedRecord>>;
  /**
   * Adds what is new. A failure to write is not the command's.
   * @param known what `load` gave
   */
  save(
    vault: string,
    location: string,
    known: ReadonlyMap<string, CachedRecord>,
    added: readonly CachedRecord[],
  ): Promise<void>;
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
