import type { Identity, Recipient } from 'age-encryption';
import { beforeAll, describe, expect, it } from 'vitest';
import { unwrapFileKey, wrapFileKey } from '../../src/crypt/file-key.ts';
import { type Header, readHeader } from '../../src/crypt/header.ts';
import { generateIdentity, recipientOf } from '../../src/crypt/identity.ts';
import { readerOf } from '../../src/crypt/reader.ts';
import { ScryptIdentity, ScryptRecipient } from '../../src/crypt/scrypt.ts';
import { UnlockError } from '../../src/errors.ts';
import { FILE_KEY, forgeHeader } from './forge.ts';
import { inPieces, sample } from './streams.ts';

let identities: string[];
let recipients: string[];
let hybrid: string;
const passphrase = new ScryptRecipient('a passphrase', 4);
const foreign: Recipient & Identity = {
  wrapFileKey: (fileKey) => [{ args: ['example.com/foreign'], body: fileKey }],
  unwrapFileKey: (stanzas) => stanzas.find(({ args }) => args[0] === 'example.com/foreign')?.body ?? null,
};

beforeAll(async () => {
  identities = await Promise.all([generateIdentity('x25519'), generateIdentity('x25519')]);
  recipients = await Promise.all(identities.map(recipientOf));
  hybrid = await recipientOf(await generateIdentity('hybrid'));
});

function read(bytes: Buffer): Promise<Header> {
  return readHeader(readerOf(inPieces(bytes)), 'x.age');
}

describe('wrapping', () => {
  it('lets each recipient open the file, of whatever kind', async () => {
    const { fileKey, header } = await wrapFileKey([...recipients, foreign]);
    expect(fileKey).toHaveLength(16);
    for (const identity of [...identities, foreign]) {
      expect(await unwrapFileKey(await read(header), [identity], 'x.age')).toEqual(fileKey);
    }
  });

  it('never uses a file key twice', async () => {
    const [one, two] = [await wrapFileKey(recipients), await wrapFileKey(recipients)];
    expect(one.fileKey).not.toEqual(two.fileKey);
  });

  it.each<[what: string, code: string, make: () => (string | Recipient)[]]>([
    ['nobody', 'no-recipients', () => []],
    ['something that is no recipient', 'bad-recipient', () => ['age1nonsense']],
    ['post-quantum and classic', 'mixed-recipients', () => [hybrid, recipients[0]!]],
    ['classic and post-quantum', 'mixed-recipients', () => [recipients[0]!, hybrid]],
    ['post-quantum and something foreign', 'mixed-recipients', () => [hybrid, foreign]],
    ['post-quantum and a passphrase', 'mixed-recipients', () => [hybrid, passphrase]],
    ['a passphrase and a key', 'mixed-recipients', () => [passphrase, recipients[0]!]],
    ['two passphrases', 'mixed-recipients', () => [passphrase, passphrase]],
  ])('refuses %s', async (_, code, make) => {
    await expect(wrapFileKey(make())).rejects.toMatchObject({ code, exitCode: 2 });
  });
});

describe('unwrapping', () => {
  it('tries every identity before it fails', async () => {
    const { fileKey, header } = await wrapFileKey([passphrase]);
    const wrong = new ScryptIdentity('another');
    const right = new ScryptIdentity('a passphrase');
    const parsed = await read(header);
    expect(await unwrapFileKey(parsed, [identities[0]!, wrong, right], 'x.age')).toEqual(fileKey);
    await expect(unwrapFileKey(parsed, [identities[0]!, wrong], 'x.age')).rejects.toMatchObject({
      code: 'wrong-passphrase',
      object: 'x.age',
    });
  });

  it('says that no key opens the file', async () => {
    const { header } = await wrapFileKey([recipients[0]!]);
    const parsed = await read(header);
    for (const tried of [[], [identities[1]!], [new ScryptIdentity('x'), foreign]]) {
      const failure = await unwrapFileKey(parsed, tried, 'x.age').catch((error: unknown) => error);
      expect(failure).toBeInstanceOf(UnlockError);
      expect(failure).toMatchObject({ code: 'no-identity-matches', exitCode: 12, object: 'x.age' });
    }
  });

  it('believes no file key that the MAC does not prove', async () => {
    const forged = await read(forgeHeader('-> example.com/foreign\n\n', FILE_KEY));
    const guess: Identity = { unwrapFileKey: () => sample(16) };
    await expect(unwrapFileKey(forged, [guess], 'x.age')).rejects.toMatchObject({ code: 'header-tampered' });
    const long: Identity = { unwrapFileKey: () => sample(17) };
    await expect(unwrapFileKey(forged, [long], 'x.age')).rejects.toMatchObject({ code: 'bad-header' });
  });

  it('refuses an identity that is none', async () => {
    const { header } = await wrapFileKey(recipients);
    await expect(unwrapFileKey(await read(header), ['AGE-SECRET-KEY-1X'], 'x.age')).rejects.toMatchObject({
      code: 'bad-identity',
    });
  });
});
