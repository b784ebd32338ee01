import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { ScryptIdentity, ScryptRecipient } from '../../src/crypt/scrypt.ts';
import { base64, FILE_KEY } from './forge.ts';
import { sample } from './streams.ts';

const WORK = 4;
const PASSPHRASE = 'correct horse battery staple';
const [STANZA] = await new ScryptRecipient(PASSPHRASE, WORK).wrapFileKey(FILE_KEY);
const SALT = STANZA!.args[1]!;

describe('a file key wrapped under a passphrase', () => {
  it('is unwrapped by that passphrase, whatever its characters', async () => {
    await fc.assert(
      fc.asyncProperty(fc.string({ unit: 'binary', minLength: 1 }), async (passphrase) => {
        const stanzas = await new ScryptRecipient(passphrase, WORK).wrapFileKey(FILE_KEY);
        expect(await new ScryptIdentity(passphrase).unwrapFileKey(stanzas)).toEqual(FILE_KEY);
      }),
      { numRuns: 30 },
    );
  });

  it('is refused to another, with an exit code for "cannot unlock"', async () => {
    await expect(
      new ScryptIdentity(`${PASSPHRASE} `).unwrapFileKey([STANZA!], 'x.age'),
    ).rejects.toMatchObject({
      code: 'wrong-passphrase',
      exitCode: 12,
      message: 'the passphrase does not open x.age',
    });
  });

  it('says its work factor and has a salt of its own', async () => {
    const [again] = await new ScryptRecipient(PASSPHRASE, 5).wrapFileKey(FILE_KEY);
    expect(again?.args).toEqual(['scrypt', expect.not.stringContaining(SALT), '5']);
  });

  it('takes 2^18 unless told', async () => {
    const [stanza] = await new ScryptRecipient(PASSPHRASE).wrapFileKey(FILE_KEY);
    expect(stanza?.args[2]).toBe('18');
  });

  it('is not looked for in a file without a passphrase', async () => {
    const stanzas = [{ args: ['X25519', SALT], body: sample(32) }];
    expect(await new ScryptIdentity(PASSPHRASE).unwrapFileKey(stanzas)).toBeNull();
  });

  it.each([0, 23, 1.5, Number.NaN])('is not written with a work factor of %d', (workFactor) => {
    expect(() => new ScryptRecipient(PASSPHRASE, workFactor)).toThrow(
      expect.objectContaining({ code: 'bad-work-factor' }),
    );
  });
});

describe('a malformed stanza is refused before any work', () => {
  it.each<[rule: string, args: string[], size: number]>([
    ['no salt', ['scrypt', '4'], 32],
    ['no work factor', ['scrypt', SALT], 32],
    ['an argument too many', ['scrypt', SALT, '4', 'x'], 32],
    ['a short salt', ['scrypt', base64(sample(15)), '4'], 32],
    ['a long salt', ['scrypt', base64(sample(17)), '4'], 32],
    ['a salt that is not canonical', ['scrypt', `${base64(Buffer.alloc(16)).slice(0, -1)}B`, '4'], 32],
    ['a short body', ['scrypt', SALT, '4'], 31],
    ['a long body', ['scrypt', SALT, '4'], 40],
    ['a work factor of zero', ['scrypt', SALT, '0'], 32],
    ['a leading zero', ['scrypt', SALT, '04'], 32],
    ['a plus sign', ['scrypt', SALT, '+4'], 32],
    ['a minus sign', ['scrypt', SALT, '-4'], 32],
    ['hexadecimal', ['scrypt', SALT, '0x4'], 32],
    ['something behind the number', ['scrypt', SALT, '4a'], 32],
    ['something before the number', ['scrypt', SALT, 'a4'], 32],
    ['digits that are not ASCII', ['scrypt', SALT, '٤'], 32],
  ])('%s', async (_, args, size) => {
    const unwrap = new ScryptIdentity(PASSPHRASE).unwrapFileKey([{ args, body: sample(size) }], 'x.age');
    await expect(unwrap).rejects.toMatchObject({ code: 'bad-header', object: 'x.age' });
  });

  it('beside another stanza', async () => {
    for (const stanzas of [
      [STANZA!, { args: ['x'], body: sample(3) }],
      [STANZA!, STANZA!],
    ]) {
      await expect(new ScryptIdentity(PASSPHRASE).unwrapFileKey(stanzas)).rejects.toMatchObject({
        code: 'bad-header',
      });
    }
  });
});

describe('the work a file may demand', () => {
  const demanding = (work: string) => [{ args: ['scrypt', SALT, work], body: sample(32) }];

  it.each(['23', '64', '9'.repeat(400)])('is refused above 22: %.10s', async (work) => {
    await expect(new ScryptIdentity(PASSPHRASE).unwrapFileKey(demanding(work))).rejects.toMatchObject({
      code: 'work-factor-too-high',
      exitCode: 13,
    });
  });

  it('can be held lower, and is then refused before memory is taken', async () => {
    const before = process.memoryUsage().rss;
    const identity = new ScryptIdentity(PASSPHRASE, { maxWorkFactor: 20 });
    await expect(identity.unwrapFileKey(demanding('21'))).rejects.toMatchObject({
      code: 'work-factor-too-high',
    });
    expect(process.memoryUsage().rss - before).toBeLessThan(512 * 1024 * 1024);
  });

  it('is done up to the maximum', async () => {
    const identity = new ScryptIdentity(PASSPHRASE, { maxWorkFactor: WORK });
    expect(await identity.unwrapFileKey([STANZA!])).toEqual(FILE_KEY);
  });
});
