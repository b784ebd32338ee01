// Backs up one set: what was asked for, as the vault's code takes it.
import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { withSetLock } from '../../host/set-lock.ts';
import { type BackupResult, backup } from '../../vault/backup/backup.ts';
import { type Context, locationOf } from '../context.ts';
import { credentialFiles } from '../credential-files.ts';
import { endKilledGuardsQuietly } from '../guard/earlier.ts';
import { configuredPin, thisHost, vaultContext } from '../open.ts';
import { withReplicas } from './replicas.ts';
import type { AskedSet } from './sets.ts';

/** What skipping may not pass when the set names no objective. */
const DAY_MS = 24 * 60 * 60 * 1000;

export interface BackupFlags {
  readonly label: string | undefined;
  readonly description: string | undefined;
  readonly tag: readonly (readonly [string, string])[];
  readonly skipUnchanged: boolean;
}

/** @throws as `backup`, and as `recoverPlacement` */
export async function backUp(asked: AskedSet, flags: BackupFlags, context: Context): Promise<BackupResult> {
  await endKilledRestore(asked.sources.root, context);
  await endKilledGuardsQuietly([asked.sources.root], context);
  const pin = await configuredPin(context);
  const { env } = context;
  const world = await context.world();
  const { vault, problems } = await withReplicas(context, await vaultContext(context));
  // Two runs of one set at once, a timer and a person, say: the second one says so.
  const place = locationOf(await context.settings());
  const result = await withSetLock(context.paths.state, asked.set, place, async () =>
    backup(vault, {
      set: asked.set,
      sources: asked.sources,
      streams: await Promise.all(asked.streams.map((stream) => world.stream(stream, asked.sources.root))),
      ...(asked.compress === 'none' ? { level: 0 } : {}),
      env,
      host: await thisHost(context),
      scope: [...((await context.settings()).config?.sets.keys() ?? [])],
      ...(pin ? { pin } : {}),
      ...(flags.label === undefined ? {} : { label: flags.label }),
      ...(flags.description === undefined ? {} : { description: flags.description }),
      ...(flags.tag.length > 0 ? { tags: Object.fromEntries(flags.tag) } : {}),
      ...(asked.restore ? { restore: asked.restore } : {}),
      ...(flags.skipUnchanged ? { skipUnchangedWithin: asked.rpo ?? DAY_MS } : {}),
      credentialPaths: await credentialFiles(context),
      onProgress: ({ files: done, bytes }) =>
        context.progress.update({
          phase: `backing up ${asked.set}, ${done} files`,
          done: bytes,
          unit: 'bytes',
        }),
      onStream: ({ stream, bytes }) =>
        context.progress.update({ phase: `backing up ${asked.set}, ${stream}`, done: bytes, unit: 'bytes' }),
    }),
  );
  return { ...result, problems: [...result.problems, ...problems(asked.set)] };
}

/** A restore into the root that was killed has left it half old and half new: no state to keep. */
async function endKilledRestore(root: string, context: Context): Promise<void> {
  const stateDirectory = context.paths.state;
  if (!hasJournals(stateDirectory)) return;
  const { recoverPlacement } = await import('../../vault/restore/apply.ts');
  const how = await recoverPlacement(root, {
    stateDirectory,
    onWarning: (message) => context.warn('recovery', message, { object: root }),
  });
  if (how !== 'nothing') context.notice(`a restore into ${root} that was interrupted has been ${how}`);
}

/** Cheap, since every backup asks: nearly always there is no journal, and nothing to load. */
function hasJournals(stateDirectory: string): boolean {
  try {
    return readdirSync(join(stateDirectory, 'restores')).length > 0;
  } catch {
    return false;
  }
}
