// What a place keeps of keys and snapshots that were removed: old versions, locked perhaps. A rotation is over for good
// only when they are gone too.
import { StoreError } from '../../errors.ts';
import type { StoredVersion } from '../../store/store.ts';
import { DATA, KEYS } from '../layout.ts';
import { callOptions, type VaultContext } from '../vault.ts';

export interface StillThere {
  /** Old versions of keys and of snapshots' bytes. */
  readonly objects: number;
  /** Until when the newest of them are locked; undefined where nothing locks them. */
  readonly until?: Date;
}

/** Locks are asked for one by one; those that were stored last are locked the longest. */
const ASKED = 20;

/** @returns undefined where the versions may not be listed */
export async function stillThere(vault: VaultContext): Promise<StillThere | undefined> {
  const { history } = vault.store;
  if (!history) return undefined;
  const old: StoredVersion[] = [];
  try {
    for (const prefix of [KEYS, DATA]) {
      for await (const version of history.list(prefix, callOptions(vault))) {
        if (!version.isLatest && !version.isRemoval) old.push(version);
      }
    }
  } catch (error) {
    if (error instanceof StoreError && error.code !== 'store-unreachable') return undefined;
    throw error;
  }
  const last = old.sort((a, b) => b.modified.getTime() - a.modified.getTime()).slice(0, ASKED);
  let until: Date | undefined;
  for (const { name, version } of last) {
    const kept = await history.keptUntil?.(name, version, callOptions(vault));
    if (kept?.until && !(until && until >= kept.until)) until = kept.until;
  }
  return { objects: old.length, ...(until ? { until } : {}) };
}
