// Backs up one set: what was asked for, as the vault's code takes it.
import { readdirSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { newKeyPath } from '../../host/new-key.ts';
import { type BackupResult, backup } from '../../vault/backup/backup.ts';
import type { Context } from '../context.ts';
import { configuredPin, thisHost, vaultContext } from '../open.ts';
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
  const pin = await configuredPin(context);
  const { env } = context;
  const files = [
    env.STRONGROOM_PASSPHRASE_FILE,
    env.STRONGROOM_NEW_PASSPHRASE_FILE,
    env.STRONGROOM_SSH_PASSPHRASE_FILE,
    env.STRONGROOM_SIGNING_KEY_FILE,
  ];
  const identities = (env.STRONGROOM_IDENTITY_FILE ?? '').split(':');
  const world = await context.world();
  return await backup(await vaultContext(context), {
    set: asked.set,
    sources: asked.sources,
    host: await thisHost(context),
    scope: [...((await context.settings()).config?.sets.keys() ?? [])],
    ...(pin ? { pin } : {}),
    ...(flags.label === undefined ? {} : { label: flags.label }),
    ...(flags.description === undefined ? {} : { description: flags.description }),
    ...(flags.tag.length > 0 ? { tags: Object.fromEntries(flags.tag) } : {}),
    ...(asked.restore ? { restore: asked.restore } : {}),
    ...(flags.skipUnchanged ? { skipUnchangedWithin: asked.rpo ?? DAY_MS } : {}),
    credentialPaths: [
      ...files,
      ...identities,
      world.signingKeyPath,
      newKeyPath(world.signingKeyPath),
    ].flatMap((f) => (f ? [resolve(context.cwd, f)] : [])),
    onProgress: ({ files: done, bytes }) =>
      context.progress.update({
        phase: `backing up ${asked.set}, ${done} files`,
        done: bytes,
        unit: 'bytes',
      }),
  });
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
