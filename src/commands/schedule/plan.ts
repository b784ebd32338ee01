// From flags and settings to a plan: the command lines word by word, what they need, and what of the environment they get.
// Never a secret: those are given by the names of their files.
import { homedir } from 'node:os';
import { resolve } from 'node:path';
import { NotFoundError, UsageError } from '../../errors.ts';
import { parseEvery } from '../../host/schedule/every.ts';
import type { Ground } from '../../host/schedule/ground.ts';
import { type Credential, checkWords, type Plan, type Run, type Scope } from '../../host/schedule/plan.ts';
import { checkJitter } from '../../host/schedule/spread.ts';
import { checkName } from '../../vault/names.ts';
import { type Context, locationOf, type SetConfig, type Settings } from '../context.ts';
import { warnOfDrill } from './drill-doubt.ts';
import type { PlanFlags, Scheduled } from './flags.ts';
import { needsOf } from './needs.ts';

/** What reaches a scheduled run, where it is set: a scheduler hands on next to nothing by itself. */
const CARRIED = [
  'STRONGROOM_HOST',
  'XDG_STATE_HOME',
  'XDG_CACHE_HOME',
  'XDG_DATA_HOME',
  'XDG_CONFIG_HOME',
  'AWS_REGION',
  'AWS_DEFAULT_REGION',
  'AWS_PROFILE',
  'AWS_CONFIG_FILE',
  'AWS_SHARED_CREDENTIALS_FILE',
  'AWS_CA_BUNDLE',
  'AWS_ENDPOINT_URL',
  'AWS_ENDPOINT_URL_S3',
  'AWS_ENDPOINT_URL_KMS',
  'NODE_EXTRA_CA_CERTS',
];
/** Secrets that stand in a variable by themselves: no file of a scheduler's may hold one. */
const BY_VALUE = ['AWS_ACCESS_KEY_ID', 'AWS_SECRET_ACCESS_KEY', 'AWS_SESSION_TOKEN'];
/** Files with what opens the vault: a backup gets none of them. */
const OPENS = {
  STRONGROOM_PASSPHRASE_FILE: 'passphrase',
  STRONGROOM_SSH_PASSPHRASE_FILE: 'ssh-passphrase',
  STRONGROOM_IDENTITY_FILE: 'identity',
} as const;

export function groundOf({ env }: Context): Ground {
  return { env, home: env.HOME || homedir(), uid: process.getuid?.() ?? 1 };
}

/** Root schedules for the system, anybody else for themselves. */
export function ownScope(): Scope {
  return process.getuid?.() === 0 ? 'system' : 'user';
}

/**
 * @throws UsageError `no-every`, `bad-every`, `bad-value`, `bad-jitter`, `bad-name`, `no-sets`, `odd-path`,
 *   `secret-by-value`; NotFoundError `no-set`
 */
export async function planOf(flags: PlanFlags, scope: Scope, context: Context): Promise<Plan> {
  const { every: everyText, command = 'backup', set, jitter = 0 } = flags;
  if (everyText === undefined) {
    throw new UsageError('no-every', 'nothing says how often', {
      object: '--every',
      hint: 'give --every 6h, --every daily, --every 02:30 or the like',
    });
  }
  if (flags.allLocations && command !== 'verify') {
    throw new UsageError('bad-value', '--all-locations belongs to --command verify', {
      object: '--all-locations',
      hint: 'what is written is written to each replica by itself; `--command copy` brings them up to date',
    });
  }
  if (set !== undefined) checkName(set, 'set');
  const every = parseEvery(everyText);
  checkJitter(every, jitter);
  const settings = await context.settings();
  const sets = setsOf(settings, command, set);
  const files = credentialsOf(command, flags, context);
  const plan: Plan = {
    name: flags.name ?? nameOf(command, set),
    title: set === undefined ? command : `${command} of ${set}`,
    every,
    everyText,
    jitter,
    scope,
    runs: runsOf(flags, settings, context),
    program: programOf(context),
    config: settings.configFile,
    host: (await context.world()).hostName,
    env: carried(context, sets, command),
    credentials: files,
    needs: needsOf(flags, settings, sets, context),
  };
  checkWords(plan);
  warnOfSecrets(context, settings, command);
  if (command === 'drill') await warnOfDrill(context, settings, files);
  return plan;
}

/** Each set has its own. Cron reads no file with a dot in its name: `_-` stands for one, and `__` for `_`. */
function nameOf(command: Scheduled, set: string | undefined): string {
  if (set === undefined) return command;
  return `${command}-${set.replaceAll('_', '__').replaceAll('.', '_-')}`;
}

/** The sets that the command reads from. */
function setsOf({ config, configFile }: Settings, command: Scheduled, set: string | undefined): SetConfig[] {
  const sets = config?.sets ?? new Map<string, SetConfig>();
  if (set !== undefined && configFile !== undefined && !sets.has(set)) {
    throw new NotFoundError('no-set', `the configuration has no set ${JSON.stringify(set)}`, {
      hint: `it has: ${[...sets.keys()].join(', ')}`,
    });
  }
  if (command !== 'backup') return [];
  if (sets.size === 0) {
    throw new UsageError(
      'no-sets',
      'a scheduled backup takes the sets of a configuration, and none was found',
      {
        hint: 'name sets in strongroom.yaml, and run this beside it or with --config',
      },
    );
  }
  return set === undefined ? [...sets.values()] : [sets.get(set)!];
}

