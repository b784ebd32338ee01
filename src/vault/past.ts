// A vault in a versioned bucket as it was: for the day on which somebody overwrote or hid what is there now.
import { versionsBefore } from '../store/versions-before.ts';
import type { ClientMemory } from './client.ts';
import { VAULT_DOCUMENTS } from './layout.ts';
import type { VaultContext } from './vault.ts';

/**
 * Records, data, keys and ledger as they were, under the newest vault document that ever stood there: an older one may
 * trust a host or a key that was removed since, and hiding or spoiling the newest must not bring that back.
 *
 * @throws UsageError `no-versions`
 */
export function asOf(base: VaultContext, time: Date): VaultContext {
  const store = versionsBefore(base.store, time, [VAULT_DOCUMENTS]);
  return { ...base, store, memory: withoutSeen(base.memory) };
}

/** What this machine saw since then is not missing, and what it sees now is not news. */
function withoutSeen(memory: ClientMemory): ClientMemory {
  return {
    pinFor: (location) => memory.pinFor(location),
    rememberPin: (location, pin) => memory.rememberPin(location, pin),
    vault: async (id) => ({ ...(await memory.vault(id)), seen: {} }),
    update: (id, change) => memory.update(id, (m) => ({ ...change(m), seen: m.seen })),
  };
}
