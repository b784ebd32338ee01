// A recovery key: an identity of its own that opens the vault, to be kept on paper. This adds it as an ordinary key;
// who prints it, and in how many shares, is decided elsewhere.
import { generateIdentity, recipientOf } from '../../crypt/identity.ts';
import { ConflictError, NotFoundError } from '../../errors.ts';
import type { NewKey } from '../../keys/method.ts';
import { newestGeneration, type Slot } from '../documents/vault-document.ts';
import { checkName } from '../names.ts';
import { revise } from '../revise.ts';
import { checkKeyNames, wrapSlot } from '../slots.ts';
import type { UnlockedVault } from '../vault.ts';

export interface KitRequest {
  /** Name of the key. */
  readonly name: string;
  /** Who adds it. */
  readonly by: string;
  /** Take the place of the recovery key of that name, which then opens nothing any more. */
  readonly replace: boolean;
  /** A key for a recipient, by the method for them. */
  readonly toKey: (recipient: string) => Promise<NewKey>;
}

export interface AddedKit {
  /** The vault as it is now. */
  readonly vault: UnlockedVault;
  /** `AGE-SECRET-KEY-…`: the only time that it is known. */
  readonly identity: string;
  readonly slot: Slot;
}

/**
 * Refuses what `addKit` would refuse, before anything is made.
 * @throws UsageError `bad-name`, `name-taken`; NotFoundError `no-such-key`; ConflictError `key-exists`, `not-a-kit`
 */
export function checkKit(vault: Pick<UnlockedVault, 'document'>, name: string, replace: boolean): void {
  checkName(name, 'key');
  const there = vault.document.slots.find((slot) => slot.name === name);
  if (!there) {
    checkKeyNames([name]);
    if (!replace) return;
    throw new NotFoundError('no-such-key', `the vault has no key ${name} to replace`, {
      object: name,
      hint: 'look at `strongroom keys list`, or leave --replace out',
    });
  }
  if (!replace) {
    throw new ConflictError('key-exists', `the vault has a key ${name} already`, {
      object: name,
      hint: 'give --replace to print it anew, which makes the old page worthless, or another --name',
    });
  }
  if (there.method === 'age') return;
  throw new ConflictError(
    'not-a-kit',
    `the key ${name} is no recovery key: it is of the kind ${there.method}`,
    {
      object: name,
      hint: 'give another --name',
    },
  );
}

/**
 * Makes a recovery key and adds it to the vault.
 * @throws as `checkKit` and `revise`
 */
export async function addKit(vault: UnlockedVault, request: KitRequest): Promise<AddedKit> {
  const { name, by, replace, toKey } = request;
  const isHybrid = newestGeneration(vault.document).recipient.startsWith('age1pq1');
  const identity = await generateIdentity(isHybrid ? 'hybrid' : 'x25519');
  const key = await toKey(await recipientOf(identity));
  const revised = await revise(vault, async (now) => {
    checkKit(now, name, replace);
    const { slot, object } = await wrapSlot(now, key, by);
    const others = now.document.slots.filter((other) => other.name !== name);
    return { change: { slots: [...others, slot] }, objects: [object] };
  });
  const slot = revised.document.slots.find((one) => one.name === name);
  if (!slot) throw new ConflictError('vault-busy', `the key ${name} was removed at once`, { object: name });
  return { vault: revised, identity, slot };
}