/** The command lines, silent unless something is wrong. */
export function runsOf(flags: PlanFlags, settings: Settings, { cwd }: Context): Run[] {
  const { command = 'backup', set, allLocations, health, prometheus } = flags;
  const { origins, configFile } = settings;
  // A flag or a variable goes over the file: so it must here.
  const isGiven = !['', configFile].includes(origins.get('location') ?? '');
  const common = [
    '--quiet',
    ...(configFile === undefined ? ['--config', 'none'] : ['--config', configFile]),
    ...(isGiven ? ['--location', locationOf(settings)] : []),
    ...(set === undefined ? [] : ['--set', set]),
  ];
  const metrics = prometheus === undefined ? [] : ['--prometheus', resolve(cwd, prometheus)];
  const own =
    command === 'prune'
      ? ['--yes', ...common]
      : command === 'health'
        ? [...common, ...metrics]
        : allLocations
          ? ['--all-locations', ...common]
          : common;
  const after = command !== 'health' && (health || prometheus !== undefined);
  return [{ command, args: own }, ...(after ? [{ command: 'health', args: [...common, ...metrics] }] : [])];
}

/** @throws UsageError `no-program` */
export function programOf(context: Context): readonly string[] {
  const { program } = context;
  if (program === undefined) {
    throw new UsageError('no-program', 'only the program can be scheduled, not the library', {
      hint: 'run `strongroom schedule`',
    });
  }
  if (program.some((word) => word.includes('/_npx/'))) {
    context.warn('passing-program', 'this program was fetched by npx, and may be gone tomorrow', {
      object: program.at(-1) ?? '',
      hint: 'install it first: npm install --global strongroom',
    });
  }
  return program;
}

function carried({ env }: Context, sets: readonly SetConfig[], command: Scheduled): Record<string, string> {
  // Dumps are made, and loaded for a drill, by programs that are found there.
  const hasPrograms = command === 'drill' || sets.some(({ streams }) => streams.length > 0);
  const names = hasPrograms ? [...CARRIED, 'PATH'] : CARRIED;
  return Object.fromEntries(
    names.flatMap((name) => {
      const value = env[name];
      if (value === undefined || value === '') return [];
      refuseLogin(name, value);
      return [[name, value]];
    }),
  );
}

/** Everybody reads what a scheduler is given. @throws UsageError `secret-by-value` */
function refuseLogin(name: string, value: string): void {
  const url = URL.canParse(value) ? new URL(value) : undefined;
  if (!url || (url.username === '' && url.password === '')) return;
  throw new UsageError('secret-by-value', `the URL in ${name} holds a user or a password`, {
    object: name,
    hint: 'leave them out of it: what the bucket needs comes from ~/.aws/credentials, or from a role',
  });
}

function credentialsOf(command: Scheduled, flags: PlanFlags, { env, cwd }: Context): Credential[] {
  // Drills are signed with what opens the vault.
  const signs = command === 'backup' || command === 'prune';
  const signing = signs ? filesOf('signing-key', 'STRONGROOM_SIGNING_KEY_FILE') : [];
  const opens = command === 'drill' || (command === 'health' && !flags.health) || command === 'verify';
  return [
    ...signing,
    ...(opens ? Object.entries(OPENS).flatMap(([variable, name]) => filesOf(name, variable)) : []),
  ];

  function filesOf(name: string, variable: string): Credential[] {
    const given = (env[variable] ?? '').split(variable === 'STRONGROOM_IDENTITY_FILE' ? ':' : '\0');
    const paths = given.filter((path) => path !== '').map((path) => resolve(cwd, path));
    return paths.map((path, i) => ({ name: i === 0 ? name : `${name}-${i + 1}`, variable, path }));
  }
}

function warnOfSecrets(context: Context, { config }: Settings, command: Scheduled): void {
  const { env, secrets } = context;
  const told = (config?.notify ?? []).flatMap((receiver) => Object.values(receiver.secrets));
  const toldBy = told.flatMap((place) => ('env' in place ? [place.env] : []));
  if (toldBy.length > 0) {
    context.warn('not-carried', `${toldBy.join(' and ')} will not be there when it runs`, {
      object: 'notify',
      hint: 'give what is in them by file in strongroom.yaml',
    });
  }
  const values = BY_VALUE.filter((name) => env[name]);
  if (values.length > 0) {
    context.warn('not-carried', `${values.join(' and ')} will not be there when it runs`, {
      object: values[0]!,
      hint: 'put them into a profile of ~/.aws/credentials and set AWS_PROFILE, or give the machine a role',
    });
  }
  const opens = command === 'drill' && (secrets.passphraseGiven || secrets.identitiesGiven);
  if (opens && !env.STRONGROOM_PASSPHRASE_FILE && !env.STRONGROOM_IDENTITY_FILE) {
    context.warn('not-carried', 'what opens the vault will not be there when it runs', {
      object: 'STRONGROOM_PASSPHRASE',
      hint: 'put it into a file, 0600, and set STRONGROOM_PASSPHRASE_FILE or STRONGROOM_IDENTITY_FILE',
    });
  }
}
