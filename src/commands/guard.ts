// `strongroom guard`: runs a command between a snapshot and a probe, and puts the files back when either fails.
import { InterruptedError, StrongroomError, UsageError } from '../errors.ts';
import { checkProgram } from '../host/find-program.ts';
import { holdSignals } from '../host/run.ts';
import { beforeCommand, GuardError } from '../vault/guard/failure.ts';
import { type AskedSet, setsToBackUp } from './backup/sets.ts';
import { defineCommand } from './command.ts';
import type { Context } from './context.ts';
import { attempt } from './guard/attempt.ts';
import { parseDuration } from './guard/duration.ts';
import { type GuardPlan, plansOf } from './guard/plan.ts';
import { prepare } from './guard/prepare.ts';
import { checkUrl, type ProbeOptions } from './guard/probe.ts';
import { type Settled, settle } from './guard/settle.ts';

interface Outcome {
  /** Absent in a dry run, and where only earlier guards were settled. */
  readonly ran?: {
    readonly snapshots: readonly { readonly set: string; readonly snapshot: string }[];
    readonly tries: number;
  };
  readonly plans: readonly GuardPlan[];
  readonly command: readonly string[];
  readonly settled?: Settled;
}

/** As of other conflicts. */
const STILL_OPEN = 11;

const DEFAULTS = { retries: 3, timeout: 10_000, grace: 0, interval: 2000 };

export const command = defineCommand({
  description: [
    'Takes a snapshot of each set of strongroom.yaml, keeps a plain copy of its files beside them, and runs COMMAND with the terminal as it is. When COMMAND fails, or the probe after it, the files of the sets are put back from the copy as they were, modes and owners included; what COMMAND added among them is moved aside, and stays there until you remove it. Needs no key.',
    'The exit code is that of COMMAND, or 5 where only the probe failed. 125: it failed before COMMAND ran, and nothing was changed. 126: the files could not be put back. Databases and whatever else is not a file of a set stay as COMMAND left them.',
    'A guard that was killed while it put the files back is finished by the next run. One that was killed while COMMAND ran has to be judged by you: --recover puts the files back, --accept lets them stand. Both go by the sets of strongroom.yaml, or settle all that is open on this machine where no set is configured (--config none); exit code 11 while one is left.',
  ],
  needs: 'as backup, and write access to the files',
  stdout: 'bytes',
  args: {
    command: {
      value: 'COMMAND',
      repeat: true,
      optional: true,
      summary: 'what to run, after --; no shell is asked',
    },
  },
  flags: {
    set: { value: 'SET', summary: 'only this set' },
    healthCommand: { value: 'LINE', summary: 'a line of shell that must end well after COMMAND' },
    healthUrl: { value: 'URL', summary: 'a URL that must answer 2xx after COMMAND' },
    retries: {
      value: 'N',
      summary: 'how often to try the probe again; else 3',
    },
    timeout: { value: 'TIME', summary: 'how long one try may take, such as 500ms or 30s; else 10s' },
    grace: { value: 'TIME', summary: 'how long to wait before the first try; else not at all' },
    interval: { value: 'TIME', summary: 'how long to wait between two tries; else 2s' },
    allowIncomplete: { summary: 'run COMMAND even if some files of a set cannot be taken' },
    dryRun: { summary: 'show what would be taken and run, and do neither' },
    recover: { summary: 'put back what a guard that was killed had not, and do nothing else' },
    accept: { summary: 'let stand what the command of a guard that was killed did, and do nothing else' },
  },
  examples: [
    ['guard -- docker compose up -d', 'deploy, and put the files back if that fails'],
    [
      'guard --health-url http://localhost:8080/health --grace 5s -- ./deploy.sh',
      'and put them back if the service is not well afterwards',
    ],
    [
      'guard --set app --health-command "systemctl is-active app" -- make install',
      'one set, and a probe of your own',
    ],
    ['guard --recover', 'after a power cut in the middle'],
  ],
  async run({ args, flags }, context): Promise<Outcome> {
    const argv = args.command;
    if (flags.recover || flags.accept) {
      if (argv.length > 0 || flags.dryRun || (flags.recover && flags.accept)) throw tooMuch();
      const settled = await settle(flags.set, flags.recover ? 'undo' : 'keep', context);
      return { plans: [], command: [], settled };
    }
    if (flags.dryRun) {
      return await before(async () => {
        probingOf(flags);
        if (argv.length > 0) checkProgram(argv[0]!, context);
        const sets = await setsOf(flags.set, context);
        return { plans: await plansOf(sets, flags.allowIncomplete, context), command: argv };
      });
    }
    const held = holdSignals();
    try {
      const { prepared, probing } = await before(async () => {
        const probing = probingOf(flags);
        if (argv.length === 0) {
          throw new UsageError('no-command', 'there is no command to run', {
            hint: 'give it after --, such as: strongroom guard -- ./deploy.sh',
          });
        }
        checkProgram(argv[0]!, context);
        const sets = await setsOf(flags.set, context);
        return { prepared: await prepare(sets, argv[0]!, flags.allowIncomplete, context), probing };
      });
      const snapshots = prepared.snapshots.map(({ set, snapshot }) => ({ set, snapshot }));
      if (held.first !== undefined) {
        prepared.guard.release();
        throw new InterruptedError('interrupted', 'interrupted', { hint: 'the command was not run' });
      }
      const tries = await attempt(argv, prepared, probing, held, context);
      return { ran: { snapshots, tries }, plans: [], command: argv };
    } finally {
      held.release();
    }
  },
  human({ ran, plans, command, settled }, out) {
    if (settled?.settled === false && settled.open === 0) out.note('there was no guard to settle');
    if ((settled?.open ?? 0) > 0) {
      const left = out.count(settled!.open, 'guard is', 'guards are');
      out.note(
        `${left} still open: settle each with the configuration of its set, or all with \`--config none\``,
      );
    }
    for (const { set, paths } of plans) {
      for (const path of paths) out.line(path);
      out.note(`${set}: would take ${out.count(paths.length, 'entry', 'entries')}`);
    }
    if (plans.length > 0) out.note(`and run ${command.join(' ')}`);
    if (ran === undefined) return;
    const probed = ran.tries === 0 ? '' : `, and the probe was well at try ${ran.tries}`;
    out.note(`the command went well${probed}`);
  },
  json({ ran, plans, settled }, line) {
    for (const { set, paths, complete } of plans) line('plan', { set, entries: paths.length, complete });
    if (settled !== undefined) return { ...settled };
    if (ran === undefined) return { sets: plans.length, dry_run: true };
    return {
      sets: ran.snapshots.length,
      snapshots: ran.snapshots.map(({ snapshot }) => snapshot),
      exit_code: 0,
      probe_tries: ran.tries,
      rolled_back: false,
    };
  },
  exitCode: ({ settled }) => ((settled?.open ?? 0) > 0 ? STILL_OPEN : 0),
});

