import { execFileSync } from 'node:child_process';
import {
  appendFileSync,
  chmodSync,
  chownSync,
  closeSync,
  constants,
  lstatSync,
  mkdirSync,
  openSync,
  readdirSync,
  readSync,
  renameSync,
  rmSync,
  symlinkSync,
  truncateSync,
  writeFileSync,
  writeSync,
} from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { describe, expect, it, onTestFinished } from 'vitest';
import { collect, type Source } from '../../src/pack/collect.ts';
import { readQuiet, readWhole } from '../../src/pack/read.ts';
import { isSteady, isSteadyPath, openDirectory, openFile } from '../../src/pack/read-open.ts';
import { asNobody, openDescriptors, tree } from './tree.ts';

const TICK_MS = 15;

async function sourceOf(root: string, path: string): Promise<Source> {
  const { sources } = await collect({ root, include: [path], exclude: [] });
  return sources.at(-1)!;
}

/**
 * Does something every millisecond until the test ends. Where the machine is too busy for that, the file is at rest
 * when it is read, and rightly taken: such tests get another try.
 */
function keepDoing(what: (time: number) => void): void {
  let time = 0;
  what(time);
  const timer = setInterval(() => what(++time), 1);
  onTestFinished(() => clearInterval(timer));
}

describe('opening a file that was found', () => {
  const found = (root: string, path: string) => lstatSync(join(root, path));

  it('gives that file', () => {
    const root = tree({ 'd/a': 'mine' });
    const opened = openFile(join(root, 'd/a'), found(root, 'd/a'))!;
    expect(opened.stat.size).toBe(4);
    closeSync(opened.fd);
  });

  it('gives its successor when somebody saved it by renaming', () => {
    const root = tree({ 'd/a': 'old', 'd/b': 'newer' });
    const old = found(root, 'd/a');
    renameSync(join(root, 'd/b'), join(root, 'd/a'));
    const opened = openFile(join(root, 'd/a'), old)!;
    expect(opened.stat.size).toBe(5);
    closeSync(opened.fd);
  });

  it('fails when a link took its place', () => {
    const root = tree({ a: '', secret: '' });
    const old = found(root, 'a');
    rmSync(join(root, 'a'));
    symlinkSync('secret', join(root, 'a'));
    expect(() => openFile(join(root, 'a'), old)).toThrow(expect.objectContaining({ code: 'ELOOP' }));
  });

  it('gives nothing when a directory above was swapped for a link, even to a file of the same name', () => {
    const root = tree({ 'd/a': '', 'secret/a': '' });
    const old = found(root, 'd/a');
    renameSync(join(root, 'd'), join(root, 'e'));
    symlinkSync('secret', join(root, 'd'));
    const before = openDescriptors();
    expect(openFile(join(root, 'd/a'), old)).toBeUndefined();
    expect(openDescriptors()).toBe(before);
  });

  it('gives nothing when it is a pipe now, from which it takes nothing', () => {
    const root = tree({ a: '' });
    const old = found(root, 'a');
    rmSync(join(root, 'a'));
    execFileSync('mkfifo', [join(root, 'a')]);
    expect(openFile(join(root, 'a'), old)).toBeUndefined();
    const pipe = openSync(join(root, 'a'), constants.O_RDWR | constants.O_NONBLOCK);
    writeSync(pipe, 'for another');
    expect(openFile(join(root, 'a'), old)).toBeUndefined();
    expect(readSync(pipe, Buffer.alloc(100))).toBe(11);
    closeSync(pipe);
  });
});

