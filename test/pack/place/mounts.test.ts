// Other file systems: full ones, mount points in the target, and a machine without /proc.

import { execFileSync, spawnSync } from 'node:child_process';
import { chmodSync, lstatSync, mkdirSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, onTestFinished, test } from 'vitest';
import { readMounts } from '../../../src/pack/place/mounts.ts';
import { recoverPlacement } from '../../../src/pack/place/recover.ts';
import { openStaging } from '../../../src/pack/place/stage.ts';
import type { Job } from './child.ts';
import { bury, dieAfter } from './crash.ts';
import {
  childProgram,
  entriesOf,
  freshDirectory,
  journalsOf,
  MTIME,
  planFor,
  plant,
  restore,
  type Scene,
  STAMP,
  scene,
  survey,
  type Tree,
} from './scene.ts';

const program = childProgram();
const canMount = process.platform === 'linux' && spawnSync('unshare', ['-m', 'true']).status === 0;

function mount(...args: string[]): void {
  execFileSync('mount', args);
  const where = args.at(-1)!;
  onTestFinished(() => {
    execFileSync('umount', ['-l', where]);
  });
}

/** What a test's own directory holds, without the state. */
function seen({ directory }: Scene): Record<string, string> {
  return Object.fromEntries(Object.entries(survey(directory)).filter(([path]) => !path.startsWith('state')));
}

describe.skipIf(!canMount)('a full disk (needs root, for a tiny tmpfs)', () => {
  function tiny(old?: Tree): Scene {
    const place = scene();
    const disk = join(place.directory, 'disk');
    mkdirSync(disk);
    mount('-t', 'tmpfs', '-o', 'size=64k,mode=0700', 'tmpfs', disk);
    const target = join(disk, 'target');
    if (old !== undefined) plant(target, old);
    return { ...place, target };
  }

  test.each([
    ['a new target', undefined],
    ['an existing one', { a: 'old' }],
  ])('is found out before anything is written: %s', async (_, old) => {
    const place = tiny(old);
    const before = survey(place.directory);
    const tree = { a: 'x'.repeat(65_000), b: 'x' };
    const asked = restore(place, tree, { existing: 'replace' });
    await expect(asked).rejects.toMatchObject({
      code: 'disk-full',
      exitCode: 1,
      hint: expect.stringContaining('nothing was changed'),
    });
    expect(survey(place.directory)).toEqual(before);
  });

  test.each([
    ['a new target', undefined],
    ['an existing one', { a: 'old' }],
  ])('that fills while we write leaves nothing behind: %s', async (_, old) => {
    const place = tiny(old);
    const before = old === undefined ? {} : { target: 'dir 0700', 'target/a': 'file 0600 old' };
    const tree = { a: 'x'.repeat(20_000), 'large.bin': 'y'.repeat(20_000) };
    const plan = await planFor(place, tree, { existing: 'replace' });
    for (const way of ['whole', 'in pieces']) {
      const staging = await openStaging(plan, place);
      writeFileSync(join(place.directory, 'disk/filler'), Buffer.alloc(way === 'whole' ? 48_000 : 28_000));
      const [a, large] = entriesOf(tree);
      const full = { code: 'disk-full', exitCode: 1, object: expect.stringContaining(place.target) };
      if (way === 'whole') {
        expect(() => staging.file(a!, Buffer.from(tree.a))).toThrow(expect.objectContaining(full));
      } else {
        staging.file(a!, Buffer.from(tree.a));
        const file = staging.openFile(large!);
        await expect(file.write(Buffer.from(tree['large.bin']))).rejects.toMatchObject(full);
      }
      execFileSync('rm', [join(place.directory, 'disk/filler')]);
      expect(survey(join(place.directory, 'disk'))).toEqual(before);
      expect(journalsOf(place)).toEqual([]);
    }
  });

  test('that cannot hold the copies for .bak is found out too', async () => {
    const place = tiny({ a: 'o'.repeat(30_000) });
    const tree = { a: 'n'.repeat(30_000) };
    await expect(restore(place, tree, { existing: 'bak' })).rejects.toMatchObject({ code: 'disk-full' });
    expect(Object.keys(survey(place.target))).toEqual(['a']);
  });
});

