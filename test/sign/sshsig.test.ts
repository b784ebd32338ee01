import fc from 'fast-check';
import { beforeAll, describe, expect, it } from 'vitest';
import { generateSigningKey, type SigningKey } from '../../src/sign/key.ts';
import { formatPrivateKey, parsePrivateKey } from '../../src/sign/openssh.ts';
import { readSignature, signArmored, verifyArmored, verifyArmoredAsync } from '../../src/sign/sshsig.ts';
import { armor, wireString, wireUint32 } from '../../src/sign/wire.ts';
import { codeOf, makeKey, place, sshKeygen, workspace } from './ssh-keygen.ts';

const directory = workspace();
const NAMESPACE = 'strongroom-record-v1';
const LABEL = 'SSH SIGNATURE';
const message = Buffer.from('{"a":1}\n');
let key: SigningKey;
let path: string;

beforeAll(() => {
  key = generateSigningKey();
  path = place(directory, 'key', formatPrivateKey(key, 'host'));
});

const theirs = (args: string[], bytes: Uint8Array = message): string =>
  sshKeygen(['-q', '-Y', 'sign', '-n', NAMESPACE, ...args], bytes);
const blobOf = (armored: string): Buffer => Buffer.from(armored.split('\n').slice(1, -2).join(''), 'base64');

describe('beside ssh-keygen', () => {
  it('our signature is byte for byte the one that ssh-keygen -Y sign makes', () => {
    for (const bytes of [message, Buffer.alloc(0), Buffer.alloc(100_000, 7)]) {
      expect(signArmored(key, NAMESPACE, bytes)).toBe(theirs(['-f', path], bytes));
    }
  });

  it('ssh-keygen -Y verify takes our signature, for its message and namespace only', () => {
    const signature = place(directory, 'ours.sig', signArmored(key, NAMESPACE, message));
    const allowed = place(directory, 'allowed', `host ${key.publicKey}\n`);
    const check = (namespace: string, bytes: Uint8Array): string =>
      sshKeygen(['-Y', 'verify', '-f', allowed, '-I', 'host', '-n', namespace, '-s', signature], bytes);
    expect(check(NAMESPACE, message)).toContain('Good "strongroom-record-v1" signature for host');
    expect(() => check(NAMESPACE, Buffer.from('{"a":2}\n'))).toThrow();
    expect(() => check('strongroom-vault-v1', message)).toThrow();
  });

  it('we take the signatures of ssh-keygen, with either of its hashes', () => {
    const made = makeKey(directory, 'theirs', ['-t', 'ed25519']);
    const signer = parsePrivateKey(made.text, 'theirs').publicKey;
    for (const hash of ['sha256', 'sha512']) {
      const armored = theirs(['-f', made.path, '-O', `hashalg=${hash}`]);
      expect(verifyArmored(armored, NAMESPACE, message)).toBe(signer);
      expect(readSignature(armored)).toMatchObject({ publicKey: signer, namespace: NAMESPACE, hash });
    }
  });

  it('we refuse its signatures by keys that are not Ed25519', () => {
    for (const [name, type] of [
      ['rsa', 'rsa'],
      ['ecdsa', 'ecdsa'],
    ] as const) {
      const armored = theirs(['-f', makeKey(directory, name, ['-t', type]).path]);
      expect(() => verifyArmored(armored, NAMESPACE, message)).toThrow('not Ed25519');
    }
  });
});

describe('verifying', () => {
  it('names the signer, and refuses another message or namespace', async () => {
    const armored = signArmored(key, NAMESPACE, message);
    expect(verifyArmored(armored, NAMESPACE, message)).toBe(key.publicKey);
    expect(await verifyArmoredAsync(armored, NAMESPACE, message)).toBe(key.publicKey);
    expect(codeOf(() => verifyArmored(armored, 'strongroom-vault-v1', message))).toBe('bad-signature');
    expect(codeOf(() => verifyArmored(armored, NAMESPACE, Buffer.from('x')))).toBe('bad-signature');
    await expect(verifyArmoredAsync(armored, NAMESPACE, Buffer.from('x'))).rejects.toMatchObject({
      code: 'bad-signature',
      exitCode: 13,
    });
  });

  it('holds for any message and namespace, and only for them', () => {
    const bytes = fc.uint8Array({ maxLength: 200 });
    const name = fc.string({ minLength: 1, maxLength: 30 });
    fc.assert(
      fc.property(bytes, bytes, name, name, (one, two, namespace, other) => {
        const armored = signArmored(key, namespace, one);
        expect(verifyArmored(armored, namespace, one)).toBe(key.publicKey);
        const same = Buffer.compare(one, two) === 0 && namespace === other;
        expect(codeOf(() => verifyArmored(armored, other, two))).toBe(same ? undefined : 'bad-signature');
      }),
    );
  });

  it('refuses armour with any byte changed, cut or doubled: a signature has one spelling', () => {
    const armored = signArmored(key, NAMESPACE, message);
    const check = (text: string): unknown => codeOf(() => verifyArmored(text, NAMESPACE, message));
    for (let at = 0; at < armored.length; at++) {
      const changed = String.fromCharCode(armored.charCodeAt(at) ^ 1);
      const variants = [changed, '', armored[at]! + armored[at]!, `${armored[at]} `, `${armored[at]}\n`];
      for (const variant of variants) {
        expect(check(armored.slice(0, at) + variant + armored.slice(at + 1))).toBe('bad-signature');
      }
      expect(check(armored.slice(0, at))).toBe('bad-signature');
    }
    expect(check(armored.replaceAll('\n', '\r\n'))).toBe('bad-signature');
    expect(check(`${armored}\n`)).toBe('bad-signature');
    const lines = blobOf(armored).toString('base64').replace(/.{76}/g, '$&\n');
    expect(check(`-----BEGIN ${LABEL}-----\n${lines}\n-----END ${LABEL}-----\n`)).toBe('bad-signature');
  });
});

