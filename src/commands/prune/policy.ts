// The retention that a prune goes by: flags over the configuration.
import { UsageError } from '../../errors.ts';
import { isEmptyPolicy, type RetentionPolicy } from '../../vault/prune/retention.ts';
import type { FlagSpec } from '../command.ts';
import type { Settings } from '../context.ts';
import { parseSpan, SPAN_FORM } from '../span.ts';
import { TAG_FORM } from '../tags.ts';

const parseCount = (text: string): number | undefined => (/^\d{1,6}$/.test(text) ? Number(text) : undefined);
const parsePair = (text: string): string | undefined => (text.indexOf('=') > 0 ? text : undefined);

const count = (summary: string) =>
  ({ value: 'N', summary, parse: parseCount, form: 'a whole number' }) as const satisfies FlagSpec;

/** Flags that stand in for the configured retention. */
export const policyFlags = {
  keepLast: count('keep the N newest'),
  keepHourly: count('keep one an hour, of the N newest hours that have one'),
  keepDaily: count('keep one a day'),
  keepWeekly: count('keep one a week'),
  keepMonthly: count('keep one a month'),
  keepYearly: count('keep one a year'),
  keepWithin: {
    value: 'TIME',
    summary: 'keep all of so long before the newest: 36h, 90d, 12w',
    parse: parseSpan,
    form: SPAN_FORM,
  },
  keepTag: {
    value: 'KEY=VALUE',
    repeat: true,
    summary: 'keep those with this tag',
    parse: parsePair,
    form: TAG_FORM,
  },
  keepMinimum: count('never fewer than the N newest whole ones; 1 unless given'),
} as const satisfies Record<string, FlagSpec>;

export interface PolicyFlags {
  readonly keepLast: number | undefined;
  readonly keepHourly: number | undefined;
  readonly keepDaily: number | undefined;
  readonly keepWeekly: number | undefined;
  readonly keepMonthly: number | undefined;
  readonly keepYearly: number | undefined;
  readonly keepWithin: number | undefined;
  readonly keepTag: readonly string[];
  readonly keepMinimum: number | undefined;
}

/**
 * The retention of each set.
 * @param only the set that is meant, where one is
 * @throws UsageError `no-retention` when nothing says what may go
 */
export function policiesOf(
  flags: PolicyFlags,
  { config }: Settings,
  only: string | undefined,
): (set: string) => RetentionPolicy | undefined {
  const given = fromFlags(flags);
  if (given) {
    if (isEmptyPolicy(given))
      throw noRetention(
        'the flags name nothing to keep: 0 keeps none, and --keep-minimum alone is only a floor',
      );
    return () => given;
  }
  const policies = new Map<string, RetentionPolicy>();
  for (const { name, retention } of config?.sets.values() ?? [])
    if (retention && !isEmptyPolicy(retention)) policies.set(name, retention);
  if (only === undefined ? policies.size === 0 : !policies.has(only))
    throw noRetention(
      only === undefined ? 'no set has a retention' : `the set ${only} has no retention in the configuration`,
    );
  return (set) => policies.get(set);
}

function fromFlags(flags: PolicyFlags): RetentionPolicy | undefined {
  const { keepTag } = flags;
  const numbers = {
    last: flags.keepLast,
    hourly: flags.keepHourly,
    daily: flags.keepDaily,
    weekly: flags.keepWeekly,
    monthly: flags.keepMonthly,
    yearly: flags.keepYearly,
    within: flags.keepWithin,
    minimum: flags.keepMinimum,
  };
  const given = Object.entries(numbers).filter(([, n]) => n !== undefined);
  if (given.length === 0 && keepTag.length === 0) return undefined;
  return { ...Object.fromEntries(given), ...(keepTag.length > 0 ? { tags: keepTag } : {}) };
}

function noRetention(why: string): UsageError {
  return new UsageError('no-retention', `nothing was removed: ${why}`, {
    hint: 'say how many to keep: `retention: { daily: 30, weekly: 12, minimum: 5 }` for the set in strongroom.yaml, or --keep-daily 30',
  });
}
