// `strongroom schedule show`: what was scheduled on this machine with `strongroom schedule install`.
import { type Every, nextAfter, parseEvery } from '../../host/schedule/every.ts';
import type { Installed } from '../../host/schedule/ground.ts';
import { everyInstalled } from '../../host/schedule/schedulers.ts';
import { defineCommand } from '../command.ts';
import { warnOfDoubt } from './doubt.ts';
import { groundOf } from './plan.ts';

export const command = defineCommand({
  description: [
    'Lists the schedules that were installed on this machine, of the system and of this user, and says which of them somebody has changed by hand. The next time is by the clock; a jitter makes it later.',
  ],
  needs: 'nothing',
  args: {},
  flags: {},
  examples: [['schedule show', 'every schedule of this machine']],
  run(_, context) {
    const all = everyInstalled(groundOf(context));
    for (const scheduler of new Map(all.map((one) => [one.format, one.scheduler])).values())
      warnOfDoubt(scheduler, context);
    return {
      found: all.map((one) => ({ ...one, next: nextOf(one, context.now()) })),
    };
  },
  human({ found }, out) {
    if (found.length === 0) {
      out.note('Nothing is scheduled here: see `strongroom schedule install`.');
      return;
    }
    const columns = ['name', 'by', 'for', 'every', 'next', 'runs', ''].map((head) => ({ head }));
    out.table(
      columns,
      found.map(({ mark, format, scope, isChanged, isWhole, next }) => [
        mark.name,
        format,
        scope,
        mark.every,
        next ? out.time(next) : '',
        mark.runs.join(', '),
        !isWhole
          ? out.styled('red', 'does not run: install it again')
          : isChanged
            ? out.styled('yellow', 'changed by hand')
            : '',
      ]),
    );
  },
  json({ found }, line) {
    for (const { mark, format, scope, isChanged, isWhole, places, next } of found) {
      line('schedule', {
        name: mark.name,
        format,
        scope,
        every: mark.every,
        jitter_minutes: mark.jitter,
        runs: [...mark.runs],
        config: mark.config,
        changed_by_hand: isChanged,
        whole: isWhole,
        places: [...places],
        next: next?.toISOString(),
      });
    }
    return { schedules: found.length };
  },
});

/** Unknown for an interval, which only its scheduler counts, and for what was changed by hand. */
function nextOf({ mark, isChanged, isWhole }: Installed, now: Date): Date | undefined {
  let every: Every;
  try {
    every = parseEvery(mark.every);
  } catch {
    return undefined;
  }
  return every.kind === 'interval' || isChanged || !isWhole ? undefined : nextAfter(every, now);
}