describe('the fields of a signature', () => {
  const field = (text: string | Uint8Array): Buffer => wireString(text);
  const publicBlob = (): Buffer => Buffer.from(key.publicKey.split(' ')[1]!, 'base64');
  const good = () => ({
    magic: Buffer.from('SSHSIG'),
    version: wireUint32(1),
    publicKey: field(publicBlob()),
    namespace: field(NAMESPACE),
    reserved: field(''),
    hash: field('sha512'),
    signature: field(Buffer.concat([field('ssh-ed25519'), field(Buffer.alloc(64))])),
    rest: Buffer.alloc(0),
  });
  const build = (change: Partial<ReturnType<typeof good>>): string =>
    armor(LABEL, Buffer.concat(Object.values({ ...good(), ...change })));

  it('are read', () => {
    const read = readSignature(build({}));
    expect(read).toEqual({
      publicKey: key.publicKey,
      namespace: NAMESPACE,
      hash: 'sha512',
      signature: Buffer.alloc(64),
    });
  });

  it.each<[string, () => Partial<ReturnType<typeof good>>]>([
    ['another magic', () => ({ magic: Buffer.from('SSHSIC') })],
    ['version 2', () => ({ version: wireUint32(2) })],
    ['something reserved', () => ({ reserved: field('x') })],
    ['an unknown hash', () => ({ hash: field('md5') })],
    ['bytes after the signature', () => ({ rest: Buffer.from('x') })],
    ['a length beyond the end', () => ({ hash: wireUint32(0xffffffff) })],
    ['another type of key', () => ({ publicKey: field(Buffer.concat([field('ssh-rsa'), field('x')])) })],
    [
      'a certificate-like key with more fields',
      () => ({ publicKey: field(Buffer.concat([publicBlob(), field('x')])) }),
    ],
    [
      'another type of signature',
      () => ({ signature: field(Buffer.concat([field('ssh-rsa'), field(Buffer.alloc(64))])) }),
    ],
    [
      'a short signature',
      () => ({ signature: field(Buffer.concat([field('ssh-ed25519'), field(Buffer.alloc(63))])) }),
    ],
    [
      'bytes inside after it',
      () => ({
        signature: field(Buffer.concat([field('ssh-ed25519'), field(Buffer.alloc(64)), Buffer.from('x')])),
      }),
    ],
  ])('are refused with %s', (_, change) => {
    expect(codeOf(() => readSignature(build(change())))).toBe('bad-signature');
  });

  it('do not let a degenerate key sign everything', () => {
    const point = Buffer.alloc(32);
    point[0] = 1;
    const universal = Buffer.concat([point, Buffer.alloc(32)]);
    const forged = build({
      publicKey: field(Buffer.concat([field('ssh-ed25519'), field(point)])),
      signature: field(Buffer.concat([field('ssh-ed25519'), field(universal)])),
    });
    expect(codeOf(() => verifyArmored(forged, NAMESPACE, message))).toBe('bad-signature');
  });
});

describe('an error', () => {
  it('names the object and what to do, and quotes nothing', () => {
    const armored = signArmored(key, NAMESPACE, message);
    expect(() => verifyArmored(armored, NAMESPACE, Buffer.from('x'), 'vault/1.json')).toThrow(
      expect.objectContaining({
        message: 'a signature on vault/1.json does not fit the bytes it stands for',
        object: 'vault/1.json',
        hint: expect.stringContaining('replica'),
      }),
    );
    expect(() => readSignature('secret')).toThrow(/^the signature is malformed$/);
  });
});
