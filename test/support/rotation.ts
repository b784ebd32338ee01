// Rotation as an administrator does it, on the vaults of vault.ts: the age key and, where it is at hand, the passphrase.
import type { Credential, NewKey } from '../../src/keys/method.ts';
import { newPassphraseKey } from '../../src/keys/passphrase.ts';
import { newRecipientKey } from '../../src/keys/recipient.ts';
import type { Slot } from '../../src/vault/documents/vault-document.ts';
import { revise } from '../../src/vault/revise.ts';
import { type ReencryptResult, reencrypt } from '../../src/vault/rotate/reencrypt.ts';
import { type RotateOptions, type Rotation, rotate } from '../../src/vault/rotate/rotate.ts';
import type { UnlockedVault } from '../../src/vault/vault.ts';
import { PASSPHRASE, type TestVault, withKey, withPassphrase } from './vault.ts';

/** Makes a key anew: recipients need nothing, a passphrase must be at hand. */
export async function remade(slot: Slot, passphrase?: string): Promise<NewKey | undefined> {
  if (slot.recipient !== undefined) return newRecipientKey(slot.name, slot.recipient);
  return passphrase === undefined ? undefined : newPassphraseKey(slot.name, passphrase, 10);
}

export interface Rotating extends Partial<RotateOptions> {
  /** The passphrase that the new key has; `null` for nobody there to give one. */
  readonly passphrase?: string | null;
}

export async function rotateVault(
  vault: TestVault,
  opened: UnlockedVault,
  { passphrase = PASSPHRASE, ...options }: Rotating = {},
): Promise<Rotation> {
  const credentials: Credential[] = [await withKey(vault.key)];
  if (passphrase !== null) credentials.push(await withPassphrase(passphrase));
  return await rotate(opened, {
    by: vault.host.name,
    without: [],
    compromised: false,
    reencrypt: false,
    keyFor: (slot) => remade(slot, passphrase ?? undefined),
    credentials,
    ...options,
  });
}

/** Re-encrypts all, and says in the vault document that it is done, as `keys rotate --reencrypt` does. */
export async function reencryptVault(opened: UnlockedVault): Promise<ReencryptResult> {
  const result = await reencrypt(opened);
  if (opened.document.reencrypt) await revise(opened, async () => ({ change: { reencrypt: false } }));
  return result;
}
