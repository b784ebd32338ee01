import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { checkEntries, checkEntry, type Entry } from '../../src/pack/entry.ts';
import { archives, dir, file, link } from './arbitraries.ts';

const GOOD = file('a', 'content').entry;

describe('checking one entry', () => {
  it('accepts what a file system can hold', () => {
    fc.assert(
      fc.property(archives, (archive) => {
        for (const { entry } of archive) checkEntry(entry);
      }),
    );
  });

  it.each<[string, Partial<Record<keyof Entry, unknown>>, string]>([
    ['a negative size', { size: -1 }, 'bad-entry'],
    ['half a byte', { size: 0.5 }, 'bad-entry'],
    ['a size beyond exact numbers', { size: 2 ** 53 }, 'bad-entry'],
    ['a negative owner', { uid: -1 }, 'bad-entry'],
    ['no group', { gid: undefined }, 'bad-entry'],
    ['file type bits in the mode', { mode: 0o100644 }, 'bad-entry'],
    ['a time that is not a number', { mtime: Number.NaN }, 'bad-entry'],
    ['an unknown type', { type: 'device' }, 'bad-entry'],
    ['a type named like a property of objects', { type: 'constructor' }, 'bad-entry'],
    ['a directory with a size', { type: 'dir' }, 'bad-entry'],
    ['a file with a target', { target: 'b' }, 'bad-entry'],
    ['a link without a target', { type: 'symlink', size: 0 }, 'bad-entry'],
    ['a link to nothing', { type: 'symlink', size: 0, target: '' }, 'bad-path'],
    ['a link target with a NUL', { type: 'symlink', size: 0, target: 'b\0c' }, 'bad-path'],
    ['a link target over 4096 bytes', { type: 'symlink', size: 0, target: 'b'.repeat(4097) }, 'bad-path'],
    ['a link target that no bytes decode to', { type: 'symlink', size: 0, target: '\ud800' }, 'bad-name'],
    ['a path that leads out', { path: '../a' }, 'bad-path'],
  ])('refuses %s', (_, change, code) => {
    expect(() => checkEntry({ ...GOOD, ...change } as Entry)).toThrow(expect.objectContaining({ code }));
  });
});

describe('checking a list of entries', () => {
  const list = (...packed: { entry: Entry }[]) => packed.map(({ entry }) => entry);

  it('accepts a tree, with and without its directories, in any order', () => {
    checkEntries(list(file('d/e/f', ''), dir('d'), link('l', 'd'), file('x/y', '')));
  });

  it.each([
    ['a path twice', list(file('a', 'x'), file('a', 'y'))],
    ['a path twice, with different types', list(dir('a'), link('a', 'b'))],
    ['a file behind a link', list(link('a', '/etc'), file('a/passwd', ''))],
    ['a file behind a link that comes later', list(file('a/b/passwd', ''), link('a', '/etc'))],
    ['a directory below a file', list(dir('a'), file('a/b', ''), dir('a/b/c/d'))],
  ])('refuses %s', (_, entries) => {
    expect(() => checkEntries(entries)).toThrow(expect.objectContaining({ code: 'bad-entry' }));
  });
});
