// `strongroom schedule print`: what a scheduler elsewhere would need, as text.
import { basename, relative } from 'node:path';
import { cronBlock } from '../../host/schedule/cron.ts';
import { githubWorkflow } from '../../host/schedule/github-actions.ts';
import { KUBERNETES_CONFIG, kubernetesCronJob } from '../../host/schedule/kubernetes.ts';
import { launchdPlist } from '../../host/schedule/launchd.ts';
import type { Plan, Written } from '../../host/schedule/plan.ts';
import { systemdUnits, unitName } from '../../host/schedule/systemd.ts';
import { windowsTask } from '../../host/schedule/windows.ts';
import { version } from '../../version.ts';
import { defineCommand } from '../command.ts';
import type { Context, Settings } from '../context.ts';
import { placesOf, setsTaken, warnOfPods, warnOfRunners } from './elsewhere.ts';
import { type PlanFlags, planFlags } from './flags.ts';
import { ownScope, planOf } from './plan.ts';
import { scopeFlags, scopeOf } from './scope.ts';

const FORMATS = ['systemd', 'cron', 'launchd', 'windows', 'kubernetes', 'github-actions'] as const;
const CONFIG_NAME = 'strongroom.yaml';
type Format = (typeof FORMATS)[number];

/** Where a config and a program are on Windows; nothing here can know better. */
const WINDOWS = {
  program: ['C:\\Program Files\\nodejs\\node.exe', 'C:\\strongroom\\dist\\main.cjs'],
  config: 'C:\\ProgramData\\strongroom\\strongroom.yaml',
};

export const command = defineCommand({
  description: [
    'Writes the schedule as systemd, cron, launchd, Windows, Kubernetes or GitHub Actions would have it, and installs nothing. What a scheduler cannot do exactly is refused, never rounded.',
    'For Kubernetes and GitHub Actions the program comes from the image or from npm, the signing key from a secret; the names of image, claims and secret are to be replaced. A vault in a directory of this machine is mounted from a claim by Kubernetes, and is out of reach of GitHub.',
  ],
  needs: 'nothing',
  args: {},
  flags: {
    ...planFlags,
    format: { value: 'FORMAT', choices: FORMATS, summary: 'for which scheduler, systemd unless given' },
    image: { value: 'IMAGE', summary: 'kubernetes: the image of strongroom' },
    timeZone: { value: 'ZONE', summary: 'kubernetes: zone of the times, else that of this machine' },
    ...scopeFlags,
  },
  examples: [
    ['schedule print --every 6h', 'the units for systemd'],
    [
      'schedule print --every daily --format kubernetes --image registry.example.com/strongroom:1',
      'a CronJob',
    ],
    ['schedule print --every 02:30 --format github-actions', 'a workflow'],
  ],
  async run({ args: _, flags }, context) {
    const { format = 'systemd' } = flags;
    const plan = await planOf(flags, scopeOf(flags, ownScope()), context);
    const settings = await context.settings();
    const elsewhere = elsewhereOf(format, settings, context);
    const files = written(format, elsewhere === undefined ? plan : moved(plan, elsewhere), flags, settings);
    if (format === 'kubernetes') warnOfPods(flags, settings, context);
    if (format === 'github-actions') warnOfRunners(plan, flags, settings, context);
    return { format, files };
  },
  human({ format, files }, out) {
    for (const { path, text } of files) {
      // Lines of cron say by nothing where they belong.
      if (files.length > 1 || format === 'cron') out.line(`# ${path}`);
      out.raw(text);
    }
  },
  json({ format, files }) {
    return { format, files: files.map(({ path, text }) => ({ path, text })) };
  },
});

/** What is otherwise on the machine that it is for. */
interface Elsewhere {
  readonly config: string;
  readonly program: readonly string[];
}

function elsewhereOf(format: Format, { configFile }: Settings, context: Context): Elsewhere | undefined {
  if (format === 'kubernetes') return { config: KUBERNETES_CONFIG, program: [] };
  if (format === 'windows' && !configFile?.includes('\\')) return WINDOWS;
  if (format === 'github-actions') return { config: inRepository(configFile, context.cwd), program: [] };
  return undefined;
}

function inRepository(configFile: string | undefined, cwd: string): string {
  if (configFile === undefined) return CONFIG_NAME;
  const path = relative(cwd, configFile);
  return path.startsWith('..') ? basename(configFile) : path;
}

function moved(plan: Plan, { config, program }: Elsewhere): Plan {
  const args = (all: readonly string[]): string[] => all.map((arg) => (arg === plan.config ? config : arg));
  return { ...plan, config, program, runs: plan.runs.map((run) => ({ ...run, args: args(run.args) })) };
}

function written(
  format: Format,
  plan: Plan,
  flags: PlanFlags & { readonly image: string | undefined; readonly timeZone: string | undefined },
  settings: Settings,
): readonly Written[] {
  switch (format) {
    case 'systemd':
      return systemdUnits(plan, plan.scope === 'system' ? '/etc/systemd/system' : '~/.config/systemd/user');
    case 'cron':
      return [
        {
          path: plan.scope === 'system' ? `/etc/cron.d/${unitName(plan.name)}` : 'crontab',
          text: cronBlock(plan, plan.scope === 'system' ? 'root' : undefined),
        },
      ];
    case 'launchd':
      return [{ path: `strongroom.${plan.name}.plist`, text: launchdPlist(plan) }];
    case 'windows':
      return [{ path: `${unitName(plan.name)}.xml`, text: windowsTask(plan) }];
    case 'kubernetes': {
      const options = {
        image: flags.image ?? `strongroom:${version}`,
        timeZone: flags.timeZone ?? Intl.DateTimeFormat().resolvedOptions().timeZone,
        volumes: setsTaken(flags, settings).map(({ name, root }) => ({ name, path: root })),
        places: placesOf(plan, flags, settings),
      };
      return [{ path: `${unitName(plan.name)}.yaml`, text: kubernetesCronJob(plan, options) }];
    }
    case 'github-actions':
      return [
        {
          path: `.github/workflows/${unitName(plan.name)}.yml`,
          text: githubWorkflow(plan, version),
        },
      ];
  }
}
