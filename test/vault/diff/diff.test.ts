import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { Entry } from '../../../src/pack/entry.ts';
import { type Diff, diff, tellsSize } from '../../../src/vault/diff/diff.ts';
import { revealValues } from '../../../src/vault/diff/reveal.ts';
import { type Side, snapshotSide } from '../../../src/vault/diff/side.ts';
import { readSnapshots } from '../../../src/vault/snapshots.ts';
import { makeVault, openUnlocked, sha256 } from '../../support/vault.ts';

type Files = Record<string, string>;

/** A side in memory, and which files were read of it. */
function sideOf(files: Files): Side & { readonly opened: string[] } {
  const opened: string[] = [];
  const entries = Object.entries(files).map(
    ([path, text]): Entry => ({
      path,
      type: 'file',
      mode: 0o600,
      uid: 0,
      gid: 0,
      mtime: 0,
      size: Buffer.byteLength(text),
      sha256: sha256(Buffer.from(text)),
    }),
  );
  return {
    entries,
    gaps: [],
    opened,
    async read(wanted, take) {
      for (const entry of wanted) {
        opened.push(entry.path);
        await take(entry, Buffer.from(files[entry.path]!));
      }
    },
  };
}

const changesOf = ({ files }: Diff): string[] =>
  files.flatMap(({ values }) =>
    (values?.changes ?? []).map(({ change, path, name, from }) =>
      [change, path, name, ...(from && change === 'moved' ? [from.path, from.name] : [])].join(' '),
    ),
  );

/** What may be said of a comparison. */
const said = ({ files, streams, pairs }: Diff): string => JSON.stringify({ files, streams, pairs });

describe('what is read', () => {
  it('is only the files that differ', async () => {
    const before = sideOf({ a: 'A=1\n', b: 'B=1\n', c: 'content that moves', gone: 'G=1\n' });
    const after = sideOf({ a: 'A=1\n', b: 'B=2\n', d: 'content that moves', fresh: 'F=1\n' });
    const found = await diff(before, after);
    expect(before.opened).toEqual(['b', 'gone']);
    expect(after.opened).toEqual(['b', 'fresh']);
    expect(found.files.map(({ change, path }) => `${change} ${path}`)).toEqual([
      'changed b',
      'moved d',
      'added fresh',
      'removed gone',
    ]);
  });

  it('is no file of more than 4 MiB', async () => {
    const large = `A=${'x'.repeat(5 * 2 ** 20)}\n`;
    const [before, after] = [sideOf({ '.env': large }), sideOf({ '.env': `${large}B=1\n` })];
    const found = await diff(before, after);
    expect([before.opened, after.opened]).toEqual([[], []]);
    expect(found.files[0]).toMatchObject({
      change: 'changed',
      values: { changes: [], reason: 'is too large to look into' },
    });
  });

  it('is not taken apart where there are more names than memory, on both sides alike', async () => {
    const files = (value: string): Files =>
      Object.fromEntries(
        Array.from({ length: 30 }, (_, i) => [
          `${10 + i}.env`,
          Array.from({ length: 3000 }, (_, j) => `NAME_${j}=${value}${i}\n`).join(''),
        ]),
      );
    const { files: found } = await diff(sideOf(files('1')), sideOf(files('2')));
    const named = found.filter(({ values }) => values?.isNamed);
    expect(named.length).toBeGreaterThan(3);
    expect(named.length).toBeLessThan(20);
    for (const { values } of named) expect(values!.changes).toHaveLength(3000);
    expect(found.at(-1)!.values).toMatchObject({
      changes: [],
      reason: 'has more names than are kept of all files',
    });
  });

  it('may not be what was hashed: a file on disk that is written to meanwhile is compared as a whole', async () => {
    const after: Side = { ...sideOf({ '.env': 'A=2\n' }), read: async () => {} };
    const found = await diff(sideOf({ '.env': 'A=1\n' }), after);
    expect(found.files[0]!.values).toMatchObject({ changes: [], reason: 'changed while it was read' });
  });

  it('is narrowed by paths and globs, which one side at least must have', async () => {
    const before = sideOf({ 'a/x': 'A=1\n', 'b/y': 'A=1\n' });
    const after = sideOf({ 'a/x': 'A=2\n', 'a/z': 'new here', 'b/y': 'A=2\n' });
    const paths = async (...wanted: string[]) =>
      (await diff(before, after, { paths: wanted })).files.map(({ path }) => path);
    expect(await paths('a')).toEqual(['a/x', 'a/z']);
    expect(await paths('**/y', 'a/z')).toEqual(['a/z', 'b/y']);
    await expect(paths('nowhere')).rejects.toMatchObject({ code: 'no-path' });
  });
});

