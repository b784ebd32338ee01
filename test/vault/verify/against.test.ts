import { chmodSync, mkdirSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { backup } from '../../../src/vault/backup/backup.ts';
import { chooseSnapshot } from '../../../src/vault/select.ts';
import { readSnapshots } from '../../../src/vault/snapshots.ts';
import { compareTree } from '../../../src/vault/verify/against.ts';
import { client, makeVault, openUnlocked, scratch } from '../../support/vault.ts';

/** A live tree with the modes that live trees have, and how it compares with its own snapshot after a change. */
async function compareAfter(change: (root: string) => void) {
  const [root, state] = [scratch(), scratch()];
  mkdirSync(join(root, 'config'));
  writeFileSync(join(root, '.env'), 'A=1\n', { mode: 0o600 });
  writeFileSync(join(root, 'config/app.toml'), 'a = 1\n');
  symlinkSync('app.toml', join(root, 'config/link'));
  chmodSync(join(root, 'config'), 0o755);
  chmodSync(join(root, 'config/app.toml'), 0o644);
  const vault = await makeVault();
  const sources = { root, include: ['.'], exclude: [] };
  await backup(client(vault), { set: 'app', sources, host: vault.host, pin: vault.pin });
  const opened = await openUnlocked(vault);
  const { snapshot } = chooseSnapshot(await readSnapshots(opened), { set: 'app' });
  change(root);
  return await compareTree(opened, snapshot, root, state);
}

it('a live tree is the same as its snapshot, though its modes are wider than a restore would make them', async () => {
  expect(await compareAfter(() => {})).toEqual([]);
  expect(await compareAfter((root) => chmodSync(join(root, '.env'), 0o666))).toEqual([]);
});

it('what is gone is missing, and what holds something else is changed', async () => {
  const differences = await compareAfter((root) => {
    rmSync(join(root, '.env'));
    writeFileSync(join(root, 'config/app.toml'), 'a = 2\n');
    rmSync(join(root, 'config/link'));
    symlinkSync('/etc/passwd', join(root, 'config/link'));
  });
  expect(differences).toMatchObject([
    { path: '.env', how: 'missing' },
    { path: 'config/app.toml', how: 'changed' },
    { path: 'config/link', how: 'changed' },
  ]);
});

it('a directory where a file was is a change, and so is a file where a directory was', async () => {
  const differences = await compareAfter((root) => {
    rmSync(join(root, '.env'));
    mkdirSync(join(root, '.env'));
    rmSync(join(root, 'config'), { recursive: true });
    writeFileSync(join(root, 'config'), '');
  });
  expect(differences.map(({ path, how }) => `${path} ${how}`)).toEqual([
    '.env changed',
    'config changed',
    'config/app.toml changed',
    'config/link changed',
  ]);
});
