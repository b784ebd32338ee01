// The replicas of the configuration, as backups write to them.
import { StrongroomError } from '../../errors.ts';
import type { Store } from '../../store/store.ts';
import type { BackupProblem } from '../../vault/backup/plan.ts';
import type { Replica } from '../../vault/locations/everywhere.ts';
import type { Expected } from '../../vault/locations/replica.ts';
import type { Pin } from '../../vault/pin.ts';
import { effectivePin, openPinned, type VaultContext } from '../../vault/vault.ts';
import type { Context, ReplicaConfig } from '../context.ts';
import { openPlace } from '../copy/place.ts';
import { replicasOf } from '../copy/replicas.ts';
import { configuredPin } from '../open.ts';

interface Opened {
  readonly store: Store;
  readonly replicas: readonly Replica[];
}

/** Of a run, whatever the number of sets: one that is away, or slow, is not waited for again. */
const opened = new WeakMap<Context, Promise<Opened>>();

/** @returns the vault as backups write to it, and what to say of its replicas once they have */
export async function withReplicas(
  context: Context,
  base: VaultContext,
): Promise<{ readonly vault: VaultContext; problems(set: string): BackupProblem[] }> {
  const configured = await replicasOf(context);
  if (configured.length === 0) return { vault: base, problems: () => [] };
  const opening = opened.get(context) ?? open(context, base, configured);
  opened.set(context, opening);
  const { store, replicas } = await opening;
  return {
    vault: { ...base, store },
    problems: (set) => replicas.flatMap((replica) => problemOf(replica, set)),
  };
}

async function open(
  context: Context,
  base: VaultContext,
  configured: readonly ReplicaConfig[],
): Promise<Opened> {
  const pin = await effectivePin(base, await configuredPin(context));
  const [{ everywhere }, { checkReplica, refuseSame }] = await Promise.all([
    import('../../vault/locations/everywhere.ts'),
    import('../../vault/locations/replica.ts'),
  ]);
  const replicas = await Promise.all(
    configured.map(async ({ location, patience }): Promise<Replica> => {
      const more = patience === undefined ? {} : { patience };
      try {
        return { location, store: await openPlace(context, location), failure: undefined, ...more };
      } catch (error) {
        if (!(error instanceof StrongroomError)) throw error;
        return { location, store: base.store, failure: error };
      }
    }),
  );
  refuseSame(base.store, replicas);
  if (pin) {
    const expected = await expectedOf(context, base, pin);
    const looked = replicas.filter(({ failure }) => failure === undefined);
    await Promise.all(looked.map((replica) => checkReplica(base, replica, expected)));
  }
  return { store: everywhere(base.store, replicas), replicas };
}

/** The vault itself is not asked over a network: a backup need not be able to read there. */
async function expectedOf(context: Context, base: VaultContext, pin: Pin): Promise<Expected> {
  const { generation, revision } = await base.memory.vault(pin.vault);
  const document = base.store.remote ? undefined : await newestOf(base, pin);
  const host = (await (await context.world()).signingKey(false))?.publicKey;
  const known = document ?? (generation > 0 ? { generation, revision } : undefined);
  return { pin, ...(known ? { known } : {}), ...(host === undefined ? {} : { host }) };
}

/** What is wrong with it is for the backup itself to say. */
async function newestOf(base: VaultContext, pin: Pin): Promise<Expected['known']> {
  try {
    return (await openPinned(base, { pin, trustOlder: true }))?.document;
  } catch (error) {
    if (error instanceof StrongroomError) return undefined;
    throw error;
  }
}

function problemOf({ location, failure, behind }: Replica, set: string): BackupProblem[] {
  const problem = failure ?? behind;
  if (!problem) return [];
  const reason = failure
    ? `the backup of ${set} is not at ${location}: ${failure.message}`
    : `the backup of ${set} may not open at ${location}: ${problem.message}`;
  const copy = `run \`strongroom copy --to ${location}\` when it is back`;
  const kind = failure ? 'replica' : 'replica-behind';
  return [{ kind, path: location, reason, incomplete: false, hint: problem.hint ?? copy }];
}