describe('opening a directory that was found', () => {
  it('gives a path that still leads there when its name leads elsewhere', () => {
    const root = tree({ 'd/a': '', 'e/b': '' });
    const opened = openDirectory(join(root, 'd'), lstatSync(join(root, 'd')))!;
    renameSync(join(root, 'd'), join(root, 'moved'));
    symlinkSync('e', join(root, 'd'));
    expect(readdirSync(opened.at)).toEqual(['a']);
    closeSync(opened.fd);
  });

  it('does not follow a link, in its place or above', () => {
    const root = tree({ 'd/e/a': '', 'x/e/b': '' });
    const old = lstatSync(join(root, 'd/e'));
    renameSync(join(root, 'd'), join(root, 'moved'));
    symlinkSync('x', join(root, 'd'));
    expect(openDirectory(join(root, 'd/e'), old)).toBeUndefined();
    expect(() => openDirectory(join(root, 'd'), old)).toThrow();
  });
});

describe('a directory that nobody else can swap', () => {
  const isRoot = process.getuid?.() === 0;

  it.each([
    ['private', 0o755, 0o755, true],
    ['shared with the group', 0o775, 0o755, false],
    ['shared with everybody', 0o757, 0o755, false],
    ['shared but sticky', 0o1777, 0o777, true],
  ])('is one in a parent that is %s: judged right', (_name, parent, child, expected) => {
    const root = tree({ 'p/c': null });
    chmodSync(join(root, 'p'), parent);
    chmodSync(join(root, 'p/c'), child);
    expect(isSteady(lstatSync(join(root, 'p')), lstatSync(join(root, 'p/c')))).toBe(expected);
    expect(isSteadyPath(join(root, 'p/c'))).toBe(expected);
  });

  it.skipIf(!isRoot)('is not one that belongs to another user, where that user may rename it', () => {
    const root = tree({ 'theirs/c': null, 'sticky/theirs': null });
    chownSync(join(root, 'theirs'), 12345, 0);
    chmodSync(join(root, 'sticky'), 0o1777);
    chownSync(join(root, 'sticky/theirs'), 12345, 0);
    expect(isSteadyPath(join(root, 'theirs'))).toBe(true);
    expect(isSteadyPath(join(root, 'theirs/c'))).toBe(false);
    expect(isSteadyPath(join(root, 'sticky/theirs'))).toBe(false);
  });
});

describe('reading a small file that nobody writes to', () => {
  const read = (source: Source, limit = 99, buffer = Buffer.alloc(100), offset = () => 0) =>
    readQuiet(source, limit, buffer, offset);

  it('takes one go', async () => {
    const root = tree({ a: 'hello', empty: '' });
    await sleep(TICK_MS);
    const content = Buffer.alloc(100);
    expect(read(await sourceOf(root, 'a'), 5, content, () => 3)?.size).toBe(5);
    expect(content.toString('latin1', 0, 9)).toBe('\0\0\0hello\0');
    expect(read(await sourceOf(root, 'empty'))?.size).toBe(0);
  });

  it('is left to a more careful way when it is not that', async () => {
    const root = tree({ a: 'hello', b: 'hello', gone: '' });
    await sleep(TICK_MS);
    expect(read(await sourceOf(root, 'a'), 4)).toBeUndefined();
    const source = await sourceOf(root, 'gone');
    rmSync(join(root, 'gone'));
    expect(read(source)).toBeUndefined();
    const growing = () => {
      appendFileSync(join(root, 'a'), '!');
      return 0;
    };
    expect(read(await sourceOf(root, 'a'), 99, Buffer.alloc(100), growing)).toBeUndefined();
  });

  // Another try where the machine is too busy to read in time.
  it('is not one that was written to a moment ago', { retry: 10 }, async () => {
    const root = tree({ a: 'hello' });
    const source = await sourceOf(root, 'a');
    writeFileSync(join(root, 'a'), 'just written');
    expect(read(source)).toBeUndefined();
  });
});

