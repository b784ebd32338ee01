import { chmodSync, mkdirSync, renameSync, rmSync, symlinkSync, utimesSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { beforeEach, expect, it } from 'vitest';
import { backup } from '../../../src/vault/backup/backup.ts';
import { readSnapshots } from '../../../src/vault/snapshots.ts';
import { compareTree } from '../../../src/vault/verify/against.ts';
import { client, makeVault, openUnlocked, restoreInto, scratch, treeOf } from '../../support/vault.ts';

let root: string;
let outside: string;
beforeEach(() => {
  root = scratch();
  outside = scratch();
  mkdirSync(join(root, 'certs'), { mode: 0o750 });
  writeFileSync(join(root, '.env'), 'TOKEN=1\n');
  writeFileSync(join(root, 'certs/site.pem'), 'PEM');
  writeFileSync(join(outside, 'shared.key'), 'KEY');
  symlinkSync('certs/site.pem', join(root, 'current'));
});

/** Backs the tree up, lets `change` change it, and compares. */
async function differences(change: () => void, include = ['.']): Promise<string[]> {
  const vault = await makeVault();
  const sources = { root, include, exclude: [] };
  await backup(client(vault), { set: 'app', sources, host: vault.host, pin: vault.pin });
  change();
  const before = treeOf(root);
  const open = await openUnlocked(vault);
  const [snapshot] = (await readSnapshots(open)).snapshots;
  const found = await compareTree(open, snapshot!, root, join(scratch(), 'state'));
  expect(treeOf(root)).toEqual(before);
  return found.map(({ path, how }) => `${how} ${path}`);
}

it.each<[string, () => void, string[]]>([
  ['nothing', () => {}, []],
  [
    'a mode, an owner, a time: no value of it',
    () => {
      chmodSync(join(root, '.env'), 0o600);
      utimesSync(join(root, '.env'), 1, 1);
    },
    [],
  ],
  ['more than was in it', () => writeFileSync(join(root, 'new'), 'new'), []],
  ['a file that changed', () => writeFileSync(join(root, '.env'), 'TOKEN=2\n'), ['changed .env']],
  ['a file of another size', () => writeFileSync(join(root, '.env'), ''), ['changed .env']],
  ['a file that is gone', () => rmSync(join(root, 'certs/site.pem')), ['missing certs/site.pem']],
  [
    'a directory that is gone',
    () => rmSync(join(root, 'certs'), { recursive: true }),
    ['missing certs', 'missing certs/site.pem'],
  ],
  [
    'a link that leads elsewhere',
    () => {
      rmSync(join(root, 'current'));
      symlinkSync('.env', join(root, 'current'));
    },
    ['changed current'],
  ],
  [
    'a file in the place of a link',
    () => {
      rmSync(join(root, 'current'));
      writeFileSync(join(root, 'current'), 'PEM');
    },
    ['changed current'],
  ],
  [
    'a directory in the place of a file',
    () => {
      rmSync(join(root, '.env'));
      mkdirSync(join(root, '.env'));
    },
    ['changed .env'],
  ],
  [
    'everything',
    () => renameSync(root, `${root}-moved`),
    ['missing .env', 'missing certs', 'missing certs/site.pem', 'missing current'],
  ],
])('a tree differs in %s', async (_, change, expected) => {
  expect((await differences(change)).sort()).toEqual(expected);
  rmSync(`${root}-moved`, { recursive: true, force: true });
});

it('a restored tree is the same, what was outside of the root included', async () => {
  const vault = await makeVault();
  const sources = { root, include: ['.', join(outside, 'shared.key')], exclude: [] };
  await backup(client(vault), { set: 'app', sources, host: vault.host, pin: vault.pin });
  const open = await openUnlocked(vault);
  const [snapshot] = (await readSnapshots(open)).snapshots;
  const base = scratch();
  await restoreInto(open, snapshot!, join(base, 'out'), base);
  expect(await compareTree(open, snapshot!, join(base, 'out'), join(base, 'state'))).toEqual([]);
  writeFileSync(join(base, `out/@outside${outside}/shared.key`), 'OTHER');
  expect(await compareTree(open, snapshot!, join(base, 'out'), join(base, 'state'))).toMatchObject([
    { path: `@outside${outside}/shared.key`, how: 'changed' },
  ]);
});
