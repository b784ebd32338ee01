// Lines on their way to a sink: many small writes become few. What fails on the way is told when it is flushed.

import type { Sink } from './output.ts';

export interface LineBuffer {
  write(text: string): void;
  /** @throws StrongroomError output-failed, from this write or an earlier one */
  flush(): void;
}

const enough = 64 * 1024;

/** @param before called before anything is written, so that no progress line is in the way */
export function lineBuffer(sink: Sink, before: () => void): LineBuffer {
  let waiting: string[] = [];
  let length = 0;
  let soon: NodeJS.Immediate | undefined;
  let failure: { readonly error: unknown } | undefined;
  const drain = (): void => {
    if (soon !== undefined) clearImmediate(soon);
    soon = undefined;
    if (length === 0 || failure !== undefined) return;
    const text = waiting.join('');
    waiting = [];
    length = 0;
    before();
    try {
      sink.write(text);
    } catch (error) {
      failure = { error };
    }
  };
  return {
    write(text) {
      waiting.push(text);
      length += text.length;
      // A program that reads our messages as they come must not wait for a full buffer.
      if (length >= enough) drain();
      else soon ??= setImmediate(drain);
    },
    flush() {
      drain();
      if (failure !== undefined) throw failure.error;
    },
  };
}
