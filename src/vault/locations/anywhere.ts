// Reading a vault that stands at several places: which of them to go by, the newest vault document found at any, and what
// to take from another where this one has lost it. Nothing is believed for where it stands: all is verified as at the first.
import { StrongroomError } from '../../errors.ts';
import type { Store } from '../../store/store.ts';
import type { ClientMemory } from '../client.ts';
import type { Pin } from '../pin.ts';
import type { Snapshot } from '../snapshot.ts';
import { type Candidates, noDocument, readCandidates } from '../trust.ts';
import { effectivePin, type VaultContext } from '../vault.ts';
import { agreeOn, foreignVault, isAfter, ownOf } from './agree.ts';
import { overlay, type Place } from './overlay.ts';

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
  /** The documents of the places contradict each other: what the first one shows alone counts. */
  | { readonly code: 'disputed'; readonly at: string; readonly error: StrongroomError }
  /** One object of it is gone or damaged, and was read elsewhere. */
  | { readonly code: 'read-elsewhere'; readonly object: string; readonly from: string; readonly to: string }
  /** Records of it are, of snapshots that count. */
  | {
      readonly code: 'records-elsewhere';
      readonly newest: Snapshot;
      readonly count: number;
      readonly from: string;
      readonly to: string;
    };

export interface Found {
  readonly at: string;
  readonly revision: number;
}

/** Where to look for what is damaged or gone, and whom to tell. */
export interface Elsewhere {
  readonly stores: readonly Store[];
  /** The vault's own place: what was seen there must be at one of them. */
  readonly first: string;
  say(news: PlaceNews): void;
  /** Where an object was read that is gone or damaged at the place that is read; undefined for all others. */
  readAt(object: string): string | undefined;
}

/** How long a replica may take to show its vault documents, while the first place answers. */
const PATIENCE_MS = 5000;

/**
 * @param context of the vault's own place, the first
 * @param replicas further places
 * @param given the pin of the configuration
 * @returns a context to read by; as it was where no other place is of any use
 * @throws IntegrityError `two-successors` and the like, where the place that would be read shows one of the two
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
  const { store } = base;
  const own = looked[0]!;
  if (store !== first) {
    const error = 'error' in own ? own.error : noneAt(first.location, own.found);
    say({ code: 'fallback', from: first.location, to: store.location, error });
  }
  const shown = places.map((p) => p.found);
  const { newest, dispute } = agreeOn(shown, pin, store.location);
  if (dispute) say({ code: 'disputed', at: store.location, error: dispute });
  const memory = withPin(context.memory, store.location, pin);
  const told = { first: first.location, say };
  if (!newest) {
    const stores = places.slice(1).map((p) => p.store);
    return { ...context, store, memory, elsewhere: { ...told, stores, readAt: () => undefined } };
  }
  const { document } = newest;
  const here = ownOf(document, base.found)[0]?.document;
  if (here && isAfter(document, here)) {
    const holder = places.find((p) => p.found.candidates.some((c) => c.sha256 === newest.sha256)) ?? base;
    const found = { at: holder.store.location, revision: document.revision };
    say({ code: 'older-document', at: store.location, revision: here.revision, newest: found });
  }
  // What is of another vault has nothing to add.
  const ours = places.filter((place) => place === base || ownOf(document, place.found).length > 0);
  const merged = overlay(ours, document, say);
  const stores = ours.slice(1).map((p) => p.store);
  return { ...context, store: merged.store, memory, elsewhere: { ...told, stores, readAt: merged.readAt } };
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
  return found.candidates.length === 0 ? noDocument(found, location) : foreignVault(location);
}
