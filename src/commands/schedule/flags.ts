// What is scheduled and how often, as `schedule install`, `print` and `run` take it.

import { parseDuration } from '../guard/duration.ts';

const MINUTE_MS = 60_000;

export const SCHEDULED = ['backup', 'health', 'prune', 'verify', 'copy', 'drill'] as const;
export type Scheduled = (typeof SCHEDULED)[number];

export const planFlags = {
  every: {
    value: 'TIMES',
    summary: 'how often: 6h, daily, 02:30, "Mon..Fri 03:00", "*-*-01 04:00"',
    offers: ['hourly', '6h', 'daily', '02:30', 'weekly', 'monthly'],
  },
  command: { value: 'COMMAND', choices: SCHEDULED, summary: 'what is run, backup unless given' },
  set: { value: 'SET', summary: 'only this set' },
  allLocations: { summary: 'with --command verify: every replica too' },
  health: { summary: 'after each run that ends well, see whether the backups are as they should be' },
  prometheus: { value: 'FILE', summary: 'as --health, and write metrics there for the node exporter' },
  jitter: {
    value: 'TIME',
    summary: 'be late by up to this, such as 15m: always by the same, and each machine by another',
    parse: minutes,
    form: 'whole minutes or hours, such as 15m or 1h',
  },
  name: {
    value: 'NAME',
    summary: 'name of the schedule, else of command and set',
    parse: nameText,
    form: 'lower-case letters, digits, _ and -, 41 at most',
  },
} as const;

export interface PlanFlags {
  readonly every: string | undefined;
  readonly command: Scheduled | undefined;
  readonly set: string | undefined;
  readonly allLocations: boolean;
  readonly health: boolean;
  readonly prometheus: string | undefined;
  readonly jitter: number | undefined;
  readonly name: string | undefined;
}

/** `15m` in minutes. */
function minutes(text: string): number | undefined {
  const ms = parseDuration(text);
  return ms === undefined || ms % MINUTE_MS !== 0 ? undefined : ms / MINUTE_MS;
}

function nameText(text: string): string | undefined {
  return /^[a-z0-9][a-z0-9_-]{0,40}$/.test(text) ? text : undefined;
}
