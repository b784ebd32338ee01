import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  checkName,
  compactTime,
  documentTime,
  inScope,
  isName,
  nameFrom,
  newSnapshotId,
  randomName,
  timeOfSnapshotId,
} from '../../src/vault/names.ts';

const date = fc.date({
  min: new Date('1970-01-01T00:00:00Z'),
  max: new Date('9999-12-31T23:59:59Z'),
  noInvalidDate: true,
});

describe('names', () => {
  it.each(['a', '0', 'app', 'web-1', 'db.main', 'a_b', `a${'b'.repeat(62)}`])('takes %s', (text) => {
    expect(isName(text)).toBe(true);
    expect(checkName(text, 'set')).toBe(text);
  });

  it.each([
    '',
    'App',
    '-a',
    '.a',
    '_a',
    'a b',
    'a/b',
    '../a',
    'ä',
    'a\n',
    '\na',
    'a\0',
    `a${'b'.repeat(63)}`,
  ])('refuses %j', (text) => {
    expect(isName(text)).toBe(false);
    expect(() => checkName(text, 'set')).toThrow(
      expect.objectContaining({ code: 'bad-name', exitCode: 2, hint: expect.stringContaining('lower-case') }),
    );
  });

  it('says a refused name in one line, whatever it holds', () => {
    expect(() => checkName('a\nb\u001b[2J', 'host')).toThrow('not a valid host name: "a\\nb\\u001b[2J"');
  });

  it.each([
    ['My Laptop.local', 'my-laptop.local'],
    ['---x---', 'x'],
    ['ünïcode', 'n-code'],
    ['日本', 'fallback'],
    ['', 'fallback'],
    ['A'.repeat(100), 'a'.repeat(63)],
  ])('makes of %j the name %s', (text, name) => {
    expect(nameFrom(text, 'fallback')).toBe(name);
  });

  it('makes a valid name of any text', () => {
    fc.assert(fc.property(fc.string({ unit: 'binary-ascii' }), (text) => isName(nameFrom(text, 'x'))));
  });

  it('draws random names from Crockford’s letters, none twice', () => {
    const names = Array.from({ length: 100 }, () => randomName(26));
    for (const name of names) expect(name).toMatch(/^[0-9a-hjkmnp-tv-z]{26}$/);
    expect(new Set(names).size).toBe(100);
  });
});

describe('times', () => {
  it('are UTC in whole seconds', () => {
    const time = new Date('2026-11-20T05:58:12.987Z');
    expect(documentTime(time)).toBe('2026-11-20T05:58:12Z');
    expect(compactTime(time)).toBe('20261120T055812Z');
  });

  it('are read back from a snapshot id', () => {
    fc.assert(fc.property(date, (time) => timeOfSnapshotId(newSnapshotId(time)) === documentTime(time)));
  });

  it.each([
    '20261120T055812Z',
    '20261120T055812Z-7k3f9',
    '20261120T055812Z-7k3f9il',
    '20261120T055812Z-7K3F9Q',
    'x20261120T055812Z-7k3f9q',
    '20261120T055812Z-7k3f9q.json',
  ])('are not read from %s', (id) => {
    expect(timeOfSnapshotId(id)).toBeUndefined();
  });
});

describe('snapshot ids', () => {
  it('sort by time', () => {
    fc.assert(
      fc.property(date, date, (a, b) => {
        fc.pre(documentTime(a) !== documentTime(b));
        return newSnapshotId(a) < newSnapshotId(b) === a < b;
      }),
    );
  });

  it('of one set ascend, even within a second', () => {
    const now = new Date('2026-11-20T05:58:12Z');
    let id = '';
    for (let i = 0; i < 300; i++) {
      const next = newSnapshotId(now, id || '20261120T055812Z-000000');
      expect(next > id).toBe(true);
      expect(timeOfSnapshotId(next)).toBe('2026-11-20T05:58:12Z');
      id = next;
    }
  });

  it('are random otherwise', () => {
    const now = new Date('2026-11-20T05:58:12Z');
    const ids = Array.from({ length: 200 }, () => newSnapshotId(now));
    expect(new Set(ids).size).toBe(200);
    expect(new Set(ids.map((id) => id[17])).size).toBeGreaterThan(16);
  });

  it('are made even when the one before leaves no room, or the clock went back', () => {
    const now = new Date('2026-11-20T05:58:12Z');
    expect(newSnapshotId(now, '20261120T055812Z-zzzzzz')).toMatch(/^20261120T055812Z-/);
    expect(newSnapshotId(now, '20261121T000000Z-aaaaaa')).toMatch(/^20261120T055812Z-/);
  });
});

describe('a host’s scope', () => {
  it.each([
    ['app', ['app'], true],
    ['app', ['db', 'app'], true],
    ['app', ['ap'], false],
    ['app', ['*'], true],
    ['app', [], false],
    ['app-1', ['app-*'], true],
    ['app-', ['app-*'], true],
    ['app', ['app-*'], false],
    ['prod.db.1', ['prod.*.1'], true],
    ['prod.1', ['prod.*.1'], false],
    ['aba', ['ab*ba'], false],
    ['abba', ['ab*ba'], true],
    ['axbxc', ['a*b*c'], true],
    ['acb', ['a*b*c'], false],
    ['app', ['a.p'], false],
    ['app', ['**'], true],
  ])('%s in %j: %s', (set, globs, expected) => {
    expect(inScope(set, globs)).toBe(expected);
  });

  it('is what a regular expression would say', () => {
    const letters = fc.string({ unit: fc.constantFrom('a', 'b', '.', '-'), maxLength: 8 });
    const glob = fc.string({ unit: fc.constantFrom('a', 'b', '.', '*'), maxLength: 6 });
    fc.assert(
      fc.property(letters, glob, (set, pattern) => {
        const literal = pattern.split('*').map((piece) => piece.replaceAll('.', '\\.'));
        return inScope(set, [pattern]) === new RegExp(`^${literal.join('.*')}$`).test(set);
      }),
    );
  });
});
