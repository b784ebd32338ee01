import { generateKeyPairSync } from 'node:crypto';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { generateSigningKey } from '../../src/sign/key.ts';
import { formatPrivateKey } from '../../src/sign/openssh.ts';
import { publicHalvesOfPrivateKeys } from '../../src/sign/private-key-scan.ts';
import { makeKey, workspace } from './ssh-keygen.ts';

const directory = workspace();
const scan = (text: string): string[] => publicHalvesOfPrivateKeys(Buffer.from(text));
const withoutComment = (line: string): string => line.split(' ').slice(0, 2).join(' ');

describe('the public half of a private key file', () => {
  it.each([
    ['ed25519', ['-t', 'ed25519'], ''],
    ['ed25519-encrypted', ['-t', 'ed25519'], 'pass'],
    ['ed25519-encrypted-gcm', ['-t', 'ed25519', '-Z', 'aes256-gcm@openssh.com'], 'pass'],
    ['rsa', ['-t', 'rsa', '-b', '2048'], ''],
    ['rsa-encrypted', ['-t', 'rsa', '-b', '2048'], 'pass'],
    ['rsa-pem', ['-t', 'rsa', '-b', '2048', '-m', 'PEM'], ''],
    ['rsa-pkcs8', ['-t', 'rsa', '-b', '2048', '-m', 'PKCS8'], ''],
    ['ecdsa', ['-t', 'ecdsa'], ''],
  ])('is found: %s', (name, args, passphrase) => {
    const made = makeKey(directory, name, args, passphrase);
    expect(scan(made.text)).toEqual([withoutComment(made.publicLine)]);
  });

  it('is found in an Ed25519 key in PKCS #8', () => {
    const { privateKey, publicKey } = generateKeyPairSync('ed25519');
    const [found] = scan(privateKey.export({ format: 'pem', type: 'pkcs8' }).toString());
    const point = publicKey.export({ format: 'der', type: 'spki' }).subarray(-32);
    expect(Buffer.from(found!.slice('ssh-ed25519 '.length), 'base64').subarray(-32)).toEqual(point);
  });

  const key = generateSigningKey();
  const text = formatPrivateKey(key, 'x');
  it.each([
    ['behind other text', `# deploy key\nA=1\n${text}B=2\n`],
    ['with CRLF', text.replaceAll('\n', '\r\n')],
    ['indented in a manifest', `data:\n  key: |\n${text.replace(/^/gm, '    ')}`],
    ['on one line of a .env file', `KEY="${text.replaceAll('\n', '\\n')}"\n`],
    ['behind a block that is no key', text.replace('b3Blbn', 'AAAAAA') + text],
    ['far into a file', `${'x'.repeat(3_000_000)}\n${text}`],
  ])('is found %s', (_, content) => {
    expect(scan(content)).toEqual([key.publicKey]);
  });

  it('is found of every key in a bundle, each once', () => {
    const other = generateSigningKey();
    const rsa = makeKey(directory, 'bundled', ['-t', 'rsa', '-b', '2048', '-m', 'PEM']);
    const bundle = `${formatPrivateKey(other, 'y')}${'# far away\n'.repeat(200_000)}${rsa.text}${text}${text}`;
    expect(scan(bundle)).toEqual([other.publicKey, withoutComment(rsa.publicLine), key.publicKey]);
  });

  it.each([
    ['an empty file', ''],
    ['a public key', key.publicKey],
    ['a certificate', text.replaceAll('OPENSSH PRIVATE KEY', 'CERTIFICATE')],
    ['the words alone', 'PRIVATE KEY-----'],
    ['a block without an end', text.split('-----END')[0]!],
    ['a file cut short', `${text.slice(0, 60)}\n-----END OPENSSH PRIVATE KEY-----\n`],
    ['PEM around junk', '-----BEGIN RSA PRIVATE KEY-----\nAAAA\n-----END RSA PRIVATE KEY-----\n'],
  ])('is not seen in %s', (_, content) => {
    expect(scan(content)).toEqual([]);
  });

  it('has a type that cannot break out of its line', () => {
    const blob = Buffer.from(text.split('\n').slice(1, -2).join(''), 'base64');
    blob.write('ssh-ed\n5519', blob.indexOf('ssh-ed25519'));
    const content = `-----BEGIN OPENSSH PRIVATE KEY-----\n${blob.toString('base64')}\n-----END OPENSSH PRIVATE KEY-----\n`;
    expect(scan(content)).toEqual([]);
  });

  it('is looked for without ever throwing', () => {
    const kind = fc.constantFrom('OPENSSH ', 'RSA ', '', 'EC ');
    fc.assert(
      fc.property(kind, fc.uint8Array({ maxLength: 300 }), fc.boolean(), (label, bytes, real) => {
        const blob = Buffer.concat([Buffer.from(real ? 'openssh-key-v1\0' : ''), bytes]).toString('base64');
        const found = scan(
          `-----BEGIN ${label}PRIVATE KEY-----\n${blob}\n-----END ${label}PRIVATE KEY-----\n`,
        );
        for (const line of found) expect(line).toMatch(/^[a-z0-9@.-]+ \S+$/);
      }),
    );
  });

  it('is looked for in linear time', () => {
    const hostile = Buffer.from('-----BEGIN OPENSSH PRIVATE KEY-----\n'.repeat(200_000));
    const started = performance.now();
    expect(publicHalvesOfPrivateKeys(hostile)).toEqual([]);
    expect(performance.now() - started).toBeLessThan(1000);
  });
});
