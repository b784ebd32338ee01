// The time that a host's snapshots vouch for together: what a clock that was wrong for a few of them cannot move. What a
// retention counts from, and one of the two by which a time that somebody gave is over.
import { MAX_AHEAD_MS } from './standing.ts';

const DAY_MS = 24 * 60 * 60 * 1000;
/** A gap above the newest snapshots that no daily backup leaves: what comes after it may be dated by a wrong clock. */
const LEAP_MS = 36 * 60 * 60 * 1000;
/** One like this is doubted however many other gaps there are. */
const FAR_LEAP_MS = 90 * DAY_MS;
/** So many over so long are no slip any more. */
const SETTLED_COUNT = 5;
const SETTLED_MS = 7 * DAY_MS;

/**
 * The newest time, but none after the clock, nor that of a few snapshots after a gap. Only so many of the newest are
 * doubted as it takes to settle: where backups are rare, it stays a few behind and moves on all the same.
 * @param dated good snapshots of one set and host, in any order
 * @returns in milliseconds; undefined where none is dated by now
 */
export function settledEnd(dated: readonly { readonly time: string }[], now: Date): number | undefined {
  const times = dated.map((s) => Date.parse(s.time)).filter((t) => t <= now.getTime() + MAX_AHEAD_MS);
  times.sort((a, b) => b - a);
  const [newest = 0] = times;
  let at = 0;
  for (const [i, time] of times.entries()) {
    const before = times[i + 1];
    if (before === undefined || isSettled(i - at + 1, times[at]! - time)) break;
    const gap = time - before;
    if (gap > FAR_LEAP_MS || (gap > LEAP_MS && !isSettled(i + 1, newest - time))) at = i + 1;
  }
  return times[at];
}

/**
 * Whether what is kept until then is kept no more. A time that is over only by one of the two, the clock or the snapshots,
 * is not believed to be over: a clock set forward must not end what somebody wanted kept.
 * @param dated as for `settledEnd`
 */
export function isPast(until: Date, dated: readonly { readonly time: string }[], now: Date): boolean {
  const end = settledEnd(dated, now);
  return until <= now && end !== undefined && until.getTime() <= end;
}

function isSettled(count: number, span: number): boolean {
  return count >= SETTLED_COUNT && span >= SETTLED_MS;
}
