// A trading platform from its first backup to a new machine, by the files and the README of examples/trading-platform: a
// bucket, a KMS, PostgreSQL, Redis, mail, and the eleven steps of a disaster recovery, compared row by row.

import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { HeadObjectCommand } from '@aws-sdk/client-s3';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { parseConfig } from '../../src/cli/config.ts';
import { judgeRetention } from '../../src/vault/prune/retention.ts';
import { type Kms, startKms } from '../servers/kms.ts';
import { type MailServer, mailServer } from '../servers/smtp.ts';
import { makeCertificate } from '../support/certificates.ts';
import { type Server, skipFor, startPostgres, startRedis } from '../support/databases.ts';
import { type Example, exampleOn } from '../support/examples.ts';
import { type Machine, type Message, machines } from '../support/program.ts';
import { promtool, skipPromtool } from '../support/promtool.ts';
import { type Bucket, type Credentials, ROLES, s3Ground, skipS3 } from '../support/s3.ts';
import { ROOT } from '../support/sources.ts';

const machine = machines();
const NAME = 'trading-platform';
const README_KEY = 'arn:aws:kms:eu-central-1:111122223333:key/1234abcd-12ab-34cd-56ef-1234567890ab';
const README_SSE = 'arn:aws:kms:eu-central-1:111122223333:key/0000aaaa-11bb-22cc-33dd-444444eeeeee';
const PASSWORD = 'tr@der-s3cret';
const TABLES = ['orders', 'trades', 'positions'];

/** What the application is made of, but for its image. */
const FILES = {
  'docker-compose.yml': 'services: { bot: { image: tradingbot, env_file: .env } }\n',
  'alembic.ini': '[alembic]\nscript_location = alembic\n',
  'src/core/config.py': `from pathlib import Path
settings = dict(line.split('=', 1) for line in Path('.env').read_text().splitlines())
`,
  '.taskmaster/tasks.json': '{"tasks": []}\n',
  'k8s/deployment.yaml': 'apiVersion: apps/v1\nkind: Deployment\nmetadata: { name: tradingbot }\n',
  'scripts/verify_system.py': `import subprocess, sys
sys.path.insert(0, 'src/core')
from config import settings
def ask(*words):
    return int(subprocess.run(words, capture_output=True, text=True, check=True).stdout)
trades = ask('psql', settings['DATABASE_URL'], '-Atc', 'SELECT count(*) FROM trades')
keys = ask('redis-cli', '-u', settings['REDIS_URL'], 'DBSIZE')
print(f'{trades} trades, {keys} keys')
sys.exit(0 if trades > 0 and keys > 0 else 1)
`,
  'scripts/serve.py': `import http.server, subprocess, sys
class Answer(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        ok = self.path == '/health' or subprocess.run([sys.executable, 'scripts/verify_system.py']).returncode == 0
        self.send_response(200 if ok else 503)
        self.end_headers()
server = http.server.HTTPServer(('127.0.0.1', 0), Answer)
print(server.server_port, flush=True)
server.serve_forever()
`,
  'logs/bot.log.1': 'started\n',
} as const;

let postgres: Server;
let redis: Server;
/** Of ops, for drills; of the new machine later. */
let spare: Server;
let kms: Kms;
let place: Bucket;
let arn: string;
let bot: Machine;
let ops: Machine;
let tradingbot: Example;
let checking: Example;
let opens: Record<string, string>;
let backs: Record<string, string>;
let sets: Record<string, string>;

const asRole = ({ socket, port }: Server) => ({
  PGHOST: socket,
  PGPORT: String(port),
  PGUSER: 'tradingbot',
  PGPASSWORD: PASSWORD,
});
const makeRole = (on: Server) => on.query(`CREATE ROLE tradingbot LOGIN CREATEDB PASSWORD '${PASSWORD}'`);
const urlsOf = (
  database: Server,
  cache: Server,
) => `DATABASE_URL=postgresql://tradingbot:${encodeURIComponent(PASSWORD)}@127.0.0.1:${database.port}/tradingbot
REDIS_URL=redis://default:${cache.password}@127.0.0.1:${cache.port}/0
`;

