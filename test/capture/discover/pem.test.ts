import { generateKeyPairSync } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { found } from './found.ts';

const BODY = 'MIIEvQIBADANBgkqhkiG9w0BAQEFAASCBKcwggSjAgEAAoIBAQC7VJTUt9Us8cKj\n';
const block = (label: string, body = BODY) => `-----BEGIN ${label}-----\n${body}-----END ${label}-----\n`;
const key = generateKeyPairSync('ed25519').privateKey.export({ type: 'pkcs8', format: 'pem' }) as string;
const bytes = (...values: number[]) => Buffer.concat([Buffer.from(values), Buffer.alloc(100, 1)]);

describe('a key or certificate', () => {
  it.each<[string, string, string | Buffer]>([
    ['private key', 'x', key],
    ['private key', 'a.txt', block('RSA PRIVATE KEY', `Proc-Type: 4,ENCRYPTED\nDEK-Info: AES\n\n${BODY}`)],
    ['private key', 'id_ed25519', block('OPENSSH PRIVATE KEY', 'b3BlbnNzaC1rZXktdjEAAAAABG5vbmU\n')],
    ['private key', 'a.asc', block('PGP PRIVATE KEY BLOCK', `\n${BODY}`)],
    ['private key', 'crlf', key.replaceAll('\n', '\r\n')],
    ['private key', 'both.pem', `${block('CERTIFICATE')}${key}`],
    ['private key', 'a.ppk', 'PuTTY-User-Key-File-3: ssh-ed25519\nEncryption: none\n'],
    ['private key', 'age', `# created: 2026\nAGE-SECRET-KEY-1${'Q'.repeat(58)}\n`],
    ['certificate', 'c', `${'Certificate: text\n'.repeat(300)}${block('CERTIFICATE')}`],
    ['certificate', 'c.crt', block('TRUSTED CERTIFICATE')],
    ['certificate request', 'c.csr', block('CERTIFICATE REQUEST')],
    ['public key', 'p', block('PUBLIC KEY')],
    ['key store', 'a.p12', bytes(0x30, 0x82, 0x0a, 0x0a, 2, 1, 3)],
    ['key store', 'a.PFX', bytes(0x30, 0x80, 2, 1, 3)],
    ['key store', 'a.jks', bytes(0xfe, 0xed, 0xfe, 0xed)],
  ])('is known by what it holds: %s in %s', async (as, path, content) => {
    expect(await found('pem', { [path]: content })).toEqual([`${path}: ${as}`]);
  });

  it.each<[string, string, string | Buffer]>([
    [
      'a text that tells of one',
      'a.md',
      '```\n-----BEGIN PRIVATE KEY-----\n...\n-----END PRIVATE KEY-----\n',
    ],
    ['a program that tells of one', 'a.ts', "const begin = '-----BEGIN PRIVATE KEY-----';\n"],
    ['one within something else', 'a.yaml', `key: |\n  ${block('PRIVATE KEY').replaceAll('\n', '\n  ')}`],
    ['a name', 'a.pem', 'hello'],
    ['an empty file', 'b.key', ''],
    ['a bundle', 'ca.pem', block('CERTIFICATE').repeat(1000)],
    ['something else in DER', 'a.der', bytes(0x30, 0x82, 0x0a, 0x0a, 2, 1, 3)],
    ['another PKCS 12', 'a.p12', bytes(0x30, 0x82, 0x0a, 0x0a, 2, 1, 0)],
    ['parameters', 'dh.pem', block('DH PARAMETERS')],
  ])('is not %s', async (_, path, content) => {
    expect(await found('pem', { [path]: content })).toEqual([]);
  });
});
