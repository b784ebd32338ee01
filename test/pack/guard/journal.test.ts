// A guard's journal makes us move files about: whatever is odd in it makes it none.

import { chmodSync, linkSync, mkdirSync, readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import {
  type GuardJournal,
  moveGuard,
  parseGuard,
  readGuards,
  writeGuard,
} from '../../../src/pack/guard/journal.ts';
import { thisRunner } from '../../../src/pack/place/runner.ts';
import { freshDirectory } from '../place/scene.ts';

const ID = '0123456789abcdef';
const file = {
  path: 'a',
  type: 'file',
  mode: 0o600,
  uid: 0,
  gid: 0,
  mtime: 1,
  size: 1,
  dev: 1,
  ino: 1,
  place: 0,
  sha256: '0'.repeat(64),
} as const;
const tree = {
  set: 'app',
  root: '/srv/app',
  own: { mode: 0o755, uid: 0, gid: 0, mtimeMs: 1 },
  selection: { root: '/srv/app', include: [], exclude: [] },
  blind: [],
  entries: [file],
};
const journal: GuardJournal = {
  format: 1,
  id: ID,
  runner: thisRunner(),
  names: ['/srv/app'],
  roots: ['/srv/app'],
  places: [{ path: '/srv/.strongroom-undo-x', mount: '1 /' }],
  trees: [tree],
};

test('what was written is read, and of two phases the later one', () => {
  const state = freshDirectory();
  writeGuard(state, journal, 'taking');
  expect(readGuards(state)).toMatchObject([{ phase: 'taking', journal }]);
  writeGuard(state, journal, 'running');
  expect(readdirSync(join(state, 'guards'))).toEqual([`${ID}.running`]);
  moveGuard(state, ID, 'running', 'undoing');
  writeFileSync(join(state, 'guards', `${ID}.running`), JSON.stringify(journal), { mode: 0o600 });
  expect(readGuards(state)).toMatchObject([{ phase: 'undoing' }]);
});

test.each<[string, object]>([
  ['another format', { format: 2 }],
  ['another id', { id: 'fedcba9876543210' }],
  ['a root that is not absolute', { roots: ['srv'] }],
  ['a place that is not absolute', { places: [{ path: 'x', mount: '' }] }],
  ['a file without a place', { trees: [{ ...tree, entries: [{ ...file, place: undefined }] }] }],
  ['a file in a place that is not there', { trees: [{ ...tree, entries: [{ ...file, place: 1 }] }] }],
  ['an entry that leads out', { trees: [{ ...tree, entries: [{ ...file, path: '../a' }] }] }],
  ['an entry twice', { trees: [{ ...tree, entries: [file, file] }] }],
  ['a set that is a path', { trees: [{ ...tree, set: '../x' }] }],
  ['no trees', { trees: undefined }],
])('%s makes it none', (_, wrong) => {
  expect(parseGuard(JSON.stringify(journal), ID)).toEqual(journal);
  expect(parseGuard(JSON.stringify({ ...journal, ...wrong }), ID)).toBeUndefined();
});

test('one that others can write, or that has two names, is passed over and said', () => {
  const state = freshDirectory();
  mkdirSync(join(state, 'guards'), { mode: 0o700 });
  const at = join(state, 'guards', `${ID}.undoing`);
  writeFileSync(at, JSON.stringify(journal), { mode: 0o600 });
  const said: string[] = [];
  expect(readGuards(state, (message) => said.push(message))).toHaveLength(1);
  chmodSync(at, 0o644);
  expect(readGuards(state, (message) => said.push(message))).toEqual([]);
  chmodSync(at, 0o600);
  linkSync(at, join(state, 'other'));
  expect(readGuards(state, (message) => said.push(message))).toEqual([]);
  expect(said).toHaveLength(2);
  chmodSync(join(state, 'guards'), 0o777);
  expect(() => readGuards(state)).toThrow(expect.objectContaining({ code: 'unsafe-state-directory' }));
});
