import fc from 'fast-check';
import { expect, test } from 'vitest';
import { nearest } from '../../src/cli/suggest.ts';

const words = ['init', 'backup', 'list', 'show', 'cat', 'restore', 'verify', 'delete', 'keys', 'hosts'];

test.each([
  ['bakup', 'backup'],
  ['bcakup', 'backup'],
  ['BACKUP', 'backup'],
  ['lst', 'list'],
  ['restroe', 'restore'],
  ['key', 'keys'],
  ['snapshot', undefined],
  ['x', undefined],
  ['', undefined],
])('%s is taken for %s', (typed, meant) => {
  expect(nearest(typed, words)).toBe(meant);
});

test('a word is nearest to itself, and one slip in a longer word is found', () => {
  fc.assert(
    fc.property(
      fc.constantFrom(...words.filter((word) => word.length > 4)),
      fc.nat(),
      fc.constantFrom('x', ''),
      (word, n, put) => {
        const at = n % word.length;
        expect(nearest(word, words)).toBe(word);
        expect(nearest(word.slice(0, at) + put + word.slice(at + 1), words)).toBe(word);
      },
    ),
  );
});

test('a word of any length costs little', () => {
  expect(nearest('a'.repeat(1_000_000), words)).toBeUndefined();
});
