// A line that nobody reads looks like a schedule: where no daemon runs it, that is said.
import type { Scheduler } from '../../host/schedule/ground.ts';
import type { Context } from '../context.ts';

export function warnOfDoubt({ format, doubt }: Pick<Scheduler, 'format' | 'doubt'>, context: Context): void {
  const why = doubt?.();
  if (why === undefined) return;
  context.warn('never-run', `${why}: what is scheduled with ${format} will not run`, {
    object: format,
    hint: 'start it and have it started at boot; in a container, let `strongroom schedule run` keep the times',
    severity: 'error',
  });
}
