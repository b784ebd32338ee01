// Whose schedule it is, and what each scheduler cannot do, to be said when one is chosen.
import { existsSync } from 'node:fs';
import { userInfo } from 'node:os';
import { UsageError } from '../../errors.ts';
import type { Format } from '../../host/schedule/ground.ts';
import type { Plan, Scope } from '../../host/schedule/plan.ts';

export const scopeFlags = {
  system: { summary: 'for the system, as root' },
  user: { summary: 'for this user' },
} as const;

/** @throws UsageError `two-scopes` */
export function scopeOf(flags: { readonly system: boolean; readonly user: boolean }, own: Scope): Scope {
  if (flags.system && flags.user) {
    throw new UsageError('two-scopes', '--system and --user cannot both be meant', {
      hint: 'give one of them',
    });
  }
  return flags.system ? 'system' : flags.user ? 'user' : own;
}

/** Sentences for people. */
export function limitsOf({ every, scope, everyText }: Plan, format: Format): string[] {
  const said: string[] = [];
  if (format === 'cron') said.push('cron does not catch up what was missed while the machine was off');
  if (format === 'launchd')
    said.push('launchd catches up what was missed in sleep, not what was missed while the machine was off');
  if (format === 'systemd' && every.kind === 'interval')
    said.push(`after each start of the machine it first runs at once, and then every ${everyText}`);
  if (
    format === 'systemd' &&
    scope === 'user' &&
    !existsSync(`/var/lib/systemd/linger/${userInfo().username}`)
  )
    said.push('it runs only while this user is logged in; `loginctl enable-linger` changes that');
  return said;
}
