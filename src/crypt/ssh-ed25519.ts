// The ssh-ed25519 recipient of age: X25519 with the point that belongs to an Ed25519 key, and a tweak that binds it to
// the SSH key. It parses no keys: it is handed their bytes.
import { createHash, type KeyObject, randomBytes } from 'node:crypto';
import type { Identity, Recipient, Stanza } from 'age-encryption';
import { UsageError } from '../errors.ts';
import { derive, openFileKey, sealFileKey } from './aead.ts';
import { decodeBase64, encodeBase64 } from './base64.ts';
import { badHeader } from './header.ts';
import { tagOf } from './ssh-tag.ts';
import { agree, importSecret, publicKeyOf } from './x25519.ts';

const TYPE = 'ssh-ed25519';
const INFO = 'age-encryption.org/v1/ssh-ed25519';
const KEY_SIZE = 32;
const BODY_SIZE = 32;

// RFC 8032, section 5.1: the field, and d of the curve -x² + y² = 1 + d·x²·y².
const P = 2n ** 255n - 19n;
const D = 37095705934669439343138083508754565189542113879843219016388785533085940283555n;

/** Wraps file keys for one SSH key. */
export class SshEd25519Recipient implements Recipient {
  readonly #wire: Uint8Array;
  readonly #u: Buffer;

  /**
   * @param wire the public key as SSH writes it on the wire
   * @param point the 32 bytes of the Ed25519 key in it
   * @throws UsageError `bad-recipient` when they are no point that anybody could have the secret half of
   */
  constructor(wire: Uint8Array, point: Uint8Array) {
    const u = montgomeryOf(point);
    if (u === undefined) throw new UsageError('bad-recipient', 'the SSH key is no sound Ed25519 key');
    this.#wire = wire;
    this.#u = u;
  }

  /** @see https://github.com/FiloSottile/age/blob/main/agessh/agessh.go */
  wrapFileKey(fileKey: Uint8Array): Stanza[] {
    const secret = randomBytes(KEY_SIZE);
    const share = publicKeyOf(secret);
    const key = wrapKey(importSecret(secret), this.#u, { wire: this.#wire, share, u: this.#u });
    if (key === undefined) throw new UsageError('bad-recipient', 'the SSH key is a weak Ed25519 key');
    return [{ args: [TYPE, tagOf(this.#wire), encodeBase64(share)], body: sealFileKey(key, fileKey) }];
  }
}

/** Unwraps file keys with one SSH key. */
export class SshEd25519Identity implements Identity {
  readonly #wire: Uint8Array;
  readonly #secretKey: KeyObject;
  readonly #u: Buffer;

  /**
   * @param wire the public key as SSH writes it on the wire
   * @param seed RFC 8032's private key, 32 bytes; copied, so the caller may wipe it
   */
  constructor(wire: Uint8Array, seed: Uint8Array) {
    const hash = createHash('sha512').update(seed).digest();
    const scalar = hash.subarray(0, KEY_SIZE);
    this.#wire = wire;
    this.#secretKey = importSecret(scalar);
    this.#u = publicKeyOf(scalar);
    hash.fill(0);
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
      const share = args.length === 3 ? decodeBase64(args[2]!) : undefined;
      if (share?.length !== KEY_SIZE || body.length !== BODY_SIZE) {
        throw badHeader(object, 'an ssh-ed25519 recipient is malformed');
      }
      if (args[1] !== tagOf(this.#wire)) continue;
      const key = wrapKey(this.#secretKey, share, { wire: this.#wire, share, u: this.#u });
      if (key === undefined) throw badHeader(object, 'an ssh-ed25519 share is of low order');
      const fileKey = openFileKey(key, body);
      if (fileKey !== undefined) return fileKey;
    }
    return null;
  }
}

/** The key under which a file key is sealed; undefined when the other side's point is of low order. */
function wrapKey(
  secret: KeyObject,
  peer: Uint8Array,
  { wire, share, u }: { wire: Uint8Array; share: Uint8Array; u: Uint8Array },
): Buffer | undefined {
  const shared = agree(secret, peer);
  const tweaked = shared && agree(importSecret(derive(Buffer.alloc(0), wire, INFO)), shared);
  return tweaked && derive(tweaked, Buffer.concat([share, u]), INFO);
}

/**
 * The u coordinate of the point on Curve25519 that belongs to a point on Ed25519.
 *
 * @param point y, and the sign of x, as RFC 8032 writes them
 * @returns 32 bytes; undefined when it is written in no canonical way, is not on the curve (half of all slips of the
 *   pen: nobody could open what is encrypted to it), or is of small order (everybody could)
 * @see https://www.rfc-editor.org/rfc/rfc7748#section-4.1
 */
function montgomeryOf(point: Uint8Array): Buffer | undefined {
  if (point.length !== KEY_SIZE) return undefined;
  const y = BigInt(`0x${Buffer.from(point).reverse().toString('hex')}`) & (2n ** 255n - 1n);
  if (y >= P) return undefined;
  // x² = (y² - 1) / (d·y² + 1): a quotient is a square where the product is (Euler's criterion).
  const square = y * y;
  if (power((square - 1n) * (D * square + 1n), (P - 1n) / 2n) === P - 1n) return undefined;
  const u = ((1n + y) * power(1n - y, P - 2n)) % P;
  const bytes = Buffer.from(u.toString(16).padStart(2 * KEY_SIZE, '0'), 'hex').reverse();
  // Any clamped scalar takes a point of small order to zero.
  return agree(importSecret(Buffer.alloc(KEY_SIZE)), bytes) && bytes;
}

/** `base` to the `exponent` modulo P, for numbers that are no secret: it takes as long as they are. */
function power(base: bigint, exponent: bigint): bigint {
  let result = 1n;
  let square = ((base % P) + P) % P;
  for (let rest = exponent; rest > 0n; rest >>= 1n) {
    if (rest & 1n) result = (result * square) % P;
    square = (square * square) % P;
  }
  return result;
}