describe('sizes', () => {
  it('are not told where they tell how long a secret is', async () => {
    const before = sideOf({
      '.env': 'A=1\n',
      'secrets/token': 'some-token',
      'a.txt': 'prose',
      'm.key': 'moves away',
    });
    const after = sideOf({
      '.env': 'A=22\n',
      'secrets/token': 'other',
      'a.txt': 'longer prose',
      'n.key': 'moves away',
    });
    const { files } = await diff(before, after);
    expect(files.filter(tellsSize).map(({ path }) => path)).toEqual(['a.txt']);
  });
});

describe('dumps', () => {
  const stream = (name: string, hash: string) => ({
    name,
    type: 'postgres',
    facts: {},
    bytes: 9,
    sha256: hash,
    seconds: 1,
    complete: true,
  });
  it('are compared by their hashes between snapshots, and not with the disk', async () => {
    const before = { ...sideOf({}), streams: [stream('a', '1'), stream('b', '1'), stream('c', '1')] };
    const after = { ...sideOf({}), streams: [stream('a', '1'), stream('b', '2'), stream('d', '1')] };
    const shown = (found: Diff) => found.streams.map(({ change, name }) => `${change} ${name}`);
    expect(shown(await diff(before, after))).toEqual(['changed b', 'added d', 'removed c']);
    expect(shown(await diff(before, sideOf({})))).toEqual([]);
    expect(shown(await diff(sideOf({}), after))).toEqual([]);
  });
});

/** A file of a format, from names to values. Names and values need no quoting in any. */
const FORMATS: Readonly<Record<string, (values: ReadonlyMap<string, string>) => string>> = {
  'a.env': (values) => [...values].map(([name, value]) => `${name}=${value}\n`).join(''),
  'b.json': (values) => JSON.stringify(Object.fromEntries(values), null, 1),
  'c.yaml': (values) => [...values].map(([name, value]) => `${name}: ${value}\n`).join(''),
  'd.toml': (values) => [...values].map(([name, value]) => `${name} = "${value}"\n`).join(''),
  'e.ini': (values) => `[main]\n${[...values].map(([name, value]) => `${name} = ${value}\n`).join('')}`,
};
const CANARY = 'cAnArY';

