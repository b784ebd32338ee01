// What is told: names, numbers and words of our own. A value, a path or what an error says stands in it only under
// `details`, which a receiver gets where its settings ask for paths.

/** What receivers can be told of. */
export const EVENTS = ['start', 'success', 'failure', 'incomplete', 'stale', 'drill'] as const;
export type EventName = (typeof EVENTS)[number];

export interface Message {
  /** `test` is for whoever sets a receiver up. */
  readonly event: EventName | 'test';
  /** The words of the command: `backup`. */
  readonly command: string;
  /** Whether all is well, as far as this run can tell. */
  readonly ok: boolean;
  readonly sets: readonly string[];
  /** Ids of snapshots that were made. */
  readonly snapshots: readonly string[];
  readonly host: string | undefined;
  /** The deployment's environment, such as `prod`. */
  readonly env: string | undefined;
  /** Name and id of the vault, as far as they are known. */
  readonly vault: string | undefined;
  readonly vaultId: string | undefined;
  readonly exitCode: number | undefined;
  /** Names of what went wrong: `store-unreachable`. */
  readonly codes: readonly string[];
  /** What was counted, by names of ours: files, bytes. */
  readonly counts: Readonly<Record<string, number>>;
  /** How long the run took, in seconds. */
  readonly seconds: number | undefined;
  /** A UUID, the same in each message of a run. */
  readonly run: string;
  readonly time: Date;
  /** Sentences that may hold paths and locations. */
  readonly details: readonly string[];
}

const WHY: Readonly<Record<number, string>> = {
  2: 'the command line or the configuration is wrong',
  3: 'done in part',
  4: 'there are differences',
  5: 'a check failed',
  10: 'there is no such vault, snapshot or set',
  11: 'something is in the way',
  12: 'the vault cannot be opened',
  13: 'what is stored is damaged or not genuine',
  14: 'the store cannot be reached, refuses or is full',
  130: 'it was interrupted',
};

/** What `guard` says of the command that it ran: that has exit codes of its own, which mean something else. */
const WHY_GUARD: Readonly<Record<string, string>> = {
  'command-failed': 'the command failed, and the files were put back as before',
  'probe-failed': 'the probe after the command failed, and the files were put back as before',
  'not-put-back': 'the files could not be put back as they were before the command',
  'guard-failed': 'it broke off after the command had begun, and the files were put back as before',
};

/** The message in one line: `backup of app on web-1 failed: … (store-unreachable, exit code 14)`. */
export function sentence(message: Message): string {
  const { event, command, sets, host, env, ok } = message;
  const what = sets.length > 0 ? `${command} of ${listed(sets)}` : command;
  const where = `${host === undefined ? '' : ` on ${host}`}${env === undefined ? '' : ` (${env})`}`;
  switch (event) {
    case 'test':
      return `this is a test message from strongroom${where}`;
    case 'start':
      return `${what}${where} began`;
    case 'success':
      return `${what}${where} went well`;
    case 'incomplete':
      return `${what}${where} is incomplete${because(message)}`;
    case 'stale':
      return `${what}${where}: backups are not as they should be${because(message)}`;
    case 'drill':
      return ok ? `${what}${where} went well` : `${what}${where} failed${because(message)}`;
    case 'failure':
      return `${what}${where} failed: ${whyOf(message)}${because(message)}`;
  }
}

function whyOf({ command, codes, exitCode = 1 }: Message): string {
  const ofGuard = command === 'guard' ? codes.map((code) => WHY_GUARD[code]).find(Boolean) : undefined;
  const isOwn = command !== 'guard' || exitCode < 125 || exitCode > 126;
  const own = isOwn ? WHY[exitCode] : 'it failed before the command ran';
  return ofGuard ?? own ?? 'see what it said there';
}

function because({ codes, exitCode }: Message): string {
  const words = [...codes.slice(0, 5), ...(exitCode === undefined ? [] : [`exit code ${exitCode}`])];
  return words.length > 0 ? ` (${words.join(', ')})` : '';
}

function listed(names: readonly string[]): string {
  const [shown, more] = [names.slice(0, 10), names.length - 10];
  return shown.join(', ') + (more > 0 ? ` and ${more} more` : '');
}

/** The facts besides the sentence, a line each: `snapshots: 20261120T055812Z-7k3f9q`. */
export function factLines({
  snapshots,
  vault,
  vaultId,
  counts,
  seconds,
  run,
  time,
  details,
}: Message): string[] {
  const facts: [string, string | undefined][] = [
    ['snapshots', snapshots.length > 0 ? listed(snapshots) : undefined],
    ['vault', vault ?? vaultId],
    ...Object.entries(counts)
      .filter(([name]) => name !== 'seconds' || seconds === undefined)
      .map(([name, n]): [string, string] => [name.replaceAll('_', ' '), String(n)]),
    ['seconds', seconds?.toString()],
    ['time', time.toISOString()],
    ['run', run],
  ];
  const lines = facts.flatMap(([name, value]) => (value === undefined ? [] : [`${name}: ${value}`]));
  return [...lines, ...details];
}

/** The message for programs. Fields are only ever added. */
export function fieldsOf(message: Message): Record<string, unknown> {
  const { vaultId, exitCode, time, details, ...rest } = message;
  return {
    source: 'strongroom',
    text: sentence(message),
    ...rest,
    vault_id: vaultId,
    exit_code: exitCode,
    time: time.toISOString(),
    ...(details.length > 0 ? { details } : {}),
  };
}
