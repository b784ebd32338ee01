import { describe, expect, it } from 'vitest';
import type { Credential } from '../../src/keys/method.ts';
import { newPassphraseKey, passphraseCredential } from '../../src/keys/passphrase.ts';
import { describeMethod } from '../contract/method.ts';

const passphrase = 'staple orbit velvet canyon marble thirteen';
const slot = {
  name: 'passphrase',
  method: 'passphrase',
  object: 'keys/1/passphrase-0123456789.age',
  workFactor: 10,
};
const context = { vault: '0123456789abcdefghjkmnpqrs', generation: 1 };
const wrap = async (words = passphrase, workFactor = 10) =>
  (await newPassphraseKey('passphrase', words, workFactor).wrap(Buffer.from('plain'), context)).bytes;

describeMethod('passphrase', async () => ({
  newKey: async (name) => newPassphraseKey(name, passphrase, 10),
  // A flipped work factor asks for a gigabyte unless it is refused before.
  right: async () => passphraseCredential(async () => passphrase, 12),
  wrong: async () => passphraseCredential(async () => 'another one', 12),
  others: [
    { name: 'age', method: 'age', object: 'keys/1/age-0123456789.age', recipient: 'age1x' },
    { name: 'kms', method: 'kms', object: 'keys/1/kms-0123456789.kms', arn: 'arn:aws:kms:x' },
  ],
  secrets: [passphrase, 'another one'],
}));

describe('a passphrase', () => {
  it('proves the vault that it opens, and says of itself how much work it is', async () => {
    expect(passphraseCredential(async () => passphrase)).toMatchObject({
      authenticates: true,
      asks: 'nobody',
      description: 'the passphrase',
    });
    const { fields } = await newPassphraseKey('p', passphrase, 11).wrap(Buffer.from('x'), context);
    expect(fields).toEqual({ workFactor: 11 });
  });

  it('is asked for when it is needed, once, though it is tried often', async () => {
    let times = 0;
    const credential: Credential = passphraseCredential(
      async () => {
        times++;
        return passphrase;
      },
      22,
      false,
    );
    expect(credential.asks).toBe('person');
    expect(credential.fits(slot)).toBe(true);
    expect(times).toBe(0);
    await expect(credential.unwrap(await wrap('another'), slot)).rejects.toMatchObject({
      code: 'wrong-passphrase',
      exitCode: 12,
    });
    expect((await credential.unwrap(await wrap(), slot))?.toString()).toBe('plain');
    expect(times).toBe(1);
  });

  it.each(['ü ñ 日本 🔑', ' with spaces ', 'a', '\t'])('is taken as it was typed: %j', async (words) => {
    const bytes = await wrap(words);
    expect((await passphraseCredential(async () => words).unwrap(bytes, slot))?.toString()).toBe('plain');
    const other = passphraseCredential(async () => `${words} `);
    await expect(other.unwrap(bytes, slot)).rejects.toMatchObject({ code: 'wrong-passphrase' });
  });

  it('that would take more work than is allowed is not tried', async () => {
    const began = performance.now();
    const bytes = Buffer.from(
      (await wrap()).toString('latin1').replace(/^(-> scrypt \S+) 10$/m, '$1 21'),
      'latin1',
    );
    await expect(passphraseCredential(async () => passphrase).unwrap(bytes, slot)).rejects.toMatchObject({
      code: 'work-factor-too-high',
      exitCode: 13,
    });
    expect(performance.now() - began).toBeLessThan(2000);
  });
});
