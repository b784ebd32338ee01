import { inspect } from 'node:util';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  fingerprint,
  generateSigningKey,
  parsePublicKey,
  publicKeyLine,
  signingKeyFromSeed,
  verifyRaw,
  verifyRawAsync,
} from '../../src/sign/key.ts';
import { wireString } from '../../src/sign/wire.ts';
import { codeOf, makeKey, place, sshKeygen, workspace } from './ssh-keygen.ts';

const hex = (text: string): Buffer => Buffer.from(text, 'hex');
const line = (point: Buffer): string =>
  publicKeyLine(Buffer.concat([wireString('ssh-ed25519'), wireString(point)]));
const littleEndian = (value: bigint): Buffer => hex(value.toString(16).padStart(64, '0')).reverse();

const FIELD = 2n ** 255n - 19n;
const ORDER = 2n ** 252n + 27742317777372353535851937790883648493n;

// RFC 8032, section 7.1: tests 1, 2 and 3.
const RFC8032 = [
  {
    seed: '9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60',
    point: 'd75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a',
    message: '',
    signature:
      'e5564300c360ac729086e2cc806e828a84877f1eb8e5d974d873e065224901555fb8821590a33bacc61e39701cf9b46bd25bf5f0595bbe24655141438e7a100b',
  },
  {
    seed: '4ccd089b28ff96da9db6c346ec114e0f5b8a319f35aba624da8cf6ed4fb8a6fb',
    point: '3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c',
    message: '72',
    signature:
      '92a009a9f0d4cab8720e820b5f642540a2b27b5416503f8fb3762223ebdb69da085ac1e43e15996e458f3613d0f11d8c387b2eaeb4302aeeb00d291612bb0c00',
  },
  {
    seed: 'c5aa8df43f9f837bedb7442f31dcb7b166d38535076f094b85ce3a2e0b4458f7',
    point: 'fc51cd8e6218a1a38da47ed00230f0580816ed13ba3303ac5deb911548908025',
    message: 'af82',
    signature:
      '6291d657deec24024827e69c3abe01a30ce548a284743a445e3680d7db5ac3ac18ff9b538d16f290ae67f760984dc6594a7c15e9716ed28dc027beceea1ec40a',
  },
];

describe('signing and verifying', () => {
  it.each(RFC8032)('gives the signature of RFC 8032 for message "$message"', async (vector) => {
    const key = signingKeyFromSeed(hex(vector.seed));
    const message = hex(vector.message);
    expect(key.publicKey).toBe(line(hex(vector.point)));
    expect(Buffer.from(key.sign(message)).toString('hex')).toBe(vector.signature);
    expect(verifyRaw(key.publicKey, message, hex(vector.signature))).toBe(true);
    expect(await verifyRawAsync(key.publicKey, message, hex(vector.signature))).toBe(true);
  });

  it('refuses a signature with any bit flipped, another message and another key', async () => {
    const key = generateSigningKey();
    const message = Buffer.from('the message');
    const signature = key.sign(message);
    for (let bit = 0; bit < 64 * 8; bit++) {
      const flipped = Buffer.from(signature);
      flipped[bit >> 3]! ^= 1 << (bit & 7);
      expect(verifyRaw(key.publicKey, message, flipped)).toBe(false);
    }
    expect(verifyRaw(key.publicKey, Buffer.from('another'), signature)).toBe(false);
    expect(verifyRaw(generateSigningKey().publicKey, message, signature)).toBe(false);
    expect(await verifyRawAsync(key.publicKey, Buffer.from('another'), signature)).toBe(false);
  });

  it('refuses a signature of another length', () => {
    const key = generateSigningKey();
    const signature = key.sign(Buffer.from('x'));
    for (const wrong of [
      Buffer.alloc(0),
      signature.slice(0, 63),
      Buffer.concat([signature, Buffer.alloc(1)]),
    ]) {
      expect(verifyRaw(key.publicKey, Buffer.from('x'), wrong)).toBe(false);
    }
  });

  it('refuses the second spelling of a signature, S plus the group order', () => {
    const { seed, message, signature } = RFC8032[2]!;
    const scalar = BigInt(`0x${hex(signature).subarray(32).reverse().toString('hex')}`);
    const second = Buffer.concat([hex(signature).subarray(0, 32), littleEndian(scalar + ORDER)]);
    expect(verifyRaw(signingKeyFromSeed(hex(seed)).publicKey, hex(message), second)).toBe(false);
  });

  it('goes on telling keys apart after more of them than it remembers', () => {
    const keys = Array.from({ length: 600 }, generateSigningKey);
    const message = Buffer.from('x');
    for (const key of [...keys, ...keys.slice(0, 50)]) {
      expect(verifyRaw(key.publicKey, message, key.sign(message))).toBe(true);
      expect(verifyRaw(key.publicKey, message, keys[300]!.sign(message))).toBe(key === keys[300]);
    }
  });
});

