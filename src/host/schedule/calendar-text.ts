// A calendar in the words of systemd and of cron.

import { type Calendar, DAYS, EVERY_HOUR } from './every.ts';

const two = (n: number): string => String(n).padStart(2, '0');
const list = (numbers: readonly number[]): string => numbers.map(two).join(',');

/** For `OnCalendar=`; it is what `--every` takes, too. @see systemd.time(7) */
export function onCalendar({ minutes, hours, days }: Calendar): string {
  const week = days !== 'all' && 'week' in days ? `${days.week.map((day) => DAYS[day]).join(',')} ` : '';
  const day = days !== 'all' && 'month' in days ? two(days.month) : '*';
  const hour = hours.length === EVERY_HOUR.length ? '*' : list(hours);
  return `${week}*-*-${day} ${hour}:${list(minutes)}:00`;
}

/** The five fields, of which only one of the two for days is ever given: both together mean either. @see crontab(5) */
export function cronFields({ minutes, hours, days }: Calendar): string {
  const day = days !== 'all' && 'month' in days ? String(days.month) : '*';
  const week = days !== 'all' && 'week' in days ? days.week.join(',') : '*';
  const hour = hours.length === EVERY_HOUR.length ? '*' : hours.join(',');
  return `${minutes.join(',')} ${hour} ${day} * ${week}`;
}
