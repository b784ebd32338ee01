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
  if (kind === 'certificate') {
    const { subject, issuer, expires, publicKey } = certificateOf(block) ?? {};
    if (subject === undefined || issuer === undefined || expires === undefined) return undefined;
    return { subject, issuer, expires, ...(publicKey ? { public_key: publicKey } : {}) };
  }
  if (kind !== 'public-key' && kind !== 'private-key') return undefined;
  const publicKey = kind === 'public-key' ? publicKeyOf(block) : publicHalfOf(label, block, inner);
  return publicKey === undefined ? undefined : { public_key: publicKey };
}

/** What is public in a certificate. */
export interface CertificateFacts {
  /** One line; where it is empty, the names that the certificate is for. */
  readonly subject: string;
  readonly issuer: string;
  /** From when and until when it counts, in UTC, to the second. */
  readonly begins: string;
  readonly expires: string;
  /** Fingerprint of its key; undefined for one of a kind that OpenSSL does not know. */
  readonly publicKey: string | undefined;
  /** Whether it may sign other certificates. */
  readonly isAuthority: boolean;
}

/** @param block PEM, with its first and last line @returns undefined for what is no certificate */
export function certificateOf(block: string): CertificateFacts | undefined {
  try {
    const certificate = new X509Certificate(block);
    const { subject, issuer, validFrom, validTo, subjectAltName, ca } = certificate;
    return {
      // Node gives undefined for a name without any field.
      subject: oneLine(subject || subjectAltName || '(no name)'),
      issuer: oneLine(issuer || '(no name)'),
      begins: toSecond(validFrom),
      expires: toSecond(validTo),
      publicKey: keyOf(certificate),
      isAuthority: ca,
    };
  } catch {
    return undefined;
  }
}

const toSecond = (time: string): string => `${new Date(time).toISOString().slice(0, 19)}Z`;

function keyOf(certificate: X509Certificate): string | undefined {
  try {
    return fingerprintOf(certificate.publicKey);
  } catch {
    return undefined;
  }
}

/** @param block PEM @returns the fingerprint; undefined for what is no public key */
export function publicKeyOf(block: string): string | undefined {
  try {
    return fingerprintOf(createPublicKey(block));
  } catch {
    return undefined;
  }
}

/** RSA, RSA-PSS, EC, Ed25519 and Ed448, as PKCS 8 names them in DER. */
const KNOWN_KEYS = ['2a864886f70d010101', '2a864886f70d01010a', '2a8648ce3d0201', '2b6570', '2b6571'];
/** DSA and DH, under any label: OpenSSL works out their public half at once, for hours where the numbers are large. */
const SLOW_KEYS = ['2a8648ce380401', '2b0e03020c', '2a864886f70d010301', '2a8648ce3e0201'].map((oid) =>
  Buffer.from(oid, 'hex'),
);
const KEY_LABEL = /^(?:(?:RSA|EC) )?PRIVATE KEY$/;
/** RSA of 16384 bits takes 10 KiB. */
const MAX_KEY_BYTES = 16 * 1024;
/** Where in PKCS 8 the kind of key stands: behind two lengths and a version. */
const KIND_WITHIN = 32;

/**
 * The public half of a private key.
 * @param label of the block: `EC PRIVATE KEY`
 * @param block PEM
 * @param inner the base64 between its first and last line
 * @returns its fingerprint; undefined where it is encrypted, or none that certificates and SSH have
 */
export function publicHalfOf(label: string, block: string, inner: string): string | undefined {
  try {
    if (label === 'OPENSSH PRIVATE KEY') return openSshFingerprint(inner);
    if (!KEY_LABEL.test(label)) return undefined;
    const der = Buffer.from(inner, 'base64');
    if (der.length > MAX_KEY_BYTES || SLOW_KEYS.some((oid) => der.includes(oid))) return undefined;
    const kind = der.toString('hex', 0, KIND_WITHIN);
    if (label === 'PRIVATE KEY' && !KNOWN_KEYS.some((known) => kind.includes(known))) return undefined;
    return fingerprintOf(createPublicKey(createPrivateKey(block)));
  } catch {
    // Encrypted, or damaged: it is compared all the same.
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
