// What a placement moves aside, and files that it takes by a second name.

import { lstatSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { parseJournal } from '../../../src/pack/place/journal-text.ts';
import { recoverPlacement } from '../../../src/pack/place/recover.ts';
import { openStaging } from '../../../src/pack/place/stage.ts';
import { bury, dieAfter, seen } from './crash.ts';
import { type Choices, entriesOf, planFor, restore, type Scene, scene, survey, type Tree } from './scene.ts';

const OLD: Tree = {
  'was-file/x': 'a directory where a file belongs',
  'was-dir': 'a file where a directory belongs',
  'was-dir-2': { link: 'was-file' },
  'added/deep/y': 'new',
  '.env': 'new env',
};
const NEW: Tree = {
  'was-file': 'file',
  'was-dir': { dir: true },
  'was-dir/x': 'x',
  'was-dir-2': { dir: true },
  '.env': 'old env',
};

function choices(place: Scene): Choices {
  const to = (path: string) => join(place.directory, 'aside', path.slice(place.target.length));
  mkdirSync(join(place.directory, 'aside'), { recursive: true, mode: 0o700 });
  return { existing: 'replace', outside: '/', aside: { unwanted: ['added', 'not-there'], to } };
}

test('what is in the way and what is not wanted move aside, whole', async () => {
  const place = scene(OLD);
  await restore(place, NEW, choices(place));
  expect(Object.keys(survey(place.target)).sort()).toEqual([...Object.keys(NEW)].sort());
  expect(survey(join(place.directory, 'aside'))).toEqual({
    'was-file': 'dir 0700',
    'was-file/x': 'file 0600 a directory where a file belongs',
    'was-dir': 'file 0600 a file where a directory belongs',
    'was-dir-2': 'link was-file',
    added: 'dir 0700',
    'added/deep': 'dir 0700',
    'added/deep/y': 'file 0600 new',
  });
  expect(readdirSync(join(place.stateDirectory, 'restores'))).toEqual([]);
});

test('without leave to move anything, all of that is in the way', async () => {
  const place = scene(OLD);
  await expect(restore(place, NEW, { existing: 'replace' })).rejects.toMatchObject({ exitCode: 11 });
});

test('killed at any change, all of it is back, or done', async () => {
  const whole = scene(OLD);
  const how = choices(whole);
  const before = JSON.stringify(survey(whole.target));
  await restore(whole, NEW, how);
  const after = JSON.stringify(survey(whole.target));
  const ends = new Set<string>();
  for (let changes = 0; ; changes++) {
    const place = scene(OLD);
    const how = choices(place);
    const { ended } = await dieAfter(changes, () => restore(place, NEW, how));
    bury(place);
    const half = seen(place);
    await recoverPlacement(place.target, { stateDirectory: place.stateDirectory });
    const now = JSON.stringify(survey(place.target));
    expect([before, after], `after ${changes} changes: ${JSON.stringify(half)}`).toContain(now);
    // Nothing is lost either: what is not in the target is aside.
    const aside = Object.values(survey(join(place.directory, 'aside'))).filter((v) => v.startsWith('file'));
    expect(aside).toHaveLength(now === before ? 0 : 3);
    ends.add(now);
    if (ended) break;
  }
  expect(ends.size).toBe(2);
});

test('what has a name aside already is not written over, and then nothing changes', async () => {
  const place = scene(OLD);
  const how = choices(place);
  writeFileSync(join(place.directory, 'aside/was-dir'), 'precious');
  const before = survey(place.target);
  await expect(restore(place, NEW, how)).rejects.toMatchObject({ code: 'changed-since-plan' });
  expect(survey(place.target)).toEqual(before);
  expect(readFileSync(join(place.directory, 'aside/was-dir'), 'utf8')).toBe('precious');
});

describe('a file that is adopted', () => {
  async function adopting(place: Scene, content: string) {
    const plan = await planFor(place, { x: { text: 'right', mode: 0o751 } }, { asRecorded: true });
    const staging = await openStaging(plan, { stateDirectory: place.stateDirectory, isAtHand: true });
    const from = join(place.directory, 'copy');
    writeFileSync(from, content, { mode: 0o600 });
    const [entry] = entriesOf({ x: { text: 'right', mode: 0o751 } });
    return { staging, entry: entry!, from };
  }

  test('is the same file, with the mode and time of its entry', async () => {
    const place = scene({});
    const { staging, entry, from } = await adopting(place, 'right');
    expect(staging.adopt(entry, from)).toBe(true);
    expect(staging.wants('x')).toBe(false);
    await staging.commit();
    const stats = lstatSync(join(place.target, 'x'));
    expect(stats.ino).toBe(lstatSync(from).ino);
    expect(stats.mode & 0o7777).toBe(0o751);
    expect(Math.floor(stats.mtimeMs)).toBe(entry.mtime);
  });

  test('is not taken when it has another size', async () => {
    const place = scene({});
    const { staging, entry, from } = await adopting(place, 'wrong size');
    expect(() => staging.adopt(entry, from)).toThrow(expect.objectContaining({ code: 'wrong-size' }));
    expect(survey(place.target)).toEqual({});
  });
});

test('a journal that moves something to nowhere, or a file aside that is none, is none', () => {
  const step = {
    kind: 'aside',
    unit: 0,
    group: 0,
    base: 0,
    directory: '',
    name: 'x',
    isReplacing: true,
    ino: 1,
    size: 1,
    mtimeMs: 1,
  };
  const journal = (one: object) =>
    parseJournal(
      JSON.stringify({
        format: 1,
        id: '0123456789abcdef',
        root: '/srv',
        runner: { pid: 1, started: '', boot: '', namespace: '' },
        bases: ['/srv'],
        groups: [{ base: 0, directory: '' }],
        steps: [one],
        sinceMs: 1,
      }),
      '0123456789abcdef',
    );
  const aside = { base: 0, directory: 'aside', name: 'x' };
  expect(journal({ ...step, aside })).toBeDefined();
  expect(journal(step)).toBeUndefined();
  for (const wrong of [{ base: 1 }, { directory: '../up' }, { name: '' }, { name: 'a/b' }, { name: '..' }])
    expect(journal({ ...step, aside: { ...aside, ...wrong } })).toBeUndefined();
  expect(journal({ ...step, kind: 'file', aside })).toBeUndefined();
});
