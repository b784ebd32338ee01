import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { readLine, writeLine } from '../../src/kit/line.ts';
import { anchorOf, type Share, setOf, shareLines, shareOf } from '../../src/kit/share.ts';
import { FINGERPRINT, newShares } from './shares.ts';

const hex = (bytes: number) =>
  fc.uint8Array({ minLength: bytes, maxLength: bytes }).map((b) => Buffer.from(b).toString('hex'));
const anyShare: fc.Arbitrary<Share> = fc
  .record({
    kind: fc.constantFrom('x25519' as const, 'hybrid' as const),
    generation: fc.integer({ min: 1, max: 2 ** 32 - 1 }),
    count: fc.integer({ min: 2, max: 255 }),
    set: hex(10),
    anchor: hex(20),
    payload: fc.uint8Array({ minLength: 33, maxLength: 33 }).map((b) => b.with(32, b[32] || 1)),
  })
  .chain((share) =>
    fc
      .record({
        index: fc.integer({ min: 1, max: share.count }),
        threshold: fc.integer({ min: 2, max: share.count }),
      })
      .map((more) => ({ ...share, ...more })),
  );

const bytesOf = (lines: readonly string[]) =>
  lines.map((line) => {
    const read = readLine(line);
    if (!read.isRight) throw new Error(read.why);
    return read.bytes;
  });

describe('a share', () => {
  it('comes back from its five lines', () => {
    fc.assert(
      fc.property(anyShare, (share) => {
        expect(shareOf(bytesOf(shareLines(share)), 'a')).toEqual(share);
      }),
    );
  });

  it('is not made of lines of two', async () => {
    const { shares } = await newShares();
    const [a, b] = shares.map((share) => bytesOf(shareLines(share)));
    for (let at = 0; at < 5; at++) {
      const mixed = a!.with(at, b![at]!);
      // What all shares of a set have in common stands in some lines, which are then the same.
      if (Buffer.concat(mixed).equals(Buffer.concat(a!))) continue;
      expect(() => shareOf(mixed, 'a.txt')).toThrow(
        'a.txt: each line is right, but they are not all of one page',
      );
    }
    expect(() => shareOf(a!.slice(1), 'a.txt')).toThrow('this is not the whole share');
  });

  it('of a newer version is said to be one', async () => {
    const { shares } = await newShares();
    const [first, ...others] = bytesOf(shareLines(shares[0]!));
    expect(() => shareOf([first!.with(0, 0x20), ...others], 'a')).toThrow('made by another version');
  });

  it.each<[string, Partial<Share>]>([
    ['number 6 of 5', { index: 6 }],
    ['number 0', { index: 0 }],
    ['7 needed of 5', { threshold: 7 }],
    ['one needed', { threshold: 1 }],
    ['no number of a key', { generation: 0 }],
  ])('that makes no sense is refused: %s', async (_, change) => {
    const { shares } = await newShares();
    const lines = shareLines({ ...shares[0]!, ...change });
    expect(() => shareOf(bytesOf(lines), 'a')).toThrow('this is no share that strongroom makes');
  });

  it('is laid out as docs/format.md says', () => {
    const share: Share = {
      kind: 'hybrid',
      generation: 0x01020304,
      index: 2,
      threshold: 3,
      count: 5,
      set: setOf('age1example'),
      anchor: anchorOf(FINGERPRINT),
      payload: Uint8Array.from({ length: 33 }, (_, i) => 0x40 + i),
    };
    const lines = shareLines(share);
    expect(lines).toEqual(bytesOf(lines).map((b, i) => writeLine(i + 1, b)));
    expect(Buffer.concat(bytesOf(lines)).subarray(0, -4).toString('hex')).toBe(
      `11${'01020304'}${'020305'}${share.set}${'00'.repeat(20)}${Buffer.from(share.payload).toString('hex')}`,
    );
    expect(lines).toMatchInlineSnapshot(`
      [
        "ZYQSY QCYQG PSTCM 5Y5J4 EYHC7 GMUNE",
        "6TG3C QQQQQ QQQQQ QQQQQ QQQQ6 TDUM9",
        "QQQQQ QQQQQ QQQSZ PGFP5 G32X3 A3GSM",
        "GAYYJ JJTF3 X5UN6 S29F9 X4Z40 4DGAG",
        "2ET4S K26TD W96HJ LVQZ7 Z29Y8 6H7SA",
      ]
    `);
  });
});
