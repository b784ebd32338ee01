// Owns taking turns: the file system is asked synchronously, which is three times as fast as promises, so that a
// long walk has to make room for signals, timers and other work now and then.

import { setImmediate as nextTurn } from 'node:timers/promises';
import { InterruptedError } from '../errors.ts';

/** Ask `due` often; when it says so, await `rest`. */
export interface Pace {
  due(): boolean;
  /** @throws InterruptedError when the signal fired */
  rest(): Promise<void>;
}

const SLICE_MS = 10;

/**
 * @param signal ends the work
 * @param onRest called at each rest, for progress
 */
export function paceOf(signal: AbortSignal | undefined, onRest: () => void): Pace {
  let next = 0;
  return {
    due: () => performance.now() > next,
    rest: async () => {
      await nextTurn();
      if (signal?.aborted) throw new InterruptedError('interrupted', 'interrupted');
      onRest();
      next = performance.now() + SLICE_MS;
    },
  };
}
