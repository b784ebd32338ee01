import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { fields } from '../../../src/vault/documents/shape.ts';

const object = 'vault/1.json';
const bad = (message: string) =>
  expect.objectContaining({ code: 'bad-document', exitCode: 13, object, message: `${object}: ${message}` });

describe('a field', () => {
  const f = fields(
    {
      text: 'abc',
      time: '2026-11-20T05:58:12Z',
      sha: 'a'.repeat(64),
      n: 7,
      x: 0.5,
      yes: true,
      texts: ['a'],
      in: { deep: 1 },
      list: [{ n: 1 }],
      none: null,
    },
    object,
  );

  it('is read as what it should be', () => {
    expect(f.text('text')).toBe('abc');
    expect(f.optionalText('missing')).toBeUndefined();
    expect(f.name('text')).toBe('abc');
    expect(f.time('time')).toBe('2026-11-20T05:58:12Z');
    expect(f.sha256('sha')).toBe('a'.repeat(64));
    expect(f.integer('n', 7, 7)).toBe(7);
    expect(f.number('x')).toBe(0.5);
    expect(f.flag('yes')).toBe(true);
    expect(f.texts('texts')).toEqual(['a']);
    expect(f.object('in').integer('deep')).toBe(1);
    expect(f.optionalObject('none')).toBeUndefined();
    expect(f.list('list', (item) => item.integer('n'))).toEqual([1]);
    expect(f.object('in').pairs()).toEqual([['deep', 1]]);
  });

  it.each<[string, () => unknown, string]>([
    ['text of another kind', () => f.text('n'), 'n is not the text it should be'],
    ['text that is too long', () => f.text('text', { max: 2 }), 'text is not the text it should be'],
    ['text of another form', () => f.text('text', { pattern: /^x/ }), 'text is not the text it should be'],
    ['text that is missing', () => f.text('missing'), 'missing is not the text it should be'],
    ['text that is null', () => f.optionalText('none'), 'none is not the text it should be'],
    ['what objects inherit', () => f.text('constructor'), 'constructor is not the text it should be'],
    ['a name', () => f.name('time'), 'time is not a name'],
    ['a time', () => f.time('text'), 'text is not a time'],
    ['a hash', () => f.sha256('text'), 'text is not a SHA-256'],
    ['a number below its range', () => f.integer('n', 8), 'n is not a whole number in its range'],
    ['a number above its range', () => f.integer('n', 0, 6), 'n is not a whole number in its range'],
    ['a fraction', () => f.integer('x'), 'x is not a whole number in its range'],
    ['a flag', () => f.flag('n'), 'n is not true or false'],
    ['a list of texts', () => f.texts('list'), 'list is not a list of texts'],
    ['a list', () => f.list('in', () => 0), 'in is not a list'],
    ['an object', () => f.object('text'), 'text. is not an object'],
    [
      'a field of an object in a list',
      () => f.list('list', (item) => item.text('n')),
      'list[0].n is not the text it should be',
    ],
    ['a field of an object', () => f.object('in').text('deep'), 'in.deep is not the text it should be'],
  ])('that is not %s is refused by its place', (_, read, message) => {
    expect(read).toThrow(bad(message));
  });

  it.each([
    '2026-13-01T00:00:00Z',
    '2026-11-20T25:00:00Z',
    '2026-11-20 05:58:12Z',
    '2026-11-20T05:58:12.0Z',
    '2026-11-20T05:58:12+00:00',
  ])('of time is not %s', (time) => {
    expect(() => fields({ time }, object).time('time')).toThrow(bad('time is not a time'));
  });
});

it.each([null, [], 'x', 7, true, undefined])('%j is no document', (value) => {
  expect(() => fields(value, object)).toThrow(bad('the document is not an object'));
});

it('a value never stands in the message', () => {
  fc.assert(
    fc.property(fc.stringMatching(/^[A-Z]{12,20}$/), (secret) => {
      const f = fields({ a: secret, b: [secret], c: { [secret]: secret } }, object);
      for (const read of [
        () => f.integer('a'),
        () => f.name('a'),
        () => f.sha256('a'),
        () => f.time('a'),
        () => f.texts('c'),
        () => f.flag('b'),
      ]) {
        expect(read).toThrow(expect.objectContaining({ message: expect.not.stringContaining(secret) }));
      }
    }),
  );
});
