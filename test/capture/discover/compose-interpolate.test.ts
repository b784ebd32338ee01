// biome-ignore-all lint/suspicious/noTemplateCurlyInString: Compose has variables of the same form
// How variables in paths are filled in: the operators of the Compose specification, and what is refused.
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { interpolate, type Lookup } from '../../../src/capture/discover/compose/interpolate.ts';
import { environment, withEnvFile } from '../../../src/capture/discover/compose/variables.ts';
import { readDotenv } from '../../../src/compare/dotenv.ts';

const VARIABLES: Lookup = environment({ SET: 'value', EMPTY: '', DB_PASSWORD: 'hunter2', lower_1: 'x' });
const filled = (text: string, lookup = VARIABLES): string => {
  const result = interpolate(text, lookup);
  return 'text' in result ? result.text : `! ${result.problem}`;
};

const UNSET = '! has a path with the variable GONE, which is not set';
const UNSOUND = '! has a path that is no sound template';
const SECRET = '! has a path with the variable DB_PASSWORD, which looks secret: it was not followed';

describe('a path with variables', () => {
  it.each([
    ['', ''],
    ['./plain', './plain'],
    ['$SET', 'value'],
    ['a/${SET}b/$SET.env', 'a/valueb/value.env'],
    ['$lower_1-', 'x-'],
    ['$$SET and $${SET}', '$SET and ${SET}'],
    ['$', '$'],
    ['a$/b$1', 'a$/b$1'],
    ['$EMPTY${EMPTY}', ''],
    ['${EMPTY:-d}|${EMPTY-d}|${GONE:-d}|${GONE-d}|${SET:-d}|${SET-d}', 'd||d|d|value|value'],
    ['${EMPTY:+r}|${EMPTY+r}|${GONE:+r}|${GONE+r}|${SET:+r}|${SET+r}', '|r|||r|r'],
    ['${SET:?no}|${SET?no}|${EMPTY?no}', 'value|value|'],
    ['${GONE:-${EMPTY:-${SET}}/x}', 'value/x'],
    ['${GONE:-{a}}', '{a}'],
    ['${GONE-}', ''],
    ['${SET:-$GONE}', 'value'],
    ['$GONE', UNSET],
    ['${GONE}', UNSET],
    ['${GONE:?sorry}', UNSET],
    ['${EMPTY:-$GONE}', UNSET],
    ['${EMPTY:?}', '! has a path with the variable EMPTY, which is not set'],
    ['${', UNSOUND],
    ['${}', UNSOUND],
    ['${SET', UNSOUND],
    ['${1}', UNSOUND],
    ['${SET/a/b}', UNSOUND],
    [`${'${GONE:-'.repeat(20)}x${'}'.repeat(20)}`, UNSOUND],
    ['$DB_PASSWORD', SECRET],
    ['x${DB_PASSWORD:-./x}', SECRET],
    ['${DB_PASSWORD:+./with}', './with'],
    ['${TLS_KEY:-./tls.key}${TLS_KEY-}', './tls.key'],
  ])('%s is %s', (text, expected) => {
    expect(filled(text)).toBe(expected);
  });

  it('is refused when a value has the form of a secret, whatever it is called', () => {
    const lookup = environment({
      A: 'postgres://u:hunter2@db/x',
      B: 'ghp_0123456789abcdefghij',
      C: '/srv/a1b2c3d4e5f6a7b8c9d0',
    });
    expect(filled('$A', lookup)).toContain('A, which looks secret');
    expect(filled('$B', lookup)).toContain('B, which looks secret');
    expect(filled('$C/x', lookup)).toBe('/srv/a1b2c3d4e5f6a7b8c9d0/x');
  });

  it('names no variable that is itself random', () => {
    expect(filled('x$aB3dE5gH7jK9mN1pQ3s')).toMatch(
      /^! has a path with the variable \(a key of 19 characters\)/,
    );
  });

  it('ends, whatever it is, and shows no value in a problem', () => {
    const piece = fc.constantFrom(
      '$',
      '{',
      '}',
      '${',
      'SET',
      'GONE',
      'DB_PASSWORD',
      ':-',
      '+',
      '?',
      '/',
      'a',
    );
    fc.assert(
      fc.property(fc.array(piece, { maxLength: 40 }), (pieces) => {
        const result = interpolate(pieces.join(''), VARIABLES);
        expect(JSON.stringify(result)).not.toContain('hunter2');
        if ('problem' in result) expect(result.problem).not.toContain('value');
      }),
    );
  });
});

describe('variables of an env file', () => {
  const lookupOf = (text: string, env = {}): Lookup => withEnvFile(environment(env), readDotenv(text));

  it('may name those before them, and no environment but the real one', () => {
    const lookup = lookupOf('A=a\nB=${A}/b\nC=$LATER\nLATER=x\nD=$OUTER\nexport E="$A"\n', {
      OUTER: 'o',
      A: 'A',
    });
    expect([...'ABDE'].map((name) => filled(`$${name}`, lookup))).toEqual(['A', 'A/b', 'o', 'A']);
    expect(filled('$C', lookup)).toContain('LATER, which is not set');
    expect(filled('$toString$constructor', lookup)).toContain('toString, which is not set');
  });

  it('count by the last of two lines', () => {
    expect(filled('$A', lookupOf('A=1\nB=$A\nA=2\n'))).toBe('2');
  });

  it('stay as they are in single quotes', () => {
    expect(filled('$A|$B', lookupOf("A='$X/a'\nB='${'\n"))).toBe('$X/a|${');
  });

  it('do not grow without end', () => {
    const lines = Array.from({ length: 60 }, (_, i) => `V${i + 1}=$V${i}$V${i}`).join('\n');
    expect(filled('$V60', lookupOf(`V0=xxxxxxxx\n${lines}\n`))).toBe(UNSOUND);
  });
});
