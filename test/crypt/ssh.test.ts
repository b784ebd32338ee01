// The two SSH recipients of age, at the level of bytes. That the age program agrees is shown in test/keys/ssh.test.ts.
import { createHash, generateKeyPairSync, type KeyObject, randomBytes } from 'node:crypto';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { SshEd25519Identity, SshEd25519Recipient } from '../../src/crypt/ssh-ed25519.ts';
import { SshRsaIdentity, SshRsaRecipient } from '../../src/crypt/ssh-rsa.ts';
import { tagOf } from '../../src/crypt/ssh-tag.ts';
import { IntegrityError } from '../../src/errors.ts';

const FIELD = 2n ** 255n - 19n;
const fileKey = Buffer.from('YELLOW SUBMARINE');

interface Pair {
  readonly recipient: SshEd25519Recipient | SshRsaRecipient;
  readonly identity: SshEd25519Identity | SshRsaIdentity;
  readonly wire: Buffer;
}

function ed25519(wire = randomBytes(51)): Pair & { readonly point: Buffer; readonly seed: Buffer } {
  const jwk = generateKeyPairSync('ed25519').privateKey.export({ format: 'jwk' });
  const [point, seed] = [Buffer.from(jwk.x!, 'base64url'), Buffer.from(jwk.d!, 'base64url')];
  return {
    recipient: new SshEd25519Recipient(wire, point),
    identity: new SshEd25519Identity(wire, seed),
    wire,
    point,
    seed,
  };
}

const rsaKeys = [1, 2].map(() => generateKeyPairSync('rsa', { modulusLength: 2048 }));
const rsaPair = ({ publicKey, privateKey }: { publicKey: KeyObject; privateKey: KeyObject }): Pair => {
  const wire = randomBytes(279);
  return {
    recipient: new SshRsaRecipient(wire, publicKey),
    identity: new SshRsaIdentity(wire, privateKey),
    wire,
  };
};

/** 32 bytes, least significant first. */
const bytesOf = (y: bigint): Buffer => Buffer.from(y.toString(16).padStart(64, '0'), 'hex').reverse();

describe.each<[string, () => Pair, () => Pair, number]>([
  ['ssh-ed25519', ed25519, ed25519, 3],
  ['ssh-rsa', () => rsaPair(rsaKeys[0]!), () => rsaPair(rsaKeys[1]!), 2],
])('%s', (type, mine, another, count) => {
  it('unwraps what it wrapped, and says whom it is for by four bytes of a hash', () => {
    const { recipient, identity, wire } = mine();
    const [stanza, ...more] = recipient.wrapFileKey(fileKey);
    expect(more).toEqual([]);
    expect(stanza!.args).toHaveLength(count);
    const tag = createHash('sha256')
      .update(wire)
      .digest()
      .subarray(0, 4)
      .toString('base64')
      .replace(/=/g, '');
    expect(stanza!.args.slice(0, 2)).toEqual([type, tag]);
    expect(identity.unwrapFileKey([stanza!])).toEqual(fileKey);
  });

  it('never wraps to the same bytes', () => {
    const { recipient } = mine();
    const [one, two] = [recipient.wrapFileKey(fileKey), recipient.wrapFileKey(fileKey)];
    expect(Buffer.from(one[0]!.body).equals(two[0]!.body)).toBe(false);
  });

  it('finds its own among those of others', () => {
    const [me, you] = [mine(), another()];
    const stanzas = [
      { args: ['X25519', 'AAAA'], body: Buffer.alloc(32) },
      ...you.recipient.wrapFileKey(Buffer.alloc(16)),
      ...me.recipient.wrapFileKey(fileKey),
    ];
    expect(me.identity.unwrapFileKey(stanzas)).toEqual(fileKey);
    expect(me.identity.unwrapFileKey(stanzas.slice(0, 2))).toBeNull();
  });

  it('opens nothing of another key that has the same tag', () => {
    const [me, you] = [mine(), another()];
    const [stanza] = you.recipient.wrapFileKey(Buffer.alloc(16));
    const args = [type, tagOf(me.wire), ...stanza!.args.slice(2)];
    expect(me.identity.unwrapFileKey([{ args, body: stanza!.body }])).toBeNull();
    const own = me.recipient.wrapFileKey(fileKey);
    expect(me.identity.unwrapFileKey([{ args, body: stanza!.body }, ...own])).toEqual(fileKey);
  });

  it('opens nothing of which a bit was changed', () => {
    const { recipient, identity } = mine();
    const [stanza] = recipient.wrapFileKey(fileKey);
    fc.assert(
      fc.property(fc.nat(stanza!.body.length - 1), fc.nat(7), (at, bit) => {
        const body = Buffer.from(stanza!.body);
        body[at]! ^= 1 << bit;
        expect(identity.unwrapFileKey([{ args: stanza!.args, body }])).toBeNull();
      }),
      { numRuns: 20 },
    );
  });

  it('whatever the header holds, gives a file key, nothing, or a failure that names the file', () => {
    const { recipient, identity, wire } = mine();
    const [stanza] = recipient.wrapFileKey(fileKey);
    const argument = fc.oneof(
      fc.constantFrom(tagOf(wire), ...stanza!.args, 'AAAA', ''),
      fc.string({ unit: 'grapheme-ascii' }),
    );
    const args = fc.array(argument, { maxLength: 4 }).map((rest) => [type, ...rest]);
    const body = fc.oneof(fc.constant(Buffer.from(stanza!.body)), fc.uint8Array({ maxLength: 300 }));
    fc.assert(
      fc.property(args, body, (a, b) => {
        try {
          const found = identity.unwrapFileKey([{ args: a, body: b }], 'keys/1/x.age');
          if (found) expect(found).toEqual(fileKey);
        } catch (error) {
          expect(error).toBeInstanceOf(IntegrityError);
          expect(error).toMatchObject({ code: 'bad-header', object: 'keys/1/x.age' });
        }
      }),
      { numRuns: 300 },
    );
  });
});

