// What was measured, against what was promised.
import type { Check, Objectives } from '../result.ts';

/** Both in seconds; undefined where it could not be measured. */
export interface Measured {
  readonly recoveryPoint: number | undefined;
  readonly recoveryTime: number | undefined;
  /** Whether dumps were left out, so that a recovery would take longer. */
  readonly isPartly?: boolean;
}

export function checkObjectives(
  { rpo, rto }: Objectives,
  { recoveryPoint, recoveryTime, isPartly = false }: Measured,
): Check[] {
  const until = isPartly
    ? 'until the files were back; not all dumps were loaded'
    : 'until everything was back';
  return [
    ...judged('recovery-point', rpo, recoveryPoint, 'of work would be lost'),
    ...judged('recovery-time', rto, recoveryTime, until).map(
      (check): Check => (isPartly && check.outcome === 'passed' ? { ...check, outcome: 'skipped' } : check),
    ),
  ];
}

function judged(
  check: 'recovery-point' | 'recovery-time',
  promised: number | undefined,
  seconds: number | undefined,
  what: string,
): Check[] {
  if (promised === undefined) return [];
  const subject = `at most ${spanText(promised / 1000)}`;
  if (seconds === undefined) {
    return [
      { check, subject, outcome: 'failed', message: 'not everything came back, so that it cannot be told' },
    ];
  }
  const outcome = seconds * 1000 <= promised ? 'passed' : 'failed';
  return [{ check, subject, outcome, message: `${spanText(seconds)} ${what}` }];
}

const UNITS = [
  [86400, 'd'],
  [3600, 'h'],
  [60, 'min'],
] as const;

/** `3 d 4 h`, `12 min 5 s`, `0.8 s`, `12 ms`. @param seconds */
export function spanText(seconds: number): string {
  if (seconds < 0.1) return `${Math.round(seconds * 1000)} ms`;
  if (seconds < 60) return `${seconds < 10 ? Math.round(seconds * 10) / 10 : Math.round(seconds)} s`;
  const at = UNITS.findIndex(([size]) => seconds >= size);
  const [size, unit] = UNITS[at]!;
  const [smaller, name] = UNITS[at + 1] ?? ([1, 's'] as const);
  const rest = Math.floor((seconds % size) / smaller);
  return `${Math.floor(seconds / size)} ${unit}${rest === 0 ? '' : ` ${rest} ${name}`}`;
}
