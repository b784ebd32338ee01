// Where copies are kept, and what a guard makes of them when a command, or somebody else, has been there.

import { spawnSync } from 'node:child_process';
import {
  chmodSync,
  chownSync,
  existsSync,
  lstatSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  symlinkSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { dirname, join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { choosePlace } from '../../../src/pack/guard/choose.ts';
import { beginGuard } from '../../../src/pack/guard/guard.ts';
import { everything, guardScene, kept, type Scene, selectionOf, taken } from './scenes.ts';

const asRoot = test.runIf(process.getuid!() === 0);
const TREE = { '.env': 'old', 'd/key': { text: 'key', mode: 0o640 } } as const;

async function watched(place: Scene) {
  const said: string[] = [];
  const { stateDirectory } = place;
  const onWarning = (message: string) => void said.push(message);
  const guard = await beginGuard([place.target], { stateDirectory, now: () => new Date(), onWarning });
  await guard.take([{ set: 'app', selection: selectionOf(place) }]);
  return { guard, said, copy: guard.places[0]! };
}

/** With its state directory in the root, where no copies go. */
function elsewhere(place: Scene): Scene {
  const stateDirectory = join(place.target, 'state');
  mkdirSync(stateDirectory, { mode: 0o700 });
  return { ...place, stateDirectory };
}

const journals = (place: Scene) => readdirSync(join(place.stateDirectory, 'guards'));

describe('a place that somebody else could swap for another', () => {
  asRoot('is not used by root, who goes further up', async () => {
    for (const spoil of [
      (path: string) => chownSync(path, 4321, 4321),
      (path: string) => chmodSync(path, 0o775),
      (path: string) => chmodSync(path, 0o777),
    ]) {
      const place = elsewhere(guardScene(TREE));
      chownSync(place.target, 4321, 4321);
      spoil(dirname(place.target));
      const guard = await taken(place);
      expect(guard.places.map(dirname)).toEqual([place.directory]);
      writeFileSync(join(place.target, '.env'), 'new');
      await guard.undo();
      expect(readFileSync(join(place.target, '.env'), 'utf8')).toBe('old');
    }
  });

  asRoot('is not below a directory of his, whoever owns the place itself', async () => {
    const place = guardScene({ 'srv/app/.env': 'x' });
    const inner = elsewhere({ ...place, target: join(place.target, 'srv/app') });
    chownSync(place.target, 4321, 4321);
    const guard = await taken(inner);
    expect(guard.places.map(dirname)).toEqual([place.directory]);
    guard.keep();
  });

  test('is refused where there is no other on the mount', () => {
    const place = guardScene(TREE);
    const mounts = {
      has: () => false,
      above: (path: string) => (path.startsWith(place.target) ? '/x' : '/'),
    };
    const choose = () => choosePlace(place.target, 'id', mounts, [place.target]);
    expect(dirname(choose().path)).toBe(place.target);
    chmodSync(place.target, 0o777);
    expect(choose).toThrow(expect.objectContaining({ code: 'no-room-beside' }));
    chmodSync(place.target, 0o1777);
    expect(dirname(choose().path)).toBe(place.target);
    chmodSync(place.target, 0o775);
    if (process.getuid!() === 0) expect(choose).toThrow(expect.objectContaining({ code: 'no-room-beside' }));
    else expect(dirname(choose().path)).toBe(place.target);
  });

  test('is inside of no other root where there is one further up', () => {
    const place = guardScene(TREE);
    const mounts = { has: () => false, above: () => '/' };
    const roots = [place.target, join(place.target, 'd')];
    const chosen = choosePlace(join(place.target, 'd'), 'id', mounts, roots);
    expect(roots.map((root) => chosen.path.startsWith(`${root}/`))).toEqual([false, false]);
    expect(dirname(choosePlace(roots[1]!, 'id', mounts, roots, place.directory).path)).toBe(place.directory);
  });

  asRoot('and has become one since, keeps root from putting anything back by it', async () => {
    const place = elsewhere(guardScene(TREE));
    const guard = await taken(place);
    const [above = ''] = guard.places.map(dirname);
    writeFileSync(join(place.target, '.env'), 'new');
    chownSync(above, 4321, 4321);
    await expect(guard.undo()).rejects.toMatchObject({ code: 'undo-copy-exposed' });
    expect(kept(place)).toHaveLength(1);
    chownSync(above, 0, 0);
    await guard.undo();
    expect(readFileSync(join(place.target, '.env'), 'utf8')).toBe('old');
  });
});

describe('a copy that was changed', () => {
  test('is never put back, and is named', async () => {
    for (const now of ['new', 'longer']) {
      const place = guardScene(TREE);
      const guard = await taken(place);
      const copy = join(guard.places[0]!, 'before/app/.env');
      const { atimeMs, mtimeMs } = lstatSync(copy);
      for (const path of [copy, join(place.target, '.env')]) writeFileSync(path, now);
      utimesSync(copy, atimeMs / 1000, mtimeMs / 1000);
      await expect(guard.undo()).rejects.toMatchObject({
        code: 'undo-copy-gone',
        message: expect.stringContaining('before/app/.env'),
      });
      expect(readFileSync(join(guard.places[0]!, 'before/app/d/key'), 'utf8')).toBe('key');
      expect(journals(place)).toHaveLength(1);
    }
  });

  test('does not matter where the file itself is as it was', async () => {
    const place = guardScene(TREE);
    const guard = await taken(place);
    writeFileSync(join(guard.places[0]!, 'before/app/.env'), 'new');
    expect(await guard.undo()).toMatchObject([{ restored: [] }]);
    expect(kept(place)).toEqual([]);
  });
});

describe('a copy that the command has opened to others', () => {
  test('goes all the same, and it is said', async () => {
    const place = guardScene(TREE);
    const { guard, said, copy } = await watched(place);
    spawnSync('chmod', ['-R', 'a+rX', copy]);
    guard.keep();
    expect(kept(place)).toEqual([]);
    expect(journals(place)).toEqual([]);
    expect(said).toEqual([expect.stringContaining('had been opened to others')]);
  });

  test('is closed and put back, and it is said', async () => {
    const place = guardScene(TREE);
    const before = everything(place.target);
    const { guard, said, copy } = await watched(place);
    spawnSync('chmod', ['-R', 'a+rX', copy]);
    writeFileSync(join(place.target, '.env'), 'new');
    writeFileSync(join(place.target, 'added'), 'x');
    await guard.undo();
    expect(everything(place.target)).toEqual(before);
    expect(lstatSync(copy).mode & 0o777).toBe(0o700);
    expect(said).toHaveLength(1);
  });

  test('and closed to its owner, likewise', async () => {
    const place = guardScene(TREE);
    const before = everything(place.target);
    const { guard, copy } = await watched(place);
    spawnSync('find', [copy, '-depth', '-type', 'd', '-exec', 'chmod', '0', '{}', ';']);
    writeFileSync(join(place.target, '.env'), 'new');
    await guard.undo();
    expect(everything(place.target)).toEqual(before);
    expect(kept(place)).toEqual([]);
  });

  asRoot('by giving it away, likewise', async () => {
    for (const act of ['keep', 'undo'] as const) {
      const place = guardScene(TREE);
      const before = everything(place.target);
      const { guard, said, copy } = await watched(place);
      spawnSync('chown', ['-R', '4321:4321', copy]);
      if (act === 'undo') writeFileSync(join(place.target, '.env'), 'new');
      await guard[act]();
      expect(everything(place.target)).toEqual(before);
      expect(kept(place)).toEqual([]);
      expect(said).toHaveLength(1);
    }
  });

  asRoot('and in which a link stands for what is moved aside, leads nowhere', async () => {
    const place = guardScene(TREE);
    const { guard, copy } = await watched(place);
    spawnSync('chown', ['-R', '4321:4321', copy]);
    const elsewhere = join(place.directory, 'elsewhere');
    mkdirSync(elsewhere);
    symlinkSync(elsewhere, join(copy, 'added'));
    writeFileSync(join(place.target, 'new'), 'x');
    for (let time = 0; time < 2; time++) {
      await expect(guard.undo()).rejects.toMatchObject({ code: 'undo-copy-gone' });
      expect(readdirSync(elsewhere)).toEqual([]);
    }
  });
});

test.each<[string, (copy: string) => void]>([
  ['another directory', (copy) => mkdirSync(copy, { mode: 0o755 })],
  ['a directory as private', (copy) => mkdirSync(copy, { mode: 0o700 })],
  ['a link', (copy) => symlinkSync(`${copy}.moved`, copy)],
])('what is %s in the place of a copy stays, and the journal, and it is said', async (_, swap) => {
  const place = guardScene(TREE);
  const { guard, said, copy } = await watched(place);
  renameSync(copy, `${copy}.moved`);
  swap(copy);
  guard.keep();
  expect(existsSync(copy)).toBe(true);
  expect(existsSync(join(`${copy}.moved`, 'before/app/.env'))).toBe(true);
  expect(said).toEqual([expect.stringContaining('could not be removed')]);
  expect(journals(place)).toHaveLength(1);
});
