// Owns doing slow work on the items of a stream several at a time, with the results in order.

import { availableParallelism } from 'node:os';

// Items under way besides the one waited for. The thread pool has four threads, and the main thread must find work that
// is done whenever it has time: with fewer, both wait for each other. Each is a MiB or two of memory.
const LOOK_AHEAD = Math.min(availableParallelism(), 4) + 4;

/**
 * Maps a stream, a few items at a time.
 *
 * @param source closed when the result is
 * @param work runs off the main thread, or nothing is gained
 * @yields what `work` made of each item, in the order of the items
 */
export async function* inOrder<Item, Result>(
  source: AsyncIterable<Item>,
  work: (item: Item) => Promise<Result>,
): AsyncGenerator<Result> {
  const pending: Promise<Result>[] = [];
  for await (const item of source) {
    const result = work(item);
    // Should the source or an earlier item fail, nobody will wait for this one.
    result.catch(() => {});
    pending.push(result);
    if (pending.length > LOOK_AHEAD) yield await pending.shift()!;
  }
  for (const result of pending) yield await result;
}
