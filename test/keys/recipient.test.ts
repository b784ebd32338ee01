import { describe, expect, it } from 'vitest';
import { generateIdentity, type IdentityKind, recipientOf } from '../../src/crypt/identity.ts';
import { identityCredential, identityFileCredential, newRecipientKey } from '../../src/keys/recipient.ts';
import { describeMethod, type MethodFixture } from '../contract/method.ts';

async function fixture(kind: IdentityKind): Promise<MethodFixture> {
  const [mine, other] = [await generateIdentity(kind), await generateIdentity(kind)];
  const recipient = await recipientOf(mine);
  return {
    newKey: async (name) => newRecipientKey(name, recipient),
    right: () => identityCredential([mine], 'me.txt'),
    wrong: () => identityCredential([other], 'you.txt'),
    others: [
      {
        name: 'passphrase',
        method: 'passphrase',
        object: 'keys/1/passphrase-0123456789.age',
        workFactor: 18,
      },
      { name: 'kms', method: 'kms', object: 'keys/1/kms-0123456789.kms', arn: 'arn:aws:kms:x' },
      {
        name: 'yours',
        method: 'age',
        object: 'keys/1/yours-0123456789.age',
        recipient: await recipientOf(other),
      },
    ],
    secrets: [mine, other],
  };
}

describeMethod('age', () => fixture('x25519'));
describe('post-quantum', () => describeMethod('age', () => fixture('hybrid')));

describe('an age identity', () => {
  it('proves nothing of a vault that it opens: anybody can encrypt to its recipient', async () => {
    const credential = await identityCredential([await generateIdentity('x25519')], 'me.txt');
    expect(credential).toMatchObject({
      authenticates: false,
      asks: 'nobody',
      description: 'the identity in me.txt',
    });
  });

  it('is told by its recipient, which the slot names; one that names none is tried', async () => {
    const mine = await generateIdentity('x25519');
    const recipient = await recipientOf(mine);
    const key = newRecipientKey('laptop', recipient);
    const { bytes, fields } = await key.wrap(Buffer.from('plain'), { vault: 'v', generation: 1 });
    expect(fields).toEqual({ recipient });
    const slot = { name: 'laptop', method: 'age', object: 'keys/1/laptop-0123456789.age' };
    const credential = await identityCredential([mine], 'me.txt');
    expect(credential.fits({ ...slot, recipient })).toBe(true);
    expect(credential.fits(slot)).toBe(true);
    expect((await credential.unwrap(bytes, slot))?.toString()).toBe('plain');
  });

  it('may be one of several in a file, of either kind', async () => {
    const [classic, hybrid] = [await generateIdentity('x25519'), await generateIdentity('hybrid')];
    const credential = await identityFileCredential(`# keys\n${classic}\n${hybrid}\n`, 'keys.txt');
    for (const identity of [classic, hybrid]) {
      const recipient = await recipientOf(identity);
      const { bytes } = await newRecipientKey('x', recipient).wrap(Buffer.from('plain'), {
        vault: 'v',
        generation: 1,
      });
      const slot = { name: 'x', method: 'age', object: 'keys/1/x-0123456789.age', recipient };
      expect(credential.fits(slot)).toBe(true);
      expect((await credential.unwrap(bytes, slot))?.toString()).toBe('plain');
    }
  });

  it.each(['', '# nothing\n', 'AGE-SECRET-KEY-1WRONG\n', 'hunter2\n'])(
    'is not in a file such as %j, which is not repeated',
    async (text) => {
      await expect(identityFileCredential(text, 'me.txt')).rejects.toMatchObject({
        code: 'bad-identity-file',
        exitCode: 2,
        message: expect.not.stringMatching(/WRONG|hunter2/),
      });
    },
  );

  it('cannot be made a key of where it is no recipient', () => {
    expect(() => newRecipientKey('x', 'age1nope')).toThrow(
      expect.objectContaining({ code: 'bad-recipient', exitCode: 2 }),
    );
  });
});
