// The identities of generations before the newest: each is kept encrypted to the one after it (docs/format.md
// section 4), so whoever opens the newest opens all of them.
import { decryptBytes } from '../crypt/age.ts';
import { identitySecret, recipientOf } from '../crypt/identity.ts';
import { IntegrityError } from '../errors.ts';
import { readSlotPlaintext } from '../keys/slot.ts';
import { deriveAuthority } from '../sign/authority.ts';
import type { SigningKey } from '../sign/key.ts';
import type { Store } from '../store/store.ts';
import type { VaultDocument } from './documents/vault-document.ts';
import { readNamed } from './named-object.ts';

/** An identity and the authority that follows from it. */
export interface Proven {
  readonly identity: string;
  readonly authority: SigningKey;
}

/**
 * Holds what a slot or a `previous` object gave to what the vault document says of its generation.
 * @param plain the slot plaintext
 * @param object where it came from
 * @throws IntegrityError `wrong-slot`
 */
export async function proveIdentity(
  plain: Uint8Array,
  document: VaultDocument,
  generation: number,
  object: string,
): Promise<Proven> {
  const { recipient, authority } = document.generations[generation - 1]!;
  const { identity } = readSlotPlaintext(plain, { vault: document.vault, generation, recipient }, object);
  const key = deriveAuthority(identitySecret(identity), document.vault);
  if ((await recipientOf(identity)) === recipient && key.publicKey === authority)
    return { identity, authority: key };
  throw new IntegrityError('wrong-slot', `${object} holds an identity that is not this vault's`, {
    object,
    hint: 'do not restore from this vault before you know who wrote it',
  });
}

/**
 * @param newest the newest generation's, proven
 * @returns gives the identity of any generation of the document, each read once. @throws IntegrityError
 *   `missing-slot`, `slot-differs`, `wrong-slot`, and what makes an age file unsound
 */
export function identitiesOf(
  store: Store,
  document: VaultDocument,
  newest: Proven,
  options: { readonly signal?: AbortSignal },
): (generation: number) => Promise<Proven> {
  const known = new Map<number, Promise<Proven>>([[document.generation, Promise.resolve(newest)]]);
  const give = (generation: number): Promise<Proven> => {
    const found = known.get(generation) ?? read(generation);
    known.set(generation, found);
    return found;
  };
  const read = async (generation: number): Promise<Proven> => {
    const previous = document.generations[generation]?.previous;
    if (!previous || generation < 1) {
      throw new IntegrityError('unknown-generation', `the vault has no key number ${generation}`, {
        object: document.object,
      });
    }
    const { identity } = await give(generation + 1);
    const bytes = await readNamed(store, previous, options);
    const plain = await decryptBytes(bytes, [identity], { object: previous.object });
    return await proveIdentity(plain, document, generation, previous.object);
  };
  return give;
}
