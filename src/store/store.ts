// The port: what strongroom asks of a place that holds bytes, and the names it may hold there. It knows no
// vault, no format and no adapter.

import { IntegrityError, InterruptedError } from '../errors.ts';

/** One object as a listing shows it. */
export interface StoredObject {
  readonly name: string;
  /** Bytes. */
  readonly size: number;
  /** When the store last wrote it, by the store's own clock: a writer cannot choose it. */
  readonly modified: Date;
  /** Changes whenever the bytes under this name do; undefined where the store has no such mark. */
  readonly etag?: string;
}

export interface CallOptions {
  /** When it fires, the call throws InterruptedError and leaves nothing half-done. */
  signal?: AbortSignal;
}

export interface CreateOptions extends CallOptions {
  /** Nobody may remove these bytes until the hold is lifted. A store without `holds` ignores it. */
  hold?: boolean | undefined;
}

export interface ListOptions extends CallOptions {
  /** Names that are probably there, ascending, for a place that can list faster when it knows. */
  expected?: readonly string[];
}

/**
 * Write-once objects under '/'-separated names. Every adapter passes test/contract/store.ts.
 *
 * No name may be another name plus '/…': a directory cannot hold both. All methods throw StoreError
 * (`store-full`, `store-denied`, `store-unreachable`) for what the place does, IntegrityError for what somebody
 * put there that is no object, and InterruptedError when the signal fires. A caller bounds how many calls it has
 * under way.
 */
export interface Store {
  /** As a person would write it: an absolute directory path, an s3:// URL, or 'memory:'. */
  readonly location: string;

  /** Each call is a trip over a network, and who may write there may lack the right to read. */
  readonly remote?: boolean;

  /** What the place keeps of objects that were overwritten or removed, where it can. */
  readonly history?: History;

  /** Holds on objects, where the place keeps them and the settings say so. */
  readonly holds?: Holds;

  /**
   * Every object whose name starts with `prefix` (at any depth, also in the middle of a segment; '' is all),
   * ascending in byte order. Never `tmp/`, nor anything whose name is no object name. What is listed is only
   * claimed to be there: `get` may still refuse it.
   *
   * @throws IntegrityError `bad-object-name` for a prefix that no name can start with
   */
  list(prefix: string, options?: ListOptions): AsyncIterable<StoredObject>;

  /**
   * The whole object, or null when there is none.
   *
   * @param options.maxBytes refuse a larger one before reading it; never above MAX_OBJECT_BYTES
   * @throws IntegrityError `object-too-large`, `not-an-object`, `object-cut-short`, `bad-object-name`
   */
  get(name: string, options?: CallOptions & { maxBytes?: number }): Promise<Buffer | null>;

  /**
   * Writes an object unless its name is taken: never overwrites, and is durable when it says 'created'. The
   * bytes are not copied, so they must not change until it returns.
   *
   * @throws IntegrityError `object-too-large`, `bad-object-name`
   */
  create(name: string, bytes: Uint8Array, options?: CreateOptions): Promise<'created' | 'exists'>;

  /**
   * Removes objects; one that is not there is fine. Those under one top-level directory are gone before those that
   * come after them in the list and are under another. All names are checked before the first is removed.
   *
   * @throws IntegrityError `bad-object-name`
   */
  remove(names: readonly string[], options?: CallOptions): Promise<void>;
}

/** One of the versions that a place keeps of a name. */
export interface StoredVersion extends StoredObject {
  readonly version: string;
  /** It is what counts now. */
  readonly isLatest: boolean;
  /** It says that the name was gone from then on, and has no bytes. */
  readonly isRemoval: boolean;
}

/** Throws as the methods of `Store` do. */
export interface History {
  /** Every version of every object whose name starts with `prefix`, in no order. */
  list(prefix: string, options?: CallOptions): AsyncIterable<StoredVersion>;
  /** The bytes of one version, or null when it is not there. */
  get(name: string, version: string, options?: CallOptions & { maxBytes?: number }): Promise<Buffer | null>;
  /** How long a version stays, whoever asks for its removal; null when it is not there. */
  keptUntil?(name: string, version: string, options?: CallOptions): Promise<Kept | null>;
}

