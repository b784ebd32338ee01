import { existsSync, lstatSync, readdirSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import type { Entry } from '../../../src/pack/entry.ts';
import { fsPath } from '../../../src/pack/names.ts';
import { planPlacement } from '../../../src/pack/place/plan.ts';
import { openStaging } from '../../../src/pack/place/stage.ts';
import {
  entriesOf,
  journalsOf,
  MTIME,
  NOW,
  planFor,
  plant,
  restore,
  scene,
  survey,
  type Tree,
} from './scene.ts';

const NEW: Tree = {
  '.env': 'new',
  certs: { dir: true },
  'certs/tls.key': 'same',
  'certs/current': { link: 'other.key' },
  'certs/other.key': 'other',
  'bin/run': { text: 'run', mode: 0o755 },
};
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

  test.skipIf(!existsSync('/proc/self/fd'))('may be discarded in the middle of a write', async () => {
    const place = scene();
    const plan = await planFor(place, { a: 'a'.repeat(100_000) });
    const descriptors = readdirSync('/proc/self/fd').length;
    const staging = await openStaging(plan, place);
    const file = staging.openFile(plan.entries[0]!.entry);
    const writing = file.write(Buffer.alloc(100_000));
    await staging.discard();
    await writing;
    await expect(file.write(Buffer.alloc(1))).rejects.toMatchObject({ code: 'place-failed' });
    await expect(file.close()).rejects.toMatchObject({ code: 'place-failed' });
    expect(readdirSync('/proc/self/fd')).toHaveLength(descriptors);
    expect(readdirSync(place.directory)).toEqual(['state']);
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
