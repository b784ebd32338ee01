import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { size } from '../../src/cli/text.ts';
import { countText, minuteText, sizeText, spanText } from '../../src/pages/numbers.ts';
import { spanText as spanOfChecks } from '../../src/vault/drill/checks/objectives.ts';

describe('numbers on pages', () => {
  it('are those that the terminal shows', () => {
    fc.assert(
      fc.property(fc.double({ min: 0, max: 1e8, noNaN: true }), (seconds) => {
        expect(spanText(seconds)).toBe(spanOfChecks(seconds));
      }),
    );
    fc.assert(
      fc.property(fc.nat(2 ** 50), (bytes) => {
        expect(sizeText(bytes)).toBe(size(bytes));
      }),
    );
  });

  it('are said so', () => {
    expect([0.004, 4.26, 65, 5025, 90_000].map(spanText)).toEqual([
      '4 ms',
      '4.3 s',
      '1 min 5 s',
      '1 h 23 min',
      '1 d 1 h',
    ]);
    expect(minuteText(new Date('2026-11-20T05:58:12Z'))).toBe('2026-11-20 05:58 UTC');
    expect([countText(1, 'file'), countText(2, 'entry', 'entries')]).toEqual(['1 file', '2 entries']);
  });
});
