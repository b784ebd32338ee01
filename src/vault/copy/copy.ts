// Copies a vault to another place, without any key.
import { UsageError } from '../../errors.ts';
import type { Store } from '../../store/store.ts';
import { tryToRememberPin } from '../remember.ts';
import { isOfPin, oldPin, type Vault } from '../vault.ts';
import { applyCopy, type CopyProgress, type CopyResult } from './apply.ts';
import { type CopyOptions, type CopyPlan, planCopy } from './plan.ts';

/**
 * What copying would do.
 * @param options.anew begin a copy where this machine knows of one that is gone
 * @throws UsageError `no-pin`, `old-pin`; as `planCopy`
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
  // What a copy carries on, and what it removes, is on the word of the vault document: whoever held an old key may have
  // made up the rotation that was followed.
  if (!(await isOfPin(source))) throw oldPin(source);
  // Be it a copy or another vault: a disk that is away is not to be filled up.
  const wasThere = options.anew !== true && (await source.memory.pinFor(store.location)) !== undefined;
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
  const isKnown = known?.vault === source.pin?.vault && known!.generation >= source.pin!.generation;
  if (source.pin && !isKnown) await tryToRememberPin({ ...source, store: target.vault.store }, source.pin);
  return result;
}
