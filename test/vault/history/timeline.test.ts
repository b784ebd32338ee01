import { describe, expect, it } from 'vitest';
import type { Entry } from '../../../src/pack/entry.ts';
import type { FileVersion, MarkedValue } from '../../../src/vault/exposure/versions.ts';
import { newTimeline, type TimedValue } from '../../../src/vault/history/timeline.ts';
import type { Snapshot } from '../../../src/vault/snapshots.ts';

/** Paths to names and marks; null is a file that could not be taken apart. */
type Files = Readonly<Record<string, Readonly<Record<string, string>> | null>>;

const isSecret = (name: string) => name !== 'LOG';

function versionOf(path: string, files: Files): FileVersion {
  const values = files[path];
  const value = (name: string, mark: string, likely = isSecret(name)): MarkedValue => ({
    name,
    kind: 'value',
    likely,
    mark,
    telling: likely && mark.length > 1,
  });
  if (!values) return { values: [value('(whole file)', `whole ${path}`, false)], reason: 'is no sound YAML' };
  return { values: Object.entries(values).map(([name, mark]) => value(name, mark)) };
}

/** What became of the values over snapshots s1, s2, … @param incomplete numbers of those in which a source failed */
function timeline(all: readonly Files[], key?: string, incomplete: readonly number[] = []) {
  const line = newTimeline(key);
  const read: string[] = [];
  all.forEach((files, i) => {
    const snapshot = { id: `s${i + 1}`, complete: !incomplete.includes(i + 1) } as Snapshot;
    const entries = Object.entries(files).map(
      ([path, values]) => ({ path, type: 'file', sha256: JSON.stringify(values) }) as Entry,
    );
    const wanted = new Set(entries.filter((entry) => line.wants(entry)));
    read.push(...[...wanted].map(({ path }) => `s${i + 1} ${path}`));
    line.see(snapshot, entries, (entry) => {
      if (!wanted.has(entry)) return undefined;
      const version = versionOf(entry.path, files);
      return { ...version, values: version.values.filter((value) => line.keeps(entry.path, value)) };
    });
  });
  return { values: line.values(), similar: line.similar(), read };
}

function shown({ path, name, present, since, sinceAs, atLeast, events }: TimedValue): string {
  const was = sinceAs ? ` as ${sinceAs.path}:${sinceAs.name}` : '';
  const all = events.map((e) => `${e.what} ${e.snapshot.id}${e.backTo ? ` (back to ${e.backTo.id})` : ''}`);
  const state = `${present ? 'since' : 'gone, had since'} ${atLeast ? '≥' : ''}${since.id}`;
  return `${path}:${name} ${state}${was}: ${all.join(', ')}`;
}

const a = (values: Readonly<Record<string, string>>): Files => ({ '.env': values });

describe('a value', () => {
  it.each<[string, Files[], string]>([
    ['was always there', [a({ K: 'one' }), a({ K: 'one' })], 'since ≥s1: first s1'],
    ['changed', [a({ K: 'one' }), a({ K: 'two' }), a({ K: 'two' })], 'since s2: changed s2, first s1'],
    ['came later', [a({}), a({ K: 'one' })], 'since s2: appeared s2'],
    ['went', [a({ K: 'one' }), a({})], 'gone, had since ≥s1: removed s2, first s1'],
    ['went with its file', [a({ K: 'one' }), {}], 'gone, had since ≥s1: removed s2, first s1'],
    [
      'was put back, and is as old as before',
      [a({ K: 'one' }), a({ K: 'two' }), a({ K: 'one' })],
      'since ≥s1: changed s3 (back to s1), changed s2, first s1',
    ],
    [
      'went and came back',
      [a({}), a({ K: 'one' }), a({}), a({ K: 'one' })],
      'since s2: appeared s4 (back to s2), removed s3, appeared s2',
    ],
    [
      'had another name, and is as old as it was there',
      [a({}), a({ OLD: 'secret' }), { 'b.env': { K: 'secret' } }],
      'since s2 as .env:OLD: appeared s3',
    ],
    [
      'is too short to be known under another name',
      [a({ OLD: 'x' }), a({ K: 'x' })],
      'since s2: appeared s2',
    ],
    [
      'is in a file that could not be taken apart for a while',
      [a({ K: 'one' }), { '.env': null }, a({ K: 'one' })],
      'since ≥s1: first s1',
    ],
  ])('%s', (_, all, expected) => {
    const [value] = timeline(all, 'K').values;
    expect(shown(value!).replace(/^\S+ /, '')).toBe(expected);
  });

  it('is not gone because a source failed', () => {
    const all = [a({ K: 'one' }), {}, a({ K: 'one' })];
    expect(timeline(all, 'K', [2]).values.map(shown)).toEqual(['.env:K since ≥s1: first s1']);
    // Nor is it read again.
    expect(timeline(all, 'K', [2]).read).toEqual(['s1 .env']);
  });
});

describe('what is meant', () => {
  const all = [
    { 'a.env': { K: 'one', LOG: 'x' }, 'k.yaml': { 'data.K (Secret db)': 'two', 'db.K': 'three' } },
  ];
  const names = (key?: string) => timeline(all, key).values.map(({ path, name }) => `${path}:${name}`);
  it.each<[string | undefined, string[]]>([
    ['K', ['a.env:K']],
    ['a.env:K', ['a.env:K']],
    ['data.K', ['k.yaml:data.K (Secret db)']],
    ['k.yaml:data.K (Secret db)', ['k.yaml:data.K (Secret db)']],
    ['LOG', ['a.env:LOG']],
    ['a.env', ['a.env:(whole file)']],
    ['./a.env', ['a.env:(whole file)']],
    ['/K', []],
    ['b.env:K', []],
    [undefined, ['a.env:K', 'k.yaml:data.K (Secret db)', 'k.yaml:db.K']],
  ])('%s', (key, expected) => {
    expect(names(key)).toEqual(expected);
  });

  it('may be like something that is there', () => {
    expect(timeline(all, 'k').similar).toEqual(['a.env:K', 'k.yaml:data.K (Secret db)', 'k.yaml:db.K']);
    expect(timeline(all, 'other').similar).toEqual([]);
  });
});

it('a file is read only where it is not that of the snapshot before', () => {
  const all = [
    a({ K: 'one' }),
    a({ K: 'one' }),
    { ...a({ K: 'two' }), b: { X: '1' } },
    { ...a({ K: 'two' }), b: { X: '1' } },
  ];
  expect(timeline(all, 'K').read).toEqual(['s1 .env', 's3 .env', 's3 b']);
});

it('what a file to copy from holds is due to be changed by nobody', () => {
  const all: Files[] = [{ '.env.example': { KEY: 'one' }, '.env': { KEY: 'two' } }];
  expect(timeline(all).values.map(({ path }) => path)).toEqual(['.env']);
  expect(
    timeline(all, 'KEY')
      .values.map(({ path }) => path)
      .sort(),
  ).toEqual(['.env', '.env.example']);
});
