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
  /** @param isKnown whether a pin says whose vault it is: else less work is done for whoever wrote it */
  passphrase(ask: () => Promise<string>, isKnown: boolean, silent: boolean): Promise<Credential>;
  /** @param line the line of a .pub file */
  newSsh(name: string, line: string): Promise<NewKey>;
  /**
   * @param text an age identity file, or an SSH private key
   * @param ask gives the passphrase of an SSH key, once it is needed
   * @param silent whether that is at hand, so that nobody need be asked
   */
  identities(text: string, source: string, ask: () => Promise<string>, silent: boolean): Promise<Credential>;
  /** The one key of a .pub file. @throws UsageError `bad-ssh-key` */
  sshPublicKey(
    text: string,
    source: string,
  ): Promise<{ readonly line: string; readonly comment: string | undefined }>;
  kms(trust: KmsTrust, options?: KmsOptions): Promise<Credential>;
  /** Why a passphrase is refused; undefined when it is not. */
  weaknessOf(passphrase: string): Promise<string | undefined>;
  generatePassphrase(): Promise<string>;
  keysFile(text: string, source: string): Promise<KeyLine[]>;
}

/** What begins like an SSH key, be it the wrong half of one, and not like an age identity file. */
const SSH_KEY = /^\s*(?:-----BEGIN [A-Z ]*PRIVATE KEY-----|(?:ssh|ecdsa|sk)-[a-z0-9@.-]+\s|PuTTY-)/;

export const methods: Methods = {
  newPassphrase: async (name, passphrase) =>
    (await import('./passphrase.ts')).newPassphraseKey(name, passphrase),
  newRecipient: async (name, recipient) => (await import('./recipient.ts')).newRecipientKey(name, recipient),
  newKms: async (name, arn, options) => (await import('./kms.ts')).newKmsKey(name, arn, options),
  passphrase: async (ask, isKnown, silent) => {
    const { passphraseCredential, MAX_WORK_FACTOR } = await import('./passphrase.ts');
    return passphraseCredential(ask, isKnown ? MAX_WORK_FACTOR.known : MAX_WORK_FACTOR.unknown, silent);
  },
  newSsh: async (name, line) => (await import('./ssh.ts')).newSshKey(name, line),
  identities: async (text, source, ask, silent) =>
    SSH_KEY.test(text)
      ? (await import('./ssh.ts')).sshCredential(text, source, ask, silent)
      : (await import('./recipient.ts')).identityFileCredential(text, source),
  sshPublicKey: async (text, source) => (await import('./ssh-public.ts')).parseSshPublicKeyFile(text, source),
  kms: async (trust, options) => (await import('./kms.ts')).kmsCredential(trust, options),
  weaknessOf: async (passphrase) => (await import('../crypt/passphrase.ts')).weaknessOf(passphrase),
  generatePassphrase: async () => (await import('../crypt/passphrase.ts')).generatePassphrase(),
  keysFile: async (text, source) => (await import('./keys-file.ts')).parseKeysFile(text, source),
};
