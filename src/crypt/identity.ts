// age's keys as text: secret ones (identities) and public ones (recipients). It makes, checks and converts them,
// and never puts one into a failure: bech32 decoders quote what they were given, so their errors stop here.
import { randomBytes } from 'node:crypto';
import { bech32 } from '@scure/base';
import { UsageError } from '../errors.ts';
import { publicKeyOf } from './x25519.ts';

/** `x25519` is age's classic key; `hybrid` its post-quantum one (ML-KEM-768 with X25519), read by age 1.3. */
export type IdentityKind = 'x25519' | 'hybrid';

const IDENTITY_SIZE = 32;
const IDENTITY_PREFIX: Record<IdentityKind, string> = {
  x25519: 'AGE-SECRET-KEY-',
  hybrid: 'AGE-SECRET-KEY-PQ-',
};
const RECIPIENT_PREFIX: Record<IdentityKind, string> = { x25519: 'age', hybrid: 'age1pq' };
const ML_KEM_MODULUS = 3329;
const RECIPIENT_SIZE: Record<IdentityKind, number> = { x25519: 32, hybrid: 1216 };

/**
 * Makes a new identity from 32 random bytes.
 *
 * @returns `AGE-SECRET-KEY-1…` or `AGE-SECRET-KEY-PQ-1…`
 */
export async function generateIdentity(kind: IdentityKind): Promise<string> {
  return identityFrom(kind, randomBytes(IDENTITY_SIZE));
}

/**
 * The identity of given secret bytes.
 *
 * @param secret 32 bytes, as `identitySecret` gives them
 * @returns `AGE-SECRET-KEY-1…` or `AGE-SECRET-KEY-PQ-1…`
 */
export function identityFrom(kind: IdentityKind, secret: Uint8Array): string {
  return encode(IDENTITY_PREFIX[kind], secret).toUpperCase();
}

/**
 * The public side of an identity.
 *
 * @returns `age1…` or `age1pq1…`
 * @throws UsageError `bad-identity`
 */
export async function recipientOf(identity: string): Promise<string> {
  const { kind, secret } = parseIdentity(identity);
  if (kind === 'x25519') return encode(RECIPIENT_PREFIX.x25519, publicKeyOf(secret));
  const { hybridRecipientOf } = await import('./hybrid.ts');
  return hybridRecipientOf(identity);
}

/**
 * The 32 secret bytes of an identity.
 *
 * @throws UsageError `bad-identity`
 */
export function identitySecret(identity: string): Uint8Array {
  return parseIdentity(identity).secret;
}

/**
 * Takes an identity apart, checking it fully.
 *
 * @throws UsageError `bad-identity`
 */
export function parseIdentity(identity: string): { kind: IdentityKind; secret: Uint8Array } {
  for (const kind of ['x25519', 'hybrid'] as const) {
    const secret = decode(IDENTITY_PREFIX[kind], identity);
    if (secret?.length === IDENTITY_SIZE) return { kind, secret };
  }
  throw new UsageError('bad-identity', 'this is no age identity, or a letter of it is wrong');
}

/**
 * Reads an identity file as `age-keygen` writes it: an identity a line, comments after `#`, empty lines.
 *
 * @param object what the file is called in a failure
 * @returns the identities, at least one
 * @throws UsageError `bad-identity-file`, which names the line by its number and never quotes it
 */
export function parseIdentityFile(text: string, object: string): string[] {
  const identities: string[] = [];
  for (const [index, line] of text.split(/\r?\n/).entries()) {
    if (line === '' || line.startsWith('#')) continue;
    try {
      parseIdentity(line);
    } catch {
      throw new UsageError('bad-identity-file', `line ${index + 1} of ${object} is no age identity`, {
        object,
        hint: hintForLine(line),
      });
    }
    identities.push(line);
  }
  if (identities.length > 0) return identities;
  throw new UsageError('bad-identity-file', `${object} holds no age identity`, {
    object,
    hint: 'it should hold a line that begins AGE-SECRET-KEY-',
  });
}

/**
 * Which kind of key a recipient is, checking it fully.
 *
 * @param recipient `age1…` or `age1pq1…`
 * @throws UsageError `bad-recipient`
 */
export function recipientKind(recipient: string): IdentityKind {
  return parseRecipient(recipient).kind;
}

/**
 * Takes a recipient apart, checking it fully.
 *
 * @throws UsageError `bad-recipient`
 */
export function parseRecipient(recipient: string): { kind: IdentityKind; publicKey: Uint8Array } {
  for (const kind of ['x25519', 'hybrid'] as const) {
    const publicKey = decode(RECIPIENT_PREFIX[kind], recipient);
    if (publicKey?.length !== RECIPIENT_SIZE[kind]) continue;
    if (kind === 'x25519' || isReduced(publicKey)) return { kind, publicKey };
  }
  throw new UsageError('bad-recipient', 'this is no age recipient, or a letter of it is wrong', {
    hint: hintForRecipient(recipient),
  });
}

function hintForLine(line: string): string {
  if (line.startsWith('-----BEGIN '))
    return 'this looks like another kind of key or an armoured file, not an age identity';
  if (line.startsWith('age-encryption.org/')) return 'the file is encrypted; decrypt it first with `age -d`';
  if (line.startsWith('AGE-PLUGIN-'))
    return 'plugin identities are not supported; use a key made by age-keygen';
  if (line.startsWith('age1'))
    return 'this is a recipient, the public side; the identity begins AGE-SECRET-KEY-';
  return 'each line must be an identity as age-keygen writes it, a comment or empty';
}

function hintForRecipient(text: string): string {
  // A secret where a public key belongs has probably just been put into a shell history or a config.
  if (/^AGE-SECRET-KEY-/i.test(text))
    return 'this is the secret side; give what `age-keygen -y` prints for it';
  if (/^(ssh-|ecdsa-|sk-)/.test(text))
    return 'this is an SSH key, which is added as one; here give an age1… recipient';
  if (/^age1tag(pq)?1/.test(text))
    return 'keys on hardware tokens need a plugin and are not supported; give an age1… recipient';
  if (/^age1[a-z0-9-]+1/.test(text) && !text.startsWith('age1pq1')) {
    return 'plugin recipients are not supported; give an age1… recipient made by age-keygen';
  }
  return 'a recipient begins age1 or age1pq1 and is printed by `age-keygen -y`; copy it whole';
}

/**
 * Whether an ML-KEM-768 key holds numbers below the modulus only. The package means to check this when it encrypts,
 * but what it compares is always equal.
 *
 * @see FIPS 203 section 7.2, "modulus check"
 */
function isReduced(publicKey: Uint8Array): boolean {
  // 768 numbers of 12 bits, little-endian, two in three bytes.
  for (let at = 0; at < 1152; at += 3) {
    const pair = publicKey[at]! | (publicKey[at + 1]! << 8) | (publicKey[at + 2]! << 16);
    if ((pair & 0xfff) >= ML_KEM_MODULUS || pair >>> 12 >= ML_KEM_MODULUS) return false;
  }
  return true;
}

function encode(prefix: string, bytes: Uint8Array): string {
  // Without bech32's length limit, which age lifts.
  return bech32.encode(prefix, bech32.toWords(bytes), false);
}

function decode(prefix: string, text: string): Uint8Array | undefined {
  if (!text.startsWith(`${prefix}1`)) return undefined;
  try {
    const decoded = bech32.decode(text as `${string}1${string}`, false);
    return decoded.prefix === prefix.toLowerCase() ? bech32.fromWords(decoded.words) : undefined;
  } catch {
    return undefined;
  }
}
