// The shapes that settings of streams have in common, and how a duration reads.
import type { Shape } from '../../cli/config-shape.ts';

/** The shape of one setting. */
export type StreamShape = Shape;
/** The shape of a kind's settings. */
export type SettingsShape = Shape & { readonly kind: 'object' };

/** Not empty, one line, no control characters. */
const LINE = /^[^\u0000-\u001f\u007f]+$/;
const DURATION = /^[1-9][0-9]{0,5}(s|m|h|d|w)$/;
const UNITS: Readonly<Record<string, number>> = { s: 1e3, m: 6e4, h: 36e5, d: 864e5, w: 6048e5 };

/** What `timeout` is unless it is set. */
const DEFAULT_TIMEOUT = '1h';
/** The longest that a timer of Node can wait, in milliseconds. */
const LONGEST = 2 ** 31 - 1;

export const line = (summary: string): Shape => ({
  kind: 'text',
  summary,
  pattern: LINE,
  example: 'one line of text',
});

export const lines = (summary: string): Shape => ({ kind: 'list', summary, of: line('one of them') });

/** One of some words. */
export const oneOf = (words: readonly string[], summary: string): Shape => ({
  kind: 'text',
  summary,
  pattern: new RegExp(`^(?:${words.join('|')})$`),
  example: words.join(', '),
});

export const duration = (summary: string): Shape => ({
  kind: 'text',
  summary,
  pattern: DURATION,
  example: 'a duration such as 30m, 6h or 7d',
});

/** The setting `timeout`, which every kind has. */
export const timeout: Shape = duration(`How long the whole dump may take (${DEFAULT_TIMEOUT} unless set)`);

/** The setting `timeout` in milliseconds. @param setting what its shape takes, or undefined */
export function timeoutOf(setting: unknown): number {
  const text = typeof setting === 'string' ? setting : DEFAULT_TIMEOUT;
  return Math.min(Number.parseInt(text, 10) * (UNITS[text.at(-1) ?? ''] ?? Number.NaN), LONGEST);
}
