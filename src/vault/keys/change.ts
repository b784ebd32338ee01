// Which keys open the vault: some are added, some go, as one revision of it. A new one is tried before anything is
// stored, where what opens it is at hand. The last one never goes.
import { ConflictError, UnlockError } from '../../errors.ts';
import type { Credential, NewKey } from '../../keys/method.ts';
import type { Slot } from '../documents/vault-document.ts';
import { revise } from '../revise.ts';
import { checkKeyNames, refuseTwins, type WrappedKey, wrapSlot } from '../slots.ts';
import type { UnlockedVault } from '../vault.ts';
import { freeName } from './names.ts';
import { opens } from './trial.ts';

/** A key that is to be added. */
export interface Addition {
  readonly key: NewKey;
  /** Nobody chose its name: when it is taken, another one will do. */
  readonly mayRename?: boolean;
  /** What may open it, so that it is tried; may be empty. */
  readonly proofs: readonly Credential[];
  /** Add it although what should open it, such as a KMS key that this role may not decrypt with, does not. */
  readonly untested?: boolean;
}

export interface KeyChange {
  readonly add?: readonly Addition[];
  /** As the vault document had them when the change was decided. */
  readonly remove?: readonly Slot[];
  /** The decision was made looking at all of these, so others may have changed none of them. */
  readonly seen?: readonly Slot[];
  /** Some key that then opens the vault must have been tried: one of these, or one that is added. */
  readonly tested?: readonly Slot[];
  /** The host that does it. */
  readonly by: string;
}

export interface AddedKey {
  readonly slot: Slot;
  /** Whether it opened the vault before it was stored. */
  readonly tested: boolean;
  /** Why not, where it was tried. */
  readonly error?: UnlockError;
}

export interface ChangedKeys {
  readonly vault: UnlockedVault;
  readonly added: readonly AddedKey[];
  readonly removed: readonly Slot[];
}

interface Wrapped extends WrappedKey, AddedKey {}

/**
 * Adds and removes keys. Nothing changes when it throws, unless the error's hint says that this is not known.
 * @throws ConflictError `last-key`, `no-tested-key`, `changed-meanwhile`, and as `revise`; UsageError `name-taken`,
 *   `same-key`, `bad-name`; UnlockError where a service refuses, to encrypt or to decrypt again
 */
export async function changeKeys(vault: UnlockedVault, change: KeyChange): Promise<ChangedKeys> {
  const { add = [], remove = [] } = change;
  let added: readonly Wrapped[] = [];
  const changed = await revise(vault, async (now) => {
    const { slots } = now.document;
    refuseChanged(slots, change);
    const kept = slots.filter((slot) => !remove.some(({ object }) => object === slot.object));
    const named = withNames(add, kept);
    checkKeyNames([...kept, ...named.map(({ key }) => key)].map(({ name }) => name));
    const wrapped: Wrapped[] = [];
    for (const addition of named) wrapped.push(await wrapAndTry(now, addition, change.by));
    const all = inPlace(slots, kept, wrapped);
    refuseTwins(all);
    if (all.length === 0) throw lastKey(remove);
    if (change.tested) refuseUntested(kept, wrapped, change.tested);
    added = wrapped;
    return { change: { slots: all }, objects: wrapped.map(({ object }) => object) };
  });
  return { vault: changed, added, removed: remove };
}

/** @throws ConflictError `last-key` when nothing would open the vault any more */
export function refuseLast(slots: readonly Slot[], remove: readonly Slot[]): void {
  if (slots.length <= remove.length) throw lastKey(remove);
}

function lastKey(remove: readonly Slot[]): ConflictError {
  const names = remove.map(({ name }) => name).join(', ');
  const message =
    remove.length === 1
      ? `${names} is the last key of the vault`
      : `${names} are all the keys that the vault has`;
  return new ConflictError('last-key', message, {
    object: names,
    hint: 'without a key nothing in it can be read again: add another one first with `strongroom keys add`',
  });
}

/** Somebody else may have changed the keys since this was decided. */
function refuseChanged(slots: readonly Slot[], { remove = [], seen }: KeyChange): void {
  const there = new Set(slots.map(({ object }) => object));
  const before = new Set(seen?.map(({ object }) => object));
  const other =
    [...remove, ...(seen ?? [])].find(({ object }) => !there.has(object)) ??
    (seen && slots.find(({ object }) => !before.has(object)));
  if (!other) return;
  throw new ConflictError('changed-meanwhile', `somebody else changed the key ${other.name} just now`, {
    object: other.name,
    hint: 'nothing was changed by this command: look at `strongroom keys list`, and decide again',
  });
}

function withNames(add: readonly Addition[], kept: readonly Slot[]): Addition[] {
  const chosen = add.flatMap(({ key, mayRename }) => (mayRename ? [] : [key.name]));
  const taken = new Set([...kept.map(({ name }) => name), ...chosen]);
  return add.map((addition) => {
    if (!addition.mayRename) return addition;
    const name = freeName(addition.key.name, taken);
    taken.add(name);
    return { ...addition, key: { ...addition.key, name } };
  });
}

/** Wraps, and unwraps again: a way in that does not work had better be known today. */
async function wrapAndTry(vault: UnlockedVault, addition: Addition, by: string): Promise<Wrapped> {
  const wrapped = await wrapSlot(vault, addition.key, by);
  const { slot, object } = wrapped;
  try {
    for (const credential of addition.proofs.filter((proof) => proof.fits(slot))) {
      if (await opens(credential, slot, object.bytes, vault.document)) return { ...wrapped, tested: true };
    }
    return { ...wrapped, tested: false };
  } catch (error) {
    if (!(error instanceof UnlockError)) throw error;
    if (addition.untested) return { ...wrapped, tested: false, error };
    throw doesNotOpen(error, slot);
  }
}

function doesNotOpen(error: UnlockError, { name }: Slot): UnlockError {
  const hint = [error.hint, 'nothing was changed; with --untested the key is added all the same'].filter(
    Boolean,
  );
  return new UnlockError(error.code, `the new key ${name} would not open the vault here: ${error.message}`, {
    object: name,
    hint: hint.join('; '),
    cause: error,
  });
}

function refuseUntested(kept: readonly Slot[], added: readonly AddedKey[], tested: readonly Slot[]): void {
  const isTested = ({ object }: Slot) => tested.some((slot) => slot.object === object);
  if (kept.some(isTested) || added.some((key) => key.tested)) return;
  throw new ConflictError('no-tested-key', 'no key that would be left was seen to open the vault', {
    hint: 'nothing was changed: have one of them at hand, or look at `strongroom keys test` where it is',
  });
}

/** A key that is made anew stays where the old one of its name was. */
function inPlace(before: readonly Slot[], kept: readonly Slot[], added: readonly AddedKey[]): Slot[] {
  const fresh = new Map(added.map(({ slot }) => [slot.name, slot]));
  const slots = before.flatMap((slot) => {
    if (kept.includes(slot)) return [slot];
    const instead = fresh.get(slot.name);
    fresh.delete(slot.name);
    return instead ? [instead] : [];
  });
  return [...slots, ...fresh.values()];
}
