// Several things at a time, and no more: each is mostly waiting for a disk or a network, and holds bytes meanwhile.

/** What is in memory of objects on their way. */
const BYTES = 48 * 1024 * 1024;
const MOST = 8;

/** How many objects of such a size may be on their way at once. @param bytes of the largest */
export function together(bytes: number): number {
  return Math.max(1, Math.min(MOST, Math.floor(BYTES / Math.max(1, bytes))));
}

/** Works on items in their order, `most` of them at a time. After a failure none is begun, and those under way are awaited. */
export async function atOnce<T>(
  items: Iterable<T>,
  most: number,
  work: (item: T) => Promise<void>,
): Promise<void> {
  const waiting = items[Symbol.iterator]();
  let failed = false;
  const worker = async (): Promise<void> => {
    for (let next = waiting.next(); !next.done && !failed; next = waiting.next()) {
      try {
        await work(next.value);
      } catch (error) {
        failed = true;
        throw error;
      }
    }
  };
  const workers = Array.from({ length: most }, worker);
  await Promise.allSettled(workers);
  await Promise.all(workers);
}
