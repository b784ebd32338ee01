// Room for a rollback is there before the command runs, and gone when it is needed, or not needed any more.

import { existsSync, lstatSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { guardScene, kept, type Scene, taken } from './scenes.ts';

const TREE = { '.env': 'old', d: { dir: true }, 'd/key': 'key', link: { link: 'd' } } as const;

function rooms(place: Scene): string[] {
  const notes = join(place.stateDirectory, 'guards');
  const own = readdirSync(notes).filter((name) => name.endsWith('.room'));
  return [...own.map((name) => join(notes, name)), ...kept(place).map((at) => join(at, 'room'))];
}

test('it is taken where the notes are, and where the copies are', async () => {
  const place = guardScene(TREE);
  const guard = await taken(place);
  const [notes = '', copies = ''] = rooms(place);
  // Twice the journal, and what nobody can know.
  expect(lstatSync(join(notes, 'bytes')).size).toBeGreaterThan(256 * 1024);
  // For the directory, for the link, and for those of a staging.
  expect(readdirSync(copies).length).toBeGreaterThan(2 + 6);
  for (const one of [notes, copies]) {
    expect(lstatSync(one).mode & 0o777).toBe(0o700);
    expect(lstatSync(join(one, 'bytes')).blocks).toBeGreaterThan(0);
  }
  guard.keep();
  expect([existsSync(notes), existsSync(copies)]).toEqual([false, false]);
});

test('it is given back by a rollback, and stays no longer where that fails', async () => {
  const place = guardScene(TREE);
  const guard = await taken(place);
  writeFileSync(join(place.target, '.env'), 'new');
  const [before = ''] = guard.copies;
  rmSync(before, { recursive: true });
  await expect(guard.undo()).rejects.toMatchObject({ code: 'undo-copy-gone' });
  expect(rooms(place).filter((one) => existsSync(one))).toEqual([]);
  expect(guard.copies).toEqual([]);
});
