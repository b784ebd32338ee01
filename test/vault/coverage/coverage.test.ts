import { chmodSync, mkdirSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { type CoverageOptions, coverage } from '../../../src/vault/coverage/coverage.ts';
import { judge } from '../../../src/vault/coverage/judge.ts';
import type { CoverageSet } from '../../../src/vault/coverage/next.ts';
import { takenBy } from '../../../src/vault/coverage/taken.ts';
import { scratch } from '../../support/vault.ts';

function write(root: string, files: Readonly<Record<string, string>>): string {
  for (const [path, text] of Object.entries(files)) {
    mkdirSync(dirname(join(root, path)), { recursive: true });
    writeFileSync(join(root, path), text, { mode: 0o600 });
  }
  return root;
}

const set = (root: string, more: Partial<CoverageSet['sources']> = {}, name = 'app'): CoverageSet => ({
  set: name,
  sources: { root, include: [], exclude: [], ...more },
});

async function look(sets: CoverageSet[], more: Partial<CoverageOptions> = {}) {
  return await coverage({ sets, now: new Date(), tracked: async () => () => false, ...more });
}

async function states(root: string, sets: CoverageSet[], more: Partial<CoverageOptions> = {}) {
  const [found] = await look(sets, more);
  return Object.fromEntries(found!.items.map(({ path, state }) => [path.replace(`${root}/`, ''), state]));
}

const bind = (source: string) => `services:\n  web:\n    volumes: ["${source}:/data"]\n`;

describe('coverage', () => {
  it('of a directory that is referred to is that of all its files', async () => {
    const root = write(scratch(), { 'compose.yaml': bind('./conf'), 'conf/a': 'x', 'conf/b/c': 'x' });
    expect(await states(root, [set(root)])).toMatchObject({ conf: 'covered' });
    expect(await states(root, [set(root, { include: ['compose.yaml', 'conf/a'] })])).toMatchObject({
      conf: 'uncovered',
    });
    expect(await states(root, [set(root, { exclude: ['conf/b'] })])).toMatchObject({ conf: 'covered' });
    expect(await states(root, [set(root, { exclude: ['conf/**'] })])).toMatchObject({ conf: 'excluded' });
    mkdirSync(join(root, 'empty'));
    write(root, { 'compose.yaml': bind('./empty') });
    expect(await states(root, [set(root)])).toMatchObject({ empty: 'nothing' });
  });

  it('counts what any set takes, whatever its root, and leaves out only what all leave out', async () => {
    const root = write(scratch(), {
      'app/compose.yaml': 'services:\n  web:\n    env_file: [a.env, b.env]\n',
      'app/a.env': 'A=1\n',
      'app/b.env': 'A=1\n',
    });
    const app = join(root, 'app');
    const upper = set(root, { include: ['app/b.env'] }, 'upper');
    expect(await states(app, [set(app, { exclude: ['b.env'] }), upper])).toMatchObject({
      'b.env': 'covered',
    });
    expect(
      await states(app, [
        set(app, { exclude: ['*.env'] }),
        set(app, { include: ['a.env'], exclude: ['b.env'] }, 'two'),
      ]),
    ).toMatchObject({
      'a.env': 'covered',
      'b.env': 'uncovered',
    });
    const found = await look([upper], { path: app });
    expect(found.map(({ root: at, sets }) => [at, sets])).toEqual([[app, ['upper']]]);
  });

  it('is by real paths: a root behind a link is the same root', async () => {
    const root = write(scratch(), { 'real/.env': 'A=1\n' });
    symlinkSync(join(root, 'real'), join(root, 'link'));
    const found = await look([set(join(root, 'link')), set(join(root, 'real'), {}, 'two')]);
    expect(found).toHaveLength(1);
    expect(found[0]).toMatchObject({ root: join(root, 'real'), sets: ['app', 'two'] });
    expect(found[0]!.items).toMatchObject([{ path: join(root, 'real/.env'), state: 'covered' }]);
  });

  it('asks for no key of the vault itself', async () => {
    const root = write(scratch(), { 'me.txt': `AGE-SECRET-KEY-1${'Q'.repeat(58)}\n` });
    const sets = [set(root, { include: ['x'] })];
    write(root, { x: 'x' });
    expect(await states(root, sets)).toEqual({ 'me.txt': 'uncovered' });
    const [found] = await look(sets, { credentials: [join(root, 'me.txt')] });
    expect(found!.items).toMatchObject([{ state: 'excluded', lacking: false }]);
    expect(found!.secrets).toEqual([]);
  });

  it('says what the plan of a set misses, and what could not be understood', async () => {
    const root = write(scratch(), { '.env': 'A=1\n', 'compose.yaml': 'services: [\n' });
    const [found] = await look([set(root, { include: ['.', 'gone.pem'] })]);
    expect(found!.doubts.map(({ path, lacking }) => [path.replace(`${root}/`, ''), lacking])).toEqual([
      ['compose.yaml', false],
      ['gone.pem', true],
    ]);
  });

  it('of what git cannot say is not known, and no less for that', async () => {
    const root = write(scratch(), { '.env': 'DB_PASSWORD=summertime\n' });
    const [known] = await look([set(root)], { tracked: async (paths) => (path) => paths.includes(path) });
    expect(known).toMatchObject({ gitKnown: true, secrets: [{ path: join(root, '.env'), tracked: true }] });
    const [unknown] = await look([set(root)], { tracked: async () => () => undefined });
    expect(unknown).toMatchObject({ gitKnown: false, secrets: [] });
  });

  it('ends when it is told to', async () => {
    const root = write(scratch(), { '.env': 'A=1\n' });
    await expect(look([], { path: root, signal: AbortSignal.abort() })).rejects.toMatchObject({
      exitCode: 130,
    });
  });
});

describe('secrets that git tracks', () => {
  const all: CoverageOptions['tracked'] = async () => () => true;
  const tracked = async (files: Readonly<Record<string, string>>) => {
    const root = write(scratch(), files);
    const [found] = await look([set(root)], { tracked: all });
    return found!.secrets.map(({ path, tracked: is, stray }) => [path.replace(`${root}/`, ''), is, stray]);
  };

  it('are weak ones too, by the name that settings give them', async () => {
    expect(
      await tracked({
        'app.yaml': 'password: correct-horse-battery\n',
        'a.toml': 'password="New-Toml-Loris"\n',
        'compose.yaml': 'services:\n  db:\n    environment:\n      POSTGRES_PASSWORD: summertime\n',
        '.env': 'DB_PASSWORD=summertime\n',
      }),
    ).toEqual([
      ['.env', true, false],
      ['a.toml', true, false],
      ['app.yaml', true, false],
      ['compose.yaml', true, false],
    ]);
  });

  it('are none in an environment file without any, nor in what is filled in elsewhere', async () => {
    expect(
      await tracked({
        'config/common.env': 'LOG=info\n',
        'compose.yaml': 'services:\n  web:\n    env_file: [config/common.env, web.conf]\n',
        'web.conf': 'DEBUG=1\n',
        '.env.example': 'DB_PASSWORD=summertime\n',
        'app.sample.yaml': 'password: summertime\n',
        'big.yaml': `${'# x\n'.repeat(70_000)}password: summertime\n`,
      }),
    ).toEqual([]);
  });

  it('and that nobody else sees are no stray files by their name alone', async () => {
    const root = write(scratch(), { 'app.yaml': 'password: summertime\n', 'x.txt': 'x' });
    chmodSync(root, 0o700);
    const [found] = await look([set(root, { include: ['x.txt'] })]);
    expect(found!.secrets).toEqual([]);
    const [seen] = await look([set(root, { include: ['x.txt'] })], { tracked: all });
    expect(seen!.secrets).toMatchObject([{ path: join(root, 'app.yaml'), stray: false, covered: false }]);
  });
});

it('a file that a directory lost in between is no gap, and one that a stream takes is taken', async () => {
  const root = write(scratch(), {
    'compose.yaml': bind('./data'),
    'data/app.db': 'SQLite format 3\0',
    'data/app.db-wal': 'x',
    'data/app.db-shm': 'x',
  });
  const files = ['data/app.db', 'data/app.db-wal', 'data/app.db-shm'];
  const sets = [set(root, { include: ['.'], elsewhere: files })];
  expect(await states(root, sets)).toMatchObject({ data: 'covered' });
  const live = () =>
    judge(
      {
        root,
        filesBelow: () => files.map((file) => join(root, file)),
        taken: takenBy([], [join(root, 'data/app.db')]),
        isExcluded: () => false,
        held: undefined,
        signal: undefined,
      },
      { path: join(root, 'data'), as: 'x', by: undefined, required: false, state: 'directory' },
      () => false,
    );
  expect(live()).toMatchObject({ state: 'uncovered', why: '1 of its 3 files would be taken' });
  for (const end of ['-wal', '-shm']) rmSync(join(root, `data/app.db${end}`));
  expect(live()).toMatchObject({ state: 'covered', lacking: false });
});

describe('an SQLite database', () => {
  const files = { 'data/app.db': 'SQLite format 3\0...', 'data/not.db': 'x', 'x.txt': 'SQLite format 3\0' };
  const doubts = async (more: Partial<CoverageSet['sources']>) => {
    const root = write(scratch(), files);
    const [found] = await look([set(root, more)]);
    return found!.doubts.map(({ path, reason, lacking }) => [path.replace(`${root}/`, ''), reason, lacking]);
  };

  it('that is taken as a plain file is doubtful, with the stream that would take it whole', async () => {
    expect(await doubts({})).toEqual([
      [
        'data/app.db',
        'is an SQLite database: a copy of one that is in use may be torn; add a stream of the kind sqlite, below streams: app: { sqlite: { file: "data/app.db" } }',
        false,
      ],
    ]);
  });

  it('that a stream takes, or nobody, is none', async () => {
    expect(await doubts({ elsewhere: ['data/app.db'] })).toEqual([]);
    expect(await doubts({ include: ['x.txt'] })).toEqual([]);
  });
});

describe('what the deployment requires', () => {
  it('by a variant is told where it is missing, and not lacking', async () => {
    const root = write(scratch(), {
      'compose.yaml': 'services: {}\n',
      'compose.prod.yaml': 'services:\n  web:\n    env_file: [prod.env]\n',
    });
    const [found] = await look([set(root)]);
    expect(found!.items.find(({ path }) => path.endsWith('prod.env'))).toMatchObject({
      state: 'missing',
      lacking: false,
      warned: true,
      why: 'compose.prod.yaml requires it',
    });
  });

  it('and a set excludes is told, unless it may be missing', async () => {
    const root = write(scratch(), {
      'compose.yaml': 'services:\n  web:\n    env_file: [a.env]\n    volumes: ["./data:/data"]\n',
      'a.env': 'A=1\n',
      'data/x': 'x',
    });
    const [found] = await look([set(root, { exclude: ['a.env', 'data'] })]);
    const excluded = found!.items.filter(({ state }) => state === 'excluded');
    expect(
      excluded.map(({ path, warned, lacking }) => [path.replace(`${root}/`, ''), warned, lacking]),
    ).toEqual([
      ['a.env', true, false],
      ['data', false, false],
    ]);
  });

  it('from a file beyond the root is mended by the lines that are suggested', async () => {
    const top = write(scratch(), {
      'app/compose.yaml':
        'services:\n  web:\n    volumes: ["../secure/site.conf:/x:ro", "../secure/tls.key:/y", "../data:/data"]\n',
      'secure/site.conf': 'x',
      'secure/tls.key': 'x',
    });
    const root = join(top, 'app');
    for (const more of [{}, { discover: ['compose'] as const }]) {
      const [found] = await look([set(root, more)]);
      expect(found!.items.filter(({ lacking }) => lacking)).toHaveLength(2);
      const { include, outside } = found!.next!;
      const mended = { ...more, ...(include ? { include } : {}), ...(outside ? { outside } : {}) };
      const [again] = await look([set(root, mended)]);
      expect(again!.items.filter(({ lacking }) => lacking)).toEqual([]);
      expect(again!.next).toBeUndefined();
    }
  });
});

it('no planted value is in what coverage finds', async () => {
  const value = fc.stringMatching(/^[A-Za-z0-9+/=_-]{12,40}$/);
  const place = fc.constantFrom<(secret: string) => [path: string, text: string]>(
    (v) => ['.env', `DB_PASSWORD=${v}\nURL=postgres://u:${v}@db/x\n`],
    (v) => ['broken.env', `DB_PASSWORD="${v}\nnot closed ${v}\n`],
    (v) => [
      'compose.yaml',
      `services:\n  web:\n    environment: { TOKEN: "${v}" }\n    command: "--password=${v}"\n`,
    ],
    (v) => ['compose.yaml', `services: {${v}: [${v}\n  - ${v}`],
    (v) => ['k8s.yaml', `apiVersion: v1\nkind: Secret\nmetadata: { name: x }\nstringData: { a: "${v}" }\n`],
    (v) => ['kustomization.yaml', `secretGenerator:\n  - name: x\n    literals: ["p=${v}"]\n`],
    (v) => ['tls.key', `-----BEGIN PRIVATE KEY-----\n${v}${v}\n-----END PRIVATE KEY-----\n`],
    (v) => ['notes.md', `glpat-${v}\nhttps://me:${v}@git.acme.io/x\n`],
    (v) => ['deploy.sh', `export API_TOKEN='${v}'\n`],
    (v) => ['secrets/one', v],
  );
  await fc.assert(
    fc.asyncProperty(value, fc.array(place, { minLength: 1, maxLength: 6 }), async (secret, places) => {
      const root = scratch();
      const planted = `zQ9${secret}`;
      write(root, Object.fromEntries(places.map((of) => of(planted))));
      const said = JSON.stringify([
        await look([], { path: root }),
        await look([set(root, { discover: ['compose', 'dotenv'] })]),
      ]);
      expect(said).not.toContain(planted);
      expect(said).not.toContain(secret);
    }),
    { numRuns: 60 },
  );
});
