import {
  appendFileSync,
  chmodSync,
  chownSync,
  existsSync,
  linkSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  symlinkSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';
import { describe, expect, test } from 'vitest';
import { markerName } from '../../../src/pack/place/marker.ts';
import { recoverPlacement } from '../../../src/pack/place/recover.ts';
import { thisRunner } from '../../../src/pack/place/runner.ts';
import { bury, dieAfter, seen } from './crash.ts';
import { type Choices, journalsOf, plant, restore, type Scene, scene, survey, type Tree } from './scene.ts';

const isRoot = process.getuid!() === 0;
const OLD: Tree = { '.env': 'old', 'certs/key': 'old key', link: { link: 'old' } };
const NEW: Tree = {
  '.env': 'new',
  'certs/key': 'new key',
  link: { link: 'new' },
  'tree/deep/x': 'x',
  more: 'more',
};

const moments = new Map<string, number>();

/** A target in which everything is placed and nothing committed: the last moment of a restore that can be undone. */
async function brokenOff(
  old: Tree = OLD,
  tree: Tree = NEW,
  choices: Choices = { existing: 'replace' },
): Promise<Scene> {
  const key = JSON.stringify([old, tree, choices]);
  const whole = scene(old);
  await restore(whole, tree, choices);
  const done = JSON.stringify(seen(whole));
  for (let changes = moments.get(key) ?? 0; ; changes++) {
    const place = scene(old);
    const { ended } = await dieAfter(changes, () => restore(place, tree, choices));
    bury(place);
    if (JSON.stringify(seen(place)) === done && journalsOf(place)[0]?.endsWith('.journal')) {
      moments.set(key, changes);
      return place;
    }
    rmSync(place.directory, { recursive: true });
    if (ended) throw new Error('there is no such moment');
  }
}

function contentOf(place: Scene): Record<string, string> {
  return Object.fromEntries(Object.entries(seen(place)).filter(([path]) => path.startsWith('target/')));
}

const AS_BEFORE = {
  'target/.env': 'file 0600 old',
  'target/certs': 'dir 0700',
  'target/certs/key': 'file 0600 old key',
  'target/link': 'link old',
};

async function recover(place: Scene): Promise<{ outcome: string; warnings: string[] }> {
  const warnings: string[] = [];
  const onWarning = (message: string) => warnings.push(message);
  return { outcome: await recoverPlacement(place.target, { ...place, onWarning }), warnings };
}

describe('what changed after a restore broke off', () => {
  test('is nothing: all is as before', async () => {
    const place = await brokenOff();
    expect(await recover(place)).toEqual({ outcome: 'undone', warnings: [] });
    expect(contentOf(place)).toEqual(AS_BEFORE);
  });

  const changes: [string, (target: string) => void, RegExp, RegExp][] = [
    ['a file that was replaced', (target) => appendFileSync(join(target, '.env'), '!'), /^\.env\./, /new!/],
    ['a file that was new', (target) => appendFileSync(join(target, 'more'), '!'), /^more\./, /more!/],
    ['a file replaced by another', (target) => replace(target, '.env'), /^\.env\./, /theirs/],
    ['a link replaced by a file', (target) => replace(target, 'link'), /^link\./, /theirs/],
  ];
  test.each(changes)('is kept beside: %s', async (_, change, name, content) => {
    const place = await brokenOff();
    change(place.target);
    const { outcome, warnings } = await recover(place);
    expect(outcome).toBe('undone');
    expect(contentOf(place)).toMatchObject(AS_BEFORE);
    const kept = readdirSync(place.target).filter((entry) => /^[^/]*\.\d{8}T\d{6}Z\.bak$/.test(entry));
    expect(kept).toEqual([expect.stringMatching(name)]);
    expect(readFileSync(join(place.target, kept[0]!), 'utf8')).toMatch(content);
    expect(warnings).toEqual([
      expect.stringMatching(/was changed after the restore broke off, so it is kept as '/),
    ]);
  });

  test('is kept beside: a file in a directory that was new', async () => {
    const place = await brokenOff();
    await wait(20); // The clock of a file system is coarse.
    writeFileSync(join(place.target, 'tree/deep/theirs'), 'theirs');
    const { warnings } = await recover(place);
    const kept = readdirSync(place.target).find((name) => name.startsWith('tree.'))!;
    expect(readFileSync(join(place.target, kept, 'deep/theirs'), 'utf8')).toBe('theirs');
    expect(warnings).toHaveLength(1);
  });

  test('does not matter where the file is gone', async () => {
    const place = await brokenOff();
    for (const path of ['.env', 'more', 'tree']) rmSync(join(place.target, path), { recursive: true });
    expect((await recover(place)).warnings).toEqual([]);
    expect(contentOf(place)).toEqual(AS_BEFORE);
  });

  test('can be a directory that is gone: the old file waits until it is back', async () => {
    const place = await brokenOff();
    rmSync(join(place.target, 'certs'), { recursive: true });
    const refusal = { code: 'directory-gone', exitCode: 11, hint: expect.stringContaining('--recover') };
    await expect(recover(place)).rejects.toMatchObject(refusal);
    bury(place);
    mkdirSync(join(place.target, 'certs'), { mode: 0o700 });
    expect((await recover(place)).outcome).toBe('undone');
    expect(contentOf(place)).toEqual(AS_BEFORE);
  });

  test('can be a directory that became a link: nothing goes through it', async () => {
    const place = await brokenOff();
    plant(place.directory, { 'victim/key': 'victim' });
    renameSync(join(place.target, 'certs'), join(place.directory, 'moved'));
    symlinkSync('../victim', join(place.target, 'certs'));
    await expect(recover(place)).rejects.toMatchObject({ code: 'directory-gone' });
    expect(survey(join(place.directory, 'victim'))).toEqual({ key: 'file 0600 victim' });
  });

  test('can be the whole target: it may be restored anew', async () => {
    const place = await brokenOff();
    rmSync(place.target, { recursive: true });
    expect((await recover(place)).outcome).toBe('nothing');
    await restore(place, { a: 'a' });
    expect((await recover(place)).outcome).toBe('nothing');
    expect(survey(place.target)).toEqual({ a: 'file 0600 a' });
  });

  test('can be that the target was away for a while: the journal waits', async () => {
    const place = await brokenOff();
    renameSync(place.target, `${place.target}.away`);
    plant(place.target, { other: 'other' });
    const { outcome, warnings } = await recover(place);
    expect([outcome, warnings]).toEqual([
      'nothing',
      [expect.stringMatching(/no longer holds the unfinished/)],
    ]);
    rmSync(place.target, { recursive: true });
    renameSync(`${place.target}.away`, place.target);
    expect((await recover(place)).outcome).toBe('undone');
    expect(contentOf(place)).toEqual(AS_BEFORE);
  });

  function replace(target: string, name: string): void {
    writeFileSync(join(target, 'theirs'), 'theirs');
    renameSync(join(target, 'theirs'), join(target, name));
  }
});

describe('an unfinished restore', () => {
  test('belongs to the process that recovers it, so that no other one does', async () => {
    const place = await brokenOff();
    await dieAfter(12, () => recoverPlacement(place.target, place));
    const [journal] = journalsOf(place);
    const { runner } = JSON.parse(readFileSync(join(place.stateDirectory, 'restores', journal!), 'utf8'));
    expect(runner).toEqual(thisRunner());
    expect((await recover(place)).outcome).toBe('undone');
    expect(contentOf(place)).toEqual(AS_BEFORE);
  });

  test('is in the way of another into the same target, until it is recovered', async () => {
    const place = await brokenOff();
    await expect(restore(place, { x: 'x' })).rejects.toMatchObject({ code: 'restore-pending', exitCode: 11 });
    expect((await recover(place)).outcome).toBe('undone');
    await restore(place, { x: 'x' });
  });

  test('is found by whatever path leads to the target', async () => {
    const place = await brokenOff();
    symlinkSync('target', join(place.directory, 'way'));
    expect((await recover({ ...place, target: join(place.directory, './way/../way/') })).outcome).toBe(
      'undone',
    );
  });

  test('of another target is left alone; what was only staged for it is removed', async () => {
    const place = await brokenOff();
    const other = { ...place, target: join(place.directory, 'other') };
    await dieAfter(8, () => restore(other, NEW));
    bury(place);
    const staged = () =>
      readdirSync(place.directory).filter((name) => name.startsWith('.strongroom-restore-'));
    expect(staged()).toHaveLength(1);
    expect((await recover({ ...place, target: join(place.directory, 'third') })).outcome).toBe('nothing');
    expect(staged()).toEqual([]);
    expect(journalsOf(place)).toHaveLength(1);
    expect((await recover(place)).outcome).toBe('undone');
  });

  test('whose journal is elsewhere is told of, and nothing is touched', async () => {
    const place = await brokenOff();
    const before = survey(place.directory);
    const elsewhere = { ...place, stateDirectory: join(place.directory, 'state2') };
    await expect(recover(elsewhere)).rejects.toMatchObject({
      code: 'restore-pending',
      exitCode: 11,
      hint: expect.stringContaining('state2'),
    });
    expect(survey(place.directory)).toEqual(before);
  });

  test('of a tree that was moved since is told of', async () => {
    const place = await brokenOff();
    renameSync(place.target, `${place.target}2`);
    await expect(recover({ ...place, target: `${place.target}2` })).rejects.toMatchObject({
      code: 'restore-pending',
    });
  });

  test('that never finished writing its journal leaves that for a while only', async () => {
    const place = scene({});
    const part = join(place.stateDirectory, 'restores', `${'0'.repeat(16)}.part`);
    mkdirSync(join(place.stateDirectory, 'restores'), { mode: 0o700 });
    writeFileSync(part, '{');
    await recover(place);
    expect(existsSync(part)).toBe(true);
    utimesSync(part, 0, 0);
    await recover(place);
    expect(existsSync(part)).toBe(false);
  });
});

describe('a marker that somebody planted', () => {
  test.each(['directory', 'file', 'link'])('is refused, and touches nothing (%s)', async (kind) => {
    const place = scene({ a: 'a' });
    plant(place.directory, { 'victim/new/0': 'victim' });
    const marker = join(place.target, markerName('0123456789abcdef'));
    if (kind === 'directory') mkdirSync(marker);
    else if (kind === 'file') writeFileSync(marker, '');
    else symlinkSync('../victim', marker);
    const before = survey(place.directory);
    await expect(recover(place)).rejects.toMatchObject({ code: 'restore-pending', object: marker });
    expect(survey(place.directory)).toEqual(before);
  });

  test('is no marker unless its name is one', async () => {
    const place = scene({ '.strongroom-restore-': '', '.strongroom-restore-0123456789abcdeg': '' });
    expect((await recover(place)).outcome).toBe('nothing');
  });

  test('takes the place of the real one: nothing in it is followed', async () => {
    const place = await brokenOff();
    plant(place.directory, { 'victim/new/0': 'victim', 'victim/old/0': 'planted' });
    const marker = readdirSync(place.target).find((name) => name.startsWith('.strongroom-'))!;
    rmSync(join(place.target, marker), { recursive: true });
    symlinkSync('../victim', join(place.target, marker));
    await expect(recover(place)).rejects.toMatchObject({ code: 'directory-gone' });
    expect(survey(join(place.directory, 'victim'))).toMatchObject({ 'new/0': 'file 0600 victim' });
  });

  test('was backed up: it is not restored', async () => {
    const place = scene();
    const name = markerName('0123456789abcdef');
    const report = await restore(place, { a: 'a', [name]: { dir: true }, [`${name}/new/0`]: 'x' });
    expect(report.counts).toMatchObject({ create: 1, skip: 2 });
    expect(survey(place.target)).toEqual({ a: 'file 0600 a' });
  });
});

describe('a journal', () => {
  const journalOf = (place: Scene) => join(place.stateDirectory, 'restores', journalsOf(place)[0]!);

  async function expectIgnored(place: Scene): Promise<void> {
    const before = contentOf(place);
    const warnings: string[] = [];
    const onWarning = (message: string) => warnings.push(message);
    await expect(recoverPlacement(place.target, { ...place, onWarning })).rejects.toMatchObject({
      code: 'restore-pending',
    });
    expect(warnings).toEqual([expect.stringMatching(/^ignored the journal .*: damaged, or not yours$/)]);
    expect(contentOf(place)).toEqual(before);
  }

  test.each([0o640, 0o604, 0o620, 0o602])(
    'that others can read or write (%o) is not followed',
    async (mode) => {
      const place = await brokenOff();
      chmodSync(journalOf(place), mode);
      await expectIgnored(place);
    },
  );

  test('that is a link, or has a second name, is not followed', async () => {
    const place = await brokenOff();
    const real = join(place.directory, 'real');
    linkSync(journalOf(place), real);
    await expectIgnored(place);
    rmSync(journalOf(place));
    symlinkSync(real, join(place.stateDirectory, 'restores', `${'0'.repeat(16)}.journal`));
    await expectIgnored(place);
  });

  test.skipIf(!isRoot)('of another user is not followed (needs root)', async () => {
    const place = await brokenOff();
    chownSync(journalOf(place), 1234, 0);
    await expectIgnored(place);
  });

  const edits: [string, (journal: Record<string, unknown>) => unknown][] = [
    ['of another format', (journal) => ({ ...journal, format: 2 })],
    ['of another id', (journal) => ({ ...journal, id: '0123456789abcdef' })],
    ['with a relative base', (journal) => ({ ...journal, bases: ['x'] })],
    ['with a base that goes up', (journal) => ({ ...journal, bases: ['/tmp/../etc'] })],
    ['with a step that goes up', (journal) => withStep(journal, { directory: '../..' })],
    ['with a step by the name of ..', (journal) => withStep(journal, { name: '..' })],
    ['with a step whose name is a path', (journal) => withStep(journal, { name: 'a/b' })],
    ['with a step of no kind', (journal) => withStep(journal, { kind: 'x' })],
    ['with a step into no group', (journal) => withStep(journal, { group: 7 })],
    ['with a step below no base', (journal) => withStep(journal, { base: 7 })],
    ['with a unit that is a path', (journal) => withStep(journal, { unit: '../../x' })],
    ['that is a list', (journal) => [journal]],
    ['that is null', () => null],
  ];
  test.each(edits)('%s is not followed', async (_, edit) => {
    const place = await brokenOff();
    const path = journalOf(place);
    writeFileSync(path, JSON.stringify(edit(JSON.parse(readFileSync(path, 'utf8')))));
    await expectIgnored(place);
  });

  test('that is cut off is not followed', async () => {
    const place = await brokenOff();
    const text = readFileSync(journalOf(place), 'utf8');
    writeFileSync(journalOf(place), text.slice(0, -1));
    await expectIgnored(place);
  });

  test.each([0o770, 0o707])('in a directory that others can write (%o) stops everything', async (mode) => {
    const place = await brokenOff();
    chmodSync(join(place.stateDirectory, 'restores'), mode);
    await expect(recover(place)).rejects.toMatchObject({ code: 'unsafe-state-directory', exitCode: 1 });
    await expect(restore(place, { x: 'x' })).rejects.toMatchObject({ code: 'unsafe-state-directory' });
  });

  function withStep(journal: Record<string, unknown>, change: object): object {
    const [first, ...rest] = journal.steps as object[];
    return { ...journal, steps: [{ ...first, ...change }, ...rest] };
  }
});

test('there is nothing to recover where nothing was', async () => {
  const place = scene();
  expect(await recover(place)).toEqual({ outcome: 'nothing', warnings: [] });
  plant(place.target, { a: 'a' });
  expect(await recover(place)).toEqual({ outcome: 'nothing', warnings: [] });
  expect(journalsOf(place)).toEqual([]);
});
