import { bech32m } from '@scure/base';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { isLine, LINE_BYTES, LINES, readLine, writeLine } from '../../src/kit/line.ts';

const ALPHABET = 'QPZRY9X8GF2TVDW0S3JN54KHCE6MUA7L';
const bytes = fc.uint8Array({ minLength: LINE_BYTES, maxLength: LINE_BYTES });
const number = fc.integer({ min: 1, max: LINES });
const letters = (line: string) => [...line.replaceAll(' ', '')];
const right = (n: number, b: Uint8Array) => ({ isRight: true, number: n, bytes: b });

describe('a line of a share', () => {
  it('is bech32m over its bytes, with its number in the prefix', () => {
    const line = writeLine(3, Buffer.from('strongroom line'));
    expect(line).toMatch(/^([0-9A-Z]{5} ){5}[0-9A-Z]{5}$/);
    const { prefix, bytes: inner } = bech32m.decodeToBytes(
      `strongroom31${line.replaceAll(' ', '').toLowerCase()}`,
    );
    expect([prefix, Buffer.from(inner).toString()]).toEqual(['strongroom3', 'strongroom line']);
  });

  it('is told by its letters alone, in its own place only', () => {
    fc.assert(
      fc.property(bytes, number, (b, n) => {
        const run = letters(writeLine(n, b)).join('');
        for (const own of [run, run.toLowerCase(), run.replaceAll('0', 'O').replaceAll('L', '1')]) {
          const isRight = Array.from({ length: LINES }, (_, i) => isLine(i + 1, own));
          expect(isRight).toEqual(isRight.map((_, i) => i + 1 === n));
        }
        expect(
          isLine(
            n,
            run.replace(/.$/, (last) => (last === 'Q' ? 'P' : 'Q')),
          ),
        ).toBe(false);
      }),
    );
  });

  it('is read with and without its number, in any case and grouping', () => {
    fc.assert(
      fc.property(bytes, number, (b, n) => {
        const line = writeLine(n, b);
        const run = letters(line).join('');
        for (const typed of [
          line,
          `${n} ${line}`,
          `${n}. ${line.toLowerCase()}`,
          `  ${n}:${run}  `,
          `${n}${run}`,
          run.replace(/.{4}/g, '$&-'),
        ])
          expect(readLine(typed), typed).toEqual(right(n, b));
      }),
    );
  });

  it('is read though letters that look alike were taken for each other', () => {
    const alike: Record<string, string> = { '0': 'O', L: '1', '8': 'B' };
    fc.assert(
      fc.property(bytes, number, fc.constantFrom('I', '1', 'i'), (b, n, one) => {
        const typed = letters(writeLine(n, b)).map((l) => (l === 'L' ? one : (alike[l] ?? l)));
        expect(readLine(`${n} ${typed.join('')}`)).toEqual(right(n, b));
      }),
    );
  });

  it('shows every single wrong letter, and its group', () => {
    const b = Uint8Array.from({ length: LINE_BYTES }, (_, i) => i * 17);
    const all = letters(writeLine(2, b));
    for (const [at, old] of all.entries()) {
      const others = [...ALPHABET].filter((other) => other !== old);
      expect(others.filter((other) => readable(2, all.with(at, other).join('')))).toEqual([]);
      const wrong = others[at]!;
      const group = Math.floor(at / 5) + 1;
      expect(readLine(`2 ${all.with(at, wrong).join('')}`)).toEqual({
        isRight: false,
        number: 2,
        why: `has a typing error, most likely in group ${group} of 6`,
      });
    }
  });

  it('shows every swap of two letters', () => {
    fc.assert(
      fc.property(bytes, number, (b, n) => {
        const all = letters(writeLine(n, b));
        const swaps = all.flatMap((_, i) => all.slice(i + 1).map((__, j) => [i, i + 1 + j] as const));
        for (const [i, j] of swaps) {
          if (all[i] === all[j]) continue;
          const typed = all.with(i, all[j]!).with(j, all[i]!).join('');
          expect(readable(n, typed)).toBe(false);
        }
        const [i, j] = swaps.find(([x, y]) => all[x] !== all[y])!;
        expect(readLine(`${n} ${all.with(i, all[j]!).with(j, all[i]!).join('')}`)).toMatchObject({
          isRight: false,
          number: n,
          why: expect.stringContaining('most likely in group 1 '),
        });
      }),
      { numRuns: 20 },
    );
  });

  it('shows up to four wrong letters anywhere', () => {
    const wrongs = fc.uniqueArray(fc.tuple(fc.nat(29), fc.integer({ min: 1, max: 31 })), {
      minLength: 1,
      maxLength: 4,
      selector: ([at]) => at,
    });
    fc.assert(
      fc.property(bytes, number, wrongs, (b, n, changes) => {
        const all = letters(writeLine(n, b));
        for (const [at, by] of changes) all[at] = ALPHABET[(ALPHABET.indexOf(all[at]!) + by) % 32]!;
        expect(readable(n, all.join(''))).toBe(false);
      }),
    );
  });

  it('is not taken for another line', () => {
    const line = writeLine(2, new Uint8Array(LINE_BYTES));
    expect(readLine(`4 ${line}`)).toEqual({ isRight: false, number: 4, why: 'is line 2 of its page' });
  });

  it('shows a letter too few, and one too many', () => {
    const line = writeLine(5, new Uint8Array(LINE_BYTES));
    expect(readLine(`5 ${line.slice(1)}`)).toMatchObject({ number: 5, why: 'has 29 letters, not 30' });
    expect(readLine(`5 ${line}Q`)).toMatchObject({ number: 5, why: 'has 31 letters, not 30' });
    expect(readLine('')).toMatchObject({ isRight: false, why: 'has 0 letters, not 30' });
  });

  it('is never anything but right or wrong, whatever is typed', () => {
    fc.assert(
      fc.property(
        fc.oneof(fc.string({ unit: 'grapheme' }), fc.stringMatching(/^[0-9a-z ]{0,40}$/)),
        (text) => {
          expect(typeof readLine(text).isRight).toBe('boolean');
        },
      ),
      { numRuns: 100 },
    );
  });
});

/** Whether the letters pass as a line, without the search for the place of an error. */
function readable(n: number, typed: string): boolean {
  return bech32m.decodeUnsafe(`strongroom${n}1${typed.toLowerCase()}`) !== undefined;
}