function tooMuch(): UsageError {
  return new UsageError('too-much', '--recover and --accept each stand alone', {
    hint: 'settle what is open first, then run the command',
  });
}

async function setsOf(set: string | undefined, context: Context): Promise<AskedSet[]> {
  return setsToBackUp([], { set, exclude: [] }, await context.settings(), context.cwd);
}

/** What fails before the command has run has an exit code that no command is likely to have. */
async function before<T>(act: () => Promise<T>): Promise<T> {
  try {
    return await act();
  } catch (error) {
    const isOurs = error instanceof StrongroomError && !(error instanceof GuardError);
    throw isOurs && !(error instanceof InterruptedError) ? beforeCommand(error) : error;
  }
}

interface Probing {
  readonly healthCommand: string | undefined;
  readonly healthUrl: string | undefined;
  readonly retries: string | undefined;
  readonly timeout: string | undefined;
  readonly grace: string | undefined;
  readonly interval: string | undefined;
}

/** Read here and not by the table: what is wrong with them ends a guard with its own exit code. */
function probingOf({ healthCommand, healthUrl, ...given }: Probing): ProbeOptions {
  if (healthUrl !== undefined) checkUrl(healthUrl);
  const time = (name: 'timeout' | 'grace' | 'interval', least: number): number => {
    const found = given[name] === undefined ? DEFAULTS[name] : parseDuration(given[name]);
    if (found !== undefined && found >= least) return found;
    throw badValue(name, 'a time such as 500ms, 30s or 2m');
  };
  const { retries = `${DEFAULTS.retries}` } = given;
  if (!/^\d{1,4}$/.test(retries)) throw badValue('retries', 'a number from 0 to 9999');
  return {
    command: healthCommand,
    url: healthUrl,
    retries: Number(retries),
    timeout: time('timeout', 1),
    grace: time('grace', 0),
    interval: time('interval', 0),
  };
}

function badValue(name: string, form: string): UsageError {
  return new UsageError('bad-value', `the value of --${name} is not ${form}`, {
    object: `--${name}`,
    hint: 'nothing was run; see `strongroom guard --help`',
  });
}
