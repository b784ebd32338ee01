import fc from 'fast-check';
import { expect, it } from 'vitest';
import { decodeBase64, encodeBase64 } from '../../src/crypt/base64.ts';

it('decodes what it encodes', () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 100 }), (bytes) => {
      const text = encodeBase64(bytes);
      expect(text).toMatch(/^[A-Za-z0-9+/]*$/);
      expect(decodeBase64(text)?.equals(bytes)).toBe(true);
    }),
  );
});

it('accepts one text for each value and no other', () => {
  fc.assert(
    fc.property(fc.stringMatching(/^[A-Za-z0-9+/=_ -]{0,12}$/), (text) => {
      const bytes = decodeBase64(text);
      if (bytes !== undefined) expect(encodeBase64(bytes)).toBe(text);
    }),
  );
});

it.each([
  ['padding', 'YQ=='],
  ['bits that stand for nothing', 'YR'],
  ['one character too many', 'YWFhY'],
  ['the URL alphabet', '-_-_'],
  ['a space', 'YW Fh'],
  ['a line feed', 'YWFh\n'],
])('refuses %s', (_, text) => {
  expect(decodeBase64(text)).toBeUndefined();
});
