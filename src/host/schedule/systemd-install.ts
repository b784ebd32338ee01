// Installs timers of systemd, for the system or for this user.

import { changesOf, installedFiles } from './files.ts';
import { type Ground, mustRun, removeFile, runTool, type Scheduler, writeText } from './ground.ts';
import type { Scope } from './plan.ts';
import { systemdUnits, unitName } from './systemd.ts';

const SYSTEM = '/etc/systemd/system';

export function systemdScheduler(ground: Ground): Scheduler {
  const directoryOf = (scope: Scope): string =>
    scope === 'system' ? SYSTEM : `${ground.env.XDG_CONFIG_HOME || `${ground.home}/.config`}/systemd/user`;
  const words = (scope: Scope, args: readonly string[]): string[] =>
    scope === 'system' ? [...args] : ['--user', ...args];
  const told = (scope: Scope, ...args: string[]): void => {
    mustRun(ground, 'systemctl', words(scope, args));
  };
  const is = (scope: Scope, what: string, timer: string): boolean =>
    runTool(ground, 'systemctl', words(scope, [what, '--quiet', timer])).code === 0;
  return {
    format: 'systemd',
    // It answers only where it runs: in most containers it does not, though its programs may be there.
    isHere: (scope) => runTool(ground, 'systemctl', words(scope, ['show', '--property=Version'])).code === 0,
    installed: (scope) =>
      installedFiles(directoryOf(scope), /^strongroom-(.+)\.(?:service|timer)$/, 'systemd', scope, 2),
    changes: (plan) => changesOf(plan.name, systemdUnits(plan, directoryOf(plan.scope))),
    install(plan) {
      const { scope } = plan;
      const timer = `${unitName(plan.name)}.timer`;
      const changes = this.changes(plan).filter(({ isThere }) => !isThere);
      for (const { path, text } of changes) writeText(path, text);
      if (changes.length > 0) told(scope, 'daemon-reload');
      const isOn = is(scope, 'is-enabled', timer) && is(scope, 'is-active', timer);
      if (!isOn) told(scope, 'enable', '--now', timer);
      // It goes on with the times that it had otherwise.
      else if (changes.length > 0) told(scope, 'restart', timer);
      return changes.length > 0 || !isOn;
    },
    remove({ scope, mark, places }) {
      // A service that runs is left to end.
      runTool(ground, 'systemctl', words(scope, ['disable', '--now', `${unitName(mark.name)}.timer`]));
      for (const place of places) removeFile(place);
      runTool(ground, 'systemctl', words(scope, ['daemon-reload']));
    },
  };
}
