// Reading a vault that stands at several places: which of them to go by, the newest vault document found at any, and what
// to take from another where this one has lost it. Nothing is believed for where it stands: all is verified as at the first.
import { createHash } from 'node:crypto';
import { IntegrityError, StrongroomError } from '../../errors.ts';
import type { CallOptions, Store, StoredObject } from '../../store/store.ts';
import type { ClientMemory } from '../client.ts';
import type { VaultDocument } from '../documents/vault-document.ts';
import { VAULT_DOCUMENTS } from '../layout.ts';
import type { Pin } from '../pin.ts';
import {
  type Candidate,
  type Candidates,
  newestGroups,
  noDocument,
  readCandidates,
  trustPinned,
} from '../trust.ts';
import { effectivePin, type VaultContext } from '../vault.ts';
import { type Named, namedBy } from './named-by.ts';

/** What there is to say of the places, for the caller to word. */
export type PlaceNews =
  /** Nothing can be read there, or there is no vault. */
  | { readonly code: 'fallback'; readonly from: string; readonly to: string; readonly error: StrongroomError }
  /** It shows an older vault document than another place. */
  | {
      readonly code: 'older-document';
      readonly at: string;
      readonly revision: number;
      readonly newest: Found;
    }
  /** One object of it is gone or damaged, and was read elsewhere. */
  | { readonly code: 'read-elsewhere'; readonly object: string; readonly from: string; readonly to: string };

export interface Found {
  readonly at: string;
  readonly revision: number;
}

/** Where to look for what is damaged or gone, and whom to tell. */
export interface Elsewhere {
  readonly stores: readonly Store[];
  say(news: PlaceNews): void;
}

interface Place {
  readonly store: Store;
  readonly found: Candidates;
}

/** How long a replica may take to show its vault documents, while the first place answers. */
const PATIENCE_MS = 5000;

/**
 * @param context of the vault's own place, the first
 * @param replicas further places
 * @param given the pin of the configuration
 * @returns a context to read by; as it was where no other place is of any use
 */
export async function anywhere(
  context: VaultContext,
  replicas: readonly Store[],
  given: Pin | undefined,
  say: (news: PlaceNews) => void,
): Promise<VaultContext> {
  const first = context.store;
  const pin = await effectivePin(context, given);
  const asked = [look(first, context.signal), ...replicas.map((store) => look(store, soon(context.signal)))];
  const looked = await Promise.all(asked);
  const places = looked.filter((one): one is Place => 'found' in one && isVault(one.found, pin));
  const [base] = places;
  if (!base) return context;
  const own = looked[0]!;
  if (base.store !== first) {
    const error = 'error' in own ? own.error : noneAt(first.location, own.found);
    say({ code: 'fallback', from: first.location, to: base.store.location, error });
  }
  const newest = newestOf(places, pin) ?? newestOf([base], pin);
  const here = newestOf([base], pin);
  if (newest && here && isNewer(newest.document, here.document)) {
    const holder = places.find((p) => p.found.candidates.some((c) => c.sha256 === newest.sha256)) ?? base;
    const found = { at: holder.store.location, revision: newest.document.revision };
    say({ code: 'older-document', at: base.store.location, revision: here.document.revision, newest: found });
  }
  const stores = places.slice(1).map((p) => p.store);
  return {
    ...context,
    store: newest ? overlay(places, newest.document, say) : base.store,
    memory: withPin(context.memory, base.store.location, pin),
    elsewhere: { stores, say },
  };
}

async function look(
  store: Store,
  signal: AbortSignal | undefined,
): Promise<Place | { readonly error: StrongroomError }> {
  try {
    return { store, found: await readCandidates(store, signal ? { signal } : {}) };
  } catch (error) {
    if (error instanceof StrongroomError) return { error };
    throw error;
  }
}

function soon(signal: AbortSignal | undefined): AbortSignal {
  const limit = AbortSignal.timeout(PATIENCE_MS);
  return signal ? AbortSignal.any([signal, limit]) : limit;
}

