import { describe, expect, it } from 'vitest';
import { checkObjectives, spanText } from '../../../../src/vault/drill/checks/objectives.ts';

const HOUR = 3_600_000;

describe('objectives', () => {
  it.each([
    [{}, {}, []],
    [{ rpo: 6 * HOUR }, { recoveryPoint: 21_600 }, ['recovery-point passed']],
    [{ rpo: 6 * HOUR }, { recoveryPoint: 21_601 }, ['recovery-point failed']],
    [{ rto: HOUR }, { recoveryTime: 3600.001 }, ['recovery-time failed']],
    [{ rto: HOUR, rpo: HOUR }, {}, ['recovery-point failed', 'recovery-time failed']],
    [
      { rto: HOUR, rpo: HOUR },
      { recoveryPoint: 0, recoveryTime: 0 },
      ['recovery-point passed', 'recovery-time passed'],
    ],
  ])('%j against %j', (promised, measured, expected) => {
    const checks = checkObjectives(promised, {
      recoveryPoint: undefined,
      recoveryTime: undefined,
      ...measured,
    });
    expect(checks.map(({ check, outcome }) => `${check} ${outcome}`)).toEqual(expected);
  });

  it.each([
    [0, '0 ms'],
    [0.032, '32 ms'],
    [0.84, '0.8 s'],
    [12.4, '12 s'],
    [60, '1 min'],
    [725, '12 min 5 s'],
    [7200, '2 h'],
    [93_784, '1 d 2 h'],
  ])('%d s reads %s', (seconds, text) => {
    expect(spanText(seconds)).toBe(text);
  });
});