describe('degenerate public keys', () => {
  const order8 = 0x7a03ac9277fdc74ec6cc392cfa53202a0f67100d760b3cba4fd84d3d706a17c7n;
  const ys = [0n, 1n, FIELD - 1n, order8, FIELD - order8];
  const smallOrder = [...ys, ...ys.map((y) => y + 2n ** 255n)].map(littleEndian);
  const unreduced = Array.from({ length: 19 }, (_, i) => littleEndian(FIELD + BigInt(i)));

  it.each([...smallOrder, ...unreduced].map((point) => [point.toString('hex'), point]))(
    'refuses %s, whose signatures prove nothing',
    async (_, point) => {
      const key = line(point as Buffer);
      expect(codeOf(() => parsePublicKey(key))).toBe('bad-public-key');
      const universal = Buffer.alloc(64);
      universal[0] = 1;
      for (let i = 0; i < 32; i++) expect(verifyRaw(key, Buffer.from([i]), universal)).toBe(false);
      expect(await verifyRawAsync(key, Buffer.from([1]), universal)).toBe(false);
    },
  );
});

describe('public key lines', () => {
  const key = signingKeyFromSeed(hex(RFC8032[0]!.seed)).publicKey;
  const blob = Buffer.from(key.split(' ')[1]!, 'base64');

  it('lose their comment and outer space', () => {
    for (const text of [key, `${key}\n`, `  ${key} me@host`, `${key}\ta comment, with spaces \r\n`]) {
      expect(parsePublicKey(text)).toBe(key);
    }
  });

  it('are taken as ssh-keygen writes them, and named as it names them', () => {
    const directory = workspace();
    const made = makeKey(directory, 'id', ['-t', 'ed25519']);
    const parsed = parsePublicKey(made.publicLine);
    expect(made.publicLine).toBe(`${parsed} id comment`);
    expect(sshKeygen(['-l', '-f', made.path]).split(' ')[1]).toBe(fingerprint(parsed));
    const ours = generateSigningKey().publicKey;
    expect(sshKeygen(['-l', '-f', place(directory, 'ours.pub', ours)]).split(' ')[1]).toBe(fingerprint(ours));
  });

  const withBlob = (bytes: Buffer): string => `ssh-ed25519 ${bytes.toString('base64')}`;
  const rsa = Buffer.concat([wireString('ssh-rsa'), wireString(Buffer.alloc(32))]);
  it.each([
    ['nothing', ''],
    ['the type alone', 'ssh-ed25519'],
    ['another type', key.replace('ssh-ed25519', 'ssh-rsa')],
    ['another type inside', withBlob(rsa)],
    ['options before the key', `command="x" ${key}`],
    ['two lines', `${key} a\n${key} b`],
    ['a byte after the key', withBlob(Buffer.concat([blob, Buffer.alloc(1)]))],
    ['a byte missing', withBlob(blob.subarray(0, -1))],
    ['33 bytes', withBlob(Buffer.concat([wireString('ssh-ed25519'), wireString(Buffer.alloc(33, 7))]))],
    [
      'a length that overruns',
      withBlob(Buffer.concat([blob.subarray(0, 15), hex('ffffffff'), blob.subarray(19)])),
    ],
    ['padding in the base64', `${key}=`],
    ['junk in the base64', `${key.slice(0, 30)}!${key.slice(30)}`],
    [
      'the other base64 alphabet',
      withBlob(Buffer.concat([blob.subarray(0, 19), Buffer.alloc(32, 0xfb)])).replace('+', '-'),
    ],
  ])('are refused with %s', (_, text) => {
    expect(codeOf(() => parsePublicKey(text))).toBe('bad-public-key');
    expect(verifyRaw(text, Buffer.from('x'), Buffer.alloc(64))).toBe(false);
  });

  it('never appear in the error that refuses them', () => {
    fc.assert(
      fc.property(fc.base64String({ minLength: 8 }), (text) => {
        expect(() => parsePublicKey(`ssh-ed25519 ${text}`)).toThrow(
          /^this (is not an Ed25519|public key is deg)/,
        );
      }),
    );
  });
});

describe('the seed', () => {
  it('shows in no print, spread or JSON of the key', () => {
    const key = generateSigningKey();
    const seed = Buffer.from(key.seed);
    for (const shown of [inspect(key, { depth: 9 }), JSON.stringify({ key }), inspect({ ...key })]) {
      expect(shown).toContain(key.publicKey);
      expect(shown).not.toMatch(/seed/i);
      expect(shown).not.toContain(seed.toString('hex').slice(0, 8));
    }
  });

  it('is a copy, so wiping the original breaks nothing', () => {
    const seed = Buffer.alloc(32, 5);
    const key = signingKeyFromSeed(seed);
    seed.fill(0);
    expect(signingKeyFromSeed(key.seed).publicKey).toBe(key.publicKey);
    expect(key.seed).toEqual(Buffer.alloc(32, 5));
  });

  it('has 32 bytes', () => {
    for (const length of [0, 31, 33, 64]) {
      expect(codeOf(() => signingKeyFromSeed(Buffer.alloc(length)))).toBe('bad-signing-key');
    }
  });

  it('differs from key to key', () => {
    expect(generateSigningKey().publicKey).not.toBe(generateSigningKey().publicKey);
  });
});
