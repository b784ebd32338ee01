// Databases in a snapshot, through the whole program: dumped, destroyed, loaded again and compared row by row; and what a
// dump that fails leaves. Each of them is a real server, or the real engine.
import { execFileSync, spawn } from 'node:child_process';
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { type Server, skipFor, startMariadb, startPostgres, startRedis } from '../support/databases.ts';
import { type Machine, type Message, machines, type RunOptions } from '../support/program.ts';

const machine = machines();
const isRoot = process.getuid?.() === 0;
const SECRET = 'pg-app-s3cret-value-91x';
/** In the environment file as a password has it: with what a shell and an address would stumble over. */
const ODD = `p@ss:w/ord'${SECRET}`;

let web: Machine;
let vault: string;
let opens: RunOptions;

beforeEach(async () => {
  web = machine('db-1');
  vault = join(web.directory, 'vault');
  const me = await web.identity();
  opens = { env: { STRONGROOM_IDENTITY_FILE: me.file } };
  await web.ok(['init', '--location', vault, '--name', 'shop', '--recipient', me.recipient]);
});

/** The settings with this one set, of streams alone. */
function configure(streams: object): void {
  const path = join(web.work, 'strongroom.yaml');
  const text = readFileSync(path, 'utf8').replace(/^sets:[\s\S]*/m, '');
  rmSync(path);
  writeFileSync(path, `${text}sets: ${JSON.stringify({ db: { streams } })}\n`, { mode: 0o644 });
}

const backUp = async (code = 0): Promise<Message> => (await web.ok(['backup', '--json'], { code })).summary();
const list = async () =>
  (await web.ok(['list', '--json'])).lines().filter((l) => l.message_type === 'snapshot');

/** Every byte of the vault's files. */
function stored(): Buffer {
  const below = (directory: string): Buffer[] =>
    readdirSync(directory, { withFileTypes: true }).flatMap((e) =>
      e.isDirectory() ? below(join(directory, e.name)) : [readFileSync(join(directory, e.name))],
    );
  return Buffer.concat(below(vault));
}

