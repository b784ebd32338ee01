import { execFileSync } from 'node:child_process';
import type { Stats } from 'node:fs';
import { chmodSync, linkSync, mkdirSync, statSync, symlinkSync, utimesSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { collect, type Problem, sourcesFromMemory } from '../../src/pack/collect.ts';
import { sourceOf } from '../../src/pack/collect-source.ts';
import { encodeName } from '../../src/pack/names.ts';
import { asNobody, tree } from './tree.ts';

const everything = { include: [], exclude: [] };

async function paths(root: string, include: string[], exclude: string[] = []): Promise<string[]> {
  const { sources, problems } = await collect({ root, include, exclude });
  expect(problems).toEqual([]);
  return sources.map(({ path }) => path);
}

async function problems(root: string, include: string[], exclude: string[] = []): Promise<Problem[]> {
  return (await collect({ root, include, exclude })).problems;
}

describe('what is included', () => {
  const deployment = {
    '.env': 'A=1',
    'compose.yaml': '',
    'certs/a.pem': '1',
    'certs/b.key': '2',
    'certs/old/.c.pem': '3',
    'logs/x.log': '',
  };

  it('is everything in the root when nothing is named, dotfiles too', async () => {
    expect(await paths(tree(deployment), [])).toEqual([
      '.env',
      'certs',
      'certs/a.pem',
      'certs/b.key',
      'certs/old',
      'certs/old/.c.pem',
      'compose.yaml',
      'logs',
      'logs/x.log',
    ]);
  });

  it.each([
    [['.env'], ['.env']],
    [['./certs/../.env'], ['.env']],
    [['certs'], ['certs', 'certs/a.pem', 'certs/b.key', 'certs/old', 'certs/old/.c.pem']],
    [['certs/'], ['certs', 'certs/a.pem', 'certs/b.key', 'certs/old', 'certs/old/.c.pem']],
    [['certs/**'], ['certs', 'certs/a.pem', 'certs/b.key', 'certs/old', 'certs/old/.c.pem']],
    [['certs/*.pem'], ['certs', 'certs/a.pem']],
    [['**/*.pem'], ['certs', 'certs/a.pem', 'certs/old', 'certs/old/.c.pem']],
    [['certs/o*'], ['certs', 'certs/old', 'certs/old/.c.pem']],
    [['{.env,certs/a.pem,nothing}'], ['.env', 'certs', 'certs/a.pem']],
    [['*.yaml', 'compose.yaml', '**/compose.*'], ['compose.yaml']],
    [
      ['.', 'certs/a.pem', 'certs'],
      [
        '.env',
        'certs',
        'certs/a.pem',
        'certs/b.key',
        'certs/old',
        'certs/old/.c.pem',
        'compose.yaml',
        'logs',
        'logs/x.log',
      ],
    ],
  ])(
    'for %j is each match once, with what is below it and the directories above it',
    async (include, expected) => {
      expect(await paths(tree(deployment), include)).toEqual(expected);
    },
  );

  it('may be named absolutely', async () => {
    const root = tree(deployment);
    expect(await paths(root, [`${root}/.env`, `${root}/logs/*`])).toEqual(['.env', 'logs', 'logs/x.log']);
  });

  it('is taken by name and as a pattern: no file can switch a pattern off by its name', async () => {
    const root = tree({ '[id].ts': '', 'i.ts': '', 'a*': '', ab: '', '{x,y}/z': '', 'x/z': '' });
    expect(await paths(root, ['[id].ts', 'a*', '{x,y}'])).toEqual([
      '[id].ts',
      'a*',
      'ab',
      'i.ts',
      'x',
      'x/z',
      '{x,y}',
      '{x,y}/z',
    ]);
    expect(await paths(tree({ 'certs/*.pem': '', 'certs/a.pem': 'A' }), ['certs/*.pem'])).toEqual([
      'certs',
      'certs/*.pem',
      'certs/a.pem',
    ]);
  });

  it('is one file when what is special in its name is escaped', async () => {
    const root = tree({ '[id].ts': '', 'i.ts': '', '*.pem': '', 'a.pem': '' });
    expect(await paths(root, ['\\[id].ts', '\\*.pem'])).toEqual(['*.pem', '[id].ts']);
  });

  it('is not missed when only the name is there, and no match', async () => {
    expect(await paths(tree({ '[id].ts': '' }), ['[id].ts'])).toEqual(['[id].ts']);
  });

  it.each([
    'nothing',
    'certs/nothing',
    '.env/nothing',
    '*.nothing',
    'nothing/**',
    '/nothing-here/*.pem',
    '{a,b}',
  ])('but %j is not there, so the snapshot is incomplete', async (pattern) => {
    const found = await problems(tree(deployment), ['.env', pattern]);
    expect(found).toMatchObject([{ kind: 'missing', path: pattern, incomplete: true }]);
  });

  it.each(['', 'a\0b'])('is refused when a pattern is %j', async (pattern) => {
    await expect(collect({ root: tree({}), include: [pattern], exclude: [] })).rejects.toMatchObject({
      name: 'UsageError',
      code: 'bad-pattern',
    });
  });

  it('is walked from the directory that a glob names, and no deeper than it asks', async () => {
    const root = tree({ 'secure/a.pem': '', 'secure/deep/b.pem': '', 'other/c.pem': '', 'x.pem': '' });
    chmodSync(join(root, 'other'), 0);
    chmodSync(join(root, 'secure/deep'), 0);
    const found = await asNobody(root, () => collect({ root, include: ['secure/*.pem'], exclude: [] }));
    expect(found.problems).toEqual([]);
    expect(found.sources.map(({ path }) => path)).toEqual(['secure', 'secure/a.pem']);
  });
});

describe('what is excluded', () => {
  const files = { 'a.log': '', '.b.log': '', 'd/c.log': '', 'd/e.txt': '', 'd/f/g.log': '', 'h/i': '' };

  it.each([
    [['*.log'], ['d', 'd/c.log', 'd/e.txt', 'd/f', 'd/f/g.log', 'h', 'h/i']],
    [['**/*.log'], ['d', 'd/e.txt', 'd/f', 'h', 'h/i']],
    [['d'], ['.b.log', 'a.log', 'h', 'h/i']],
    [
      ['d/', './h'],
      ['.b.log', 'a.log'],
    ],
    [['d/**'], ['.b.log', 'a.log', 'd', 'h', 'h/i']],
    [['*/**'], ['.b.log', 'a.log', 'd', 'h']],
    [
      ['{a,.b}.log', '**/f', 'nothing'],
      ['d', 'd/c.log', 'd/e.txt', 'h', 'h/i'],
    ],
  ])('by %j is not there', async (exclude, expected) => {
    expect(await paths(tree(files), [], exclude)).toEqual(expected);
  });

  it('may be named absolutely', async () => {
    const root = tree(files);
    expect(await paths(root, [], [`${root}/d`, `${root}/*.log`])).toEqual(['h', 'h/i']);
    expect(await paths(root, [], [`${root}/**/*.log`, '/h'])).toEqual(['d', 'd/e.txt', 'd/f', 'h', 'h/i']);
  });

  it('stays out even if it is included, and is not missed', async () => {
    expect(await paths(tree(files), ['h', 'd/c.log', 'd/*.txt', '*.log'], ['d', '*.log'])).toEqual([
      'h',
      'h/i',
    ]);
  });

  it('is taken by name and as a pattern', async () => {
    const root = tree({ '*.log': '', 'a.log': '', b: '', '[b]': '' });
    expect(await paths(root, [], ['*.log'])).toEqual(['[b]', 'b']);
    expect(await paths(root, [], ['[b]', '\\*.log'])).toEqual(['a.log']);
  });

  it('is not looked into', async () => {
    const root = tree({ 'locked/a': '', b: '' });
    chmodSync(join(root, 'locked'), 0);
    const found = await asNobody(root, () => collect({ root, include: [], exclude: ['lock*'] }));
    expect(found.problems).toEqual([]);
    expect(found.sources.map(({ path }) => path)).toEqual(['b']);
  });
});

describe('names', () => {
  const odd = [
    ' ',
    '-rf',
    'a\nb',
    'a b',
    '\u{1f511}',
    '\uff5e',
    '\udcff\udcfe',
    'ok\udc80',
    '\ufffd',
    '~',
    "'",
    '"',
    '\\',
    '\x1b[31m',
    '...',
  ];

  it('of any bytes work, for files, directories and links', async () => {
    const root = tree(Object.fromEntries(odd.map((name) => [`${name}/${name}`, 'x'])));
    symlinkSync(Buffer.from([0xff, 0x0a]), join(root, 'link'));
    const { sources } = await collect({ root, ...everything });
    const expected = [...odd, ...odd.map((name) => `${name}/${name}`), 'link'];
    expect(sources.map(({ path }) => path)).toEqual(
      expected.sort((a, b) => Buffer.compare(encodeName(a), encodeName(b))),
    );
    for (const { from, type, size } of sources) {
      expect(statSync(from!, { throwIfNoEntry: false })?.isFile() ?? false).toBe(type === 'file');
      expect(size).toBe(type === 'file' ? 1 : 0);
    }
    expect(sources.find(({ path }) => path === 'link')!.target).toBe('\udcff\n');
  });

  it('work as patterns too', async () => {
    const root = tree(Object.fromEntries(odd.map((name) => [name, 'x'])));
    expect((await paths(root, odd)).length).toBe(odd.length);
    expect((await paths(root, ['?'])).sort()).toEqual(
      [' ', '\u{1f511}', '\uff5e', '\ufffd', '~', "'", '"', '\\'].sort(),
    );
  });

  it('are in the order of their bytes, each directory before what it holds', async () => {
    const root = tree({
      'a/b': '',
      'a-b': '',
      'a.b': '',
      a0: '',
      '\uff5e': '',
      '\u{1f511}': '',
      '\udcc3': '',
      é: '',
      Z: '',
    });
    expect(await paths(root, [])).toEqual([
      'Z',
      'a',
      'a-b',
      'a.b',
      'a/b',
      'a0',
      '\udcc3',
      'é',
      '\uff5e',
      '\u{1f511}',
    ]);
  });
});

describe('a symbolic link', () => {
  it('is stored as a link, and never walked', async () => {
    const root = tree({ 'data/a': '', dir: { link: 'data' }, 'sub/file': { link: '../data/a' } });
    const { sources, problems } = await collect({ root, ...everything });
    expect(problems).toEqual([]);
    expect(sources.map(({ path, type, target }) => [path, type, target])).toEqual([
      ['data', 'dir', undefined],
      ['data/a', 'file', undefined],
      ['dir', 'symlink', 'data'],
      ['sub', 'dir', undefined],
      ['sub/file', 'symlink', '../data/a'],
    ]);
    expect(await paths(root, ['**/a'])).toEqual(['data', 'data/a']);
  });

  it.each(['dir/a', 'dir/*', 'dir/deep/a', 'dir/deep/**', 'dir/./x'])(
    'hides %j behind it, which is said',
    async (pattern) => {
      const root = tree({ 'data/a': '', 'data/deep/a': '', dir: { link: 'data' } });
      const { sources, problems } = await collect({ root, include: [pattern], exclude: [] });
      expect(sources).toEqual([]);
      expect(problems).toEqual([
        {
          kind: 'behind-link',
          path: pattern,
          reason: "lies behind the symbolic link 'dir'",
          incomplete: true,
        },
      ]);
    },
  );

  it.each([
    ['nothing', 'a'],
    ['/etc/passwd', 'a'],
    ['../../x', 'd/a'],
    ['left-out', 'a'],
    ['a', 'a'],
    ['d/../../..', 'a'],
    ['d/b/c', 'a'],
  ])('to %j at %s is a warning: its target is not in the snapshot', async (link, path) => {
    const root = tree({ 'd/b': '', 'left-out': '', [path]: { link } });
    const found = await collect({ root, include: [], exclude: ['left-out'] });
    expect(found.problems).toEqual([
      {
        kind: 'dangling-link',
        path,
        reason: `points to '${link}', which is not in the snapshot`,
        incomplete: false,
      },
    ]);
  });

  it('is fine when its target is in the snapshot, by whatever way', async () => {
    const root = tree({
      'd/e/f': '',
      a: { link: 'd/e/f' },
      b: { link: './d//e/../e/f' },
      'd/c': { link: 'e' },
      'd/g': { link: '../d/c/f' },
      'd/h': { link: '..' },
      i: { link: 'd/h/d/h/a' },
      j: { link: '.' },
    });
    symlinkSync(`${root}/d/e/f`, join(root, 'k'));
    symlinkSync(root, join(root, 'l'));
    expect((await collect({ root, ...everything })).problems).toEqual([]);
  });

  it('that was asked for by name is missed without its target', async () => {
    // As certbot lays out its directories.
    const outer = tree({
      'live/site/privkey.pem': { link: '../../archive/site/privkey1.pem' },
      'archive/site/privkey1.pem': 'KEY',
      root: null,
      'root/.env': '',
    });
    const missed = {
      kind: 'dangling-link',
      path: `@outside${outer}/live/site/privkey.pem`,
      reason: "points to '../../archive/site/privkey1.pem', which is not in the snapshot: include that too",
      incomplete: true,
    };
    const root = join(outer, 'root');
    const link = `${outer}/live/site/privkey.pem`;
    expect(await problems(root, [link])).toEqual([missed]);
    expect(await problems(root, [`${outer}/live/{site,other}/privkey.pem`])).toEqual([missed]);
    expect(await problems(root, ['../live', link])).toEqual([missed]);
    expect(await problems(root, ['../live', '../live/*/*.pem'])).toMatchObject([{ incomplete: false }]);
    expect(await problems(root, [link, '../archive'])).toEqual([]);
    // What is only taken along was not asked for.
    const also = { root, include: ['.env'], exclude: [], also: [link] };
    expect((await collect(also)).problems).toMatchObject([{ kind: 'dangling-link', incomplete: false }]);
  });

  it('may be the root itself', async () => {
    const root = tree({
      'real/.env': '',
      'real/up': { link: '../real/.env' },
      link: { link: 'real' },
      'out/x': '',
    });
    const given = join(root, 'link');
    symlinkSync(`${given}/.env`, join(root, 'real/absolute'));
    expect(await paths(given, [])).toEqual(['.env', 'absolute', 'up']);
    expect(await paths(given, [`${given}/.env`, `${root}/real/up`, `${given}/*`], [`${given}/abs*`])).toEqual(
      ['.env', 'up'],
    );
    expect((await paths(given, ['../out/x'])).at(-1)).toBe(`@outside${root}/out/x`);
  });
});

describe('what lies outside the root', () => {
  it('has its absolute path under @outside, with the directories above it', async () => {
    const outer = tree({
      'root/.env': '',
      'secure/tls.pem': '1',
      'secure/tls.key': '2',
      'secure/deep/x.pem': '',
    });
    chmodSync(join(outer, 'secure'), 0o710);
    const root = join(outer, 'root');
    const above = ['@outside'];
    for (const name of outer.split('/').slice(1)) above.push(`${above.at(-1)}/${name}`);
    const expected = [...above, `@outside${outer}/secure`, `@outside${outer}/secure/tls.pem`];
    for (const pattern of [
      `${outer}/secure/tls.pem`,
      '../secure/tls.pem',
      `${outer}/secure/*.pem`,
      '../sec*/*.pem',
    ]) {
      const { sources, problems } = await collect({ root, include: [pattern, '.env'], exclude: [] });
      expect(problems).toEqual([]);
      expect(sources.map(({ path }) => path)).toEqual(['.env', ...expected]);
      expect(sources.at(-2)).toMatchObject({ type: 'dir', mode: 0o710 });
      expect(sources[1]).toMatchObject({ path: '@outside', type: 'dir', mode: statSync('/').mode & 0o7777 });
    }
  });

  it('is stored under its real path when a directory above it is a link', async () => {
    const outer = tree({
      'root/.env': '',
      'run/x': '',
      'run/d/y': '',
      'run/d/z': '',
      var: { link: 'run' },
      own: { link: 'root' },
    });
    const root = join(outer, 'root');
    const found = await paths(root, [
      `${outer}/var/x`,
      `${outer}/var/d`,
      `${outer}/var/d/*`,
      `${outer}/own/.env`,
    ]);
    expect(found.filter((path) => path.startsWith(`@outside${outer}/`))).toEqual(
      ['/run', '/run/d', '/run/d/y', '/run/d/z', '/run/x'].map((path) => `@outside${outer}${path}`),
    );
    expect(found[0]).toBe('.env');
    for (const exclude of [`${outer}/var/d/y`, `${outer}/var/*/y`]) {
      const left = await paths(root, [`${outer}/var/d`], [exclude, '**/x']);
      expect(left.slice(-2)).toEqual([`@outside${outer}/run/d`, `@outside${outer}/run/d/z`]);
    }
  });

  it('may hold the root: what is in the root is there once, under its own name', async () => {
    const outer = tree({ 'root/.env': '', other: '' });
    const found = await paths(join(outer, 'root'), ['..', '.env']);
    expect(found[0]).toBe('.env');
    expect(found.slice(-2)).toEqual([`@outside${outer}`, `@outside${outer}/other`]);
  });

  it('cannot be confused with a file of that name in the root', async () => {
    const root = tree({ '@outside/etc/passwd': 'mine', '@outsider': '', b: '' });
    await expect(collect({ root, ...everything })).rejects.toMatchObject({
      name: 'UsageError',
      code: 'reserved-name',
    });
    expect(await paths(root, [], ['@outside'])).toEqual(['@outsider', 'b']);
  });
});

describe('what cannot be stored', () => {
  it('is skipped with a warning when it is among other things, and missed when it was asked for', async () => {
    const root = tree({ 'd/a': '' });
    execFileSync('mkfifo', [join(root, 'd/pipe')]);
    const server = createServer().listen(join(root, 'd/socket'));
    await new Promise((done) => server.once('listening', done));
    try {
      expect(await problems(root, [])).toEqual([
        {
          kind: 'skipped',
          path: 'd/pipe',
          reason: expect.stringContaining('a named pipe'),
          incomplete: false,
        },
        { kind: 'skipped', path: 'd/socket', reason: expect.stringContaining('a socket'), incomplete: false },
      ]);
      expect(await problems(root, ['.', 'd/pipe'])).toMatchObject([
        { kind: 'skipped', path: 'd/pipe', incomplete: true },
        { kind: 'skipped', path: 'd/socket', incomplete: false },
      ]);
    } finally {
      server.close();
    }
    expect(await problems(root, ['/dev/null'])).toMatchObject([
      { kind: 'skipped', path: '@outside/dev/null', incomplete: true },
    ]);
  });

  it('is a directory that may not be read: said, and kept as a directory', async () => {
    const root = tree({ 'locked/a': '', 'sub/b': '' });
    chmodSync(join(root, 'locked'), 0);
    const found = await asNobody(root, () => collect({ root, ...everything }));
    expect(found.sources.map(({ path }) => path)).toEqual(['locked', 'sub', 'sub/b']);
    expect(found.problems).toEqual([
      { kind: 'unreadable', path: 'locked', reason: 'permission denied', incomplete: true },
    ]);
    for (const pattern of ['locked/a', 'locked/*', 'locked/b/*', 'locked/**']) {
      const { problems } = await asNobody(root, () =>
        collect({ root, include: [pattern, 'sub'], exclude: [] }),
      );
      expect(problems).toMatchObject([{ kind: 'unreadable', incomplete: true }]);
    }
  });

  it('is what lies in a directory that may be listed but not entered', async () => {
    const root = tree({ 'listed/a': '' });
    chmodSync(join(root, 'listed'), 0o444);
    const found = await asNobody(root, () => collect({ root, ...everything }));
    expect(found.sources.map(({ path }) => path)).toEqual(['listed']);
    expect(found.problems).toMatchObject([{ kind: 'unreadable', path: 'listed/a', incomplete: true }]);
  });

  it('is a path that is too long for an archive', async () => {
    const outer = tree({ root: null });
    let path = outer;
    while (path.length < 3840) path += `/${'x'.repeat(200)}`;
    path += `/${'y'.repeat(4090 - path.length - 1)}`;
    mkdirSync(path, { recursive: true });
    const found = await collect({ root: join(outer, 'root'), include: [path], exclude: [] });
    expect(found.problems).toMatchObject([
      { kind: 'unreadable', reason: 'its path is too long', incomplete: true },
    ]);
    expect(found.sources).toEqual([]);
  });

  it('is a root that is not there, or no directory', async () => {
    const root = tree({ file: '' });
    for (const path of ['nothing', 'file', 'file/x']) {
      await expect(collect({ root: join(root, path), ...everything })).rejects.toMatchObject({
        name: 'UsageError',
        code: 'missing-root',
        message: expect.stringContaining(join(root, path)),
      });
    }
  });

  it('is a root behind a locked door', async () => {
    const root = tree({ 'locked/root/a': '' });
    chmodSync(join(root, 'locked'), 0);
    const attempt = asNobody(root, () => collect({ root: join(root, 'locked/root'), ...everything }));
    await expect(attempt).rejects.toMatchObject({ name: 'UsageError', code: 'unreadable-root' });
  });
});

describe('a directory that was asked for and holds nothing', () => {
  const nothing = { kind: 'missing', reason: 'there is nothing in it to back up', incomplete: true };

  it('is missed: its disk may not be mounted', async () => {
    const root = tree({ certs: null, 'deep/er/est': null, 'keys/a': 'A' });
    expect(await problems(root, ['keys', 'certs'])).toEqual([{ ...nothing, path: 'certs' }]);
    expect(await problems(root, ['certs/', './certs', 'keys'])).toEqual([{ ...nothing, path: 'certs' }]);
    expect(await problems(root, ['{certs,keys}'])).toEqual([{ ...nothing, path: 'certs' }]);
    // Directories alone, such as the places of several disks, are nothing either.
    expect(await problems(root, ['deep', 'keys'])).toEqual([{ ...nothing, path: 'deep' }]);
    expect(await problems(join(root, 'keys'), ['a', '../certs'])).toEqual([
      { ...nothing, path: `@outside${root}/certs` },
    ]);
  });

  it('is missed when it is the root, however that is said', async () => {
    const root = tree({});
    for (const include of [[], ['.'], ['./'], [root], [`${root}/`]]) {
      expect(await problems(root, include)).toEqual([{ ...nothing, path: root }]);
    }
  });

  it('is missed when all that it holds is excluded, or cannot be stored', async () => {
    const root = tree({ 'a/x.log': '', 'b/y': '', 'c/.keep': '' });
    execFileSync('mkfifo', [join(root, 'c/pipe')]);
    expect(await problems(root, ['a', 'b'], ['**/*.log'])).toEqual([{ ...nothing, path: 'a' }]);
    expect(await problems(root, [], ['*'])).toEqual([{ ...nothing, path: root }]);
    expect(await problems(root, ['c', 'b'], ['c/.keep'])).toContainEqual({ ...nothing, path: 'c' });
  });

  it('is missed when every pattern found something, and excludes took it all away', async () => {
    const root = tree({ a: '', 'b/c': '' });
    expect(await problems(root, ['a', 'b/*'], ['a', 'b/c'])).toEqual([{ ...nothing, path: root }]);
  });

  it('is not missed when it was excluded itself, or when it was only met on the way', async () => {
    const root = tree({ certs: null, 'sub/empty': null, 'sub/a': '' });
    expect(await paths(root, ['certs', 'sub'], ['certs'])).toEqual(['sub', 'sub/a', 'sub/empty']);
    expect(await paths(root, ['*'])).toEqual(['certs', 'sub', 'sub/a', 'sub/empty']);
  });

  it('is not missed for what another pattern found in it first', async () => {
    const root = tree({ 'certs/a.pem': '', 'certs/deep/b': '' });
    expect(await paths(root, ['.', 'certs', 'certs/deep', 'certs'])).toHaveLength(4);
    expect(await paths(root, ['certs/*.pem', 'certs'])).toHaveLength(4);
    expect(await paths(join(root, 'certs'), ['..', '.'])).toContain('a.pem');
  });

  it('is missed once when it may not be read', async () => {
    const root = tree({ 'locked/a': '', 'listed/b': '', c: '' });
    chmodSync(join(root, 'locked'), 0);
    chmodSync(join(root, 'listed'), 0o444);
    const include = ['.', 'locked', 'listed'];
    const found = await asNobody(root, () => collect({ root, include, exclude: [] }));
    expect(found.problems.map(({ kind, path }) => [kind, path]).sort()).toEqual([
      ['unreadable', 'listed/b'],
      ['unreadable', 'locked'],
    ]);
  });
});

describe('what is packed besides', () => {
  const nothing = { kind: 'missing', reason: 'there is nothing in it to back up', incomplete: true };
  const besides = (root: string, include: string[], also: string[], exclude: string[] = []) =>
    collect({ root, include, exclude, also });

  it('is in the snapshot, with the directories above it', async () => {
    const outer = tree({ 'root/a': '', 'etc/strongroom.yaml': 'S' });
    const root = join(outer, 'root');
    const { sources, problems } = await besides(root, ['a'], ['../etc/strongroom.yaml']);
    expect(problems).toEqual([]);
    expect(sources.at(-2)!.path).toBe(`@outside${outer}/etc/strongroom.yaml`);
    expect((await besides(root, ['a'], ['../etc/nothing'])).problems).toMatchObject([
      { kind: 'missing', path: '../etc/nothing', incomplete: true },
    ]);
  });

  it('makes no set that is empty look full', async () => {
    const root = tree({ 'strongroom.yaml': 'S', certs: null });
    writeFileSync(join(root, 'certs/strongroom.prod.yaml'), 'S');
    const also = [`${root}/strongroom.yaml`, 'certs/strongroom.prod.yaml'];
    for (const include of [[], ['.'], [root]]) {
      const { sources, problems } = await besides(root, include, also);
      expect(problems).toEqual([{ ...nothing, path: root }]);
      expect(sources.map(({ path }) => path)).toEqual([
        'certs',
        'certs/strongroom.prod.yaml',
        'strongroom.yaml',
      ]);
    }
    expect((await besides(root, ['certs'], also)).problems).toEqual([{ ...nothing, path: 'certs' }]);
    expect((await besides(root, ['*.yaml'], also)).problems).toMatchObject([{ reason: 'matches nothing' }]);
  });

  it('may be asked for by name as well', async () => {
    const root = tree({ 'strongroom.yaml': 'S' });
    expect((await besides(root, ['strongroom.yaml'], ['./strongroom.yaml'])).problems).toEqual([]);
  });

  it('is left out in silence where it is excluded', async () => {
    const root = tree({ 'conf/strongroom.yaml': 'S', a: '' });
    for (const exclude of ['conf', '**/*.yaml']) {
      const { sources, problems } = await besides(root, ['a'], ['conf/strongroom.yaml'], [exclude]);
      expect(problems).toEqual([]);
      expect(sources.map(({ path }) => path)).toEqual(['a']);
    }
  });
});

describe('a source', () => {
  it('has a time that can be counted, whatever its file system says', () => {
    const stat = (mtimeMs: number) =>
      ({ mode: 0o600, uid: 1, gid: 1, size: 0, dev: 1, ino: 1, mtimeMs }) as Stats;
    for (const time of [2 ** 63, -(2 ** 63), Number.MAX_SAFE_INTEGER, 9e15]) {
      const { mtime } = sourceOf('a', '/a', 'file', stat(time));
      expect(Math.sign(mtime)).toBe(Math.sign(time));
      expect(new Date(mtime).getTime()).toBe(mtime);
    }
  });

  it('carries what the file system says of it', async () => {
    const root = tree({ 'd/a': 'hello', 'd/empty': '' });
    linkSync(join(root, 'd/a'), join(root, 'b'));
    chmodSync(join(root, 'd/a'), 0o4750);
    chmodSync(join(root, 'd'), 0o1777);
    utimesSync(join(root, 'd/a'), 1.5, 1.5);
    utimesSync(join(root, 'd'), new Date(-1250), new Date(-1250));
    // Times before 1970, and parts of a millisecond, are rounded down.
    execFileSync('touch', ['-d', '@-1.2505', join(root, 'd/empty')]);
    const owner = { uid: process.getuid!(), gid: process.getgid!() };
    const { sources } = await collect({ root, ...everything });
    expect(sources).toMatchObject([
      { path: 'b', type: 'file', size: 5, mode: 0o4750, mtime: 1500, from: `${root}/b`, ...owner },
      { path: 'd', type: 'dir', size: 0, mode: 0o1777, mtime: -1250, from: `${root}/d`, ...owner },
      { path: 'd/a', type: 'file', size: 5, mode: 0o4750, mtime: 1500, from: `${root}/d/a`, ...owner },
      { path: 'd/empty', type: 'file', size: 0, mtime: -1251, from: `${root}/d/empty`, ...owner },
    ]);
  });

  it('is found in wide trees and deep ones', async () => {
    const wide = Object.fromEntries(Array.from({ length: 3000 }, (_, index) => [`wide/${index}`, '']));
    const root = tree({ ...wide, [`${'d/'.repeat(200)}end`]: 'x' });
    const found = await paths(root, []);
    expect(found.length).toBe(1 + 3000 + 201);
    expect(found).toContain(`${'d/'.repeat(200)}end`);
    expect(await paths(root, ['**/end'])).toHaveLength(201);
  });
});

describe('collecting', () => {
  it('ends when it is asked to', async () => {
    const reason = { name: 'InterruptedError', code: 'interrupted' };
    const signal = AbortSignal.abort();
    await expect(collect({ root: tree({ a: '' }), ...everything }, { signal })).rejects.toMatchObject(reason);
  });

  it('tells how far it is', async () => {
    const seen: number[] = [];
    const root = tree(Object.fromEntries(Array.from({ length: 50 }, (_, index) => [`${index}`, ''])));
    await collect({ root, ...everything }, { onProgress: ({ entries }) => seen.push(entries) });
    expect(seen.length).toBeGreaterThan(0);
    expect(Math.max(...seen)).toBeLessThanOrEqual(50);
  });
});

describe('sources from memory', () => {
  const now = 1_700_000_000_123.5;

  it('are files of bytes, text or JSON, owner-only, in private directories', () => {
    const sources = sourcesFromMemory(
      { 'b/c.json': { a: [1] }, a: 'é', 'b/d': Buffer.of(0, 255), n: null },
      now,
    );
    const content = sources.map(({ path, type, mode, mtime, size, from, bytes }) => {
      expect(mtime).toBe(1_700_000_000_123);
      expect(from).toBeUndefined();
      expect(size).toBe(bytes?.length ?? 0);
      return [path, type, mode, bytes && Buffer.from(bytes).toString('latin1')];
    });
    expect(content).toEqual([
      ['a', 'file', 0o600, 'Ã©'],
      ['b', 'dir', 0o700, undefined],
      ['b/c.json', 'file', 0o600, '{\n  "a": [\n    1\n  ]\n}\n'],
      ['b/d', 'file', 0o600, '\0ÿ'],
      ['n', 'file', 0o600, 'null\n'],
    ]);
  });

  it.each(['', '/a', '../a', 'a/../b', 'a//b', 'a/', './a', 'a\0', '\ud800'])(
    'refuse the path %j',
    (path) => {
      expect(() => sourcesFromMemory({ [path]: '' }, now)).toThrow(
        expect.objectContaining({ name: 'IntegrityError' }),
      );
    },
  );

  it('refuse a path that is a file and a directory', () => {
    for (const files of [
      { a: '', 'a/b/c': '' },
      { 'a/b/c': '', 'a/b': '' },
    ]) {
      expect(() => sourcesFromMemory(files, now)).toThrow(expect.objectContaining({ code: 'path-conflict' }));
    }
  });

  it('refuse a value that JSON cannot hold, without a word of it', () => {
    const circular: Record<string, unknown> = { password: 'hunter2' };
    circular.self = circular;
    for (const value of [undefined, () => 'hunter2', 10n, circular]) {
      try {
        sourcesFromMemory({ secret: value }, now);
        expect.unreachable();
      } catch (error) {
        expect(error).toMatchObject({ name: 'UsageError', code: 'not-json' });
        expect((error as Error).cause).toBeUndefined();
        expect(String(error)).not.toMatch(/hunter2|password/);
      }
    }
  });
});

describe('a restore that is under way in the root', () => {
  it('is not packed, and makes the snapshot incomplete', async () => {
    const root = tree({ '.env': 'A=1', '.strongroom-restore-0123456789abcdef/new/0': 'staged' });
    const { sources, problems: said } = await collect({ root, include: [], exclude: [] });
    expect(sources.map((s) => s.path)).toEqual(['.env']);
    expect(said).toEqual([expect.objectContaining({ kind: 'changed', incomplete: true })]);
  });
});

describe('what is taken in another way', () => {
  it('is left out and not missed, whether it is named, matched or found', async () => {
    const root = tree({ 'data/users.db': 'x', 'data/users.db-wal': 'y', '.env': 'A=1' });
    const elsewhere = ['data/users.db', join(root, 'data/users.db-wal'), 'data/users.db-shm'];
    for (const include of [[], ['.'], ['data', '.env'], ['data/users.db', '.env'], ['data/*.db', '.env']]) {
      const { sources, problems: found } = await collect({ root, include, exclude: [], elsewhere });
      expect(found, include.join()).toEqual([]);
      expect(
        sources.filter((s) => s.type === 'file').map((s) => s.path),
        include.join(),
      ).toEqual(['.env']);
    }
    const alone = await collect({ root, include: ['data'], exclude: [], elsewhere });
    expect(alone.problems).toEqual([]);
  });
});
