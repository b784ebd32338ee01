import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { meets, shownAnswer } from '../../../src/vault/drill/expect.ts';

describe('what a query answers', () => {
  test.each([
    ['1', '>0', true],
    ['0', '>0', false],
    ['-1', '> -2', true],
    ['1', '>=1', true],
    ['0.99', '>=1', false],
    ['4', '<5', true],
    ['5', '<5', false],
    ['5', '<=5', true],
    ['5.000', '=5', true],
    ['6', '=5', false],
    ['6', '!=5', true],
    ['5', '!=5', false],
    [' 12 \n', '=12', true],
    ['1e3', '=1000', true],
    ['9007199254740993', '>9007199254740992', true],
    ['9007199254740993', '=9007199254740992', false],
  ])('%j with %j: %s', (answer, expected, met) => {
    expect(meets(answer, expected)).toBe(met);
  });

  test.each(['', 'none', '1\n2', '1\t2', 'NaN', 'Infinity', '0x10', '1,000', '1 2', '--1'])(
    '%j is no number, and meets no comparison, != included',
    (answer) => {
      for (const sign of ['>', '>=', '<', '<=', '=', '!=']) expect(meets(answer, `${sign}5`)).toBe(false);
    },
  );

  test('any whole numbers compare as they are, however long', () => {
    const long = fc.bigInt({ min: -(10n ** 30n), max: 10n ** 30n });
    fc.assert(
      fc.property(long, fc.oneof(long, fc.constant(0n)), (a, b) => {
        for (const [sign, met] of [
          ['>', a > b],
          ['>=', a >= b],
          ['<', a < b],
          ['<=', a <= b],
          ['=', a === b],
          ['!=', a !== b],
        ] as const)
          expect(meets(String(a), `${sign}${b}`)).toBe(met);
      }),
    );
  });

  test('any answer, which a hostile host may have dumped, is judged and shown as no more than a number', () => {
    fc.assert(
      fc.property(
        fc.string({ unit: 'binary' }),
        fc.constantFrom('>0', '<=5', 'x', undefined),
        (answer, asked) => {
          meets(answer, asked);
          expect(shownAnswer(answer, asked) ?? '0').toMatch(/^[-+.0-9eE]{1,40}$/);
        },
      ),
    );
  });

  test('anything else is the answer itself, but for space around it', () => {
    expect(meets('shop\t3\nblog\t1\n', 'shop\t3\nblog\t1')).toBe(true);
    expect(meets('ok', ' ok ')).toBe(true);
    expect(meets('OK', 'ok')).toBe(false);
    expect(meets('>0 rows', '>0 rows')).toBe(true);
    expect(meets('5', '>')).toBe(false);
    expect(meets('5', '==5')).toBe(false);
  });

  test('without an expectation there has to be a row, even an empty one', () => {
    expect(meets('', undefined)).toBe(false);
    expect(meets('0', undefined)).toBe(true);
    expect(meets('\n', undefined)).toBe(true);
  });
});

describe('what is shown of it', () => {
  test('a number that was asked for as one', () => {
    expect(shownAnswer(' 1204\n', '>0')).toBe('1204');
    expect(shownAnswer('-0.5', '<0')).toBe('-0.5');
  });

  test.each([
    ['hunter2', '>0'],
    ['1204', '1204'],
    ['1204', undefined],
    ['1\n2', '>0'],
    ['4'.repeat(41), '>0'],
  ])('nothing of %j with %j', (answer, expected) => {
    expect(shownAnswer(answer, expected)).toBeUndefined();
  });
});
