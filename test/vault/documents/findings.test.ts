import { expect, it } from 'vitest';
import { MAX_FINDINGS } from '../../../src/compare/findings.ts';
import { type FileFinding, readFindings } from '../../../src/vault/documents/findings.ts';
import { fields } from '../../../src/vault/documents/shape.ts';

const read = (findings: unknown) => readFindings(fields({ findings }, 'contents'));
const SOME: FileFinding[] = [
  { kind: 'certificate', path: 'a.pem', name: 'CN=a', expires: '2026-11-20T06:00:00Z' },
  { kind: 'key-mismatch', path: 'a.key', otherPath: 'a.pem', otherName: 'CN=a' },
  { kind: 'same-value', path: '.env.prod', name: 'A', otherPath: '.env.qa', otherName: 'B' },
];

it('findings are read as they were written, and those of a later kind are passed over', () => {
  expect(read(SOME)).toEqual(SOME);
  expect(read([{ kind: 'certificate-chain', path: 'a.pem', depth: 3 }, ...SOME])).toEqual(SOME);
  expect(read(undefined)).toEqual([]);
});

it('as many are read as are written, and no more', () => {
  const many = Array.from({ length: MAX_FINDINGS }, () => SOME[0]);
  expect(read(many)).toHaveLength(MAX_FINDINGS);
  expect(() => read([...many, SOME[0]])).toThrow('findings is not a list of at most');
});

it.each<[string, unknown]>([
  ['no list', {}],
  ['no object', ['x']],
  ['no kind', [{ path: 'a' }]],
  ['no path', [{ kind: 'certificate' }]],
  ['a path of another type', [{ kind: 'certificate', path: 1 }]],
  ['a time that is none', [{ kind: 'certificate', path: 'a', expires: 'tomorrow' }]],
  ['a name that is a book', [{ kind: 'certificate', path: 'a', name: 'x'.repeat(8193) }]],
])('%s is refused', (_, findings) => {
  expect(() => read(findings)).toThrow(/^contents: findings/);
});
