// The ssh-rsa recipient of age: RSA-OAEP with SHA-256, by OpenSSL. It parses no keys and judges no sizes: whoever hands
// it one has done so.
import { constants, type KeyObject, privateDecrypt, publicEncrypt } from 'node:crypto';
import type { Identity, Recipient, Stanza } from 'age-encryption';
import { badHeader } from './header.ts';
import { tagOf } from './ssh-tag.ts';

const TYPE = 'ssh-rsa';
const OAEP = {
  padding: constants.RSA_PKCS1_OAEP_PADDING,
  oaepHash: 'sha256',
  oaepLabel: Buffer.from('age-encryption.org/v1/ssh-rsa'),
};

/** Wraps file keys for one SSH key. */
export class SshRsaRecipient implements Recipient {
  readonly #wire: Uint8Array;
  readonly #publicKey: KeyObject;

  /**
   * @param wire the public key as SSH writes it on the wire
   * @param publicKey the same for OpenSSL
   */
  constructor(wire: Uint8Array, publicKey: KeyObject) {
    this.#wire = wire;
    this.#publicKey = publicKey;
  }

  /** @see https://github.com/FiloSottile/age/blob/main/agessh/agessh.go */
  wrapFileKey(fileKey: Uint8Array): Stanza[] {
    const body = publicEncrypt({ key: this.#publicKey, ...OAEP }, fileKey);
    return [{ args: [TYPE, tagOf(this.#wire)], body }];
  }
}

/** Unwraps file keys with one SSH key. */
export class SshRsaIdentity implements Identity {
  readonly #wire: Uint8Array;
  readonly #privateKey: KeyObject;

  /** @param wire the public key as SSH writes it on the wire */
  constructor(wire: Uint8Array, privateKey: KeyObject) {
    this.#wire = wire;
    this.#privateKey = privateKey;
  }

  /**
   * @param object what the file is called in a failure
   * @returns the file key, or null when no stanza is for this key
   * @throws IntegrityError `bad-header` when a stanza of this type is malformed, whoever it is for
   * @see https://github.com/FiloSottile/age/blob/main/agessh/agessh.go
   */
  unwrapFileKey(stanzas: readonly Stanza[], object = 'the file'): Buffer | null {
    for (const { args, body } of stanzas) {
      if (args[0] !== TYPE) continue;
      if (args.length !== 2) throw badHeader(object, 'an ssh-rsa recipient is malformed');
      if (args[1] !== tagOf(this.#wire)) continue;
      try {
        return privateDecrypt({ key: this.#privateKey, ...OAEP }, body);
      } catch {
        // Sealed to another key whose tag is the same, or damaged.
      }
    }
    return null;
  }
}
