import { describe, expect, it } from 'vitest';
import { readSnapshotContents } from '../../../src/vault/artifact-read.ts';
import { type FileVersion, newVersions } from '../../../src/vault/exposure/versions.ts';
import { readSnapshots } from '../../../src/vault/snapshots.ts';
import { makeVault, openUnlocked } from '../../support/vault.ts';

/** The versions of every file of every snapshot, oldest first. */
async function versionsOf(
  backups: Record<string, string>[],
  limits?: { path: number; run: number },
): Promise<Record<string, FileVersion>[]> {
  const vault = await makeVault();
  for (const files of backups) await vault.backup(files);
  const opened = await openUnlocked(vault);
  const versions = newVersions(limits);
  const read: Record<string, FileVersion>[] = [];
  for (const snapshot of (await readSnapshots(opened)).snapshots) {
    const contents = await readSnapshotContents(opened, snapshot);
    await versions.read(opened, snapshot, contents);
    const files = contents.entries.filter(({ type }) => type === 'file');
    read.push(Object.fromEntries(files.map((entry) => [entry.path, versions.of(entry)!])));
  }
  return read;
}

const env = (count: number, value: string): string =>
  Array.from({ length: count }, (_, i) => `NAME_${'WORD_'.repeat(10)}_${i}=${value}\n`).join('');

const ONE = [{ name: '(whole file)', likely: true, telling: true }];

describe('the names that are kept', () => {
  it('are bounded for each path over its versions: the next one is one value, and others go on', async () => {
    const read = await versionsOf(
      [
        { 'a.env': env(10, 'a'), 'b.env': 'A=1\n' },
        { 'a.env': env(10, 'b'), 'b.env': 'A=2\n' },
        { 'a.env': env(10, 'a'), 'b.env': 'A=3\n' },
      ],
      { path: 9000, run: 1e9 },
    );
    expect(read[0]!['a.env']!.values).toHaveLength(10);
    expect(read[1]!['a.env']).toMatchObject({
      values: ONE,
      reason: 'has more names than are kept of all files',
    });
    // The same as before takes nothing.
    expect(read[2]!['a.env']).toBe(read[0]!['a.env']);
    expect(read.map((files) => files['b.env']!.values.map(({ name }) => name))).toEqual([
      ['A'],
      ['A'],
      ['A'],
    ]);
  });

  it('are bounded for all paths together', async () => {
    const [read] = await versionsOf(
      [{ 'a.env': env(10, 'a'), 'b.env': env(10, 'a'), 'c.env': env(10, 'a') }],
      { path: 1e9, run: 15_000 },
    );
    expect(Object.values(read!).map(({ values }) => values.length)).toEqual([10, 10, 1]);
  });

  it('are short, whatever a file unfolds into', async () => {
    let text = `[${Array(9990).fill('1').join(',')}]`;
    for (let i = 0; i < 60; i++) text = `{"${'name_'.repeat(19)}${i % 10}":${text}}`;
    const [read] = await versionsOf([{ 'a.json': text, 'b.json': text.replace(/\[1.*1\]/, '[1,2]') }]);
    expect(read!['a.json']).toMatchObject({ reason: 'has longer names than a configuration has' });
    const names = read!['b.json']!.values.map(({ name }) => name);
    expect(names.map((name) => name.length)).toEqual([200, 200]);
    expect(names.map((name) => name.slice(-8))).toEqual(['ame_0[0]', 'ame_0[1]']);
  });
});
