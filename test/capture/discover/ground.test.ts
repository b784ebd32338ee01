import { execFileSync } from 'node:child_process';
import { chmodSync, realpathSync, truncateSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { type Disk, disk } from '../../../src/capture/discover/disk.ts';
import { MAX_DIRECTORY_BYTES, MAX_DIRECTORY_FILES } from '../../../src/capture/discover/extent.ts';
import { type Ground, MAX_TEXT_BYTES, openGround } from '../../../src/capture/discover/ground.ts';
import type { DiscoverOptions } from '../../../src/capture/discover/reference.ts';
import { asNobody, emptyDirectory, type Tree, tree } from '../../pack/tree.ts';

const open = (root: string, options: Partial<DiscoverOptions> = {}) =>
  openGround({ root, kinds: [], ...options });
const ground = (root: string, options: Partial<DiscoverOptions> = {}): Ground => open(root, options).ground;

/** A root `app` with what lies beside it. */
const beside = (content: Tree): string => tree({ 'app/compose.yaml': '', ...content });

describe('files below the root', () => {
  it('are found in byte order, without links, special files, what is excluded, and what git and npm keep', () => {
    const root = tree({
      b: '',
      'a/z': '',
      'a.txt': '',
      '.env': '',
      'a/.git/config': '',
      'node_modules/x/.env': '',
      'old/x': '',
      'logs/1.log': '',
      'logs/2.txt': '',
      '\u{1f600}': '',
      '\uffee': '',
      link: { link: 'a/z' },
      dir: { link: 'a' },
    });
    execFileSync('mkfifo', [join(root, 'pipe')]);
    expect(
      ground(root, { exclude: ['old', '**/*.log'] })
        .files()
        .map((path) => path.slice(root.length + 1)),
    ).toEqual(['.env', 'a.txt', 'a/z', 'b', 'logs/2.txt', '\uffee', '\u{1f600}']);
  });

  it('are looked for below a root that is itself a link, and named by its real path', () => {
    const top = tree({ 'app/.env': 'A=1', current: { link: 'app' } });
    const { root, files, look } = ground(join(top, 'current'));
    expect(root).toBe(join(top, 'app'));
    expect(files()).toEqual([join(top, 'app/.env')]);
    expect(look(join(top, 'current/.env'))).toBe('file');
  });

  it('are all but those whose names are not UTF-8, with a warning', () => {
    const root = emptyDirectory();
    writeFileSync(Buffer.concat([Buffer.from(`${root}/x`), Buffer.of(0xff)]), '');
    writeFileSync(join(root, 'y'), '');
    const { ground: it, result } = open(root);
    expect(it.files()).toEqual([join(root, 'y')]);
    expect(result().warnings).toEqual([
      { path: root, kind: 'unread', reason: 'holds names that are not UTF-8, which were not looked at' },
    ]);
  });

  it('are those that can be listed, with a warning of the others', async () => {
    const root = tree({ 'a/x': '', 'b/y': '' });
    chmodSync(join(root, 'a'), 0);
    await asNobody(root, async () => {
      const { ground: it, result } = open(root);
      expect(it.files()).toEqual([join(root, 'b/y')]);
      expect(result().warnings).toEqual([
        { path: join(root, 'a'), kind: 'unread', reason: 'cannot be listed' },
      ]);
    });
  });

  it('are not looked for where there is no such directory', () => {
    const root = tree({ file: '' });
    for (const path of ['nothing', 'file', 'file/x'])
      expect(() => ground(join(root, path))).toThrow(expect.objectContaining({ code: 'missing-root' }));
  });
});

describe('a path', () => {
  it('is a file, a directory, missing, special, or unreadable', async () => {
    const root = tree({
      'a/b': '',
      locked: '',
      'closed/x': '',
      link: { link: 'a/b' },
      loop: { link: 'loop' },
    });
    execFileSync('mkfifo', [join(root, 'pipe')]);
    chmodSync(join(root, 'locked'), 0);
    chmodSync(join(root, 'closed'), 0);
    await asNobody(root, async () => {
      const { look } = ground(root);
      expect(
        ['a/b', 'a', '.', 'link', 'x', 'a/b/c', 'loop', 'pipe', 'locked', 'closed', 'closed/x'].map(look),
      ).toEqual([
        'file',
        'directory',
        'directory',
        'file',
        'missing',
        'missing',
        'missing',
        'special',
        'unreadable',
        'unreadable',
        'unreadable',
      ]);
    });
  });

  it.each(['', '.', '..', '../..', '/', 'a/../../secret', '/etc/passwd', '../app2', '../appendix'])(
    'outside is only what leads there: %j',
    (path) => {
      const top = beside({ secret: 'x', app2: '', appendix: '' });
      expect(ground(join(top, 'app')).look(path)).toBe(['', '.'].includes(path) ? 'directory' : 'outside');
    },
  );

  it.each([
    ['with a NUL', 'x\0y'],
    ['a NUL', '\0'],
    ['far too long', 'x'.repeat(5000)],
    ['far too deep', 'x/'.repeat(3000)],
    ['too long a name', 'x'.repeat(300)],
    ['half a character', '\ud800'],
    ['slashes', '/'.repeat(10_000)],
    ['a line end', '\n'],
    ['a tilde', '~'],
    ['a home', '~/x'],
    ['a drive', 'C:\\x'],
  ])('that no file has is missing, not an error: %s', async (_, path) => {
    const { look, text, head, root } = ground(tree({ a: '' }));
    expect(look(`${root}/${path}`)).toMatch(/^(?:missing|directory)$/);
    expect(['missing', 'outside']).toContain(look(path));
    expect(await text(path)).toBeUndefined();
    expect(head(path, 10)).toBeUndefined();
  });

  it('that nobody can have is a warning of the file that names it, and no reference', () => {
    const { ground: it, result } = open(tree({ a: '' }));
    const by = join(it.root, 'a');
    it.refer({ path: 'x\0', as: 'file', by, required: true });
    it.refer({ path: 'SECRET'.repeat(1000), as: 'file', by, required: true });
    expect(result()).toEqual({
      references: [],
      warnings: [{ path: by, kind: 'broken', reason: 'names a path that no file can have' }],
    });
  });
});

describe('a symbolic link', () => {
  const top = () =>
    beside({
      'app/in/file': 'inside',
      'app/to-file': { link: 'in/file' },
      'app/to-dir': { link: 'in' },
      'app/twice': { link: 'to-dir/file' },
      'app/in/up': { link: '..' },
      'app/out': { link: '../secret' },
      'app/out-dir': { link: '..' },
      'app/out-and-in': { link: '../app/in' },
      'app/root': { link: '/' },
      'app/nowhere': { link: 'nothing' },
      'app/out-nowhere': { link: '/nothing/at/all' },
      secret: 'canary',
    });

  it.each<[string, string, string | undefined]>([
    ['to-file', 'file', 'inside'],
    ['to-dir/file', 'file', 'inside'],
    ['twice', 'file', 'inside'],
    ['in/up/in/up/to-dir/file', 'file', 'inside'],
    ['out-and-in/file', 'file', 'inside'],
    ['out', 'outside', undefined],
    ['out-dir', 'outside', undefined],
    ['out-dir/secret', 'outside', undefined],
    ['root/etc/passwd', 'outside', undefined],
    ['nowhere', 'missing', undefined],
    ['out-nowhere', 'outside', undefined],
  ])('leads only where one may look: %s', async (path, state, text) => {
    const { look, text: read, head, real } = ground(join(top(), 'app'));
    expect(look(path)).toBe(state);
    expect(real(path)?.endsWith('/app/in/file') ?? false).toBe(state === 'file');
    expect(await read(path)).toBe(text);
    expect(head(path, 100)?.bytes.toString()).toBe(text);
  });
});

describe('what the set allows outside', () => {
  const top = () =>
    beside({
      'shared/a.env': 'A=1',
      'shared/deep/b.env': 'B=2',
      'shared/c.txt': 'no',
      'shared/leak': { link: '../secret' },
      'shared/leak.env': { link: '../secret' },
      'shared/back.env': { link: '../app/compose.yaml' },
      run: { link: 'shared' },
      secret: 'canary',
    });
  const states = (outside: string[], paths: string[]): string[] => {
    const { look } = ground(join(top(), 'app'), { outside });
    return paths.map((path) => look(path));
  };

  it('is what a glob names, relative or absolute', async () => {
    expect(
      states(['../shared/**/*.env'], ['../shared/a.env', '../shared/deep/b.env', '../shared/c.txt']),
    ).toEqual(['file', 'file', 'outside']);
    const root = top();
    const it = ground(join(root, 'app'), { outside: [`${root}/shared/a.env`] });
    expect(await it.text(`${root}/shared/a.env`)).toBe('A=1');
    expect(it.look('../shared/c.txt')).toBe('outside');
  });

  it.each(['../shared', '../shared/', '../shared/**'])('is a directory with all it holds: %s', (glob) => {
    expect(
      states([glob], ['../shared', '../shared/deep', '../shared/c.txt', '../shared/nothing', '..']),
    ).toEqual(['directory', 'directory', 'file', 'missing', 'outside']);
  });

  it('is not a directory of which only some files are allowed', () => {
    expect(states(['../shared/*.env', '../shared/[!c]*'], ['../shared', '../shared/deep'])).toEqual([
      'outside',
      'directory',
    ]);
  });

  it('is not where a link in it leads, unless that is allowed too', () => {
    const paths = ['../shared/leak', '../shared/leak.env', '../shared/back.env'];
    expect(states(['../shared/**'], paths)).toEqual(['outside', 'outside', 'file']);
    expect(states(['../shared/**', '../secret'], paths)).toEqual(['file', 'file', 'file']);
  });

  it('is where the kernel goes from a link, not where its text seems to lead', async () => {
    const root = tree({
      'app/compose.yaml': '',
      'elsewhere/usr/x': '',
      'elsewhere/etc/shadow': 'canary',
      'shared/b': { link: '../elsewhere/usr' },
      'shared/a': { link: 'b/../etc' },
      'shared/etc/shadow': 'decoy',
      'shared/deep/own': { link: '../near/../near/./x' },
      'shared/near': { link: 'deep/er' },
      'shared/deep/er/x': 'own',
      'shared/deep/near/x': 'as the kernel goes',
      'shared/file': { link: 'near/x/../x' },
    });
    const { ground: it, result } = open(join(root, 'app'), { outside: ['../shared/**'] });
    expect(it.look('../shared/a/shadow')).toBe('outside');
    expect(it.look('../shared/a/none')).toBe('outside');
    expect(await it.text('../shared/a/shadow')).toBeUndefined();
    expect(it.real('../shared/deep/own')).toBe(realpathSync.native(join(root, 'shared/deep/own')));
    expect(it.look('../shared/file')).toBe('missing');
    expect(result().warnings).toEqual([]);
    const all = ground(join(root, 'app'), { outside: ['../shared/**', '../elsewhere/**'] });
    expect(await all.text('../shared/a/shadow')).toBe('canary');
  });

  it('may be named through a link, as /var/run is', () => {
    expect(
      states(['../run/*.env'], ['../run/a.env', '../shared/a.env', '../run/c.txt', '../run/leak.env']),
    ).toEqual(['file', 'file', 'outside', 'outside']);
  });

  it('is nothing in the root: a link there is no permission', () => {
    const root = tree({ 'app/certs': { link: '../etc' }, 'etc/key': '' });
    expect(ground(join(root, 'app'), { outside: ['certs/**', '', 'certs'] }).look('certs/key')).toBe(
      'outside',
    );
  });

  it('is anything at all for whoever says so', () => {
    expect(states(['/**'], ['../secret', '/', '../shared/leak'])).toEqual(['file', 'too-large', 'file']);
  });
});

describe('what is excluded', () => {
  it('is looked at and not read', async () => {
    const root = tree({ 'old/.env': 'A=1', keep: 'x', link: { link: 'old/.env' } });
    const { ground: it, result } = open(root, { exclude: ['old/**', '**/*.bak'] });
    expect(it.look('old/.env')).toBe('file');
    expect(await it.text('old/.env')).toBeUndefined();
    expect(it.head('old/.env', 5)).toBeUndefined();
    expect(await it.text('link')).toBeUndefined();
    expect(await it.text('keep')).toBe('x');
    expect(result().warnings).toEqual([]);
  });

  it('does not count towards the bounds of a directory', () => {
    const root = tree({ 'data/db': '', 'data/x': '' });
    truncateSync(join(root, 'data/db'), MAX_DIRECTORY_BYTES + 1);
    expect(ground(root).look('data')).toBe('too-large');
    expect(ground(root, { exclude: ['data/db'] }).look('data')).toBe('directory');
    expect(ground(root, { exclude: ['data'] }).look('data')).toBe('directory');
  });
});

describe('a directory', () => {
  it('is too large with more bytes than configuration has, whatever links in it lead to', () => {
    const root = tree({ 'a/x': '', 'a/y': '', 'b/link': { link: '../a/x' }, 'b/dir': { link: '../a' } });
    truncateSync(join(root, 'a/x'), MAX_DIRECTORY_BYTES);
    expect(ground(root).look('a')).toBe('directory');
    writeFileSync(join(root, 'a/y'), '.');
    expect(ground(root).look('a')).toBe('too-large');
    expect(ground(root).look('b')).toBe('directory');
    expect(ground(root).look('b/dir')).toBe('too-large');
  });

  it('is too large with more files than configuration has, those of git too', () => {
    const root = tree({ 'a/.git/x': '' });
    let count = MAX_DIRECTORY_FILES - 1;
    // As if it held the same file so many times: to make them all takes seconds.
    const many: Disk = {
      ...disk,
      list: (path) =>
        disk.list(path).flatMap((child) => (child.name === 'x' ? Array(count).fill(child) : [child])),
    };
    const look = () => openGround({ root, kinds: [] }, many).ground.look('a');
    expect(look()).toBe('directory');
    count += 1;
    expect(look()).toBe('too-large');
  });
});

describe('a text', () => {
  it('is that of a regular file of UTF-8 of at most 1 MiB; of anything else there is a warning', async () => {
    const root = tree({ a: '\ufeffé', empty: '', latin: Buffer.of(0xe9), 'dir/x': '' });
    writeFileSync(join(root, 'most'), 'x'.repeat(MAX_TEXT_BYTES));
    writeFileSync(join(root, 'more'), 'x'.repeat(MAX_TEXT_BYTES + 1));
    execFileSync('mkfifo', [join(root, 'pipe')]);
    const { ground: it, result } = open(root);
    expect(await it.text('a')).toBe('é');
    expect(await it.text('empty')).toBe('');
    expect(await it.text('most')).toHaveLength(MAX_TEXT_BYTES);
    for (const path of ['more', 'latin', 'dir', 'pipe', 'nothing', '../x']) {
      expect(await it.text(path), path).toBeUndefined();
    }
    expect(result().warnings).toEqual([
      { path: join(root, 'dir'), kind: 'broken', reason: 'is no regular file' },
      { path: join(root, 'latin'), kind: 'broken', reason: 'is no UTF-8 text' },
      { path: join(root, 'more'), kind: 'unread', reason: 'is too large to look into' },
      { path: join(root, 'pipe'), kind: 'broken', reason: 'is no regular file' },
    ]);
  });

  it('that one may not read is a warning', async () => {
    const root = tree({ 'closed/x': 'x', locked: 'x' });
    chmodSync(join(root, 'closed'), 0);
    chmodSync(join(root, 'locked'), 0);
    await asNobody(root, async () => {
      const { ground: it, result } = open(root);
      expect([await it.text('closed/x'), await it.text('locked'), it.head('locked', 1)]).toEqual([
        undefined,
        undefined,
        undefined,
      ]);
      expect(result().warnings.map(({ reason }) => reason)).toEqual(['cannot be read', 'cannot be read']);
    });
  });

  it('is read once', async () => {
    const root = tree({ a: '1' });
    const it = ground(root);
    expect(await it.text('a')).toBe('1');
    writeFileSync(join(root, 'a'), '2');
    expect(await it.text(join(root, 'b/../a'))).toBe('1');
  });

  it('of which only the beginning is wanted may be of any size', () => {
    const root = tree({ a: 'abcdef' });
    truncateSync(join(root, 'a'), 2 ** 32);
    const head = ground(root).head('a', 3);
    expect([head?.bytes.toString(), head?.size]).toEqual(['abc', 2 ** 32]);
  });
});

describe('references', () => {
  it('are each there once, in byte order, and needed if they are needed once', () => {
    const { ground: it, result } = open(tree({ a: '', b: '' }));
    const [a, b] = [join(it.root, 'a'), join(it.root, 'b')];
    it.refer({ path: 'b', as: 'x', by: a, required: false });
    it.refer({ path: './b', as: 'x', by: a, required: true });
    it.refer({ path: 'b', as: 'w', by: a, required: false });
    it.refer({ path: 'b', as: 'x', by: undefined, required: false });
    it.refer({ path: 'a', as: 'x\u001b[31m\n y', by: b, required: false });
    expect(result().references).toEqual([
      { path: a, as: 'x [31m y', by: b, required: false, state: 'file' },
      { path: b, as: 'x', by: undefined, required: false, state: 'file' },
      { path: b, as: 'w', by: a, required: false, state: 'file' },
      { path: b, as: 'x', by: a, required: true, state: 'file' },
    ]);
  });
});

it('stops when it is told to', async () => {
  const root = tree({ a: '' });
  const stop = new AbortController();
  const it = ground(root, { signal: stop.signal });
  stop.abort();
  expect(() => it.files()).toThrow(expect.objectContaining({ code: 'interrupted' }));
  await expect(it.text('a')).rejects.toThrow(expect.objectContaining({ code: 'interrupted' }));
  expect(() => ground(root, { signal: stop.signal })).toThrow(
    expect.objectContaining({ code: 'interrupted' }),
  );
});
