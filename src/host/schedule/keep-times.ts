// Runs something at its times, in the foreground, one run after the other: for a container beside the one that is backed
// up. What was missed is caught up once. Knows no program and no clock of its own.

import { type Every, nextAfter } from './every.ts';
import { later } from './spread.ts';

export interface Times {
  readonly every: Every;
  /** Minutes that this machine is late by. */
  readonly late: number;
  /** When the last run began, as far as it is remembered. */
  readonly last: Date | undefined;
  /** Run at once, whatever the times. */
  readonly atStart: boolean;
}

export interface Clockwork {
  now(): Date;
  /** Waits; comes back early when it is to end. */
  sleep(milliseconds: number): Promise<void>;
  isEnding(): boolean;
  /** The next run is at this time. */
  waits(until: Date): void;
  /** One run, from beginning to end. @param due when it was due; undefined for one at the start */
  run(due: Date | undefined): Promise<void>;
}

/** The clock may be set, and a laptop sleeps: it is looked at this often. */
const LOOK_MS = 30_000;

/** Comes back when it is to end, and no run is under way. */
export async function keepTimes({ every, late, last, atStart }: Times, clock: Clockwork): Promise<void> {
  const start = clock.now();
  // A time that is still to come was remembered by a clock that was wrong.
  let base = last !== undefined && last < start ? last : start;
  if (atStart && !clock.isEnding()) {
    base = clock.now();
    await clock.run(undefined);
  }
  while (!clock.isEnding()) {
    const due = after(every, late, base);
    clock.waits(due);
    for (let now = clock.now(); now < due && !clock.isEnding(); now = clock.now()) {
      // Set back by more than a run: count from now, or nothing would run for as long.
      if (now < base) base = now;
      if (after(every, late, base) < due) break;
      await clock.sleep(Math.min(due.getTime() - now.getTime(), LOOK_MS));
    }
    if (clock.isEnding()) return;
    if (clock.now() < due) continue;
    base = clock.now();
    await clock.run(due);
  }
}

function after(every: Every, late: number, time: Date): Date {
  if (every.kind === 'interval') return new Date(time.getTime() + every.minutes * 60_000);
  return nextAfter(later(every, late), time);
}
