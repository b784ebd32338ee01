import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { evaluate, matches, type PolicyRequest } from '../../../src/vault/policy/evaluate.ts';

const put: PolicyRequest = { action: 's3:PutObject', resource: 'arn:aws:s3:::b/vault/x' };
const one = (statement: object) => ({ Version: '2012-10-17', Statement: statement });
const allow = { Effect: 'Allow', Action: 's3:*', Resource: '*' };

describe('a policy read as IAM reads it', () => {
  it('allows nothing that it does not say, and a denial goes first', () => {
    expect(evaluate({}, put)).toEqual({ allowed: false, denied: false, unsure: false });
    expect(evaluate(one(allow), put).allowed).toBe(true);
    const both = { Statement: [allow, { ...allow, Effect: 'Deny', Action: ['s3:putobject'] }] };
    expect(evaluate(both, put)).toEqual({ allowed: true, denied: true, unsure: false });
  });

  it.each<[string, object, PolicyRequest['context'], boolean]>([
    ['a key that is missing', { Null: { 's3:If-None-Match': 'true' } }, {}, true],
    ['a key that is there', { Null: { 's3:if-none-match': 'true' } }, { 's3:if-none-match': '*' }, false],
    ['a key that must be there', { Null: { 's3:if-none-match': false } }, { 's3:if-none-match': '*' }, true],
    ['one of several values', { StringEquals: { k: ['a', 'b'] } }, { k: 'b' }, true],
    ['none of several values', { StringNotEquals: { k: ['a', 'b'] } }, { k: 'b' }, false],
    ['a missing key, compared', { StringEquals: { k: 'a' } }, {}, false],
    ['a missing key, compared if it is there', { StringEqualsIfExists: { k: 'a' } }, {}, true],
    ['a missing key, negated', { StringNotEquals: { k: 'a' } }, {}, true],
    ['a pattern', { StringLike: { k: 'shop/*' } }, { k: 'shop/' }, true],
    ['a number', { NumericGreaterThan: { k: '31' } }, { k: '32' }, true],
    ['a number at the bound', { NumericLessThanEquals: { k: '31' } }, { k: '31' }, true],
    ['every value', { 'ForAllValues:StringEquals': { k: ['a', 'b'] } }, { k: ['a', 'c'] }, false],
    [
      'two conditions, one of which fails',
      { Bool: { a: 'true', b: 'true' } },
      { a: 'true', b: 'false' },
      false,
    ],
  ])('judges %s', (_, Condition, context, expected) => {
    expect(evaluate(one({ ...allow, Condition }), { ...put, context })).toEqual({
      allowed: expected,
      denied: false,
      unsure: false,
    });
  });

  it('says what it does not know', () => {
    const odd = { ...allow, Effect: 'Deny', Condition: { IpAddress: { 'aws:SourceIp': '10.0.0.0/8' } } };
    expect(evaluate(one(odd), put)).toEqual({ allowed: false, denied: false, unsure: true });
    expect(evaluate(one({ ...odd, Resource: 'arn:aws:s3:::other/*' }), put).unsure).toBe(false);
    expect(evaluate(one({ ...allow, NotPrincipal: { AWS: 'x' } }), put).unsure).toBe(true);
  });

  it('knows whom a statement is about, and what it is not about', () => {
    const deny = { ...allow, Effect: 'Deny', Principal: { AWS: ['arn:aws:iam::1:role/a'] } };
    expect(evaluate(one(deny), put).denied).toBe(false);
    expect(evaluate(one(deny), { ...put, principal: 'arn:aws:iam::1:role/a' }).denied).toBe(true);
    expect(evaluate(one({ ...deny, Principal: '*' }), put).denied).toBe(true);
    expect(evaluate(one({ Effect: 'Deny', NotAction: 's3:Get*', Resource: '*' }), put).denied).toBe(true);
    expect(evaluate(one({ Effect: 'Deny', NotAction: 's3:Put*', Resource: '*' }), put).denied).toBe(false);
  });

  it('takes letters of a pattern for themselves', () => {
    fc.assert(
      fc.property(
        fc.string().filter((s) => !/[*?]/.test(s)),
        (text) => matches(text, text),
      ),
    );
    expect(matches('a.b', 'axb')).toBe(false);
    expect(matches('*a'.repeat(2000), 'a'.repeat(4000))).toBe(true);
    expect(matches('*a'.repeat(2000), `${'a'.repeat(4000)}b`)).toBe(false);
  });

  it('takes a star for any text and a question mark for any letter', () => {
    const letter = fc.constantFrom('a', 'b', '/');
    const pattern = fc.array(fc.constantFrom('a', 'b', '/', '*', '?'), { maxLength: 8 });
    const oracle = (parts: string[]) =>
      new RegExp(`^${parts.map((c) => (c === '*' ? '.*' : c === '?' ? '.' : c)).join('')}$`, 's');
    fc.assert(
      fc.property(pattern, fc.array(letter, { maxLength: 8 }), (parts, letters) => {
        const text = letters.join('');
        expect(matches(parts.join(''), text)).toBe(oracle(parts).test(text));
      }),
    );
  });

  it('never throws, whatever a policy holds', () => {
    fc.assert(fc.property(fc.jsonValue(), (Statement) => void evaluate({ Statement }, put)));
    fc.assert(fc.property(fc.jsonValue(), (Condition) => void evaluate(one({ ...allow, Condition }), put)));
  });
});
