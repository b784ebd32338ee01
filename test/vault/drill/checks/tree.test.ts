import { createHash } from 'node:crypto';
import { chmodSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, unlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { InterruptedError } from '../../../../src/errors.ts';
import type { Entry } from '../../../../src/pack/entry.ts';
import type { PlannedEntry } from '../../../../src/pack/place/types.ts';
import type { Contents } from '../../../../src/vault/documents/contents.ts';
import { checkTree } from '../../../../src/vault/drill/checks/tree.ts';

let directory: string;
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'tree-'));
  mkdirSync(join(directory, 'a'), { mode: 0o700 });
  writeFileSync(join(directory, 'a/.env'), 'KEY=1\n', { mode: 0o600 });
  writeFileSync(join(directory, 'large'), Buffer.alloc(3 * 2 ** 20, 7), { mode: 0o600 });
  symlinkSync('a/.env', join(directory, 'link'));
});
afterEach(() => rmSync(directory, { recursive: true, force: true }));

const base = { uid: 0, gid: 0, mtime: 0, size: 0 };
const file = (path: string, content: Buffer): Entry => ({
  ...base,
  path,
  type: 'file',
  mode: 0o644,
  size: content.length,
  sha256: createHash('sha256').update(content).digest('hex'),
});
const entries: Entry[] = [
  { ...base, path: 'a', type: 'dir', mode: 0o755 },
  file('a/.env', Buffer.from('KEY=1\n')),
  file('large', Buffer.alloc(3 * 2 ** 20, 7)),
  { ...base, path: 'link', type: 'symlink', mode: 0o777, target: 'a/.env' },
];
const placed = entries.map(
  (entry) => ({ entry, mode: entry.type === 'dir' ? 0o700 : 0o600 }) as PlannedEntry,
);

async function look(signal?: AbortSignal) {
  const seen: string[] = [];
  const tree = { set: 'app', host: 'web', directory, contents: { entries } as unknown as Contents };
  const checks = await checkTree(
    tree,
    placed,
    (path, content) => seen.push(`${path} ${content.length}`),
    signal,
  );
  return {
    seen,
    checks,
    failed: checks.filter((c) => c.outcome === 'failed').map((c) => `${c.check} ${c.subject} ${c.message}`),
  };
}

describe('a restored tree', () => {
  it('is as it was backed up, and small files are shown to whoever looks on', async () => {
    const { checks, seen } = await look();
    expect(checks).toEqual([
      { check: 'files', subject: '2 files', outcome: 'passed' },
      { check: 'modes', subject: '2 files', outcome: 'passed' },
    ]);
    expect(seen).toEqual(['a/.env 6']);
  });

  it.each<[string, () => void, string]>([
    [
      'a byte',
      () => writeFileSync(join(directory, 'a/.env'), 'KEY=2\n'),
      'files a/.env does not have the content that was backed up',
    ],
    ['its size', () => writeFileSync(join(directory, 'large'), ''), 'files large has another size'],
    [
      'its mode',
      () => chmodSync(join(directory, 'a/.env'), 0o640),
      'modes a/.env has the mode 0640, and should have 0600',
    ],
    [
      'that of a directory',
      () => chmodSync(join(directory, 'a'), 0o755),
      'modes a has the mode 0755, and should have 0700',
    ],
    ['that it is there', () => unlinkSync(join(directory, 'large')), 'files large is missing'],
    [
      'where it leads',
      () => {
        unlinkSync(join(directory, 'link'));
        symlinkSync('/etc', join(directory, 'link'));
      },
      'files link leads elsewhere',
    ],
    [
      'what it is',
      () => {
        unlinkSync(join(directory, 'large'));
        symlinkSync('a', join(directory, 'large'));
      },
      'files large is no file',
    ],
    [
      'that it is alone',
      () => writeFileSync(join(directory, 'a/more\u202e'), ''),
      'files a/more\\u202e is in no snapshot',
    ],
  ])('of which something changed is told: %s', async (_, change, expected) => {
    change();
    expect((await look()).failed).toEqual([expected]);
  });

  it('of which much is wrong is told in a few lines', async () => {
    for (let n = 0; n < 50; n++) writeFileSync(join(directory, `x${n}`), '');
    const { failed } = await look();
    expect(failed).toHaveLength(21);
    expect(failed.at(-1)).toBe('files 30 more are wrong like these');
  });

  it('is looked at no longer than wanted', async () => {
    await expect(look(AbortSignal.abort())).rejects.toThrow(InterruptedError);
  });
});
