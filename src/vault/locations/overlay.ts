// One store out of several places: the first of them, with the vault documents of all, the records and the ledger of all,
// and what the newest document names wherever it is as it should be. It only reads elsewhere, and writes nothing there.
import { createHash } from 'node:crypto';
import { StrongroomError } from '../../errors.ts';
import { NAMESPACES } from '../../sign/authority.ts';
import { openDocumentAsync } from '../../sign/document.ts';
import type { CallOptions, ListOptions, Store, StoredObject } from '../../store/store.ts';
import type { VaultDocument } from '../documents/vault-document.ts';
import { isFault } from '../finding.ts';
import { LEDGER, LIMITS, SNAPSHOTS, VAULT_DOCUMENTS } from '../layout.ts';
import type { Candidates } from '../trust.ts';
import { isOf } from './agree.ts';
import type { PlaceNews } from './anywhere.ts';
import { type Named, namedBy } from './named-by.ts';

export interface Place {
  readonly store: Store;
  readonly found: Candidates;
}

export interface Overlay {
  readonly store: Store;
  /** As of `Elsewhere`. */
  readAt(object: string): string | undefined;
}

/** How long a replica may take to list what it has, beside the first place. */
const LISTING_MS = 30_000;

type Get = (name: string, options?: CallOptions & { maxBytes?: number }) => Promise<Buffer | null>;

/** @param newest the document to judge by @param places the first is the one that counts where all is well */
export function overlay(
  places: readonly Place[],
  newest: VaultDocument,
  say: (news: PlaceNews) => void,
): Overlay {
  const [base, ...others] = places.map(({ store }) => store) as [Store, ...Store[]];
  const at = new Map<string, Store>();
  for (const { store, found } of places)
    for (const c of found.candidates)
      if (isOf(newest, c) && !at.has(c.document.object)) at.set(c.document.object, store);
  const named = new Map(namedBy(newest).map((ref) => [ref.object, ref]));
  const signers = new Set([...newest.hosts.map((h) => h.key), ...newest.generations.map((g) => g.authority)]);
  const elsewhere = new Map<string, string>();

  /** From the first place where it is what it should be; if at none, as it is at the first. */
  const getSound = async (
    name: string,
    options: CallOptions & { maxBytes?: number },
    isSound: (bytes: Buffer) => boolean | Promise<boolean>,
    other: (store: Store) => Promise<Buffer | null>,
  ): Promise<Buffer | null> => {
    const first = await settle(base.get(name, options));
    if ('value' in first && first.value && (await isSound(first.value))) return first.value;
    for (const store of others) {
      const found = await other(store).catch(orNothing);
      if (!found || !(await isSound(found))) continue;
      elsewhere.set(name, store.location);
      return found;
    }
    if ('error' in first) throw first.error;
    return first.value;
  };

  const getNamed = async (name: string, options: CallOptions & { maxBytes?: number }, ref: Named) => {
    const bytes = await getSound(
      name,
      options,
      (found) => isIt(found, ref),
      (store) => store.get(name, options),
    );
    const to = elsewhere.get(name);
    if (to !== undefined) say({ code: 'read-elsewhere', object: name, from: base.location, to });
    return bytes;
  };

  // What the first place lists may be cut short, so its size bounds nothing elsewhere. One at a time, for the same reason.
  let turn: Promise<unknown> = Promise.resolve();
  const getSigned = async (name: string, options: CallOptions & { maxBytes?: number }) => {
    const { maxBytes: _, ...call } = options;
    const maxBytes = name.startsWith(LEDGER) ? LIMITS.ledger : LIMITS.reencryption;
    return await getSound(
      name,
      options,
      (bytes) => isSigned(bytes, name, signers),
      (store) => {
        const mine = turn.then(() => store.get(name, { ...call, maxBytes }));
        turn = mine.catch(() => {});
        return mine;
      },
    );
  };

  const get: Get = async (name, options = {}) => {
    if (name.startsWith(VAULT_DOCUMENTS)) return await (at.get(name) ?? base).get(name, options);
    const ref = named.get(name);
    if (ref) return await getNamed(name, options, ref);
    return isMerged(name) && others.length > 0
      ? await getSigned(name, options)
      : await base.get(name, options);
  };
  const store: Store = {
    location: base.location,
    ...(base.remote === undefined ? {} : { remote: base.remote }),
    ...(base.history ? { history: base.history } : {}),
    list(prefix, options) {
      if (prefix === VAULT_DOCUMENTS) return documents(base, at, options);
      return isMerged(prefix) && others.length > 0
        ? merged(places, prefix, options, say)
        : base.list(prefix, options);
    },
    get,
    create: (name, bytes, options) => base.create(name, bytes, options),
    remove: (names, options) => base.remove(names, options),
  };
  return { store, readAt: (object) => elsewhere.get(object) };
}

