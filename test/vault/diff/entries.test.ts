import { describe, expect, it } from 'vitest';
import type { Entry } from '../../../src/pack/entry.ts';
import { compareEntries, type FileChange } from '../../../src/vault/diff/entries.ts';
import { sha256 } from '../../support/vault.ts';

const file = (path: string, content = 'some content', more: Partial<Entry> = {}): Entry => ({
  path,
  type: 'file',
  mode: 0o600,
  uid: 0,
  gid: 0,
  mtime: 0,
  size: content.length,
  sha256: sha256(Buffer.from(content)),
  ...more,
});
const dir = (path: string, mode = 0o700): Entry => ({
  path,
  type: 'dir',
  mode,
  uid: 0,
  gid: 0,
  mtime: 0,
  size: 0,
});
const link = (path: string, target: string): Entry => ({ ...dir(path, 0o777), type: 'symlink', target });

/** `change path`, with where it came from, in what it differs and what it is like. */
function shown({ path, change, before, aspects, sameAs, reason }: FileChange): string {
  const from = change === 'moved' ? ` < ${before!.path}` : '';
  const what = aspects.length > 0 ? ` [${aspects.join(' ')}]` : '';
  return `${change} ${path}${from}${what}${sameAs ? ` = ${sameAs}` : ''}${reason ? ` (${reason})` : ''}`;
}

function compare(before: Entry[], after: Entry[], attributes = true): string[] {
  const { changes } = compareEntries(before, after, { attributes, gaps: { before: [], after: [] } });
  return changes.map(shown);
}

describe('what became of a file', () => {
  it.each<[string, Entry[], Entry[], string[]]>([
    ['nothing', [file('a'), dir('d')], [file('a', undefined, { mtime: 9 }), dir('d')], []],
    ['another content', [file('a', 'one two')], [file('a', 'one 2')], ['changed a [content]']],
    ['one that is new', [], [file('a')], ['added a']],
    ['one that is gone', [file('a')], [], ['removed a']],
    ['another path', [file('a')], [file('b')], ['moved b < a']],
    ['another path and mode', [file('a')], [file('b', undefined, { mode: 0o644 })], ['moved b < a [mode]']],
    ['a copy', [file('a')], [file('a'), file('b')], ['added b = a']],
    ['another type', [file('a')], [link('a', 'b')], ['changed a [type]']],
    ['another target', [link('a', 'b')], [link('a', 'c')], ['changed a [target]']],
    [
      'another owner and mode',
      [file('a')],
      [file('a', undefined, { uid: 5, mode: 0o640 })],
      ['changed a [mode owner]'],
    ],
    ['an empty file elsewhere', [file('a', '')], [file('b', '')], ['removed a', 'added b']],
    ['a short file elsewhere', [file('a', 'true\n')], [file('b', 'true\n')], ['removed a', 'added b']],
  ])('%s', (_, before, after, expected) => {
    expect(compare(before, after).sort()).toEqual([...expected].sort());
  });

  it('pairs files that move and keep their name, of several that are the same', () => {
    const before = [file('old/a'), file('old/b'), file('old/c')];
    expect(compare(before, [file('new/b'), file('new/c'), file('x')])).toEqual([
      'moved new/b < old/b',
      'moved new/c < old/c',
      'moved x < old/a',
    ]);
  });

  it('moves each file once: a further copy is one, and so is a further original gone', () => {
    expect(compare([file('a')], [file('b'), file('c')])).toEqual(['moved b < a', 'added c = b']);
    expect(compare([file('a'), file('b')], [file('c')])).toEqual(['removed b', 'moved c < a']);
  });

  it('says nothing of a directory that came or went with its files, and says it of an empty one', () => {
    expect(compare([dir('d'), file('d/a')], [dir('e'), dir('e/f'), file('e/f/a')])).toEqual([
      'moved e/f/a < d/a',
    ]);
    expect(compare([dir('d')], [dir('e')])).toEqual(['removed d', 'added e']);
    expect(compare([dir('d')], [dir('d', 0o755)])).toEqual(['changed d [mode]']);
  });

  it('leaves modes and owners alone where they do not count', () => {
    const before = [file('a'), dir('d')];
    const after = [file('a', undefined, { mode: 0o644, uid: 7 }), dir('d', 0o755)];
    expect(compare(before, after, false)).toEqual([]);
  });

  it('does not take for removed what could not be read, nor for new what could not be read before', () => {
    const gap = { path: 'secret', reason: 'permission denied' };
    const below = [file('secret/a', 'content of a'), file('secretive', 'another one')];
    const gone = compareEntries(below, [], { attributes: true, gaps: { before: [], after: [gap] } });
    expect(gone.changes.map(shown)).toEqual(['unknown secret/a (permission denied)', 'removed secretive']);
    const came = compareEntries([], below, { attributes: true, gaps: { before: [gap], after: [] } });
    expect(came.changes.map(shown)).toEqual(['unknown secret/a (permission denied)', 'added secretive']);
  });

  it('counts the files that are the same', () => {
    const options = { attributes: true, gaps: { before: [], after: [] } };
    expect(compareEntries([file('a'), dir('d'), file('b')], [file('a'), dir('d')], options).same).toBe(1);
  });
});
