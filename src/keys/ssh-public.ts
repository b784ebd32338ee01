// SSH public keys as people have them: the line of a .pub file. Says of each whether age can encrypt to it and, where it
// cannot, why. Nothing of what was given is repeated: it may be a secret put there by mistake.
import { createPublicKey } from 'node:crypto';
import { SshEd25519Recipient } from '../crypt/ssh-ed25519.ts';
import { SshRsaRecipient } from '../crypt/ssh-rsa.ts';
import { UsageError } from '../errors.ts';
import { decodeBase64, readWire, wireMpint, wireString } from '../sign/wire.ts';

/** Sound enough to encrypt to. */
export interface SshPublicKey {
  /** Canonical: `ssh-ed25519 AAAA…` or `ssh-rsa AAAA…`, without the comment. */
  readonly line: string;
  readonly comment: string | undefined;
  readonly recipient: SshEd25519Recipient | SshRsaRecipient;
}

/** Why a key is none to encrypt to. Both follow the rules of errors.ts. */
export interface Refusal {
  readonly why: string;
  readonly hint: string;
}

const MIN_BITS = 2048;
/** What OpenSSH and OpenSSL still take. */
const MAX_BITS = 16384;
/** What Go's SSH package takes, and with it the age program. */
const MAX_EXPONENT_BYTES = 3;

const ANOTHER = 'give an Ed25519 or RSA key (ssh-keygen -t ed25519 makes one), or an age key (age-keygen)';
const WHOLE_LINE = 'give the whole line of a .pub file; it begins with ssh-ed25519 or ssh-rsa';

/** By what a line begins with. */
const UNUSABLE: readonly (readonly [RegExp, string])[] = [
  [/^\S+-cert-v\d+@openssh\.com\s/, 'an SSH certificate is no key to encrypt to'],
  [/^sk-/, 'an SSH key on a security token can sign, but not decrypt'],
  [/^ecdsa-/, 'an ECDSA key can sign, but not decrypt'],
  [/^ssh-dss\s/, 'a DSA key can sign, but not decrypt'],
];

/** Whether a line begins as SSH public keys do, of whichever type. */
export function beginsAsSshKey(line: string): boolean {
  return /^(?:ssh|ecdsa|sk)-[a-z0-9@.-]+(?:\s|$)/.test(line);
}

/** @param line as in a .pub file: type, base64, perhaps a comment */
export function readSshLine(line: string): SshPublicKey | Refusal {
  const text = line.trim();
  if (text.includes('PRIVATE KEY')) {
    return {
      why: 'a private key was given where its public half belongs',
      hint: 'give its .pub file, or what ssh-keygen -y prints; treat that key as exposed if others could read this',
    };
  }
  const [, why] = UNUSABLE.find(([begin]) => begin.test(text)) ?? [];
  if (why !== undefined) return { why, hint: ANOTHER };
  const [, type, base64 = '', comment] =
    /^(ssh-ed25519|ssh-rsa)[ \t]+([A-Za-z0-9+/]+={0,2})(?:[ \t]+([^\r\n]*))?$/.exec(text) ?? [];
  const wire = decodeBase64(base64);
  const recipient = type === undefined || wire === undefined ? undefined : readWireKey(type, wire);
  if (recipient === undefined)
    return { why: 'not an SSH public key, or not as it was made', hint: WHOLE_LINE };
  return 'why' in recipient
    ? recipient
    : { line: `${type} ${base64}`, comment: comment || undefined, recipient };
}

/** @throws UsageError `bad-ssh-key` */
export function parseSshLine(line: string): SshPublicKey {
  const read = readSshLine(line);
  if (!('why' in read)) return read;
  throw new UsageError('bad-ssh-key', read.why, { hint: read.hint });
}

/**
 * The one key in a .pub file, or in text like authorized_keys with one key and comments.
 * @param source where the text came from, for messages
 * @throws UsageError `bad-ssh-key`
 */
export function parseSshPublicKeyFile(text: string, source: string): SshPublicKey {
  const lines = text.split(/\r?\n/).filter((line) => line.trim() !== '' && !line.trim().startsWith('#'));
  const [only = ''] = lines;
  if (lines.length > 1 && !text.includes('PRIVATE KEY')) {
    throw new UsageError('bad-ssh-key', `${source} holds more than one line`, {
      object: source,
      hint: 'give a file with one SSH public key',
    });
  }
  const read = readSshLine(only);
  if (!('why' in read)) return read;
  const isBehind = /\s(?:ssh-ed25519|ssh-rsa)\s/.test(only);
  throw new UsageError('bad-ssh-key', `${source}: ${read.why}`, {
    object: source,
    hint: isBehind ? 'leave out what stands before ssh-ed25519 or ssh-rsa' : read.hint,
  });
}

/**
 * @param type what the key is said to be
 * @param wire the key as SSH writes it on the wire
 * @returns undefined when it is not a key of that type in its one form
 */
export function readWireKey(type: string, wire: Buffer): SshPublicKey['recipient'] | Refusal | undefined {
  const reader = readWire(wire);
  if (reader.string().toString('latin1') !== type) return undefined;
  if (type === 'ssh-ed25519') {
    const point = reader.string();
    return reader.done() && point.length === 32 ? ed25519(wire, point) : undefined;
  }
  const e = unsigned(reader.string());
  const n = unsigned(reader.string());
  return reader.done() && wire.equals(rsaWire(e, n)) ? rsa(wire, e, n) : undefined;
}

/** @returns an RSA key as SSH writes it on the wire. @param e exponent and modulus, most significant byte first */
export function rsaWire(e: Uint8Array, n: Uint8Array): Buffer {
  return Buffer.concat([wireString('ssh-rsa'), wireMpint(e), wireMpint(n)]);
}

/** The bytes of an mpint, without the zero that keeps it positive. */
export function unsigned(mpint: Buffer): Buffer {
  return mpint[0] === 0 ? mpint.subarray(1) : mpint;
}

function ed25519(wire: Buffer, point: Buffer): SshEd25519Recipient | Refusal {
  try {
    return new SshEd25519Recipient(wire, point);
  } catch {
    return { why: 'not a sound Ed25519 key: it was changed, or it is degenerate', hint: WHOLE_LINE };
  }
}

function rsa(wire: Buffer, e: Buffer, n: Buffer): SshRsaRecipient | Refusal | undefined {
  if (n.length === 0 || e.length === 0) return undefined;
  const bits = n.length * 8 - Math.clz32(n[0]!) + 24;
  if (bits < MIN_BITS)
    return { why: `an RSA key of ${bits} bits is too weak: ${MIN_BITS} are the least`, hint: ANOTHER };
  if (bits > MAX_BITS) return { why: `an RSA key of more than ${MAX_BITS} bits is too large`, hint: ANOTHER };
  const isOdd = (number: Buffer) => (number.at(-1)! & 1) === 1;
  if (!isOdd(n)) return undefined;
  if (!isOdd(e) || e.length > MAX_EXPONENT_BYTES || (e.length === 1 && e[0]! < 3))
    return { why: 'the exponent of this RSA key is not one that can be used', hint: ANOTHER };
  const jwk = { kty: 'RSA', e: e.toString('base64url'), n: n.toString('base64url') };
  try {
    return new SshRsaRecipient(wire, createPublicKey({ key: jwk, format: 'jwk' }));
  } catch {
    return undefined;
  }
}
