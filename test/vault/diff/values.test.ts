import { describe, expect, it } from 'vitest';
import { newMarker } from '../../../src/compare/mark.ts';
import { namedValues } from '../../../src/compare/named-values.ts';
import { compareValues, type FilePair, type ValueChange } from '../../../src/vault/diff/values.ts';
import type { FileVersion } from '../../../src/vault/exposure/versions.ts';

const mark = newMarker();

async function versionOf(path: string, text: string): Promise<FileVersion> {
  const { values, reason } = await namedValues(path, Buffer.from(text));
  return {
    values: values.map(({ name, kind, likely, facts, reveal }) => ({
      name,
      kind,
      likely,
      ...(facts ? { facts } : {}),
      mark: mark(reveal()).toString('latin1'),
      telling: likely && reveal().length >= 6,
    })),
    ...(reason === undefined ? {} : { reason }),
  };
}

type Files = Record<string, string>;

async function pairs(before: Files, after: Files): Promise<FilePair[]> {
  const paths = [...new Set([...Object.keys(before), ...Object.keys(after)])].sort();
  const side = async (files: Files, path: string) =>
    files[path] === undefined ? undefined : { path, version: await versionOf(path, files[path]) };
  return await Promise.all(
    paths.map(async (path): Promise<FilePair> => {
      const [was, is] = [await side(before, path), await side(after, path)];
      return { ...(was ? { before: was } : {}), ...(is ? { after: is } : {}) };
    }),
  );
}

function shown({ path, name, change, from, sameAs }: ValueChange): string {
  const came = from ? ` < ${from.path} ${from.name}` : '';
  return `${change} ${path} ${name}${came}${sameAs ? ` = ${sameAs.path} ${sameAs.name}` : ''}`;
}

async function compare(before: Files, after: Files): Promise<string[]> {
  return compareValues(await pairs(before, after)).flatMap(({ changes }) => changes.map(shown));
}

const env = (values: Record<string, string>): string =>
  Object.entries(values)
    .map(([name, value]) => `${name}=${value}\n`)
    .join('');

describe('what became of a value', () => {
  it.each<[string, Files, Files, string[]]>([
    ['another one', { '.env': 'A=1\nB=2\n' }, { '.env': 'A=1\nB=3\n' }, ['changed .env B']],
    ['new and gone', { '.env': 'A=1\n' }, { '.env': 'B=2\n' }, ['added .env B', 'removed .env A']],
    ['another order and form', { '.env': 'A=1\nB=2\n' }, { '.env': '# x\nexport B="2"\nA=1 # one\n' }, []],
    [
      'a new name',
      { '.env': 'OLD_TOKEN=abcdefgh\n' },
      { '.env': 'NEW_TOKEN=abcdefgh\n' },
      ['moved .env NEW_TOKEN < .env OLD_TOKEN'],
    ],
    [
      'another file',
      { a: env({ DB_PASSWORD: 'hunter22', X: '1' }), b: env({ Y: '1' }) },
      { a: env({ X: '1' }), b: env({ Y: '1', DB_PASSWORD: 'hunter22' }) },
      ['moved b DB_PASSWORD < a DB_PASSWORD'],
    ],
    [
      'two that are swapped',
      { '.env': env({ A_PASSWORD: 'first-one', B_PASSWORD: 'second-one' }) },
      { '.env': env({ A_PASSWORD: 'second-one', B_PASSWORD: 'first-one' }) },
      ['changed .env A_PASSWORD < .env B_PASSWORD', 'changed .env B_PASSWORD < .env A_PASSWORD'],
    ],
    [
      'a copy in the same file rather than in another',
      { a: env({ A_PASSWORD: 'hunter22' }), b: env({ C_PASSWORD: 'hunter22', B_PASSWORD: 'other-one' }) },
      {
        a: env({ A_PASSWORD: 'hunter22', N: '1' }),
        b: env({ C_PASSWORD: 'hunter22', B_PASSWORD: 'hunter22' }),
      },
      ['added a N', 'changed b B_PASSWORD = b C_PASSWORD'],
    ],
    [
      'a copy from another format',
      { '.env': env({ X: '1' }), 'k.yaml': 'a: 1\n' },
      {
        '.env': env({ X: '1', DB_PASSWORD: 'hunter22' }),
        'k.yaml': 'apiVersion: v1\nkind: Secret\nmetadata: {name: db}\ndata: {pw: aHVudGVyMjI=}\n',
      },
      [
        'added .env DB_PASSWORD = k.yaml data.pw (Secret db)',
        'added k.yaml apiVersion (Secret db)',
        'added k.yaml data.pw (Secret db) = .env DB_PASSWORD',
        'added k.yaml kind (Secret db)',
        'added k.yaml metadata.name (Secret db)',
        'removed k.yaml a',
      ],
    ],
    [
      // Nothing that is the same everywhere is known again.
      'a short or plain value under another name',
      { '.env': env({ A_PASSWORD: 'abc', DEBUG_KEY: 'true', PORT: '8080', HOSTNAME: 'database.internal' }) },
      { '.env': env({ B_PASSWORD: 'abc', TRACE_KEY: 'true', HTTP: '8080', NODE: 'database.internal' }) },
      [
        'added .env B_PASSWORD',
        'added .env HTTP',
        'added .env NODE',
        'added .env TRACE_KEY',
        'removed .env A_PASSWORD',
        'removed .env DEBUG_KEY',
        'removed .env HOSTNAME',
        'removed .env PORT',
      ],
    ],
    [
      'a secret that became a file of its own',
      { '.env': env({ DB_PASSWORD: 'hunter22', X: '1' }) },
      { '.env': env({ X: '1' }), 'secrets/db_password': 'hunter22' },
      ['moved secrets/db_password (whole file) < .env DB_PASSWORD'],
    ],
    ['a file without names', { 'a.txt': 'some prose' }, { 'a.txt': 'other prose' }, []],
  ])('%s', async (_, before, after, expected) => {
    expect((await compare(before, after)).sort()).toEqual([...expected].sort());
  });

  it('does not say of a file that can no longer be taken apart that all in it is gone or moved', async () => {
    const before = { 'a.yaml': 'password: hunter22\n', 'b.env': env({ X: '1' }) };
    const after = { 'a.yaml': 'password: {{ x }}\n', 'b.env': env({ X: '1', DB_PASSWORD: 'hunter22' }) };
    const compared = compareValues(await pairs(before, after));
    expect(compared.flatMap(({ changes }) => changes.map(shown))).toEqual(['added b.env DB_PASSWORD']);
    expect(compared[0]).toMatchObject({ reason: 'has a key that is no text', isNamed: false });
  });

  it('counts what is the same, and says whether a file is one secret', async () => {
    const [dotenv, key] = compareValues(
      await pairs(
        { '.env': env({ A: '1', B: '2' }), 'secrets/token': 'one' },
        { '.env': env({ A: '1', B: '3' }), 'secrets/token': 'two' },
      ),
    );
    expect(dotenv).toMatchObject({ same: 1, isNamed: true, isSecret: false });
    expect(key).toMatchObject({ same: 0, isNamed: false, isSecret: true });
  });

  it('holds no value anywhere', async () => {
    const compared = compareValues(
      await pairs({ '.env': env({ A_PASSWORD: 'hunter22' }) }, { '.env': env({ A_PASSWORD: 'hunter33' }) }),
    );
    expect(JSON.stringify(compared)).not.toMatch(/hunter/);
  });
});
