import fc from 'fast-check';
import picomatch from 'picomatch';
import { describe, expect, it } from 'vitest';
import { checkGlobs, globMatcher, hasGlob, parseGlob } from '../../src/pack/globs.ts';

const ROOT = '/r';

/** Whether a pattern takes a path, both relative to the root. */
function takes(pattern: string, path: string): boolean {
  const whole = `${ROOT}/${path}`;
  return parseGlob(pattern, ROOT).some(
    ({ base, matches }) =>
      (whole === base || whole.startsWith(base === '/' ? base : `${base}/`)) &&
      matches(whole.slice(base === '/' ? 0 : base.length)),
  );
}

const isPlain = (text: string) => !text.split('/').some((name) => name === '.' || name === '..');
const pieces = fc.constantFrom('a', 'b', '.', '*', '?', '[ab]', '[a-b]', '{a,b}', '{a,.b}', '-');
const segments = fc.oneof(
  { weight: 1, arbitrary: fc.constant('**') },
  {
    weight: 4,
    // Inside a segment picomatch takes `**` for any number of segments, now and then.
    arbitrary: fc
      .array(pieces, { minLength: 1, maxLength: 4 })
      .map((chosen) => chosen.join('').replace(/\*+/g, '*')),
  },
);
const patterns = fc
  .array(segments, { minLength: 1, maxLength: 4 })
  .map((chosen) => chosen.join('/'))
  .filter(isPlain);
// Names that end in a dot are left out: picomatch does not let the last `*` of `*.*` match nothing.
const paths = fc
  .array(fc.stringMatching(/^[ab.-]{0,2}[ab-]$/), { minLength: 1, maxLength: 5 })
  .map((names) => names.join('/'))
  .filter(isPlain);

describe('a glob', () => {
  it.each([
    ['*.env', ['a.env', '.env', 'a b.env', '-x.env', 'a\nb.env'], ['d/a.env', 'a.env.bak', 'aenv']],
    ['**/*.log', ['a.log', 'd/a.log', 'd/.e/f/a.log', 'x\ny/a.log'], ['a.log/b', 'alog']],
    ['certs/**', ['certs/a', 'certs/d/.a'], ['certs', 'certs2/a', 'x/certs/a']],
    ['*/**', ['d/a', 'd/e/a'], ['a', '.env']],
    ['**', ['a', '.b/c'], []],
    ['a/**/z', ['a/z', 'a/b/z', 'a/b/c/z'], ['az', 'a/zz', 'b/a/z']],
    ['?.txt', ['a.txt', '\u{1f511}.txt', '\udcff.txt'], ['.txt', 'ab.txt']],
    ['[ab].txt', ['a.txt', 'b.txt'], ['c.txt', '[ab].txt']],
    ['[!ab]x', ['cx', '.x'], ['ax', '/x', 'x']],
    ['[^ab]x', ['cx'], ['ax']],
    ['[a-c-]', ['a', 'b', '-'], ['d']],
    ['[]a]', [']', 'a'], ['b']],
    ['[[:]', ['[', ':'], ['a']],
    ['[c-a]', ['c', 'a'], ['b', '-']],
    ['{a,b}.{c,d}', ['a.c', 'b.d'], ['a.e', '{a,b}.c']],
    ['{a,b/{c,d}}', ['a', 'b/c', 'b/d'], ['b', 'c']],
    ['x{,.bak}', ['x', 'x.bak'], ['x.']],
    ['{a}', ['{a}'], ['a']],
    ['{a,b', ['{a,b'], ['a', 'b']],
    ['[a', ['[a'], ['a']],
    ['\\*.txt', ['*.txt'], ['a.txt', '\\*.txt']],
    ['a\\{b,c\\}*', ['a{b,c}', 'a{b,c}d'], ['ab', 'ac']],
    ['a(1)+|$^.txt*', ['a(1)+|$^.txt', 'a(1)+|$^.txt~'], ['a1.txt']],
    ['"a"*', ['"a"', '"a"b'], ['a', 'ab']],
    ['!a*', ['!ab'], ['b']],
    ['./d/../*.x', ['a.x'], ['d/a.x']],
    ['a**b', ['ab', 'axb'], ['a/b']],
  ])('%j takes what it says, and nothing else', (pattern, yes, no) => {
    for (const path of yes) expect([path, takes(pattern, path)]).toEqual([path, true]);
    for (const path of no) expect([path, takes(pattern, path)]).toEqual([path, false]);
  });

  it('agrees with picomatch on any pattern of the common language', () => {
    fc.assert(
      fc.property(patterns, paths, (pattern, path) => {
        // Of `a/**`, picomatch says that it matches `a`; of `*/**`, that it does not.
        const inside = pattern.replace(/(^|\/)\*\*$/, '$1**/*');
        expect(takes(pattern, path)).toBe(picomatch(inside, { dot: true })(path));
      }),
      { numRuns: 2000 },
    );
  });

  it('reaches every directory above a path that it matches', () => {
    fc.assert(
      fc.property(patterns, paths, (pattern, path) => {
        fc.pre(takes(pattern, path));
        for (const { base, matches, reaches } of parseGlob(pattern, ROOT)) {
          const whole = `${ROOT}/${path}`;
          if (!whole.startsWith(base) || !matches(whole.slice(base.length))) continue;
          for (let cut = whole.lastIndexOf('/'); cut >= base.length; cut = whole.lastIndexOf('/', cut - 1)) {
            expect([whole.slice(base.length, cut), reaches(whole.slice(base.length, cut))]).toContain(true);
          }
        }
      }),
    );
  });

  it.each([
    ['*.pem', '/sub', false],
    ['*/*.pem', '/sub', true],
    ['*/*.pem', '/sub/sub', false],
    ['a*/**', '/ab/c/d', true],
    ['a*/**', '/b', false],
  ])('%j asks for a walk of %s: %s', (pattern, directory, expected) => {
    expect(parseGlob(pattern, ROOT)[0]!.reaches(directory)).toBe(expected);
  });

  it.each([
    ['/secure/*.pem', ['/secure']],
    ['certs/live/*/*.pem', ['/r/certs/live']],
    ['../x/*', ['/x']],
    ['{a,/b}/*', ['/r/a', '/b']],
    ['a\\*b/*', ['/r/a*b']],
    ['{a,b}', ['/r/a', '/r/b']],
    ['{a,}', ['/r/a']],
    ['/*', ['/']],
  ])('%j starts no higher than it must', (pattern, bases) => {
    expect(parseGlob(pattern, ROOT).map(({ base }) => base)).toEqual(bases);
  });

  it('takes the special characters of the root as they are', () => {
    const [glob] = parseGlob('*.env', '/srv/[a]{b,c}*\\');
    expect(glob!.base).toBe('/srv/[a]{b,c}*\\');
    expect(glob!.matches('/x.env')).toBe(true);
  });

  it.each([
    ['its braces ask for too much', '{a,b}'.repeat(12)],
    ['its braces ask for too much at once', `{a,b}{a,b}{a,b}{a,b}{${'a,'.repeat(400)}}`],
    ['it is too long', '*'.repeat(1025)],
  ])('is refused when %s', (_, pattern) => {
    const refusal = expect.objectContaining({ name: 'UsageError', code: 'bad-pattern' });
    expect(() => parseGlob(pattern, ROOT)).toThrow(refusal);
    expect(() => checkGlobs([pattern])).toThrow(refusal);
  });
});

