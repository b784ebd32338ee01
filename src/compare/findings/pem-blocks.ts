// The certificates and keys in the text of any file: PEM as it is, indented as in YAML, with `\n` for its line ends as
// in JSON, or in base64 as in a Kubernetes Secret. Keeps what is public of them, and no key.
import { createHash } from 'node:crypto';
import { certificateOf, publicHalfOf, publicKeyOf } from '../pem.ts';

export interface FoundCertificate {
  readonly subject: string;
  /** From when it counts, and until when: times as in documents. */
  readonly begins: string;
  readonly expires: string;
  readonly publicKey: string | undefined;
  readonly isAuthority: boolean;
}

/** What one file holds. */
export interface PemFile {
  readonly path: string;
  readonly certificates: readonly FoundCertificate[];
  /** Fingerprints of the public halves of its private keys; undefined for one that cannot be judged. */
  readonly keys: readonly (string | undefined)[];
  /** Fingerprints of public keys that stand there by themselves. */
  readonly publicKeys: readonly string[];
}

/** How much OpenSSL is still asked. A refusal takes it twenty times as long as a certificate. */
export interface Effort {
  blocks: number;
  refusals: number;
  /** How many certificates and keys are still kept. */
  places: number;
  /** By hash: one certificate stands in many files, an intermediate one in all of them. */
  readonly known: Map<string, FoundCertificate>;
}

/** What every block begins with. */
export const PEM_BEGIN = Buffer.from('-----BEGIN ');
/** The same in base64, at the beginning of a value. */
export const HIDDEN_BEGIN = Buffer.from('LS0tLS1CRUdJTi');

const HIDDEN = /LS0tLS1CRUdJTi[A-Za-z0-9+/]+=*/g;
const END = /-----END ([A-Z0-9 ]{1,60})-----/g;
const CERTIFICATE = /^(?:X509 |TRUSTED )?CERTIFICATE$/;
const BASE64 = /^[A-Za-z0-9+/]+={0,2}$/;
/** A certificate with the largest signature that there is has 70 KiB. */
const MAX_INNER = 128 * 1024;

interface Block {
  readonly label: string;
  /** Without white space. */
  readonly inner: string;
  /** As OpenSSL takes it. */
  readonly pem: string;
}

/**
 * @param text as latin1, of at most 256 KiB
 * @param effort is spent; nothing is looked into once it is
 */
export function readPemBlocks(path: string, text: string, effort: Effort): PemFile {
  const certificates: FoundCertificate[] = [];
  const keys: (string | undefined)[] = [];
  const publicKeys: string[] = [];
  for (const { label, inner, pem } of blocksOf(text)) {
    const isKey = label.endsWith('PRIVATE KEY');
    const isCertificate = CERTIFICATE.test(label);
    if (!isKey && !isCertificate && label !== 'PUBLIC KEY') continue;
    if (isSpent(effort)) break;
    effort.places -= 1;
    const isSound = inner.length <= MAX_INNER && BASE64.test(inner);
    if (isKey) {
      // A key that is encrypted in the old way has headers, which are no base64.
      const isJudged = isSound && label !== 'OPENSSH PRIVATE KEY' && label !== 'ENCRYPTED PRIVATE KEY';
      const key = isJudged ? publicHalfOf(label, pem, inner) : undefined;
      spend(effort, isJudged && key === undefined);
      keys.push(key);
    } else if (isSound && isCertificate) {
      const certificate = foundCertificate(pem, effort);
      if (certificate) certificates.push(certificate);
    } else if (isSound) {
      const key = publicKeyOf(pem);
      spend(effort, key === undefined);
      if (key !== undefined) publicKeys.push(key);
    }
  }
  return { path, certificates, keys, publicKeys };
}

/** Whether nothing more is looked into. */
export function isSpent({ blocks, refusals, places }: Effort): boolean {
  return blocks <= 0 || refusals <= 0 || places <= 0;
}

function spend(effort: Effort, isRefused: boolean): void {
  effort.blocks -= 1;
  if (isRefused) effort.refusals -= 1;
}

function foundCertificate(pem: string, effort: Effort): FoundCertificate | undefined {
  const hash = createHash('sha256').update(pem).digest('base64');
  const known = effort.known.get(hash);
  if (known) return known;
  const read = certificateOf(pem);
  spend(effort, read === undefined);
  if (!read) return undefined;
  const { subject, begins, expires, publicKey, isAuthority } = read;
  const certificate = { subject, begins, expires, publicKey, isAuthority };
  effort.known.set(hash, certificate);
  return certificate;
}

function* blocksOf(text: string): Generator<Block> {
  yield* blocksIn(text);
  for (const [hidden] of text.matchAll(HIDDEN))
    yield* blocksIn(Buffer.from(hidden, 'base64').toString('latin1'));
}

/** Every text is looked at once, forwards: a file of beginnings without an end must take no time. */
function* blocksIn(text: string): Generator<Block> {
  let from = 0;
  for (const { 0: ending, 1: label = '', index } of text.matchAll(END)) {
    const beginning = `-----BEGIN ${label}-----`;
    const before = text.slice(from, index);
    from = index + ending.length;
    const at = before.lastIndexOf(beginning);
    if (at < 0) continue;
    const inner = before.slice(at + beginning.length).replace(/\\[nrt]|\s+/g, '');
    const lines = inner.match(/.{1,64}/g) ?? [];
    yield { label, inner, pem: `${beginning}\n${lines.join('\n')}\n${ending}\n` };
  }
}
