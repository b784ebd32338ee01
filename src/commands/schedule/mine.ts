// What somebody has changed by hand since it was installed: replaced or removed only when they say so.
import { ConflictError } from '../../errors.ts';
import type { Installed } from '../../host/schedule/ground.ts';
import type { Context } from '../context.ts';

/** @throws ConflictError `schedule-changed` */
export async function mayReplace({ mark, places }: Installed, { terminal }: Context): Promise<void> {
  const place = places.join(' and ');
  const question = `The schedule ${mark.name} (${place}) was changed by hand. Are those changes to go?`;
  if (terminal.interactive && (await terminal.confirmTyped(question))) return;
  throw new ConflictError(
    'schedule-changed',
    `the schedule ${mark.name} was changed by hand: it stays as it is`,
    {
      object: place,
      hint: 'add --force to have those changes go; for settings of your own, `systemctl edit` makes a file that stays',
    },
  );
}
