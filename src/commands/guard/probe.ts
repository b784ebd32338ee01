// Asks whether what was deployed works: by a line of shell, by a URL, or by both; again and again, each try bounded.
import { setTimeout as sleep } from 'node:timers/promises';
import { UsageError } from '../../errors.ts';
import { runBriefly, type Surroundings } from '../../host/run.ts';
import { durationText } from './duration.ts';

export interface ProbeOptions {
  readonly command: string | undefined;
  readonly url: string | undefined;
  /** Tries after the first one. */
  readonly retries: number;
  /** How long one try may take, in milliseconds. */
  readonly timeout: number;
  /** How long to wait before the first try, and between two. */
  readonly grace: number;
  readonly interval: number;
}

export interface Probed {
  readonly tries: number;
  /** Why the last try failed, in words that hold nothing of what was answered; undefined when it was well. */
  readonly fault: string | undefined;
}

/** @throws UsageError `bad-url` */
export function checkUrl(url: string): void {
  const parsed = URL.canParse(url) ? new URL(url) : undefined;
  const isWeb = parsed?.protocol === 'http:' || parsed?.protocol === 'https:';
  if (isWeb && parsed?.username === '' && parsed.password === '') return;
  throw new UsageError('bad-url', '--health-url takes an http or https URL, without a password', {
    hint: 'a probe that has to log in is a line of shell: --health-command',
  });
}

/** Asks until the answer is good, or often enough. @param signal ends it between and in tries, as a failure */
export async function probe(
  options: ProbeOptions,
  surroundings: Surroundings,
  signal: AbortSignal,
): Promise<Probed> {
  const { command, url, retries, timeout, grace, interval } = options;
  if (command === undefined && url === undefined) return { tries: 0, fault: undefined };
  await pause(grace, signal);
  for (let tries = 1; ; tries++) {
    const fault =
      (command === undefined ? undefined : await faultOfCommand(command, surroundings, timeout, signal)) ??
      (url === undefined ? undefined : await faultOfUrl(url, timeout, signal));
    if (fault === undefined || tries > retries || signal.aborted) return { tries, fault };
    await pause(interval, signal);
  }
}

async function pause(ms: number, signal: AbortSignal): Promise<void> {
  if (ms > 0) await sleep(ms, undefined, { signal }).catch(() => {});
}

async function faultOfCommand(
  command: string,
  surroundings: Surroundings,
  timeout: number,
  signal: AbortSignal,
): Promise<string | undefined> {
  const status = await runBriefly(['sh', '-c', command], surroundings, timeout, signal);
  if (status === undefined) return signal.aborted ? 'it was interrupted' : tooLong(timeout);
  return status === 0 ? undefined : `it ended with exit code ${status}`;
}

async function faultOfUrl(url: string, timeout: number, signal: AbortSignal): Promise<string | undefined> {
  const limit = AbortSignal.timeout(timeout);
  try {
    const answer = await fetch(url, { redirect: 'manual', signal: AbortSignal.any([limit, signal]) });
    await answer.body?.cancel();
    return answer.ok ? undefined : `it answered ${answer.status}`;
  } catch {
    if (signal.aborted) return 'it was interrupted';
    return limit.aborted ? tooLong(timeout) : 'there was no answer';
  }
}

function tooLong(timeout: number): string {
  return `it took longer than ${durationText(timeout)}`;
}
