// The only list of unlock methods. Each loads its own code when it is used: scrypt never for a backup.
import type { KeyLine } from './keys-file.ts';
import type { KmsOptions } from './kms/ask.ts';
import type { KmsTrust } from './kms.ts';
import type { Credential, NewKey } from './method.ts';

export interface Methods {
  newPassphrase(name: string, passphrase: string): Promise<NewKey>;
  newRecipient(name: string, recipient: string): Promise<NewKey>;
  /** @param arn of an AWS KMS key or alias */
  newKms(name: string, arn: string, options?: KmsOptions): Promise<NewKey>;
  passphrase(ask: () => Promise<string>, maxWorkFactor: number, silent: boolean): Promise<Credential>;
  /** @param text an age identity file */
  identities(text: string, source: string): Promise<Credential>;
  kms(trust: KmsTrust, options?: KmsOptions): Promise<Credential>;
  /** Why a passphrase is refused; undefined when it is not. */
  weaknessOf(passphrase: string): Promise<string | undefined>;
  generatePassphrase(): Promise<string>;
  keysFile(text: string, source: string): Promise<KeyLine[]>;
}

export const methods: Methods = {
  newPassphrase: async (name, passphrase) =>
    (await import('./passphrase.ts')).newPassphraseKey(name, passphrase),
  newRecipient: async (name, recipient) => (await import('./recipient.ts')).newRecipientKey(name, recipient),
  newKms: async (name, arn, options) => (await import('./kms.ts')).newKmsKey(name, arn, options),
  passphrase: async (ask, maxWorkFactor, silent) =>
    (await import('./passphrase.ts')).passphraseCredential(ask, maxWorkFactor, silent),
  identities: async (text, source) => (await import('./recipient.ts')).identityFileCredential(text, source),
  kms: async (trust, options) => (await import('./kms.ts')).kmsCredential(trust, options),
  weaknessOf: async (passphrase) => (await import('../crypt/passphrase.ts')).weaknessOf(passphrase),
  generatePassphrase: async () => (await import('../crypt/passphrase.ts')).generatePassphrase(),
  keysFile: async (text, source) => (await import('./keys-file.ts')).parseKeysFile(text, source),
};
