// Installs agents and daemons of launchd.

import { changesOf, installedFiles } from './files.ts';
import { type Ground, mustRun, removeFile, runTool, type Scheduler, writeText } from './ground.ts';
import { launchdLabel, launchdPlist } from './launchd.ts';
import type { Scope } from './plan.ts';

export function launchdScheduler(ground: Ground): Scheduler {
  const directoryOf = (scope: Scope): string =>
    scope === 'system' ? '/Library/LaunchDaemons' : `${ground.home}/Library/LaunchAgents`;
  const domain = (scope: Scope): string => (scope === 'system' ? 'system' : `gui/${ground.uid}`);
  const isOn = (scope: Scope, name: string): boolean =>
    runTool(ground, 'launchctl', ['print', `${domain(scope)}/${launchdLabel(name)}`]).code === 0;
  const end = (scope: Scope, name: string): void => {
    runTool(ground, 'launchctl', ['bootout', `${domain(scope)}/${launchdLabel(name)}`]);
  };
  return {
    format: 'launchd',
    isHere: () => runTool(ground, 'launchctl', ['version']).code === 0,
    installed: (scope) => installedFiles(directoryOf(scope), /^strongroom\.(.+)\.plist$/, 'launchd', scope),
    changes: (plan) =>
      changesOf(plan.name, [
        { path: `${directoryOf(plan.scope)}/${launchdLabel(plan.name)}.plist`, text: launchdPlist(plan) },
      ]),
    install(plan) {
      const [change] = this.changes(plan);
      const { scope, name } = plan;
      const wasOn = isOn(scope, name);
      if (!change || (change.isThere && wasOn)) return false;
      if (wasOn) end(scope, name);
      writeText(change.path, change.text);
      mustRun(ground, 'launchctl', ['bootstrap', domain(scope), change.path]);
      return true;
    },
    remove({ scope, mark, places }) {
      end(scope, mark.name);
      for (const place of places) removeFile(place);
    },
  };
}
