// Short times as they are typed, and URLs that a probe may ask.

import { describe, expect, it } from 'vitest';
import { durationText, parseDuration } from '../../../src/commands/guard/duration.ts';
import { checkUrl } from '../../../src/commands/guard/probe.ts';

describe('a time', () => {
  it.each<[string, number | undefined]>([
    ['500ms', 500],
    ['0s', 0],
    ['10s', 10_000],
    ['2m', 120_000],
    ['1h', 3_600_000],
    ['10', undefined],
    ['-1s', undefined],
    ['1.5s', undefined],
    ['1d', undefined],
    ['', undefined],
  ])('typed as %j is %s ms', (text, ms) => expect(parseDuration(text)).toBe(ms));

  it('is said in words', () => {
    expect([durationText(200), durationText(1500), durationText(10_000)]).toEqual([
      '200 ms',
      '1.5 s',
      '10 s',
    ]);
  });
});

describe('a URL of a probe', () => {
  it.each(['http://localhost:8080/health', 'https://example.org/'])('may be %s', (url) => {
    expect(() => checkUrl(url)).not.toThrow();
  });

  it.each(['localhost/health', 'file:///etc/passwd', 'ftp://x/', 'https://me:hunter2@example.org/', ''])(
    'may not be %s, and is not repeated in the error',
    (url) => {
      expect(() => checkUrl(url)).toThrow(expect.objectContaining({ code: 'bad-url', exitCode: 2 }));
      expect(() => checkUrl(url)).not.toThrow(/hunter2/);
    },
  );
});
