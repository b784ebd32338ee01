import { mkdirSync, renameSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, onTestFinished, test } from 'vitest';
import { closeDirectory, inside, openBase, openChild, walkFrom } from '../../../src/pack/place/beneath.ts';
import { isLost } from '../../../src/pack/place/failures.ts';
import { freshDirectory, plant, survey } from './scene.ts';

function caught(act: () => unknown): unknown {
  try {
    return act();
  } catch (error) {
    return error;
  }
}

describe.each([
  ['by descriptors', true],
  ['by names', false],
])('walking %s', (_, pinned) => {
  function base(directory: string) {
    const opened = openBase(directory, pinned);
    const walk = walkFrom(opened);
    onTestFinished(() => {
      walk.close();
      closeDirectory(opened);
    });
    return { opened, walk };
  }

  test('reaches directories, in any order', () => {
    const directory = freshDirectory();
    const paths = ['a/b/c', 'a/b', '', 'a/b/d', 'x', 'a', 'caf\udce9/d', 'a/b/c'];
    for (const path of paths) plant(directory, { [`${path}/here`]: path.replace('\udce9', '?') });
    const { walk } = base(directory);
    for (const path of paths) writeFileSync(inside(walk.at(path), 'found'), '');
    const found = Object.keys(survey(directory)).filter((path) => path.endsWith('found'));
    expect(found).toHaveLength(new Set(paths).size);
  });

  test.each([
    ['nothing', 'nothing'],
    ['a file', 'file'],
    ['a link to a directory', 'link'],
    ['a link to nowhere', 'nowhere'],
    ['a link to itself', 'loop'],
    ['a link above', 'real/link/sub'],
  ])('is lost at %s', (_name, path) => {
    const directory = freshDirectory();
    plant(directory, {
      'real/sub': { dir: true },
      file: '',
      link: { link: 'real' },
      nowhere: { link: 'no' },
      loop: { link: 'loop' },
      'real/link': { link: '.' },
    });
    const { walk } = base(directory);
    expect(isLost(caught(() => walk.at(path)))).toBe(true);
    expect(isLost(caught(() => walk.at('real/sub')))).toBe(false);
  });
});

test('a directory that is swapped for a link while it is held does not redirect a write', () => {
  const directory = freshDirectory();
  mkdirSync(join(directory, 'sub'));
  mkdirSync(join(directory, 'victim'));
  const base = openBase(directory);
  const held = openChild(base, 'sub');
  renameSync(join(directory, 'sub'), join(directory, 'moved'));
  symlinkSync('victim', join(directory, 'sub'));
  writeFileSync(inside(held, 'x'), '');
  expect(Object.keys(survey(directory))).toEqual(['moved', 'moved/x', 'sub', 'victim']);
  closeDirectory(held);
  closeDirectory(base);
  rmSync(join(directory, 'sub'));
});

test('a base whose path leads through a link by now is not opened', () => {
  const directory = freshDirectory();
  plant(directory, { 'home/app/cron.d/own': '', 'etc/cron.d/theirs': '' });
  const path = join(directory, 'home/app/cron.d');
  closeDirectory(openBase(path));
  renameSync(join(directory, 'home/app'), join(directory, 'home/before'));
  symlinkSync('../etc', join(directory, 'home/app'));
  expect(isLost(caught(() => openBase(path)))).toBe(true);
});
