import {
  chmodSync,
  existsSync,
  lstatSync,
  mkdirSync,
  readdirSync,
  renameSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import type { Entry } from '../../../src/pack/entry.ts';
import { fsPath } from '../../../src/pack/names.ts';
import { planPlacement, refuseConflicts } from '../../../src/pack/place/plan.ts';
import { openStaging } from '../../../src/pack/place/stage.ts';
import {
  entriesOf,
  journalsOf,
  MTIME,
  NOW,
  planFor,
  plant,
  restore,
  STAMP,
  scene,
  survey,
  type Tree,
} from './scene.ts';

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

describe('a new target', () => {
  test('holds every entry, 0600 and 0700, with its times', async () => {
    const place = scene();
    const report = await restore(place, NEW);
    expect(survey(place.target)).toEqual({
      '.env': 'file 0600 new',
      certs: 'dir 0700',
      'certs/tls.key': 'file 0600 same',
      'certs/current': 'link other.key',
      ...PLACED,
    });
    expect(statSync(place.target).mode & 0o7777).toBe(0o700);
    for (const path of ['.env', 'certs', 'certs/current', 'bin/run']) {
      expect(Math.floor(lstatSync(join(place.target, path)).mtimeMs)).toBe(MTIME);
    }
    expect(report.counts).toMatchObject({ create: 6, same: 0 });
    expect(report.narrower).toBe(5);
    expect(readdirSync(place.directory)).toEqual(['state', 'target']);
    expect(journalsOf(place)).toEqual([]);
  });

  test('is not there before the commit, and leaves nothing when discarded', async () => {
    const place = scene();
    const plan = await planFor(place, { a: 'a', b: 'b' });
    expect(plan.fresh).toBe(true);
    const staging = await openStaging(plan, place);
    staging.file(plan.entries[0]!.entry, Buffer.from('a'));
    expect(existsSync(place.target)).toBe(false);
    expect(readdirSync(place.directory)).toHaveLength(2);
    await staging.discard();
    await staging.discard();
    expect(readdirSync(place.directory)).toEqual(['state']);
    expect(journalsOf(place)).toEqual([]);
  });

  test('comes with the directories that are missing on the way to it', async () => {
    const place = scene();
    const target = join(place.directory, 'a/b/c');
    await restore({ ...place, target }, { x: 'x' });
    expect(survey(join(place.directory, 'a'))).toEqual({
      b: 'dir 0700',
      'b/c': 'dir 0700',
      'b/c/x': 'file 0600 x',
    });
  });

  test('is made even when there is nothing to put into it', async () => {
    const place = scene();
    await restore(place, {});
    expect(survey(place.target)).toEqual({});
  });

  test('is refused when something has taken its name since the plan', async () => {
    const place = scene();
    const plan = await planFor(place, { a: 'a' });
    const staging = await openStaging(plan, place);
    staging.file(plan.entries[0]!.entry, Buffer.from('a'));
    plant(place.target, { theirs: 'theirs' });
    await expect(staging.commit()).rejects.toMatchObject({ code: 'changed-since-plan', exitCode: 11 });
    expect(survey(place.directory)).toEqual({
      state: 'dir 0700',
      'state/restores': 'dir 0700',
      target: 'dir 0700',
      'target/theirs': 'file 0600 theirs',
    });
  });

  test('keeps names that are not UTF-8, hold newlines, begin with dashes or are long', async () => {
    const place = scene();
    const names = ['caf\udce9', 'two\nlines', '-rf', ' ', '√-ü', 'x'.repeat(255), `${'d'.repeat(200)}/x`];
    await restore(place, Object.fromEntries(names.map((name) => [name, name.length.toString()])));
    for (const name of names) expect(lstatSync(fsPath(`${place.target}/${name}`)).isFile()).toBe(true);
    expect(readdirSync(Buffer.from(place.target), 'buffer')).toContainEqual(Buffer.from('caf\xe9', 'latin1'));
  });

  test('keeps times before 1970 and to the millisecond', async () => {
    const place = scene();
    const times = [-86_400_000, -1, 0, 1, 999, 1_732_012_345_123, 1_732_012_345_999];
    const entries = times.map((mtime, index): Entry => ({ ...entriesOf({ [`f${index}`]: '' })[0]!, mtime }));
    const options = { existing: 'refuse', asRecorded: false, now: NOW, ...place } as const;
    const staging = await openStaging(await planPlacement(entries, { root: place.target }, options), place);
    for (const entry of entries) staging.file(entry, Buffer.alloc(0));
    await staging.commit();
    const found = entries.map(({ path }) => Math.floor(lstatSync(join(place.target, path)).mtimeMs));
    expect(found).toEqual(times);
  });
});

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

  test('what is the same but wider is replaced, and ends 0600', async () => {
    const place = scene({ a: { text: 'a', mode: 0o640 }, b: { text: 'b', mode: 0o400 } });
    const plan = await planFor(place, { a: 'a', b: 'b' }, { existing: 'replace' });
    expect(plan.entries.map(({ action, reason }) => [action, reason])).toEqual([
      ['replace', 'its mode is wider'],
      ['same', undefined],
    ]);
    await restore(place, { a: 'a', b: 'b' }, { existing: 'replace' });
    expect(survey(place.target)).toEqual({ a: 'file 0600 a', b: 'file 0400 b' });
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

describe('what comes', () => {
  test('must be all that was planned', async () => {
    const place = scene({ a: 'old' });
    const plan = await planFor(place, { a: 'new', b: 'b' }, { existing: 'replace' });
    const staging = await openStaging(plan, place);
    expect([staging.wants('a'), staging.wants('b'), staging.wants('c')]).toEqual([true, true, false]);
    staging.file(plan.entries[0]!.entry, Buffer.from('new'));
    expect(staging.wants('a')).toBe(false);
    await expect(staging.commit()).rejects.toMatchObject({ code: 'missing-entry', exitCode: 13 });
    expect(survey(place.target)).toEqual({ a: 'file 0600 old' });
  });

  test('must be closed', async () => {
    const place = scene();
    const plan = await planFor(place, { a: 'a' });
    const staging = await openStaging(plan, place);
    await staging.openFile(plan.entries[0]!.entry).write(Buffer.from('a'));
    await expect(staging.commit()).rejects.toMatchObject({ code: 'missing-entry' });
    expect(readdirSync(place.directory)).toEqual(['state']);
  });

  test.each(['', 'a', 'aaa'])('must be as long as was said (%j)', async (content) => {
    const place = scene({});
    const plan = await planFor(place, { a: 'aa' });
    const staging = await openStaging(plan, place);
    const bytes = Buffer.from(content);
    expect(() => staging.file(plan.entries[0]!.entry, bytes)).toThrow(/has \d bytes and not 2/);
    const again = await openStaging(plan, place);
    const file = again.openFile(plan.entries[0]!.entry);
    await file.write(bytes);
    await expect(file.close()).rejects.toMatchObject({ code: 'wrong-size', exitCode: 13 });
    expect(survey(place.target)).toEqual({});
  });

  test('must come once, and be in the plan', async () => {
    const place = scene({});
    const plan = await planFor(place, { a: 'a' });
    const twice = await openStaging(plan, place);
    twice.file(plan.entries[0]!.entry, Buffer.from('a'));
    expect(() => twice.file(plan.entries[0]!.entry, Buffer.from('a'))).toThrow(/is there twice/);
    const other = await openStaging(plan, place);
    expect(() => other.file(entriesOf({ b: '' })[0]!, Buffer.alloc(0))).toThrow(/is not part of the plan/);
    expect(survey(place.target)).toEqual({});
  });

  test('is dropped when it is not needed', async () => {
    const place = scene({ a: 'a' });
    const plan = await planFor(place, { a: 'a', b: 'b' });
    const staging = await openStaging(plan, place);
    expect(staging.wants('a')).toBe(false);
    staging.file(plan.entries[0]!.entry, Buffer.from('a'));
    const file = staging.openFile(plan.entries[0]!.entry);
    await file.write(Buffer.from('whatever'));
    await file.close();
    staging.file(plan.entries[1]!.entry, Buffer.from('b'));
    await staging.commit();
    expect(survey(place.target)).toEqual({ a: 'file 0600 a', b: 'file 0600 b' });
  });

  test('may come in pieces', async () => {
    const place = scene();
    const text = 'x'.repeat(100_000);
    await restore(place, { 'large.bin': text, 'large empty': '' });
    expect(survey(place.target)).toEqual({
      'large.bin': `file 0600 ${text}`,
      'large empty': 'file 0600 ',
    });
  });
});

describe('a target that changes after the plan', () => {
  const changes: [string, (target: string) => void][] = [
    ['a file is written', (target) => writeFileSync(join(target, 'a'), 'their new text')],
    ['a file is replaced', (target) => swapIn(target, 'a', 'text')],
    ['a file is gone', (target) => renameSync(join(target, 'a'), join(target, 'elsewhere'))],
    ['a name is taken', (target) => writeFileSync(join(target, 'sub/new'), 'theirs')],
    ['a directory is replaced by a link', (target) => linkAway(target, 'sub')],
    ['a directory is gone', (target) => renameSync(join(target, 'sub'), join(target, 'elsewhere'))],
    ['a name for a directory is taken', (target) => mkdirSync(join(target, 'dir'))],
    ['a name for a link is taken', (target) => writeFileSync(join(target, 'link'), '')],
  ];
  test.each(changes)('is left as it is: %s', async (_, change) => {
    const place = scene({ a: 'old!', z: 'old', 'sub/x': 'x' });
    plant(place.directory, { elsewhere: { dir: true } });
    const tree: Tree = { a: 'new', 'sub/new': 'new', z: 'new', 'dir/x': 'x', link: { link: 'a' } };
    const plan = await planFor(place, tree, { existing: 'replace' });
    const staging = await openStaging(plan, place);
    for (const { entry } of plan.entries) {
      if (entry.type === 'file') staging.file(entry, Buffer.from(tree[entry.path] as string));
    }
    change(place.target);
    const marker = readdirSync(place.target).find((name) => name.startsWith('.strongroom-restore-'))!;
    const before = Object.entries(survey(place.directory)).filter(([path]) => !path.includes(marker));
    await expect(staging.commit()).rejects.toMatchObject({ code: 'changed-since-plan', exitCode: 11 });
    const after = Object.entries(survey(place.directory));
    const withoutJournals = (all: [string, string][]) => all.filter(([path]) => !path.startsWith('state/'));
    expect(withoutJournals(after)).toEqual(withoutJournals(before));
    expect(journalsOf(place)).toEqual([]);
  });

  function swapIn(target: string, name: string, text: string): void {
    writeFileSync(join(target, 'other'), text);
    renameSync(join(target, 'other'), join(target, name));
  }

  function linkAway(target: string, name: string): void {
    renameSync(join(target, name), join(target, 'elsewhere'));
    symlinkSync('../elsewhere', join(target, name));
  }
});

describe('a signal', () => {
  test('stops a restore before anything has changed', async () => {
    const place = scene({ a: 'old' });
    const abort = new AbortController();
    const plan = await planFor(place, { a: 'new' }, { existing: 'replace' });
    const staging = await openStaging(plan, { ...place, signal: abort.signal });
    staging.file(plan.entries[0]!.entry, Buffer.from('new'));
    abort.abort();
    await expect(staging.commit()).rejects.toMatchObject({ exitCode: 130 });
    expect(survey(place.target)).toEqual({ a: 'file 0600 old' });
    expect(journalsOf(place)).toEqual([]);
    await expect(restore(place, { a: 'new' }, { existing: 'replace', signal: abort.signal })).rejects.toThrow(
      'interrupted',
    );
  });
});

test('a file system that does not tell names apart is found out', async () => {
  // On one that does, two entries for one name can be had only by a name that is normalised to another.
  const place = scene();
  const plan = await planFor(place, { same: '1', SAME: '2' });
  const staging = await openStaging(plan, place);
  const [marker] = readdirSync(place.directory).filter((name) => name.startsWith('.strongroom'));
  writeFileSync(join(place.directory, marker!, 'new/0/SAME'), '');
  staging.file(plan.entries[0]!.entry, Buffer.from('1'));
  expect(() => staging.file(plan.entries[1]!.entry, Buffer.from('2'))).toThrow(/the same name as another/);
  expect(readdirSync(place.directory)).toEqual(['state']);
});