/** Whether there is a vault at all, and the one that is meant where that is known. */
function isVault({ candidates, newer }: Candidates, pin: Pin | undefined): boolean {
  if (newer.length > 0) return true;
  return candidates.some(({ document }) => !pin || document.vault === pin.vault);
}

/** The newest document that is trusted, of all places together. @returns undefined where nothing says which that is */
function newestOf(places: readonly Place[], pin: Pin | undefined): Candidate | undefined {
  const all: Candidates = {
    candidates: places.flatMap((p) => p.found.candidates),
    findings: [],
    newer: places[0]?.found.newer ?? [],
  };
  try {
    if (pin) return trustPinned(all, pin, places[0]!.store.location).current;
    const [only, ...others] = newestGroups(all);
    return others.length === 0 ? only : undefined;
  } catch (error) {
    // What whoever writes to a replica can bring about must not keep anybody from the vault.
    if (error instanceof StrongroomError) return undefined;
    throw error;
  }
}

function isNewer(a: VaultDocument, b: VaultDocument): boolean {
  return a.generation > b.generation || (a.generation === b.generation && a.revision > b.revision);
}

/** The first place, with the vault documents of all, and what the newest of those names wherever it is as it should be. */
function overlay(places: readonly Place[], newest: VaultDocument, say: (news: PlaceNews) => void): Store {
  const base = places[0]!.store;
  const isOurs = ({ document, signers }: Candidate) =>
    document.vault === newest.vault && newest.generations[document.generation - 1]?.authority === signers[0];
  const at = new Map<string, Store>();
  for (const { store, found } of places)
    for (const c of found.candidates)
      if (isOurs(c) && !at.has(c.document.object)) at.set(c.document.object, store);
  const named = new Map(namedBy(newest).map((ref) => [ref.object, ref]));
  const get = async (name: string, options: CallOptions & { maxBytes?: number }): Promise<Buffer | null> => {
    const ref = named.get(name);
    if (!ref) return await (at.get(name) ?? base).get(name, options);
    const bytes = await base.get(name, options).catch(orNothing);
    if (bytes && isIt(bytes, ref)) return bytes;
    for (const { store } of places.slice(1)) {
      const other = await store.get(name, options).catch(orNothing);
      if (!other || !isIt(other, ref)) continue;
      say({ code: 'read-elsewhere', object: name, from: base.location, to: store.location });
      return other;
    }
    return bytes ?? (await base.get(name, options));
  };
  return {
    location: base.location,
    ...(base.remote === undefined ? {} : { remote: base.remote }),
    ...(base.history ? { history: base.history } : {}),
    list: (prefix, options) =>
      prefix === VAULT_DOCUMENTS ? documents(base, at, options) : base.list(prefix, options),
    get: (name, options = {}) => get(name, options),
    create: (name, bytes, options) => base.create(name, bytes, options),
    remove: (names, options) => base.remove(names, options),
  };
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

function orNothing(error: unknown): null {
  if (error instanceof StrongroomError) return null;
  throw error;
}

function isIt(bytes: Buffer, { size, sha256 }: Named): boolean {
  const isLong = size === undefined || size === bytes.length;
  return isLong && createHash('sha256').update(bytes).digest('hex') === sha256;
}

/** What is known of the first place is known of a copy that is read in its stead. */
function withPin(memory: ClientMemory, location: string, pin: Pin | undefined): ClientMemory {
  return {
    pinFor: async (place) => (await memory.pinFor(place)) ?? (place === location ? pin : undefined),
    rememberPin: (place, known) => memory.rememberPin(place, known),
    vault: (id) => memory.vault(id),
    update: (id, change) => memory.update(id, change),
  };
}

function noneAt(location: string, found: Candidates): StrongroomError {
  if (found.candidates.length === 0) return noDocument(found, location);
  return new IntegrityError('foreign-vault', `the vault at ${location} is another one`, { object: location });
}