function isMerged(name: string): boolean {
  return name.startsWith(SNAPSHOTS) || name.startsWith(LEDGER);
}

async function* documents(
  base: Store,
  at: ReadonlyMap<string, Store>,
  options: CallOptions = {},
): AsyncGenerator<StoredObject> {
  const listed = new Set<string>();
  for await (const object of base.list(VAULT_DOCUMENTS, options)) {
    listed.add(object.name);
    yield object;
  }
  // Their store's time is asked nowhere but of the place itself.
  for (const name of at.keys()) if (!listed.has(name)) yield { name, size: 0, modified: new Date(0) };
}

/** What any place lists, as the first of them that has it does. */
async function* merged(
  places: readonly Place[],
  prefix: string,
  options: ListOptions = {},
  say: (news: PlaceNews) => void,
): AsyncGenerator<StoredObject> {
  const { signal } = options;
  const limit = AbortSignal.timeout(LISTING_MS);
  const soon = { ...options, signal: signal ? AbortSignal.any([signal, limit]) : limit };
  const listings = await Promise.all(
    places.map(({ store }, i) => settle(listed(store, prefix, i === 0 ? options : soon))),
  );
  const [first] = listings;
  if (first && 'error' in first) {
    const another = listings.findIndex((one) => 'value' in one);
    if (another < 0) throw first.error;
    const [from = '', to = ''] = [places[0], places[another]].map((place) => place?.store.location);
    say({ code: 'fallback', from, to, error: first.error });
  }
  const all = new Map<string, StoredObject>();
  for (const [i, listing] of listings.entries()) {
    if ('error' in listing) continue;
    for (const object of listing.value) {
      if (all.has(object.name)) continue;
      // The mark of one place says nothing at another.
      const { etag: _, ...unmarked } = object;
      all.set(object.name, i === 0 ? object : unmarked);
    }
  }
  for (const name of [...all.keys()].sort()) yield all.get(name)!;
}

async function listed(store: Store, prefix: string, options: ListOptions): Promise<StoredObject[]> {
  const objects: StoredObject[] = [];
  for await (const object of store.list(prefix, options)) objects.push(object);
  return objects;
}

/** Whether somebody of this vault signed it under this name; whether it counts is judged by whoever asked for it. */
async function isSigned(bytes: Buffer, name: string, keys: ReadonlySet<string>): Promise<boolean> {
  const isLedger = name.startsWith(LEDGER);
  const namespace = isLedger ? NAMESPACES.ledger : NAMESPACES.record;
  const maxBytes = isLedger ? LIMITS.ledger : LIMITS.reencryption;
  try {
    const { signers, parse } = await openDocumentAsync(bytes, { namespace, object: name, maxBytes });
    return signers.some((key) => keys.has(key)) && parse().object === name;
  } catch (error) {
    if (!isFault(error)) throw error;
    return false;
  }
}

function isIt(bytes: Buffer, { size, sha256 }: Named): boolean {
  const isLong = size === undefined || size === bytes.length;
  return isLong && createHash('sha256').update(bytes).digest('hex') === sha256;
}

async function settle<T>(
  promise: Promise<T>,
): Promise<{ readonly value: T } | { readonly error: StrongroomError }> {
  try {
    return { value: await promise };
  } catch (error) {
    if (error instanceof StrongroomError) return { error };
    throw error;
  }
}

function orNothing(error: unknown): null {
  if (error instanceof StrongroomError) return null;
  throw error;
}