describe('a list of globs', () => {
  it('is refused when it stands for over a thousand patterns', () => {
    const patterns = [
      '{a,b}'.repeat(9),
      '{c,d}'.repeat(8),
      ...Array.from({ length: 232 }, (_, n) => `${n}/*`),
    ];
    expect(() => checkGlobs(patterns)).not.toThrow();
    expect(() => checkGlobs([...patterns, 'x'])).toThrow(expect.objectContaining({ code: 'bad-pattern' }));
  });
});

describe('a glob of somebody who means harm', () => {
  // One test has a handful of these, so that even a hundredfold of what they take is seen.
  const LIMIT_MS = 500;

  function timed(pattern: string, path: string): { matched: boolean; ms: number } {
    const started = performance.now();
    const matched = globMatcher(pattern)(path);
    return { matched, ms: performance.now() - started };
  }

  const long = [
    'a'.repeat(200),
    'a/'.repeat(2000),
    `${'a'.repeat(250)}/`.repeat(16),
    `${'[a'.repeat(120)}/`.repeat(17),
  ].map((path) => `${path}a`);
  it.each([
    '*a*a*a*a*ab',
    `${'*a'.repeat(500)}b`,
    `${'*?'.repeat(500)}b`,
    `${'[a-b]*'.repeat(160)}c`,
    `${'*a/'.repeat(300)}b`,
    `${'**/'.repeat(300)}b`,
    `${'**/a/'.repeat(200)}b`,
    `${'**/*a*a/'.repeat(120)}b`,
    `${'['.repeat(1000)}b`,
    `${'{'.repeat(1000)}b`,
    `${'{'.repeat(900)}${'{a,b}'.repeat(7)}`,
  ])('is done with soon: %j', (pattern) => {
    for (const path of long) {
      const { matched, ms } = timed(pattern, path);
      expect(matched).toBe(false);
      expect(ms).toBeLessThan(LIMIT_MS);
    }
  });

  it('is done with soon, whatever it is made of', () => {
    const pieces = fc.constantFrom('*', 'a', '?', '[ab]', '[!b]', '**/', '*/', '/**/a', '*a', '{a,*}', '[');
    const pattern = fc
      .tuple(fc.array(pieces, { minLength: 1, maxLength: 6 }), fc.integer({ min: 1, max: 100 }))
      .map(([unit, times]) => unit.join('').repeat(times).slice(0, 1000))
      .filter((text) => text.split('{').length < 6);
    fc.assert(
      fc.property(pattern, fc.constantFrom(...long), (text, path) => {
        expect(timed(`${text}b`, path).ms).toBeLessThan(LIMIT_MS);
      }),
      { numRuns: 200 },
    );
  });

  it('still matches what it should', () => {
    expect(globMatcher('*a*a*a*a*ab')(`${'a'.repeat(200)}b`)).toBe(true);
    expect(globMatcher(`${'*a'.repeat(99)}*`)('a'.repeat(99))).toBe(true);
    expect(globMatcher(`${'**/a/'.repeat(50)}*`)(`${'b/a/'.repeat(50)}c`)).toBe(true);
    expect(globMatcher('**/x/**/y/*')('x/y/x/z/y/y/q')).toBe(true);
  });
});

describe('a pattern', () => {
  it.each([
    ['.env', false],
    ['a b(1)!+', false],
    ['*', true],
    ['a?', true],
    ['[a]', true],
    ['{a,b}', true],
    ['\\a', true],
  ])('%j is a glob: %s', (pattern, expected) => {
    expect(hasGlob(pattern)).toBe(expected);
  });
});
