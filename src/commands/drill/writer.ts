// Whether this machine is one that backs up: a key that opens the vault has no business there.
import { UsageError } from '../../errors.ts';
import { inScope } from '../../vault/names.ts';
import type { Vault } from '../../vault/vault.ts';
import type { Context } from '../context.ts';

/**
 * @param sets those that would be restored
 * @throws UsageError `drill-on-writer`
 */
export async function refuseWriter(
  { document }: Pick<Vault, 'document'>,
  sets: readonly string[],
  context: Context,
): Promise<void> {
  const key = await (await context.world()).signingKey(false);
  const host = document.hosts.find((h) => h.key === key?.publicKey && h.removed === undefined);
  if (!host?.may.includes('write')) return;
  const written = sets.filter((set) => inScope(set, host.sets));
  if (written.length === 0) return;
  throw new UsageError(
    'drill-on-writer',
    `this machine, ${host.name}, backs up ${written.join(', ')} itself`,
    {
      object: host.name,
      hint: 'run the drill where a recovery would begin: a machine that does not back up, with a key that opens the vault; or say --even-here',
    },
  );
}
