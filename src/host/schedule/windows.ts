// A schedule as a task for Windows, to be taken in by `schtasks /Create /XML`. Nothing is installed there from here.

import { UsageError } from '../../errors.ts';
import { type Calendar, EVERY_HOUR, shortestGap } from './every.ts';
import { xml } from './launchd.ts';
import { argvOf, type Plan } from './plan.ts';

const WEEK = ['Sunday', 'Monday', 'Tuesday', 'Wednesday', 'Thursday', 'Friday', 'Saturday'];
const MONTHS = [
  'January',
  'February',
  'March',
  'April',
  'May',
  'June',
  'July',
  'August',
  'September',
  'October',
  'November',
  'December',
];

/**
 * @see "Task Scheduler Schema" (Microsoft Learn), version 1.2: the order of elements counts
 * @throws UsageError `cannot-be-said`
 */
export function windowsTask(plan: Plan): string {
  const { title, runs, jitter } = plan;
  if (runs.length > 1) {
    throw new UsageError(
      'cannot-be-said',
      'a task of Windows goes on to the next command even when one fails',
      {
        hint: 'print a task for each: leave --health and --prometheus out here',
      },
    );
  }
  const delay = jitter > 0 ? [`      <RandomDelay>PT${jitter}M</RandomDelay>`] : [];
  return `${[
    '<?xml version="1.0"?>',
    '<!-- Written by `strongroom schedule print`: schtasks /Create /TN strongroom /XML FILE /RU SYSTEM -->',
    '<Task version="1.2" xmlns="http://schemas.microsoft.com/windows/2004/02/mit/task">',
    '  <RegistrationInfo>',
    `    <Description>${xml(`strongroom ${title}`)}</Description>`,
    '  </RegistrationInfo>',
    '  <Triggers>',
    ...triggers(plan, delay),
    '  </Triggers>',
    '  <Settings>',
    '    <MultipleInstancesPolicy>IgnoreNew</MultipleInstancesPolicy>',
    '    <DisallowStartIfOnBatteries>false</DisallowStartIfOnBatteries>',
    '    <StartWhenAvailable>true</StartWhenAvailable>',
    '    <ExecutionTimeLimit>PT25H</ExecutionTimeLimit>',
    '  </Settings>',
    '  <Actions>',
    ...runs.flatMap((run) => {
      const [command = '', ...args] = argvOf(plan, run);
      return [
        '    <Exec>',
        `      <Command>${xml(command)}</Command>`,
        `      <Arguments>${xml(args.map(argument).join(' '))}</Arguments>`,
        '    </Exec>',
      ];
    }),
    '  </Actions>',
    '</Task>',
  ].join('\n')}\n`;
}

function triggers({ every }: Plan, delay: readonly string[]): string[] {
  // A Monday, long ago: only its time of the day counts, and the day of the week for none.
  const start = (hour: number, minute: number) =>
    `      <StartBoundary>2024-01-01T${two(hour)}:${two(minute)}:00</StartBoundary>`;
  if (every.kind === 'interval') return repeated(every.minutes, start(0, 0), delay);
  const { minutes, hours, days } = every;
  const isEven = days === 'all' && (hours.length === EVERY_HOUR.length || minutes.length > 1);
  if (isEven) return repeated(shortestGap(every), start(0, minutes[0]!), delay);
  return hours.flatMap((hour) =>
    minutes.flatMap((minute) => [
      '    <CalendarTrigger>',
      start(hour, minute),
      ...delay,
      ...daysOf(days),
      '    </CalendarTrigger>',
    ]),
  );
}

function repeated(minutes: number, start: string, delay: readonly string[]): string[] {
  return [
    '    <TimeTrigger>',
    '      <Repetition>',
    `        <Interval>PT${minutes}M</Interval>`,
    '      </Repetition>',
    start,
    ...delay,
    '    </TimeTrigger>',
  ];
}

function daysOf(days: Calendar['days']): string[] {
  if (days === 'all')
    return ['      <ScheduleByDay>', '        <DaysInterval>1</DaysInterval>', '      </ScheduleByDay>'];
  if ('week' in days) {
    const names = days.week.map((day) => `<${WEEK[day]} />`).join('');
    return [
      '      <ScheduleByWeek>',
      '        <WeeksInterval>1</WeeksInterval>',
      `        <DaysOfWeek>${names}</DaysOfWeek>`,
      '      </ScheduleByWeek>',
    ];
  }
  return [
    '      <ScheduleByMonth>',
    `        <DaysOfMonth><Day>${days.month}</Day></DaysOfMonth>`,
    `        <Months>${MONTHS.map((month) => `<${month} />`).join('')}</Months>`,
    '      </ScheduleByMonth>',
  ];
}

/** A word of a command line. @see "Parsing C command-line arguments" (Microsoft Learn) */
function argument(text: string): string {
  if (/^[^\s"]+$/.test(text)) return text;
  return `"${text.replace(/(\\*)(?:"|$)/g, (all, slashes: string) => slashes + slashes + (all.endsWith('"') ? '\\"' : ''))}"`;
}

const two = (n: number): string => String(n).padStart(2, '0');
