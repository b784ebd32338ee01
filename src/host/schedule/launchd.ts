// A schedule as a property list for launchd. What was missed in sleep runs on waking; what was missed while the machine
// was off does not.

import { UsageError } from '../../errors.ts';
import { shellWord } from './cron.ts';
import { type Calendar, EVERY_HOUR } from './every.ts';
import { argvOf, clockTimes, type Plan } from './plan.ts';
import { markLines, seal } from './seal.ts';

export function launchdLabel(name: string): string {
  return `strongroom.${name}`;
}

/** @throws UsageError `cannot-be-said`, `bad-jitter`, `odd-path` */
export function launchdPlist(plan: Plan): string {
  const { every, env, credentials, runs, name, jitter } = plan;
  const [mark, sum] = markLines(plan);
  const words = runs.map((run) => argvOf(plan, run));
  // Of several commands only a shell knows how to run them in turn.
  const argv =
    words.length === 1
      ? words[0]!
      : ['/bin/sh', '-c', words.map((w) => w.map(shellWord).join(' ')).join(' && ')];
  const given: Record<string, string> = { ...env };
  for (const { variable, path } of credentials)
    given[variable] = given[variable] === undefined ? path : `${given[variable]}:${path}`;
  if (every.kind === 'interval' && jitter > 0) {
    throw new UsageError(
      'cannot-be-said',
      'launchd counts intervals from when it starts: they have no jitter',
      {
        object: '--jitter',
        hint: 'leave --jitter out, or give times of the day',
      },
    );
  }
  const times =
    every.kind === 'interval'
      ? ['  <key>StartInterval</key>', `  <integer>${every.minutes * 60}</integer>`]
      : [
          '  <key>StartCalendarInterval</key>',
          '  <array>',
          ...moments(clockTimes(plan, 'launchd')).map((moment) => `    <dict>${moment}</dict>`),
          '  </array>',
        ];
  return seal(
    [
      '<?xml version="1.0" encoding="UTF-8"?>',
      '<!DOCTYPE plist PUBLIC "-//Apple//DTD PLIST 1.0//EN" "http://www.apple.com/DTDs/PropertyList-1.0.dtd">',
      // No comment of XML may hold two dashes.
      `<!-- ${mark.replace(/-(?=-)/g, '\\u002d')} -->`,
      `<!-- ${sum} -->`,
      '<plist version="1.0">',
      '<dict>',
      '  <key>Label</key>',
      `  <string>${xml(launchdLabel(name))}</string>`,
      '  <key>ProgramArguments</key>',
      '  <array>',
      ...argv.map((word) => `    <string>${xml(word)}</string>`),
      '  </array>',
      ...(Object.keys(given).length === 0
        ? []
        : [
            '  <key>EnvironmentVariables</key>',
            '  <dict>',
            ...Object.entries(given).map(([k, v]) => `    <key>${xml(k)}</key><string>${xml(v)}</string>`),
            '  </dict>',
          ]),
      ...times,
      '  <key>ProcessType</key>',
      '  <string>Background</string>',
      '  <key>Umask</key>',
      // Decimal: 077.
      '  <integer>63</integer>',
      '</dict>',
      '</plist>',
      '',
    ].join('\n'),
  );
}

/** Each moment by itself: launchd knows no lists. */
function moments({ minutes, hours, days }: Calendar): string[] {
  const of = (key: string, n: number) => `<key>${key}</key><integer>${n}</integer>`;
  const inDay = (hours.length === EVERY_HOUR.length ? [''] : hours.map((hour) => of('Hour', hour))).flatMap(
    (hour) => minutes.map((minute) => hour + of('Minute', minute)),
  );
  if (days === 'all') return inDay;
  const on = 'month' in days ? [of('Day', days.month)] : days.week.map((day) => of('Weekday', day));
  return on.flatMap((day) => inDay.map((time) => day + time));
}

/** Text for an element. */
export function xml(text: string): string {
  return text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;');
}
