// What this machine's configuration brings to a drill: its streams, its commands, what was promised.
import { runBriefly } from '../../host/run.ts';
import type { DrillSet } from '../../vault/drill/drill.ts';
import type { Context } from '../context.ts';

/** By the name of the set; empty without a configuration: then files are restored, and dumps are not loaded. */
export async function drillSets(context: Context): Promise<Map<string, DrillSet>> {
  const { config } = await context.settings();
  const world = await context.world();
  const { env, umask, signal } = context;
  const sets = new Map<string, DrillSet>();
  for (const [name, { root, objectives, drill, streams }] of config?.sets ?? []) {
    sets.set(name, {
      root,
      objectives,
      settings: drill,
      streams,
      open: (stream) => world.stream({ ...stream, takes: [] }, root),
      run: (argv, { cwd, env: added }, timeoutMs) =>
        runBriefly(argv, { cwd, env: { ...env, ...added }, umask }, timeoutMs, signal),
    });
  }
  return sets;
}
