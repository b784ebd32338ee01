// Detached signatures in OpenSSH's armour (PROTOCOL.sshsig in OpenSSH's source), Ed25519 only: the same bytes that
// `ssh-keygen -Y sign` writes. Whether the signer may be believed is not decided here.

import { hash } from 'node:crypto';
import { IntegrityError } from '../errors.ts';
import { publicKeyLine, publicPoint, type SigningKey, verifyRaw, verifyRawAsync } from './key.ts';
import { armor, beginLine, decodeBase64, endLine, readWire, wireString, wireUint32 } from './wire.ts';

const LABEL = 'SSH SIGNATURE';
const MAGIC = Buffer.from('SSHSIG');
const VERSION = wireUint32(1);
const SIGNATURE_BYTES = 64;

/** The first line of an armoured signature, without its newline. */
export const BEGIN = beginLine(LABEL);
/** Its last line, without its newline. */
export const END = endLine(LABEL);

/** The hint for an object whose signature fails. */
export const DISTRUST =
  'trust nothing in it: compare it with a replica, and find out who can write to the store';

/** The fields of an armoured signature. Nothing about them is proven. */
export interface Signature {
  /** Canonical form, `ssh-ed25519 …`. */
  publicKey: string;
  namespace: string;
  hash: 'sha256' | 'sha512';
  /** Raw, 64 bytes. */
  signature: Uint8Array;
}

/**
 * @param namespace what the signature is for; one made for another purpose does not verify
 * @returns armoured text that ends in a newline; the same input gives the same text
 */
export function signArmored(key: SigningKey, namespace: string, message: Uint8Array): string {
  const signature = key.sign(signedBytes(namespace, 'sha512', message));
  return armor(
    LABEL,
    Buffer.concat([
      MAGIC,
      VERSION,
      wireString(Buffer.from(key.publicKey.split(' ')[1] ?? '', 'base64')),
      wireString(namespace),
      wireString(''),
      wireString('sha512'),
      wireString(Buffer.concat([wireString('ssh-ed25519'), wireString(signature)])),
    ]),
  );
}

/**
 * Reads without verifying. Only the exact layout that `signArmored` and ssh-keygen write is taken, so a signature
 * has one spelling.
 * @param object names what is signed, in errors
 * @throws IntegrityError `bad-signature`
 */
export function readSignature(armored: string, object?: string): Signature {
  const blob = decodeBase64(armored.slice(BEGIN.length, -END.length - 1).replaceAll('\n', ''));
  if (!blob || armor(LABEL, blob) !== armored) throw bad(object, 'is malformed');
  const wire = readWire(blob);
  const magic = wire.take(MAGIC.length);
  const version = wire.take(VERSION.length);
  const publicBlob = wire.string();
  const namespace = wire.string().toString();
  const reserved = wire.string();
  const algorithm = wire.string().toString('latin1');
  const inner = readWire(wire.string());
  if (!wire.done() || !magic.equals(MAGIC) || !version.equals(VERSION) || reserved.length > 0) {
    throw bad(object, 'is malformed');
  }
  if (!publicPoint(publicBlob)) throw bad(object, 'is by a key that is not Ed25519');
  const type = inner.string().toString('latin1');
  const signature = inner.string();
  if (!inner.done() || type !== 'ssh-ed25519' || signature.length !== SIGNATURE_BYTES) {
    throw bad(object, 'is malformed');
  }
  if (algorithm !== 'sha256' && algorithm !== 'sha512') throw bad(object, 'uses an unknown hash');
  return { publicKey: publicKeyLine(publicBlob), namespace, hash: algorithm, signature };
}

/**
 * @param armored exactly one armoured signature
 * @param namespace what it must have been made for
 * @param object names what is signed, in errors
 * @returns the public key that signed, canonical form: compare it with those that may
 * @throws IntegrityError `bad-signature` when it is malformed, for another namespace, by a key that is not
 * Ed25519 (or a degenerate one), or does not fit the message
 */
export function verifyArmored(
  armored: string,
  namespace: string,
  message: Uint8Array,
  object?: string,
): string {
  const { publicKey, signed, signature } = claim(armored, namespace, message, object);
  if (!verifyRaw(publicKey, signed, signature)) throw bad(object, 'does not fit the bytes it stands for');
  return publicKey;
}

/** `verifyArmored` on the thread pool; `message` may change once this has returned its promise. */
export async function verifyArmoredAsync(
  armored: string,
  namespace: string,
  message: Uint8Array,
  object?: string,
): Promise<string> {
  const { publicKey, signed, signature } = claim(armored, namespace, message, object);
  const valid = await verifyRawAsync(publicKey, signed, signature);
  if (!valid) throw bad(object, 'does not fit the bytes it stands for');
  return publicKey;
}

/**
 * The public key that a signature says it is by. Whether that is true is not looked at.
 * @throws IntegrityError `bad-signature` when it is malformed or for another namespace
 */
export function claimedSigner(armored: string, namespace: string, object?: string): string {
  const read = readSignature(armored, object);
  if (read.namespace !== namespace) throw bad(object, 'was made for another purpose');
  return read.publicKey;
}

function claim(armored: string, namespace: string, message: Uint8Array, object: string | undefined) {
  const read = readSignature(armored, object);
  if (read.namespace !== namespace) throw bad(object, 'was made for another purpose');
  return { ...read, signed: signedBytes(namespace, read.hash, message) };
}

function signedBytes(namespace: string, algorithm: Signature['hash'], message: Uint8Array): Buffer {
  return Buffer.concat([
    MAGIC,
    wireString(namespace),
    wireString(''),
    wireString(algorithm),
    wireString(hash(algorithm, message, 'buffer')),
  ]);
}

function bad(object: string | undefined, how: string): IntegrityError {
  const which = object === undefined ? 'the signature' : `a signature on ${object}`;
  return new IntegrityError('bad-signature', `${which} ${how}`, { object, hint: DISTRUST });
}
