// How often something runs, as people type it: `6h`, `daily`, `02:30`, `Mon..Fri 03:00`, `*-*-01 04:00`. A small language
// on purpose: what it can say, every kind of scheduler is held to exactly, or refuses. Knows of none of them.

import { UsageError } from '../../errors.ts';

/** Times of the clock on the wall. */
export interface Calendar {
  readonly kind: 'calendar';
  /** 0 to 59, ascending. */
  readonly minutes: readonly number[];
  /** 0 to 23, ascending. */
  readonly hours: readonly number[];
  /** Days of the week (0 is Sunday), ascending, or one day of the month (1 to 28). */
  readonly days: 'all' | { readonly week: readonly number[] } | { readonly month: number };
}

/** So many minutes from one run to the next, whatever the clock on the wall says. */
export interface Interval {
  readonly kind: 'interval';
  readonly minutes: number;
}

export type Every = Calendar | Interval;

export const EVERY_HOUR: readonly number[] = Array.from({ length: 24 }, (_, hour) => hour);
const DAY = 24 * 60;
const UNITS: Readonly<Record<string, number>> = { m: 1, h: 60, d: DAY, w: 7 * DAY };
const WORDS: Readonly<Record<string, string>> = {
  hourly: '*:00',
  daily: '00:00',
  weekly: 'Mon 00:00',
  monthly: '*-*-01 00:00',
};
export const DAYS = ['Sun', 'Mon', 'Tue', 'Wed', 'Thu', 'Fri', 'Sat'] as const;
const LONGEST = 366 * DAY;

/**
 * Reads `--every`.
 * @throws UsageError `bad-every`
 */
export function parseEvery(text: string): Every {
  const every = spanOf(text) ?? calendarOf(WORDS[text.toLowerCase()] ?? text);
  if (every) return every;
  throw new UsageError('bad-every', `${JSON.stringify(text)} says no times that are known here`, {
    object: '--every',
    hint: 'give 15m, 6h, 1d, hourly, daily, weekly, monthly, 02:30, "Sun 03:00", "Mon..Fri 02,14:00" or "*-*-01 04:00" (a day of the month up to 28)',
  });
}

/** `90m`, `6h`: times of the clock where they come out even, so that every scheduler can keep them. */
function spanOf(text: string): Every | undefined {
  const [, count, unit = ''] = /^([1-9]\d{0,5})([mhdw])$/.exec(text) ?? [];
  if (count === undefined) return undefined;
  const minutes = Number(count) * UNITS[unit]!;
  if (minutes > LONGEST) return undefined;
  if (minutes < 60 && 60 % minutes === 0) {
    return calendar({ minutes: steps(60, minutes), hours: EVERY_HOUR });
  }
  if (minutes % 60 === 0 && DAY % minutes === 0) return calendar({ hours: steps(24, minutes / 60) });
  if (minutes === 7 * DAY) return calendar({ days: { week: [1] } });
  return { kind: 'interval', minutes };
}

/** A piece of systemd's language: `[DAYS] [*-*-DAY] HOURS:MINUTE[:00]`. @see systemd.time(7), "Calendar events" */
function calendarOf(text: string): Calendar | undefined {
  const form =
    /^(?:([a-z][a-z.,]*) +)?(?:\*-\*-(\*|\d{1,2}) +)?(\*|\d{1,2}(?:,\d{1,2})*):(\d{2})(?::00)?$/i.exec(text);
  if (!form) return undefined;
  const [, names, day = '*', times = '', minute] = form;
  const hours = times === '*' ? EVERY_HOUR : ascending(times.split(',').map(Number));
  const week = names === undefined ? undefined : weekOf(names);
  if ((names !== undefined && !week) || Number(minute) > 59 || hours.some((hour) => hour > 23)) {
    return undefined;
  }
  const base = { minutes: [Number(minute)], hours };
  if (day === '*') return calendar(week && week.length < 7 ? { ...base, days: { week } } : base);
  const month = Number(day);
  // Not all months have a 29th; and both kinds of days at once are one thing to cron and another to systemd.
  return week || month < 1 || month > 28 ? undefined : calendar({ ...base, days: { month } });
}

/** `Mon..Fri`, `Sat,Sun`. */
function weekOf(text: string): readonly number[] | undefined {
  const days: number[] = [];
  for (const piece of text.split(',')) {
    const ends = piece.split('..').map(dayOf);
    const [first, last = first] = ends;
    if (ends.length > 2 || first === undefined || last === undefined) return undefined;
    for (let day = first; ; day = (day + 1) % 7) {
      days.push(day);
      if (day === last) break;
    }
  }
  return ascending(days);
}

const LONG = ['sunday', 'monday', 'tuesday', 'wednesday', 'thursday', 'friday', 'saturday'];

function dayOf(text: string): number | undefined {
  const word = text.toLowerCase();
  const day = LONG.findIndex((name) => name === word || name.slice(0, 3) === word);
  return day < 0 ? undefined : day;
}

function calendar(some: Partial<Omit<Calendar, 'kind'>>): Calendar {
  return { kind: 'calendar', minutes: [0], hours: [0], days: 'all', ...some };
}

const steps = (end: number, step: number): number[] => Array.from({ length: end / step }, (_, i) => i * step);

const ascending = (numbers: readonly number[]): number[] => [...new Set(numbers)].sort((a, b) => a - b);

/** Minutes between two runs, where they are nearest to each other. */
export function shortestGap(every: Every): number {
  if (every.kind === 'interval') return every.minutes;
  const { minutes, hours, days } = every;
  if (minutes.length > 1) return gap(minutes, 60);
  if (hours.length > 1) return 60 * gap(hours, 24);
  if (days === 'all') return DAY;
  return 'month' in days ? 28 * DAY : DAY * gap(days.week, 7);
}

function gap(ascending: readonly number[], around: number): number {
  return Math.min(...ascending.map((n, i) => (ascending[i + 1] ?? ascending[0]! + around) - n));
}

/**
 * The first time of a calendar after another time, in local time. A time that the clocks leave out in spring is that
 * much later; of one that comes twice in autumn it is the first.
 */
export function nextAfter({ minutes, hours, days }: Calendar, after: Date): Date {
  // Two months hold every day of the week, and any day of the month.
  for (let ahead = 0; ahead <= 62; ahead++) {
    const day = new Date(after.getFullYear(), after.getMonth(), after.getDate() + ahead);
    const isOne =
      days === 'all' || ('month' in days ? day.getDate() === days.month : days.week.includes(day.getDay()));
    if (!isOne) continue;
    for (const hour of hours) {
      for (const minute of minutes) {
        const time = new Date(day.getFullYear(), day.getMonth(), day.getDate(), hour, minute);
        if (time > after) return time;
      }
    }
  }
  throw new RangeError('a calendar has times');
}
