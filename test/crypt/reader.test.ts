import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { readerOf } from '../../src/crypt/reader.ts';
import { collect, inPieces, pieceSizes, sample } from './streams.ts';

describe('taking bytes by the piece', () => {
  it('gives every byte once and in order, however the source is cut', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.uint8Array({ maxLength: 2000 }),
        pieceSizes,
        fc.integer({ min: 1, max: 700 }),
        async (bytes, sizes, want) => {
          const reader = readerOf(inPieces(bytes, sizes));
          const taken: Buffer[] = [];
          while (!(await reader.ended())) {
            const piece = await reader.take(want);
            taken.push(piece);
          }
          expect(Buffer.concat(taken).equals(bytes)).toBe(true);
          expect(taken.slice(0, -1).every((piece) => piece.length === want)).toBe(true);
          expect(await reader.take(1)).toHaveLength(0);
        },
      ),
    );
  });

  it('finds lines across pieces and leaves what follows them', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.stringMatching(/^[a-z]{0,30}$/), { maxLength: 6 }),
        fc.uint8Array({ maxLength: 100 }),
        pieceSizes,
        async (lines, tail, sizes) => {
          const text = lines.map((line) => `${line}\n`).join('');
          const reader = readerOf(inPieces(Buffer.concat([Buffer.from(text), tail]), sizes));
          for (const line of lines) expect((await reader.line(31))?.toString()).toBe(`${line}\n`);
          expect((await reader.take(200)).equals(tail)).toBe(true);
        },
      ),
    );
  });

  it('gives no line that is longer than the limit, nor one without an end', async () => {
    const text = Buffer.from('12345\nabc');
    expect(await readerOf(inPieces(text, [2])).line(5)).toBeUndefined();
    const reader = readerOf(inPieces(text, [2]));
    expect((await reader.line(6))?.toString()).toBe('12345\n');
    expect(await reader.line(100)).toBeUndefined();
    expect((await reader.take(100)).toString()).toBe('abc');
  });

  it('pulls no further than it is asked to', async () => {
    let pulled = 0;
    async function* source() {
      for (;;) {
        pulled++;
        yield sample(10);
      }
    }
    const reader = readerOf(source());
    await reader.take(25);
    expect(pulled).toBe(3);
    await reader.line(40);
    expect(pulled).toBe(7);
    await reader.close();
  });
});

describe('closing', () => {
  it('lets the source release what it holds, once', async () => {
    let released = 0;
    async function* source() {
      try {
        for (;;) yield sample(10);
      } finally {
        released++;
      }
    }
    const reader = readerOf(source());
    await reader.take(1);
    await reader.close();
    await reader.close();
    expect(released).toBe(1);
    expect(await reader.take(10)).toHaveLength(0);
  });

  it('hands on the failure of the source and does not ask it to close', async () => {
    let asked = false;
    const source: AsyncIterable<Uint8Array> = {
      [Symbol.asyncIterator]: () => ({
        next: () => Promise.reject(new Error('the disk is gone')),
        return: () => {
          asked = true;
          return Promise.resolve({ done: true, value: undefined });
        },
      }),
    };
    const reader = readerOf(source);
    await expect(reader.take(1)).rejects.toThrow('the disk is gone');
    await reader.close();
    expect(asked).toBe(false);
  });

  it('copies nothing that comes in the size that is wanted', async () => {
    const bytes = sample(64);
    async function* source() {
      yield bytes;
    }
    const taken = await readerOf(source()).take(64);
    expect(taken.buffer).toBe(bytes.buffer);
    expect(await collect(inPieces(taken))).toEqual(bytes);
  });
});
