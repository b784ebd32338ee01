// Trying keys with what is at hand.
import type { Credential } from '../../keys/method.ts';
import type { Slot } from '../../vault/documents/vault-document.ts';
import { type Trial, tryKey } from '../../vault/keys/trial.ts';
import type { Vault } from '../../vault/vault.ts';
import type { Context } from '../context.ts';
import { identityCredentials, kmsCredentials } from '../open.ts';

/** What a key file says of its work factor is tried up to this where a pin says whose vault it is, else up to that. */
const MAX_WORK_FACTOR = { pinned: 22, unproven: 20 };

/** Everything that may open the vault: what is at hand, and what a person can be asked for. */
export async function allCredentials(
  context: Context,
  { trust }: Pick<Vault, 'trust'>,
): Promise<Credential[]> {
  const { methods } = await context.world();
  const { secrets } = context;
  const ask = () => secrets.passphrase('Passphrase');
  const passphrase = await methods.passphrase(ask, MAX_WORK_FACTOR[trust], secrets.passphraseGiven);
  const kms = (await kmsCredentials(context)).filter(
    // Nothing is sent to a key of a vault that nothing vouches for.
    ({ authenticates }) => trust === 'pinned' || authenticates,
  );
  return [...(await identityCredentials(context)), passphrase, ...kms];
}

/** What can be tried without asking a person. */
export async function silentCredentials(context: Context): Promise<Credential[]> {
  const all = await allCredentials(context, { trust: 'pinned' });
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
