// Measures a drill: when each phase began and how long it took, and what of that a recovery would take.
import type { Phase } from './result.ts';

export interface Clock {
  readonly phases: readonly Phase[];
  /** Seconds since the whole began. */
  now(): number;
  /** Does some work, and notes how long it took, be it well or not. @param name `check` is no part of a recovery */
  timed<T>(name: string, work: () => Promise<T>): Promise<T>;
  /** Seconds of all phases but checks. */
  recovery(): number;
  /** A clock that counts from the same beginning, with phases of its own. */
  part(): Clock;
}

/** @param head milliseconds that have gone by already */
export function startClock(head = 0): Clock {
  const began = performance.now() - head;
  return clockFrom(() => performance.now() - began);
}

function clockFrom(elapsed: () => number): Clock {
  const phases: Phase[] = [];
  return {
    phases,
    now: () => seconds(elapsed()),
    async timed(name, work) {
      const at = elapsed();
      try {
        return await work();
      } finally {
        phases.push({ name, at: seconds(at), seconds: seconds(elapsed() - at) });
      }
    },
    recovery() {
      const counted = phases.filter(({ name }) => name !== 'check');
      return seconds(counted.reduce((sum, phase) => sum + phase.seconds * 1000, 0));
    },
    part: () => clockFrom(elapsed),
  };
}

const seconds = (ms: number): number => Math.round(ms) / 1000;
