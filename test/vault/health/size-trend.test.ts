// Whether a snapshot is as large as is usual.

import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { trendOf, usualOf } from '../../../src/vault/health/size-trend.ts';

const MiB = 1024 * 1024;
const sized = (stored: number, entries = 10) => ({ stored, entries });
const like = (stored: number, times: number, entries = 10) =>
  Array.from({ length: times }, () => sized(stored, entries));

describe('the size of the newest snapshot', () => {
  it.each<[string, ReturnType<typeof sized>, ReturnType<typeof like>, string | undefined]>([
    ['an empty dump after full ones', sized(4_000), like(40 * MiB, 5), 'shrunk'],
    ['a .env that lost nearly all', sized(2_048), like(6_144, 3), 'shrunk'],
    ['just half', sized(20 * MiB), like(40 * MiB, 5), undefined],
    ['a little below half', sized(20 * MiB - 1), like(40 * MiB, 5), 'shrunk'],
    ['just double', sized(80 * MiB), like(40 * MiB, 5), undefined],
    ['a little over double', sized(80 * MiB + 1), like(40 * MiB, 5), 'grown'],
    ['one more file among few small ones', sized(13_000), like(6_144, 5), undefined],
    ['the same bytes in a third of the files', sized(MiB, 10), like(MiB, 5, 30), 'shrunk'],
    ['one file instead of three', sized(MiB, 1), like(MiB, 5, 3), undefined],
    ['too few to compare with', sized(1), like(40 * MiB, 2), undefined],
    ['one outlier among those before', sized(40 * MiB), [...like(40 * MiB, 4), sized(900 * MiB)], undefined],
    ['small ones long ago', sized(40 * MiB), [...like(MiB, 50), ...like(40 * MiB, 14)], undefined],
  ])('%s', (_, newest, before, expected) => {
    expect(trendOf(newest, usualOf(before))?.how).toBe(expected);
  });

  it('says how many percent of what is usual there are', () => {
    expect(trendOf(sized(MiB), usualOf(like(20 * MiB, 4)))).toEqual({
      how: 'shrunk',
      of: 'bytes',
      percent: 5,
    });
  });

  it('is never remarkable where all are alike, whatever it is', () => {
    fc.assert(
      fc.property(fc.nat(), fc.nat(), fc.integer({ min: 0, max: 40 }), (stored, entries, times) => {
        expect(trendOf({ stored, entries }, usualOf(like(stored, times, entries)))).toBeUndefined();
      }),
    );
  });

  it('does not depend on the order of those before, as long as they are the same', () => {
    const sizes = fc.array(fc.record({ stored: fc.nat(), entries: fc.nat() }), {
      minLength: 3,
      maxLength: 14,
    });
    fc.assert(
      fc.property(sizes, (before) => {
        expect(usualOf([...before].reverse())).toEqual(usualOf(before));
      }),
    );
  });
});
