import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { derive, open, seal } from '../../src/crypt/aead.ts';
import { sample } from './streams.ts';

const key = sample(32);
const nonce = sample(12);

describe('a sealed message', () => {
  it('opens to what it was', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 200 }), (plain) => {
        const [ciphertext, tag] = seal(key, nonce, plain);
        expect(ciphertext).toHaveLength(plain.length);
        expect(open(key, nonce, Buffer.concat([ciphertext, tag]))?.equals(plain)).toBe(true);
      }),
    );
  });

  it('does not open when a byte is wrong, when cut, or with another nonce', () => {
    const box = Buffer.concat(seal(key, nonce, sample(20)));
    for (let at = 0; at < box.length; at++) {
      const wrong = Buffer.from(box);
      wrong[at]! ^= 1;
      expect(open(key, nonce, wrong)).toBeUndefined();
      expect(open(key, nonce, box.subarray(0, at))).toBeUndefined();
    }
    expect(open(key, Buffer.alloc(12), box)).toBeUndefined();
  });
});

describe('a derived key', () => {
  // RFC 5869, test case 3: no salt and no info; the first 32 of its 42 bytes.
  it('is what HKDF-SHA256 gives', () => {
    expect(derive(Buffer.alloc(22, 0x0b), '', '').toString('hex')).toBe(
      '8da4e775a563c18f715f802a063c5a31b8a11f5c5ee1879ec3454e5f3c738d2d',
    );
  });
});
