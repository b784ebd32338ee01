import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { parse } from 'yaml';
import { generateIdentity, recipientOf } from '../../src/crypt/identity.ts';
import { fingerprint, generateSigningKey } from '../../src/sign/key.ts';
import { checkPin, type Pin, parsePin, pinOf, pinText } from '../../src/vault/pin.ts';

import { makeVault } from '../support/vault.ts';

const authority = fingerprint(generateSigningKey().publicKey);
const recipient = await recipientOf(await generateIdentity('x25519'));
const pin: Pin = { vault: '0123456789abcdefghjkmnpqrs', generation: 1, revision: 3, recipient, authority };

describe('a pin as text', () => {
  it('is read back as it was, in its braces, without, and as the line of strongroom.yaml', () => {
    const text = pinText(pin);
    for (const form of [
      text,
      `pin: ${text}`,
      text.slice(1, -1),
      `  ${text}\n`,
      text.replaceAll('"', ''),
      text.replaceAll(', ', ' ,  '),
    ]) {
      expect(parsePin(form)).toEqual(pin);
    }
  });

  it('is read back whatever its numbers are', () => {
    const number = fc.integer({ min: 1, max: 999_999_999 });
    fc.assert(
      fc.property(number, number, (generation, revision) => {
        expect(parsePin(pinText({ ...pin, generation, revision }))).toEqual({ ...pin, generation, revision });
      }),
    );
  });

  it('is YAML that says the same', () => {
    expect(parse(`pin: ${pinText(pin)}`)).toEqual({ pin });
  });

  it('of a post-quantum vault is read back too', async () => {
    const long = { ...pin, recipient: await recipientOf(await generateIdentity('hybrid')) };
    expect(long.recipient.length).toBeGreaterThan(1900);
    expect(parsePin(pinText(long))).toEqual(long);
  });

  it.each([
    '',
    'SHA256:abc',
    '{ vault: x }',
    pinText({ ...pin, vault: 'short' }),
    pinText({ ...pin, vault: pin.vault.replace('0', 'i') }),
    pinText({ ...pin, generation: 0 }),
    pinText({ ...pin, revision: 0 }),
    pinText({ ...pin, recipient: 'age1short' }),
    pinText({ ...pin, authority: 'SHA256:abc' }),
    `${pinText(pin)} and more`,
    pinText(pin).replace('vault', 'Vault'),
    pinText(pin).replace(/, authority.*/, ' }'),
  ])('%j is none, and is not repeated', (text) => {
    expect(() => parsePin(text)).toThrow(
      expect.objectContaining({
        code: 'bad-pin',
        exitCode: 2,
        message: 'the pin is not as init printed it',
        hint: 'copy the whole pin again: { vault, generation, revision, recipient, authority }',
      }),
    );
  });

  it('of any other text is refused as a pin, not as a bug', () => {
    fc.assert(
      fc.property(fc.string(), (text) => {
        expect(() => parsePin(text)).toThrow(expect.objectContaining({ code: 'bad-pin' }));
      }),
    );
  });
});

describe('a pin from a file', () => {
  it.each<[string, Partial<Pin>]>([
    ['with a fraction', { revision: 1.5 }],
    ['with a negative number', { generation: -1 }],
    ['with a number too large to be exact', { revision: 2 ** 53 }],
    ['with a path as its vault', { vault: '../../../etc/passwd/000000' }],
    ['with an identity as its recipient', { recipient: 'AGE-SECRET-KEY-1' }],
  ])('%s is refused', (_, change) => {
    expect(() => checkPin({ ...pin, ...change })).toThrow(expect.objectContaining({ code: 'bad-pin' }));
  });
});

it('the pin of a vault document names its vault, its newest key and its authority', async () => {
  const vault = await makeVault();
  const { generations } = vault.document;
  expect(pinOf(vault.document)).toEqual({
    vault: vault.document.vault,
    generation: 1,
    revision: 1,
    recipient: generations[0]!.recipient,
    authority: fingerprint(vault.authority.publicKey),
  });
  expect(vault.pin).toEqual(pinOf(vault.document));
});
