import { generateKeyPairSync } from 'node:crypto';
import { readFileSync } from 'node:fs';
import fc from 'fast-check';
import { beforeAll, describe, expect, it } from 'vitest';
import { type StrongroomError, UsageError } from '../../src/errors.ts';
import { newSshKey } from '../../src/keys/ssh.ts';
import { parseSshLine, parseSshPublicKeyFile, readSshLine, rsaWire } from '../../src/keys/ssh-public.ts';
import { wireString } from '../../src/sign/wire.ts';
import { makeKey, sshKeygen, workspace } from '../sign/ssh-keygen.ts';

const directory = workspace();
let ed25519: string;
let rsa: string;
beforeAll(() => {
  ed25519 = makeKey(directory, 'id_ed25519', ['-t', 'ed25519']).publicLine;
  rsa = makeKey(directory, 'id_rsa', ['-t', 'rsa', '-b', '2048']).publicLine;
});

const canonical = (line: string) => line.split(' ').slice(0, 2).join(' ');
const rsaLine = (e: Buffer, n: Buffer) => `ssh-rsa ${rsaWire(e, n).toString('base64')}`;
const E = Buffer.from([1, 0, 1]);
const modulus = (bits: number) => {
  const n = Buffer.alloc(Math.ceil(bits / 8), 0xff);
  n[0] = 0xff >> (n.length * 8 - bits);
  return n;
};

describe('an SSH public key', () => {
  it('is read as ssh-keygen writes it, with its comment or without', () => {
    for (const line of [ed25519, rsa]) {
      expect(parseSshLine(line)).toMatchObject({
        line: canonical(line),
        comment: line.split(' ').slice(2).join(' '),
      });
      expect(parseSshLine(`  ${canonical(line)}\r\n`)).toMatchObject({
        line: canonical(line),
        comment: undefined,
      });
      expect(parseSshLine(line.replace(' ', '\t \t'))).toMatchObject({ line: canonical(line) });
      expect(newSshKey('bob', line)).toMatchObject({ name: 'bob', method: 'ssh', extension: 'age' });
    }
  });

  it('is refused when it is for another purpose, and it is said why', () => {
    const ecdsa = makeKey(directory, 'id_ecdsa', ['-t', 'ecdsa']);
    const signed = makeKey(directory, 'id_signed', ['-t', 'ed25519']);
    sshKeygen(['-q', '-s', ecdsa.path, '-I', 'me', '-n', 'me', `${signed.path}.pub`]);
    for (const [line, message] of [
      [ecdsa.publicLine, 'an ECDSA key can sign, but not decrypt'],
      [readFileSync(`${signed.path}-cert.pub`, 'utf8'), 'an SSH certificate is no key to encrypt to'],
    ] as const) {
      expect(() => newSshKey('x', line)).toThrow(
        expect.objectContaining({ code: 'bad-ssh-key', exitCode: 2, message, hint: expect.any(String) }),
      );
    }
  });

  it.each<[string, string]>([
    ['sk-ssh-ed25519@openssh.com AAAAGnNrLXNzaC1lZDI1NTE5QG9wZW5zc2guY29t me', 'security token'],
    ['sk-ecdsa-sha2-nistp256@openssh.com AAAA', 'security token'],
    ['ssh-dss AAAAB3NzaC1kc3M= me', 'a DSA key'],
    ['ssh-rsa-cert-v01@openssh.com AAAA', 'certificate'],
    ['-----BEGIN OPENSSH PRIVATE KEY-----\nb3BlbnNzaC1r', 'a private key was given'],
    ['-----BEGIN RSA PRIVATE KEY-----', 'a private key was given'],
    ['ssh-ed25519', 'not an SSH public key'],
    ['ssh-ed25519 AAAA', 'not an SSH public key'],
    ['', 'not an SSH public key'],
    ['hunter2', 'not an SSH public key'],
  ])('is not %j', (text, why) => {
    expect(() => parseSshLine(text)).toThrow(
      expect.objectContaining({ code: 'bad-ssh-key', message: expect.stringContaining(why) }),
    );
  });

  it.each<[number, string | undefined]>([
    [1024, 'an RSA key of 1024 bits is too weak: 2048 are the least'],
    [2047, 'an RSA key of 2047 bits is too weak: 2048 are the least'],
    [2048, undefined],
    [2049, undefined],
    [4096, undefined],
    [16384, undefined],
    [16385, 'an RSA key of more than 16384 bits is too large'],
  ])('of RSA with %i bits is judged by them', (bits, why) => {
    const read = readSshLine(rsaLine(E, modulus(bits)));
    expect('why' in read ? read.why : undefined).toBe(why);
  });

  it.each<[string, number[], boolean]>([
    ['3', [3], true],
    ['65537', [1, 0, 1], true],
    ['1', [1], false],
    ['2', [2], false],
    ['65536', [1, 0, 0], false],
    ['2^24 + 1', [1, 0, 0, 1], false],
  ])('of RSA with the exponent %s is taken: that is so where age takes it', (_, e, isTaken) => {
    const read = readSshLine(rsaLine(Buffer.from(e), modulus(2048)));
    expect('why' in read ? read.why : true).toBe(
      isTaken || 'the exponent of this RSA key is not one that can be used',
    );
  });

  it('of RSA is no even number, no zero, nothing negative, and written in one way only', () => {
    const n = modulus(2048);
    const even = Buffer.from(n);
    even[even.length - 1] = 0xfe;
    const wire = (...fields: Buffer[]) =>
      `ssh-rsa ${Buffer.concat([wireString('ssh-rsa'), ...fields.map((f) => wireString(f))]).toString('base64')}`;
    const zero = Buffer.alloc(1);
    for (const line of [
      rsaLine(E, even),
      wire(E, Buffer.alloc(0)),
      wire(Buffer.alloc(0), Buffer.concat([zero, n])),
      wire(E, n),
      wire(E, Buffer.concat([zero, zero, n])),
      wire(E, Buffer.concat([zero, n]), zero),
      wire(Buffer.concat([zero, E]), Buffer.concat([zero, n])),
    ])
      expect(readSshLine(line)).toMatchObject({ why: 'not an SSH public key, or not as it was made' });
    expect(readSshLine(wire(E, Buffer.concat([zero, n])))).toHaveProperty('line');
  });

  it('is not one type in the clothes of the other', () => {
    for (const line of [ed25519.replace('ssh-ed25519', 'ssh-rsa'), rsa.replace('ssh-rsa', 'ssh-ed25519')])
      expect(readSshLine(line)).toHaveProperty('why');
  });

  it('of Ed25519 that anybody could open is refused', () => {
    const wire = Buffer.concat([wireString('ssh-ed25519'), wireString(Buffer.alloc(32))]);
    expect(readSshLine(`ssh-ed25519 ${wire.toString('base64')}`)).toMatchObject({
      why: 'not a sound Ed25519 key: it was changed, or it is degenerate',
    });
  });

  it('that was changed anywhere is refused or another key, and never quoted', () => {
    const base64 = canonical(ed25519).slice('ssh-ed25519 '.length);
    const letters = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/=-_ \n';
    fc.assert(
      fc.property(fc.nat(base64.length - 1), fc.constantFrom(...letters), (at, letter) => {
        const line = `ssh-ed25519 ${base64.slice(0, at)}${letter}${base64.slice(at + 1)}`;
        const read = readSshLine(line);
        if ('why' in read) expect(`${read.why}${read.hint}`).not.toContain(base64.slice(25, 40));
        else expect(read.line).toBe(line.trim());
      }),
      { numRuns: 300 },
    );
  });

  it('is nothing that anybody types, and what that was is not repeated', () => {
    const word = fc.string({ minLength: 4, unit: 'grapheme' });
    const type = fc.constantFrom('ssh-ed25519', 'ssh-rsa', 'ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAI', '');
    fc.assert(
      fc.property(type, word, word, (a, b, c) => {
        for (const text of [`${a} ${b}${c}`, `${b}\n${a} ${c}`, `${a}${b} ${c}`]) {
          const read = readSshLine(text);
          expect(read).toHaveProperty('why');
          try {
            parseSshPublicKeyFile(text, 'bob.pub');
            expect.unreachable();
          } catch (error) {
            expect(error).toBeInstanceOf(UsageError);
            const { message, hint } = error as StrongroomError;
            const plain = `${message} ${hint}`.replace('bob.pub', '');
            if (/[^a-z .,:-]/.test(b)) expect(plain).not.toContain(b);
          }
        }
      }),
      { numRuns: 200 },
    );
  });
});

