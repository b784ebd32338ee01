import { expect, it } from 'vitest';
import { parseSpan, spanText } from '../../src/commands/span.ts';

it.each<[string, number, string]>([
  ['1h', 3_600_000, '1 hour'],
  ['36h', 129_600_000, '36 hours'],
  ['48h', 172_800_000, '2 days'],
  ['1d', 86_400_000, '1 day'],
  ['30d', 2_592_000_000, '30 days'],
  ['2w', 1_209_600_000, '14 days'],
])('%s is a length of time', (text, span, said) => {
  expect(parseSpan(text)).toBe(span);
  expect(spanText(span)).toBe(said);
});

it.each(['', '0d', '30', '30m', 'd', '-1d', '1.5d', '123456d', '1d '])('%j is none', (text) => {
  expect(parseSpan(text)).toBeUndefined();
});
