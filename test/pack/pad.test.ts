import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { padme } from '../../src/pack/pad.ts';

// The algorithm as printed in the paper (algorithm 1), on exact integers.
function paper(size: number): number {
  const length = BigInt(size);
  const log2 = (value: bigint): bigint => BigInt(value.toString(2).length - 1);
  const exponent = log2(length);
  const bits = exponent - (log2(exponent) + 1n);
  const mask = (1n << bits) - 1n;
  return Number((length + mask) & ~mask);
}

const sizes = fc.oneof(
  fc.nat(5000),
  fc.integer({ min: 0, max: 2 ** 48 }),
  fc
    .tuple(fc.integer({ min: 2, max: 48 }), fc.integer({ min: -1, max: 1 }))
    .map(([bits, near]) => 2 ** bits + near),
);

describe('padmé', () => {
  it.each([
    [0, 0],
    [1, 1],
    [2, 2],
    [3, 3],
    [9, 10],
    [10, 10],
    [63, 64],
    [1000, 1024],
    [1025, 1088],
    [2 ** 40 + 1, 2 ** 40 + 2 ** 34],
  ])('pads %d to %d', (size, padded) => {
    expect(padme(size)).toBe(padded);
  });

  it('agrees with the paper', () => {
    fc.assert(
      fc.property(
        sizes.filter((size) => size > 1),
        (size) => {
          expect(padme(size)).toBe(paper(size));
        },
      ),
    );
  });

  it('never shrinks, costs at most 12 %, and leaves a padded size alone', () => {
    fc.assert(
      fc.property(sizes, (size) => {
        const padded = padme(size);
        expect(padded).toBeGreaterThanOrEqual(size);
        expect(padded).toBeLessThanOrEqual(size * 1.12);
        expect(padme(padded)).toBe(padded);
      }),
    );
  });

  it('never puts a larger size below a smaller one', () => {
    fc.assert(
      fc.property(sizes, sizes, (a, b) => {
        expect(Math.sign(padme(a) - padme(b)) * Math.sign(a - b)).toBeGreaterThanOrEqual(0);
      }),
    );
  });
});