/** Thirty hours of trading, one a minute, with an order for each trade. */
async function trade(): Promise<void> {
  await postgres.query('CREATE DATABASE tradingbot OWNER tradingbot');
  await postgres.query(
    `SET ROLE tradingbot;
     CREATE TABLE orders (id bigint PRIMARY KEY, symbol text NOT NULL, detail jsonb);
     CREATE TABLE trades (id bigserial PRIMARY KEY, order_id bigint, price numeric(14,6), created_at timestamptz);
     CREATE TABLE positions (id bigserial PRIMARY KEY, symbol text UNIQUE, size numeric);
     CREATE INDEX ON trades (created_at);
     INSERT INTO orders SELECT n, 'BTC/größe-' || n % 7, jsonb_build_object('n', n) FROM generate_series(1, 1800) n;
     INSERT INTO trades (order_id, price, created_at)
       SELECT n, n * 1.0625, now() - (1800 - n) * interval '1 min' FROM generate_series(1, 1800) n;
     INSERT INTO positions (symbol, size) SELECT 'S' || n, n / 3.0 FROM generate_series(1, 50) n`,
    'tradingbot',
  );
  const lines = Array.from({ length: 200 }, (_, n) => `SET quote:${n} "größe ${n}"`);
  await redis.query(
    [...lines, 'HSET book bid 1 ask 2', 'RPUSH queue a b c', 'ZADD best 1.5 x 2.5 y'].join('\n'),
  );
}

/** A digest of every row of every table. */
async function rowsOf(on: Server, database = 'tradingbot', tables = TABLES): Promise<string[]> {
  const digest = (table: string) =>
    on.query(
      `SELECT '${table} ' || count(*) || ' ' || md5(string_agg(t::text, E'\\n' ORDER BY id)) FROM ${table} t`,
      database,
    );
  return await Promise.all(tables.map(digest));
}

/** A digest of all keys and values of a Redis, by its own reckoning. */
const keysOf = (on: Server) => on.query('DEBUG DIGEST');

/** What stands in the README for what is here. */
const placesFor = (app: string, more: Record<string, string> = {}) => ({
  's3://tradingbot-backups/vault': place.location,
  'region: eu-central-1': `region: ${place.server.region}`,
  [README_SSE]: 'testkey-1',
  [README_KEY]: arn,
  '/app/tradingbot': app,
  '/secure': join(bot.directory, 'secure'),
  ...more,
});

const as = (user: Credentials) => ({ ...place.env(user), AWS_ENDPOINT_URL_KMS: kms.endpoint });

async function snapshots(...args: string[]): Promise<Message[]> {
  const listed = (await ops.ok(['list', '--json', ...args], { env: opens })).lines();
  return listed.filter((l) => l.message_type === 'snapshot');
}

