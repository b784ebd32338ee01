// What a passphrase does to OpenSSH's private key files: bcrypt, then a cipher (PROTOCOL.key in OpenSSH's source).
// Which ciphers and how much work are judged before anybody is asked.
import { createDecipheriv } from 'node:crypto';
import { UsageError } from '../errors.ts';
import type { KeyFile } from '../sign/openssh.ts';
import { readWire } from '../sign/wire.ts';

/** A private section that can be unlocked. */
export interface Locked {
  /** Bytes in a block of the cipher. */
  readonly block: number;
  readonly cipher: 'ctr' | 'cbc' | 'gcm';
  /** Bits of the key. */
  readonly bits: number;
  readonly salt: Buffer;
  readonly rounds: number;
  readonly secret: Buffer;
  readonly tag: Buffer;
}

const CIPHER = /^aes(128|192|256)-(ctr|cbc)$|^aes(128|256)-(gcm)@openssh\.com$/;
const BLOCK = 16;
const TAG_SIZE = 16;
/** Bytes of the initial vector; what a GCM key counts on is no part of it. */
const IV_SIZE = { ctr: 16, cbc: 16, gcm: 12 };
/** ssh-keygen writes 16 (24 from 9.9 on) unless told; a round takes some 20 ms here, during which nothing else runs. */
const MAX_ROUNDS = 1024;
const MAX_SALT = 1024;

/** @throws UsageError `bad-ssh-key` for a cipher or an amount of work that is not tried, and for what is malformed */
export function lockOf(file: KeyFile, source: string): Locked {
  const found = CIPHER.exec(file.cipher);
  const cipher = (found?.[2] ?? found?.[4]) as Locked['cipher'] | undefined;
  if (file.kdf !== 'bcrypt' || cipher === undefined) {
    throw refusal(
      source,
      'is encrypted in a way that is not supported',
      'ssh-keygen -p -Z aes256-ctr -f FILE writes it anew',
    );
  }
  const options = readWire(file.kdfOptions);
  const salt = options.string();
  const rounds = options.uint32();
  const { secret, tag } = file;
  const isSound =
    options.done() &&
    salt.length > 0 &&
    salt.length <= MAX_SALT &&
    rounds > 0 &&
    secret.length > 0 &&
    secret.length % BLOCK === 0 &&
    tag.length === (cipher === 'gcm' ? TAG_SIZE : 0);
  if (!isSound) throw refusal(source, 'is not a sound SSH private key', 'the file may be cut or changed');
  if (rounds > MAX_ROUNDS) {
    throw refusal(
      source,
      `takes more than ${MAX_ROUNDS} rounds of bcrypt to open`,
      'ssh-keygen -p -a 100 -f FILE writes it anew with fewer',
    );
  }
  return { block: BLOCK, cipher, bits: Number(found?.[1] ?? found?.[3]), salt, rounds, secret, tag };
}

/** @returns the private section in clear, if the passphrase is the right one: else anything, or undefined */
export async function unlockSecret(locked: Locked, passphrase: string): Promise<Buffer | undefined> {
  const { cipher, bits, salt, rounds, secret, tag } = locked;
  const { pbkdf } = (await import('bcrypt-pbkdf')).default;
  const keySize = bits / 8;
  const derived = Buffer.alloc(keySize + IV_SIZE[cipher]);
  const words = Buffer.from(passphrase);
  try {
    const size = derived.length;
    if (pbkdf(words, words.length, salt, salt.length, derived, size, rounds) !== 0) return undefined;
    const [key, iv] = [derived.subarray(0, keySize), derived.subarray(keySize)];
    if (cipher === 'gcm') {
      const decipher = createDecipheriv(bits === 128 ? 'aes-128-gcm' : 'aes-256-gcm', key, iv, {
        authTagLength: TAG_SIZE,
      });
      decipher.setAuthTag(tag);
      const clear = decipher.update(secret);
      decipher.final();
      return clear;
    }
    const decipher = createDecipheriv(`aes-${bits}-${cipher}`, key, iv).setAutoPadding(false);
    const clear = decipher.update(secret);
    decipher.final();
    return clear;
  } catch {
    // The tag of GCM does not fit.
    return undefined;
  } finally {
    derived.fill(0);
    words.fill(0);
  }
}

function refusal(source: string, what: string, hint: string): UsageError {
  return new UsageError('bad-ssh-key', `${source} ${what}`, { object: source, hint });
}
