import { spawnSync } from 'node:child_process';
import fc from 'fast-check';
import { describe, expect, it, test } from 'vitest';
import { UsageError } from '../../../src/errors.ts';
import { cronFields, onCalendar } from '../../../src/host/schedule/calendar-text.ts';
import {
  type Calendar,
  type Every,
  nextAfter,
  parseEvery,
  shortestGap,
} from '../../../src/host/schedule/every.ts';
import { checkJitter, lateBy, later } from '../../../src/host/schedule/spread.ts';
import { hasProgram } from '../../support/schedule.ts';

const calendarOf = (text: string): Calendar => {
  const every = parseEvery(text);
  if (every.kind !== 'calendar') throw new Error(`${text} is no calendar`);
  return every;
};

describe('what people type', () => {
  it.each<[string, string, string]>([
    ['15m', '*-*-* *:00,15,30,45:00', '0,15,30,45 * * * *'],
    ['60m', '*-*-* *:00:00', '0 * * * *'],
    ['hourly', '*-*-* *:00:00', '0 * * * *'],
    ['6h', '*-*-* 00,06,12,18:00:00', '0 0,6,12,18 * * *'],
    ['1d', '*-*-* 00:00:00', '0 0 * * *'],
    ['24h', '*-*-* 00:00:00', '0 0 * * *'],
    ['daily', '*-*-* 00:00:00', '0 0 * * *'],
    ['1w', 'Mon *-*-* 00:00:00', '0 0 * * 1'],
    ['7d', 'Mon *-*-* 00:00:00', '0 0 * * 1'],
    ['weekly', 'Mon *-*-* 00:00:00', '0 0 * * 1'],
    ['monthly', '*-*-01 00:00:00', '0 0 1 * *'],
    ['02:30', '*-*-* 02:30:00', '30 2 * * *'],
    ['2:30', '*-*-* 02:30:00', '30 2 * * *'],
    ['*:17', '*-*-* *:17:00', '17 * * * *'],
    ['14,02:05', '*-*-* 02,14:05:00', '5 2,14 * * *'],
    ['Sun 03:00', 'Sun *-*-* 03:00:00', '0 3 * * 0'],
    ['mon..fri 03:00', 'Mon,Tue,Wed,Thu,Fri *-*-* 03:00:00', '0 3 * * 1,2,3,4,5'],
    ['Sat..Mon,Wednesday 03:00', 'Sun,Mon,Wed,Sat *-*-* 03:00:00', '0 3 * * 0,1,3,6'],
    ['Mon..Sun 03:00', '*-*-* 03:00:00', '0 3 * * *'],
    ['*-*-* 02:00', '*-*-* 02:00:00', '0 2 * * *'],
    ['*-*-15 02:00:00', '*-*-15 02:00:00', '0 2 15 * *'],
    ['Sun *-*-* 02:00', 'Sun *-*-* 02:00:00', '0 2 * * 0'],
  ])('%j is %j to systemd and %j to cron', (text, systemd, cron) => {
    expect(onCalendar(calendarOf(text))).toBe(systemd);
    expect(cronFields(calendarOf(text))).toBe(cron);
  });

  it.each<[string, number]>([
    ['36h', 36 * 60],
    ['5h', 300],
    ['90m', 90],
    ['7m', 7],
    ['2d', 2880],
    ['2w', 20160],
  ])('%j is an interval, since days do not divide by it', (text, minutes) => {
    expect(parseEvery(text)).toEqual({ kind: 'interval', minutes });
  });

  it.each([
    '',
    '0h',
    '6',
    '-6h',
    '6 h',
    '1y',
    '400d',
    '25:00',
    '2:60',
    '02:30:15',
    '*-*-29 02:00',
    '*-*-00 02:00',
    '2026-*-* 02:00',
    'Foo 02:00',
    'Mon..Wed..Fri 02:00',
    'Mon *-*-01 02:00',
    '* * * * *',
    '@daily',
    '02:00\n',
  ])('%j is refused', (text) => {
    expect(() => parseEvery(text)).toThrow(UsageError);
  });
});

