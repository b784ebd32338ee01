// Real certificates and keys, made by openssl: of any kind of key, with any dates, alone or signed by another.

import { execFileSync } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

/** PEM, both of them. */
export interface Certified {
  readonly certificate: string;
  readonly key: string;
}

export interface CertificateOptions {
  /** `/CN=…`; none for `/`. */
  readonly subject?: string;
  /** Whole days from now until it expires; negative for one that has expired. 365 unless given. */
  readonly days?: number;
  /** `rsa:2048` for an RSA key; P-256 unless given. */
  readonly kind?: 'ec' | 'ed25519' | 'rsa';
  readonly names?: readonly string[];
  readonly isAuthority?: boolean;
  /** Who signs it; itself unless given. */
  readonly by?: Certified;
}

const KINDS = {
  ec: ['ec', '-pkeyopt', 'ec_paramgen_curve:P-256'],
  ed25519: ['ed25519'],
  rsa: ['rsa:2048'],
} as const;
const DAY_MS = 24 * 60 * 60 * 1000;
const CONFIG = `[ca]
default_ca = here
[here]
database = index.txt
new_certs_dir = .
rand_serial = yes
unique_subject = no
default_md = default
policy = any
[any]
organizationName = optional
commonName = optional
`;

/** @param at a directory of its own */
export function makeCertificate(at: string, options: CertificateOptions = {}): Certified {
  const {
    subject = '/CN=shop.example',
    days = 365,
    kind = 'ec',
    names = [],
    isAuthority = false,
    by,
  } = options;
  const openssl = (args: readonly string[]) => execFileSync('openssl', args, { cwd: at, stdio: 'pipe' });
  const extensions = [
    `basicConstraints = CA:${isAuthority ? 'TRUE' : 'FALSE'}`,
    ...(names.length > 0 ? [`subjectAltName = ${names.map((name) => `DNS:${name}`).join(',')}`] : []),
  ];
  writeFileSync(join(at, 'ca.cnf'), CONFIG);
  writeFileSync(join(at, 'extensions.cnf'), `${extensions.join('\n')}\n`);
  writeFileSync(join(at, 'index.txt'), '');
  openssl([
    'req',
    '-utf8',
    '-newkey',
    ...KINDS[kind],
    '-nodes',
    '-keyout',
    'own.key',
    '-out',
    'own.csr',
    '-subj',
    subject,
  ]);
  const key = readFileSync(join(at, 'own.key'), 'utf8');
  writeFileSync(join(at, 'by.key'), by?.key ?? key);
  if (by) writeFileSync(join(at, 'by.crt'), by.certificate);
  const signer = ['-keyfile', 'by.key', ...(by ? ['-cert', 'by.crt'] : ['-selfsign'])];
  const end = Date.now() + days * DAY_MS + 60_000;
  const dates = ['-startdate', asn1(Math.min(end, Date.now()) - DAY_MS), '-enddate', asn1(end)];
  openssl([
    ...['ca', '-batch', '-notext', '-config', 'ca.cnf', '-extfile', 'extensions.cnf', ...signer, ...dates],
    ...['-in', 'own.csr', '-out', 'own.crt'],
  ]);
  return { certificate: readFileSync(join(at, 'own.crt'), 'utf8'), key };
}

/** @param how options of `openssl pkcs8` or `ec`, with the passphrase given: encrypted @returns PEM */
export function convertKey(at: string, key: string, how: readonly string[]): string {
  writeFileSync(join(at, 'in.key'), key);
  return execFileSync('openssl', [...how, '-in', 'in.key'], { cwd: at, encoding: 'utf8', stdio: 'pipe' });
}

const asn1 = (time: number): string => `${new Date(time).toISOString().slice(0, 19).replace(/[-T:]/g, '')}Z`;
