import { describe, expect, it } from 'vitest';
import { generateIdentity, identitySecret, recipientOf } from '../../src/crypt/identity.ts';
import { joinShares, missingShares, splitIdentity, wholeShare } from '../../src/kit/shamir.ts';
import { setOf } from '../../src/kit/share.ts';
import { FINGERPRINT, newShares, subsets } from './shares.ts';

const printing = { generation: 1, fingerprint: FINGERPRINT };

describe('shares of a recovery key', () => {
  it.each(['x25519', 'hybrid'] as const)('join from any three of five, and from no two: %s', async (kind) => {
    const { identity, shares } = await newShares(5, 3, kind);
    for (const some of [...subsets(shares, 3), ...subsets(shares, 4), shares]) {
      expect(await joinShares(some)).toEqual({
        identity,
        set: setOf(await recipientOf(identity)),
        wrong: [],
      });
    }
    for (const few of [...subsets(shares, 1), ...subsets(shares, 2)]) {
      await expect(joinShares(few)).rejects.toMatchObject({ code: 'too-few-shares', exitCode: 12 });
    }
  });

  it.each([
    [2, 2],
    [3, 2],
    [32, 32],
  ])('join whatever their numbers are: %i, of which %i', async (count, threshold) => {
    const { identity, shares } = await newShares(count, threshold);
    expect((await joinShares(shares.toReversed().slice(0, threshold))).identity).toBe(identity);
  });

  it('agree with a second reading of Shamir over GF(2^8)', async () => {
    const { identity, shares } = await newShares(4, 3);
    const points = shares.slice(1).map(({ payload }) => ({ x: payload[32]!, y: payload.subarray(0, 32) }));
    const secret = Uint8Array.from({ length: 32 }, (_, i) =>
      points.reduce((sum, p) => {
        const weight = points
          .filter((other) => other !== p)
          .reduce((product, other) => times(product, times(other.x, inverse(other.x ^ p.x))), 1);
        return sum ^ times(p.y[i]!, weight);
      }, 0),
    );
    expect(Buffer.from(secret).equals(identitySecret(identity))).toBe(true);
  });

  it('say how many are missing, and that one was given twice', async () => {
    const { shares } = await newShares();
    const [one, two] = shares;
    expect(missingShares([one!, one!])).toBe(2);
    await expect(joinShares([one!, two!, one!])).rejects.toMatchObject({
      message: '3 of the 5 shares are needed; 2 were given, one of them twice',
      hint: 'find 1 more: any but 1, 2 will do',
    });
    await expect(joinShares([])).rejects.toMatchObject({ code: 'too-few-shares' });
  });

  it('of two sets are not joined', async () => {
    const [a, b] = [await newShares(), await newShares()];
    await expect(joinShares([a.shares[0]!, a.shares[3]!, b.shares[2]!])).rejects.toMatchObject({
      code: 'mixed-shares',
      exitCode: 2,
      message: 'these shares are of different sets: 1, 4 and 3',
    });
  });

  it('that are not what was printed are found out, and named where there are others', async () => {
    const { identity, shares } = await newShares();
    const forged = { ...shares[0]!, payload: shares[0]!.payload.map((b, i) => (i === 5 ? b ^ 1 : b)) };
    await expect(joinShares([forged, ...shares.slice(1, 3)])).rejects.toMatchObject({
      code: 'wrong-share',
      exitCode: 13,
    });
    expect(await joinShares([forged, ...shares.slice(1, 4)])).toMatchObject({ identity, wrong: [forged] });
    // It claims another's point, or its number.
    const stolen = { ...shares[1]!, index: 1 };
    expect(await joinShares([stolen, ...shares.slice(1, 4)])).toMatchObject({ identity });
    await expect(joinShares([forged, ...shares.slice(0, 2)])).rejects.toMatchObject({
      code: 'too-few-shares',
    });
    expect((await joinShares([forged, ...shares.slice(0, 3)])).identity).toBe(identity);
  });

  it('are refused in numbers that make no sense', async () => {
    const identity = await generateIdentity('x25519');
    for (const [count, threshold] of [
      [5, 1],
      [2, 3],
      [33, 3],
      [Number.NaN, 2],
      [2.5, 2],
    ] as const) {
      const split = splitIdentity(identity, { ...printing, count, threshold });
      await expect(split).rejects.toMatchObject({ code: 'bad-split', exitCode: 2 });
    }
  });

  it('of one are the key itself', async () => {
    const identity = await generateIdentity('hybrid');
    const share = await wholeShare(identity, printing);
    expect(share).toMatchObject({ index: 1, threshold: 1, count: 1, kind: 'hybrid' });
    expect((await joinShares([share])).identity).toBe(identity);
  });

  it('never hold the same bytes twice, nor the secret', async () => {
    const { identity, shares } = await newShares(5, 2);
    const seen = shares.map(({ payload }) => Buffer.from(payload).toString('hex'));
    expect(new Set(seen).size).toBe(5);
    const secret = Buffer.from(identitySecret(identity)).toString('hex');
    expect(seen.filter((hex) => hex.startsWith(secret))).toEqual([]);
  });
});

/** Multiplication modulo x⁸ + x⁴ + x³ + x + 1, bit by bit. */
function times(a: number, b: number): number {
  let product = 0;
  for (let [x, y] = [a, b]; y > 0; y >>= 1, x = x & 0x80 ? (x << 1) ^ 0x11b : x << 1) if (y & 1) product ^= x;
  return product;
}

function inverse(a: number): number {
  let power = 1;
  for (let i = 0; i < 254; i++) power = times(power, a);
  return power;
}
