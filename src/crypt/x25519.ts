// The X25519 recipient of age, over node:crypto. It parses no keys: it is handed their 32 bytes.
//
// The package has one too, but through WebCrypto and web streams, whose first use costs 30 ms: more than the rest
// of a small backup.
import { createPrivateKey, createPublicKey, diffieHellman, type KeyObject, randomBytes } from 'node:crypto';
import type { Identity, Recipient, Stanza } from 'age-encryption';
import { UsageError } from '../errors.ts';
import { derive, openFileKey, sealFileKey } from './aead.ts';
import { decodeBase64, encodeBase64 } from './base64.ts';
import { badHeader } from './header.ts';

const TYPE = 'X25519';
const INFO = 'age-encryption.org/v1/X25519';
const KEY_SIZE = 32;
const BODY_SIZE = 32;

// RFC 8410: all that a key of this kind has around its 32 bytes in DER.
const PUBLIC_PREFIX = Buffer.from('302a300506032b656e032100', 'hex');
const PRIVATE_PREFIX = Buffer.from('302e020100300506032b656e04220420', 'hex');

/**
 * The public key of a secret one.
 *
 * @param secret 32 bytes
 * @returns 32 bytes
 * @see https://www.rfc-editor.org/rfc/rfc7748#section-6.1
 */
export function publicKeyOf(secret: Uint8Array): Buffer {
  return exportPublic(importSecret(secret));
}

/** Wraps file keys for one X25519 public key. */
export class X25519Recipient implements Recipient {
  readonly #publicKey: Uint8Array;

  /** @param publicKey 32 bytes */
  constructor(publicKey: Uint8Array) {
    this.#publicKey = publicKey;
  }

  /**
   * @throws UsageError `bad-recipient` when the key is one of the few that give every sender the same secret
   * @see https://c2sp.org/age#x25519-recipient-stanza
   */
  wrapFileKey(fileKey: Uint8Array): Stanza[] {
    const ephemeral = importSecret(randomBytes(KEY_SIZE));
    const share = exportPublic(ephemeral);
    const shared = agree(ephemeral, this.#publicKey);
    if (shared === undefined) throw new UsageError('bad-recipient', 'the recipient is a weak X25519 key');
    const wrapKey = derive(shared, Buffer.concat([share, this.#publicKey]), INFO);
    return [{ args: [TYPE, encodeBase64(share)], body: sealFileKey(wrapKey, fileKey) }];
  }
}

/** Unwraps file keys with one X25519 secret key. */
export class X25519Identity implements Identity {
  readonly #secretKey: KeyObject;
  readonly #publicKey: Buffer;

  /** @param secret 32 bytes */
  constructor(secret: Uint8Array) {
    this.#secretKey = importSecret(secret);
    this.#publicKey = exportPublic(this.#secretKey);
  }

  /**
   * @param object what the file is called in a failure
   * @returns the file key, or null when no stanza is for this key
   * @throws IntegrityError `bad-header` when an X25519 stanza is malformed, whoever it is for
   * @see https://c2sp.org/age#x25519-recipient-stanza
   */
  unwrapFileKey(stanzas: readonly Stanza[], object = 'the file'): Buffer | null {
    for (const { args, body } of stanzas) {
      if (args[0] !== TYPE) continue;
      const share = args.length === 2 ? decodeBase64(args[1]!) : undefined;
      if (share?.length !== KEY_SIZE || body.length !== BODY_SIZE) {
        throw badHeader(object, 'an X25519 recipient is malformed');
      }
      const shared = agree(this.#secretKey, share);
      if (shared === undefined) throw badHeader(object, 'an X25519 share is of low order');
      const wrapKey = derive(shared, Buffer.concat([share, this.#publicKey]), INFO);
      const fileKey = openFileKey(wrapKey, body);
      if (fileKey !== undefined) return fileKey;
    }
    return null;
  }
}

/**
 * The shared secret of two keys, or one scalar multiplication more.
 *
 * @param peer the u coordinate of the other side's point, 32 bytes
 * @returns 32 bytes, or undefined when they are all zeros because the other side's key is of low order
 */
export function agree(privateKey: KeyObject, peer: Uint8Array): Buffer | undefined {
  const publicKey = createPublicKey({
    key: Buffer.concat([PUBLIC_PREFIX, peer]),
    format: 'der',
    type: 'spki',
  });
  try {
    return diffieHellman({ privateKey, publicKey });
  } catch {
    // OpenSSL refuses an all-zero result itself, as RFC 7748 section 6.1 allows and age demands.
    return undefined;
  }
}

/** @param secret 32 bytes, which X25519 clamps itself */
export function importSecret(secret: Uint8Array): KeyObject {
  return createPrivateKey({ key: Buffer.concat([PRIVATE_PREFIX, secret]), format: 'der', type: 'pkcs8' });
}

function exportPublic(secretKey: KeyObject): Buffer {
  return createPublicKey(secretKey).export({ format: 'der', type: 'spki' }).subarray(PUBLIC_PREFIX.length);
}
