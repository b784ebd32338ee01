// The replicas of the configuration, as backups write to them.
import { StrongroomError } from '../../errors.ts';
import type { BackupProblem } from '../../vault/backup/plan.ts';
import type { Replica } from '../../vault/locations/everywhere.ts';
import { effectivePin, type VaultContext } from '../../vault/vault.ts';
import type { Context } from '../context.ts';
import { openPlace } from '../copy/place.ts';
import { replicasOf } from '../copy/replicas.ts';
import { configuredPin } from '../open.ts';

/** Of a run, whatever the number of sets: one that is away is not waited for again. */
const opened = new WeakMap<Context, Promise<readonly Replica[]>>();

/** @returns the vault as backups write to it, and what to say of its replicas once they have */
export async function withReplicas(
  context: Context,
  base: VaultContext,
): Promise<{ readonly vault: VaultContext; problems(set: string): BackupProblem[] }> {
  const locations = await replicasOf(context);
  if (locations.length === 0) return { vault: base, problems: () => [] };
  const looking = opened.get(context) ?? look(context, base, locations);
  opened.set(context, looking);
  const replicas = await looking;
  const { everywhere } = await import('../../vault/locations/everywhere.ts');
  return {
    vault: { ...base, store: everywhere(base.store, replicas) },
    problems: (set) => replicas.flatMap((replica) => problemOf(replica, set)),
  };
}

async function look(
  context: Context,
  base: VaultContext,
  locations: readonly string[],
): Promise<readonly Replica[]> {
  const pin = await effectivePin(base, await configuredPin(context));
  const { checkReplica } = await import('../../vault/locations/replica.ts');
  const found = await Promise.all(
    locations.map(async (location): Promise<Replica> => {
      try {
        const replica: Replica = { location, store: await openPlace(context, location), failure: undefined };
        if (pin) await checkReplica(base, replica, pin.vault);
        return replica;
      } catch (error) {
        if (!(error instanceof StrongroomError)) throw error;
        return { location, store: base.store, failure: error };
      }
    }),
  );
  return found;
}

function problemOf({ location, failure }: Replica, set: string): BackupProblem[] {
  if (!failure) return [];
  const reason = `the backup of ${set} is not at ${location}: ${failure.message}`;
  const copy = `run \`strongroom copy --to ${location}\` when it is back`;
  return [{ kind: 'replica', path: location, reason, incomplete: false, hint: failure.hint ?? copy }];
}
