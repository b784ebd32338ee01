// The private key file of OpenSSH, format openssh-key-v1 (PROTOCOL.key in OpenSSH's source): write ours, read what
// ssh-keygen writes, and take it apart for whoever decrypts. It never says anything of a key's content.

import { randomBytes } from 'node:crypto';
import { UsageError } from '../errors.ts';
import { ED25519, publicPoint, type SigningKey, signingKeyFromSeed } from './key.ts';
import { armor, decodeBase64, readWire, type WireReader, wireString, wireUint32 } from './wire.ts';

const LABEL = 'OPENSSH PRIVATE KEY';
const MAGIC = Buffer.from('openssh-key-v1\0');
const BLOCK = 8;

/**
 * @param comment kept in the file in clear, such as the host's name
 * @returns the text of a private key file; to be stored with mode 0600
 */
export function formatPrivateKey(key: SigningKey, comment: string): string {
  const publicBlob = Buffer.from(key.publicKey.slice(ED25519.length + 1), 'base64');
  const point = publicPoint(publicBlob) ?? Buffer.alloc(0);
  const check = randomBytes(4);
  const secret = Buffer.concat([
    check,
    check,
    wireString(ED25519),
    wireString(point),
    wireString(Buffer.concat([key.seed, point])),
    wireString(comment),
  ]);
  const padding = Buffer.from(Array.from({ length: -secret.length & (BLOCK - 1) }, (_, i) => i + 1));
  return armor(
    LABEL,
    Buffer.concat([
      MAGIC,
      wireString('none'),
      wireString('none'),
      wireString(''),
      wireUint32(1),
      wireString(publicBlob),
      wireString(Buffer.concat([secret, padding])),
    ]),
  );
}

/** What a key file shows without a passphrase. */
export interface KeyFile {
  encrypted: boolean;
  /** OpenSSH's names; `none` for both without a passphrase. */
  cipher: string;
  kdf: string;
  kdfOptions: Buffer;
  publicBlob: Buffer;
  /** The private section, as it stands in the file. */
  secret: Buffer;
  /** What follows the private section: some ciphers put a tag there. */
  tag: Buffer;
}

/**
 * @param blob the bytes inside the armour
 * @returns undefined when they are not one key in openssh-key-v1; never throws
 */
export function readKeyFile(blob: Buffer): KeyFile | undefined {
  const wire = readWire(blob);
  const magic = wire.take(MAGIC.length);
  const cipher = wire.string().toString('latin1');
  const kdf = wire.string().toString('latin1');
  const kdfOptions = wire.string();
  const count = wire.uint32();
  const publicBlob = wire.string();
  const secret = wire.string();
  const tag = wire.rest();
  if (!wire.sound() || !magic.equals(MAGIC) || count !== 1) return undefined;
  const encrypted = cipher !== 'none' || kdf !== 'none';
  return { encrypted, cipher, kdf, kdfOptions, publicBlob, secret, tag };
}

/** A private key in text: what stands before `PRIVATE KEY` in its first line (`OPENSSH `, `RSA `), and the lines in it. */
export interface KeyBlock {
  kind: string;
  lines: string;
}

/**
 * Spaces around the text, CRLF and a missing last newline are forgiven: keys arrive in environment variables.
 * @returns undefined when the text is not one private key
 */
export function readKeyBlock(text: string): KeyBlock | undefined {
  const [, kind, lines] =
    /^-----BEGIN ([A-Z ]*)PRIVATE KEY-----\s([\s\S]*)\s-----END \1PRIVATE KEY-----$/.exec(text.trim()) ?? [];
  return kind === undefined || lines === undefined ? undefined : { kind, lines };
}

/** The bytes of what stands between the lines of armour. @returns undefined when they are no base64 */
export function readLines(lines: string): Buffer | undefined {
  return decodeBase64(lines.replace(/\s+/g, ''));
}

/**
 * @param text the content of a private key file, as `readKeyBlock` takes it
 * @param object names the file or variable in errors
 * @throws UsageError `signing-key-encrypted`, `signing-key-type` (not Ed25519, or not in OpenSSH's format) or
 * `bad-signing-key` (malformed, or its halves do not belong together)
 */
export function parsePrivateKey(text: string, object: string): SigningKey {
  const block = readKeyBlock(text);
  if (!block) throw malformed(object);
  const { kind, lines } = block;
  if (kind === 'ENCRYPTED ') throw encrypted(object);
  if (kind !== 'OPENSSH ') throw wrongType(object);
  const blob = readLines(lines);
  const file = blob && readKeyFile(blob);
  if (!file) throw malformed(object);
  const point = publicPoint(file.publicBlob);
  if (!point) throw wrongType(object);
  if (file.encrypted) throw encrypted(object);
  const seed = file.tag.length === 0 ? readSeed(file.secret, point) : undefined;
  const key = seed && signingKeyFromSeed(seed);
  if (!key?.publicKey.endsWith(` ${file.publicBlob.toString('base64')}`)) throw malformed(object);
  return key;
}

function readSeed(secret: Buffer, point: Buffer): Buffer | undefined {
  return readSecret(secret, BLOCK, (type, wire) => {
    if (type !== ED25519) return undefined;
    const publicHalf = wire.string();
    const both = wire.string();
    const isWhole = publicHalf.equals(point) && both.length === 64 && both.subarray(32).equals(point);
    return isWhole ? both.subarray(0, 32) : undefined;
  });
}

/**
 * Reads a private section in clear: two equal check numbers, the key, its comment, and padding.
 * @param block size of the cipher's blocks in bytes; 8 where nothing was encrypted
 * @param fields takes what belongs to a key of this type off the reader
 * @returns what `fields` returned, or undefined when anything is not as it should be
 */
export function readSecret<T>(
  secret: Buffer,
  block: number,
  fields: (type: string, wire: WireReader) => T | undefined,
): T | undefined {
  const wire = readWire(secret);
  const checks = wire.take(4).equals(wire.take(4));
  const key = fields(wire.string().toString('latin1'), wire);
  wire.string(); // the comment
  const padding = wire.rest();
  const sound =
    wire.sound() &&
    checks &&
    secret.length % block === 0 &&
    padding.length < block &&
    padding.every((byte, i) => byte === i + 1);
  return sound ? key : undefined;
}

function malformed(object: string): UsageError {
  return new UsageError('bad-signing-key', `${object} is not a sound OpenSSH private key`, {
    object,
    hint: 'give a whole private key file, as ssh-keygen -t ed25519 writes it (not its .pub half)',
  });
}

function encrypted(object: string): UsageError {
  return new UsageError('signing-key-encrypted', `${object} is protected by a passphrase`, {
    object,
    hint: 'a host signs unattended: remove the passphrase with ssh-keygen -p, or make a key without one',
  });
}

function wrongType(object: string): UsageError {
  return new UsageError('signing-key-type', `${object} is not an Ed25519 key in OpenSSH's format`, {
    object,
    hint: 'make one with ssh-keygen -t ed25519',
  });
}
