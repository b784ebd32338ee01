// A deployment on disk and its vault: a tree with a file outside of its root, backed up, and a place for state.

import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { memoryStore } from '../../../src/store/memory.ts';
import type { Store } from '../../../src/store/store.ts';
import { backup } from '../../../src/vault/backup/backup.ts';
import { applyRestore, type RestoreResult } from '../../../src/vault/restore/apply.ts';
import { askedBy } from '../../../src/vault/restore/outside.ts';
import { planRestore, type RestoreOptions, type RestorePlan } from '../../../src/vault/restore/plan.ts';
import { findUndo } from '../../../src/vault/restore/undo.ts';
import { readSnapshots, type Snapshot } from '../../../src/vault/snapshots.ts';
import type { UnlockedVault } from '../../../src/vault/vault.ts';
import { client, makeVault, openUnlocked, scratch, type TestVault, tick } from '../../support/vault.ts';

export interface Scene {
  readonly vault: TestVault;
  readonly open: UnlockedVault;
  /** The set's own root, and a directory outside of it; both hold what was backed up. */
  readonly root: string;
  readonly outside: string;
  /** An empty directory for targets. */
  readonly base: string;
  readonly stateDirectory: string;
  readonly undoStore: Store;
  snapshot(): Promise<Snapshot>;
  /** Backs the tree up as it is. */
  backup(): Promise<Snapshot>;
  options(more?: Partial<RestoreOptions>): RestoreOptions;
  plan(more?: Partial<RestoreOptions>): Promise<RestorePlan>;
  restore(more?: Partial<RestoreOptions>): Promise<RestoreResult>;
  /** What `restore --undo` does. @returns the copy's id */
  undo(target: string): Promise<string>;
}

export function write(path: string, content: string, mode = 0o600): void {
  mkdirSync(join(path, '..'), { recursive: true, mode: 0o700 });
  writeFileSync(path, content, { mode });
}

export async function scene(): Promise<Scene> {
  const [root, outside, base] = [scratch(), scratch(), scratch()];
  write(join(root, '.env'), 'TOKEN=1\n');
  write(join(root, 'certs/site.pem'), 'PEM', 0o640);
  write(join(root, 'certs/old/site.pem'), 'OLD PEM');
  write(join(outside, 'shared.key'), 'KEY');
  const vault = await makeVault();
  const undoStore = memoryStore();
  const stateDirectory = join(base, 'state');
  const open = await openUnlocked(vault);
  const sources = { root, include: ['.', join(outside, 'shared.key')], exclude: [] };
  const snapshot = async () => (await readSnapshots(open)).snapshots.at(-1)!;
  const options = (more: Partial<RestoreOptions> = {}): RestoreOptions => ({
    destination: { root: join(base, 'out') },
    paths: [],
    existing: 'refuse',
    asRecorded: false,
    asked: askedBy(sources),
    stateDirectory,
    undoStore,
    ...more,
  });
  const self: Scene = {
    vault,
    open,
    root,
    outside,
    base,
    stateDirectory,
    undoStore,
    snapshot,
    async backup() {
      tick(vault.clock);
      await backup(client(vault, vault.memory), { set: 'app', sources, host: vault.host, pin: vault.pin });
      return await snapshot();
    },
    options,
    plan: async (more) => await planRestore(open, await snapshot(), options(more)),
    restore: async (more) => await applyRestore(open, await self.plan(more)),
    async undo(target) {
      const copy = await findUndo(open, undoStore, target);
      const { destination } = copy;
      const undoOptions = options({
        destination,
        existing: 'replace',
        asRecorded: true,
        setId: true,
        asked: () => true,
      });
      await applyRestore(copy.vault, await planRestore(copy.vault, copy.snapshot, undoOptions));
      await undoStore.remove([
        copy.snapshot.object,
        ...copy.snapshot.artifacts.flatMap((a) => a.parts.map((p) => p.object)),
      ]);
      return copy.snapshot.id;
    },
  };
  await self.backup();
  return self;
}
