// One line on stderr that says how far the work is: on a terminal only, a few times a second, and erased again.

import type { Progress, ProgressState } from '../commands/context.ts';
import type { Sink } from './output.ts';
import { clip, safeText, size } from './text.ts';

/** Milliseconds between two drawings, and before the first: short work shows nothing. */
const pause = 120;

/** Progress that nobody sees: no terminal, `--quiet`, `--json` or a dumb terminal. */
export const silentProgress: Progress = { update() {}, clear() {} };

/**
 * Progress on a terminal.
 * @param monotonic milliseconds of a clock that never goes back
 */
export function terminalProgress(sink: Sink, monotonic: () => number): Progress {
  let next: number | undefined;
  let drawn = false;
  return {
    update(state) {
      const time = monotonic();
      next ??= time + pause;
      if (time < next) return;
      next = time + pause;
      drawn = true;
      // One column is left free: some terminals wrap when the last one is written.
      sink.write(`\r${clip(progressLine(state), sink.columns() - 1)}\u001b[K`);
    },
    clear() {
      if (!drawn) return;
      drawn = false;
      sink.write('\r\u001b[K');
    },
  };
}

/** `reading 1.5 MiB of 3.0 MiB (50%)`. */
export function progressLine({ phase, done, total, unit }: ProgressState): string {
  const amount = (n: number): string => (unit === 'bytes' ? size(n) : String(n));
  const noun = unit === 'bytes' ? '' : ` ${unit}`;
  if (total === undefined || total <= 0) return safeText(`${phase} ${amount(done)}${noun}`);
  // Never more than 100: a file may have grown since it was counted.
  const percent = Math.min(100, Math.floor((100 * done) / total));
  return safeText(`${phase} ${amount(done)} of ${amount(total)}${noun} (${percent}%)`);
}
