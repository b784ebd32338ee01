// What somebody has changed by hand since it was installed: replaced or removed only when they say so.
import { ConflictError } from '../../errors.ts';
import type { Installed } from '../../host/schedule/ground.ts';
import type { Context } from '../context.ts';

/** Where settings of somebody's own are safe. */
const OWN: Readonly<Record<Installed['format'], string>> = {
  systemd: 'for settings of your own, `systemctl edit` makes a file that stays',
  cron: 'for a line of your own, put it outside of those marks',
  launchd: 'for settings of your own, make a job of your own',
};

/** @throws ConflictError `schedule-changed` */
export async function mayReplace({ mark, format, places }: Installed, { terminal }: Context): Promise<void> {
  const place = places.join(' and ');
  const question = `The schedule ${mark.name} (${place}) was changed by hand. Are those changes to go?`;
  if (terminal.interactive && (await terminal.confirmTyped(question))) return;
  throw new ConflictError(
    'schedule-changed',
    `the schedule ${mark.name} was changed by hand: it stays as it is`,
    {
      object: place,
      hint: `add --force to have those changes go; ${OWN[format]}`,
    },
  );
}
