import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { publicKeyOf, X25519Identity, X25519Recipient } from '../../src/crypt/x25519.ts';
import { base64, chachaSeal, FILE_KEY, hkdf } from './forge.ts';
import { sample } from './streams.ts';

const key = fc.uint8Array({ minLength: 32, maxLength: 32 });
const SECRET = sample(32);
const PUBLIC = publicKeyOf(SECRET);
const [STANZA] = new X25519Recipient(PUBLIC).wrapFileKey(FILE_KEY);
const { args, body } = STANZA!;
const SHARE = args[1]!;

describe('public keys', () => {
  // RFC 7748 section 6.1.
  it.each([
    [
      '77076d0a7318a57d3c16c17251b26645df4c2f87ebc0992ab177fba51db92c2a',
      '8520f0098930a754748b7ddcb43ef75a0dbf3a0d26381af4eba4a98eaa9b4e6a',
    ],
    [
      '5dab087e624a8a4b79e17f8b83800ee66f3bb1292618b6fd1c2f8b27ff88e0eb',
      'de9edb7d7b7dc1b4d35b61c2ece435373f8343c85b78674dadfc7e146f882b4f',
    ],
  ])('are those of RFC 7748 section 6.1, number %$', (secret, publicKey) => {
    expect(publicKeyOf(Buffer.from(secret, 'hex')).toString('hex')).toBe(publicKey);
  });
});

describe('a file key wrapped for a public key', () => {
  it('is unwrapped by its secret key and by no other', () => {
    fc.assert(
      fc.property(key, key, fc.uint8Array({ minLength: 16, maxLength: 16 }), (mine, other, fileKey) => {
        fc.pre(!Buffer.from(mine).equals(other));
        const stanzas = new X25519Recipient(publicKeyOf(mine)).wrapFileKey(fileKey);
        expect(new X25519Identity(mine).unwrapFileKey(stanzas)?.equals(fileKey)).toBe(true);
        const theirs = new X25519Identity(other).unwrapFileKey(stanzas);
        // Two secrets that differ only in the bits X25519 ignores are one key.
        if (!publicKeyOf(mine).equals(publicKeyOf(other))) expect(theirs).toBeNull();
      }),
      { numRuns: 50 },
    );
  });

  it('never shares an ephemeral key with another', () => {
    const [again] = new X25519Recipient(PUBLIC).wrapFileKey(FILE_KEY);
    expect(again?.args[1]).not.toBe(SHARE);
  });

  it('is found among stanzas of other kinds and for others', () => {
    const [other] = new X25519Recipient(publicKeyOf(sample(33).subarray(1))).wrapFileKey(FILE_KEY);
    const stanzas = [{ args: ['grease', '?'], body: sample(3) }, other!, STANZA!];
    expect(new X25519Identity(SECRET).unwrapFileKey(stanzas)).toEqual(FILE_KEY);
  });

  it('is none of ours when only other kinds are there, whatever they look like', () => {
    const stanzas = [
      { args: ['x25519', SHARE], body },
      { args: ['ssh-ed25519', 'AAAA', SHARE], body },
    ];
    expect(new X25519Identity(SECRET).unwrapFileKey(stanzas)).toBeNull();
  });
});

describe('a malformed stanza is refused, whoever it is for', () => {
  it.each<[rule: string, args: string[], body: Buffer]>([
    ['no share', ['X25519'], sample(32)],
    ['an argument too many', ['X25519', SHARE, 'x'], sample(32)],
    ['a short share', ['X25519', base64(sample(31))], sample(32)],
    ['a long share', ['X25519', base64(sample(33))], sample(32)],
    ['a share with padding', ['X25519', `${SHARE}=`], sample(32)],
    ['a share that is not canonical', ['X25519', `${base64(Buffer.alloc(32)).slice(0, -1)}B`], sample(32)],
    ['a short body', ['X25519', SHARE], sample(31)],
    ['a long body', ['X25519', SHARE], sample(33)],
    ['an empty body', ['X25519', SHARE], Buffer.alloc(0)],
  ])('%s', (_, args, body) => {
    const unwrap = () => new X25519Identity(SECRET).unwrapFileKey([{ args, body }, STANZA!], 'x.age');
    expect(unwrap).toThrow(expect.objectContaining({ code: 'bad-header', object: 'x.age' }));
  });

  // A file key of another length would need a body of another length; the check comes before decryption.
  it('a file key that is too long', () => {
    const wrapKey = hkdf(sample(32), Buffer.alloc(0), 'age-encryption.org/v1/X25519');
    const long = chachaSeal(wrapKey, Buffer.alloc(12), sample(24));
    const unwrap = () => new X25519Identity(SECRET).unwrapFileKey([{ args: ['X25519', SHARE], body: long }]);
    expect(unwrap).toThrow(expect.objectContaining({ code: 'bad-header' }));
  });
});

// The points of Curve25519 whose multiples by any secret key are zero: https://cr.yp.to/ecdh.html#validate
const LOW_ORDER = [
  '0000000000000000000000000000000000000000000000000000000000000000',
  '0100000000000000000000000000000000000000000000000000000000000000',
  'e0eb7a7c3b41b8ae1656e3faf19fc46ada098deb9c32b1fd866205165f49b800',
  '5f9c95bca3508c24b1d0b1559c83ef5b04445cc4581c8e86d8224eddd09f1157',
  'ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f',
  'edffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f',
  'eeffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f',
].map((hex) => Buffer.from(hex, 'hex'));

describe('a point of low order is refused', () => {
  it.each(LOW_ORDER.map((point) => [point.toString('hex').slice(0, 8), point]))(
    '%s… as a share',
    (_, point) => {
      const stanza = { args: ['X25519', base64(point)], body: sample(32) };
      const unwrap = () => new X25519Identity(SECRET).unwrapFileKey([stanza]);
      expect(unwrap).toThrow(expect.objectContaining({ code: 'bad-header' }));
    },
  );

  it.each(LOW_ORDER.map((point) => [point.toString('hex').slice(0, 8), point]))(
    '%s… as a recipient',
    (_, point) => {
      const wrap = () => new X25519Recipient(point).wrapFileKey(FILE_KEY);
      expect(wrap).toThrow(expect.objectContaining({ code: 'bad-recipient' }));
    },
  );
});
