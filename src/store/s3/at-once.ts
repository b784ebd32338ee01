// Owns doing the same to many names with a bound on how many are under way.

/** Calls under way at once. */
const AT_ONCE = 16;

/**
 * Begins with no further name once one failed, and waits for those under way: whoever is told of a failure must not see
 * anything change after that.
 * @throws what the first that failed threw
 */
export async function eachAtOnce(
  names: readonly string[],
  work: (name: string) => Promise<void>,
): Promise<void> {
  const pending = [...names].reverse();
  const failures: unknown[] = [];
  const worker = async (): Promise<void> => {
    while (pending.length > 0 && failures.length === 0) {
      await work(pending.pop()!).catch((error) => failures.push(error));
    }
  };
  await Promise.all(Array.from({ length: Math.min(AT_ONCE, names.length) }, worker));
  if (failures.length > 0) throw failures[0];
}
