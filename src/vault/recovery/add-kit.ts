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

/** A recovery key that was made, and that the vault does not know yet. */
export interface MadeKit {
  /** The vault to which it is to be added. */
  readonly vault: UnlockedVault;
  /** `AGE-SECRET-KEY-…`: nothing else holds it. */
  readonly identity: string;
  /** As the vault is going to have it. */
  readonly slot: Slot;
}

export interface KitRequest {
  /** Name of the key. */
  readonly name: string;
  /** Who adds it. */
  readonly by: string;
  /** Take the place of the recovery key of that name, which then opens nothing any more. */
  readonly replace: boolean;
  /** A key for a recipient, by the method for them. */
  readonly toKey: (recipient: string) => Promise<NewKey>;
  /**
   * Keeps the key where it is to stay, before the vault is changed: what was not kept is not added. Is called again
   * when somebody else was quicker; only what it was given last counts then.
   */
  readonly keep: (kit: MadeKit) => Promise<void>;
  /** Told before `addKit` throws. @param mayOpen whether what was kept may open the vault all the same */
  readonly failed: (mayOpen: boolean) => Promise<void>;
}

export interface AddedKit {
  /** The vault as it is now. */
  readonly vault: UnlockedVault;
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
 * Makes a recovery key, has it kept, and adds it to the vault.
 * @param vault as it was when it was decided to add it, or which one to replace
 * @throws as `checkKit` and `revise`; ConflictError `changed-meanwhile`; whatever `keep` throws
 */
export async function addKit(vault: UnlockedVault, request: KitRequest): Promise<AddedKit> {
  const { name, by, replace, toKey, keep, failed } = request;
  const isHybrid = newestGeneration(vault.document).recipient.startsWith('age1pq1');
  const identity = await generateIdentity(isHybrid ? 'hybrid' : 'x25519');
  const key = await toKey(await recipientOf(identity));
  const asked = named(vault, name);
  let made: Slot | undefined;
  try {
    const revised = await revise(vault, async (now) => {
      made = undefined;
      if (replace && asked && named(now, name)?.object !== asked.object) throw replacedMeanwhile(name);
      checkKit(now, name, replace);
      const { slot, object } = await wrapSlot(now, key, by, { kit: true });
      await keep({ vault: now, identity, slot });
      made = slot;
      const others = now.document.slots.filter((other) => other.name !== name);
      return { change: { slots: [...others, slot] }, objects: [object] };
    });
    return { vault: revised, slot: made! };
  } catch (error) {
    await failed(await mayStand(vault, made));
    throw error;
  }
}

function named({ document }: Pick<UnlockedVault, 'document'>, name: string): Slot | undefined {
  return document.slots.find((slot) => slot.name === name);
}

/** Two who replace it at once would both be told that their page opens the vault. */
function replacedMeanwhile(name: string): ConflictError {
  return new ConflictError('changed-meanwhile', `somebody else changed the key ${name} just now`, {
    object: name,
    hint: 'nothing was changed by this command: look at `strongroom keys list`, and decide again',
  });
}

/** Whether a key may be in the vault: a change that surely failed takes back its objects, any other leaves them. */
async function mayStand({ store }: UnlockedVault, slot: Slot | undefined): Promise<boolean> {
  if (!slot) return false;
  try {
    // Heeds no signal: an interruption is one of the reasons to ask.
    return (await store.get(slot.object)) !== null;
  } catch {
    return true;
  }
}
