// PEM files, block by block: of a certificate its subject, issuer and expiry, of any key the fingerprint of the public
// half. What a block holds is compared, never shown.
import { createHash, createPrivateKey, createPublicKey, type KeyObject, X509Certificate } from 'node:crypto';
import { checkCount, type FoundValue, NotNamed, OTHER_LINES, type ValueKind } from './named-value.ts';
import { clipName } from './shown.ts';

const BEGIN = /-----BEGIN ([A-Z0-9 ]{1,60})-----/g;

/** Blocks that are looked into; OpenSSL takes its time to say that something is no key. */
const MAX_FACTS = 500;

/** What blocks are called here. RSA, EC and PKCS 8 hold the same kind of thing; any other label may be a value. */
const LABELS: readonly (readonly [label: RegExp, name: string, kind: ValueKind])[] = [
  [/^(?:NEW )?CERTIFICATE REQUEST$/, 'certificate request', 'pem'],
  [/^(?:X509 |TRUSTED )?CERTIFICATE$/, 'certificate', 'certificate'],
  [/PRIVATE KEY(?: BLOCK)?$/, 'private key', 'private-key'],
  [/PUBLIC KEY(?: BLOCK)?$/, 'public key', 'public-key'],
  [/ PARAMETERS$/, 'parameters', 'pem'],
  [/^X509 CRL$/, 'revocation list', 'pem'],
  [/(?:)/, 'block', 'pem'],
];

/** Whether text holds a PEM block. */
export function looksLikePem(text: string): boolean {
  return /(?:^|\n)-----BEGIN [A-Z0-9 ]{1,60}-----/.test(text);
}

/** @throws NotNamed for a block that does not end */
export function readPem(text: string): FoundValue[] {
  const found: FoundValue[] = [];
  const others: string[] = [];
  let at = 0;
  for (;;) {
    BEGIN.lastIndex = at;
    const begin = BEGIN.exec(text);
    if (!begin) break;
    const ending = `-----END ${begin[1]}-----`;
    const end = text.indexOf(ending, BEGIN.lastIndex);
    if (end < 0) throw new NotNamed('holds a block that does not end');
    others.push(text.slice(at, begin.index));
    at = end + ending.length;
    const inner = text.slice(BEGIN.lastIndex, end);
    found.push(blockOf(begin[1]!, text.slice(begin.index, at), inner, found.length < MAX_FACTS));
    checkCount(found.length);
  }
  if (found.length === 0) throw new NotNamed('holds no block');
  const rest = [...others, text.slice(at)].join('').trim();
  if (rest !== '') found.push({ name: OTHER_LINES, kind: 'rest', text: rest });
  return found;
}

function blockOf(label: string, block: string, inner: string, isLookedInto: boolean): FoundValue {
  const [, name, kind] = LABELS.find(([pattern]) => pattern.test(label))!;
  const facts = isLookedInto ? factsOf(kind, label, block, inner) : undefined;
  // Line ends and widths differ from tool to tool.
  const text = inner.replace(/\s/g, '');
  return { name, kind, text, likely: kind === 'private-key', ...(facts ? { facts } : {}) };
}

function factsOf(
  kind: ValueKind,
  label: string,
  block: string,
  inner: string,
): Record<string, string> | undefined {
  try {
    if (kind === 'certificate') {
      const { subject, issuer, validTo, publicKey } = new X509Certificate(block);
      return {
        subject: oneLine(subject),
        issuer: oneLine(issuer),
        expires: `${new Date(validTo).toISOString().slice(0, 19)}Z`,
        public_key: fingerprintOf(publicKey),
      };
    }
    if (kind === 'public-key') return { public_key: fingerprintOf(createPublicKey(block)) };
    if (kind !== 'private-key') return undefined;
    if (label === 'OPENSSH PRIVATE KEY') return { public_key: openSshFingerprint(inner) };
    return { public_key: fingerprintOf(createPublicKey(createPrivateKey(block))) };
  } catch {
    // Encrypted, or of a kind that OpenSSL does not know: it is compared all the same.
    return undefined;
  }
}

const oneLine = (name: string): string => clipName(name.replaceAll('\n', ', '));

const sha256 = (bytes: Buffer): string =>
  `SHA256:${createHash('sha256').update(bytes).digest('base64').replace(/=+$/, '')}`;

/** Of the public key in DER (SubjectPublicKeyInfo), so that a certificate and its key show the same. */
function fingerprintOf(key: KeyObject): string {
  return sha256(key.export({ type: 'spki', format: 'der' }));
}

/** As `ssh-keygen -l` has it: the public half stands in the clear (OpenSSH PROTOCOL.key). */
function openSshFingerprint(inner: string): string {
  const bytes = Buffer.from(inner, 'base64');
  let at = 'openssh-key-v1\0'.length;
  const next = (): Buffer => {
    const start = at + 4;
    at = start + bytes.readUInt32BE(at);
    if (at > bytes.length) throw new NotNamed('holds a key that is cut off');
    return bytes.subarray(start, at);
  };
  // Cipher, key derivation, its options; then how many keys there are.
  for (let i = 0; i < 3; i++) next();
  at += 4;
  return sha256(next());
}
