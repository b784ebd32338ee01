import { chmodSync, chownSync, mkdirSync, symlinkSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { excluder } from '../../../src/vault/coverage/excluded.ts';
import { heldIn } from '../../../src/vault/coverage/held.ts';
import type { CoverageItem } from '../../../src/vault/coverage/item.ts';
import { nextLines } from '../../../src/vault/coverage/next.ts';
import { readableBy } from '../../../src/vault/coverage/readable.ts';
import { scratch, sha256 } from '../../support/vault.ts';

function file(path: string, mode = 0o600, text = 'x'): string {
  mkdirSync(dirname(path), { recursive: true });
  writeFileSync(path, text);
  chmodSync(path, mode);
  return path;
}

describe('who else may read a file', () => {
  it.each<[mode: number, directory: number, expected: string | undefined]>([
    [0o600, 0o755, undefined],
    [0o644, 0o755, 'everyone'],
    [0o644, 0o700, undefined],
    [0o644, 0o750, 'group'],
    [0o640, 0o755, 'group'],
    [0o640, 0o710, 'group'],
    [0o640, 0o700, undefined],
    [0o604, 0o711, 'everyone'],
  ])('follows from %o below %o', (mode, directory, expected) => {
    const base = scratch();
    const path = file(join(base, 'd/key'), mode);
    chmodSync(base, 0o755);
    chmodSync(dirname(path), directory);
    // A group that is neither root's nor a user's own; only root may give a file away.
    const isShared = process.getuid?.() === 0;
    if (isShared) chownSync(path, 1234, 5678);
    expect(readableBy()(path)).toBe(expected === 'group' && !isShared ? undefined : expected);
  });

  it('is nobody where the group is that of the owner alone', () => {
    const base = scratch();
    chmodSync(base, 0o755);
    const path = file(join(base, 'key'), 0o640);
    if (process.getuid?.() === 0) chownSync(path, 1234, 1234);
    expect(readableBy()(path)).toBeUndefined();
  });
});

it('what is excluded is so with all that it holds, and patterns start at the root', () => {
  const isExcluded = excluder(['logs', '**/*.tmp', '/srv/data/**', 'a[b]/x'], '/srv/app');
  const paths = ['logs', 'logs/a/b', 'x/logs', 'x/y.tmp', 'x.tmp/inner', 'a[b]/x', 'ab/x', 'app'];
  expect(paths.filter((path) => isExcluded(`/srv/app/${path}`))).toEqual([
    'logs',
    'logs/a/b',
    'x/y.tmp',
    'x.tmp/inner',
    'a[b]/x',
    'ab/x',
  ]);
  expect([isExcluded('/srv/data/x'), isExcluded('/srv/app'), isExcluded('/srv/other')]).toEqual([
    true,
    false,
    false,
  ]);
});

it('a snapshot has a file in the version whose bytes it has, in whatever set', () => {
  const base = scratch();
  const [same, changed, longer, absent] = ['a', 'b', 'c', 'd'].map((name) =>
    file(join(base, 'app', name), 0o600, name),
  );
  const outside = file(join(base, 'key'), 0o600, 'key');
  symlinkSync(same!, join(base, 'app/link'));
  const entry = (path: string, content: string) => ({
    path,
    type: 'file' as const,
    mode: 0o600,
    uid: 0,
    gid: 0,
    mtime: 0,
    size: content.length,
    sha256: sha256(Buffer.from(content)),
  });
  const held = heldIn([
    { root: join(base, 'app'), entries: [entry('a', 'old'), entry('b', 'x'), entry('c', 'much longer')] },
    { root: join(base, 'app'), entries: [entry('a', 'a'), entry(`@outside${outside}`, 'key')] },
  ]);
  expect([same, changed, longer, absent, outside, join(base, 'app/link')].map((path) => held(path!))).toEqual(
    ['same', 'changed', 'changed', 'absent', 'same', 'same'],
  );
});

describe('the lines for strongroom.yaml', () => {
  const item = (path: string, state: CoverageItem['state'], lacking = true): CoverageItem => ({
    path,
    as: 'x',
    by: undefined,
    required: true,
    state,
    why: undefined,
    lacking,
    warned: false,
    secret: false,
  });
  const next = (sources: object, items: CoverageItem[], followed: string[] = []) =>
    nextLines(
      '/srv/app',
      { set: 'app', sources: { root: '/srv/app', include: [], exclude: [], ...sources } },
      items,
      followed.map((path) => ({ kind: 'not-taken' as const, path, reason: 'x', incomplete: false })),
    );

  it.each<[sources: object, items: CoverageItem[], followed: string[], expected: object | undefined]>([
    [{}, [item('/srv/app/a', 'covered', false)], [], undefined],
    [{}, [item('/srv/app/a', 'missing')], [], undefined],
    [{}, [item('/secure/x', 'outside')], [], { include: ['.', '/secure/x'] }],
    [{ include: ['a'] }, [item('/srv/app/b[1]', 'uncovered')], [], { include: ['a', 'b\\[1]'] }],
    [{ discover: ['pem'] }, [item('/srv/app/b', 'uncovered')], [], { include: ['b'] }],
    [
      { discover: ['compose'], outside: ['/a'] },
      [item('/secure/x', 'outside'), item('/secure/y', 'outside')],
      ['/secure/x'],
      { include: ['/secure/y'], outside: ['/a', '/secure/x'] },
    ],
  ])('of %j are whole', (sources, items, followed, expected) => {
    expect(next(sources, items, followed)).toEqual(
      expected && { set: 'app', include: undefined, outside: undefined, ...expected },
    );
  });

  it('are none without a set', () => {
    expect(nextLines('/srv/app', undefined, [item('/srv/app/a', 'uncovered')], [])).toBeUndefined();
  });
});
