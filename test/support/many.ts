// A vault with many small snapshots, made quickly through the library, and what it must hold after a rotation.
import { mkdirSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { expect } from 'vitest';
import { decryptBytes } from '../../src/crypt/age.ts';
import { localStore } from '../../src/store/local.ts';
import { memoryStore } from '../../src/store/memory.ts';
import type { Store } from '../../src/store/store.ts';
import { loadFiles } from '../../src/vault/load.ts';
import { readSnapshots } from '../../src/vault/snapshots.ts';
import type { UnlockedVault } from '../../src/vault/vault.ts';
import { verify } from '../../src/vault/verify/verify.ts';
import { get, namesOf } from './forge.ts';
import { clockAt, makeVault, openUnlocked, type TestVault, withKey } from './vault.ts';

/** A vault of `manySnapshots`, and what each of its snapshots holds in `.env`, by id. */
export interface ManySnapshots {
  readonly vault: TestVault;
  readonly values: ReadonlyMap<string, string>;
}

/**
 * @param at a directory that is not there yet, or an empty place; the snapshots are dated back
 * @param age of the newest in milliseconds, about
 */
export async function manySnapshots(at: string | Store, count: number, age = 0): Promise<ManySnapshots> {
  const clock = clockAt(new Date(Date.now() - (count + 10) * 60_000 - age).toISOString());
  // In memory first: nothing waits for a disk.
  const inner = memoryStore({ clock: () => clock.now });
  const vault = await makeVault({ store: inner, clock });
  const values = new Map<string, string>();
  for (let n = 0; n < count; n++) {
    const value = `TOKEN=${n} ${'of many '.repeat(n % 7)}\n`;
    values.set((await vault.backup({ '.env': value })).snapshot, value);
  }
  clock.now = new Date();
  for (const name of await namesOf(inner)) {
    const bytes = await get(inner, name);
    if (typeof at !== 'string') await at.create(name, bytes);
    else {
      mkdirSync(dirname(join(at, name)), { recursive: true, mode: 0o700 });
      writeFileSync(join(at, name), bytes, { mode: 0o600 });
    }
  }
  const store = typeof at === 'string' ? await localStore(at) : at;
  return { vault: { ...vault, store }, values };
}

/** Opened by a client that has never been here, with the vault's age key and its very first pin. */
export async function openedAfresh({ vault }: ManySnapshots): Promise<UnlockedVault> {
  vault.clock.now = new Date();
  return await openUnlocked(vault, { credential: await withKey(vault.key) });
}

/**
 * Every snapshot counts, nothing is wrong, and those of a sample open and hold what was put into them.
 * @param sample how many, chosen by `random`; all unless given
 */
export async function expectAllThere(
  many: ManySnapshots,
  { sample, random = Math.random }: { readonly sample?: number; readonly random?: () => number } = {},
): Promise<UnlockedVault> {
  const { values } = many;
  const opened = await openedAfresh(many);
  const { snapshots, findings } = await readSnapshots(opened, { fresh: true });
  // What a key said in the ledger that leaked since is said again when the re-encryption is over.
  const isOpen = opened.document.reencrypt;
  const wrong = findings.filter((f) => f.severity === 'error' && !(isOpen && f.code === 'exposed-key'));
  expect(wrong).toEqual([]);
  expect(snapshots.map((s) => s.id).sort()).toEqual([...values.keys()].sort());
  const chosen =
    sample === undefined
      ? snapshots
      : Array.from({ length: sample }, () => snapshots[Math.floor(random() * snapshots.length)]!);
  for (const snapshot of chosen) {
    const files = await loadFiles(opened, snapshot);
    expect(String(files.get('.env'))).toBe(values.get(snapshot.id));
  }
  return opened;
}

/** Nothing of an older key is left: no record, no bytes, no way in; and nothing that belongs to nothing. */
export async function expectNothingOld(many: ManySnapshots): Promise<void> {
  const { store } = many.vault;
  const opened = await openedAfresh(many);
  const { document } = opened;
  const { generation } = document;
  const result = await verify(opened, { unlocked: opened });
  expect([...result.findings]).toEqual([]);
  expect(document.reencrypt).toBe(false);
  const named = [
    ...document.slots.map((s) => s.object),
    ...document.generations.flatMap((g) => g.previous?.object ?? []),
  ];
  expect((await namesOf(store, 'keys/')).sort()).toEqual(named.sort());
  const { snapshots } = await readSnapshots(opened);
  expect((await namesOf(store, 'snapshots/')).sort()).toEqual(snapshots.map((s) => s.object).sort());
  const parts = snapshots.flatMap((s) => s.artifacts.flatMap((a) => a.parts.map((p) => p.object)));
  expect((await namesOf(store, 'data/')).sort()).toEqual(parts.sort());
  const old: string[] = [];
  for (let g = 1; g < generation; g++) old.push((await opened.proven(g)).identity);
  for (const name of parts) {
    expect(name.split('/')[3]).toMatch(new RegExp(`^${generation}-`));
    const bytes = await get(store, name);
    await expect(decryptBytes(bytes, old), name).rejects.toMatchObject({ code: 'no-identity-matches' });
  }
  // The same check says yes to the key that counts.
  await decryptBytes(await get(store, parts[0]!), [opened.identity]);
}
