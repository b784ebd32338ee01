import { execFileSync, spawnSync } from 'node:child_process';
import { chmodSync, lstatSync, mkdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import type { Entry } from '../../../src/pack/entry.ts';
import { accessRules, bornMode, isNarrower } from '../../../src/pack/place/modes.ts';
import type { Job } from './child.ts';
import {
  childProgram,
  entriesOf,
  journalsOf,
  planFor,
  REAL_DISK,
  restore,
  scene,
  survey,
  type Tree,
} from './scene.ts';

const isRoot = process.getuid!() === 0;
const hasStrace = spawnSync('strace', ['-V']).status === 0;

const TREE: Tree = {
  wide: { dir: true, mode: 0o777 },
  'wide/world': { text: 'x', mode: 0o666 },
  'wide/suid': { text: 'x', mode: 0o4755 },
  'wide/link': { link: 'world' },
  'deep/er/read': { text: 'x', mode: 0o444 },
  'deep/er/run': { text: 'x', mode: 0o755 },
  'deep/er/theirs': { text: 'x', mode: 0o055 },
};
const OWNER_ONLY = {
  wide: 'dir 0700',
  'wide/world': 'file 0600 x',
  'wide/suid': 'file 0700 x',
  'wide/link': 'link world',
  deep: 'dir 0700',
  'deep/er': 'dir 0700',
  'deep/er/read': 'file 0600 x',
  'deep/er/run': 'file 0700 x',
  'deep/er/theirs': 'file 0600 x',
};
const OLD: Tree = { 'deep/er/read': { text: 'old', mode: 0o644 }, wide: { dir: true } };

const program = childProgram();

function run(job: Job, under: string[] = []): void {
  const [command, ...rest] = [...under, process.execPath, program(), JSON.stringify(job)];
  execFileSync(command!, rest, { stdio: ['ignore', 'inherit', 'inherit'] });
}

describe('everything is owner-only', () => {
  for (const umask of [0o000, 0o022, 0o077, 0o277, 0o777]) {
    const shown = umask.toString(8).padStart(3, '0');
    test.each([
      ['new', undefined],
      ['existing', OLD],
    ])(`under umask ${shown}, in a target that is %s`, (_, old) => {
      const place = scene(old);
      run({ place, tree: TREE, choices: { existing: 'bak' }, umask });
      const found = Object.entries(survey(place.target)).filter(([path]) => !path.endsWith('.bak'));
      expect(Object.fromEntries(found)).toEqual(OWNER_ONLY);
      for (const what of Object.values(survey(place.target)))
        expect(what).toMatch(/^(file 0[67]|dir 07)00|^link/);
      expect(journalsOf(place)).toEqual([]);
    });
  }

  test('whatever the group of the directory above hands down', () => {
    const place = scene({ sub: { dir: true } });
    chmodSync(place.target, 0o2770);
    chmodSync(join(place.target, 'sub'), 0o2770);
    run({ place, tree: { 'sub/new/x': 'x', y: 'y' }, choices: {}, umask: 0 });
    expect(survey(place.target)).toMatchObject({
      'sub/new': 'dir 0700',
      'sub/new/x': 'file 0600 x',
      y: 'file 0600 y',
    });
  });
});

// The kernel's own record of every file and directory that was made, and of every change of a mode.
describe.skipIf(!hasStrace)('no file is ever wider than that (needs strace)', () => {
  test.each([
    ['new', undefined, {}],
    ['existing', OLD, { existing: 'replace' }],
    ['existing, with .bak', OLD, { existing: 'bak' }],
  ] as const)('in a target that is %s, under umask 000', (_, old, choices) => {
    const place = scene(old as Tree | undefined);
    const trace = join(place.directory, 'trace');
    run({ place, tree: TREE, choices, umask: 0 }, ['strace', '-f', '-o', trace, '-e', 'trace=%file,fchmod']);
    const modes: string[] = [];
    for (const line of readFileSync(trace, 'utf8').split('\n')) {
      const made = /O_CREAT.*, (0\d*)\) = \d/.exec(line) ?? /mkdir.*, (0\d*)\) = 0/.exec(line);
      const changed = /chmod\S*\(.*, (0\d*)\) = 0/.exec(line);
      const mode = made?.[1] ?? changed?.[1];
      if (mode !== undefined) modes.push(mode);
      expect(line).not.toMatch(/\b(creat|mknod\w*)\(/);
    }
    expect(modes.length).toBeGreaterThan(10);
    expect([...new Set(modes)].sort()).toEqual(['0600', '0700']);
  });
});

