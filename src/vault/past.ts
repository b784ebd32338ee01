// A vault in a versioned bucket as it was: for the day on which somebody overwrote or hid what is there now.
import { NotFoundError, UsageError } from '../errors.ts';
import { noVersions, versionsBefore } from '../store/versions-before.ts';
import type { ClientMemory } from './client.ts';
import { VAULT_DOCUMENTS } from './layout.ts';
import { callOptions, type VaultContext } from './vault.ts';

/** Clocks are not the same everywhere. */
const SLACK_MS = 60_000;

/**
 * Records, data, keys and ledger as they were, under the newest vault document that ever stood there: an older one may
 * trust a host or a key that was removed since, and hiding or spoiling the newest must not bring that back.
 *
 * @throws UsageError `no-versions`, `bad-time`; NotFoundError `no-vault` when there was none then; StoreError
 */
export async function asOf(base: VaultContext, time: Date): Promise<VaultContext> {
  const store = versionsBefore(base.store, time, [VAULT_DOCUMENTS]);
  if (time.getTime() > base.now().getTime() + SLACK_MS) {
    throw new UsageError('bad-time', '--versions-before is a time to come', {
      hint: 'give one that has been',
    });
  }
  let first: Date | undefined;
  let isVersioned = false;
  for await (const { version, modified, isRemoval } of base.store.history!.list(
    VAULT_DOCUMENTS,
    callOptions(base),
  )) {
    // What a bucket without versions has of each object is called so.
    isVersioned ||= version !== 'null';
    if (!isRemoval && !(first && first <= modified)) first = modified;
  }
  if (first && !isVersioned) throw noVersions(base.store.location);
  if (first && first > time) {
    const { location } = base.store;
    throw new NotFoundError('no-vault', `there was no vault at ${location} before ${first.toISOString()}`, {
      object: location,
      hint: 'give a later time',
    });
  }
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
