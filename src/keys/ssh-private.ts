// SSH private key files: OpenSSH's own format, with a passphrase or without, and unencrypted PEM. The public half is
// read at once, the secret one when it is asked for. It never says anything of a key's content.
import { createPrivateKey, createPublicKey, type KeyObject, randomBytes } from 'node:crypto';
import type { Identity, Recipient } from 'age-encryption';
import { SshEd25519Identity } from '../crypt/ssh-ed25519.ts';
import { SshRsaIdentity } from '../crypt/ssh-rsa.ts';
import { UnlockError, UsageError } from '../errors.ts';
import { readKeyBlock, readKeyFile, readLines, readSecret } from '../sign/openssh.ts';
import { readWire, type WireReader, wireString } from '../sign/wire.ts';
import { beginsAsSshKey, readWireKey, rsaWire, unsigned } from './ssh-public.ts';
import { lockOf, unlockSecret } from './ssh-secret.ts';

export interface SshPrivateKey {
  /** Its public half, canonical. */
  readonly line: string;
  /** Whether `open` needs a passphrase. */
  readonly isEncrypted: boolean;
  /**
   * @param passphrase may be anything where none is needed
   * @throws UnlockError `wrong-ssh-passphrase`; UsageError `bad-ssh-key`
   */
  open(passphrase: string): Promise<Identity>;
}

/** What the secret half is made of. */
type Secret = { readonly seed: Buffer } | { readonly key: KeyObject };

const CONVERT = 'ssh-keygen -p -f FILE writes it anew in a form that can be read';
const NO_CLEAR_BLOCK = 8;

/**
 * @param text the content of a private key file
 * @param source names it in messages
 * @throws UsageError `bad-ssh-key`
 */
export function readSshPrivateKey(text: string, source: string): SshPrivateKey {
  const block = readKeyBlock(text);
  if (!block) throw notPrivate(text, source);
  switch (block.kind) {
    case 'OPENSSH ':
      return fromOpenSsh(block.lines, source);
    case 'RSA ':
    case '':
      // The header of RFC 1421, which OpenSSL wrote before there was a better way.
      if (block.lines.includes('ENCRYPTED')) throw encryptedPem(source);
      return fromPem(text, source);
    case 'ENCRYPTED ':
      throw encryptedPem(source);
    default:
      throw wrongType(source);
  }
}

function fromOpenSsh(lines: string, source: string): SshPrivateKey {
  const blob = readLines(lines);
  const file = blob && readKeyFile(blob);
  if (!file) throw malformed(source);
  const wire = file.publicBlob;
  const { line, type, recipient } = publicHalf(wire, source);
  const locked = file.encrypted ? lockOf(file, source) : undefined;
  if (!locked && file.tag.length > 0) throw malformed(source);
  return {
    line,
    isEncrypted: file.encrypted,
    async open(passphrase) {
      const clear = locked ? await unlockSecret(locked, passphrase) : file.secret;
      const secret = clear && readSecret(clear, locked?.block ?? NO_CLEAR_BLOCK, fieldsOf(type, wire));
      if (!secret) throw locked ? wrongPassphrase(source) : malformed(source);
      const identity = identityOf(wire, secret);
      if (locked) clear.fill(0);
      return belonging(identity, recipient, source);
    },
  };
}

/** Reads the secret half of a key whose public half is `wire`. */
function fieldsOf(expected: string, wire: Buffer) {
  return (type: string, reader: WireReader): Secret | undefined => {
    if (type !== expected) return undefined;
    if (type === 'ssh-ed25519') {
      const point = reader.string();
      const both = reader.string();
      const isHere = wire.equals(Buffer.concat([wireString(type), wireString(point)]));
      return isHere && both.length === 64 && both.subarray(32).equals(point)
        ? { seed: both.subarray(0, 32) }
        : undefined;
    }
    const [n, e, d, qi, p, q] = Array.from({ length: 6 }, () => unsigned(reader.string()));
    if (!wire.equals(rsaWire(e!, n!))) return undefined;
    const key = rsaKey({ n: n!, e: e!, d: d!, qi: qi!, p: p!, q: q! });
    return key && { key };
  };
}