describe.skipIf(skipFor.postgres)('PostgreSQL', () => {
  let server: Server;
  beforeAll(async () => {
    server = await startPostgres();
  }, 60_000);
  afterAll(() => server?.stop());

  const ROWS = "SELECT md5(string_agg(t::text, E'\\n' ORDER BY id)) FROM trades t";

  beforeEach(async () => {
    await server.query('DROP DATABASE IF EXISTS shop');
    await server.query('DROP ROLE IF EXISTS app');
    await server.query(`CREATE ROLE app LOGIN CREATEDB PASSWORD '${ODD.replaceAll("'", "''")}'`);
    await server.query('CREATE DATABASE shop OWNER app');
    await server.query(
      `SET ROLE app; CREATE TABLE trades (id bigint PRIMARY KEY, note text, raw bytea, doc jsonb);
       INSERT INTO trades SELECT n, CASE WHEN n % 7 = 0 THEN NULL ELSE 'größe ' || n END,
         decode(md5(n::text), 'hex'), jsonb_build_object('n', n) FROM generate_series(1, 5000) n;
       CREATE TABLE orders (id int PRIMARY KEY); INSERT INTO orders VALUES (1), (2)`,
      'shop',
    );
    web.write('.env', `DB_PASSWORD="${ODD}"\n`);
  });

  const settings = (more: object = {}) => ({
    postgres: {
      database: 'shop',
      host: server.socket,
      port: server.port,
      user: 'app',
      password: { dotenv: '.env', key: 'DB_PASSWORD' },
      ...more,
    },
  });

  it('is dumped, lost, loaded into a scratch database and over the live one, row for row', async () => {
    configure({ db: settings() });
    const before = await server.query(ROWS, 'shop');
    const made = await backUp();
    expect(made).toMatchObject({ complete: true, files: 1, streams: [{ name: 'db', type: 'postgres' }] });
    // The configuration goes along; the password does not show anywhere.
    const said = await web.ok(['show', 'latest', '--json'], opens);
    expect(said.lines()).toContainEqual(
      expect.objectContaining({ message_type: 'stream', name: 'db', complete: true }),
    );
    expect(said.stdout + said.stderr).not.toContain(SECRET);

    await server.query('DELETE FROM trades WHERE id > 10; DROP TABLE orders', 'shop');
    const loaded = (await web.ok(['restore', 'latest', '--load', 'db', '--json'], opens)).summary();
    const scratch = /(shop_restored_\w+)/.exec(loaded.into)?.[1];
    expect(await server.query(ROWS, scratch)).toBe(before);
    // The live one is as it was left.
    expect((await server.query('SELECT count(*) FROM trades', 'shop')).trim()).toBe('10');
    await server.query(`DROP DATABASE ${scratch}`);

    const asked = await web.run(['restore', '--set', 'db', '--load', 'db', '--into', 'shop'], opens);
    expect(asked).toMatchObject({ code: 11 });
    const unconfirmed = await web.run(
      ['restore', '--set', 'db', '--load', 'db', '--into', 'shop', '--live'],
      opens,
    );
    expect(unconfirmed.code).not.toBe(0);
    expect((await server.query('SELECT count(*) FROM trades', 'shop')).trim()).toBe('10');

    await web.ok(['restore', '--set', 'db', '--load', 'db', '--into', 'shop', '--live', '--yes'], opens);
    expect(await server.query(ROWS, 'shop')).toBe(before);
    expect((await server.query('SELECT count(*) FROM orders', 'shop')).trim()).toBe('2');
  }, 60_000);

  it('is piped into its own tool, one table of it', async () => {
    configure({ db: settings() });
    await backUp();
    await server.query('DROP TABLE trades', 'shop');
    const { bytes } = await web.ok(['cat', 'latest', '--stream', 'db'], opens);
    execFileSync('pg_restore', ['-t', 'trades', '-d', 'shop'], {
      input: bytes,
      env: {
        PATH: process.env.PATH,
        PGHOST: server.socket,
        PGPORT: String(server.port),
        PGUSER: 'app',
        PGPASSWORD: ODD,
      },
    });
    expect((await server.query('SELECT count(*) FROM trades', 'shop')).trim()).toBe('5000');
  }, 60_000);

  it.each([
    ['a wrong password', { password: { dotenv: '.env', key: 'OTHER' } }, /password/i],
    ['a server that is not there', { port: 1 }, /pg_dump/],
    ['a database that is not there', { database: 'gone' }, /pg_dump/],
  ])(
    'with %s the snapshot is incomplete, and those before stay',
    async (_, wrong, reason) => {
      web.write('.env', `DB_PASSWORD="${ODD}"\nOTHER=wrong-s3cret\n`);
      configure({ db: settings() });
      const good = await backUp();
      configure({ db: settings(wrong) });
      const ran = await web.ok(['backup', '--json'], { code: 3 });
      expect(ran.summary()).toMatchObject({ complete: false });
      const [warning] = ran.lines().filter((l) => l.message_type === 'warning');
      expect(warning).toMatchObject({ kind: 'stream', path: 'stream db', incomplete: true });
      expect(warning?.reason).toMatch(reason);
      expect(ran.stdout + ran.stderr).not.toMatch(/s3cret/);
      expect(await list()).toMatchObject(
        [{ complete: false }, { id: good.snapshot, complete: true }].toReversed(),
      );
      expect((await web.ok(['cat', 'latest', '--stream', 'db'], opens)).bytes.length).toBeGreaterThan(1000);
      await web.ok(['verify', '--read-data'], opens);
    },
    60_000,
  );

  it('with its tool missing, likewise', async () => {
    configure({ db: settings() });
    const path = join(web.directory, 'bin');
    mkdirSync(path);
    const ran = await web.ok(['backup', '--json'], { code: 3, env: { PATH: path } });
    const [warning] = ran.lines().filter((l) => l.message_type === 'warning');
    expect(warning?.reason).toMatch(/pg_dump.*(postgresql-client|install)/s);
  }, 30_000);

  it('when its dump is killed half-way, what there is of it is kept and never taken for whole', async () => {
    await server.query(
      'INSERT INTO trades SELECT n, repeat(md5(n::text), 40) FROM generate_series(5001, 200000) n',
      'shop',
    );
    configure({ db: settings() });
    const [program = '', ...args] = web.argv(['backup', '--json']);
    const running = spawn(program, args, { cwd: web.work, env: web.env() });
    let out = '';
    running.stdout.on('data', (chunk) => {
      out += chunk;
    });
    const over = new Promise((resolve) => running.on('exit', resolve));
    // Once it has printed something: by what it wrote to anywhere.
    const half = (pid: string) => {
      const file = `/proc/${pid}/io`;
      return existsSync(file) && Number(/wchar: (\d+)/.exec(readFileSync(file, 'utf8'))?.[1]) > 2 ** 20;
    };
    for (let tries = 0; tries < 2000; tries++) {
      await new Promise((resolve) => setTimeout(resolve, 5));
      const children = execFileSync('sh', ['-c', `pgrep -x pg_dump -P ${running.pid} || true`]).toString();
      const [pid] = children.trim().split('\n').filter(half);
      if (pid === undefined) continue;
      process.kill(Number(pid), 'SIGKILL');
      break;
    }
    expect(await over).toBe(3);
    expect(JSON.parse(out.trim().split('\n').at(-1)!)).toMatchObject({ complete: false });
    expect(await web.run(['cat', 'latest', '--stream', 'db'], opens)).toMatchObject({ code: 10 });
    const [{ id }] = (await list()) as [Message];
    expect(await web.run(['cat', id, '--stream', 'db'], opens)).toMatchObject({ code: 1 });
    await web.ok(['verify', '--read-data'], opens);
  }, 60_000);
});

