// How much one kind of discovery may do, whoever wrote the files that it reads; and turns for what waits meanwhile.
import { setImmediate } from 'node:timers/promises';
import { checkInterrupt, type Walking } from './extent.ts';

/** Of some ten to fifty nanoseconds each: enough for two or three thousand Compose files of 4 KiB. */
export const MAX_STEPS = 128_000_000;
const TURN_MS = 20;

export interface Effort {
  /**
   * Takes so many steps of what there is.
   *
   * @param path of the file that is looked into
   * @returns false, and a warning of that file the first time, when there are not so many left
   */
  affords(path: string, steps: number): boolean;
  /** Begins anew. */
  renew(): void;
  /** Work on microtasks alone would let no signal through. @throws InterruptedError */
  breathe(): Promise<void>;
}

export function newEffort({ signal, warn }: Pick<Walking, 'signal' | 'warn'>): Effort {
  let left = MAX_STEPS;
  let isSpent = false;
  let turn = performance.now();
  return {
    affords: (path, steps) => {
      left -= steps;
      if (left >= 0) return true;
      if (!isSpent)
        warn(
          path,
          'unread',
          'is not looked into, nor is what comes after: there is more than any deployment has',
        );
      isSpent = true;
      return false;
    },
    renew: () => {
      left = MAX_STEPS;
      isSpent = false;
    },
    breathe: async () => {
      if (performance.now() - turn > TURN_MS) {
        await setImmediate();
        turn = performance.now();
      }
      checkInterrupt(signal);
    },
  };
}
