// Ed25519 keys in OpenSSH's clothing: make, parse, name, sign raw bytes and verify them. All arithmetic is
// OpenSSL's. Key files are openssh.ts; what a signature means is sshsig.ts.

import {
  createHash,
  createPrivateKey,
  createPublicKey,
  type KeyObject,
  randomBytes,
  sign,
  verify,
} from 'node:crypto';
import { UsageError } from '../errors.ts';
import { decodeBase64, wireString } from './wire.ts';

/** A key that signs. Its seed is the whole secret, so it is hidden from printing, spreading and JSON. */
export interface SigningKey {
  /** `ssh-ed25519 AAAA…`, without a comment. */
  readonly publicKey: string;
  /** @returns the raw signature, 64 bytes (RFC 8032, pure Ed25519) */
  sign(message: Uint8Array): Uint8Array;
  /** 32 secret bytes (RFC 8032's private key). */
  readonly seed: Uint8Array;
}

export const ED25519 = 'ssh-ed25519';
const KEY_BYTES = 32;
const BLOB_PREFIX = Buffer.concat([wireString(ED25519), Buffer.from([0, 0, 0, KEY_BYTES])]);

// RFC 8410: what DER puts before the 32 bytes of a private (PKCS #8) and a public (SPKI) Ed25519 key.
const PKCS8_PREFIX = Buffer.from('302e020100300506032b657004220420', 'hex');
const SPKI_PREFIX = Buffer.from('302a300506032b6570032100', 'hex');

// The y coordinates of the eight points of small order (in pairs: the sign of x does not matter).
const FIELD = 2n ** 255n - 19n;
const ORDER_8 = 0x7a03ac9277fdc74ec6cc392cfa53202a0f67100d760b3cba4fd84d3d706a17c7n;
const SMALL_ORDER = new Set([0n, 1n, FIELD - 1n, ORDER_8, FIELD - ORDER_8]);

/** @returns a new key from the system's random source */
export function generateSigningKey(): SigningKey {
  return signingKeyFromSeed(randomBytes(KEY_BYTES));
}

/**
 * @param seed RFC 8032's private key, 32 bytes; copied, so the caller may wipe it
 * @throws UsageError `bad-signing-key` when it has another length
 */
export function signingKeyFromSeed(seed: Uint8Array): SigningKey {
  if (seed.length !== KEY_BYTES) throw new UsageError('bad-signing-key', 'a signing key has 32 bytes');
  const der = Buffer.concat([PKCS8_PREFIX, seed]);
  const privateKey = createPrivateKey({ key: der, format: 'der', type: 'pkcs8' });
  der.fill(0);
  const spki = createPublicKey(privateKey).export({ format: 'der', type: 'spki' });
  const visible = {
    publicKey: publicKeyLine(Buffer.concat([BLOB_PREFIX, spki.subarray(SPKI_PREFIX.length)])),
    sign: (message: Uint8Array): Uint8Array => sign(null, message, privateKey),
  };
  return Object.defineProperty(visible, 'seed', { value: Buffer.from(seed) }) as typeof visible & SigningKey;
}

/**
 * @param text one line, as in a `.pub` file: type, base64, perhaps a comment
 * @returns the canonical form, `ssh-ed25519 AAAA…` without the comment
 * @throws UsageError `bad-public-key` for another type, a malformed key, and one that anybody can sign for
 */
export function parsePublicKey(text: string): string {
  const [, base64 = ''] = /^ssh-ed25519[ \t]+(\S+)(?:[ \t]+[^\r\n]*)?$/.exec(text.trim()) ?? [];
  const blob = decodeBase64(base64);
  const point = blob && publicPoint(blob);
  if (!blob || !point) {
    throw new UsageError('bad-public-key', 'this is not an Ed25519 public key in OpenSSH form', {
      hint: 'give the one line of a .pub file that begins with ssh-ed25519',
    });
  }
  if (!isSafePoint(point)) {
    throw new UsageError('bad-public-key', 'this public key is degenerate: anybody can sign for it', {
      hint: 'make a new key with ssh-keygen -t ed25519',
    });
  }
  return publicKeyLine(blob);
}

/**
 * @param publicKey canonical form
 * @returns `SHA256:…` as `ssh-keygen -l` prints it
 */
export function fingerprint(publicKey: string): string {
  const blob = Buffer.from(publicKey.split(' ')[1] ?? '', 'base64');
  return `SHA256:${createHash('sha256').update(blob).digest('base64').replace(/=+$/, '')}`;
}

/** @returns the key as `type base64`, for a public key blob of any SSH type */
export function publicKeyLine(blob: Buffer, type: string = ED25519): string {
  return `${type} ${blob.toString('base64')}`;
}

/** @returns the 32 bytes inside an Ed25519 public key blob (RFC 8709, section 4), or undefined for any other */
export function publicPoint(blob: Buffer): Buffer | undefined {
  const prefixed = blob.subarray(0, BLOB_PREFIX.length).equals(BLOB_PREFIX);
  return prefixed && blob.length === BLOB_PREFIX.length + KEY_BYTES
    ? blob.subarray(BLOB_PREFIX.length)
    : undefined;
}

// OpenSSL takes any 32 bytes as a key. For a point of small order it accepts one fixed signature over (nearly)
// everything; and a y that is not reduced is a second spelling of another key. We refuse both. The rest of what
// makes a signature unambiguous we rely on OpenSSL for: it refuses S >= L, and compares R byte for byte.
function isSafePoint(point: Buffer): boolean {
  const y = BigInt(`0x${Buffer.from(point).reverse().toString('hex')}`) & (2n ** 255n - 1n);
  return y < FIELD && !SMALL_ORDER.has(y);
}

// Making a key object costs nearly as much as a verification, and a vault knows a handful of keys. Bounded,
// because whoever writes to the store chooses the keys in it. `undefined`: a key that verifies nothing.
const CACHED_KEYS = 512;
const keyObjects = new Map<string, KeyObject | undefined>();

function keyObject(publicKey: string): KeyObject | undefined {
  const known = keyObjects.get(publicKey);
  if (known || keyObjects.has(publicKey)) return known;
  const made = makeKeyObject(publicKey);
  if (keyObjects.size >= CACHED_KEYS) keyObjects.delete(keyObjects.keys().next().value as string);
  keyObjects.set(publicKey, made);
  return made;
}

function makeKeyObject(publicKey: string): KeyObject | undefined {
  const blob = publicKey.startsWith(`${ED25519} `) && decodeBase64(publicKey.slice(ED25519.length + 1));
  const point = blob ? publicPoint(blob) : undefined;
  if (!point || !isSafePoint(point)) return undefined;
  return createPublicKey({ key: Buffer.concat([SPKI_PREFIX, point]), format: 'der', type: 'spki' });
}

/**
 * @param publicKey canonical form; one that is malformed or degenerate verifies nothing
 * @param signature raw, 64 bytes
 * @returns whether the signature is this key's over exactly this message
 */
export function verifyRaw(publicKey: string, message: Uint8Array, signature: Uint8Array): boolean {
  const key = keyObject(publicKey);
  return key !== undefined && verify(null, message, key, signature);
}

/** `verifyRaw` on the thread pool: several at once share the cores. Neither buffer may change meanwhile. */
export function verifyRawAsync(
  publicKey: string,
  message: Uint8Array,
  signature: Uint8Array,
): Promise<boolean> {
  const key = keyObject(publicKey);
  if (!key) return Promise.resolve(false);
  return new Promise((resolve, reject) => {
    verify(null, message, key, signature, (error, valid) => (error ? reject(error) : resolve(valid)));
  });
}