describe.skipIf(skipFor.mariadb)('MariaDB', () => {
  let server: Server;
  beforeAll(async () => {
    server = await startMariadb();
  }, 90_000);
  afterAll(() => server?.stop());

  it('is dumped, lost, loaded and compared', async () => {
    await server.query('CREATE DATABASE shop');
    await server.query(
      "CREATE TABLE t (id bigint PRIMARY KEY, note text CHARACTER SET utf8mb4, raw blob); INSERT INTO t VALUES (1, 'größe 😀', x'00ff27'), (9223372036854775807, NULL, NULL)",
      'shop',
    );
    web.write('.env', `MYSQL=mysql+pymysql://root:${server.password}@127.0.0.1:${server.port}/shop\n`);
    configure({ db: { mysql: { url: { dotenv: '.env', key: 'MYSQL' } } } });
    const rows = 'SELECT id, note, hex(raw) FROM t ORDER BY id';
    const before = await server.query(rows, 'shop');
    await backUp();
    await server.query('DROP DATABASE shop');
    await web.ok(['restore', 'latest', '--load', 'db', '--into', 'shop'], opens);
    expect(await server.query(rows, 'shop')).toBe(before);
    expect(stored().includes(server.password)).toBe(false);
  }, 60_000);
});

describe.skipIf(skipFor.redis)('Redis', () => {
  let server: Server;
  beforeAll(async () => {
    server = await startRedis();
  }, 30_000);
  afterAll(() => server?.stop());

  it('is dumped, lost, and started again from the file that a load makes', async () => {
    await server.query('SET price 42\nRPUSH queue a b c\nHSET user name "größe"');
    web.write('redis-password', `${server.password}\n`);
    configure({ cache: { redis: { port: server.port, password: { file: 'redis-password' } } } });
    await backUp();
    await server.query('FLUSHALL');
    await web.ok(['restore', 'latest', '--load', 'cache', '--into', 'dump.rdb'], opens);
    const again = await startRedis(join(web.work, 'dump.rdb'));
    try {
      expect((await again.query('GET price')).trim()).toBe('42');
      expect((await again.query('LRANGE queue 0 -1')).trim().split('\n')).toEqual(['a', 'b', 'c']);
    } finally {
      await again.stop();
    }
  }, 60_000);
});

describe('files of databases', () => {
  it('SQLite: a database that is written to meanwhile comes back whole, over the live one too', async () => {
    const file = join(web.work, 'users.db');
    const sql = (text: string, path = file) => execFileSync('sqlite3', [path], { input: text }).toString();
    sql(
      "PRAGMA journal_mode=WAL; CREATE TABLE u (id INTEGER PRIMARY KEY, name TEXT, raw BLOB); INSERT INTO u VALUES (1, 'größe', x'00ff'), (2, NULL, NULL);",
    );
    configure({ users: { sqlite: { file: 'users.db' } } });
    const before = sql('SELECT id, name, hex(raw) FROM u ORDER BY id;');
    await backUp();
    sql('DELETE FROM u;');
    await web.ok(['restore', 'latest', '--load', 'users', '--into', 'copy.db'], opens);
    expect(sql('SELECT id, name, hex(raw) FROM u ORDER BY id;', join(web.work, 'copy.db'))).toBe(before);
    await web.ok(
      ['restore', '--set', 'db', '--load', 'users', '--into', 'users.db', '--live', '--yes'],
      opens,
    );
    expect(sql('SELECT id, name, hex(raw) FROM u ORDER BY id;')).toBe(before);
  }, 60_000);

  it('are left out of the files of their set, where a copy would be torn, and a restore says how to get them', async () => {
    mkdirSync(join(web.work, 'data'));
    const file = join(web.work, 'data/users.db');
    execFileSync('sqlite3', [file], {
      input: 'PRAGMA journal_mode=WAL; CREATE TABLE u (id); INSERT INTO u VALUES (1);',
    });
    const path = join(web.work, 'strongroom.yaml');
    const text = readFileSync(path, 'utf8').replace(/^sets:[\s\S]*/m, '');
    rmSync(path);
    const db = { include: ['data'], streams: { users: { sqlite: { file: 'data/users.db' } } } };
    writeFileSync(path, `${text}sets: ${JSON.stringify({ db })}\n`, { mode: 0o644 });
    expect(await backUp()).toMatchObject({ complete: true, files: 1 });
    expect(await web.run(['coverage', '--snapshot', 'none'])).toMatchObject({ code: 0 });
    const out = await web.ok(['restore', 'latest', '--target', 'out'], opens);
    expect(out.stdout + out.stderr).toMatch(
      /the stream users \(sqlite\) is no file: strongroom restore \S+ --load users/,
    );
    expect(existsSync(join(web.work, 'out/data/users.db'))).toBe(false);
  }, 60_000);

  it('DuckDB: dumped, lost and loaded', async () => {
    const api = createRequire(import.meta.url).resolve('@duckdb/node-api');
    const modules = dirname(dirname(dirname(dirname(api))));
    const run = (...statements: string[]) =>
      execFileSync(process.execPath, [
        '-e',
        `const { DuckDBInstance } = require(${JSON.stringify(api)});
         (async () => { const c = await (await DuckDBInstance.create(process.argv[1])).connect();
         for (const s of process.argv.slice(2)) { const r = await c.runAndReadAll(s); process.stdout.write(JSON.stringify(r.getRowsJson())); }
         })().then(() => process.exit(0))`,
        join(web.work, 'olap.duckdb'),
        ...statements,
      ]).toString();
    run("CREATE TABLE t AS SELECT range AS id, 'größe ' || range AS note FROM range(5000)", 'CHECKPOINT');
    configure({ olap: { duckdb: { file: 'olap.duckdb' } } });
    const rows = 'SELECT count(*), sum(id), md5(string_agg(note, chr(10) ORDER BY id)) FROM t';
    const before = run(rows);
    const env = { NODE_PATH: modules };
    const made = (await web.ok(['backup', '--json'], { env })).summary();
    expect(made).toMatchObject({ complete: true });
    rmSync(join(web.work, 'olap.duckdb'));
    const args = ['restore', 'latest', '--load', 'olap', '--into', 'olap.duckdb'];
    await web.ok(args, { env: { ...opens.env, ...env } });
    expect(run(rows)).toBe(before);
  }, 60_000);
});

