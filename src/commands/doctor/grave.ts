// What `init` says at once of a bucket: only what would let a vault be lost, and only where it is known.
import { graveFindings } from '../../vault/doctor/bucket-checks.ts';
import { type Context, locationOf } from '../context.ts';

/** Warns of a bucket that is set up wrongly; of a directory it says nothing. */
export async function warnOfBucket(context: Context): Promise<void> {
  const settings = await context.settings();
  const world = await context.world();
  if (settings.location === undefined) return;
  const port = await world.bucket(locationOf(settings), settings);
  if (port === undefined) return;
  const { sse, objectLock: lock } = settings.config?.s3 ?? {};
  for (const { id, message, fix } of await graveFindings({ port, sse, lock })) {
    const hint = `${fix}; then see \`strongroom doctor\``;
    context.warn(id, message, { object: port.bucket, hint });
  }
}
