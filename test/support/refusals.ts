// What an attack must come to: reported by verify under a name of its own, and nothing of it in a target.

import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect } from 'vitest';
import { StrongroomError } from '../../src/errors.ts';
import type { Finding } from '../../src/vault/finding.ts';
import { type Choice, chooseSnapshot } from '../../src/vault/select.ts';
import { readSnapshots } from '../../src/vault/snapshots.ts';
import { verify } from '../../src/vault/verify/verify.ts';
import { digestsOf } from './forge.ts';
import {
  type Opening,
  openLocked,
  openUnlocked,
  restoreInto,
  scratch,
  type TestVault,
  treeOf,
} from './vault.ts';

/** The error findings of a whole check without a key. */
export async function faultsOf(vault: TestVault, opening: Opening = {}): Promise<Finding[]> {
  const { findings } = await verify(await openLocked(vault, opening));
  return findings.filter((f) => f.severity === 'error');
}

/** The error findings when every entry is decrypted too. */
export async function deepFaultsOf(vault: TestVault): Promise<Finding[]> {
  const unlocked = await openUnlocked(vault);
  const { findings } = await verify(unlocked, { unlocked });
  return findings.filter((f) => f.severity === 'error');
}

/** `code object` of findings, for comparing. */
export function briefly(findings: readonly Finding[]): string[] {
  return findings.map((f) => `${f.code} ${f.object}`);
}

/** What a call that must fail failed with. */
export async function failureOf(work: Promise<unknown>): Promise<StrongroomError> {
  const error = await work.then(
    (value) => new Error(`nothing failed: ${JSON.stringify(value)}`),
    (reason: unknown) => reason,
  );
  if (error instanceof StrongroomError) return error;
  throw error;
}

/**
 * Tries to restore over a tree that stands already, with everything allowed, and holds it to change nothing there,
 * nor in the store.
 * @returns `code` of the failure
 */
export async function refusedRestore(
  vault: TestVault,
  choice: Choice,
  opening: Opening = {},
): Promise<string> {
  const base = scratch();
  const target = join(base, 'target');
  mkdirSync(target, { mode: 0o700 });
  writeFileSync(join(target, '.env'), 'OLD=1\n', { mode: 0o600 });
  const before = treeOf(target);
  const objects = await digestsOf(vault.store);
  const { code } = await failureOf(
    (async () => {
      const unlocked = await openUnlocked(vault, opening);
      const { snapshot } = chooseSnapshot(await readSnapshots(unlocked), choice, vault.host.name);
      await restoreInto(unlocked, snapshot, target, base, { existing: 'replace' });
    })(),
  );
  expect(treeOf(target)).toEqual(before);
  const beside = Object.keys(treeOf(base)).filter((path) => !/^(?:\.$|target|state)/.test(path));
  expect(beside).toEqual([]);
  expect(await digestsOf(vault.store)).toEqual(objects);
  return code;
}

/** What a sound restore of the newest snapshot gives. */
export async function restored(vault: TestVault, choice: Choice = { set: 'app' }, opening: Opening = {}) {
  const base = scratch();
  const target = join(base, 'target');
  const unlocked = await openUnlocked(vault, opening);
  const { snapshot } = chooseSnapshot(await readSnapshots(unlocked), choice, vault.host.name);
  await restoreInto(unlocked, snapshot, target, base);
  return treeOf(target);
}
