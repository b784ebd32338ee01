// DuckDB databases: what comes back after a dump, a loss and a load; and that one which somebody writes is left alone.
// Real databases and the real engine, in processes of their own: its locks are between processes.

import { execFileSync, spawn, spawnSync } from 'node:child_process';
import {
  copyFileSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import type { DumpOptions, Stream, StreamError } from '../../../src/capture/stream.ts';
import { duckdb, duckdbBy } from '../../../src/capture/streams/duckdb.ts';
import { programEngine } from '../../../src/capture/streams/duckdb-shell.ts';
import { describeStream, inChunks, whole } from '../../contract/stream.ts';

const api = createRequire(import.meta.url).resolve('@duckdb/node-api');
const scratch = mkdtempSync(join(tmpdir(), 'strongroom-duckdb-'));
const bin = join(scratch, 'bin');
let root = '';
let count = 0;

beforeAll(() => {
  mkdirSync(bin);
  root = scratch;
  sql('everything.duckdb', ...everything);
  // Debian has no duckdb: where there is none, what stands in for it takes its flags and reads SQL line by line.
  if (spawnSync('duckdb', ['-version']).status === 0) return;
  writeFileSync(join(bin, 'duckdb'), STAND_IN, { mode: 0o755 });
});
afterAll(() => rmSync(scratch, { recursive: true, force: true }));
beforeEach(() => {
  count += 1;
  root = join(scratch, String(count));
  mkdirSync(root);
});

const STAND_IN = `#!${process.execPath}
const flags = ['-readonly', '-batch', '-bail', '-init', '/dev/null', '-list', '-noheader', '-separator', '\\t'];
const [file, ...more] = process.argv.slice(2).filter((word) => !flags.includes(word));
if (more.length > 0) { process.stderr.write('unknown option\\n'); process.exit(1); }
const { DuckDBInstance } = require(${JSON.stringify(api)});
(async () => {
  const connection = await (await DuckDBInstance.create(file, { access_mode: 'READ_ONLY' })).connect();
  let statement = '';
  const run = async () => {
    for (const row of (await connection.runAndReadAll(statement)).getRows()) process.stdout.write(row.join('\\t') + '\\n');
    statement = '';
  };
  for await (const line of require('node:readline').createInterface({ input: process.stdin })) {
    statement += line + '\\n';
    if (/;\\s*$/.test(statement)) await run();
  }
  if (statement.trim() !== '') await run();
  process.stdout.end(() => process.exit(0));
})().catch((error) => process.stderr.write('Error: ' + error.message + '\\n', () => process.exit(1)));
`;

const CLIENT = `
const { DuckDBInstance } = require(${JSON.stringify(api)});
const [file, ...statements] = process.argv.slice(1);
(async () => {
  const instance = await DuckDBInstance.create(file);
  const connection = await instance.connect();
  for (const statement of statements) {
    const rows = (await connection.runAndReadAll(statement)).getRowsJson();
    if (rows.length > 0) console.log(JSON.stringify(rows));
  }
  // Held by the timer: what nobody can reach any more is collected, and its lock with it.
  if (process.env.STAYS) { console.log('stays'); setInterval(() => void [instance, connection], 1000); }
  else { connection.closeSync(); instance.closeSync(); process.exit(0); }
})();
`;

/** Does as it is told, as the one writer, and closes the database. */
const sql = (file: string, ...statements: string[]): string =>
  execFileSync(process.execPath, ['-e', CLIENT, join(root, file), ...statements], {
    encoding: 'utf8',
    stdio: ['ignore', 'pipe', 'pipe'],
  });

/** A writer that stays until it is killed. */
async function writer(file: string, ...statements: string[]): Promise<{ killed(): Promise<void> }> {
  const child = spawn(process.execPath, ['-e', CLIENT, join(root, file), ...statements], {
    env: { ...process.env, STAYS: 'yes' },
  });
  await new Promise<void>((resolve) =>
    child.stdout.on('data', (text) => String(text).includes('stays') && resolve()),
  );
  return {
    async killed() {
      const gone = new Promise<void>((resolve) => child.once('exit', () => resolve()));
      child.kill('SIGKILL');
      await gone;
    },
  };
}

/** The database with everything in it. */
const shop = (): void => copyFileSync(join(scratch, 'everything.duckdb'), join(root, 'shop.duckdb'));

const open = (settings: Record<string, unknown> = {}): Stream =>
  duckdb.open('olap', { file: 'shop.duckdb', ...settings }, { root, env: process.env });

const dumped = (stream: Stream, options?: DumpOptions): Promise<Buffer> => whole(stream.dump(options));

async function failure(work: Promise<unknown>): Promise<StreamError> {
  const error = await work.then(
    () => undefined,
    (cause: unknown) => cause,
  );
  expect(error).toBeInstanceOf(Error);
  return error as StreamError;
}

const everything = [
  "CREATE TYPE mood AS ENUM ('sad', 'glad')",
  `CREATE TABLE kinds(id BIGINT PRIMARY KEY, h HUGEINT, d DOUBLE, m DECIMAL(38, 10), t VARCHAR, b BLOB, u UUID,
    moment TIMESTAMPTZ, span INTERVAL, feeling mood, s STRUCT(a INT, l VARCHAR[]), k MAP(VARCHAR, INT), arr INT[3],
    bits BIT, un UNION(n INT, w VARCHAR), j JSON)`,
  `INSERT INTO kinds VALUES
    (9223372036854775807, -170141183460469231731687303715884105727, 0.1::DOUBLE + 0.2::DOUBLE, 1.0000000001,
     'Grüße, 世界' || chr(0) || chr(10) || 'x', '\\x00\\xFF'::BLOB, '00000000-0000-4000-8000-000000000001',
     '2026-11-20 05:58:12+00', INTERVAL '1 month 2 days', 'glad', {'a': 1, 'l': ['x', NULL]}, MAP {'k': 1}, [1, 2, 3],
     '1010'::BIT, 'w'::VARCHAR, '{"a": [1]}'),
    (-1, NULL, 'nan', NULL, '', NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, 3, NULL)`,
  'CREATE TABLE made(a INT, twice INT GENERATED ALWAYS AS (a * 2))',
  'INSERT INTO made VALUES (21)',
  'CREATE SCHEMA "we""ird"',
  `CREATE TABLE "we""ird"."two\nlines; it's" AS SELECT 1 AS "hash ""x"""`,
  'CREATE SEQUENCE ids START 7',
  "SELECT nextval('ids')",
  "CREATE VIEW glad AS SELECT id FROM kinds WHERE feeling = 'glad'",
  'CREATE MACRO twice(x) AS x * 2',
  'CREATE INDEX by_text ON kinds(t)',
  'CREATE TABLE large AS SELECT range AS n, hash(range)::VARCHAR AS v FROM range(100000)',
];
const content = [
  'FROM kinds ORDER BY id',
  'FROM made',
  `FROM "we""ird"."two\nlines; it's"`,
  'FROM glad',
  'SELECT twice(4)',
  'SELECT count(*), sum(n), bit_xor(hash(v)) FROM large',
  'SELECT table_name, sql FROM duckdb_tables() ORDER BY 1',
  'SELECT index_name, sql FROM duckdb_indexes() ORDER BY 1',
  'SELECT last_value FROM duckdb_sequences()',
];

describeStream('duckdb', async () => {
  const kind = duckdbBy(() => programEngine);
  const at = join(scratch, 'contract');
  mkdirSync(at);
  execFileSync(process.execPath, [
    '-e',
    CLIENT,
    join(at, 'a.duckdb'),
    'CREATE TABLE t AS SELECT hash(range) AS n FROM range(300000)',
  ]);
  writeFileSync(join(at, 'b.duckdb'), 'no database');
  const env = { ...process.env, PATH: `${bin}:${process.env.PATH}` };
  return {
    open: (more, settings) =>
      kind.open('olap', { file: 'a.duckdb', ...settings }, { root: at, env: { ...env, ...more } }),
    failing: () => kind.open('olap', { file: 'b.duckdb' }, { root: at, env }),
    secrets: ['no secret is in it'],
    rehearsal: {
      asks: [
        "SELECT count(*), 'naïve' FROM t UNION ALL SELECT 1, 'x' ORDER BY 1 DESC",
        '300000\tnaïve\n1\tx',
      ],
      refused: [
        ["SELECT 'no secret is in it' FROM tt", /there is no such table/],
        ["SELECT 'no secret is in it', b FROM t", /there is no such column/],
        ["SELEC 'no secret is in it'", /it is no SQL/],
        ["SELECT 'no secret is in it'::INT", /a query failed/],
        ["SELECT 'no secret is in it' FROM read_text('/etc/passwd')", /reaches other files/],
        ["INSERT INTO t VALUES (length('no secret is in it'))", /it would change something/],
      ],
      long: 'FROM t',
      endless: 'SELECT count(*) FROM t a, t b, t c WHERE xor(a.n, b.n) > c.n',
      state: async () =>
        readdirSync(at)
          .map((file) => file + readFileSync(join(at, file), 'hex'))
          .join(),
    },
  };
});

describe('a database', () => {
  it.each(['package', 'program'])(
    'with everything in it comes back as it was (by DuckDB’s %s)',
    async (by) => {
      shop();
      const before = sql('shop.duckdb', ...content);
      const env = { ...process.env, PATH: `${bin}:${process.env.PATH}` };
      const kind = by === 'package' ? duckdb : duckdbBy(() => programEngine);
      const stream = kind.open('olap', { file: 'shop.duckdb' }, { root, env });
      const notes: string[] = [];
      const bytes = await dumped(stream, { onNotes: (note) => notes.push(note) });
      expect(notes).toEqual([]);
      rmSync(join(root, 'shop.duckdb'));

      expect(await stream.load(inChunks(bytes), { into: 'shop.duckdb' })).toEqual({
        into: 'file shop.duckdb',
      });

      expect(statSync(join(root, 'shop.duckdb')).mode & 0o777).toBe(0o600);
      expect(readdirSync(root)).toEqual(['shop.duckdb']);
      expect(sql('shop.duckdb', ...content)).toBe(before);
      expect(before).toContain('170141183460469231731687303715884105727');
      expect(sql('shop.duckdb', "SELECT nextval('ids')")).toBe('[["8"]]\n');
    },
  );

  it('goes to a new name of its own where none was given', async () => {
    shop();
    const { into } = await open().load(open().dump(), {});
    expect(into).toMatch(/^file .*shop_restored_[0-9a-z]{5}\.duckdb$/);
    const bytes = readFileSync(into.replace('file ', ''));
    expect(bytes.equals(readFileSync(join(root, 'shop.duckdb')))).toBe(true);
  });

  it('lets no writer in while it is read, and other readers', async () => {
    shop();
    let chunks = 0;
    for await (const _ of open().dump()) {
      chunks += 1;
      if (chunks !== 2) continue;
      expect(() => sql('shop.duckdb', 'SELECT 1')).toThrow(/Conflicting lock/);
      expect((await dumped(open())).length).toBeGreaterThan(0);
    }
    expect(chunks).toBeGreaterThan(2);
    sql('shop.duckdb', 'SELECT 1');
  });
});

describe('no dump is complete', () => {
  it('of a database that a writer holds, and it is not read at all', async () => {
    const app = await writer('shop.duckdb', 'CREATE TABLE t AS SELECT 1 AS a');
    let bytes = 0;
    const error = await failure(
      (async () => {
        for await (const chunk of open().dump()) bytes += chunk.length;
      })(),
    );
    await app.killed();
    expect([error.code, error.exitCode, error.message, bytes]).toEqual([
      'stream-locked',
      1,
      'stream olap: shop.duckdb is open for writing',
      0,
    ]);
  });

  it.each(['its own name', 'a link'])('of one whose log is not in it yet, by %s', async (how) => {
    mkdirSync(join(root, 'data'));
    const app = await writer('data/shop.duckdb', 'CREATE TABLE t AS SELECT 1 AS a');
    await app.killed();
    if (how === 'a link') symlinkSync('data/shop.duckdb', join(root, 'link.duckdb'));
    const stream = open({ file: how === 'a link' ? 'link.duckdb' : 'data/shop.duckdb' });
    const error = await failure(dumped(stream));
    expect([error.code, error.exitCode]).toEqual(['stream-unfinished', 1]);
    expect(error.hint).toContain('CHECKPOINT');
    // What the hint says.
    sql('data/shop.duckdb', 'CHECKPOINT');
    expect((await dumped(stream)).length).toBeGreaterThan(0);
  });

  it.each([
    ['what is not there', undefined, /is not there/],
    ['what is empty', Buffer.alloc(0), /is empty/],
    ['what is no database', Buffer.alloc(20_000, 'x'), /cannot be opened by DuckDB/],
  ])('of %s', async (_, bytes, message) => {
    if (bytes) writeFileSync(join(root, 'shop.duckdb'), bytes);
    const error = await failure(dumped(open()));
    expect(error.code).toBe('stream-failed');
    expect(error.message).toMatch(message);
  });

  it('of a damaged one, and what there is of it is kept', async () => {
    shop();
    const bytes = readFileSync(join(root, 'shop.duckdb'));
    const at = 4096 * 3 + 262_144 + 1000;
    bytes[at] = (bytes[at] ?? 0) ^ 0xff;
    writeFileSync(join(root, 'shop.duckdb'), bytes);
    const chunks: Buffer[] = [];
    const error = await failure(
      (async () => {
        for await (const chunk of open().dump()) chunks.push(chunk);
      })(),
    );
    expect([error.code, error.message]).toEqual([
      'stream-unfinished',
      'stream olap: shop.duckdb is damaged, as DuckDB finds',
    ]);
    expect(Buffer.concat(chunks).equals(bytes)).toBe(true);
  });

  it('when it takes too long, and the reader is gone', async () => {
    shop();
    const error = await failure(
      (async () => {
        let chunks = 0;
        for await (const _ of open({ timeout: '1s' }).dump()) {
          chunks += 1;
          if (chunks === 1) await new Promise((resolve) => setTimeout(resolve, 1200));
        }
      })(),
    );
    expect(error.code).toBe('stream-timeout');
    sql('shop.duckdb', 'SELECT 1');
  });
});

describe('a load', () => {
  it('over a live database takes its place, with nothing of its log', async () => {
    shop();
    const bytes = await dumped(open());
    rmSync(join(root, 'shop.duckdb'));
    const app = await writer('shop.duckdb', "CREATE TABLE t AS SELECT 'live' AS a");
    const error = await failure(open().load(inChunks(bytes), { into: 'shop.duckdb', isLive: true }));
    expect(error.code).toBe('stream-locked');
    await app.killed();
    expect(statSync(join(root, 'shop.duckdb.wal')).size).toBeGreaterThan(0);
    await open().load(inChunks(bytes), { into: 'shop.duckdb', isLive: true });
    expect(readdirSync(root)).toEqual(['shop.duckdb']);
    expect(readFileSync(join(root, 'shop.duckdb')).equals(bytes)).toBe(true);
  });

  it.each(['shop.duckdb', 'shop.duckdb.wal'])('to a new file is refused when there is %s', async (there) => {
    writeFileSync(join(root, there), 'old');
    const error = await failure(open().load(inChunks(Buffer.from('new')), { into: 'shop.duckdb' }));
    expect([error.code, error.exitCode]).toEqual(['target-exists', 11]);
    expect(readdirSync(root)).toEqual([there]);
    expect(readFileSync(join(root, there), 'utf8')).toBe('old');
  });

  it.each<[string, (bytes: Buffer) => Buffer, string]>([
    ['is cut off', (bytes) => bytes.subarray(0, bytes.length - 300_000), 'stream-unfinished'],
    ['is no database', () => Buffer.alloc(20_000, 'x'), 'stream-failed'],
    ['is empty', () => Buffer.alloc(0), 'stream-empty'],
  ])('of what %s leaves nothing', async (_, harm, code) => {
    shop();
    const bytes = readFileSync(join(root, 'shop.duckdb'));
    for (const options of [{ into: 'new.duckdb' }, { into: 'shop.duckdb', isLive: true }]) {
      expect((await failure(open().load(inChunks(harm(bytes)), options))).code).toBe(code);
    }
    expect(readdirSync(root)).toEqual(['shop.duckdb']);
    expect(readFileSync(join(root, 'shop.duckdb')).equals(bytes)).toBe(true);
  });
});

describe('in a drill', () => {
  it.each(['package', 'program'])(
    'lets no view of the dump read other files (by DuckDB’s %s)',
    async (by) => {
      writeFileSync(join(root, 'other'), 'hunter2');
      const other = join(root, 'other');
      sql(
        'shop.duckdb',
        'CREATE TABLE t AS SELECT range AS n FROM range(1000)',
        `CREATE VIEW trades AS SELECT content FROM read_text('${other}')`,
      );
      const env = { ...process.env, PATH: `${bin}:${process.env.PATH}` };
      const kind = by === 'package' ? duckdb : duckdbBy(() => programEngine);
      const bytes = await dumped(open());
      const directory = join(root, 'drill');
      mkdirSync(directory);
      // The root of the set is not there.
      const stream = kind.open('olap', { file: 'shop.duckdb' }, { root: join(root, 'gone'), env });
      const rehearsal = await stream.rehearse?.(inChunks(bytes), { directory });
      if (!rehearsal) throw new Error('cannot be rehearsed');
      expect(await rehearsal.query('SELECT count(*),\n  max(n)\nFROM t;\n')).toBe('1000\t999');
      for (const query of ['FROM trades', `FROM read_text('${other}')`]) {
        expect((await failure(rehearsal.query(query))).message).toContain(
          'what it reads reaches other files',
        );
      }
      for (const query of [
        'SET enable_external_access = true',
        `COPY t TO '${join(root, 'made')}'`,
        `ATTACH '${join(root, 'made')}' AS made`,
        'CREATE TABLE more(a INT)',
      ]) {
        expect((await failure(rehearsal.query(query))).code, query).toBe('stream-failed');
      }
      await rehearsal.drop();
      expect(readdirSync(directory)).toEqual([]);
      expect(readdirSync(root).sort()).toEqual(['drill', 'other', 'shop.duckdb']);
    },
  );
});
