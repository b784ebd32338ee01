// Spreads the runs of many machines over a while, for schedulers that cannot: each machine is late by a time of its own,
// always the same. The calendar moves, so that it stays exact.

import { createHash } from 'node:crypto';
import { UsageError } from '../../errors.ts';
import { type Calendar, type Every, shortestGap } from './every.ts';

/**
 * Minutes that a machine is late by. @param seed what tells machines and schedules apart @param jitter the most of it
 */
export function lateBy(seed: string, jitter: number): number {
  return createHash('sha256').update(seed).digest().readUInt32BE(0) % (jitter + 1);
}

/** @throws UsageError `bad-jitter` when a run could be so late that the next is due */
export function checkJitter(every: Every, jitter: number): void {
  const most = shortestGap(every);
  if (jitter < most) return;
  throw new UsageError('bad-jitter', `a jitter of ${jitter}m is as long as the time between two runs`, {
    object: '--jitter',
    hint: `give less than ${most}m`,
  });
}

/**
 * The same times, later. @param late minutes, fewer than {@link shortestGap}
 * @throws UsageError `bad-jitter` when the result is no calendar: runs of one day would fall on two
 */
export function later(calendar: Calendar, late: number): Calendar {
  const { minutes, hours, days } = calendar;
  const carried = Math.floor((minutes[0]! + late) / 60);
  // Several minutes are steps of an hour, and less late than a step.
  const moved = minutes.map((minute) => (minute + late) % 60).sort((a, b) => a - b);
  if (hours.length === 24 || carried === 0) return { ...calendar, minutes: moved };
  const after = hours.map((hour) => hour + carried);
  const around = after.map((hour) => hour % 24).sort((a, b) => a - b);
  const spills = after.map((hour) => Math.floor(hour / 24));
  if (days === 'all') return { ...calendar, minutes: moved, hours: around };
  const spill = spills[0]!;
  if (spills.some((n) => n !== spill)) throw outOfDay();
  return { kind: 'calendar', minutes: moved, hours: around, days: laterDays(days, spill) };
}

function laterDays(days: Exclude<Calendar['days'], 'all'>, by: number): Calendar['days'] {
  if ('week' in days) return { week: days.week.map((day) => (day + by) % 7).sort((a, b) => a - b) };
  if (days.month + by > 28) throw outOfDay();
  return { month: days.month + by };
}

function outOfDay(): UsageError {
  return new UsageError('bad-jitter', 'with this jitter, runs of one day would fall on the next', {
    object: '--jitter',
    hint: 'give less, or an earlier time in --every',
  });
}