// What a power cut would do cannot be tried here; that everything was written through can.
describe.skipIf(!hasStrace)('what is placed was written through to the disk before (needs strace)', () => {
  function traceOf(tree: Tree, old?: Tree): string[] {
    const place = scene(old, REAL_DISK);
    const trace = join(place.directory, 'trace');
    const watch = ['strace', '-f', '-y', '-o', trace, '-e', 'trace=fsync,fdatasync,syncfs,rename,link'];
    run({ place, tree, choices: { existing: 'replace' } }, watch);
    return readFileSync(trace, 'utf8').split('\n');
  }
  const synced = (lines: string[]) => lines.flatMap((line) => /sync\(\d+<([^>]*)>/.exec(line)?.[1] ?? []);

  test('each of a few files, and their directories', () => {
    const lines = traceOf({ a: 'a', 'd/b': 'b' });
    const placed = lines.findIndex((line) => /rename\(".*\/new\/0", ".*\/target"\)/.test(line));
    const staged = synced(lines.slice(0, placed)).filter((path) => path.includes('/new'));
    const below = staged.map((path) => path.replace(/.*\/new/, 'new'));
    expect(below.sort()).toEqual(['new', 'new/0', 'new/0/a', 'new/0/d', 'new/0/d/b']);
    expect(synced(lines.slice(placed))[0]).toMatch(/strongroom-place-[^/]*$/);
  });

  test('many files at once', () => {
    const lines = traceOf(Object.fromEntries(Array.from({ length: 100 }, (_, index) => [`f${index}`, 'x'])));
    const placed = lines.findIndex((line) => /rename\(".*\/new\/0", ".*\/target"\)/.test(line));
    const through = lines.findIndex((line) => /syncfs\(.*\) += 0/.test(line));
    expect(through).toBeGreaterThan(0);
    expect(placed).toBeGreaterThan(through);
  });

  test('the journal and the old files, before the first is replaced', () => {
    const lines = traceOf({ a: 'new' }, { a: 'old' });
    const placed = lines.findIndex((line) => /rename\(".*\/new\/0", ".*\/a"\)/.test(line));
    const before = synced(lines.slice(0, placed)).map((path) => path.replace(/.*[/.]/, ''));
    expect(before.slice(0, 2)).toEqual(['part', 'restores']);
    expect(before.slice(2, 4).sort()).toEqual(['0', 'new']);
    expect(before.slice(4)).toEqual(['part', 'restores', 'old']);
    expect(synced(lines.slice(placed)).map((path) => path.replace(/.*\//, ''))).toEqual([
      'target',
      'restores',
      'target',
    ]);
  });
});

describe('other modes', () => {
  test('come back as recorded when asked', async () => {
    const place = scene();
    const report = await restore(place, TREE, { asRecorded: true, setId: true });
    expect(survey(place.target)).toMatchObject({
      wide: 'dir 0777',
      'wide/world': 'file 0666 x',
      'wide/suid': 'file 4755 x',
      deep: 'dir 0700',
      'deep/er/read': 'file 0444 x',
      'deep/er/theirs': 'file 0055 x',
    });
    expect(report).toMatchObject({ narrower: 0, setIdLost: 0 });
  });

  test('come back without set-id bits unless those are asked for too; the sticky bit stays', async () => {
    const tree: Tree = {
      suid: { text: 'x', mode: 0o4755 },
      sgid: { text: 'x', mode: 0o2755 },
      sticky: { dir: true, mode: 0o1777 },
    };
    const place = scene();
    const report = await restore(place, tree, { asRecorded: true });
    expect(survey(place.target)).toEqual({ suid: 'file 0755 x', sgid: 'file 0755 x', sticky: 'dir 1777' });
    expect(report).toMatchObject({ narrower: 0, setIdLost: 2 });
    // What has them already may keep them.
    const other = scene(tree);
    expect((await planFor(other, tree, { asRecorded: true })).counts.same).toBe(3);
  });

  test('come back on what exists, directories too', async () => {
    const place = scene({ wide: { dir: true, mode: 0o700 }, 'wide/world': { text: 'x', mode: 0o600 } });
    const tree = { wide: TREE.wide!, 'wide/world': TREE['wide/world']! };
    const plan = await planFor(place, tree, { existing: 'replace', asRecorded: true });
    expect(plan.replaces.map(({ entry, reason }) => [entry.path, reason])).toEqual([
      ['wide', 'its mode differs'],
      ['wide/world', 'its mode differs'],
    ]);
    await restore(place, tree, { existing: 'replace', asRecorded: true });
    expect(survey(place.target)).toEqual({ wide: 'dir 0777', 'wide/world': 'file 0666 x' });
    expect((await planFor(place, tree, { asRecorded: true })).counts.same).toBe(2);
  });

  test('of directories that exist stay when they were not asked for', async () => {
    const place = scene({ wide: { dir: true, mode: 0o755 } });
    await restore(place, TREE);
    expect(survey(place.target)).toMatchObject({ wide: 'dir 0755', 'wide/world': 'file 0600 x' });
  });

  test('are those of the globs, the last one that matches', async () => {
    const place = scene();
    const modes = { '**/*': '0440', 'deep/**/run': '750', 'wide/': '0755' };
    const plan = await planFor(place, TREE, { modes });
    expect(plan.narrower).toBe(6); // All files, and the directory that was 0777.
    await restore(place, TREE, { modes });
    expect(survey(place.target)).toEqual({
      ...OWNER_ONLY,
      wide: 'dir 0755',
      'wide/world': 'file 0440 x',
      'wide/suid': 'file 0440 x',
      'deep/er/read': 'file 0440 x',
      'deep/er/run': 'file 0750 x',
      'deep/er/theirs': 'file 0440 x',
    });
  });

  test.each(['', '9', '0999', '4755', '04755', '77', '+x', '-444', '0o444'])(
    '%j is refused',
    async (mode) => {
      await expect(planFor(scene(), TREE, { modes: { '*': mode } })).rejects.toMatchObject({
        code: 'bad-mode',
        exitCode: 2,
      });
    },
  );

  test('do not keep a directory from being filled or moved', async () => {
    const tree: Tree = {
      closed: { dir: true, mode: 0o500 },
      'closed/in': { dir: true, mode: 0o000 },
      'closed/in/x': { text: 'x', mode: 0o000 },
    };
    for (const old of [undefined, {}]) {
      const place = scene(old);
      await restore(place, tree, { asRecorded: true });
      expect(lstatSync(join(place.target, 'closed')).mode & 0o7777).toBe(0o500);
      chmodSync(join(place.target, 'closed'), 0o700);
      expect(lstatSync(join(place.target, 'closed/in')).mode & 0o7777).toBe(0);
      chmodSync(join(place.target, 'closed/in'), 0o700);
    }
  });
});

describe('set-id bits', () => {
  const tree: Tree = {
    shared: { dir: true, mode: 0o2775 },
    tmp: { dir: true, mode: 0o1777 },
    root: { text: 'x', mode: 0o4755 },
    both: { text: 'x', mode: 0o6711 },
    none: { text: 'x', mode: 0o755 },
  };

  test('of a copy that this machine made of its own come back, of directories too', async () => {
    const place = scene();
    expect((await restore(place, tree, { asRecorded: true, setId: true })).setIdLost).toBe(0);
    expect(survey(place.target)).toMatchObject({
      shared: 'dir 2775',
      root: 'file 4755 x',
      both: 'file 6711 x',
    });
  });

  test('are not given unless modes are as recorded, whoever recorded them', async () => {
    const place = scene();
    expect((await restore(place, tree, { setId: true })).setIdLost).toBe(0);
    expect(survey(place.target)).toMatchObject({
      shared: 'dir 0700',
      root: 'file 0700 x',
      none: 'file 0700 x',
    });
  });

  test('stay where they stand as recorded, and only there', async () => {
    const place = scene(tree);
    expect((await planFor(place, tree, { asRecorded: true })).setIdLost).toBe(0);
    const now = await planFor(place, { ...tree, root: { text: 'x', mode: 0o755 } }, { asRecorded: true });
    expect(now.conflicts.map(({ entry, reason }) => [entry.path, reason])).toEqual([
      ['root', 'its mode differs'],
    ]);
    const other = { ...tree, root: { text: 'y', mode: 0o4755 } };
    const report = await restore(place, other, { existing: 'replace', asRecorded: true });
    expect(report).toMatchObject({ setIdLost: 1, counts: { replace: 1 } });
    expect(survey(place.target)).toMatchObject({ root: 'file 0755 y', both: 'file 6711 x' });
  });

  test('are not what a glob asked for', async () => {
    const place = scene({ root: { text: 'x', mode: 0o4755 } });
    const { conflicts } = await planFor(
      place,
      { root: { text: 'x', mode: 0o4755 } },
      { asRecorded: true, modes: { root: '0755' } },
    );
    expect(conflicts.map((one) => one.reason)).toEqual(['its mode differs']);
  });
});

describe('what is narrower than recorded', () => {
  test('is counted, and only that', async () => {
    const tree: Tree = {
      a: { text: '', mode: 0o600 },
      b: { text: '', mode: 0o700 },
      c: { text: '', mode: 0o640 },
      d: { dir: true, mode: 0o700 },
      e: { dir: true, mode: 0o750 },
      f: { link: 'a' },
      g: { text: '', mode: 0o400 },
    };
    const plan = await planFor(scene(), tree);
    expect(plan.entries.filter((one) => one.narrower).map(({ entry }) => entry.path)).toEqual(['c', 'e']);
    expect(plan.narrower).toBe(2);
  });

  test('means that a recorded bit is missing', () => {
    expect([isNarrower(0o600, 0o600), isNarrower(0o600, 0o400), isNarrower(0o600, 0o604)]).toEqual([
      false,
      false,
      true,
    ]);
  });
});

test('the execute bit of the owner, and no other, makes a file 0700', () => {
  const entry = (mode: number): Entry => ({ ...entriesOf({ a: '' })[0]!, mode });
  expect([0o644, 0o755, 0o655, 0o100, 0o7666].map((mode) => bornMode(entry(mode)))).toEqual([
    0o600, 0o700, 0o600, 0o700, 0o600,
  ]);
});

test('a glob for files leaves directories alone, and the reverse', async () => {
  const rules = await accessRules({ asRecorded: false, modes: { '**': '0444', 'a/': '0711' } });
  const [file, directory, other] = entriesOf({ a: '', b: { dir: true }, 'a/b': { dir: true } });
  expect([file, { ...directory!, path: 'a' }, other].map((entry) => rules(entry!).mode)).toEqual([
    0o444, 0o711, 0o700,
  ]);
});

describe.skipIf(!isRoot)('owners (needs root)', () => {
  test('come back as recorded, on files, directories and links', async () => {
    const place = scene();
    const tree: Tree = { d: { dir: true }, 'd/f': 'f', 'd/l': { link: 'f' } };
    await restore(place, tree, { owner: { uid: 12345, gid: 54321 } });
    for (const path of ['d', 'd/f', 'd/l']) {
      expect(lstatSync(join(place.target, path))).toMatchObject({ uid: 12345, gid: 54321 });
    }
    expect(survey(place.target)).toEqual({ d: 'dir 0700', 'd/f': 'file 0600 f', 'd/l': 'link f' });
    const plan = await planFor(place, tree, { existing: 'replace', asRecorded: true });
    expect(plan.replaces.map(({ reason }) => reason)).toEqual(Array(3).fill('its owner differs'));
    await restore(place, tree, { existing: 'replace', asRecorded: true });
    for (const path of ['d', 'd/f', 'd/l']) {
      expect(lstatSync(join(place.target, path))).toMatchObject({ uid: 0, gid: 0 });
    }
  });

  test('that a user cannot give are told of, and take their bits with them', () => {
    const place = scene();
    chmodSync(place.directory, 0o755);
    mkdirSync(join(place.directory, 'home'), { mode: 0o700 });
    const home = join(place.directory, 'home');
    execFileSync('chown', ['-R', '1234:1234', home]);
    const job: Job = {
      place: { directory: home, target: join(home, 'target'), stateDirectory: join(home, 'state') },
      tree: { f: { text: 'f', mode: 0o6775 }, d: { dir: true, mode: 0o750 } },
      choices: { asRecorded: true, setId: true, owner: { uid: 0, gid: 0 } },
    };
    run(job, ['setpriv', '--reuid=1234', '--regid=1234', '--clear-groups']);
    expect(survey(join(home, 'target'))).toEqual({ f: 'file 0705 f', d: 'dir 0700' });
    expect(lstatSync(join(home, 'target/f'))).toMatchObject({ uid: 1234, gid: 1234 });
  });
});
