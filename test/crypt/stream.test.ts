import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { readerOf } from '../../src/crypt/reader.ts';
import { CHUNK_SIZE, decryptPayload, encryptPayload, payloadSize } from '../../src/crypt/stream.ts';
import { InterruptedError } from '../../src/errors.ts';
import { type Chunk, FILE_KEY, forgePayload } from './forge.ts';
import { collect, drain, EDGE_SIZES, inPieces, pieceSizes, sample } from './streams.ts';

function encrypted(plain: Uint8Array, sizes?: number[]): AsyncGenerator<Buffer> {
  return encryptPayload(readerOf(inPieces(plain, sizes)), FILE_KEY);
}

function decrypted(payload: Uint8Array, sizes?: number[]): AsyncGenerator<Buffer> {
  return decryptPayload(readerOf(inPieces(payload, sizes)), FILE_KEY, 'x.age');
}

const FULL = sample(CHUNK_SIZE);
const SHORT = sample(100);
const EMPTY = Buffer.alloc(0);

function chunk(counter: number, last: boolean, plain: Buffer): Chunk {
  return { counter, last, plain };
}

describe('a payload', () => {
  it.each(EDGE_SIZES)('of %i bytes comes back as it was, and has the size foretold', async (size) => {
    const payload = await collect(encrypted(sample(size)));
    expect(payload).toHaveLength(payloadSize(size));
    expect((await collect(decrypted(payload))).equals(sample(size))).toBe(true);
  });

  it('comes back as it was, however plaintext and ciphertext are cut', async () => {
    const sizes = fc.oneof(fc.integer({ min: 0, max: 200_000 }), fc.constantFrom(...EDGE_SIZES));
    await fc.assert(
      fc.asyncProperty(sizes, pieceSizes, pieceSizes, async (size, plainCuts, payloadCuts) => {
        const payload = await collect(encrypted(sample(size), plainCuts));
        expect((await collect(decrypted(payload, payloadCuts))).equals(sample(size))).toBe(true);
      }),
      { numRuns: 60 },
    );
  });

  it('is what the specification says, chunk by chunk', async () => {
    const plain = Buffer.concat([FULL, FULL, SHORT]);
    const forged = forgePayload([chunk(0, false, FULL), chunk(1, false, FULL), chunk(2, true, SHORT)]);
    expect((await collect(decrypted(forged))).equals(plain)).toBe(true);
  });

  it('counts past 256 chunks', async () => {
    const chunks = Array.from({ length: 300 }, (_, counter) => chunk(counter, counter === 299, FULL));
    const { released, code } = await drain(decrypted(forgePayload(chunks)));
    expect(code).toBeUndefined();
    expect(released).toHaveLength(300 * CHUNK_SIZE);
  });

  it('never uses a nonce twice', async () => {
    const first = await collect(encrypted(SHORT));
    const second = await collect(encrypted(SHORT));
    expect(first.subarray(0, 16).equals(second.subarray(0, 16))).toBe(false);
    expect(first.subarray(16).equals(second.subarray(16))).toBe(false);
  });

  it('is encrypted and decrypted with no more than three chunks in hand', async () => {
    const count = 64;
    let produced = 0;
    async function* source() {
      for (let turn = 0; turn < count; turn++) {
        produced += CHUNK_SIZE;
        yield FULL;
      }
    }
    let encryptedBytes = 0;
    async function* watched() {
      for await (const piece of encryptPayload(readerOf(source()), FILE_KEY)) {
        encryptedBytes += piece.length;
        expect(produced - encryptedBytes).toBeLessThanOrEqual(3 * CHUNK_SIZE);
        yield piece;
      }
    }
    let released = 0;
    for await (const piece of decryptPayload(readerOf(watched()), FILE_KEY, 'x.age')) {
      released += piece.length;
      expect(encryptedBytes - released).toBeLessThanOrEqual(3 * CHUNK_SIZE);
    }
    expect(released).toBe(count * CHUNK_SIZE);
  });
});

