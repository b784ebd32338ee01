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
  let began: { readonly phase: string; readonly time: number; readonly done: number } | undefined;
  return {
    update(state) {
      const time = monotonic();
      if (began?.phase !== state.phase) began = { phase: state.phase, time, done: state.done };
      next ??= time + pause;
      if (time < next) return;
      next = time + pause;
      drawn = true;
      const line = progressLine(state) + estimate(state, began.done, time - began.time);
      // One column is left free: some terminals wrap when the last one is written.
      sink.write(`\r${clip(line, sink.columns() - 1)}\u001b[K`);
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

/** An estimate is worth showing once this much time has told something. */
const TOLD = 5000;

/** `, 3 min left`, for work that takes long enough to wonder. @param elapsed milliseconds since `from` was done */
function estimate({ done, total }: ProgressState, from: number, elapsed: number): string {
  if (total === undefined || elapsed < TOLD || done <= from || done >= total) return '';
  const seconds = ((total - done) * elapsed) / (done - from) / 1000;
  if (seconds < 90) return `, ${Math.ceil(seconds)} s left`;
  const minutes = Math.ceil(seconds / 60);
  return minutes < 90 ? `, ${minutes} min left` : `, ${Math.ceil(minutes / 60)} h left`;
}
