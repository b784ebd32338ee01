// SIGINT and SIGTERM: the first asks the work to stop and clean up, the second ends the process at once. SIGHUP asks, too,
// as often as it comes: a session that breaks off sends it more than once, and what was restored must not stay behind.

/**
 * Listens for signals from now on.
 * @param exitNow ends the process with a code, without coming back
 * @returns a signal that fires once
 */
export function listenForSignals(exitNow: (code: number) => void): AbortSignal {
  const controller = new AbortController();
  const stop = (): void => {
    if (controller.signal.aborted) exitNow(130);
    else controller.abort();
  };
  process.on('SIGINT', stop);
  process.on('SIGTERM', stop);
  process.on('SIGHUP', () => controller.abort());
  return controller.signal;
}
