// Whatever a command does to a guarded tree, undoing it gives back what was there: bytes, modes, owners, times.

import {
  chmodSync,
  chownSync,
  existsSync,
  lstatSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  symlinkSync,
  unlinkSync,
  writeFileSync,
} from 'node:fs';
import { basename, join } from 'node:path';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { leftBehind } from '../../../src/pack/guard/earlier.ts';
import { begun, change, changes, everything, guardScene, kept, selectionOf, taken } from './scenes.ts';

const isRoot = process.getuid!() === 0;
const runs = process.env.STRONGROOM_LONG ? 3000 : 150;

const TREE = {
  a: { dir: true, mode: 0o750 },
  'a/b': { text: 'key', mode: 0o640 },
  'a/c': { link: '../b' },
  b: { dir: true },
  'b/a': { dir: true },
  'b/a/c': { text: '#!', mode: 0o755 },
  c: { dir: true, mode: 0o500 },
  'c/d': { dir: true },
  'c/d/e': { text: 'closed', mode: 0o400 },
  'a-b': 'between',
  empty: { dir: true, mode: 0o711 },
} as const;

test('any changes, undone, leave the tree as it was', async () => {
  await fc.assert(
    fc.asyncProperty(changes, async (all) => {
      const place = guardScene(TREE);
      const before = everything(place.target);
      const guard = await taken(place);
      for (const one of all) change(place.target, one);
      const isChanged = JSON.stringify(everything(place.target)) !== JSON.stringify(before);
      const [done] = await guard.undo();
      expect(everything(place.target)).toEqual(before);
      if (!isChanged) expect(done).toMatchObject({ restored: [], removed: [] });
      for (const { keptAs } of done!.removed) expect(existsSync(keptAs) || isLink(keptAs)).toBe(true);
      rmSync(place.directory, { recursive: true });
    }),
    { numRuns: runs },
  );
}, 120_000);

function isLink(path: string): boolean {
  return lstatSync(path, { throwIfNoEntry: false }) !== undefined;
}