/** Runs a block; where it says to start or stop something, that is done. */
async function go(
  example: Example,
  block: string,
  env: Record<string, string>,
  doing: Readonly<Record<string, () => Promise<unknown>>> = {},
): Promise<string> {
  let said = '';
  const [entering = ''] = /^cd .*\n/.exec(block) ?? [];
  for (const lines of block.split(/^(?=# )/m)) {
    const [, what] = /^# (\w+ Redis)/.exec(lines) ?? [];
    if (what !== undefined) await doing[what]?.();
    const ran = await example.sh(entering + lines, env);
    expect(ran, ran.stderr).toMatchObject({ code: 0 });
    said += ran.stdout;
  }
  return said;
}

/** Who hears of it, as long as the test runs. */
async function withMail(on: Machine): Promise<MailServer> {
  const server = await mailServer();
  const path = join(on.work, 'strongroom.yaml');
  const text = readFileSync(path, 'utf8').replace(/port: \d+/, `port: ${server.port}`);
  rmSync(path);
  writeFileSync(path, text, { mode: 0o644 });
  return server;
}

const skip = skipS3 || skipFor.postgres || skipFor.redis;

describe.skipIf(skip)('a trading platform', () => {
  const bucket = s3Ground();
  let app: ChildProcess | undefined;

  beforeAll(async () => {
    [place, kms, postgres, redis, spare] = await Promise.all([
      bucket(),
      startKms(),
      startPostgres(),
      startRedis(),
      startPostgres(),
    ]);
    arn = kms.createKey();
    const [founder, backup, keeper] = await Promise.all([
      place.user(ROLES.maintain, kms.createUser()),
      place.user(ROLES.backup, kms.createUser([])),
      place.user(ROLES.maintain, kms.createUser(['Decrypt'])),
    ]);
    sets = as(founder);
    backs = { ...as(backup), ...asRole(postgres) };
    opens = {
      ...as(keeper),
      PGHOST: spare.socket,
      PGPORT: String(spare.port),
      PGUSER: spare.user,
      PGPASSWORD: spare.password,
    };
    bot = machine('bot-1');
    ops = machine('ops');
    tradingbot = exampleOn(bot, NAME, placesFor(bot.work));
    checking = exampleOn(ops, NAME, {
      ...placesFor(ops.work),
      '/var/lib/prometheus/node-exporter': ops.directory,
      '/mnt/offline': join(ops.directory, 'offline'),
    });
    for (const [path, text] of Object.entries(FILES)) bot.write(path, text);
    bot.write('.env', urlsOf(postgres, redis));
    const { certificate, key } = makeCertificate(join(bot.directory, 'tmp'));
    bot.write('../secure/api.pem', certificate);
    bot.write('../secure/api.key', key);
    tradingbot.copy('strongroom.yaml');
    await makeRole(postgres);
    await trade();
  }, 240_000);
  afterAll(async () => {
    app?.kill('SIGKILL');
    await Promise.all([postgres?.stop(), redis?.stop(), spare?.stop(), kms?.close()]);
  });

  it('is set up as the README says, and mail arrives', async () => {
    const mail = await withMail(bot);
    await tradingbot.follow('Set-up', sets);
    await bot.ok(['config', 'validate']);
    expect(JSON.parse(readFileSync(join(bot.work, 'backup-role.json'), 'utf8')).Statement).not.toEqual([]);
    expect(mail.mails.map(({ to }) => to)).toEqual([['ops@company.com']]);
    rmSync(join(bot.work, 'backup-role.json'));
  });

  it('is backed up by a role that may only put, every set, and encrypted by the bucket too', async () => {
    await tradingbot.follow('Back up', backs);
    // Whoever checks has the same settings, and no business in writing.
    ops.write('strongroom.yaml', readFileSync(join(bot.work, 'strongroom.yaml')), 0o644);
    await go(checking, checking.blocks('The machine that checks')[0]!.split('\n')[0]!, opens);
    const made = await snapshots();
    expect(made.map(({ set, complete }) => [set, complete])).toEqual(
      expect.arrayContaining(['config', 'database', 'logs', 'secrets'].map((set) => [set, true])),
    );
    const objects = await place.names();
    const [dump = ''] = objects.filter((name) => name.includes('stream-db'));
    const head = await place.client.send(new HeadObjectCommand({ Bucket: place.name, Key: `vault/${dump}` }));
    expect([head.ServerSideEncryption, head.SSEKMSKeyId]).toEqual(['aws:kms', 'testkey-1']);
    expect(
      (await bot.run(['restore', 'latest', '--set', 'secrets', '--target', 'x'], { env: backs })).code,
    ).toBe(14);
    const { stdout } = await ops.ok(['show', 'latest', '--set', 'secrets'], { env: opens });
    for (const name of ['.env', 'secure/api.pem', 'secure/api.key']) expect(stdout).toContain(name);
  });

  it('has schedules, which are silent, and metrics by the names that its alerts know', async () => {
    const every = /^OnCalendar=(.*)$/gm;
    const print = async (example: Example, block: string, env: Record<string, string>) =>
      (await example.sh(block.replaceAll('schedule install', 'schedule print'), env)).stdout;
    const nightly = await print(tradingbot, tradingbot.blocks('Schedule')[0]!, backs);
    expect([...nightly.matchAll(every)].map(([, when]) => when)).toEqual(['*-*-* 00,04,08,12,16,20:00:00']);
    const [, ...lines] = checking.blocks('The machine that checks')[0]!.trim().split('\n');
    const units = await print(checking, lines.join('\n'), opens);
    expect([...units.matchAll(every)].map(([, when]) => when)).toEqual([
      '*-*-* *:00:00',
      '*-*-* 05:00:00',
      'Sun *-*-* 03:00:00',
      'Sun *-*-* 04:00:00',
      '*-*-01 00:00:00',
    ]);
    const jobs = [...units.matchAll(/^ExecStart=:(.*)$/gm)].map(([, line = '']) => line);
    for (const line of jobs.slice(0, 3))
      expect(await checking.sh(line, opens)).toEqual({ code: 0, stdout: '', stderr: '' });
    const metrics = readFileSync(join(ops.directory, 'strongroom.prom'), 'utf8');
    for (const name of [
      'backup_last_success_timestamp',
      'backup_last_duration_seconds',
      'backup_size_bytes',
      'backup_verification_success',
    ])
      expect(metrics).toMatch(new RegExp(`^${name}\\{[^}]*type="database"[^}]*\\} (?!0$)`, 'm'));
    if (!skipPromtool) expect(promtool(['check', 'metrics'], metrics)).toEqual({ code: 0, text: '' });
  });

  it('is drilled: dumps load, questions are answered, and evidence is kept', async () => {
    const mail = await withMail(ops);
    const { stdout, stderr } = await checking.follow('Drill', opens);
    expect(stdout + stderr).toContain('Connections to the exchanges work');
    const report = readFileSync(join(ops.work, 'drill-report.md'), 'utf8');
    for (const text of ['SELECT count(*) FROM trades', 'DBSIZE', 'config-parses', 'DNS and load balancer'])
      expect(report).toContain(text);
    expect(report + stdout).not.toContain(PASSWORD);
    expect((await place.names()).filter((name) => name.startsWith('drills/'))).toHaveLength(2);
    expect(await spare.query("SELECT count(*) FROM pg_database WHERE datname LIKE '%restored%'")).toBe('0\n');
    expect(mail.mails).toHaveLength(2);
    expect((await ops.ok(['health', '--json', '--strict'], { env: opens })).summary()).toMatchObject({
      ok: true,
    });
  });

  it('is no good backup when trades have lost their orders, though every byte of it is sound', async () => {
    const mail = await withMail(ops);
    await postgres.query('UPDATE orders SET id = -id WHERE id = 7', 'tradingbot');
    await bot.ok(['backup', '--set', 'database'], { env: backs });
    await ops.ok(['verify', '--set', 'database'], { env: opens });
    const ran = await ops.ok(['drill', '--set', 'database', '--json'], { env: opens, code: 5 });
    const failed = ran.lines().filter((l) => l.message_type === 'check' && l.outcome === 'failed');
    expect(failed.map(({ check, message }) => [check, message])).toEqual([
      ['query', 'expected =0, and it is 1'],
    ]);
    expect(mail.mails).toHaveLength(1);
    expect((await ops.run(['health', '--json'], { env: opens })).lines()).toContainEqual(
      expect.objectContaining({ message_type: 'problem', code: 'drill-failed', set: 'database' }),
    );
    await postgres.query('UPDATE orders SET id = 7 WHERE id = -7', 'tradingbot');
    await bot.ok(['backup', '--set', 'database'], { env: backs });
    await ops.ok(['drill', '--set', 'database'], { env: opens });
    expect((await ops.ok(['health', '--json'], { env: opens })).summary()).toMatchObject({ ok: true });
  });

  it('says by mail when a dump fails, and what is restored is still the last good one', async () => {
    const mail = await withMail(bot);
    const good = (await snapshots('--set', 'database')).at(-1)?.id;
    bot.write('.env', urlsOf(postgres, redis).replace('s3cret', 'wr0ng'));
    const ran = await bot.run(['backup', '--set', 'database'], { env: backs });
    bot.write('.env', urlsOf(postgres, redis));
    expect(ran.code).toBe(3);
    expect(mail.mails.map(({ parsed }) => parsed.subject)).toEqual([expect.stringMatching(/backup/)]);
    expect(ran.stderr + mail.mails.map(({ raw }) => raw)).not.toMatch(/s3cret|wr0ng/);
    const { stdout } = await ops.ok(['show', 'latest', '--set', 'database', '--json'], { env: opens });
    expect(stdout).toContain(good);
    await bot.ok(['backup', '--set', 'database'], { env: backs });
  });

  it('has rows back: all of them, and those of some tables', async () => {
    const before = await rowsOf(postgres);
    // Whoever restores has a key; the machine is the bot's.
    const env = { ...opens, ...asRole(postgres) };
    await postgres.query('DELETE FROM trades WHERE id > 10; DROP TABLE positions', 'tradingbot');
    const { stdout } = await tradingbot.follow('Restore the database', env);
    expect(stdout).toMatch(/1800/);
    expect(await rowsOf(postgres)).toEqual(before);

    await postgres.query(
      'UPDATE trades SET price = 0; DELETE FROM orders; UPDATE positions SET size = 1',
      'tradingbot',
    );
    await tradingbot.follow('Restore some tables', env);
    expect(await rowsOf(postgres, 'tradingbot', ['orders', 'trades'])).toEqual(before.slice(0, 2));
    expect(await postgres.query('SELECT sum(size) FROM positions', 'tradingbot')).toBe('50\n');
    const indexes = "SELECT count(*) FROM pg_indexes WHERE tablename = 'trades'";
    expect(await postgres.query(indexes, 'tradingbot')).toBe('2\n');
    await tradingbot.follow('Restore the database', env);
    expect(await rowsOf(postgres)).toEqual(before);
  });

  it('is dumped as SQL and by table, too, and knows the set of wal-g', async () => {
    const path = join(bot.work, 'strongroom.yaml');
    const text = readFileSync(path, 'utf8');
    const [formats = ''] = tradingbot.blocks('Other formats', 'yaml');
    const [wal = ''] = tradingbot.blocks('Point in time', 'yaml');
    const env = { ...opens, ...asRole(postgres) };
    try {
      writeFileSync(path, text.replace(/^sets:\n/m, `sets:\n${formats}${wal}`));
      await bot.ok(['config', 'validate']);
      await bot.ok(['backup', '--set', 'exports'], { env: backs });
      await tradingbot.follow('Other formats', env);
    } finally {
      writeFileSync(path, text);
    }
    expect(await rowsOf(postgres, 'tradingbot_sql')).toEqual(await rowsOf(postgres));
    expect(await rowsOf(postgres, 'tradingbot_ledger', ['orders', 'trades'])).toEqual(
      (await rowsOf(postgres)).slice(0, 2),
    );
    expect(await postgres.query("SELECT to_regclass('positions') IS NULL", 'tradingbot_ledger')).toBe('t\n');
    await postgres.query('DROP DATABASE tradingbot_sql');
    await postgres.query('DROP DATABASE tradingbot_ledger');
  });

  it('has the keys of Redis back, from the dump and from append-only files', async () => {
    const before = await keysOf(redis);
    let started: Server | undefined;
    const lib = join(bot.directory, 'redis');
    mkdirSync(lib);
    const onBot = exampleOn(bot, NAME, placesFor(bot.work, { '/var/lib/redis': lib }));
    const start = (from: string) => async () => {
      started = await startRedis(join(lib, from));
    };
    const env = { ...opens, REDISCLI_AUTH: redis.password };
    const [dump = '', check = ''] = onBot.blocks('Restore Redis')[0]!.split(/^(?=redis-cli)/m);
    await go(onBot, dump, env, { 'Start Redis': start('dump.rdb') });
    expect((await onBot.sh(check.replace('redis-cli', `redis-cli -p ${started?.port}`), env)).stdout).toBe(
      '203\n',
    );
    expect(await keysOf(started!)).toBe(before);
    await started?.stop();

    await redis.query('CONFIG SET appendonly yes\nSET late 1');
    const live = exampleOn(
      bot,
      NAME,
      placesFor(bot.work, {
        '/var/lib/redis': dirname(redis.socket),
        'redis-cli': `redis-cli -p ${redis.port}`,
      }),
    );
    while (/aof_rewrite_(?:in_progress|scheduled):1/.test(await redis.query('INFO persistence')));
    await go(live, live.blocks("Redis' append-only files")[0]!, { ...backs, ...env, ...backs });
    const [files = ''] = onBot.blocks("Redis' append-only files")[1]!.split(/^redis-cli/m);
    await go(onBot, files, env, { 'Start Redis': start('appendonlydir') });
    expect(await keysOf(started!)).toBe(await keysOf(redis));
    expect((await started!.query('GET late')).trim()).toBe('1');
    await started?.stop();
    await redis.query('CONFIG SET appendonly no\nDEL late');
  });

  it('has configuration and secrets back in place, for their owner only', async () => {
    const env = { ...opens };
    const key = join(bot.directory, 'secure/api.key');
    const was = [readFileSync(key, 'utf8'), readFileSync(join(bot.work, '.env'), 'utf8')];
    writeFileSync(key, 'broken');
    rmSync(join(bot.work, '.env'));
    bot.write('alembic.ini', '[alembic]\nscript_location = elsewhere\n');
    const { stdout } = await tradingbot.follow('Restore configuration and secrets', env);
    expect(stdout).toContain('script_location');
    expect([readFileSync(key, 'utf8'), readFileSync(join(bot.work, '.env'), 'utf8')]).toEqual(was);
    expect(readFileSync(join(bot.work, 'alembic.ini'), 'utf8')).toBe(FILES['alembic.ini']);
    for (const path of [key, join(bot.work, '.env')]) expect(statSync(path).mode & 0o777).toBe(0o600);
  });

  it('has a second place, which holds all of it', async () => {
    const dr = await bucket();
    const env = { ...place.env(), AWS_ENDPOINT_URL_KMS: kms.endpoint };
    const lines = checking.blocks('A second place')[0]!.replace('s3://tradingbot-dr/vault', dr.location);
    await go(checking, lines, env);
    expect((await dr.names()).filter((name) => name.startsWith('snapshots/'))).toEqual(
      (await place.names()).filter((name) => name.startsWith('snapshots/')),
    );
    const offline = join(ops.directory, 'offline/tradingbot');
    await ops.ok(['restore', '--location', offline, '--set', 'config', '--target', 'off'], { env: opens });
    expect(readFileSync(join(ops.work, 'off/alembic.ini'), 'utf8')).toBe(FILES['alembic.ini']);
  });

  it('comes back on a new machine, in eleven steps, row for row', async () => {
    const [rows, keys] = [await rowsOf(postgres), await keysOf(redis)];
    await bot.ok(['backup'], { env: backs });
    const secrets = ['api.pem', 'api.key'].map((name) =>
      readFileSync(join(bot.directory, 'secure', name), 'utf8'),
    );
    await Promise.all([postgres.stop(), redis.stop()]);
    rmSync(bot.directory, { recursive: true });

    const fresh = machine('bot-2');
    const home = join(fresh.directory, 'app/tradingbot');
    const lib = join(fresh.directory, 'redis');
    for (const directory of [dirname(home), lib]) mkdirSync(directory);
    let cache: Server | undefined;
    let port = '';
    const there = () =>
      exampleOn(
        fresh,
        NAME,
        placesFor(home, { '/var/lib/redis': lib, 'localhost:8000': `127.0.0.1:${port}` }),
      );
    const reader = await place.user(ROLES.restore, kms.createUser(['Decrypt']));
    const env = { ...as(reader), ...asRole(spare) };
    const steps = there().blocks('Disaster recovery');
    expect(steps).toHaveLength(7);
    const [configuration = '', secret = '', database = '', rdb = ''] = steps;
    // 1 and 2: servers, and the role.
    await makeRole(spare);
    await go(there(), configuration, env);
    await go(there(), secret, env);
    expect(
      ['api.pem', 'api.key'].map((name) => readFileSync(join(bot.directory, 'secure', name), 'utf8')),
    ).toEqual(secrets);
    const dotenv = join(home, '.env');
    const text = readFileSync(dotenv, 'utf8');
    writeFileSync(dotenv, text.replace(`:${postgres.port}/`, `:${spare.port}/`));
    await go(there(), database, env);
    await go(there(), rdb, env, {
      'Start Redis': async () => {
        cache = await startRedis(join(lib, 'dump.rdb'));
      },
    });
    try {
      writeFileSync(dotenv, readFileSync(dotenv, 'utf8').replace(`:${redis.port}/`, `:${cache?.port}/`));
      // 7.
      app = spawn('python3', ['scripts/serve.py'], {
        cwd: home,
        env: fresh.env(),
        stdio: ['ignore', 'pipe', 'ignore'],
      });
      port = String((await once(app.stdout!, 'data'))[0]).trim();
      const [, , , , up = '', trades = '', last = ''] = there().blocks('Disaster recovery');
      await go(there(), up, env);
      expect(await go(there(), trades, env)).toBe('1800 trades, 203 keys\n');
      expect(await rowsOf(spare)).toEqual(rows);
      expect(await keysOf(cache!)).toBe(keys);
      for (const [path, content] of Object.entries(FILES)) {
        if (path.startsWith('logs/')) continue;
        expect(readFileSync(join(home, path), 'utf8'), path).toBe(content);
        expect(statSync(join(home, path)).mode & 0o077, path).toBe(0);
      }
      // It is a host of its own from here on. Its logs begin anew.
      mkdirSync(join(home, 'logs'));
      writeFileSync(join(home, 'logs/bot.log.1'), 'started again\n');
      const keeper = { ...opens, ...asRole(spare) };
      const said = await go(there(), last.replaceAll('schedule install', 'schedule print'), keeper);
      expect(said).toContain('OnCalendar=');
      expect((await snapshots('--host', 'bot-2')).map(({ set }) => set).sort()).toEqual([
        'config',
        'database',
        'logs',
        'secrets',
      ]);
      expect(existsSync(join(fresh.work, 'restored'))).toBe(false);
    } finally {
      await cache?.stop();
    }
  });
});

it('keeps everything of 7 days, 30 daily, 13 weekly and 12 monthly ones, over fourteen months of four-hourly backups', async () => {
  const text = readFileSync(join(ROOT, 'examples', NAME, 'strongroom.yaml'), 'utf8');
  const { sets: configured } = await parseConfig(text, '/app/tradingbot/strongroom.yaml', '/root');
  const HOUR = 3_600_000;
  const DAY = 24 * HOUR;
  for (const name of ['database', 'config', 'secrets']) {
    const retention = configured.get(name)!.retention!;
    const end = Date.parse('2026-11-20T20:00:00Z');
    let kept: string[] = [];
    for (let at = end - 425 * DAY; at <= end; at += 4 * HOUR) {
      kept.push(new Date(at).toISOString());
      if (at !== end && new Date(at).getUTCHours() !== 4) continue;
      const all = kept.map((time) => ({
        snapshot: { set: name, host: 'bot-1', id: time, time, complete: true },
      }));
      kept = judgeRetention(all, retention, new Date(at))
        .filter((v) => v.keep)
        .map((v) => v.snapshot.time);
    }
    const lastOf = (period: (time: string) => string, count: number) =>
      [...new Map(kept.map((time) => [period(time), time])).values()].slice(-count);
    const week = (time: string) => String(Math.floor((Date.parse(time) / DAY + 3) / 7));
    const days = lastOf((time) => time.slice(0, 10), 30);
    const weeks = lastOf(week, 13);
    const months = lastOf((time) => time.slice(0, 7), 12);
    const recent = kept.filter((time) => end - Date.parse(time) <= 7 * DAY);
    expect(recent).toHaveLength(7 * 6 + 1);
    expect(Date.parse(days[0]!)).toBe(Date.parse('2026-10-22T20:00:00Z'));
    expect(weeks.slice(0, -1).every((time) => new Date(time).getUTCDay() === 0)).toBe(true);
    expect(months.map((time) => time.slice(0, 7))).toEqual(
      [...Array(12).keys()].map(
        (n) => `${n === 0 ? 2025 : 2026}-${String(n === 0 ? 12 : n).padStart(2, '0')}`,
      ),
    );
    expect(kept).toEqual([...new Set([...months, ...weeks, ...days, ...recent])].sort());
  }
});
