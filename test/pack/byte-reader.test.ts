import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { byteReader, isZero } from '../../src/pack/byte-reader.ts';
import { chunked, chunkSizes } from './arbitraries.ts';

describe('reading bytes from a stream', () => {
  it('takes exact counts, then what is left, then nothing', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.uint8Array({ maxLength: 3000 }),
        chunkSizes,
        fc.array(fc.nat(1000)),
        async (data, sizes, counts) => {
          const reader = byteReader(chunked(data, sizes));
          let position = 0;
          for (const count of counts) {
            const taken = await reader.take(count);
            expect([...taken]).toEqual([...data.slice(position, position + count)]);
            position += taken.length;
          }
          expect((await reader.take(5000)).length).toBe(data.length - position);
          expect((await reader.take(1)).length).toBe(0);
          expect((await reader.some(1)).length).toBe(0);
        },
      ),
    );
  });

  it('gives some bytes as they come, never more than asked for', async () => {
    const reader = byteReader(chunked(Buffer.from('abcdef'), [4]));
    const pieces = [await reader.some(3), await reader.some(3), await reader.some(3), await reader.some(3)];
    expect(pieces.map(String)).toEqual(['abc', 'd', 'ef', '']);
  });
});

describe('looking for zeros', () => {
  it('finds the one byte that is not', () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 1, max: 3000 }),
        fc.nat(),
        fc.integer({ min: 1, max: 255 }),
        (length, at, value) => {
          const bytes = Buffer.alloc(length);
          expect(isZero(bytes)).toBe(true);
          bytes[at % length] = value;
          expect(isZero(bytes)).toBe(false);
          expect(isZero(bytes.fill(value))).toBe(false);
        },
      ),
    );
    expect(isZero(Buffer.alloc(0))).toBe(true);
  });
});
