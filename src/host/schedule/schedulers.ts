// The kinds of schedulers that can be installed into.

import { UsageError } from '../../errors.ts';
import { cronScheduler } from './cron-install.ts';
import { FORMATS, type Format, type Ground, type Installed, type Scheduler } from './ground.ts';
import { launchdScheduler } from './launchd-install.ts';
import type { Scope } from './plan.ts';
import { systemdScheduler } from './systemd-install.ts';

const OPEN: Readonly<Record<Format, (ground: Ground) => Scheduler>> = {
  systemd: systemdScheduler,
  cron: cronScheduler,
  launchd: launchdScheduler,
};

/**
 * The scheduler that was asked for, else the first one that is here.
 * @throws UsageError `no-scheduler`
 */
export function chooseScheduler(ground: Ground, scope: Scope, asked: Format | undefined): Scheduler {
  const order: readonly Format[] = asked === undefined ? ['systemd', 'launchd', 'cron'] : [asked];
  for (const format of order) {
    const scheduler = OPEN[format](ground);
    if (scheduler.isHere(scope)) return scheduler;
  }
  const what = asked === undefined ? 'neither systemd, launchd nor cron' : `no ${asked}`;
  throw new UsageError('no-scheduler', `there is ${what} ${scope === 'user' ? 'for this user ' : ''}here`, {
    hint:
      asked === undefined || asked === 'cron'
        ? 'in a container, let `strongroom schedule run` keep the times; `strongroom schedule print` writes files for elsewhere'
        : 'see whether --format cron will do, or `strongroom schedule run`, or print it: `strongroom schedule print`',
  });
}

/** All that we installed, in both scopes, with how to remove it. */
export function everyInstalled(ground: Ground): (Installed & { readonly scheduler: Scheduler })[] {
  const scopes: readonly Scope[] = ['system', 'user'];
  return FORMATS.flatMap((format) => {
    const scheduler = OPEN[format](ground);
    return scopes.flatMap((scope) => scheduler.installed(scope).map((found) => ({ ...found, scheduler })));
  });
}
