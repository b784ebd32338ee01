import fc from 'fast-check';
import { expect, test } from 'vitest';
import type { Fields } from '../../../src/commands/command.ts';
import { factsOf } from '../../../src/commands/notify/facts.ts';

type Line = readonly [type: string, fields: Fields];

const viewOf = (lines: readonly Line[], summary: Fields) => ({
  json(_result: unknown, line: (type: string, fields: Fields) => void): Fields {
    for (const [type, fields] of lines) line(type, fields);
    return summary;
  },
});
const facts = (lines: readonly Line[], summary: Fields, code = 3) =>
  factsOf(viewOf(lines, summary), undefined, code);

test('of a backup of two sets, the one that is not well', () => {
  const lines: Line[] = [
    ['warning', { set: 'app', kind: 'changed', path: 'a.log', reason: 'it grew', incomplete: false }],
    ['warning', { set: 'app', kind: 'missing', path: 'certs/a.pem', reason: 'not there', incomplete: true }],
    ['error', { set: 'db', code: 'stream-failed', message: 'pg_dump ended', hint: 'see' }],
    ['snapshot', { set: 'app', snapshot: '20261120T055812Z-7k3f9q', files: 3 }],
  ];
  expect(facts(lines, { sets: 1, files: 3, bytes: 12, complete: false })).toEqual({
    all: ['app', 'db'],
    sets: ['app', 'db'],
    snapshots: ['20261120T055812Z-7k3f9q'],
    vault: undefined,
    vaultId: undefined,
    codes: ['missing', 'stream-failed'],
    counts: { sets: 1, files: 3, bytes: 12 },
    details: ['app: certs/a.pem: not there', 'db: pg_dump ended'],
  });
});

test('of health, what is wrong, and warnings only where there is nothing worse', () => {
  const warning: Line = ['problem', { set: 'app', code: 'smaller', severity: 'warning', message: 'small' }];
  const wrong: Line = ['problem', { set: 'db', code: 'too-old', severity: 'wrong', message: 'old' }];
  const summary = { wrong: 1, vault: '9w6a8wy1bptmg1enqf19wyya51', name: 'shop' };
  expect(facts([warning, wrong], summary, 5)).toMatchObject({
    all: ['app', 'db'],
    sets: ['db'],
    codes: ['too-old'],
    vault: 'shop',
    vaultId: '9w6a8wy1bptmg1enqf19wyya51',
  });
  expect(facts([warning], summary, 5)).toMatchObject({ sets: ['app'], codes: ['smaller'] });
  expect(facts([warning], summary, 0)).toMatchObject({ sets: ['app'], codes: [], details: [] });
});

test('the newest snapshot that a check names was not made by it', () => {
  const group: Line = ['group', { set: 'app', snapshot: '20261120T055812Z-7k3f9q' }];
  expect(facts([group], {}, 0).snapshots).toEqual([]);
  const guarded = { snapshots: ['20261120T055812Z-7k3f9q', '../../etc/passwd'] };
  expect(facts([], guarded, 0).snapshots).toEqual(['20261120T055812Z-7k3f9q']);
});

test('whatever a view says, only names, numbers and its own field names are told without being asked for', () => {
  const words = fc.constantFrom(
    'set',
    'snapshot',
    'code',
    'kind',
    'path',
    'reason',
    'message',
    'name',
    'vault',
  );
  const secret = fc.string().map((text) => `S3CRET/${text}`);
  const fields = fc.dictionary(words, fc.oneof(secret, fc.array(secret), fc.boolean()));
  const types = fc.constantFrom('warning', 'error', 'problem', 'finding', 'snapshot', 'group', 'source');
  fc.assert(
    fc.property(
      fc.array(fc.tuple(types, fields)),
      fields,
      fc.constantFrom(0, 3, 5),
      (lines, summary, code) => {
        const { details, ...others } = facts(lines as Line[], { ...summary, snapshots: summary.path }, code);
        expect(JSON.stringify(others)).not.toContain('S3CRET');
        expect(details.length).toBeLessThanOrEqual(20);
        expect(details.every((detail) => detail.length <= 500)).toBe(true);
      },
    ),
  );
});
