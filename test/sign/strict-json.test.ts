import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { IntegrityError } from '../../src/errors.ts';
import { parseStrictJson } from '../../src/sign/strict-json.ts';
import { codeOf } from './ssh-keygen.ts';

const parse = (text: string): unknown => parseStrictJson(text, 'x.json');

/** The error that refuses `text`. */
const refusal = (text: string): Error => {
  try {
    parse(text);
  } catch (error) {
    if (error instanceof IntegrityError) return error;
  }
  throw new Error('was not refused');
};

describe('strict JSON', () => {
  it('is what JSON.parse gives, for every value that was written once', () => {
    fc.assert(
      fc.property(fc.jsonValue(), fc.constantFrom(undefined, 1, '\t'), (value, indent) => {
        const text = JSON.stringify(value, null, indent);
        expect(parse(text)).toEqual(JSON.parse(text));
      }),
    );
  });

  it('is not fooled by strings that look like structure', () => {
    const text = String.raw`{"a:\"b\":{":"\\","c\\":["\\\"{[:",":"],"\u0022:":{"d":"}}"}}`;
    expect(parse(text)).toEqual(JSON.parse(text));
  });

  it('finds a repeated key wherever it is and however it is spelt', () => {
    fc.assert(
      fc.property(
        fc.string({ unit: 'binary', maxLength: 6 }),
        fc.jsonValue({ maxDepth: 2 }),
        (key, other) => {
          const escaped = [...key].map((unit) =>
            unit.replace(/[\s\S]/g, (c) => `\\u${c.charCodeAt(0).toString(16).padStart(4, '0')}`),
          );
          const twice = `{${JSON.stringify(key)}: 1, "other-key": ${JSON.stringify(other)}, "${escaped.join('')}":{}}`;
          for (const text of [twice, `[${twice}]`, `{"x":[0,{"y":${twice}}]}`]) {
            expect(codeOf(() => parse(text))).toBe('bad-document');
          }
        },
      ),
    );
  });

  it.each([
    ['{"a":1,"a":1}'],
    ['{"a":1,"\\u0061":2}'],
    ['{"a":{"b":1},"a":{"b":1,"c":2}}'],
    ['{"__proto__":1,"__proto__":2}'],
    ['{"":1,"":2}'],
  ])('refuses %s', (text) => {
    expect(() => parse(text)).toThrow('x.json says something twice');
  });

  it('lets equal keys stand in different objects', () => {
    expect(parse('{"a":{"a":1},"b":[{"a":1},{"a":1}]}')).toEqual({ a: { a: 1 }, b: [{ a: 1 }, { a: 1 }] });
  });

  it('keeps __proto__ an ordinary property', () => {
    const value = parse('{"__proto__":{"format":1,"admin":true}}') as Record<string, unknown>;
    expect(Object.keys(value)).toEqual(['__proto__']);
    expect(Object.getPrototypeOf(value)).toBe(Object.prototype);
    expect(value.admin).toBeUndefined();
  });

  it('takes 32 levels and no more, however deep the attempt', () => {
    const nested = (depth: number): string => '['.repeat(depth) + ']'.repeat(depth);
    expect(parse(nested(32))).toEqual(JSON.parse(nested(32)));
    expect(parse(`[${Array(100).fill('[[]]').join()}]`)).toHaveLength(100);
    for (const text of [nested(33), '['.repeat(5_000_000), '{"a":'.repeat(33)]) {
      expect(() => parse(text)).toThrow('x.json is nested too deeply');
    }
  });

  it.each([
    [''],
    ['{'],
    ['{"a":1,}'],
    ['{"a" 1}'],
    ["{'a':1}"],
    ['{"a":1} x'],
    ['\ufeff{}'],
    ['"\n"'],
    ['"\\'],
    ['NaN'],
    ['01'],
  ])('refuses %j', (text) => {
    expect(codeOf(() => parse(text))).toBe('bad-document');
  });

  it('says where, never what', () => {
    const texts = [
      '{"password":"hunter2",}',
      '{"password":hunter2}',
      '{"hunter2"',
      `{"a":"${'x'.repeat(80)}", hunter2`,
    ];
    for (const text of [
      ...texts,
      'at position 77', // short enough for the parser to quote it whole
      'hunter2 at position 77',
      '"hunter2 at position 77',
      '{"hunter2":1,"hunter2":2}',
    ]) {
      const error = refusal(text);
      expect(error.message).toMatch(
        /^x\.json (is not valid JSON( at position (?!77)\d+)?|says something twice: it repeats a key)$/,
      );
      expect(error.cause).toBeUndefined();
    }
  });

  it('reads 16 MiB in a moment', () => {
    const text = JSON.stringify(
      Array.from({ length: 90_000 }, (_, i) => ({ object: `data/${i}`, size: i, sha256: 'a'.repeat(140) })),
    );
    expect(text.length).toBeGreaterThan(16 * 2 ** 20);
    const started = performance.now();
    expect(parse(text)).toHaveLength(90_000);
    expect(performance.now() - started).toBeLessThan(2000);
  });
});
