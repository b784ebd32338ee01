// The wait for a writable that has enough for now.
import type { Writable } from 'node:stream';

/** Until it takes more, or is closed. */
export async function drained(to: Writable): Promise<void> {
  if (to.destroyed || !to.writableNeedDrain) return;
  await new Promise<void>((resolve) => {
    const done = () => {
      to.off('drain', done).off('close', done);
      resolve();
    };
    to.on('drain', done).on('close', done);
  });
}
