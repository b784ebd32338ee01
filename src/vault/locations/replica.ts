// Whether a place may take a vault's backups, and whether they would open there.
import { IntegrityError, NotFoundError, StoreError, StrongroomError } from '../../errors.ts';
import type { VaultDocument } from '../documents/vault-document.ts';
import { KEYS } from '../layout.ts';
import type { Pin } from '../pin.ts';
import { type Candidates, readCandidates, trustPinned } from '../trust.ts';
import type { VaultContext } from '../vault.ts';
import { isAfter } from './agree.ts';
import { areApart, samePlace } from './apart.ts';
import type { Replica } from './everywhere.ts';

/** What a replica is held to. */
export interface Expected {
  /** That backups go by. */
  readonly pin: Pin;
  /** The newest vault document that this machine knows of. */
  readonly known?: Pick<VaultDocument, 'generation' | 'revision'>;
  /** The public key that this machine signs with. */
  readonly host?: string;
}

/** How long a look at a replica may take, before a backup begins. */
const LOOK_MS = 30_000;

/**
 * Before anything is written: a replica that is the vault itself, or another replica.
 * @param replicas those get a `failure`: `same-place`
 */
export function refuseSame(first: VaultContext['store'], replicas: readonly Replica[]): void {
  const places = [first];
  for (const replica of replicas) {
    if (replica.failure) continue;
    const same = places.find((place) => !areApart(place, replica.store));
    if (same) replica.failure = samePlace(same.location, replica.location);
    else places.push(replica.store);
  }
}

/**
 * Looks for the vault at a replica: a disk that is not mounted, or a slip in a name, is an empty place. One that may not be
 * looked at is taken as it is.
 * @param replica gets a `failure`: `no-copy`, `foreign-vault`, `replica-slow`, or what the place says; or `behind`:
 *   `replica-behind`, or why its vault documents cannot be believed
 */
export async function checkReplica(
  context: Pick<VaultContext, 'signal'>,
  replica: Replica,
  expected: Expected,
): Promise<void> {
  const { store, location } = replica;
  const limit = AbortSignal.timeout(LOOK_MS);
  const signal = context.signal ? AbortSignal.any([context.signal, limit]) : limit;
  try {
    const found = await readCandidates(store, { signal });
    if (!found.candidates.some((c) => c.document.vault === expected.pin.vault)) {
      replica.failure = found.candidates.length === 0 ? noCopy(location) : foreign(location);
      return;
    }
    const keys = new Set<string>();
    for await (const { name } of store.list(KEYS, { signal })) keys.add(name);
    const behind = lagOf(found, keys, location, expected);
    if (behind) replica.behind = behind;
  } catch (error) {
    if (!(error instanceof StrongroomError)) throw error;
    if (error instanceof StoreError && error.code === 'store-denied') return;
    replica.failure = limit.aborted && !context.signal?.aborted ? noAnswer(location) : error;
  }
}

/** Why what is encrypted to the pin's key now, and signed by this host, may not open or not count there. */
function lagOf(
  found: Candidates,
  keys: ReadonlySet<string>,
  location: string,
  { pin, known = pin, host }: Expected,
): StrongroomError | undefined {
  try {
    const { document } = trustPinned(found, pin, location).current;
    const newest = isAfter(known, pin) ? known : pin;
    if (isAfter(newest, document)) {
      const isKey = newest.generation > document.generation;
      const [has, lacks] = isKey
        ? [`key number ${document.generation}`, `number ${newest.generation}`]
        : [`revision ${document.revision} of the vault document`, `${newest.revision}`];
      return behind(location, `has ${has}, and not yet ${lacks}`);
    }
    if (host !== undefined && !document.hosts.some((h) => h.key === host && h.removed === undefined))
      return behind(location, 'does not list this host yet');
    const { slots, generations } = document;
    const isOpen = slots.some(({ object }) => keys.has(object));
    const isLed = generations.every(({ previous }) => previous === null || keys.has(previous.object));
    return isOpen && isLed ? undefined : behind(location, 'lacks keys of the vault');
  } catch (error) {
    if (!(error instanceof IntegrityError)) throw error;
    return error.code === 'foreign-vault'
      ? behind(location, `has not key number ${pin.generation} yet`)
      : error;
  }
}

function behind(location: string, how: string): IntegrityError {
  return new IntegrityError('replica-behind', `the replica at ${location} ${how}`, {
    object: location,
    hint: `run \`strongroom copy --to ${location}\` on a machine that may read the vault: until then what is written there may not open there, or not count`,
  });
}

function noAnswer(location: string): StoreError {
  return new StoreError(
    'replica-slow',
    `the replica at ${location} gave no answer in ${LOOK_MS / 1000} seconds`,
    {
      object: location,
      hint: `run \`strongroom copy --to ${location}\` when it is back`,
    },
  );
}

function noCopy(location: string): NotFoundError {
  return new NotFoundError('no-copy', `the replica at ${location} holds no vault`, {
    object: location,
    hint: `check that its disk is there; a new one needs \`strongroom copy --to ${location}\` first, on a machine that may read the vault`,
  });
}

function foreign(location: string): IntegrityError {
  return new IntegrityError('foreign-vault', `the replica at ${location} is of another vault`, {
    object: location,
    hint: 'name another place under replicas',
  });
}
