// The replicas of the configuration.
import type { Context } from '../context.ts';

/** Those of the vault that is meant: another place that was asked for may hold another vault, which has none. */
export async function replicasOf(context: Context): Promise<readonly string[]> {
  const { config, location } = await context.settings();
  return config?.location !== undefined && config.location === location ? config.replicas : [];
}
