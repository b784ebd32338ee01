// `strongroom schedule show`: what was scheduled on this machine with `strongroom schedule install`.
import { type Every, nextAfter, parseEvery } from '../../host/schedule/every.ts';
import type { Installed } from '../../host/schedule/ground.ts';
import { everyInstalled } from '../../host/schedule/schedulers.ts';
import { defineCommand } from '../command.ts';
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
    return {
      found: everyInstalled(groundOf(context)).map((one) => ({ ...one, next: nextOf(one, context.now()) })),
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
      found.map(({ mark, format, scope, isChanged, next }) => [
        mark.name,
        format,
        scope,
        mark.every,
        next ? out.time(next) : '',
        mark.runs.join(', '),
        isChanged ? out.styled('yellow', 'changed by hand') : '',
      ]),
    );
  },
  json({ found }, line) {
    for (const { mark, format, scope, isChanged, places, next } of found) {
      line('schedule', {
        name: mark.name,
        format,
        scope,
        every: mark.every,
        jitter_minutes: mark.jitter,
        runs: [...mark.runs],
        config: mark.config,
        changed_by_hand: isChanged,
        places: [...places],
        next: next?.toISOString(),
      });
    }
    return { schedules: found.length };
  },
});

/** Unknown for an interval, which only its scheduler counts, and for what was changed by hand. */
function nextOf({ mark, isChanged }: Installed, now: Date): Date | undefined {
  let every: Every;
  try {
    every = parseEvery(mark.every);
  } catch {
    return undefined;
  }
  return every.kind === 'interval' || isChanged ? undefined : nextAfter(every, now);
}
