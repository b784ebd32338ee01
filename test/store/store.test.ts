import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { IntegrityError } from '../../src/errors.ts';
import { checkObjectName, checkPrefix, isObjectName } from '../../src/store/store.ts';

describe('object names', () => {
  it('takes every form of name that format 1 has', () => {
    const names = [
      'RECOVERY.md',
      'vault/12.json',
      'keys/1/admin-0123456789.age',
      'snapshots/app/20261120T055812Z-7k3f9q.2.json',
      'data/app/20261120T055812Z-7k3f9q/1-0123456789/files.tar.gz.age.00000',
      `data/${'s'.repeat(63)}/20261120T055812Z-7k3f9q/1-0123456789/stream-${'n'.repeat(63)}.gz.age.99999`,
      'ledger/20261120T055812Z-7k3f9q.json',
      'tmpfile',
      'data/tmp/x',
    ];
    for (const name of names) expect(checkObjectName(name)).toBe(name);
  });

  it('accepts nothing that leaves the directory it is put under', () => {
    const pieces = fc.constantFrom(
      '..',
      '.',
      '/',
      'a',
      'tmp',
      '\0',
      '\\',
      '~',
      '%2e',
      ' ',
      '\n',
      'é',
      '-',
      'A9',
      '.b',
    );
    const hostile = fc.oneof(
      fc.array(pieces, { maxLength: 9 }).map((parts) => parts.join('')),
      fc.string(),
    );
    fc.assert(
      fc.property(hostile, (name) => {
        const resolved = new URL(`file:///vault/${encodeURI(name.toWellFormed())}`).pathname;
        if (isObjectName(name)) expect(resolved).toBe(`/vault/${name}`);
        else expect(() => checkObjectName(name)).toThrow(IntegrityError);
      }),
      { numRuns: 2000 },
    );
  });

  it('refuses what a document holds in place of a text', () => {
    for (const value of [null, 7, ['vault/1.json'], { length: 3 }, undefined]) {
      expect(() => checkObjectName(value as string)).toThrow(IntegrityError);
    }
  });

  it('repeats a hostile name without its control characters, and not all of it', () => {
    const hostile = `\u001b]0;owned\u0007\n${'x'.repeat(5000)}`;
    try {
      checkObjectName(hostile);
      expect.unreachable();
    } catch (error) {
      const { message, object } = error as IntegrityError;
      expect(message).toMatch(/^'\?\]0;owned\?\?x+' is no object name$/);
      expect(message.length).toBeLessThan(120);
      expect(object).toMatch(/^[\x20-\x7e]{1,80}$/);
    }
  });

  it('takes any beginning of a name as a prefix', () => {
    const name = 'snapshots/app/20261120T055812Z-7k3f9q.2.json';
    for (let end = 0; end <= name.length; end++)
      expect(checkPrefix(name.slice(0, end))).toBe(name.slice(0, end));
  });
});
