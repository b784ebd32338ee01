// A schedule as units of systemd: a service that has little else than what the command needs, and a timer.

import { onCalendar } from './calendar-text.ts';
import { argvOf, type Credential, oddPath, type Plan, type Written } from './plan.ts';
import { markLines, seal } from './seal.ts';
import { sandbox } from './systemd-sandbox.ts';
import { specifiers, word } from './systemd-words.ts';

/** A backup gives up after a day; what hangs is to be heard of. */
const LONGEST_RUN = '25h';

/**
 * The service and the timer.
 * @param directory where units of this scope are
 * @throws UsageError `odd-path`
 */
export function systemdUnits(plan: Plan, directory: string): readonly [service: Written, timer: Written] {
  const unit = unitName(plan.name);
  return [
    { path: `${directory}/${unit}.service`, text: seal(service(plan, unit)) },
    { path: `${directory}/${unit}.timer`, text: seal(timer(plan, unit)) },
  ];
}

export function unitName(name: string): string {
  return `strongroom-${name}`;
}

function service(plan: Plan, unit: string): string {
  const { title, scope, runs, env, credentials, needs } = plan;
  const mounts = [...needs.reads, ...needs.writes];
  // Only the manager of the system hands out credentials on every version that is about.
  const handed = scope === 'system' ? credentials : [];
  const kept = scope === 'system' ? [] : credentials;
  return lines([
    ...head(plan, unit),
    '[Unit]',
    `Description=${specifiers(`strongroom ${title}`)}`,
    ...(needs.network && scope === 'system'
      ? ['Wants=network-online.target', 'After=network-online.target']
      : []),
    ...(mounts.length > 0 ? [`RequiresMountsFor=${mounts.map(word).join(' ')}`] : []),
    '',
    '[Service]',
    'Type=oneshot',
    // The colon: nothing that looks like a variable is one.
    ...runs.map((run) => `ExecStart=:${argvOf(plan, run).map(word).join(' ')}`),
    ...Object.entries(env).map(([name, value]) => environment(name, value)),
    ...kept.map(({ variable, path }) => environment(variable, path)),
    ...handed.map(({ name, path }) => `LoadCredential=${name}:${specifiers(plain(path))}`),
    ...variablesOf(handed).map(([variable, files]) => `Environment=${variable}=${files}`),
    `TimeoutStartSec=${LONGEST_RUN}`,
    'Nice=10',
    ...sandbox(plan),
  ]);
}

function timer(plan: Plan, unit: string): string {
  const { title, every, jitter } = plan;
  const times =
    every.kind === 'calendar'
      ? // Missed while the machine was off: at once when it is on again.
        [`OnCalendar=${onCalendar(every)}`, 'Persistent=true']
      : // Such a timer knows nothing of the time before the machine was started: it begins anew.
        ['OnActiveSec=15min', `OnUnitActiveSec=${every.minutes}min`];
  return lines([
    ...head(plan, unit),
    '[Unit]',
    `Description=${specifiers(`strongroom ${title}`)}`,
    '',
    '[Timer]',
    ...times,
    ...(jitter > 0 ? [`RandomizedDelaySec=${jitter}min`, 'FixedRandomDelay=true'] : []),
    '',
    '[Install]',
    'WantedBy=timers.target',
  ]);
}

function head(plan: Plan, unit: string): string[] {
  const [mark, sum] = markLines(plan);
  return [
    `# Written by \`strongroom schedule\`. For settings of your own: systemctl edit ${unit}.service`,
    `# ${mark}`,
    `# ${sum}`,
    '',
  ];
}

/** Several files of one variable are a list with colons. */
function variablesOf(credentials: readonly Credential[]): [variable: string, files: string][] {
  const files = new Map<string, string[]>();
  for (const { name, variable } of credentials)
    files.set(variable, [...(files.get(variable) ?? []), `%d/${name}`]);
  return [...files].map(([variable, names]) => [variable, names.join(':')]);
}

const environment = (name: string, value: string): string => `Environment=${word(`${name}=${value}`)}`;

/** A path that is read to the end of the line, where nothing can be quoted. */
function plain(path: string): string {
  if (/^\s|[\s\\]$/.test(path)) throw oddPath(path, 'a space or a backslash at its end');
  return path;
}

function lines(all: readonly string[]): string {
  return `${all.join('\n')}\n`;
}
