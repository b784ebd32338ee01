// Whether a place may take a vault's backups.
import { IntegrityError, NotFoundError, StoreError, StrongroomError } from '../../errors.ts';
import type { Pin } from '../pin.ts';
import { readCandidates } from '../trust.ts';
import type { VaultContext } from '../vault.ts';
import type { Replica } from './everywhere.ts';

/**
 * Looks for the vault at a replica: a disk that is not mounted, or a slip in a name, is an empty place. One that may not be
 * looked at is taken as it is.
 * @param replica gets a `failure`: `no-copy`, `foreign-vault`, or what the place says
 */
export async function checkReplica(
  context: Pick<VaultContext, 'signal'>,
  replica: Replica,
  vault: Pin['vault'],
): Promise<void> {
  const { store, location } = replica;
  try {
    const { candidates } = await readCandidates(store, context.signal ? { signal: context.signal } : {});
    if (candidates.some((c) => c.document.vault === vault)) return;
    replica.failure = candidates.length === 0 ? noCopy(location) : foreign(location);
  } catch (error) {
    if (!(error instanceof StrongroomError)) throw error;
    if (!(error instanceof StoreError && error.code === 'store-denied')) replica.failure = error;
  }
}

function noCopy(location: string): NotFoundError {
  return new NotFoundError('no-copy', `the replica at ${location} holds no vault`, {
    object: location,
    hint: `check that its disk is there; a new one needs \`strongroom copy --to ${location}\` first, on a machine that may read the vault`,
  });
}

function foreign(location: string): IntegrityError {
  return new IntegrityError('foreign-vault', `the replica at ${location} is of another vault`, {
    object: location,
    hint: 'name another place under replicas',
  });
}