describe('the file of an SSH public key', () => {
  it('may have comments, empty lines and other line ends', () => {
    for (const text of [`${ed25519}\n`, `# bob\r\n\r\n${ed25519}\r\n`, `\n  ${ed25519}`])
      expect(parseSshPublicKeyFile(text, 'bob.pub')).toMatchObject({
        line: canonical(ed25519),
        comment: 'id_ed25519 comment',
      });
  });

  it.each<[string, () => string, RegExp, RegExp]>([
    ['two keys', () => `${ed25519}\n${rsa}\n`, /holds more than one line/, /one SSH public key/],
    ['options', () => `from="10.0.0.1" ${ed25519}`, /not an SSH public key/, /leave out what stands before/],
    ['a host’s name', () => `web-1 ${rsa}`, /not an SSH public key/, /leave out what stands before/],
    ['nothing', () => '# nobody\n', /not an SSH public key/, /the whole line of a \.pub file/],
    [
      'a private key',
      () => '-----BEGIN OPENSSH PRIVATE KEY-----\nAAAA\n-----END OPENSSH PRIVATE KEY-----\n',
      /a private key was given/,
      /treat that key as exposed/,
    ],
  ])('is refused by name with %s in it', (_, text, message, hint) => {
    expect(() => parseSshPublicKeyFile(text(), 'bob.pub')).toThrow(
      expect.objectContaining({
        code: 'bad-ssh-key',
        object: 'bob.pub',
        message: expect.stringMatching(message),
        hint: expect.stringMatching(hint),
      }),
    );
  });
});

it('a key that Node makes is as good as one of ssh-keygen', () => {
  const jwk = generateKeyPairSync('rsa', { modulusLength: 2048 }).publicKey.export({ format: 'jwk' });
  const [e, n] = [Buffer.from(jwk.e!, 'base64url'), Buffer.from(jwk.n!, 'base64url')];
  expect(parseSshLine(`${rsaLine(e, n)} me`).comment).toBe('me');
});