describe('reading a whole file', () => {
  it('gives its content', async () => {
    const root = tree({ a: 'hello', empty: '' });
    expect(await readWhole(await sourceOf(root, 'a'))).toMatchObject({ content: Buffer.from('hello') });
    expect(await readWhole(await sourceOf(root, 'empty'))).toMatchObject({ content: Buffer.alloc(0) });
  });

  it('waits for one that is being saved at that moment', async () => {
    const root = tree({ a: 'A=1\nB=2\n' });
    const source = await sourceOf(root, 'a');
    truncateSync(join(root, 'a'), 0);
    const reading = readWhole(source);
    writeFileSync(join(root, 'a'), 'A=3\nB=4\n');
    const read = await reading;
    expect(read).toMatchObject({ content: Buffer.from('A=3\nB=4\n') });
    expect(read).not.toHaveProperty('problem');
  });

  it('says so when it only becomes longer, and keeps what was there', { retry: 10 }, async () => {
    const root = tree({ log: 'begin' });
    const source = await sourceOf(root, 'log');
    keepDoing((time) => appendFileSync(join(root, 'log'), `${time} `));
    const read = await readWhole(source);
    expect(read).toMatchObject({ problem: { kind: 'grew', path: 'log', incomplete: false } });
    expect(String('content' in read && read.content)).toMatch(/^begin0 1 2 [\d ]*$/);
  });

  it('says so when it goes on changing', { retry: 10 }, async () => {
    const root = tree({ db: '' });
    const source = await sourceOf(root, 'db');
    keepDoing((time) => writeFileSync(join(root, 'db'), `state ${time}`.padEnd(1000)));
    const read = await readWhole(source);
    expect(read).toMatchObject({ problem: { kind: 'changed', path: 'db', incomplete: true } });
    expect('content' in read && read.content).toHaveLength(1000);
  });

  it('does not mind one that is written again and again with the same', async () => {
    const root = tree({ pid: '' });
    const source = await sourceOf(root, 'pid');
    keepDoing(() => writeFileSync(join(root, 'pid'), '4711'));
    const read = await readWhole(source);
    expect(read).toMatchObject({ content: Buffer.from('4711') });
    expect(read).not.toHaveProperty('problem');
  });

  it.skipIf(process.platform !== 'linux')('takes all of a file that does not tell its size', async () => {
    const read = await readWhole(await sourceOf('/', `/proc/${process.pid}/limits`));
    expect('stat' in read && read.stat.size).toBe(0);
    expect(String('content' in read && read.content)).toMatch(/Max open files/);
  });

  it('leaves one of over 16 MiB to the caller, open', async () => {
    const root = tree({ big: '' });
    truncateSync(join(root, 'big'), 16 * 2 ** 20);
    expect(await readWhole(await sourceOf(root, 'big'))).toHaveProperty('content');
    truncateSync(join(root, 'big'), 16 * 2 ** 20 + 1);
    const read = await readWhole(await sourceOf(root, 'big'));
    if (!('fd' in read)) return expect.unreachable();
    closeSync(read.fd);
  });

  it('says why there is nothing to read', async () => {
    // The other file is there from the beginning: a new one may get the number of the one that was removed.
    const root = tree({
      gone: '',
      locked: '',
      link: '',
      dir: '',
      'parent/a': '',
      'file/a': '',
      'other/a': 'no',
    });
    const { sources } = await collect({ root, include: [], exclude: [] });
    const named = (path: string) => sources.find((source) => source.path === path)!;
    rmSync(join(root, 'gone'));
    chmodSync(join(root, 'locked'), 0);
    rmSync(join(root, 'link'));
    symlinkSync('/etc/passwd', join(root, 'link'));
    rmSync(join(root, 'dir'));
    mkdirSync(join(root, 'dir'));
    rmSync(join(root, 'parent'), { recursive: true });
    symlinkSync('other', join(root, 'parent'));
    rmSync(join(root, 'file'), { recursive: true });
    writeFileSync(join(root, 'file'), '');
    await asNobody(root, async () => {
      for (const [path, kind] of [
        ['gone', 'missing'],
        ['locked', 'unreadable'],
        ['link', 'changed'],
        ['dir', 'changed'],
        ['parent/a', 'changed'],
        ['file/a', 'missing'],
      ] as const) {
        expect(await readWhole(named(path))).toEqual({
          kind,
          path,
          reason: expect.any(String),
          incomplete: true,
        });
      }
    });
  });
});
