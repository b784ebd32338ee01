// What a scheduled drill would fail of, said when it is scheduled: it would else be heard of at night.
import { StrongroomError } from '../../errors.ts';
import type { Credential } from '../../host/schedule/plan.ts';
import type { Context, Settings } from '../context.ts';

/** @param credentials what the plan hands on */
export async function warnOfDrill(
  context: Context,
  { config }: Settings,
  credentials: readonly Credential[],
): Promise<void> {
  if (await hasSigningKey(context)) {
    context.warn(
      'drill-on-writer',
      'this machine has a signing key: a drill refuses what it backs up itself',
      {
        hint: 'schedule drills on a machine that holds a key of the vault and makes no backup',
      },
    );
  }
  if (credentials.length > 0 || (config?.kms.length ?? 0) > 0) return;
  context.warn('no-way-in', 'nothing opens the vault when the drill runs', {
    hint: 'set STRONGROOM_PASSPHRASE_FILE or STRONGROOM_IDENTITY_FILE here, and install it again; an AWS KMS key of the vault needs nothing but its rights',
  });
}

/** One that a variable names may be on the machine that the schedule is for, and not here. */
async function hasSigningKey(context: Context): Promise<boolean> {
  try {
    return (await (await context.world()).signingKey(false)) !== undefined;
  } catch (error) {
    if (!(error instanceof StrongroomError)) throw error;
    return true;
  }
}