const calendars: fc.Arbitrary<Calendar> = fc
  .record({
    minute: fc.nat(59),
    hours: fc.uniqueArray(fc.nat(23), { minLength: 1, maxLength: 4 }),
    isHourly: fc.boolean(),
    days: fc.oneof(
      fc.constant(''),
      fc
        .uniqueArray(fc.constantFrom('Sun', 'Mon', 'Wed', 'Fri'), { minLength: 1 })
        .map((days) => `${days.join(',')} `),
      fc.integer({ min: 1, max: 28 }).map((day) => `*-*-${day} `),
    ),
  })
  .map(({ minute, hours, isHourly, days }) =>
    calendarOf(`${days}${isHourly ? '*' : hours.join(',')}:${String(minute).padStart(2, '0')}`),
  );

test('what is written for systemd reads back as the same', () => {
  fc.assert(
    fc.property(calendars, (calendar) => {
      expect(parseEvery(onCalendar(calendar))).toEqual(calendar);
    }),
  );
});

test.skipIf(!hasProgram('systemd-analyze'))('systemd has the same next times', () => {
  const some = fc.sample(calendars, 40);
  const base = new Date('2026-11-20T05:58:12Z');
  const { stdout, status } = spawnSync(
    'systemd-analyze',
    [
      'calendar',
      '--iterations=3',
      `--base-time=${base.toISOString().slice(0, 19).replace('T', ' ')} UTC`,
      ...some.map(onCalendar),
    ],
    { encoding: 'utf8', env: { PATH: process.env.PATH, TZ: 'UTC', LC_ALL: 'C' } },
  );
  expect(status).toBe(0);
  const theirs = [...stdout.matchAll(/(?:Next elapse|Iter\. #\d+): \w+ (\S+ \S+) UTC/g)].map(
    ([, time]) => time,
  );
  // In UTC whatever the zone of the tests: both count by the clock on the wall.
  const offset = (time: Date) => new Date(time.getTime() - time.getTimezoneOffset() * 60_000);
  const unset = (time: Date) => new Date(time.getTime() + time.getTimezoneOffset() * 60_000);
  const ours = some.flatMap((calendar) => {
    let at = unset(base);
    return [1, 2, 3].map(() => {
      at = nextAfter(calendar, at);
      return offset(at).toISOString().slice(0, 19).replace('T', ' ');
    });
  });
  expect(ours).toEqual(theirs);
});

describe('being late', () => {
  it('moves each time by as much, over midnight too', () => {
    const late = fc.tuple(
      calendars,
      fc.nat(719),
      fc.date({ min: new Date(2026, 0, 1), max: new Date(2026, 11, 1), noInvalidDate: true }),
    );
    fc.assert(
      fc.property(late, ([calendar, by, time]) => {
        fc.pre(by < shortestGap(calendar));
        let moved: Calendar;
        try {
          moved = later(calendar, by);
        } catch (error) {
          // Runs of one day that would fall on two.
          expect(error).toBeInstanceOf(UsageError);
          expect(calendar.days).not.toBe('all');
          return;
        }
        const wall = (at: Date) =>
          Date.UTC(at.getFullYear(), at.getMonth(), at.getDate(), at.getHours(), at.getMinutes());
        const due = nextAfter(calendar, time);
        expect(wall(nextAfter(moved, new Date(due.getTime() + by * 60_000 - 1))) - wall(due)).toBe(
          by * 60_000,
        );
      }),
    );
  });

  it('is the same for a machine each time, and another for others', () => {
    expect(lateBy('web-1/backup', 60)).toBe(lateBy('web-1/backup', 60));
    const all = new Set(Array.from({ length: 200 }, (_, i) => lateBy(`web-${i}/backup`, 60)));
    expect(all.size).toBeGreaterThan(50);
    expect(Math.max(...all)).toBeLessThanOrEqual(60);
  });

  it.each<[string, number, boolean]>([
    ['15m', 14, true],
    ['15m', 15, false],
    ['6h', 359, true],
    ['6h', 360, false],
    ['Mon,Tue 02:00', 24 * 60, false],
    ['36h', 36 * 60, false],
  ])('every %s may be %d minutes late: %s', (text, jitter, isFine) => {
    const every: Every = parseEvery(text);
    if (isFine) expect(checkJitter(every, jitter)).toBeUndefined();
    else expect(() => checkJitter(every, jitter)).toThrow(UsageError);
  });
});
