// What a place still keeps of an object that was removed. Reads only.
import { StoreError } from '../errors.ts';
import type { Kept } from '../store/store.ts';
import { callOptions, type Vault } from './vault.ts';

/** How long it stays, as far as this role may know. */
export type OldVersion = Kept;

/**
 * @param name of an object that was removed
 * @returns what the newest of its old versions is kept by; undefined when there is none, or this role may not look
 * @throws StoreError for anything but a denial; InterruptedError
 */
export async function oldVersionOf(vault: Vault, name: string): Promise<OldVersion | undefined> {
  const { history } = vault.store;
  if (!history) return undefined;
  const options = callOptions(vault);
  try {
    for await (const version of history.list(name, options)) {
      if (version.name !== name || version.isRemoval) continue;
      return (await history.keptUntil?.(name, version.version, options)) ?? { hold: false };
    }
    return undefined;
  } catch (error) {
    if (error instanceof StoreError && error.code === 'store-denied') return undefined;
    throw error;
  }
}