describe.skipIf(!canMount)('a mount point (needs root)', () => {
  /** A target in which the file `conf` is bind-mounted from elsewhere. */
  function bound(mode: number): Scene & { source: string } {
    const place = scene({ conf: '', other: 'old' });
    const source = join(place.directory, 'source');
    writeFileSync(source, 'old and a good deal longer');
    chmodSync(source, mode);
    mount('--bind', source, join(place.target, 'conf'));
    return { ...place, source };
  }

  test('that is a file is written inside, 0600, and told of', async () => {
    const place = bound(0o644);
    const { ino } = statSync(place.source);
    const report = await restore(place, { conf: 'new', other: 'new' }, { existing: 'replace' });
    expect(readFileSync(place.source, 'utf8')).toBe('new');
    const placed = lstatSync(place.source);
    // Some releases of Node add what a double loses: microseconds.
    expect({ ino: placed.ino, mtimeMs: Math.round(placed.mtimeMs) }).toEqual({ ino, mtimeMs: MTIME });
    expect(statSync(place.source).mode & 0o7777).toBe(0o600);
    expect(report.warnings).toEqual([
      {
        code: 'mount-point',
        destination: `${place.target}/conf`,
        message: expect.stringContaining('is a mount point'),
      },
    ]);
  });

  test('that is a file keeps its old content beside it under bak', async () => {
    const place = bound(0o600);
    const plan = await planFor(place, { conf: 'new' }, { existing: 'bak' });
    expect(plan.mountPoints).toHaveLength(1);
    await restore(place, { conf: 'new' }, { existing: 'bak' });
    expect(survey(place.target)).toMatchObject({
      conf: 'file 0600 new',
      [`conf.${STAMP}.bak`]: 'file 0600 old and a good deal longer',
    });
  });

  test('that is a file is as before when the restore was killed', async () => {
    for (let changes = 0; ; changes++) {
      const place = bound(0o640);
      const before = seen(place);
      const tree = { conf: 'new', other: 'new', more: 'more' };
      const { ended } = await dieAfter(changes, () => restore(place, tree, { existing: 'replace' }));
      if (readFileSync(place.source, 'utf8').startsWith('n')) {
        expect(statSync(place.source).mode & 0o7777, 'new content').toBe(0o600);
      }
      bury(place);
      const outcome = await recoverPlacement(place.target, place);
      if (outcome === 'undone') expect(seen(place), `after ${changes} changes`).toEqual(before);
      else if (outcome === 'finished') expect(readFileSync(place.source, 'utf8')).toBe('new');
      expect(statSync(place.source).mode & 0o7777).toBe(
        outcome === 'undone' || !ended ? statMode(place) : 0o600,
      );
      if (ended) break;
    }
    function statMode({ source }: { source: string }): number {
      return readFileSync(source, 'utf8') === 'new' ? 0o600 : 0o640;
    }
  });

  test('that is a file and was written to since the plan is left as it is', async () => {
    const place = bound(0o600);
    const plan = await planFor(place, { conf: 'new' }, { existing: 'replace' });
    const staging = await openStaging(plan, place);
    staging.file(plan.entries[0]!.entry, Buffer.from('new'));
    writeFileSync(place.source, 'theirs');
    await expect(staging.commit()).rejects.toMatchObject({ code: 'changed-since-plan' });
    expect(readFileSync(place.source, 'utf8')).toBe('theirs');
  });

  test('that is a file cannot become a link', async () => {
    const place = bound(0o600);
    const tree: Tree = { conf: { link: 'x' } };
    await expect(restore(place, tree, { existing: 'replace' })).rejects.toMatchObject({ code: 'in-the-way' });
  });

  test.each(['tmpfs', 'bind'])('that is a directory gets a staging of its own (%s)', async (kind) => {
    const place = scene({ 'vol/a': '', x: 'old', 'vol/sub': { dir: true } });
    const volume = join(place.target, 'vol');
    const source = join(place.directory, 'source');
    plant(source, { sub: { dir: true } });
    if (kind === 'tmpfs') mount('-t', 'tmpfs', '-o', 'size=1m,mode=0700', 'tmpfs', volume);
    else mount('--bind', source, volume);
    plant(volume, { a: 'old', sub: { dir: true } });
    const tree = { 'vol/a': 'new', 'vol/sub/new/b': 'b', 'vol/sub/c': 'c', x: 'new' };
    const plan = await planFor(place, tree, { existing: 'replace' });
    expect(plan.layout.groups).toHaveLength(2);
    await restore(place, tree, { existing: 'replace' });
    expect(survey(place.target)).toMatchObject({
      'vol/a': 'file 0600 new',
      'vol/sub/new/b': 'file 0600 b',
      'vol/sub/c': 'file 0600 c',
      x: 'file 0600 new',
    });
    expect(readdirSync(volume).sort()).toEqual(['a', 'sub']);
  });

  test('that is a directory is made whole after a kill', async () => {
    const old = { 'target/vol/a': 'file 0600 old', 'target/x': 'file 0600 old' };
    const outcomes = new Set<string>();
    for (let changes = 0; changes < 60; changes += 2) {
      const place = scene({ 'vol/a': '', x: 'old' });
      const volume = join(place.target, 'vol');
      mount('-t', 'tmpfs', '-o', 'size=1m,mode=0700', 'tmpfs', volume);
      plant(volume, { a: 'old' });
      const tree = { 'vol/a': 'new', 'vol/d/b': 'b', x: 'new' };
      await dieAfter(changes, () => restore(place, tree, { existing: 'replace' }));
      bury(place);
      const outcome = await recoverPlacement(place.target, place);
      outcomes.add(outcome);
      if (outcome === 'undone')
        expect(seen(place)).toEqual({ target: 'dir 0700', 'target/vol': 'dir 0700', ...old });
      if (outcome === 'finished') expect(seen(place)).toMatchObject({ 'target/vol/d/b': 'file 0600 b' });
      expect(Object.keys(survey(place.directory)).join()).not.toContain('.strongroom-');
    }
    expect([...outcomes].sort()).toEqual(['finished', 'nothing', 'undone']);
  });

  test('that is missing after a kill stops the recovery until it is back', async () => {
    const place = scene({ 'vol/a': '', x: 'old' });
    const volume = join(place.target, 'vol');
    const source = join(place.directory, 'source');
    plant(source, { a: 'old' });
    execFileSync('mount', ['--bind', source, volume]);
    for (let changes = 10; !survey(place.target)['vol/a']!.endsWith('new'); changes++) {
      await recoverPlacement(place.target, place);
      await dieAfter(changes, () => restore(place, { 'vol/a': 'new', x: 'new' }, { existing: 'replace' }));
      bury(place);
    }
    execFileSync('umount', [volume]);
    await expect(recoverPlacement(place.target, place)).rejects.toMatchObject({ code: 'directory-gone' });
    bury(place);
    mount('--bind', source, volume);
    expect(await recoverPlacement(place.target, place)).toBe('undone');
    expect(survey(place.target)).toEqual({ vol: 'dir 0700', 'vol/a': 'file 0600 old', x: 'file 0600 old' });
  });

  test('is known by its name, blanks and all', () => {
    const directory = join(freshDirectory(), 'a b\tc\\d\ne');
    mkdirSync(directory);
    mount('-t', 'tmpfs', '-o', 'size=4k', 'tmpfs', directory);
    const mounts = readMounts();
    expect(mounts.has(directory)).toBe(true);
    expect(mounts.above(`${directory}/x/y`)).toBe(directory);
    expect(mounts.above(`${directory}x/y`)).not.toBe(directory);
  });
});

describe.skipIf(!canMount)('a machine without /proc (needs root, to hide it)', () => {
  function runHidden(job: Job): void {
    const command = 'mount -t tmpfs none /proc && exec "$@"';
    const args = ['-m', 'sh', '-c', command, 'sh', process.execPath, program(), JSON.stringify(job)];
    execFileSync('unshare', args, { stdio: ['ignore', 'inherit', 'pipe'], encoding: 'utf8' });
  }

  test('gets the same restores, and the same refusals', () => {
    const place = scene({ a: 'old', 'sub/x': 'old', l: { link: 'sub' } });
    const tree: Tree = { a: 'new', 'sub/x': 'new', 'sub/new/y': 'y', s: { link: 'a' } };
    runHidden({ place, tree, choices: { existing: 'bak' }, umask: 0 });
    expect(survey(place.target)).toMatchObject({
      a: 'file 0600 new',
      'sub/x': 'file 0600 new',
      'sub/new': 'dir 0700',
      'sub/new/y': 'file 0600 y',
      s: 'link a',
    });
    const before = survey(place.target);
    expect(() => runHidden({ place, tree: { 'l/z': 'z' }, choices: {} })).toThrow(/symlink-in-the-way/);
    expect(survey(place.target)).toEqual(before);
  });
});
