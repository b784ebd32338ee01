import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { scrub } from '../../../src/capture/streams/scrub.ts';

describe('what a tool said', () => {
  it.each([
    [
      'FATAL:  password authentication failed for user "shop"',
      'FATAL:  password authentication failed for user "shop"',
    ],
    ['fe_sendauth: no password supplied', 'fe_sendauth: no password supplied'],
    ['cannot open postgres://shop:hunter2@db:5432/shop now', 'cannot open postgres://***@db:5432/shop now'],
    ['bad mysql://a:p@ss/w@rd@db/shop', 'bad mysql://***@db/shop'],
    ['dsn: host=db password=hunter2 user=shop', 'dsn: host=db password=*** user=shop'],
    ['PGPASSWORD=hunter2 was not taken', 'PGPASSWORD=*** was not taken'],
    ['using token ghp_AbCdEfGhIjKlMnOpQrStUvWxYz0123456789', 'using token ***'],
    ['\u001b[31mred\u001b[0m\u0007 and\u0000 bell', 'red  and  bell'],
    ['one\r\ntwo\rthree\n\n', 'one\ntwo\nthree'],
  ])('%j', (text, shown) => {
    expect(scrub(text, [])).toBe(shown);
  });

  it('holds no secret, in no form and however it is wrapped', () => {
    const secret = fc
      .string({ minLength: 4, maxLength: 30, unit: 'grapheme' })
      .filter((text) => /[^\s*]{4}/.test(text));
    fc.assert(
      fc.property(secret, fc.string(), fc.string(), (own, before, after) => {
        const shown = scrub(`${before}${own}${after} ${encodeURIComponent(own)}`, [own]);
        return !shown.includes(own) && !shown.includes(encodeURIComponent(own));
      }),
    );
  });

  it('hides each line of a secret of several', () => {
    expect(scrub('in line 2: middle part of it', ['first part\nmiddle part of it\nlast'])).toBe(
      'in line 2: ***',
    );
  });

  it('takes no longer for a line that is made to take long', () => {
    const began = performance.now();
    for (const piece of ['a', 'a-', '://', 'a://', 'pass', '\u001b]', '"', "a'", ': "']) {
      scrub(piece.repeat(65_536 / piece.length), []);
    }
    expect(performance.now() - began).toBeLessThan(5000);
  });

  it('keeps the end of what is long', () => {
    const text = scrub(`${'word '.repeat(10_000)}end`, []);
    expect(text.length).toBe(4096);
    expect(text).toMatch(/^….*end$/);
  });
});
