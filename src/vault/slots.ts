// Slots: the vault's identity wrapped for one more way of opening it (docs/format.md section 4). Stores nothing.
import { UsageError } from '../errors.ts';
import type { NewKey, SlotFields } from '../keys/method.ts';
import { writeSlotPlaintext } from '../keys/slot.ts';
import type { NewObject } from './commit.ts';
import { newestGeneration, type Slot, type VaultDocument } from './documents/vault-document.ts';
import { PREVIOUS, slotName } from './layout.ts';
import { referenceTo } from './named-object.ts';
import { checkName, documentTime } from './names.ts';

/** A slot for the vault document, and the object that it names. */
export interface WrappedKey {
  readonly slot: Slot;
  readonly object: NewObject;
}

/** What a slot is made for: the identity and what it must say of itself. */
export interface ToWrap {
  readonly document: Pick<VaultDocument, 'vault' | 'generations'>;
  readonly identity: string;
  readonly now: () => Date;
}

/** The slot plaintext of the newest generation. */
export function plaintextOf({ document, identity }: Pick<ToWrap, 'document' | 'identity'>): Buffer {
  const { generation, recipient } = newestGeneration(document);
  return writeSlotPlaintext({ vault: document.vault, generation, recipient, identity });
}

/**
 * @param vault whose newest identity it is
 * @param by the host or person who adds it
 * @param like says whether it is a recovery kit; of a key made anew, the slot that it had
 * @throws UnlockError where a service refuses
 */
export async function wrapSlot(
  vault: ToWrap,
  key: NewKey,
  by: string,
  { kit }: Pick<Slot, 'kit'> = {},
): Promise<WrappedKey> {
  const { vault: id } = vault.document;
  const { generation } = newestGeneration(vault.document);
  const { bytes, fields } = await key.wrap(plaintextOf(vault), { vault: id, generation });
  const object = slotName(generation, key.name, key.extension);
  const { name, method } = key;
  const added = documentTime(vault.now());
  return {
    slot: { name, method, ...referenceTo(object, bytes), added, by, ...fields, ...(kit ? { kit } : {}) },
    object: { object, bytes },
  };
}

/**
 * Names that keys may have together.
 * @throws UsageError `bad-name`, `name-taken`
 */
export function checkKeyNames(names: readonly string[]): void {
  for (const [i, name] of names.entries()) {
    checkName(name, 'key');
    if (names.indexOf(name) === i && name !== PREVIOUS) continue;
    throw new UsageError('name-taken', `the name ${name} is taken`, {
      object: name,
      hint: 'give each key a name of its own',
    });
  }
}

/**
 * One KMS key, by its ARN and by an alias of it, would look like two ways in.
 * @throws UsageError `same-key`
 */
export function refuseTwins(slots: readonly (SlotFields & { readonly name: string })[]): void {
  const known = new Map<string, string>();
  for (const { name, arn, recipient } of slots) {
    const which = arn ?? recipient;
    if (which === undefined) continue;
    const twin = known.get(which);
    if (twin !== undefined) {
      throw new UsageError('same-key', `${twin} and ${name} are one and the same key: ${which}`, {
        object: name,
        hint: 'name it once; a second way in is another key, kept elsewhere',
      });
    }
    known.set(which, name);
  }
}
