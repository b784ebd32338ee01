// `strongroom schedule install`: has a command run by itself, by the scheduler of this machine.
import { mkdirSync } from 'node:fs';
import { ConflictError } from '../../errors.ts';
import { FORMATS, type Installed } from '../../host/schedule/ground.ts';
import type { Plan } from '../../host/schedule/plan.ts';
import { chooseScheduler } from '../../host/schedule/schedulers.ts';
import { type Mark, markOf } from '../../host/schedule/seal.ts';
import { defineCommand } from '../command.ts';
import { warnOfDoubt } from './doubt.ts';
import { planFlags } from './flags.ts';
import { mayReplace } from './mine.ts';
import { groundOf, ownScope, planOf } from './plan.ts';
import { limitsOf, scopeFlags, scopeOf } from './scope.ts';

export const command = defineCommand({
  description: [
    'Has a backup, or --command, run by itself: by a timer of systemd, by cron, or by launchd, as the system for root and as this user otherwise. It runs this very program with this configuration, says nothing unless something is wrong, and is not run twice at once. Installing again changes what is different, and nothing else.',
    'What is written holds no secret. Files with secrets that variables name, such as STRONGROOM_SIGNING_KEY_FILE, are handed to a service of the system as its credentials. What a service need not do, it may not: a backup can read all files, and write nowhere but to a local vault and its own state.',
  ],
  needs: 'root for the system; nothing of the vault',
  args: {},
  flags: {
    ...planFlags,
    format: { value: 'FORMAT', choices: FORMATS, summary: 'which scheduler, else the first that is here' },
    ...scopeFlags,
    force: { summary: 'also replace what somebody has changed by hand' },
    dryRun: { summary: 'show what would be written, and write nothing' },
  },
  examples: [
    ['schedule install --every 6h --jitter 15m', 'every set, four times a day'],
    ['schedule install --every 02:30 --set app --health', 'and see each time whether all is well'],
    ['schedule install --every weekly --command prune', 'apply the retention'],
    ['schedule install --every daily --format cron --dry-run', 'see the line for cron'],
  ],
  async run({ flags }, context) {
    const scope = scopeOf(flags, ownScope());
    const plan = await planOf(flags, scope, context);
    const ground = groundOf(context);
    const scheduler = chooseScheduler(ground, scope, flags.format);
    const changes = scheduler.changes(plan);
    const before = scheduler.installed(scope).find(({ mark }) => mark.name === plan.name);
    if (before) checkSame(before, plan);
    const limits = limitsOf(plan, scheduler.format);
    if (flags.dryRun) return { plan, format: scheduler.format, changes, changed: false, isDry: true };
    if (before?.isChanged && !flags.force) await mayReplace(before, context);
    // The service cannot make them: all else is closed to it.
    for (const directory of [plan.needs.state, plan.needs.cache])
      mkdirSync(directory, { recursive: true, mode: 0o700 });
    const changed = scheduler.install(plan);
    if (changed) for (const limit of limits) context.notice(limit);
    warnOfDoubt(scheduler, context);
    return { plan, format: scheduler.format, changes, changed, isDry: false };
  },
  human({ plan, format, changes, changed, isDry }, out) {
    if (isDry) {
      for (const { path, text, isThere } of changes) {
        out.line(`# ${path}${isThere ? ' (stands there already)' : ''}`);
        out.raw(text);
      }
      return;
    }
    const what = `${plan.title} every ${plan.everyText}, by ${format} (${plan.name})`;
    out.note(changed ? out.styled('green', 'scheduled: ') : 'nothing to change: ', what);
  },
  json({ plan, format, changes, changed, isDry }) {
    return {
      name: plan.name,
      every: plan.everyText,
      format,
      scope: plan.scope,
      changed,
      dry_run: isDry,
      files: changes.map(({ path, text, isThere }) => ({
        path,
        text: isDry ? text : undefined,
        there: isThere,
      })),
    };
  },
});

/**
 * Two deployments on one machine may both have a set app, and a name that was given may be taken: what is done now must
 * not end unheard. One that nobody can read any more was changed by hand, which is asked about.
 * @throws ConflictError `schedule-exists`
 */
function checkSame({ mark }: Installed, plan: Plan): void {
  if (mark.runs.length === 0 || workOf(mark) === workOf(markOf(plan))) return;
  throw new ConflictError(
    'schedule-exists',
    `there is a schedule ${plan.name} already, which does something else`,
    {
      object: mark.runs.join(', '),
      hint: `give this one another name: --name ${plan.name}-2, or remove that one: strongroom schedule remove ${plan.name}`,
    },
  );
}

/** What is done to what, without how often and what follows: all that the next version may say otherwise. */
function workOf({ runs: [first = ''], config }: Mark): string {
  const [command] = first.split(' ');
  const [, set] = / --set (\S+)/.exec(first) ?? [];
  const [, location] = / --location (.+?)(?= --|$)/.exec(first) ?? [];
  return JSON.stringify([command, set, location, config]);
}
