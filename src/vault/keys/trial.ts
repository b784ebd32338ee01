// Whether a key opens the vault today: one key, whatever is at hand that may be it, and nothing is believed before the
// identity that comes out is this vault's own. Writes nothing.
import { StrongroomError } from '../../errors.ts';
import type { Credential } from '../../keys/method.ts';
import type { Slot, VaultDocument } from '../documents/vault-document.ts';
import { isFault } from '../finding.ts';
import { proveIdentity } from '../identities.ts';
import { readNamed } from '../named-object.ts';
import { callOptions, type Vault } from '../vault.ts';

export interface Trial {
  readonly slot: Slot;
  /** `untested`: nothing at hand is this key. */
  readonly outcome: 'opens' | 'fails' | 'untested';
  readonly seconds: number;
  /** What opened it, for messages: `the passphrase`. */
  readonly by?: string;
  /** Why it does not open; of an untested one, why what was at hand is not it. */
  readonly error?: StrongroomError;
}

/** Failures that say no more than that a credential is another key's, or that there is none. */
const OF_ANOTHER: readonly string[] = [
  'wrong-passphrase',
  'no-identity-matches',
  'no-terminal',
  'no-credentials',
];

/**
 * Tries one key with each credential that may be it.
 * @returns never throws for what is wrong with the key, or with the credential
 * @throws StoreError, InterruptedError
 */
export async function tryKey(vault: Vault, slot: Slot, credentials: readonly Credential[]): Promise<Trial> {
  const began = performance.now();
  const result = (outcome: Trial['outcome'], more: Pick<Trial, 'by' | 'error'> = {}): Trial => {
    return { slot, outcome, seconds: Math.round(performance.now() - began) / 1000, ...more };
  };
  let other: StrongroomError | undefined;
  try {
    const bytes = await readNamed(vault.store, slot, callOptions(vault));
    for (const credential of credentials.filter((c) => c.fits(slot))) {
      try {
        if (await opens(credential, slot, bytes, vault.document)) {
          return result('opens', { by: credential.description });
        }
      } catch (error) {
        if (!(error instanceof StrongroomError && OF_ANOTHER.includes(error.code))) throw error;
        other ??= error;
      }
    }
  } catch (error) {
    if (!isOfKey(error)) throw error;
    return result('fails', { error });
  }
  return result('untested', other ? { error: other } : {});
}

/** Whether an error is about this key alone, so that the others can be tried. */
function isOfKey(error: unknown): error is StrongroomError {
  return isFault(error) || (error instanceof StrongroomError && error.exitCode === 12);
}

/**
 * @param bytes what is stored of the key, or is about to be
 * @returns false when it is not this credential's
 * @throws UnlockError; IntegrityError when what comes out is no identity of this vault
 */
export async function opens(
  credential: Credential,
  slot: Slot,
  bytes: Uint8Array,
  document: VaultDocument,
): Promise<boolean> {
  const plain = await credential.unwrap(bytes, slot);
  if (plain === null) return false;
  await proveIdentity(plain, document, document.generation, slot.object);
  return true;
}
