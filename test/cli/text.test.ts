import fc from 'fast-check';
import { expect, test } from 'vitest';
import { age, alternatives, clip, count, safeJson, safeText, size, utc, width } from '../../src/cli/text.ts';

const dangerous = /[\u0000-\u001f\u007f-\u009f\u200b-\u200f\u2028-\u202e\u2060-\u2069\ufeff]|\p{Cs}/u;

test('control characters, bidirectional overrides and broken characters are spelled out', () => {
  expect(safeText('\u001b[2Jgone')).toBe('\\x1b[2Jgone');
  expect(safeText('a\nb\tc\rd')).toBe('a\\nb\\tc\\rd');
  expect(safeText('gpj\u202etxt.exe')).toBe('gpj\\u202etxt.exe');
  expect(safeText('\u009b31m')).toBe('\\x9b31m');
  expect(safeText('half\ud800')).toBe('half\\ud800');
  expect(safeText('grüße 東京 🔑 e\u0301')).toBe('grüße 東京 🔑 e\u0301');
});

test('no text reaches a terminal with anything dangerous left in it', () => {
  fc.assert(fc.property(fc.string({ unit: 'binary' }), (text) => !dangerous.test(safeText(text))));
  fc.assert(
    fc.property(
      fc.string({ unit: fc.integer({ min: 0, max: 0xffff }).map((c) => String.fromCharCode(c)) }),
      (text) => !dangerous.test(safeText(text)),
    ),
  );
});

test('JSON is safe for a terminal and still means the same', () => {
  fc.assert(
    fc.property(fc.string({ unit: 'binary' }), (text) => {
      const json = safeJson({ text });
      return !dangerous.test(json) && (JSON.parse(json) as { text: string }).text === text;
    }),
  );
});

test('sizes are in binary units with one digit', () => {
  expect([0, 1, 1023, 1024, 1536, 1048550, 1048576, 33554432, 5.5 * 2 ** 40].map(size)).toEqual([
    '0 B',
    '1 B',
    '1023 B',
    '1.0 KiB',
    '1.5 KiB',
    '1.0 MiB',
    '1.0 MiB',
    '32.0 MiB',
    '5.5 TiB',
  ]);
});

test('ages are said in the largest unit that fits, both ways', () => {
  const now = new Date('2026-11-20T12:00:00Z');
  const ago = (seconds: number) => age(new Date(now.getTime() - seconds * 1000), now);
  expect([0, 59, 60, 119, 3600, 47 * 3600, 48 * 3600, -7200].map(ago)).toEqual([
    'just now',
    'just now',
    '1 minute ago',
    '1 minute ago',
    '1 hour ago',
    '47 hours ago',
    '2 days ago',
    'in 2 hours',
  ]);
  expect(utc(now)).toBe('2026-11-20 12:00:00 UTC');
  expect(utc(new Date(Number.NaN))).toBe('no time');
});

test('counts and alternatives read as English', () => {
  expect([count(1, 'file'), count(0, 'file'), count(2, 'entry', 'entries')]).toEqual([
    '1 file',
    '0 files',
    '2 entries',
  ]);
  expect([[], ['a'], ['a', 'b'], ['a', 'b', 'c']].map(alternatives)).toEqual([
    '',
    'a',
    'a or b',
    'a, b or c',
  ]);
});

test('a clipped text never takes more columns than it may', () => {
  expect(clip('backup of everything', 9)).toBe('backup o…');
  expect(clip('東京東京', 5)).toBe('東京…');
  fc.assert(
    fc.property(
      fc.string({ unit: 'grapheme' }),
      fc.integer({ min: 1, max: 30 }),
      (text, columns) => width(clip(text, columns)) <= columns,
    ),
  );
});