describe('a guard that undoes', () => {
  test.each<[string, (root: string) => void, string[]]>([
    ['a file that was written into', (root) => writeFileSync(join(root, 'a/b'), 'evil'), ['a/b']],
    ['a file that was unlinked', (root) => unlinkSync(join(root, 'a-b')), ['a-b']],
    ['a mode', (root) => chmodSync(join(root, 'a/b'), 0o666), ['a/b']],
    ['the mode of a directory', (root) => chmodSync(join(root, 'empty'), 0), ['empty']],
    ['an empty directory that went', (root) => rmSync(join(root, 'empty'), { recursive: true }), ['empty']],
    [
      'a directory that became a file',
      (root) => {
        rmSync(join(root, 'b'), { recursive: true });
        writeFileSync(join(root, 'b'), 'file');
      },
      ['b', 'b/a', 'b/a/c'],
    ],
    [
      'a file that became a directory',
      (root) => {
        rmSync(join(root, 'a-b'));
        mkdirSync(join(root, 'a-b/x'), { recursive: true });
      },
      ['a-b'],
    ],
    [
      'a directory that became a link to another place',
      (root) => {
        renameSync(join(root, 'b'), join(root, '../elsewhere'));
        symlinkSync('../elsewhere', join(root, 'b'));
      },
      ['b', 'b/a', 'b/a/c'],
    ],
    ['everything that went', (root) => rmSync(root, { recursive: true }), Object.keys(TREE).sort()],
    [
      'a root that became a file',
      (root) => {
        rmSync(root, { recursive: true });
        writeFileSync(root, 'file');
      },
      Object.keys(TREE).sort(),
    ],
    ['the mode of the root', (root) => chmodSync(root, 0o777), []],
  ])('%s says what came back', async (_, act, restored) => {
    const place = guardScene(TREE);
    const before = everything(place.target);
    const guard = await taken(place);
    act(place.target);
    const [done] = await guard.undo();
    expect(everything(place.target)).toEqual(before);
    expect([...done!.restored].sort()).toEqual(restored);
    expect(done!.warnings).toEqual([]);
  });

  test.runIf(isRoot)('owners and set-id bits come back', async () => {
    const place = guardScene({ prog: { text: '#!', mode: 0o4755 }, d: { dir: true } });
    chownSync(join(place.target, 'prog'), 1234, 5678);
    chmodSync(join(place.target, 'prog'), 0o6755);
    chownSync(join(place.target, 'd'), 1234, 5678);
    chownSync(place.target, 99, 98);
    const before = everything(place.target);
    const guard = await taken(place);
    writeFileSync(join(place.target, 'prog'), 'evil');
    chownSync(join(place.target, 'd'), 0, 0);
    chownSync(place.target, 0, 0);
    await guard.undo();
    expect(everything(place.target)).toEqual(before);
  });

  test('what was added is moved aside, whole and named, until somebody removes it', async () => {
    const place = guardScene({ '.env': 'old', 'logs/x.log': 'left out' });
    const guard = await taken(place, { exclude: ['**/*.log'] });
    mkdirSync(join(place.target, 'new/deep'), { recursive: true });
    writeFileSync(join(place.target, 'new/deep/file'), 'made by the command');
    writeFileSync(join(place.target, 'new/deep/x.log'), 'goes with its directory');
    writeFileSync(join(place.target, 'logs/y.log'), 'stays');
    const [done] = await guard.undo();
    expect(done!.removed).toMatchObject([{ path: 'new' }]);
    const { keptAs } = done!.removed[0]!;
    expect(readFileSync(join(keptAs, 'deep/file'), 'utf8')).toBe('made by the command');
    expect(readdirSync(`${keptAs}/deep`).sort()).toEqual(['file', 'x.log']);
    expect(readdirSync(place.target).sort()).toEqual(['.env', 'logs']);
    expect(readdirSync(join(place.target, 'logs')).sort()).toEqual(['x.log', 'y.log']);
    expect(kept(place)).toHaveLength(1);
    const next = await taken(place, { exclude: ['**/*.log'] });
    expect(existsSync(keptAs)).toBe(true);
    next.keep();
    expect(readFileSync(join(keptAs, 'deep/file'), 'utf8')).toBe('made by the command');
    expect(leftBehind(place.stateDirectory).aside).toEqual([expect.stringMatching(/\/added$/)]);
    rmSync(keptAs, { recursive: true });
    (await taken(place, { exclude: ['**/*.log'] })).keep();
    expect(kept(place)).toEqual([]);
    expect(readdirSync(join(place.stateDirectory, 'guards'))).toEqual([]);
  });

  test('what was there and no pattern meant is never moved', async () => {
    const place = guardScene({
      'certs/readme': 'not taken',
      'certs/deep/readme': 'nor this',
      'x.pem': 'old',
    });
    const guard = await taken(place, { include: ['**/*.pem'] });
    writeFileSync(join(place.target, 'certs/deep/new.pem'), 'new');
    const [done] = await guard.undo();
    expect(done!.removed).toMatchObject([{ path: 'certs/deep/new.pem' }]);
    expect(readdirSync(join(place.target, 'certs/deep'))).toEqual(['readme']);
  });

  test('a link that the root was reached by leads there again', async () => {
    const place = guardScene({ '.env': 'one' });
    const releases = join(place.directory, 'srv');
    const current = join(releases, 'current');
    symlinkSync('app', current);
    const linked = { ...place, target: current };
    const guard = await taken(linked);
    mkdirSync(join(releases, 'two'));
    unlinkSync(current);
    symlinkSync('two', current);
    rmSync(place.target, { recursive: true });
    await guard.undo();
    expect(readFileSync(join(current, '.env'), 'utf8')).toBe('one');
    expect(existsSync(join(releases, 'two'))).toBe(true);
  });

  test('where nothing differs, nothing is touched', async () => {
    const place = guardScene(TREE);
    const inodes = () => readdirSync(place.target).map((name) => lstatSync(join(place.target, name)).ino);
    const before = inodes();
    const guard = await taken(place);
    expect(await guard.undo()).toMatchObject([{ restored: [], removed: [], warnings: [] }]);
    expect(inodes()).toEqual(before);
    expect(kept(place)).toEqual([]);
  });
});

