// Keys and certificates by what they hold, whatever they are called: PEM, OpenSSH, PuTTY, age, PKCS #12, Java.
import type { Discover } from './ground.ts';

/** A key with its chain has a tenth; bundles of every authority there is have more, and come with the system. */
const MAX_BYTES = 64 * 1024;
/** `openssl x509 -text` writes some 5 KiB before the block. */
const LOOKED_AT = 16 * 1024;

/** At the beginning of a line, and with what a block has inside: not one that a text or a program tells of. */
const BLOCK =
  /(?:^|\n)-----BEGIN ([A-Z0-9 ]{1,60})-----\r?\n\r?\n?(?:[A-Za-z0-9+/=]{16}|[A-Z][A-Za-z-]{1,30}: )/g;
const LABELS: readonly (readonly [label: RegExp, as: string])[] = [
  [/PRIVATE KEY(?: BLOCK)?$/, 'private key'],
  [/^(?:X509 |TRUSTED )?CERTIFICATE$/, 'certificate'],
  [/^(?:NEW )?CERTIFICATE REQUEST$/, 'certificate request'],
  [/PUBLIC KEY(?: BLOCK)?$/, 'public key'],
];
const OTHER_KEYS = /^PuTTY-User-Key-File-\d|(?:^|\n)AGE-SECRET-KEY-1[A-Z0-9]{20}/;
/** A sequence whose first part is the number 3: the version of a PFX (RFC 7292, 4). */
const PKCS12 = /^\x30(?:\x80|[\x01-\x7f]|\x81.|\x82..|\x83...)\x02\x01\x03/s;
const JAVA_STORE = /^\xfe\xed\xfe\xed|^\xce\xce\xce\xce/;

/**
 * What a file is by its beginning, as one character a byte.
 * @param path its name counts only for PKCS #12, whose beginning is that of other things too
 */
export function keyIn(text: string, path: string): string | undefined {
  if (text.includes('-----BEGIN ')) {
    const labels = [...text.matchAll(BLOCK)].map(([, label]) => label!);
    // The first of them that anything in the file is: a key with its certificate is a key.
    const found = LABELS.find(([pattern]) => labels.some((label) => pattern.test(label)))?.[1];
    if (found !== undefined) return found;
  }
  if (OTHER_KEYS.test(text)) return 'private key';
  if (JAVA_STORE.test(text)) return 'key store';
  return PKCS12.test(text) && /\.(?:p12|pfx|pkcs12)$/i.test(path) ? 'key store' : undefined;
}

/** Finds keys and certificates below the root. */
export const discoverPem: Discover = async (ground) => {
  for (const path of ground.files()) {
    const head = ground.head(path, LOOKED_AT);
    if (head === undefined || head.size > MAX_BYTES) continue;
    const as = keyIn(head.bytes.toString('latin1'), path);
    if (as !== undefined) ground.refer({ path, as, by: undefined, required: true });
  }
};
