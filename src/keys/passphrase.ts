// The passphrase method: an age file with one scrypt stanza.
import { decryptBytes, encryptBytes } from '../crypt/age.ts';
import { ScryptIdentity, ScryptRecipient } from '../crypt/scrypt.ts';
import type { Credential, NewKey } from './method.ts';

const WORK_FACTOR = 18;

/**
 * @param passphrase as it will be typed; not checked for strength here
 * @param workFactor log2 of scrypt's N; tests pass a low one
 */
export function newPassphraseKey(name: string, passphrase: string, workFactor = WORK_FACTOR): NewKey {
  return {
    name,
    method: 'passphrase',
    extension: 'age',
    async wrap(plain) {
      const bytes = await encryptBytes(plain, [new ScryptRecipient(passphrase, workFactor)]);
      return { bytes, fields: { workFactor } };
    },
  };
}

/** What is tried (docs/format.md section 2); of a vault that nothing vouches for a gigabyte, and some seconds. */
export const MAX_WORK_FACTOR = { known: 22, unknown: 20 } as const;

/**
 * @param ask gives the passphrase, once it is needed; called at most once
 * @param maxWorkFactor the most that is tried; 22 will do where a pin says whose vault it is
 * @param silent whether it is at hand, so that nobody need be asked
 */
export function passphraseCredential(
  ask: () => Promise<string>,
  maxWorkFactor: number = MAX_WORK_FACTOR.unknown,
  silent = true,
): Credential {
  let answer: Promise<string> | undefined;
  return {
    description: 'the passphrase',
    authenticates: true,
    asks: silent ? 'nobody' : 'person',
    fits: (slot) => slot.method === 'passphrase',
    async unwrap(bytes, slot) {
      answer ??= ask();
      const identity = new ScryptIdentity(await answer, { maxWorkFactor });
      return await decryptBytes(bytes, [identity], { object: slot.object });
    },
  };
}
