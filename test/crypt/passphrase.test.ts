import { createHash } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { generatePassphrase, weaknessOf } from '../../src/crypt/passphrase.ts';
import { WORDS } from '../../src/crypt/words.ts';

describe('the word list', () => {
  it('is the English one of BIP-39, to the byte', () => {
    const text = WORDS.map((word) => `${word}\n`).join('');
    expect(createHash('sha256').update(text).digest('hex')).toBe(
      '2f5eed53a4727b4bf8880d8f3f199efc90e58503646d9ff8eff3a2ed3b24dbda',
    );
  });

  it('has 2048 different words, so 11 bits each', () => {
    expect(new Set(WORDS).size).toBe(2048);
  });
});

describe('a generated passphrase', () => {
  it('has seven words of the list unless told, joined by hyphens: 77 bits', () => {
    const words = generatePassphrase().split('-');
    expect(words).toHaveLength(7);
    expect(words.every((word) => WORDS.includes(word))).toBe(true);
    expect(generatePassphrase(10).split('-')).toHaveLength(10);
  });

  it('draws on the whole list', () => {
    const drawn = new Set(Array.from({ length: 400 }, () => generatePassphrase(100).split('-')).flat());
    // 40,000 draws leave any one word out with a chance of 3 in a thousand million.
    expect(drawn.size).toBe(2048);
  });

  it('is never refused as weak', () => {
    for (let turn = 0; turn < 1000; turn++) expect(weaknessOf(generatePassphrase())).toBeUndefined();
  });

  it.each([0, 6, 101, 7.5, Number.NaN])('is not made of %d words', (words) => {
    expect(() => generatePassphrase(words)).toThrow(expect.objectContaining({ code: 'bad-word-count' }));
  });
});

describe('a weak passphrase is refused because it', () => {
  it.each([
    ['', 'has fewer than 12 characters'],
    ['x8$Kq!2mZp9', 'has fewer than 12 characters'],
    ['aaaaaaaaaaaaaaaa', 'has only a few different characters'],
    ['ababababababab', 'has only a few different characters'],
    ['aaabbbcccdddaaabbb', 'has only a few different characters'],
    ['ourkeyourkeyourkey', 'repeats itself'],
    ['x7Kq!2mZx7Kq!2mZx7', 'repeats itself'],
    ['739105284610', 'has no letters'],
    ['2026-11-20 05:58', 'has no letters'],
    ['password12345', 'is made of common words, sequences or years'],
    ['P4$$w0rd!2026', 'is made of common words, sequences or years'],
    ['Summer2026!!', 'is made of common words, sequences or years'],
    ['qwertyuiop[]', 'is made of common words, sequences or years'],
    ['abcdefghijklm', 'is made of common words, sequences or years'],
    ['zyxwvutsrqponm', 'is made of common words, sequences or years'],
    ['1qaz2wsx3edc', 'is made of common words, sequences or years'],
    ['admin-admin-root-2025', 'is made of common words, sequences or years'],
    ['StrongroomVault!', 'is made of common words, sequences or years'],
    ['strongroom backup 2026', 'is made of common words, sequences or years'],
    ['CorrectHorseBatteryStaple', 'is made of common words, sequences or years'],
    ['Blumentopf2026!', 'has fewer than 4 words'],
    ['Rumpelstilz1!', 'has fewer than 4 words'],
    ['purple-elephants', 'has fewer than 4 words'],
  ])('%j %s', (passphrase, reason) => {
    expect(weaknessOf(passphrase)).toBe(reason);
  });
});

describe('a passphrase that cannot be predicted this way is accepted', () => {
  it.each([
    'x8$Kq!2mZp9w',
    'Vr3-tQm9-Lz7k-Wb2n',
    '9f3c1b7ae04d52c8',
    'gelatin pebble ostrich violin',
    'the tin monkey ate my second umbrella',
    'der Igel frisst um sieben Uhr Spaghetti',
    '青い鳥が三羽朝の窓辺で歌った',
    'a sentence from 1984 is long enough here',
  ])('%s', (passphrase) => {
    expect(weaknessOf(passphrase)).toBeUndefined();
  });
});
