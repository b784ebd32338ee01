import {
  chmodSync,
  lstatSync,
  mkdirSync,
  readdirSync,
  renameSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { refuseConflicts } from '../../../src/pack/place/plan.ts';
import { journalsOf, planFor, plant, restore, STAMP, scene, survey, type Tree } from './scene.ts';

const OLD: Tree = {
  '.env': 'old',
  'certs/tls.key': 'same',
  'certs/current': { link: 'tls.key' },
  mine: 'mine',
};
const NEW: Tree = {
  '.env': 'new',
  certs: { dir: true },
  'certs/tls.key': 'same',
  'certs/current': { link: 'other.key' },
  'certs/other.key': 'other',
  'bin/run': { text: 'run', mode: 0o755 },
};
const UNTOUCHED = { certs: 'dir 0700', 'certs/tls.key': 'file 0600 same', mine: 'file 0600 mine' };
const PLACED = { 'certs/other.key': 'file 0600 other', bin: 'dir 0700', 'bin/run': 'file 0700 run' };

describe('an existing target', () => {
  test('refuse: says what differs, and nothing changes', async () => {
    const place = scene(OLD);
    const before = survey(place.directory);
    const plan = await planFor(place, NEW);
    expect(plan.counts).toMatchObject({ create: 2, same: 2, conflict: 2 });
    expect(() => refuseConflicts(plan)).toThrowError(/already holds 2 entries that differ/);
    await expect(restore(place, NEW)).rejects.toMatchObject({
      code: 'target-exists',
      exitCode: 11,
      hint: `${place.target}/.env, ${place.target}/certs/current; choose --existing replace, bak or skip, or another --target`,
    });
    expect(survey(place.directory)).toEqual(before);
  });

  test('refuse: lists ten of many', async () => {
    const tree = Object.fromEntries(Array.from({ length: 13 }, (_, index) => [`f${index}`, 'new']));
    const place = scene(Object.fromEntries(Object.keys(tree).map((path) => [path, 'old'])));
    await expect(restore(place, tree)).rejects.toMatchObject({
      hint: expect.stringMatching(/f9 and 3 more;/),
    });
  });

  test('refuse: adds what is new beside what is there and the same', async () => {
    const place = scene(OLD);
    await restore(place, { 'certs/tls.key': 'same', fresh: 'fresh', 'deep/er/file': 'x' });
    expect(survey(place.target)).toMatchObject({
      ...UNTOUCHED,
      fresh: 'file 0600 fresh',
      'deep/er': 'dir 0700',
    });
  });

  test('replace: what differs is new, all else stays', async () => {
    const place = scene(OLD);
    const plan = await planFor(place, NEW, { existing: 'replace' });
    expect(plan.replaces.map(({ entry }) => entry.path)).toEqual(['.env', 'certs/current']);
    const report = await restore(place, NEW, { existing: 'replace' });
    expect(report.counts).toMatchObject({ create: 2, replace: 2, same: 2 });
    expect(survey(place.target)).toEqual({
      ...UNTOUCHED,
      ...PLACED,
      '.env': 'file 0600 new',
      'certs/current': 'link other.key',
    });
    expect(journalsOf(place)).toEqual([]);
  });

  test('bak: the old content stays beside, 0600 whatever its mode was', async () => {
    const place = scene({ ...OLD, '.env': { text: 'old', mode: 0o644 } });
    const plan = await planFor(place, NEW, { existing: 'bak' });
    expect(plan.entries[0]).toMatchObject({ action: 'bak', keptAs: `${place.target}/.env.${STAMP}.bak` });
    expect(plan.replaces).toEqual([]);
    await restore(place, NEW, { existing: 'bak' });
    expect(survey(place.target)).toEqual({
      ...UNTOUCHED,
      ...PLACED,
      '.env': 'file 0600 new',
      [`.env.${STAMP}.bak`]: 'file 0600 old',
      'certs/current': 'link other.key',
      [`certs/current.${STAMP}.bak`]: 'link tls.key',
    });
  });

  test('bak: a name that is taken is not used, and a long one is cut', async () => {
    const long = 'ü'.repeat(127);
    const place = scene({ a: 'old', [`a.${STAMP}.bak`]: 'earlier', [long]: 'old' });
    await restore(place, { a: 'new', [long]: 'new' }, { existing: 'bak' });
    const found = survey(place.target);
    expect(found).toMatchObject({
      a: 'file 0600 new',
      [`a.${STAMP}.bak`]: 'file 0600 earlier',
      [`a.${STAMP}-2.bak`]: 'file 0600 old',
      [long]: 'file 0600 new',
      [`${'ü'.repeat(117)}.${STAMP}.bak`]: 'file 0600 old',
    });
  });

  test('skip: what is there stays', async () => {
    const place = scene(OLD);
    const report = await restore(place, NEW, { existing: 'skip' });
    expect(report.counts).toMatchObject({ create: 2, skip: 2, same: 2 });
    expect(survey(place.target)).toEqual({
      ...UNTOUCHED,
      ...PLACED,
      '.env': 'file 0600 old',
      'certs/current': 'link tls.key',
    });
  });

  test('a file becomes a link and a link a file', async () => {
    const place = scene({ a: 'file', b: { link: 'elsewhere' } });
    await restore(place, { a: { link: 'b' }, b: 'file' }, { existing: 'replace' });
    expect(survey(place.target)).toEqual({ a: 'link b', b: 'file 0600 file' });
  });

  test('a link is replaced itself, not what it leads to', async () => {
    const place = scene({ a: { link: '../victim' } });
    plant(place.directory, { victim: 'victim' });
    await restore(place, { a: 'new' }, { existing: 'replace' });
    expect(survey(place.directory)).toMatchObject({
      victim: 'file 0600 victim',
      'target/a': 'file 0600 new',
    });
  });

  test('what is the same stays as it is, in whatever mode', async () => {
    const place = scene({ a: { text: 'a', mode: 0o640 }, b: { text: 'b', mode: 0o400 } });
    const plan = await planFor(place, { a: 'a', b: 'b' }, { existing: 'replace' });
    expect(plan.entries.map(({ action, reason }) => [action, reason])).toEqual([
      ['same', undefined],
      ['same', undefined],
    ]);
    await restore(place, { a: 'a', b: 'b' }, { existing: 'replace' });
    expect(survey(place.target)).toEqual({ a: 'file 0640 a', b: 'file 0400 b' });
  });

  test('nothing at all is written when all is the same', async () => {
    const place = scene(OLD);
    chmodSync(place.target, 0o500);
    const before = lstatSync(place.target);
    const report = await restore(place, OLD);
    expect(report.counts.same).toBe(4);
    expect(lstatSync(place.target)).toMatchObject({ ctimeMs: before.ctimeMs, mtimeMs: before.mtimeMs });
    expect(journalsOf(place)).toEqual([]);
  });

  test('an empty directory is an existing target: it stays the same directory', async () => {
    const place = scene({});
    const { ino } = lstatSync(place.target);
    await restore(place, NEW);
    expect(lstatSync(place.target).ino).toBe(ino);
  });

  test('a link above the target is followed, once', async () => {
    const place = scene();
    mkdirSync(join(place.directory, 'real'));
    symlinkSync('real', join(place.directory, 'way'));
    const report = await restore({ ...place, target: join(place.directory, 'way/target') }, { a: 'a' });
    expect(report.root).toBe(join(place.directory, 'real/target'));
    expect(survey(join(place.directory, 'real'))).toEqual({ target: 'dir 0700', 'target/a': 'file 0600 a' });
  });
});

describe('what is in the way', () => {
  const cases: [string, Tree, Tree, string, string][] = [
    ['a directory where a file goes', { 'a/b': '' }, { a: '' }, 'in-the-way', 'a directory'],
    ['a directory where a link goes', { 'a/b': '' }, { a: { link: 'b' } }, 'in-the-way', 'a directory'],
    ['a file where a directory goes', { a: '' }, { a: { dir: true } }, 'in-the-way', 'a file'],
    ['a file above an entry', { a: '' }, { 'a/b/c': '' }, 'in-the-way', 'a file'],
    [
      'a link where a directory goes',
      { a: { link: '.' } },
      { a: { dir: true } },
      'symlink-in-the-way',
      'a symb',
    ],
    ['a link right above an entry', { a: { link: '..' } }, { 'a/b': '' }, 'symlink-in-the-way', 'a symb'],
    ['a link far above an entry', { a: { link: '.' } }, { 'a/b/c/d': '' }, 'symlink-in-the-way', 'a symb'],
    ['a link in the middle', { 'a/b': { link: '/' } }, { 'a/b/c/d': '' }, 'symlink-in-the-way', 'a symb'],
    ['a link that leads nowhere', { a: { link: 'no' } }, { 'a/b': '' }, 'symlink-in-the-way', 'a symb'],
  ];
  for (const existing of ['refuse', 'replace', 'bak', 'skip'] as const) {
    test.each(cases)(`is a conflict under ${existing}: %s`, async (_, old, tree, code, what) => {
      const place = scene(old);
      const before = survey(place.directory);
      await expect(restore(place, { ...tree, fine: '' }, { existing })).rejects.toMatchObject({
        code,
        exitCode: 11,
        hint: expect.stringContaining(`${what}`),
      });
      expect(survey(place.directory)).toEqual(before);
    });
  }

  test('is a conflict when the target itself is a file, or a link that leads nowhere', async () => {
    const place = scene();
    writeFileSync(place.target, 'file');
    await expect(restore(place, { a: 'a' })).rejects.toMatchObject({ code: 'in-the-way' });
    renameSync(place.target, `${place.target}.away`);
    symlinkSync('nowhere', place.target);
    await expect(restore(place, { a: 'a' })).rejects.toMatchObject({ code: 'symlink-in-the-way' });
    expect(survey(place.directory)).toMatchObject({
      target: 'link nowhere',
      'target.away': 'file 0644 file',
    });
  });
});

describe('protected paths', () => {
  const options = (place: { target: string }, existing: 'refuse' | 'replace' | 'skip') => ({
    existing,
    protect: [join(place.target, 'strongroom.yaml')],
  });

  test.each(['refuse', 'replace'] as const)('land beside under %s', async (existing) => {
    const place = scene({ 'strongroom.yaml': 'active' });
    const report = await restore(place, { 'strongroom.yaml': 'recorded' }, options(place, existing));
    expect(report.counts.aside).toBe(1);
    expect(survey(place.target)).toEqual({
      'strongroom.yaml': 'file 0600 active',
      'strongroom.yaml.restored': 'file 0600 recorded',
    });
  });

  test('never take the place of an earlier one, or of an entry', async () => {
    const place = scene({ 'strongroom.yaml': 'active', 'strongroom.yaml.restored': 'earlier' });
    await restore(place, { 'strongroom.yaml': 'recorded' }, options(place, 'replace'));
    const landed = `strongroom.yaml.${STAMP}.restored`;
    expect(survey(place.target)).toMatchObject({
      'strongroom.yaml.restored': 'file 0600 earlier',
      [landed]: 'file 0600 recorded',
    });
    const other = scene({ 'strongroom.yaml': 'active' });
    const tree = { 'strongroom.yaml': 'recorded', 'strongroom.yaml.restored': 'an entry' };
    await restore(other, tree, options(other, 'replace'));
    expect(survey(other.target)).toMatchObject({
      'strongroom.yaml': 'file 0600 active',
      'strongroom.yaml.restored': 'file 0600 an entry',
      [landed]: 'file 0600 recorded',
    });
  });

  test('are left alone when they are the same, wider or not, and are made when they are not there', async () => {
    const place = scene({ 'strongroom.yaml': { text: 'same', mode: 0o644 } });
    await restore(place, { 'strongroom.yaml': 'same' }, options(place, 'replace'));
    expect(survey(place.target)).toEqual({ 'strongroom.yaml': 'file 0644 same' });
    const other = scene({});
    await restore(other, { 'strongroom.yaml': 'same' }, options(other, 'replace'));
    expect(survey(other.target)).toEqual({ 'strongroom.yaml': 'file 0600 same' });
  });

  test('are known by whatever name leads to them', async () => {
    const place = scene({ 'real.yaml': 'active' });
    symlinkSync('real.yaml', join(place.target, 'strongroom.yaml'));
    await restore(place, { 'real.yaml': 'recorded' }, options(place, 'replace'));
    expect(survey(place.target)).toMatchObject({ 'real.yaml': 'file 0600 active' });
  });
});

describe('entries outside the root', () => {
  test('stay below the target unless told where they belong', async () => {
    const place = scene();
    await restore(place, { '@outside/etc/x.pem': 'x' });
    expect(survey(place.target)).toMatchObject({ '@outside/etc/x.pem': 'file 0600 x' });
  });

  test('go where they belong, with the target in one step', async () => {
    const place = scene();
    plant(place.directory, { 'world/etc/there.pem': 'old' });
    const tree = {
      '@outside': { dir: true },
      '@outside/etc': { dir: true },
      '@outside/etc/there.pem': 'new',
      '@outside/secure/x.pem': 'x',
      '.env': 'env',
    } as const;
    const outside = join(place.directory, 'world');
    const plan = await planFor(place, tree, { outside, existing: 'replace' });
    expect(plan.fresh).toBe(false);
    await restore(place, tree, { outside, existing: 'replace' });
    expect(survey(place.directory)).toMatchObject({
      'world/etc': 'dir 0700',
      'world/etc/there.pem': 'file 0600 new',
      'world/secure/x.pem': 'file 0600 x',
      'target/.env': 'file 0600 env',
    });
    expect(readdirSync(place.target)).toEqual(['.env']);
  });

  test('never meet those inside on one path', async () => {
    const place = scene({});
    const name = place.target.slice(place.directory.length + 1);
    const tree = { x: 'a', [`@outside/${name}/x`]: 'b' };
    await expect(planFor(place, tree, { outside: place.directory })).rejects.toMatchObject({ exitCode: 13 });
  });
});
