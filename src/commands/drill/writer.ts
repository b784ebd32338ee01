// Whether this machine is one that backs up: a key that opens the vault has no business there.
import { UsageError } from '../../errors.ts';
import { inScope } from '../../vault/names.ts';
import type { Context } from '../context.ts';
import { openLocked } from '../open.ts';

/**
 * Asks before anything is asked for that opens the vault.
 * @param set the one that is restored; undefined for all
 * @throws UsageError `drill-on-writer`, and as `openLocked`
 */
export async function refuseWriter(
  set: string | undefined,
  flags: { readonly trustNew: boolean },
  context: Context,
): Promise<void> {
  const key = await (await context.world()).signingKey(false);
  if (!key) return;
  const { document } = await openLocked(context, flags);
  const host = document.hosts.find((h) => h.key === key.publicKey && h.removed === undefined);
  if (!host?.may.includes('write') || (set !== undefined && !inScope(set, host.sets))) return;
  const what = set ?? 'sets of this vault';
  throw new UsageError('drill-on-writer', `this machine, ${host.name}, backs up ${what} itself`, {
    object: host.name,
    hint: 'run the drill where a recovery would begin: a machine that does not back up, with a key that opens the vault; or say --even-here',
  });
}
