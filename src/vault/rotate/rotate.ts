// Rotation: a new identity for the vault, its keys made anew for those who keep them, and the old identity kept where
// only the new one opens it (docs/format.md sections 4 and 10). Snapshots are re-encrypted elsewhere.
import { encryptBytes } from '../../crypt/age.ts';
import { recipientKind } from '../../crypt/identity.ts';
import { ConflictError, UnlockError, UsageError } from '../../errors.ts';
import type { Credential, NewKey } from '../../keys/method.ts';
import { newestGeneration, type Slot, type VaultDocument } from '../documents/vault-document.ts';
import { makeGeneration } from '../generation.ts';
import { keyNamed } from '../keys/names.ts';
import { opens } from '../keys/trial.ts';
import { previousName } from '../layout.ts';
import { referenceTo } from '../named-object.ts';
import { type Pin, pinOf } from '../pin.ts';
import { tryToRemember, tryToRememberPin } from '../remember.ts';
import { type Revision, revise } from '../revise.ts';
import { plaintextOf, type WrappedKey, wrapSlot } from '../slots.ts';
import type { UnlockedVault } from '../vault.ts';

export interface RotateOptions {
  /** The host or person who does it. */
  readonly by: string;
  /** Names of keys that shall not open the vault any more. */
  readonly without: readonly string[];
  /** Somebody may hold the identity: everything that it opens counts as exposed. */
  readonly compromised: boolean;
  /** Snapshots are to be re-encrypted: whoever finds the vault half-way knows that it is not done. */
  readonly reencrypt: boolean;
  /** Change to a hybrid identity; else the kind stays. */
  readonly postQuantum?: boolean;
  /** The way to make a key anew; undefined when nobody is there to give what it takes. */
  keyFor(slot: Slot): Promise<NewKey | undefined>;
  /** What is at hand to try the new keys with. */
  readonly credentials: readonly Credential[];
}

/** Rotations that a client remembers having begun. */
const KEPT = 8;

export interface RotationPlan {
  /** The generation to come. */
  readonly generation: number;
  /** Keys that are made anew. */
  readonly kept: readonly { readonly slot: Slot; readonly key: NewKey }[];
  readonly without: readonly Slot[];
  /** Keys that nobody is there to give, to be added later. */
  readonly leftOut: readonly Slot[];
}

export interface Rotation {
  readonly vault: UnlockedVault;
  readonly plan: RotationPlan;
  readonly pin: Pin;
  /** Whether this machine keeps the pin; its disk may be full. */
  readonly isRemembered: boolean;
  /** Keys that were made, with why nothing at hand opened them; no reason when something did. */
  readonly made: readonly { readonly name: string; readonly untested?: string }[];
}

/**
 * @throws NotFoundError `no-such-key`; ConflictError `last-key`
 */
export async function planRotation(
  document: VaultDocument,
  { without, keyFor }: Pick<RotateOptions, 'without' | 'keyFor'>,
): Promise<RotationPlan> {
  const removed = without.map((name) => keyNamed(document.slots, name));
  const kept: { slot: Slot; key: NewKey }[] = [];
  const leftOut: Slot[] = [];
  for (const slot of document.slots) {
    if (without.includes(slot.name)) continue;
    const key = await keyFor(slot);
    if (key) kept.push({ slot, key });
    else leftOut.push(slot);
  }
  if (kept.length === 0) {
    const others =
      leftOut.length > 0 ? ` (nobody is there to give ${leftOut.map((s) => s.name).join(', ')})` : '';
    throw new ConflictError('last-key', `no key would remain that opens the vault${others}`, {
      object: document.object,
      hint: 'add a key first with `strongroom keys add`, or give the passphrase in STRONGROOM_NEW_PASSPHRASE_FILE',
    });
  }
  return { generation: document.generation + 1, kept, without: removed, leftOut };
}

/**
 * Rotates, and remembers the new pin for this location, as whoever rotates knows it best.
 * @throws as `planRotation` and `revise`; ConflictError `no-tested-key`, `vault-changed`; UnlockError where a service refuses
 */
