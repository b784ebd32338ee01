// Copies of the vaults of vault.ts, and what must hold of one at any time.
import { expect } from 'vitest';
import { memoryStore } from '../../src/store/memory.ts';
import type { Store } from '../../src/store/store.ts';
import type { CopyResult } from '../../src/vault/copy/apply.ts';
import { copyAsPlanned, planCopyTo } from '../../src/vault/copy/copy.ts';
import { readLedger } from '../../src/vault/ledger.ts';
import { loadFiles } from '../../src/vault/load.ts';
import { pinOf } from '../../src/vault/pin.ts';
import { readSnapshots } from '../../src/vault/snapshots.ts';
import { verify } from '../../src/vault/verify/verify.ts';
import { openLocked, openUnlocked, type TestVault, withKey } from './vault.ts';

export type Copying = NonNullable<Parameters<typeof planCopyTo>[2]>;

/** An empty place whose clock is the vault's. */
export function emptyPlace({ clock }: Pick<TestVault, 'clock'>): Store {
  return memoryStore({ clock: () => clock.now });
}

/** Copies as the command does, on a machine that was here before only to pin the vault, and is told of each rotation. */
export async function copyTo(vault: TestVault, store: Store, options: Copying = {}): Promise<CopyResult> {
  const { document } = await openLocked(vault);
  const source = await openLocked(vault, { pin: pinOf(document) });
  return await copyAsPlanned(await planCopyTo(source, store, options));
}

/** What each snapshot at a place holds in `.env`, by id, opened there with the vault's age key. */
export async function heldAt(vault: TestVault, store: Store): Promise<Map<string, string>> {
  const { document } = await openLocked(vault, { store });
  const opened = await openUnlocked(vault, {
    store,
    pin: pinOf(document),
    credential: await withKey(vault.key),
  });
  const held = new Map<string, string>();
  for (const snapshot of (await readSnapshots(opened, { fresh: true })).snapshots)
    held.set(snapshot.id, String((await loadFiles(opened, snapshot)).get('.env')));
  return held;
}

/** Codes of what `verify` finds at a place, errors only. */
export async function faultsAt(vault: TestVault, store: Store): Promise<string[]> {
  const { findings } = await verify(await openLocked(vault, { store }));
  return findings.filter((f) => f.severity === 'error').map((f) => `${f.code} ${f.object}`);
}

/** A copy is a vault of its own: nothing is wrong with it, nothing is over, and it opens. */
export async function expectSameAs(vault: TestVault, store: Store): Promise<void> {
  const { findings } = await verify(await openLocked(vault, { store }));
  expect(findings.map((f) => `${f.code} ${f.object}`)).toEqual([]);
  expect(await heldAt(vault, store)).toEqual(await heldAt(vault, vault.store));
  const entries = async (at: Store) =>
    (await readLedger(await openLocked(vault, { store: at }))).entries.map((e) => e.object);
  expect(await entries(store)).toEqual(await entries(vault.store));
}
