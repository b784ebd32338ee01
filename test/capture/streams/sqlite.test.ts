// SQLite databases: what comes back after a dump, a loss and a load, whoever writes meanwhile; and what is refused.
// Real databases and the real sqlite3.

import { execFileSync, spawn } from 'node:child_process';
import {
  chmodSync,
  chownSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { afterAll, beforeEach, describe, expect, it } from 'vitest';
import type { DumpOptions, Stream, StreamError } from '../../../src/capture/stream.ts';
import { sqlite } from '../../../src/capture/streams/sqlite.ts';
import { describeStream } from '../../contract/stream.ts';

const scratch = mkdtempSync(join(tmpdir(), 'strongroom-sqlite-'));
afterAll(() => rmSync(scratch, { recursive: true, force: true }));

let root = '';
let count = 0;
beforeEach(() => {
  count += 1;
  root = join(scratch, String(count));
  mkdirSync(root);
});

const sql = (file: string, ...statements: string[]): string =>
  execFileSync('sqlite3', ['-batch', '-bail', '-init', '/dev/null', join(root, file)], {
    input: statements.join('\n'),
    encoding: 'utf8',
    stdio: ['pipe', 'pipe', 'pipe'],
  });

const open = (settings: Record<string, unknown> = {}, env: NodeJS.ProcessEnv = process.env): Stream =>
  sqlite.open('db', { file: 'shop.db', ...settings }, { root, env });

async function dumped(stream: Stream, options?: DumpOptions): Promise<Buffer> {
  const chunks: Buffer[] = [];
  for await (const chunk of stream.dump(options)) chunks.push(chunk);
  return Buffer.concat(chunks);
}

async function* of(...chunks: Buffer[]): AsyncGenerator<Buffer> {
  yield* chunks;
}

/** What a dump or a load failed with. */
const failure = async (work: Promise<unknown>): Promise<StreamError> => {
  const error = await work.then(
    () => undefined,
    (cause: unknown) => cause,
  );
  expect(error).toBeInstanceOf(Error);
  return error as StreamError;
};

/** A shell that stays. Resolves when it has done what it was told. */
async function shell(file: string, ...statements: string[]) {
  const child = spawn('sqlite3', ['-batch', '-init', '/dev/null', join(root, file)]);
  const told = async (...more: string[]) => {
    const done = new Promise<void>((resolve) =>
      child.stdout.on('data', (text) => String(text).includes('told') && resolve()),
    );
    child.stdin.write(`${more.join('\n')}\nSELECT 'told';\n`);
    await done;
  };
  const gone = new Promise<void>((resolve) => child.once('exit', () => resolve()));
  await told(...statements);
  return {
    told,
    child,
    async end() {
      child.stdin.end();
      await gone;
    },
  };
}

describeStream('sqlite', async () => {
  const at = join(scratch, 'contract');
  mkdirSync(at);
  execFileSync('sqlite3', [
    join(at, 'a.db'),
    'CREATE TABLE t(a);',
    'INSERT INTO t VALUES (randomblob(3000000));',
  ]);
  writeFileSync(join(at, 'b.db'), 'no database: tr0ub4dor'.repeat(500));
  return {
    open: (env, settings) =>
      sqlite.open('db', { file: 'a.db', ...settings }, { root: at, env: { ...process.env, ...env } }),
    failing: () => sqlite.open('db', { file: 'b.db' }, { root: at, env: process.env }),
    secrets: ['tr0ub4dor'],
    rehearsal: {
      asks: [
        "SELECT count(*), 'naïve' FROM t UNION ALL SELECT length(a), NULL FROM t",
        '1\tnaïve\n3000000\t',
      ],
      refused: [
        ["SELECT 'tr0ub4dor' FROM tt", /there is no such table/],
        ["SELECT 'tr0ub4dor', b FROM t", /there is no such column/],
        ["SELEC 'tr0ub4dor'", /it is no SQL/],
        ["SELECT 'tr0ub4dor", /it is no SQL|a query failed/],
        ["INSERT INTO t VALUES ('tr0ub4dor')", /it would change something/],
      ],
      long: 'SELECT hex(a) FROM t',
      endless: 'WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT count(*) FROM n',
      state: async () =>
        readdirSync(at)
          .map((file) => file + readFileSync(join(at, file), 'hex'))
          .join(),
    },
  };
});

/** Everything that a database holds, by type and byte. */
function content(file: string): string {
  const tables = sql(
    file,
    "SELECT name FROM sqlite_master WHERE type = 'table' AND sql IS NOT NULL ORDER BY name;",
  );
  const rows = tables
    .split('\n')
    .filter((name) => name !== '')
    .map((name) => `${name}\n${sql(file, '.mode quote', `SELECT * FROM "${name.replaceAll('"', '""')}";`)}`);
  return [
    sql(file, 'SELECT type, name, tbl_name, sql FROM sqlite_master ORDER BY 1, 2;'),
    ...rows,
    sql(
      file,
      'PRAGMA user_version; PRAGMA application_id; PRAGMA page_size; PRAGMA encoding; PRAGMA auto_vacuum;',
    ),
  ].join('\n');
}

const everything = [
  'PRAGMA page_size = 8192;',
  "PRAGMA encoding = 'UTF-16le';",
  'PRAGMA auto_vacuum = INCREMENTAL;',
  "CREATE TABLE kinds(id INTEGER PRIMARY KEY AUTOINCREMENT, any, label TEXT NOT NULL DEFAULT '');",
  "INSERT INTO kinds(any) VALUES (NULL), (9223372036854775807), (-9223372036854775808), (0.1), (1e999), (5e-324), (x'00ff00'), (zeroblob(100000));",
  "INSERT INTO kinds(any, label) VALUES ('a' || char(0) || 'b', 'Grüße, 世界 🗝'), ('', 'quo''te'), ('two' || char(10) || 'lines', '-- x;');",
  'DELETE FROM kinds WHERE id = 11;',
  'CREATE TABLE "we\'ird ""name"("col 1" INT, made INT GENERATED ALWAYS AS ("col 1" * 2) STORED, seen AS ("col 1" + 1));',
  'INSERT INTO "we\'ird ""name"("col 1") VALUES (21), (NULL);',
  'CREATE TABLE flat(code TEXT PRIMARY KEY, amount REAL) WITHOUT ROWID;',
  "INSERT INTO flat VALUES ('x', 0.30000000000000004), ('y', 1.7976931348623157e308);",
  'CREATE TABLE loose(a); INSERT INTO loose(rowid, a) VALUES (7, 1), (100, 2);',
  'CREATE INDEX upper_code ON flat(upper(code)) WHERE amount > 0;',
  'CREATE VIEW rich AS SELECT code FROM flat WHERE amount > 1;',
  "CREATE TRIGGER stamp AFTER INSERT ON loose BEGIN UPDATE flat SET amount = amount + 1 WHERE code = 'x'; END;",
  'CREATE VIRTUAL TABLE texts USING fts5(body);',
  "INSERT INTO texts VALUES ('the quick brown fox'), ('a slow key');",
  'ANALYZE;',
  'PRAGMA user_version = 42; PRAGMA application_id = 1234567;',
];

describe('a database', () => {
  it.each(['DELETE', 'WAL'])('with everything in it comes back as it was (%s)', async (mode) => {
    sql('shop.db', ...everything, `PRAGMA journal_mode = ${mode};`);
    const before = content('shop.db');
    const values = 'SELECT id, typeof(any), length(CAST(any AS BLOB)), hex(any) FROM kinds;';
    const kinds = sql('shop.db', values);
    const bytes = await dumped(open());
    rmSync(join(root, 'shop.db'));

    const loaded = await open().load(of(bytes), { into: 'shop.db' });

    expect(loaded.into).toBe('file shop.db');
    expect(content('shop.db')).toBe(before);
    expect(sql('shop.db', values)).toBe(kinds);
    expect(kinds).toMatch(/^9\|text\|6\|/m);
    expect(sql('shop.db', "SELECT body FROM texts WHERE texts MATCH 'key';")).toBe('a slow key\n');
    expect(sql('shop.db', 'SELECT rowid FROM loose;')).toBe('7\n100\n');
    expect(sql('shop.db', 'INSERT INTO kinds(any) VALUES (1) RETURNING id;', 'PRAGMA integrity_check;')).toBe(
      '12\nok\n',
    );
    expect(sql('shop.db', 'PRAGMA journal_mode;').trim()).toBe(mode.toLowerCase());
    expect(statSync(join(root, 'shop.db')).mode & 0o777).toBe(0o600);
    expect(readdirSync(root).filter((name) => name.startsWith('.'))).toEqual([]);
  });

  it('of random values comes back row by row', async () => {
    const value = fc.oneof(
      fc.constant('NULL'),
      fc.bigInt({ min: -(2n ** 63n) + 1n, max: 2n ** 63n - 1n }).map(String),
      fc.double({ noNaN: true, noDefaultInfinity: true }).map((x) => x.toExponential()),
      fc.uint8Array({ maxLength: 40 }).map((bytes) => `x'${Buffer.from(bytes).toString('hex')}'`),
      fc
        .string({ unit: 'grapheme', maxLength: 20 })
        .map((text) => `CAST(x'${Buffer.from(text).toString('hex')}' AS TEXT)`),
    );
    const tables = fc.array(fc.array(fc.tuple(value, value), { maxLength: 8 }), {
      minLength: 1,
      maxLength: 3,
    });
    let run = 0;
    await fc.assert(
      fc.asyncProperty(tables, fc.constantFrom('DELETE', 'WAL'), async (all, mode) => {
        run += 1;
        const [from, to] = [`from${run}.db`, `to${run}.db`];
        const rows = (file: string) =>
          all
            .map((_, i) => sql(file, `SELECT rowid, typeof(a), hex(a), typeof(b), quote(b) FROM t${i};`))
            .join();
        sql(
          from,
          `PRAGMA journal_mode = ${mode};`,
          ...all.flatMap((table, i) => [
            `CREATE TABLE t${i}(a, b);`,
            ...table.map(([a, b]) => `INSERT INTO t${i} VALUES (${a}, ${b});`),
          ]),
        );
        const stream = open({ file: from });
        await stream.load(stream.dump(), { into: to });
        expect(rows(to)).toBe(rows(from));
      }),
      { numRuns: 8 },
    );
  });

  it.each(["it's.db", '-rf.db', 'a b?mode=memory#%41.db', 'file:x.db', 'grüße"\\.db'])(
    'may be called %s',
    async (file) => {
      sql('plain.db', 'CREATE TABLE t(a); INSERT INTO t VALUES (5);');
      writeFileSync(join(root, file), readFileSync(join(root, 'plain.db')));
      const stream = open({ file });
      const loaded = await stream.load(stream.dump(), {});
      const name = loaded.into.replace(`file ${root}/`, '');
      expect(name).toMatch(/_restored_[0-9a-z]{5}\.db$/);
      expect(readFileSync(join(root, name))).toEqual(readFileSync(join(root, 'plain.db')));
      await stream.load(stream.dump(), { into: file, isLive: true });
      expect(readdirSync(root).sort()).toEqual(['plain.db', file, name].sort());
    },
  );

  it('is found behind a symbolic link, with its log', async () => {
    mkdirSync(join(root, 'data'));
    symlinkSync('data/real.db', join(root, 'shop.db'));
    const app = await shell(
      'data/real.db',
      'PRAGMA journal_mode = WAL;',
      'CREATE TABLE t(a); INSERT INTO t VALUES (7);',
    );
    writeFileSync(join(root, 'copy.db'), await dumped(open()));
    await app.end();
    expect(sql('copy.db', 'SELECT a FROM t;')).toBe('7\n');
  });

  it('that needs functions of its application is taken, and that it was not checked is said', async () => {
    // As the application would have made it: sqlite3 itself refuses to.
    sql(
      'shop.db',
      'CREATE TABLE t(a);',
      'CREATE INDEX i ON t(a COLLATE NOCASE);',
      'INSERT INTO t VALUES (1);',
      'PRAGMA writable_schema = ON;',
      "UPDATE sqlite_master SET sql = 'CREATE INDEX i ON t(a COLLATE own)' WHERE name = 'i';",
    );
    const notes: string[] = [];
    const bytes = await dumped(open(), { onNotes: (text) => notes.push(text) });
    expect(notes).toEqual(['shop.db was not checked: it needs functions of its own application']);
    expect(bytes).toEqual(readFileSync(join(root, 'shop.db')));
    expect((await open().load(of(bytes), { into: 'again.db' })).into).toBe('file again.db');
  });
});

describe('while somebody writes', () => {
  const bank = [
    'CREATE TABLE accounts(name TEXT PRIMARY KEY, amount INT);',
    "INSERT INTO accounts VALUES ('a', 100000), ('b', 0);",
    'CREATE TABLE filler(x); WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 3000) INSERT INTO filler SELECT randomblob(1000) FROM n;',
  ];
  const transfer =
    "BEGIN IMMEDIATE; UPDATE accounts SET amount = amount - 1 WHERE name = 'a'; UPDATE filler SET x = randomblob(1000) WHERE rowid = abs(random() % 3000); UPDATE accounts SET amount = amount + 1 WHERE name = 'b'; COMMIT;";

  it.each(['DELETE', 'WAL'])('money that is moved is never lost nor doubled (%s)', async (mode) => {
    sql('shop.db', ...bank, `PRAGMA journal_mode = ${mode};`);
    const writer = spawn('sqlite3', ['-batch', '-init', '/dev/null', join(root, 'shop.db')]);
    writer.stdin.on('error', () => {});
    writer.stdin.write(`.timeout 20000\nPRAGMA synchronous = OFF;\n${`${transfer}\n`.repeat(100_000)}`);
    const amounts = new Set<string>();
    try {
      for (let i = 0; i < 4; i += 1) {
        writeFileSync(join(root, 'copy.db'), await dumped(open()));
        expect(sql('copy.db', 'SELECT sum(amount) FROM accounts;', 'PRAGMA integrity_check;')).toBe(
          '100000\nok\n',
        );
        amounts.add(sql('copy.db', "SELECT amount FROM accounts WHERE name = 'b';"));
      }
      // It wrote all the time.
      expect(writer.exitCode).toBeNull();
      expect(amounts.size).toBe(4);
    } finally {
      const gone = new Promise((resolve) => writer.once('exit', resolve));
      writer.kill('SIGKILL');
      await gone;
    }
  });

  it('with a log, he goes on while a dump is read slowly, and the dump is what was there at its begin', async () => {
    sql('shop.db', ...bank, 'PRAGMA journal_mode = WAL;');
    const app = await shell('shop.db', transfer);
    const chunks: Buffer[] = [];
    for await (const chunk of open().dump()) {
      if (chunks.length === 1) {
        await app.told(...Array.from({ length: 100 }, () => transfer), 'PRAGMA wal_checkpoint(TRUNCATE);');
      }
      chunks.push(chunk);
    }
    await app.end();
    writeFileSync(join(root, 'copy.db'), Buffer.concat(chunks));
    expect(chunks.length).toBeGreaterThan(5);
    expect(sql('copy.db', "SELECT amount FROM accounts WHERE name = 'b';", 'PRAGMA integrity_check;')).toBe(
      '1\nok\n',
    );
    expect(sql('shop.db', "SELECT amount FROM accounts WHERE name = 'b';")).toBe('101\n');
  });

  it('without one, he waits until a dump is read', async () => {
    sql('shop.db', ...bank);
    const before = readFileSync(join(root, 'shop.db'));
    const chunks: Buffer[] = [];
    for await (const chunk of open().dump()) {
      if (chunks.length === 1) expect(() => sql('shop.db', transfer)).toThrow(/locked/);
      chunks.push(chunk);
    }
    expect(Buffer.concat(chunks).equals(before)).toBe(true);
    sql('shop.db', transfer);
  });

  it('what he left in the log when he was killed is in the dump', async () => {
    sql('shop.db', 'PRAGMA journal_mode = WAL;', 'CREATE TABLE t(a);');
    const app = await shell('shop.db', 'INSERT INTO t VALUES (1);');
    app.child.kill('SIGKILL');
    expect(statSync(join(root, 'shop.db-wal')).size).toBeGreaterThan(0);
    writeFileSync(join(root, 'copy.db'), await dumped(open()));
    expect(sql('copy.db', 'SELECT a FROM t;')).toBe('1\n');
  });
});

describe('no dump is complete', () => {
  it.each([
    ['without a log', 'DELETE'],
    ['with one', 'WAL'],
  ])('of a database that somebody holds (%s)', async (_, mode) => {
    sql('shop.db', `PRAGMA journal_mode = ${mode};`, 'CREATE TABLE t(a);');
    const app = await shell(
      'shop.db',
      'PRAGMA locking_mode = EXCLUSIVE;',
      'BEGIN EXCLUSIVE;',
      'INSERT INTO t VALUES (1);',
    );
    const began = performance.now();
    const error = await failure(dumped(open({ busy: '1s' })));
    expect(performance.now() - began).toBeGreaterThan(900);
    await app.end();
    expect([error.code, error.exitCode, error.message]).toEqual([
      'stream-locked',
      1,
      'stream db: shop.db stayed locked by somebody else',
    ]);
    // And free again.
    expect((await dumped(open())).length).toBeGreaterThan(0);
  });

  it('of a log that an old reader keeps', async () => {
    sql('shop.db', 'PRAGMA journal_mode = WAL;', 'CREATE TABLE t(a);');
    const reader = await shell('shop.db', 'BEGIN;', 'SELECT * FROM t;');
    const app = await shell('shop.db', 'INSERT INTO t VALUES (1);');
    const later = await shell('shop.db', 'BEGIN;', 'SELECT * FROM t;');
    await app.told('INSERT INTO t VALUES (2);');
    const error = await failure(dumped(open({ busy: '1s' })));
    expect([error.code, error.message]).toEqual([
      'stream-locked',
      'stream db: shop.db has a reader that does not end',
    ]);
    for (const child of [reader, later]) await child.end();
    writeFileSync(join(root, 'copy.db'), await dumped(open()));
    await app.end();
    expect(sql('copy.db', 'SELECT a FROM t;')).toBe('1\n2\n');
  });

  it.each<[string, Buffer | undefined, string, RegExp]>([
    ['what is not there', undefined, 'stream-failed', /shop\.db is not there/],
    ['what is empty', Buffer.alloc(0), 'stream-failed', /shop\.db is empty/],
    ['what is no database', Buffer.alloc(8192, 'no database'), 'stream-failed', /is not an SQLite database/],
  ])('of %s, and nothing is made', async (_, bytes, code, message) => {
    if (bytes) writeFileSync(join(root, 'shop.db'), bytes);
    const error = await failure(dumped(open()));
    expect(error.code).toBe(code);
    expect(error.message).toMatch(message);
    expect(readdirSync(root)).toEqual(bytes ? ['shop.db'] : []);
  });

  it.each(['a directory', 'a pipe'])('of %s', async (what) => {
    if (what === 'a pipe') execFileSync('mkfifo', [join(root, 'shop.db')]);
    else mkdirSync(join(root, 'shop.db'));
    expect((await failure(dumped(open()))).message).toBe('stream db: shop.db is not a regular file');
  });

  it('of a damaged one, and what there is of it is kept', async () => {
    sql(
      'shop.db',
      'CREATE TABLE t(a PRIMARY KEY, b);',
      "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 5000) INSERT INTO t SELECT i, 'a secret' FROM n;",
    );
    const bytes = readFileSync(join(root, 'shop.db'));
    bytes.fill(0xff, 40_960, 45_056);
    writeFileSync(join(root, 'shop.db'), bytes);
    const chunks: Buffer[] = [];
    const error = await failure(
      (async () => {
        for await (const chunk of open().dump()) chunks.push(chunk);
      })(),
    );
    expect([error.code, error.exitCode]).toEqual(['stream-unfinished', 1]);
    expect(error.stderr).toMatch(/page|row/i);
    expect(`${error.stderr}${error.message}`).not.toContain('secret');
    expect(Buffer.concat(chunks).equals(bytes)).toBe(true);
  });

  it('of one that is written to past its lock, or put in another’s place', async () => {
    for (const how of ['written', 'replaced']) {
      sql('shop.db', 'CREATE TABLE IF NOT EXISTS t(a);', 'INSERT INTO t VALUES (zeroblob(2000000));');
      const error = await failure(
        (async () => {
          let chunks = 0;
          for await (const _ of open().dump()) {
            chunks += 1;
            if (chunks !== 2) continue;
            const bytes = readFileSync(join(root, 'shop.db'));
            if (how === 'replaced') rmSync(join(root, 'shop.db'));
            writeFileSync(join(root, 'shop.db'), bytes);
          }
        })(),
      );
      expect([how, error.code, error.message]).toEqual([
        how,
        'stream-unfinished',
        'stream db: shop.db changed while it was read',
      ]);
    }
  });

  it('without sqlite3', async () => {
    sql('shop.db', 'CREATE TABLE t(a);');
    const error = await failure(dumped(open({}, { PATH: root })));
    expect([error.code, error.message, error.exitCode]).toEqual([
      'tool-missing',
      'stream db: sqlite3 is not installed',
      1,
    ]);
    expect(error.hint).toContain('sqlite3');
  });

  it.each([
    ['is killed', 'kill -9 $$', 'stream-failed'],
    ['ends too soon', 'exit 0', 'stream-failed'],
    ['hangs', 'sleep 30', 'stream-timeout'],
  ])('when sqlite3 %s after it was asked to check', async (_, then, code) => {
    sql('shop.db', 'CREATE TABLE t(a);');
    const bin = join(root, 'bin');
    mkdirSync(bin);
    // The real one until then.
    const script = `#!/bin/bash\nset -o pipefail\nwhile IFS= read -r line; do case "$line" in *integrity_check*) ${then};; esac; printf '%s\\n' "$line"; done | exec ${execFileSync('which', ['sqlite3'], { encoding: 'utf8' }).trim()} "$@"\n`;
    writeFileSync(join(bin, 'sqlite3'), script);
    chmodSync(join(bin, 'sqlite3'), 0o755);
    const error = await failure(
      dumped(open({ timeout: '1s' }, { ...process.env, PATH: `${bin}:${process.env.PATH}` })),
    );
    expect(error.code).toBe(code);
  });
});

describe('an end that is asked for', () => {
  it('ends the reader, be it by a signal or as nobody reads on', async () => {
    sql('shop.db', 'CREATE TABLE t(a);', 'INSERT INTO t VALUES (zeroblob(3000000));');
    for await (const _ of open().dump()) break;
    sql('shop.db', 'INSERT INTO t VALUES (1);');
    const stop = new AbortController();
    const error = await failure(
      (async () => {
        for await (const _ of open().dump({ signal: stop.signal })) stop.abort();
      })(),
    );
    expect(error.code).toBe('interrupted');
    sql('shop.db', 'INSERT INTO t VALUES (1);');
  });

  it('is heard while a lock is waited for', async () => {
    sql('shop.db', 'CREATE TABLE t(a);');
    const app = await shell('shop.db', 'BEGIN EXCLUSIVE;');
    const error = await failure(dumped(open(), { signal: AbortSignal.timeout(200) }));
    await app.end();
    expect(error.code).toBe('interrupted');
  });
});

describe('a load', () => {
  const bytesOf = async (value: string): Promise<Buffer> => {
    sql(
      'from.db',
      'CREATE TABLE IF NOT EXISTS t(a);',
      'DELETE FROM t;',
      `INSERT INTO t VALUES ('${value}');`,
    );
    return await dumped(open({ file: 'from.db' }));
  };

  it('over a live database is seen by those who have it open, and its log is no danger', async () => {
    const bytes = await bytesOf('restored');
    const app = await shell(
      'shop.db',
      'PRAGMA journal_mode = WAL;',
      "CREATE TABLE t(a); INSERT INTO t VALUES ('live');",
      'SELECT * FROM t;',
    );
    chmodSync(join(root, 'shop.db'), 0o640);
    await open().load(of(bytes), { into: 'shop.db', isLive: true });
    await app.told("INSERT INTO t VALUES ('later');");
    await app.end();
    expect(sql('shop.db', 'SELECT a FROM t;', 'PRAGMA integrity_check;')).toBe('restored\nlater\nok\n');
    expect(statSync(join(root, 'shop.db')).mode & 0o777).toBe(0o640);
    expect(readdirSync(root).sort()).toEqual(['from.db', 'shop.db']);
  });

  it('over a live database that is held changes nothing', async () => {
    const bytes = await bytesOf('restored');
    sql('shop.db', "CREATE TABLE t(a); INSERT INTO t VALUES ('live');");
    const app = await shell('shop.db', 'BEGIN EXCLUSIVE;');
    const error = await failure(open({ busy: '1s' }).load(of(bytes), { into: 'shop.db', isLive: true }));
    await app.end();
    expect(error.code).toBe('stream-locked');
    expect(sql('shop.db', 'SELECT a FROM t;')).toBe('live\n');
    expect(readdirSync(root).sort()).toEqual(['from.db', 'shop.db']);
  });

  it.each(['shop.db', 'shop.db-wal', 'shop.db-journal'])(
    'to a new file is refused when there is %s',
    async (there) => {
      const bytes = await bytesOf('restored');
      writeFileSync(join(root, there), 'old');
      const error = await failure(open().load(of(bytes), { into: 'shop.db' }));
      expect([error.code, error.exitCode, error.message]).toEqual([
        'target-exists',
        11,
        `there is a file ${there} already`,
      ]);
      expect(readFileSync(join(root, there), 'utf8')).toBe('old');
      expect(readdirSync(root).sort()).toEqual(['from.db', there]);
    },
  );

  it.each<[string, (bytes: Buffer) => Buffer, string]>([
    ['is cut off', (bytes) => bytes.subarray(0, bytes.length - 4096), 'stream-unfinished'],
    ['is no database', () => Buffer.alloc(8192, 'x'), 'stream-unfinished'],
    ['is empty', () => Buffer.alloc(0), 'stream-empty'],
  ])('of what %s leaves nothing', async (_, harm, code) => {
    const bytes = harm(await bytesOf('x'.repeat(20_000)));
    sql('shop.db', "CREATE TABLE t(a); INSERT INTO t VALUES ('live');");
    for (const options of [{ into: 'new.db' }, { into: 'shop.db', isLive: true }]) {
      expect((await failure(open().load(of(bytes), options))).code).toBe(code);
    }
    expect(readdirSync(root).sort()).toEqual(['from.db', 'shop.db']);
    expect(sql('shop.db', 'SELECT a FROM t;')).toBe('live\n');
  });

  it('runs nothing that is in a dump', async () => {
    sql(
      'from.db',
      'CREATE TABLE t(a CHECK (a > 0)); INSERT INTO t VALUES (1);',
      'PRAGMA writable_schema = ON;',
      `UPDATE sqlite_master SET sql = 'CREATE TABLE t(a CHECK (writefile(''${join(root, 'pwned')}'', a)))';`,
    );
    const bytes = await dumped(open({ file: 'from.db' }));
    await open().load(of(bytes), { into: 'new.db' });
    expect(readdirSync(root).sort()).toEqual(['from.db', 'new.db']);
  });
});

describe('a database in somebody else’s directory', () => {
  const isRoot = process.getuid?.() === 0;
  const NOBODY = 65534;

  /** A journal that asks for recovery, and names a further one to be removed then (sqlite.org/fileformat2.html, section 3). */
  function hotJournal(superJournal: string): Buffer {
    const name = Buffer.from(superJournal);
    const header = Buffer.alloc(512);
    Buffer.from('d9d505f920a163d7', 'hex').copy(header);
    header.writeUInt32BE(0, 8);
    header.writeUInt32BE(1, 16);
    header.writeUInt32BE(512, 20);
    header.writeUInt32BE(4096, 24);
    const end = Buffer.alloc(16);
    end.writeUInt32BE(name.length, 0);
    end.writeUInt32BE(
      [...name].reduce((sum, byte) => sum + byte, 0),
      4,
    );
    Buffer.from('d9d505f920a163d7', 'hex').copy(end, 8);
    const page = Buffer.alloc(4);
    page.writeUInt32BE(0x40000000 / 4096 + 1);
    return Buffer.concat([header, page, name, end]);
  }

  it.skipIf(!isRoot)(
    'is opened with that one’s rights: a journal that he made up removes nothing of root’s',
    async () => {
      const precious = join(scratch, 'precious');
      writeFileSync(precious, 'of root', { mode: 0o600 });
      chmodSync(scratch, 0o755);
      chmodSync(root, 0o755);
      mkdirSync(join(root, 'app'));
      sql('app/shop.db', 'CREATE TABLE t(a); INSERT INTO t VALUES (1);');
      writeFileSync(join(root, 'app/shop.db-journal'), hotJournal(precious));
      for (const path of ['app', 'app/shop.db', 'app/shop.db-journal'])
        chownSync(join(root, path), NOBODY, NOBODY);
      await dumped(open({ file: 'app/shop.db' })).catch(() => {});
      expect(readFileSync(precious, 'utf8')).toBe('of root');
    },
  );

  it.skipIf(!isRoot)('comes back over the live one with that one’s rights', async () => {
    chmodSync(scratch, 0o755);
    chmodSync(root, 0o755);
    mkdirSync(join(root, 'app'));
    sql('app/shop.db', 'CREATE TABLE t(a); INSERT INTO t VALUES (1);');
    for (const path of ['app', 'app/shop.db']) chownSync(join(root, path), NOBODY, NOBODY);
    const bytes = await dumped(open({ file: 'app/shop.db' }));
    sql('app/shop.db', 'DELETE FROM t;');
    await open({ file: 'app/shop.db' }).load(of(bytes), { into: 'app/shop.db', isLive: true });
    expect(sql('app/shop.db', 'SELECT a FROM t;')).toBe('1\n');
    expect(statSync(join(root, 'app/shop.db')).uid).toBe(NOBODY);
    expect(readdirSync(join(root, 'app'))).toEqual(['shop.db']);
  });

  it.skipIf(!isRoot)('is not opened at all where the file is root’s', async () => {
    mkdirSync(join(root, 'app'));
    sql('app/shop.db', 'CREATE TABLE t(a);');
    chmodSync(join(root, 'app'), 0o777);
    const error = await failure(dumped(open({ file: 'app/shop.db' })));
    expect(error.message).toBe("stream db: app/shop.db is root's, in a directory that others can write to");
  });

  it('that a link leads out of the root is refused, whichever part is the link', async () => {
    const other = mkdtempSync(join(tmpdir(), 'strongroom-other-'));
    try {
      execFileSync('sqlite3', [join(other, 'private.db')], { input: 'CREATE TABLE t(a);' });
      symlinkSync(join(other, 'private.db'), join(root, 'shop.db'));
      symlinkSync(other, join(root, 'data'));
      for (const file of ['shop.db', 'data/private.db', 'data/../data/private.db']) {
        const error = await failure(dumped(open({ file })));
        expect(error.message).toContain('behind a symbolic link out of the root');
      }
      expect((await dumped(open({ file: join(other, 'private.db') }))).length).toBeGreaterThan(0);
    } finally {
      rmSync(other, { recursive: true });
    }
  });
});

describe('in a drill', () => {
  const rehearsed = async (bytes: Buffer) => {
    const directory = join(root, 'drill');
    mkdirSync(directory);
    const { rehearse } = sqlite.open(
      'db',
      { file: 'shop.db' },
      { root: join(root, 'gone'), env: process.env },
    );
    if (!rehearse) throw new Error('cannot be rehearsed');
    return { directory, rehearsal: await rehearse(of(bytes), { directory }) };
  };

  it('lets nothing of the dump reach other files, and is read as it is', async () => {
    const mark = join(root, 'written');
    sql(
      'shop.db',
      'CREATE TABLE t(a); INSERT INTO t VALUES (1), (2);',
      `CREATE VIEW trades AS SELECT writefile('${mark}', 'x') AS a FROM t;`,
      "CREATE VIEW read AS SELECT readfile('/etc/passwd') AS a;",
      `CREATE VIRTUAL TABLE archive USING zipfile('${join(root, 'other.zip')}');`,
    );
    writeFileSync(join(root, 'other.zip'), '');
    const { directory, rehearsal } = await rehearsed(await dumped(open()));
    expect(await rehearsal.query('SELECT count(*) FROM t')).toBe('2');
    for (const view of ['trades', 'read']) {
      const error = await failure(rehearsal.query(`SELECT sum(a) FROM ${view}`));
      expect(error.message).toContain('calls a function that reaches other files');
      expect(error.stderr).toBe('');
    }
    const error = await failure(rehearsal.query('SELECT count(*) FROM archive'));
    expect(error.message).toContain('it needs what sqlite3 does not have');
    expect(readdirSync(root).sort()).toEqual(['drill', 'other.zip', 'shop.db']);
    await rehearsal.drop();
    expect(readdirSync(directory)).toEqual([]);
  });

  it('takes no file for whole that lacks some of its last page', async () => {
    sql('shop.db', 'CREATE TABLE t(a); INSERT INTO t VALUES (randomblob(100000));');
    const bytes = await dumped(open());
    for (const end of [bytes.length - 1, bytes.length - 3000, bytes.length - 4096]) {
      const loading = open().load(of(bytes.subarray(0, end)), { into: 'cut.db' });
      expect((await failure(loading)).code, String(end)).toBe('stream-unfinished');
    }
  });
});