describe('a payload that breaks a rule is refused', () => {
  const good = forgePayload([chunk(0, false, FULL), chunk(1, true, SHORT)]);
  const box = CHUNK_SIZE + 16;
  const firstBox = good.subarray(16, 16 + box);
  const lastBox = good.subarray(16 + box);

  it.each<[rule: string, code: string, released: Buffer, payload: Buffer]>([
    ['no nonce', 'truncated', EMPTY, EMPTY],
    ['a short nonce', 'truncated', EMPTY, good.subarray(0, 15)],
    ['no chunk at all', 'truncated', EMPTY, good.subarray(0, 16)],
    ['less than a tag', 'truncated', EMPTY, good.subarray(0, 31)],
    ['a first chunk cut short', 'tampered', EMPTY, good.subarray(0, 16 + box - 1)],
    ['the last chunk missing', 'truncated', FULL, good.subarray(0, 16 + box)],
    ['the last chunk cut to less than a tag', 'truncated', FULL, good.subarray(0, 16 + box + 10)],
    ['the last chunk cut short', 'tampered', FULL, good.subarray(0, good.length - 1)],
    ['one byte after a short end', 'tampered', FULL, Buffer.concat([good, Buffer.alloc(1)])],
    ['a chunk after a short end', 'tampered', FULL, Buffer.concat([good, lastBox])],
    [
      'chunks in the wrong order',
      'tampered',
      EMPTY,
      Buffer.concat([good.subarray(0, 16), lastBox, firstBox]),
    ],
    ['a chunk twice', 'tampered', FULL, Buffer.concat([good.subarray(0, 16), firstBox, firstBox, lastBox])],
    ['a chunk left out', 'tampered', EMPTY, Buffer.concat([good.subarray(0, 16), lastBox])],
    [
      'a full chunk after the full last one',
      'tampered',
      FULL,
      forgePayload([chunk(0, true, FULL), chunk(1, true, FULL)]),
    ],
    [
      'one byte after the full last one',
      'tampered',
      FULL,
      Buffer.concat([forgePayload([chunk(0, true, FULL)]), Buffer.alloc(1)]),
    ],
    [
      'an empty last chunk after a full one',
      'tampered',
      FULL,
      forgePayload([chunk(0, false, FULL), chunk(1, true, EMPTY)]),
    ],
    [
      'an empty chunk after the last one',
      'tampered',
      EMPTY,
      forgePayload([chunk(0, true, SHORT), chunk(1, true, EMPTY)]),
    ],
    [
      'a short chunk in the middle',
      'tampered',
      EMPTY,
      forgePayload([chunk(0, false, SHORT), chunk(1, true, SHORT)]),
    ],
    ['a short chunk that is not the last', 'tampered', EMPTY, forgePayload([chunk(0, false, SHORT)])],
    ['a chunk counted from one', 'tampered', EMPTY, forgePayload([chunk(1, true, SHORT)])],
  ])('%s: %s', async (_, code, released, payload) => {
    const result = await drain(decrypted(payload));
    expect(result.code).toBe(code);
    expect(result.released.equals(released)).toBe(true);
  });

  it('releases a chunk only after its tag has been checked', async () => {
    const payload = forgePayload([chunk(0, false, FULL), chunk(1, false, FULL), chunk(2, true, SHORT)]);
    await fc.assert(
      fc.asyncProperty(
        fc.integer({ min: 16, max: payload.length - 1 }),
        fc.integer({ min: 1, max: 255 }),
        async (at, mask) => {
          const damaged = Buffer.from(payload);
          damaged[at]! ^= mask;
          const { released, code } = await drain(decrypted(damaged));
          expect(code).toBe('tampered');
          expect(released).toHaveLength(Math.floor((at - 16) / box) * CHUNK_SIZE);
        },
      ),
      { numRuns: 60 },
    );
  });

  it('names the object and gives a next step', async () => {
    await expect(collect(decrypted(good.subarray(0, 100)))).rejects.toMatchObject({
      exitCode: 13,
      object: 'x.age',
      message: expect.stringContaining('x.age'),
      hint: expect.any(String),
    });
  });
});

describe('a signal', () => {
  it('stops both directions', async () => {
    const signal = AbortSignal.abort();
    const payload = await collect(encrypted(SHORT));
    const runs = [
      encryptPayload(readerOf(inPieces(SHORT)), FILE_KEY, signal),
      decryptPayload(readerOf(inPieces(payload)), FILE_KEY, 'x.age', signal),
    ];
    for (const run of runs) await expect(collect(run)).rejects.toBeInstanceOf(InterruptedError);
  });
});
