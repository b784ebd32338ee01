// Owns trying again: when, how often, and when to give up. Knows nothing of what is tried.

import { setMaxListeners } from 'node:events';
import { setTimeout as sleep } from 'node:timers/promises';
import { InterruptedError } from '../../errors.ts';

export interface AttemptOptions {
  readonly signal?: AbortSignal | undefined;
  /** Milliseconds for all attempts and the waits between them. */
  readonly deadline: number;
  /** Whether the same call may succeed a little later. */
  isTransient(error: unknown, attempt: number): boolean;
}

const FIRST_WAIT_MS = 100;
const MAX_WAIT_MS = 5000;

/**
 * Does something until it succeeds, fails for good, or the time is up. Waits are random up to a bound that doubles, so
 * that many hosts whose service comes back do not all come at once.
 *
 * @param work gets the number of the attempt, from 1, and a signal that ends it; should it go on all the same, nobody
 *   waits for it, and what becomes of it is not told
 * @throws InterruptedError when the signal fires; else what the last attempt threw
 * @see Brooker, "Exponential Backoff And Jitter" (AWS Architecture Blog, 2015), "full jitter"
 */
export async function attempt<T>(
  work: (number: number, signal: AbortSignal) => Promise<T>,
  { signal, deadline, isTransient }: AttemptOptions,
): Promise<T> {
  const until = performance.now() + deadline;
  let before: unknown;
  for (let number = 1; ; number++) {
    const { ended, isOut, clear } = endOf(until - performance.now(), signal);
    try {
      return await unlessAborted(work(number, ended), ended);
    } catch (error) {
      if (signal?.aborted) throw new InterruptedError('interrupted', 'interrupted');
      const wait = Math.random() * Math.min(MAX_WAIT_MS, FIRST_WAIT_MS * 2 ** number);
      if (!(isTransient(error, number) || isOut()) || performance.now() + wait >= until) {
        // Cut off by the deadline: what went wrong before says more.
        throw isOut() ? (before ?? error) : error;
      }
      before = error;
      await sleep(wait, undefined, signal ? { signal } : {}).catch(() => {
        throw new InterruptedError('interrupted', 'interrupted');
      });
    } finally {
      clear();
    }
  }
}

/**
 * A signal for the end of the time or of the whole work. AbortSignal.timeout and AbortSignal.any would say the same, but
 * what they leave lives on until the time is up, which ten thousand short calls notice.
 */
function endOf(ms: number, signal: AbortSignal | undefined) {
  const controller = new AbortController();
  let isOut = false;
  const stop = () => controller.abort(signal?.reason);
  const timer = setTimeout(
    () => {
      isOut = true;
      controller.abort(new DOMException('the time is up', 'TimeoutError'));
    },
    Math.max(1, Math.ceil(ms)),
  );
  if (signal?.aborted) stop();
  else if (signal) {
    // One for each call under way, of which there may be many.
    setMaxListeners(0, signal);
    signal.addEventListener('abort', stop, { once: true });
  }
  const clear = () => {
    clearTimeout(timer);
    signal?.removeEventListener('abort', stop);
  };
  return { ended: controller.signal, isOut: () => isOut, clear };
}

/** The SDK's search for credentials heeds no signal: what waits for it must end all the same. */
async function unlessAborted<T>(work: Promise<T>, signal: AbortSignal): Promise<T> {
  let stop = () => {};
  const aborted = new Promise<never>((_, reject) => {
    stop = () => reject(signal.reason);
    if (signal.aborted) stop();
    else signal.addEventListener('abort', stop, { once: true });
  });
  try {
    // It listens to both, so that the one that loses is no unhandled rejection.
    return await Promise.race([work, aborted]);
  } finally {
    signal.removeEventListener('abort', stop);
  }
}
