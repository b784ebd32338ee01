import { bech32 } from '@scure/base';
import { beforeAll, describe, expect, it } from 'vitest';
import { decryptBytes, encryptBytes } from '../../src/crypt/age.ts';
import { generateIdentity, recipientOf } from '../../src/crypt/identity.ts';
import { base64, FILE_KEY, forgeHeader, PAYLOAD } from './forge.ts';
import { sample } from './streams.ts';

const PLAIN = Buffer.from('plain');
let mine: string;
let others: string;
let file: Buffer;

beforeAll(async () => {
  [mine, others] = [await generateIdentity('hybrid'), await generateIdentity('hybrid')];
  file = await encryptBytes(PLAIN, [await recipientOf(mine)]);
});

describe('a post-quantum recipient', () => {
  it('is the only stanza and opens with its identity', async () => {
    const header = file.toString('latin1', 0, file.indexOf('\n---'));
    expect(header.match(/^-> .*/gm)?.map((line) => line.split(' ')[1])).toEqual(['mlkem768x25519']);
    expect(await decryptBytes(file, [mine])).toEqual(PLAIN);
  });

  it('shares a file with others of its kind', async () => {
    const both = await encryptBytes(PLAIN, [await recipientOf(others), await recipientOf(mine)]);
    for (const identity of [mine, others]) expect(await decryptBytes(both, [identity])).toEqual(PLAIN);
  });

  it('does not open with another identity, which does not hinder the right one', async () => {
    const classic = await generateIdentity('x25519');
    await expect(decryptBytes(file, [others, classic], { object: 'x.age' })).rejects.toMatchObject({
      code: 'no-identity-matches',
      object: 'x.age',
    });
    expect(await decryptBytes(file, [others, classic, mine])).toEqual(PLAIN);
  });

  it('with a weak X25519 half is refused', async () => {
    const weak = bech32.encode('age1pq', bech32.toWords(new Uint8Array(1216)), false);
    await expect(encryptBytes(PLAIN, [weak])).rejects.toMatchObject({ code: 'bad-recipient' });
  });

  it('finds a change to the header', async () => {
    const text = file.toString('latin1').replace('\n---', '\n-> grease x\n\n---');
    await expect(decryptBytes(Buffer.from(text, 'latin1'), [mine])).rejects.toMatchObject({
      code: 'header-tampered',
    });
  });
});

describe('a malformed post-quantum stanza is refused', () => {
  const share = base64(sample(1120));
  it.each([
    ['no share', 'mlkem768x25519', 32],
    ['an argument too many', `mlkem768x25519 ${share} x`, 32],
    ['a short share', `mlkem768x25519 ${base64(sample(1119))}`, 32],
    ['a long share', `mlkem768x25519 ${base64(sample(1121))}`, 32],
    ['a share that is not canonical', `mlkem768x25519 ${base64(Buffer.alloc(1120)).slice(0, -1)}B`, 32],
    ['a short body', `mlkem768x25519 ${share}`, 31],
    ['a long body', `mlkem768x25519 ${share}`, 40],
  ])('%s', async (_, args, size) => {
    const header = forgeHeader(`-> ${args}\n${base64(sample(size))}\n`, FILE_KEY);
    await expect(decryptBytes(Buffer.concat([header, PAYLOAD]), [mine])).rejects.toMatchObject({
      code: 'bad-header',
    });
  });
});