/** As far as this role may know it: some services say nothing to a role that may not ask. */
export interface Kept {
  /** Nobody removes the version before; left out: nothing says so. */
  readonly until?: Date;
  /** Nobody removes it before the hold is lifted. */
  readonly hold: boolean;
}

/**
 * Holds keep the bytes that an object has now until somebody lifts them: its name may go, as in any bucket with versions,
 * but the version stays. Throws as the methods of `Store` do.
 */
export interface Holds {
  /**
   * Puts a hold on objects, or lifts it. To lift one from an object that is not there is fine. All names are checked before
   * the first is changed; after a failure some have been.
   *
   * @throws IntegrityError `missing-object` for a hold on what is not there; `bad-object-name`
   */
  set(names: readonly string[], on: boolean, options?: CallOptions): Promise<void>;
}

/**
 * No object of a vault comes near it (parts are at most 16 MiB). Without a bound, a sparse file of a terabyte
 * planted in the store would be enough to kill a reader.
 */
export const MAX_OBJECT_BYTES = 64 * 1024 * 1024;

const SEGMENT = '[A-Za-z0-9][A-Za-z0-9._-]{0,254}';
// One pattern for all of it: a listing asks of ten thousand names.
const PATH = new RegExp(`^${SEGMENT}(?:/${SEGMENT})*$`);
const maxNameLength = 512;

/**
 * Names come from documents that others wrote, so path traversal is the attack. A name is one or more segments
 * of at most 255 bytes, [A-Za-z0-9][A-Za-z0-9._-]*, joined by '/', at most 512 bytes in all, and not under `tmp`.
 *
 * @returns the name, unchanged
 * @throws IntegrityError `bad-object-name`
 */
export function checkObjectName(name: string): string {
  if (!isObjectName(name)) throw badName(name, 'is no object name');
  return name;
}

/** Whether `checkObjectName` would accept it. */
export function isObjectName(name: string): boolean {
  return isPath(name) && name !== 'tmp' && !name.startsWith('tmp/');
}

/**
 * A prefix is the beginning of a name: whole segments, then possibly the beginning of one more.
 *
 * @returns the prefix, unchanged
 * @throws IntegrityError `bad-object-name`
 */
export function checkPrefix(prefix: string): string {
  const whole = prefix === '' || prefix.endsWith('/') ? `${prefix}x` : prefix;
  if (!isPath(whole)) throw badName(prefix, 'begins no object name');
  return prefix;
}

function isPath(name: string): boolean {
  return typeof name === 'string' && name.length <= maxNameLength && PATH.test(name);
}

/** @throws IntegrityError `object-too-large` when an object of `size` bytes passes `limit` */
export function checkSize(name: string, size: number, limit: number = MAX_OBJECT_BYTES): void {
  const most = Math.min(limit, MAX_OBJECT_BYTES);
  if (size <= most) return;
  throw new IntegrityError('object-too-large', `${name} has ${size} bytes, more than the ${most} allowed`, {
    object: name,
    hint: 'nothing strongroom writes there is that large; look at who can write to the store',
  });
}

/** @throws InterruptedError when the signal has fired */
export function checkSignal(signal: AbortSignal | undefined): void {
  if (signal?.aborted) throw new InterruptedError('interrupted', 'interrupted');
}

// A hostile name may hold terminal escapes or be very long: only its printable beginning is repeated.
function badName(name: string, words: string): IntegrityError {
  const shown = String(name)
    .slice(0, 80)
    .replace(/[^\x20-\x7e]/g, '?');
  return new IntegrityError('bad-object-name', `'${shown}' ${words}`, {
    object: shown,
    hint: 'the document that names it is damaged or hostile; do not follow it',
  });
}