describe('an ssh-ed25519 recipient', () => {
  it('is for the SSH key, not only for its point: the wire bytes are mixed in', () => {
    const { recipient, wire, seed } = ed25519();
    const [{ args, body }] = recipient.wrapFileKey(fileKey) as [{ args: string[]; body: Buffer }];
    const other = Buffer.from(wire);
    other[7]! ^= 1;
    const identity = new SshEd25519Identity(other, seed);
    expect(identity.unwrapFileKey([{ args: [args[0]!, tagOf(other), args[2]!], body }])).toBeNull();
  });

  it.each<[string, Buffer]>([
    ['y = 0, of order 4', bytesOf(0n)],
    ['y = 1, the neutral point', bytesOf(1n)],
    ['y = 1 with the sign set', bytesOf(1n | (1n << 255n))],
    ['y = -1, of order 2', bytesOf(FIELD - 1n)],
    ['y of order 8', bytesOf(0x7a03ac9277fdc74ec6cc392cfa53202a0f67100d760b3cba4fd84d3d706a17c7n)],
    ['y that is not reduced', bytesOf(FIELD + 1n)],
    ['y of no point', bytesOf(2n)],
    ['too few bytes', Buffer.alloc(31, 9)],
  ])('is not made of %s', (_, point) => {
    expect(() => new SshEd25519Recipient(Buffer.alloc(51), point)).toThrow(
      expect.objectContaining({ code: 'bad-recipient', exitCode: 2 }),
    );
  });

  it('is made of every public key that there is, and of about half of all bytes', () => {
    for (let i = 0; i < 20; i++) expect(() => ed25519()).not.toThrow();
    let sound = 0;
    for (let i = 0; i < 100; i++) {
      const point = randomBytes(32);
      try {
        new SshEd25519Recipient(point, point);
        sound++;
      } catch {
        // No point.
      }
    }
    expect(sound).toBeGreaterThan(15);
    expect(sound).toBeLessThan(85);
  });

  it('refuses a share of low order', () => {
    const { identity, wire } = ed25519();
    const share = Buffer.alloc(32).toString('base64').replace(/=/g, '');
    const stanza = { args: ['ssh-ed25519', tagOf(wire), share], body: Buffer.alloc(32) };
    expect(() => identity.unwrapFileKey([stanza])).toThrow(expect.objectContaining({ code: 'bad-header' }));
  });

  it('leaves the seed to be wiped by whoever gave it', () => {
    const { recipient, wire, seed } = ed25519();
    const identity = new SshEd25519Identity(wire, seed);
    seed.fill(0);
    expect(identity.unwrapFileKey(recipient.wrapFileKey(fileKey))).toEqual(fileKey);
  });
});