test('where a change in the same tick of the clock could be missed, no time is relied on', async () => {
  const place = guardScene({ fresh: 'x', old: 'y' });
  const guard = await taken(place);
  const name = readdirSync(join(place.stateDirectory, 'guards')).find((one) => one.endsWith('.running'))!;
  const journal = JSON.parse(readFileSync(join(place.stateDirectory, 'guards', name), 'utf8'));
  for (const entry of journal.trees[0].entries) expect(entry.ctimeMs).toBeUndefined();
  guard.keep();
});

describe('the copy', () => {
  test('can be entered by nobody else, and shares no file with the tree', async () => {
    const place = guardScene({ ...TREE, big: { text: 'x'.repeat(3 << 20), mode: 0o644 } });
    const guard = await taken(place);
    const [copy] = guard.places;
    expect(lstatSync(copy!).mode & 0o7777).toBe(0o700);
    const files = Object.keys(everything(copy!)).flatMap((path) =>
      path.startsWith('room') ? [] : [lstatSync(join(copy!, path))],
    );
    for (const stats of files) {
      expect(stats.mode & 0o077).toBe(0);
      if (stats.isFile()) expect(stats.nlink).toBe(1);
    }
    expect(files.filter((stats) => stats.isFile())).toHaveLength(5);
    guard.keep();
  });

  test('is in the root where nothing may be made beside it, and no backup takes it', async () => {
    const { collect } = await import('../../../src/pack/collect.ts');
    const place = guardScene({ '.env': 'x' });
    const guard = await taken(place);
    // As if it had been made in the root.
    const inside = join(place.target, basename(kept(place)[0]!));
    mkdirSync(join(inside, 'before/app'), { recursive: true });
    writeFileSync(join(inside, 'before/app/.env'), 'copy');
    for (const include of [[], ['**/.env'], ['.'], ['*'], ['**']]) {
      const found = await collect(selectionOf(place, { include }));
      expect(found.sources.map(({ path }) => path)).toEqual(['.env']);
    }
    rmSync(inside, { recursive: true });
    guard.keep();
  });

  test('is not made of a tree that is locked by another guard, nor of one above it or in it', async () => {
    const place = guardScene({ 'in/.env': 'x' });
    const first = await begun(place);
    await expect(begun(place)).rejects.toMatchObject({ code: 'guard-running', exitCode: 11 });
    await expect(begun({ ...place, target: join(place.target, 'in') })).rejects.toMatchObject({
      code: 'guard-running',
    });
    first.release();
    (await begun(place)).release();
    expect(kept(place)).toEqual([]);
  });
});

test('our own journals are not put back, wherever they are', async () => {
  const place = guardScene({ '.env': 'old' });
  const inside = { ...place, stateDirectory: join(place.target, 'state[1]') };
  mkdirSync(inside.stateDirectory, { mode: 0o700 });
  writeFileSync(join(inside.stateDirectory, 'memory'), 'one');
  const guard = await taken(inside);
  writeFileSync(join(place.target, '.env'), 'new');
  writeFileSync(join(inside.stateDirectory, 'memory'), 'two');
  expect(await guard.undo()).toMatchObject([{ restored: ['.env'], removed: [] }]);
  expect(readFileSync(join(inside.stateDirectory, 'memory'), 'utf8')).toBe('two');
});

test('a command that removes our own notes is undone all the same', async () => {
  // The copies are elsewhere, as the state directory is in the root.
  const scene = guardScene(TREE);
  const place = { ...scene, stateDirectory: join(scene.target, 'b/state') };
  const before = contentOf(place.target);
  mkdirSync(place.stateDirectory, { mode: 0o700 });
  const guard = await taken(place);
  expect(guard.places).toEqual([expect.not.stringContaining('state')]);
  rmSync(place.stateDirectory, { recursive: true });
  for (const one of ['a', 'b']) rmSync(join(place.target, one), { recursive: true });
  const [done] = await guard.undo();
  expect(done!.restored).toContain('a/b');
  expect(contentOf(place.target)).toEqual(before);
});

/** Without our own notes, which come back with the rollback, and the times of the directory that they are in. */
function contentOf(root: string): Record<string, string> {
  const all = Object.entries(everything(root)).filter(([path]) => !/^b(?:\/state.*)?$/.test(path));
  return Object.fromEntries(all);
}
