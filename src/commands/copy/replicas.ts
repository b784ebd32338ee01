// The replicas of the configuration.
import type { Context, ReplicaConfig } from '../context.ts';

/** Those of the vault that is meant: another place that was asked for may hold another vault, which has none. */
export async function replicasOf(context: Context): Promise<readonly ReplicaConfig[]> {
  const { config, location } = await context.settings();
  return config?.location !== undefined && config.location === location ? config.replicas : [];
}

/** Keys and hosts are changed at the vault's own place: until a copy comes, a replica opens and counts as before. */
export async function remindOfReplicas(context: Context): Promise<void> {
  for (const { location } of await replicasOf(context))
    context.warn('replica-behind', `the replica at ${location} does not know of this yet`, {
      object: location,
      hint: 'run `strongroom copy`: until then it opens as before, and what is under a new key does not open there',
    });
}