describe('any files and any changes', () => {
  const NAMES = ['DB_PASSWORD', 'API_TOKEN', 'SIGNING_KEY', 'LOG_LEVEL', 'PORT', 'SMTP_SECRET', 'NODE_ENV'];
  const what = fc.constantFrom('keep', 'keep', 'change', 'remove', 'add', 'rename');
  const plan = fc.record({
    file: fc.constantFrom(...Object.keys(FORMATS)),
    whats: fc.array(what, { minLength: NAMES.length, maxLength: NAMES.length }),
  });

  it('come out as exactly those changes, and no value in anything that is said', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.uniqueArray(plan, { selector: ({ file }) => file, minLength: 1 }),
        async (plans) => {
          const [before, after]: [Files, Files] = [{}, {}];
          const expected: string[] = [];
          let count = 0;
          for (const { file, whats } of plans) {
            const [was, is] = [new Map([['STAYS', 'here']]), new Map([['STAYS', 'here']])];
            for (const [i, name] of NAMES.entries()) {
              const value = `${CANARY}${++count}x7q`;
              const shown = file === 'e.ini' ? `main.${name}` : name;
              const done = whats[i]!;
              if (done !== 'add') was.set(name, value);
              if (done === 'keep' || done === 'add') is.set(name, value);
              if (done === 'change') is.set(name, `${value}other`);
              if (done === 'rename') is.set(`NEW_${name}`, value);
              const isSecret = /PASSWORD|TOKEN|KEY|SECRET/.test(name);
              if (done === 'rename') {
                const renamed = file === 'e.ini' ? `main.NEW_${name}` : `NEW_${name}`;
                if (isSecret) expected.push(`moved ${file} ${renamed} ${file} ${shown}`);
                else expected.push(`added ${file} ${renamed}`, `removed ${file} ${shown}`);
              } else if (done !== 'keep') {
                expected.push(
                  `${{ change: 'changed', remove: 'removed', add: 'added' }[done]} ${file} ${shown}`,
                );
              }
            }
            before[file] = FORMATS[file]!(was);
            after[file] = FORMATS[file]!(is);
          }
          const found = await diff(sideOf(before), sideOf(after));
          expect(changesOf(found).sort()).toEqual(expected.sort());
          expect(said(found)).not.toContain(CANARY);
        },
      ),
      { numRuns: 100 },
    );
  });

  it('never show a value of whatever text is in them', async () => {
    const line = fc.oneof(
      fc.constantFrom(
        `A=${CANARY}1`,
        `B: ${CANARY}2`,
        `"${CANARY}3`,
        `x = "${CANARY}4`,
        '[a]',
        '- a',
        'x: |',
      ),
      fc.string(),
    );
    const text = fc.array(line, { maxLength: 8 }).map((lines) => lines.join('\n'));
    const path = fc.constantFrom('.env', 'a.json', 'a.yaml', 'a.toml', 'a.ini', 'a', 'a.pem');
    await fc.assert(
      fc.asyncProperty(path, text, text, async (at, was, is) => {
        expect(said(await diff(sideOf({ [at]: was }), sideOf({ [at]: is })))).not.toContain(CANARY);
      }),
      { numRuns: 300 },
    );
  });
});

describe('values that are asked for', () => {
  it('are those that changed and have a name; of a key or a file without names nothing is shown', async () => {
    const pem = (inner: string) => `-----BEGIN PRIVATE KEY-----\n${inner}\n-----END PRIVATE KEY-----\n`;
    const before = sideOf({
      '.env': 'A_KEY=first-one\nB=1\nC=stays\n',
      'a.key': pem('AAAA'),
      'a.txt': 'prose',
    });
    const after = sideOf({
      '.env': 'Z_KEY=first-one\nB=2\nC=stays\nD=new\n',
      'a.key': pem('BBBB'),
      'a.txt': 'other',
    });
    const revealed = await revealValues(await diff(before, after));
    const shown = [...revealed].map(([{ name }, { before: was, after: is }]) => [name, was, is]);
    expect(shown).toEqual([
      ['Z_KEY', undefined, 'first-one'],
      ['B', '1', '2'],
      ['D', undefined, 'new'],
    ]);
  });

  it('are cut where they are long', async () => {
    const [before, after] = [sideOf({ '.env': 'A=1\n' }), sideOf({ '.env': `A=${'x'.repeat(9000)}\n` })];
    const [[, { after: is = '' } = {}]] = [...(await revealValues(await diff(before, after)))] as [
      [unknown, { after?: string }],
    ];
    expect([is.length, is.slice(-2)]).toEqual([4097, 'x…']);
  });
});

describe('a snapshot as a side', () => {
  it('hands over each wanted file, proven', async () => {
    const vault = await makeVault();
    await vault.backup({ '.env': 'A=1\n', 'big.env': `A=${'x'.repeat(2 ** 21)}\n` });
    await vault.backup({ '.env': 'A=2\n', 'big.env': `A=${'y'.repeat(2 ** 21)}\n` });
    const opened = await openUnlocked(vault);
    const { snapshots } = await readSnapshots(opened);
    const [before, after] = await Promise.all(snapshots.map((s) => snapshotSide(opened, s)));
    expect(changesOf(await diff(before!, after!))).toEqual(['changed .env A', 'changed big.env A']);
  });
});