export async function rotate(vault: UnlockedVault, options: RotateOptions): Promise<Rotation> {
  let plan: RotationPlan | undefined;
  let made: Rotation['made'] = [];
  const rotated = await revise(vault, async (now) => {
    refuseChanged(vault.document, now.document);
    plan = await planRotation(now.document, options);
    const prepared = await prepare(now, plan, options);
    made = prepared.made;
    // Before the commit: whoever is killed right after it knows again that it was he.
    const fingerprint = pinOf({ ...now.document, ...prepared.revision.change }).authority;
    await tryToRemember(vault, now.document.vault, (m) => ({
      ...m,
      made: [...m.made, fingerprint].slice(-KEPT),
    }));
    return prepared.revision;
  });
  const pin = pinOf(rotated.document);
  // The rotation stands, and whoever did it must be told the pin, whatever becomes of this machine's own memory.
  const isRemembered = await tryToRememberPin(vault, pin);
  return { vault: rotated, plan: plan!, pin, made, isRemembered };
}

/**
 * What was decided on stays what is done: whoever holds the old key may add a key or a host of his own at the last
 * moment, to have them carried on.
 * @throws ConflictError `vault-changed`
 */
function refuseChanged(planned: VaultDocument, now: VaultDocument): void {
  const told = ({ slots, hosts }: VaultDocument) => JSON.stringify([slots, hosts]);
  if (told(planned) === told(now)) return;
  throw new ConflictError('vault-changed', 'somebody else changed the keys or hosts of the vault just now', {
    object: now.object,
    hint: 'nothing was rotated: look at `strongroom keys list` and `strongroom hosts list`, and rotate again',
  });
}

async function prepare(
  vault: UnlockedVault,
  plan: RotationPlan,
  options: RotateOptions,
): Promise<{ revision: Revision; made: Rotation['made'] }> {
  const { document } = vault;
  const old = newestGeneration(document);
  const kind = options.postQuantum ? 'hybrid' : recipientKind(old.recipient);
  const fresh = await makeGeneration(document.vault, kind, plan.generation);
  const bytes = await encryptBytes(plaintextOf(vault), [fresh.recipient]);
  const previous = { object: previousName(plan.generation), bytes };
  // Whoever has one identity has those before it.
  const before = document.generations.map((g) => (options.compromised ? { ...g, compromised: true } : g));
  const generations = [...before, fresh.entry(referenceTo(previous.object, bytes))];
  const target = {
    document: { vault: document.vault, generations },
    identity: fresh.identity,
    now: vault.now,
  };
  const wrapped: WrappedKey[] = [];
  for (const { slot, key } of plan.kept) wrapped.push(await wrapSlot(target, key, options.by, slot));
  const rotated = { ...document, generation: plan.generation, generations };
  const made = await tryKeys(wrapped, rotated, options.credentials);
  return {
    made,
    revision: {
      change: {
        slots: wrapped.map(({ slot }) => slot),
        generation: plan.generation,
        generations,
        reencrypt: document.reencrypt || options.reencrypt,
      },
      objects: [previous, ...wrapped.map(({ object }) => object)],
      rotatedTo: fresh,
    },
  };
}

/** @throws ConflictError `no-tested-key`: after the commit only these keys open anything */
async function tryKeys(
  wrapped: readonly WrappedKey[],
  document: VaultDocument,
  credentials: readonly Credential[],
): Promise<Rotation['made']> {
  const made: { name: string; untested?: string }[] = [];
  for (const key of wrapped) {
    const untested = await untestedBecause(key, document, credentials);
    made.push({ name: key.slot.name, ...(untested === undefined ? {} : { untested }) });
  }
  if (made.some(({ untested }) => untested === undefined)) return made;
  const why = made.map(({ name, untested }) => `${name}: ${untested}`).join('; ');
  throw new ConflictError('no-tested-key', `none of the keys that would remain could be tried (${why})`, {
    hint: 'run this where one of them is at hand: STRONGROOM_IDENTITY_FILE, STRONGROOM_NEW_PASSPHRASE_FILE, or AWS credentials that may decrypt',
  });
}

async function untestedBecause(
  { slot, object }: WrappedKey,
  document: VaultDocument,
  credentials: readonly Credential[],
): Promise<string | undefined> {
  let why = 'nothing at hand opens it';
  for (const credential of credentials.filter((one) => one.fits(slot))) {
    try {
      if (await opens(credential, slot, object.bytes, document)) return undefined;
    } catch (error) {
      if (!(error instanceof UnlockError)) throw error;
      why = error.message;
    }
  }
  return why;
}

/**
 * A passphrase that may have leaked must not be the new one.
 * @param isSame whether the new one opens the old key
 * @throws UsageError `same-passphrase`
 */
export function refuseSame(slot: Slot, isSame: boolean): void {
  if (!isSame) return;
  throw new UsageError('same-passphrase', `the new passphrase of ${slot.name} is the old one`, {
    object: slot.name,
    hint: 'give another one in STRONGROOM_NEW_PASSPHRASE_FILE',
  });
}
