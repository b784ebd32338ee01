import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { parseAddress } from '../../../src/capture/streams/address.ts';

const at = (host: string, port?: number) => ({ host, port });

describe('an address', () => {
  it.each([
    ['postgres://u:p@h:5432/d', 'postgres', 'u', 'p', [at('h', 5432)], 'd'],
    ['POSTGRESQL+psycopg2://u@h/d', 'postgresql', 'u', undefined, [at('h')], 'd'],
    ['jdbc:mariadb://h/d', 'mariadb', undefined, undefined, [at('h')], 'd'],
    ['postgres:///d', 'postgres', undefined, undefined, [at('')], 'd'],
    ['postgres://', 'postgres', undefined, undefined, [at('')], ''],
    ['postgres://u:p@a:1,b:2,c/d', 'postgres', 'u', 'p', [at('a', 1), at('b', 2), at('c')], 'd'],
    ['postgres://u:p@[::1]:5432/d', 'postgres', 'u', 'p', [at('::1', 5432)], 'd'],
    ['postgres://u:p@%2Frun%2Fpg/d', 'postgres', 'u', 'p', [at('/run/pg')], 'd'],
    ['redis://:p@h:6379/0', 'redis', undefined, 'p', [at('h', 6379)], '0'],
    // Passwords that nobody encoded.
    ['postgres://u:p@ss@h/d', 'postgres', 'u', 'p@ss', [at('h')], 'd'],
    ['postgres://u:p:w@h/d', 'postgres', 'u', 'p:w', [at('h')], 'd'],
    ['postgres://u:p/w@h/d', 'postgres', 'u', 'p/w', [at('h')], 'd'],
    ['postgres://u:12/34@h/d', 'postgres', 'u', '12/34', [at('h')], 'd'],
    ['postgres://u:p#w?x@h/d', 'postgres', 'u', 'p#w?x', [at('h')], 'd'],
    ['postgres://u:100%@h/d', 'postgres', 'u', '100%', [at('h')], 'd'],
    [' postgres://u:p%40%2F%25@h/d%20e\n', 'postgres', 'u', 'p@/%', [at('h')], 'd e'],
  ])('%s', (text, scheme, user, password, hosts, path) => {
    expect(parseAddress(text)).toMatchObject({ scheme, user, password, hosts, path });
  });

  it('has parameters', () => {
    const { parameters } = parseAddress('mysql://h/d?a=1&b=x%26y&c&d=e=f#part') ?? {};
    expect([...(parameters ?? [])]).toEqual([
      ['a', '1'],
      ['b', 'x&y'],
      ['c', ''],
      ['d', 'e=f'],
    ]);
  });

  it.each(['', 'h/d', '/run/d', 'postgres:/d', 'postgres://h:port/d', 'postgres://h:99999/d', '://h'])(
    'is not: %j',
    (text) => {
      expect(parseAddress(text)).toBeUndefined();
    },
  );

  it.each([
    'postgres://u%00:p@h/d',
    'postgres://u:p%0a@h/d',
    'postgres://u:p@h%1f/d',
    'postgres://u:p@h/d%00x',
    'postgres://u:p@h/d?a%7f=1',
    'postgres://u:p@h/d?a=%C2%85',
    'postgres://u:p@h/d?a=100%&b=%00',
    'postgres://u:p\u0000@h/d',
    'postgres://u:p@h/d\nx',
  ])('is none with a control character in it: %j', (text) => {
    expect(parseAddress(text)).toBeUndefined();
  });

  it('gives back what was encoded, whatever it was', () => {
    const text = fc.string({ minLength: 1, unit: 'grapheme' }).filter((value) => value.isWellFormed());
    fc.assert(
      fc.property(text, text, text, (user, password, path) => {
        const [u, p, d] = [user, password, path].map(encodeURIComponent);
        expect(parseAddress(`mysql://${u}:${p}@h:1/${d}`)).toMatchObject({ user, password, path });
      }),
    );
  });

  it('is read or refused at once, and never fails', () => {
    fc.assert(
      fc.property(fc.string({ maxLength: 200 }), (text) => {
        parseAddress(text);
        parseAddress(`postgres://${text}`);
      }),
    );
    const began = performance.now();
    parseAddress(`postgres://${'@:/?#,'.repeat(20_000)}`);
    expect(performance.now() - began).toBeLessThan(1000);
  });
});
