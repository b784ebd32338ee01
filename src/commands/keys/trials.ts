// Trying keys with what is at hand.
import type { Credential } from '../../keys/method.ts';
import type { Slot } from '../../vault/documents/vault-document.ts';
import { type Trial, tryKey } from '../../vault/keys/trial.ts';
import type { Vault } from '../../vault/vault.ts';
import type { Context } from '../context.ts';
import { identityCredentials, kmsCredentials } from '../open.ts';

/**
 * Everything that may open the vault: what is at hand, and what a person can be asked for.
 * @param isKnown whether it is known whose vault it is; not where a rotation was only followed
 */
export async function allCredentials(context: Context, isKnown: boolean): Promise<Credential[]> {
  const { methods } = await context.world();
  const { secrets } = context;
  const ask = () => secrets.passphrase('Passphrase');
  const passphrase = await methods.passphrase(ask, isKnown, secrets.passphraseGiven);
  const kms = (await kmsCredentials(context)).filter(
    // Nothing is sent to a key of a vault that nothing vouches for.
    ({ authenticates }) => isKnown || authenticates,
  );
  return [...(await identityCredentials(context)), passphrase, ...kms];
}

/** What can be tried on a vault that is proven, without asking a person. */
export async function silentCredentials(context: Context): Promise<Credential[]> {
  const all = await allCredentials(context, true);
  return all.filter(({ asks }) => asks !== 'person');
}

/** One after the other: each passphrase takes a quarter of a gibibyte. */
export async function trialsOf(
  vault: Vault,
  slots: readonly Slot[],
  credentials: readonly Credential[],
): Promise<Trial[]> {
  const trials: Trial[] = [];
  for (const slot of slots) trials.push(await tryKey(vault, slot, credentials));
  return trials;
}
