// `strongroom schedule run`: keeps the times by itself, in the foreground.
import { spawn } from 'node:child_process';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { StrongroomError, UsageError } from '../../errors.ts';
import { keepTimes } from '../../host/schedule/keep-times.ts';
import { argvOf, type Plan } from '../../host/schedule/plan.ts';
import { lateBy } from '../../host/schedule/spread.ts';
import { readState, writeState } from '../../host/state-file.ts';
import { defineCommand } from '../command.ts';
import type { Context } from '../context.ts';
import { planFlags } from './flags.ts';
import { ownScope, planOf } from './plan.ts';

export const command = defineCommand({
  description: [
    'Runs a backup, or --command, at its times until it is told to end: for a container beside the one that is backed up, where there is no other scheduler. One run at a time, each a process of its own that reads strongroom.yaml anew, and a line for each.',
    'When the last run is remembered in the state directory, one that was missed is caught up at the start. SIGTERM ends it after the run that is under way; a second one at once.',
  ],
  needs: 'what the command needs; secrets by file',
  args: {},
  flags: {
    ...planFlags,
    atStart: { summary: 'run once at the start, too' },
  },
  examples: [
    ['schedule run --every 6h', 'in a container'],
    ['schedule run --every 02:30 --health --at-start', 'once at the start, then at half past two'],
  ],
  async run({ flags }, context) {
    await refuseValues(context);
    const plan = await planOf(flags, ownScope(), context);
    const file = join(context.paths.state, 'schedules', `${plan.name}.json`);
    let [runs, failed] = [0, 0];
    const { signal } = context;
    const late = plan.jitter === 0 ? 0 : lateBy(`${plan.host}/${plan.name}`, plan.jitter);
    const times = { every: plan.every, late, last: await lastOf(file, context), atStart: flags.atStart };
    let shown = 0;
    await keepTimes(times, {
      now: () => context.now(),
      sleep: (ms) => sleep(ms, undefined, { signal }).catch(() => {}),
      isEnding: () => signal.aborted,
      waits(until) {
        if (until.getTime() === shown) return;
        shown = until.getTime();
        if (!context.options.quiet)
          context.emit({
            type: 'waiting',
            fields: { until: until.toISOString() },
            human: [`next: ${until.toISOString()}`],
          });
      },
      async run(due) {
        const began = context.now();
        await remember(file, began, context);
        const { code, seconds } = await runAll(plan, context);
        runs++;
        if (code !== 0) failed++;
        const fields = {
          schedule: plan.name,
          began: began.toISOString(),
          due: due?.toISOString(),
          code,
          seconds,
        };
        const how = code === 0 ? 'done' : `failed (exit ${code})`;
        if (code !== 0 || !context.options.quiet)
          context.emit({
            type: 'run',
            fields,
            human: [`${began.toISOString()} ${plan.title}: ${how}, ${seconds} s`],
          });
      },
    });
    return { plan, runs, failed };
  },
  human({ runs, failed }, out) {
    out.note(`ended after ${out.count(runs, 'run')}${failed > 0 ? `, of which ${failed} failed` : ''}`);
  },
  json: ({ plan, runs, failed }) => ({ schedule: plan.name, runs, failed }),
});

/** Each in turn, while they end well. */
async function runAll(plan: Plan, context: Context): Promise<{ code: number; seconds: number }> {
  const began = performance.now();
  let code = 0;
  for (const run of plan.runs) {
    code = await runOne(argvOf(plan, run), context);
    if (code !== 0) break;
  }
  return { code, seconds: Math.round((performance.now() - began) / 100) / 10 };
}

/** In a process group of its own: Ctrl-C and the like are for us, who wait for it. What it says goes to our stderr. */
function runOne([program = '', ...args]: readonly string[], { env, cwd }: Context): Promise<number> {
  return new Promise((resolve) => {
    const child = spawn(program, args, { cwd, env: { ...env }, detached: true, stdio: ['ignore', 2, 2] });
    const end = (): void => {
      child.kill('SIGTERM');
    };
    // The second signal ends this process at once.
    process.once('exit', end);
    const done = (code: number): void => {
      process.off('exit', end);
      resolve(code);
    };
    child.once('error', () => done(127));
    child.once('exit', (code) => done(code ?? 1));
  });
}

/** @throws UsageError `secret-by-value`: no child is handed a secret in its environment */
async function refuseValues({ secrets }: Context): Promise<void> {
  const key = await secrets.signingKey();
  if (key === undefined || key.path !== undefined) return;
  throw new UsageError(
    'secret-by-value',
    'the signing key stands in a variable, and would not reach the runs',
    {
      object: key.source,
      hint: 'put it into a file, 0600, and set STRONGROOM_SIGNING_KEY_FILE',
    },
  );
}

/** A full disk is no reason to go without a backup. */
async function remember(file: string, began: Date, context: Context): Promise<void> {
  try {
    await writeState(file, `${JSON.stringify({ last: began.toISOString() })}\n`);
  } catch (error) {
    warnOfState(error, context);
  }
}

async function lastOf(file: string, context: Context): Promise<Date | undefined> {
  try {
    const { last } = JSON.parse((await readState(file)) ?? '{}') as { last?: unknown };
    const time = new Date(typeof last === 'string' ? last : Number.NaN);
    return Number.isNaN(time.getTime()) ? undefined : time;
  } catch (error) {
    if (!(error instanceof SyntaxError)) warnOfState(error, context);
    return undefined;
  }
}

function warnOfState(error: unknown, context: Context): void {
  if (!(error instanceof StrongroomError)) throw error;
  const { message, hint, object } = error;
  context.warn('not-remembered', `what was missed will not be caught up: ${message}`, {
    ...(hint === undefined ? {} : { hint }),
    ...(object === undefined ? {} : { object }),
  });
}
