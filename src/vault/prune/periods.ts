// Hours, days, weeks, months and years of UTC, as retention counts them. Pure.

const DAY_MS = 24 * 60 * 60 * 1000;

/** The rules that keep one snapshot a period, the shortest period first. */
export const PERIODS = ['hourly', 'daily', 'weekly', 'monthly', 'yearly'] as const;
export type Period = (typeof PERIODS)[number];

/**
 * The period that a time is in, as a person writes it: `2026-11-20 05h`, `2026-11-20`, `2026-W47`, `2026-11`, `2026`.
 * @param time RFC 3339 UTC in whole seconds, as documents write it
 */
export function periodOf(period: Period, time: string): string {
  switch (period) {
    case 'hourly':
      return `${time.slice(0, 10)} ${time.slice(11, 13)}h`;
    case 'daily':
      return time.slice(0, 10);
    case 'weekly':
      return isoWeek(time);
    case 'monthly':
      return time.slice(0, 7);
    case 'yearly':
      return time.slice(0, 4);
  }
}

/** A week is of the year that its Thursday is in (ISO 8601): the first days of January may be in the last of the year before. */
function isoWeek(time: string): string {
  const day = Date.parse(time.slice(0, 10));
  const daysSinceMonday = (new Date(day).getUTCDay() + 6) % 7;
  const thursday = new Date(day + (3 - daysSinceMonday) * DAY_MS);
  const year = thursday.getUTCFullYear();
  const week = Math.floor((thursday.getTime() - Date.UTC(year, 0, 1)) / (7 * DAY_MS)) + 1;
  return `${year}-W${String(week).padStart(2, '0')}`;
}