describe('a command', () => {
  it('that fails, prints nothing or prints too little is an incomplete snapshot', async () => {
    for (const run of [
      ['sh', '-c', 'echo half; exit 3'],
      ['sh', '-c', 'true'],
      ['sh', '-c', 'echo half; kill -9 $$'],
    ]) {
      configure({ db: { command: { run } } });
      expect(await backUp(3), run.join(' ')).toMatchObject({ complete: false });
    }
    configure({ db: { command: { run: ['sh', '-c', 'echo whole'], trailer: 'whole' } } });
    expect(await backUp()).toMatchObject({ complete: true });
    expect((await web.ok(['cat', 'latest', '--stream', 'db'], opens)).stdout).toBe('whole\n');
  }, 60_000);

  it('gets none of our secrets, and a dry run does not run it', async () => {
    configure({ db: { command: { run: ['sh', '-c', 'touch ran; env'] } } });
    const dry = await web.ok(['backup', '--dry-run']);
    expect(dry.stdout).toContain('stream db (command)');
    expect(existsSync(join(web.work, 'ran'))).toBe(false);
    await web.ok(['backup'], { env: { STRONGROOM_PASSPHRASE: 'hush-hush-hush', STRONGROOM_DEBUG: '1' } });
    const { stdout } = await web.ok(['cat', 'latest', '--stream', 'db'], opens);
    expect(stdout).toContain('PATH=');
    expect(stdout).not.toMatch(/STRONGROOM|hush/);
  }, 60_000);

  it.skipIf(!isRoot)(
    'whose output does not fit on the disk leaves no snapshot, and those before stay',
    async () => {
      const disk = join(web.directory, 'small');
      mkdirSync(disk);
      execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=24m,mode=700', 'tmpfs', disk]);
      try {
        const small = join(disk, 'vault');
        const other = machine('db-2');
        const me = await other.identity();
        await other.ok(['init', '--location', small, '--name', 'small', '--recipient', me.recipient]);
        const path = join(other.work, 'strongroom.yaml');
        const text = readFileSync(path, 'utf8').replace(/^sets:[\s\S]*/m, '');
        const set = (run: readonly string[]) => {
          rmSync(path);
          const sets = { db: { streams: { db: { command: { run } } } } };
          writeFileSync(path, `${text}sets: ${JSON.stringify(sets)}\n`, { mode: 0o644 });
        };
        set(['echo', 'small']);
        await other.ok(['backup']);
        set(['head', '-c', '50000000', '/dev/urandom']);
        expect(await other.run(['backup'])).toMatchObject({ code: 14 });
        expect((await other.ok(['verify'])).stdout).toMatch(/1 snapshot/);
        set(['echo', 'small again']);
        await other.ok(['backup']);
      } finally {
        execFileSync('umount', [disk]);
      }
    },
    60_000,
  );
});
