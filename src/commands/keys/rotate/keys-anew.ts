// The keys of a vault, made anew for its next key: what each takes, and what is at hand to try them with.
import { UnlockError } from '../../../errors.ts';
import type { Credential, NewKey } from '../../../keys/method.ts';
import type { Slot } from '../../../vault/documents/vault-document.ts';
import { tryKey } from '../../../vault/keys/trial.ts';
import { refuseSame } from '../../../vault/rotate/rotate.ts';
import type { UnlockedVault } from '../../../vault/vault.ts';
import type { Context } from '../../context.ts';
import { kmsOptions } from '../../kms-keys.ts';
import { newPassphrase, tellPassphrase } from '../../new-keys.ts';
import { silentCredentials } from '../trials.ts';

/** Times that a passphrase may be mistyped. */
const MOST_ATTEMPTS = 3;

export interface KeysAnew {
  keyFor(slot: Slot): Promise<NewKey | undefined>;
  /** What may open the new keys. */
  credentials(): Promise<Credential[]>;
}

export interface AnewOptions {
  /** A passphrase that may have leaked is not taken again. */
  readonly compromised: boolean;
  /** Whether somebody is there to be asked for passphrases; not where nothing is changed. */
  readonly mayAsk: boolean;
}

export async function keysAnew(
  context: Context,
  vault: UnlockedVault,
  { compromised, mayAsk }: AnewOptions,
): Promise<KeysAnew> {
  const { methods } = await context.world();
  const made = new Map<string, Promise<NewKey | undefined>>();
  const passphrases: Credential[] = [];
  const credentialOf = (passphrase: string) => methods.passphrase(async () => passphrase, true, true);

  const withPassphrase = async (slot: Slot, passphrase: string): Promise<NewKey> => {
    passphrases.push(await credentialOf(passphrase));
    return await methods.newPassphrase(slot.name, passphrase);
  };
  /** The one at hand, when it is this key's. */
  const currentOf = async (slot: Slot): Promise<string | undefined> => {
    const { secrets } = context;
    if (!secrets.passphraseGiven && vault.openedBy !== slot.name) return undefined;
    const passphrase = await secrets.passphrase('Passphrase');
    const { outcome } = await tryKey(vault, slot, [await credentialOf(passphrase)]);
    return outcome === 'opens' ? passphrase : undefined;
  };
  /** Another passphrase for a key. */
  const freshPassphrase = async (slot: Slot): Promise<NewKey> => {
    const chosen = await newPassphrase(context, `New passphrase for the key ${slot.name}`);
    if (compromised) {
      const credential = await credentialOf(chosen.passphrase);
      for (const old of vault.document.slots.filter((s) => s.method === 'passphrase')) {
        refuseSame(old, (await tryKey(vault, old, [credential])).outcome === 'opens');
      }
    }
    tellPassphrase(context, chosen);
    return await withPassphrase(slot, chosen.passphrase);
  };
  /** Somebody at the terminal may know a passphrase that was not needed so far. */
  const askedFor = async (slot: Slot): Promise<string | undefined> => {
    const { terminal } = context;
    for (let attempt = 1; attempt <= MOST_ATTEMPTS; attempt++) {
      const answer = await terminal.askHidden(`Passphrase of the key ${slot.name} (empty: leave it out)`);
      if (answer === '') return undefined;
      if ((await tryKey(vault, slot, [await credentialOf(answer)])).outcome === 'opens') return answer;
      terminal.tell(['That does not open it.']);
    }
    throw new UnlockError('wrong-passphrase', `that is not the passphrase of the key ${slot.name}`, {
      object: slot.name,
      hint: 'nothing was changed; an empty answer leaves the key out',
    });
  };
  const passphraseKey = async (slot: Slot): Promise<NewKey | undefined> => {
    const { secrets } = context;
    const current = await currentOf(slot);
    const isOnly = vault.document.slots.filter((s) => s.method === 'passphrase').length === 1;
    // Of several passphrases the new one is for the one that was given.
    const isGiven = secrets.newPassphraseGiven && (current !== undefined || isOnly);
    if (isGiven || (compromised && mayAsk)) return await freshPassphrase(slot);
    if (compromised) return undefined;
    const passphrase = current ?? (mayAsk ? await askedFor(slot) : undefined);
    return passphrase === undefined ? undefined : await withPassphrase(slot, passphrase);
  };
  const make = async (slot: Slot): Promise<NewKey | undefined> => {
    const { name, method, recipient, arn } = slot;
    if (method === 'passphrase') return await passphraseKey(slot);
    if (method === 'age' && recipient !== undefined) return await methods.newRecipient(name, recipient);
    if (method === 'ssh' && recipient !== undefined) return await methods.newSsh(name, recipient);
    if (method === 'kms' && arn !== undefined) return await methods.newKms(name, arn, kmsOptions(context));
    return undefined;
  };
  return {
    keyFor(slot) {
      const key = made.get(slot.object) ?? make(slot);
      made.set(slot.object, key);
      return key;
    },
    async credentials() {
      return [...passphrases, ...(await silentCredentials(context))];
    },
  };
}
