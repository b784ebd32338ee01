// `strongroom schedule remove`: ends schedules and removes what `install` wrote, and nothing else.
import { NotFoundError, StrongroomError } from '../../errors.ts';
import { everyInstalled } from '../../host/schedule/schedulers.ts';
import { defineCommand } from '../command.ts';
import { mayReplace } from './mine.ts';
import { groundOf } from './plan.ts';

export const command = defineCommand({
  description: [
    'Ends the schedules that are named, or all of this machine, after a question. Only what carries our mark is removed: other lines of a crontab, other units and settings made with `systemctl edit` stay.',
  ],
  needs: 'root for those of the system',
  args: { names: { value: 'NAME', repeat: true, optional: true, summary: 'which, else all' } },
  flags: {
    force: { summary: 'also what somebody has changed by hand' },
    dryRun: { summary: 'say what would be removed, and remove nothing' },
  },
  examples: [
    ['schedule remove backup-app', 'one schedule'],
    ['schedule remove --yes', 'all of them, without a question'],
  ],
  async run({ args, flags }, context) {
    const all = everyInstalled(groundOf(context));
    const unknown = args.names.find((name) => !all.some(({ mark }) => mark.name === name));
    if (unknown !== undefined) {
      throw new NotFoundError('no-schedule', `there is no schedule ${unknown} here`, {
        object: unknown,
        hint: 'see which there are with `strongroom schedule show`',
      });
    }
    const found = args.names.length === 0 ? all : all.filter(({ mark }) => args.names.includes(mark.name));
    if (flags.dryRun || found.length === 0) return { found, isDry: flags.dryRun };
    const names = found.map(({ mark }) => mark.name).join(', ');
    if (
      !(await context.terminal.confirm(
        `Remove the ${found.length === 1 ? 'schedule' : 'schedules'} ${names}?`,
      ))
    ) {
      throw new StrongroomError('not-confirmed', 'nothing was removed', { hint: 'answer yes, or add --yes' });
    }
    // All are looked at before one is touched.
    for (const one of found) if (one.isChanged && !flags.force) await mayReplace(one, context);
    for (const one of found) one.scheduler.remove(one);
    return { found, isDry: false };
  },
  human({ found, isDry }, out) {
    if (found.length === 0) out.note('Nothing is scheduled here.');
    for (const { mark, places } of found) {
      const what = `${mark.name} (${places.join(', ')})`;
      if (isDry) out.line(`would remove ${what}`);
      else out.note(`removed ${what}`);
    }
  },
  json({ found, isDry }) {
    return { removed: found.map(({ mark }) => mark.name), dry_run: isDry };
  },
});
