// Whose private keys does this file hold? Used to refuse backing up a key that opens or writes the same vault. It reads
// public halves only, never a secret it could leak, and is no validator: what it cannot read it does not name.

import { createPrivateKey, createPublicKey } from 'node:crypto';
import { ED25519, publicKeyLine } from './key.ts';
import { readKeyFile } from './openssh.ts';
import { readWire, wireMpint, wireString } from './wire.ts';

const MARK = 'PRIVATE KEY-----';
const BLOCK = /-----BEGIN (OPENSSH |RSA |)PRIVATE KEY-----([^-]*)-----END /g;
const BEGIN_LENGTH = '-----BEGIN OPENSSH '.length;

/**
 * Finds the SSH private keys in a file: in OpenSSH's own format, encrypted or not, or (as OpenSSH wrote RSA keys
 * until 7.8) in unencrypted PEM. Indented blocks and blocks with escaped newlines are found, since keys also sit in
 * manifests and `.env` files.
 * @param text the bytes of any file
 * @returns their public key lines without a comment, such as `ssh-ed25519 …` or `ssh-rsa …`, each once and in order.
 * Never throws.
 */
export function publicHalvesOfPrivateKeys(text: Uint8Array): string[] {
  const bytes = Buffer.from(text.buffer, text.byteOffset, text.byteLength);
  const mark = bytes.indexOf(MARK);
  if (mark < 0) return [];
  const found = new Set<string>();
  const rest = bytes.toString('latin1', Math.max(0, mark - BEGIN_LENGTH));
  for (const [, kind, base64 = ''] of rest.matchAll(BLOCK)) {
    const blob = Buffer.from(base64.replace(/\\[nr]|\s+/g, ''), 'base64');
    const half = kind === 'OPENSSH ' ? fromOpenSsh(blob) : fromDer(blob, kind ? 'pkcs1' : 'pkcs8');
    if (half !== undefined) found.add(half);
  }
  return [...found];
}

function fromOpenSsh(blob: Buffer): string | undefined {
  const publicBlob = readKeyFile(blob)?.publicBlob;
  if (!publicBlob) return undefined;
  const type = readWire(publicBlob).string().toString('latin1');
  return /^[a-z0-9@.-]+$/.test(type) ? publicKeyLine(publicBlob, type) : undefined;
}

function fromDer(der: Buffer, type: 'pkcs1' | 'pkcs8'): string | undefined {
  try {
    const jwk = createPublicKey(createPrivateKey({ key: der, format: 'der', type })).export({
      format: 'jwk',
    });
    const part = (value = ''): Buffer => Buffer.from(value, 'base64url');
    if (jwk.kty === 'RSA') return line('ssh-rsa', wireMpint(part(jwk.e)), wireMpint(part(jwk.n)));
    if (jwk.crv === 'Ed25519') return line(ED25519, wireString(part(jwk.x)));
  } catch {
    // Not a key that OpenSSL can read.
  }
  return undefined;
}

function line(type: string, ...fields: Buffer[]): string {
  return publicKeyLine(Buffer.concat([wireString(type), ...fields]), type);
}