/** OpenSSH leaves out the two exponents of the Chinese remainder theorem. */
function rsaKey(parts: Readonly<Record<'n' | 'e' | 'd' | 'qi' | 'p' | 'q', Buffer>>): KeyObject | undefined {
  const number = (bytes: Buffer): bigint => BigInt(`0x0${bytes.toString('hex')}`);
  const [n, d, p, q] = [number(parts.n), number(parts.d), number(parts.p), number(parts.q)];
  if (p < 3n || q < 3n || p * q !== n) return undefined;
  const bytes = (value: bigint): Buffer => {
    const hex = value.toString(16);
    return Buffer.from(hex.padStart(hex.length + (hex.length & 1), '0'), 'hex');
  };
  const all = { ...parts, dp: bytes(d % (p - 1n)), dq: bytes(d % (q - 1n)) };
  const jwk = Object.fromEntries(
    Object.entries(all).map(([name, value]) => [name, value.toString('base64url')]),
  );
  try {
    return createPrivateKey({ key: { kty: 'RSA', ...jwk }, format: 'jwk' });
  } catch {
    return undefined;
  }
}

function fromPem(text: string, source: string): SshPrivateKey {
  let key: KeyObject;
  try {
    key = createPrivateKey({ key: text.trim(), format: 'pem' });
  } catch {
    // OpenSSL's own words are for its developers.
    throw malformed(source);
  }
  const jwk = createPublicKey(key).export({ format: 'jwk' });
  const part = (value = ''): Buffer => Buffer.from(value, 'base64url');
  const isRsa = key.asymmetricKeyType === 'rsa';
  if (!isRsa && key.asymmetricKeyType !== 'ed25519') throw wrongType(source);
  const wire = isRsa
    ? rsaWire(part(jwk.e), part(jwk.n))
    : Buffer.concat([wireString('ssh-ed25519'), wireString(part(jwk.x))]);
  const { line, recipient } = publicHalf(wire, source);
  return {
    line,
    isEncrypted: false,
    async open() {
      const identity = isRsa
        ? new SshRsaIdentity(wire, key)
        : new SshEd25519Identity(wire, part(key.export({ format: 'jwk' }).d));
      return belonging(identity, recipient, source);
    },
  };
}

/** @throws UsageError `bad-ssh-key` for a type that age has no use for, or a key that is not sound */
function publicHalf(wire: Buffer, source: string): { line: string; type: string; recipient: Recipient } {
  const type = readWire(wire).string().toString('latin1');
  if (type !== 'ssh-ed25519' && type !== 'ssh-rsa') throw wrongType(source, type);
  const recipient = readWireKey(type, wire);
  if (recipient === undefined) throw malformed(source);
  if ('why' in recipient) {
    throw new UsageError('bad-ssh-key', `${source}: ${recipient.why}`, {
      object: source,
      hint: recipient.hint,
    });
  }
  return { line: `${type} ${wire.toString('base64')}`, type, recipient };
}

function identityOf(wire: Buffer, secret: Secret): SshEd25519Identity | SshRsaIdentity {
  return 'seed' in secret ? new SshEd25519Identity(wire, secret.seed) : new SshRsaIdentity(wire, secret.key);
}

/** Holds the two halves to each other: it opens what is encrypted to the public one. */
async function belonging(
  identity: SshEd25519Identity | SshRsaIdentity,
  recipient: Recipient,
  source: string,
): Promise<Identity> {
  const probe = randomBytes(16);
  const opened = identity.unwrapFileKey(await recipient.wrapFileKey(probe));
  if (!opened || !probe.equals(opened)) throw malformed(source);
  return identity;
}

function refusal(source: string, message: string, hint: string): UsageError {
  return new UsageError('bad-ssh-key', message, { object: source, hint });
}

function malformed(source: string): UsageError {
  return refusal(
    source,
    `${source} is not a sound SSH private key`,
    `see what ssh-keygen -y -f FILE says of it; the file may be cut or changed`,
  );
}

function encryptedPem(source: string): UsageError {
  return refusal(source, `${source} is an encrypted key in the old PEM format`, CONVERT);
}

function wrongType(source: string, type = ''): UsageError {
  const isToken = type.startsWith('sk-');
  return refusal(
    source,
    `${source} is ${isToken ? 'a key on a security token, which' : 'an SSH key of a type that'} cannot decrypt`,
    'give an Ed25519 or RSA key, or an age identity',
  );
}

function notPrivate(text: string, source: string): UsageError {
  if (beginsAsSshKey(text.trim())) {
    return refusal(
      source,
      `${source} is the public half of an SSH key`,
      'give the private key file, the one without .pub; one that only ssh-agent or a token holds cannot decrypt',
    );
  }
  if (text.startsWith('PuTTY-')) {
    return refusal(source, `${source} is in PuTTY's format`, 'puttygen FILE -O private-openssh converts it');
  }
  return malformed(source);
}

function wrongPassphrase(source: string): UnlockError {
  return new UnlockError('wrong-ssh-passphrase', `the passphrase does not open the SSH key ${source}`, {
    object: source,
    hint: 'it is the passphrase of the key file, not of the vault; ssh-keygen -y -f FILE asks for the same',
  });
}
