// Copies a vault to another place, without any key.
import { UsageError } from '../../errors.ts';
import type { Store } from '../../store/store.ts';
import { tryToRememberPin } from '../remember.ts';
import type { Vault } from '../vault.ts';
import { applyCopy, type CopyProgress, type CopyResult } from './apply.ts';
import { type CopyOptions, type CopyPlan, planCopy } from './plan.ts';

/**
 * What copying would do.
 * @param options.anew begin a copy where this machine knows of one that is gone
 * @throws UsageError `no-pin`; as `planCopy`
 */
export async function planCopyTo(
  source: Vault,
  store: Store,
  options: Omit<CopyOptions, 'wasThere'> & { readonly anew?: boolean } = {},
): Promise<CopyPlan> {
  if (source.trust !== 'pinned') {
    throw new UsageError('no-pin', `nothing vouches for the vault at ${source.store.location}`, {
      object: source.store.location,
      hint: 'run `strongroom trust SHA256:…` with the fingerprint that init printed',
    });
  }
  const pin = await source.memory.pinFor(store.location);
  const wasThere = pin?.vault === source.document.vault && options.anew !== true;
  return await planCopy(source, store, { ...options, wasThere });
}

/**
 * Copies what is planned, and remembers whose copy it is.
 * @throws as `applyCopy`
 */
export async function copyAsPlanned(
  plan: CopyPlan,
  options: { readonly onProgress?: (done: CopyProgress) => void } = {},
): Promise<CopyResult> {
  const result = await applyCopy(plan, options);
  const { source, target } = plan;
  const { location } = target.vault.store;
  const known = await source.memory.pinFor(location);
  if (source.pin && (!known || known.generation < source.pin.generation))
    await tryToRememberPin({ ...source, store: target.vault.store }, source.pin);
  return result;
}
