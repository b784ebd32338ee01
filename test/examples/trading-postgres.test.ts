// A trading database from its first backup to a new server, by the files and the README of examples/trading-postgres on a
// real PostgreSQL: each promise that the shell scripts before it made, and what they did not notice.

import {
  chmodSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { openStream } from '../../src/capture/streams/index.ts';
import { parseConfig } from '../../src/cli/config.ts';
import type { BackupOptions } from '../../src/vault/backup/backup.ts';
import { applyPrune } from '../../src/vault/prune/apply.ts';
import { planPrune } from '../../src/vault/prune/plan.ts';
import { readSnapshots } from '../../src/vault/snapshots.ts';
import { type HttpServer, httpServer } from '../servers/http.ts';
import { type Server, skipFor, startPostgres } from '../support/databases.ts';
import { type Example, exampleOn } from '../support/examples.ts';
import { type Machine, machines } from '../support/program.ts';
import { s3Ground, skipS3 } from '../support/s3.ts';
import { ROOT } from '../support/sources.ts';
import { clockAt, makeVault, openLocked, tick } from '../support/vault.ts';

const machine = machines();
const PASSWORD = 'tr@der/s3cret';
const TABLES = ['signals', 'decisions', 'orders', 'positions', 'trades', 'audit_logs'];

let server: Server;
let web: Machine;
let trading: Example;
let env: Record<string, string>;
let listener: HttpServer;
let vault: string;
let offsite: string;

/** The database as applications name it, and the environment of psql as the role of the application. */
const urlOf = ({ port }: Server, database = 'aitrapp') =>
  `postgresql+psycopg2://trader:${encodeURIComponent(PASSWORD)}@127.0.0.1:${port}/${database}`;
const asTrader = ({ socket, port }: Server) => ({
  PGHOST: socket,
  PGPORT: String(port),
  PGUSER: 'trader',
  PGPASSWORD: PASSWORD,
});

async function makeRole(on: Server): Promise<void> {
  await on.query(`CREATE ROLE trader LOGIN CREATEDB PASSWORD '${PASSWORD}'`);
}

/** A day of trading in every table. */
async function trade(rows = 500): Promise<void> {
  for (const table of TABLES) {
    await server.query(
      `SET ROLE trader; CREATE TABLE IF NOT EXISTS ${table} (id bigserial PRIMARY KEY, symbol text, price numeric(12,4),
         detail jsonb, at timestamptz);
       INSERT INTO ${table} (symbol, price, detail, at) SELECT 'NSE:größe' || n % 50, n * 1.0625,
         jsonb_build_object('n', n, 'of', '${table}'), '2026-11-20T09:15:00Z'::timestamptz + n * interval '1 s'
         FROM generate_series(1, ${rows}) n`,
      'aitrapp',
    );
  }
}

/** A digest of every row of every table. */
async function rowsOf(on: Server, database = 'aitrapp'): Promise<Record<string, string>> {
  const digests: Record<string, string> = {};
  for (const table of TABLES) {
    const sql = `SELECT count(*) || ' ' || md5(string_agg(t::text, E'\\n' ORDER BY id)) FROM ${table} t`;
    digests[table] = (await on.query(sql, database)).trim();
  }
  return digests;
}

const snapshots = async (...args: string[]) =>
  (await web.ok(['list', '--json', ...args])).lines().filter((l) => l.message_type === 'snapshot');

/** Changes a byte of the dump of a snapshot at a place. */
function damage(place: string, id: string): void {
  const below = join(place, 'data/aitrapp', id);
  const [directory = ''] = readdirSync(below);
  const [piece = ''] = readdirSync(join(below, directory)).filter((name) => name.startsWith('stream-db'));
  const path = join(below, directory, piece);
  const bytes = readFileSync(path);
  bytes[bytes.length >> 1]! ^= 1;
  chmodSync(path, 0o600);
  writeFileSync(path, bytes);
}

describe.skipIf(skipFor.postgres)('a trading database', () => {
  beforeAll(async () => {
    server = await startPostgres();
    await makeRole(server);
    await server.query('CREATE DATABASE aitrapp OWNER trader');
    await trade();
    web = machine('trader-1');
    vault = join(web.directory, 'mnt/backup/aitrapp');
    offsite = join(web.directory, 'mnt/offsite/aitrapp');
    for (const place of ['mnt/backup', 'mnt/offsite', 'srv'])
      mkdirSync(join(web.directory, place), { recursive: true });
    web.write('.env', `MODE=paper\nDATABASE_URL=${urlOf(server)}\n`);
    const file = web.passphrase();
    env = {
      ...asTrader(server),
      STRONGROOM_NEW_PASSPHRASE_FILE: file,
      STRONGROOM_PASSPHRASE_FILE: file,
    };
  }, 60_000);
  afterAll(() => server?.stop());

  /** The example with servers that listen as long as the test runs. */
  async function withListener(): Promise<void> {
    listener = await httpServer();
    trading = exampleOn(web, 'trading-postgres', {
      '/mnt/backup': join(web.directory, 'mnt/backup'),
      '/mnt/offsite': join(web.directory, 'mnt/offsite'),
      '/srv': join(web.directory, 'srv'),
      'https://hc-ping.com': listener.url,
      'https://hooks.slack.com': listener.url,
    });
  }
  /** The same, once it is set up. */
  async function listening(): Promise<void> {
    await withListener();
    web.write('secrets/check-url', `${listener.url}/your-uuid\n`);
    web.write('secrets/slack-url', `${listener.url}/services/your/hook\n`);
  }
  const paths = () => listener.received.map(({ path }) => path.replace(/\?rid=.*/, ''));

  it('is set up as the README says, and whoever listens hears of it', async () => {
    await withListener();
    trading.copy('strongroom.yaml');
    const ran = await trading.follow('Set-up', env);
    expect(ran.stderr).toBe('');
    expect(await web.ok(['config', 'validate'])).toMatchObject({ code: 0 });
    const [made, ...more] = await snapshots();
    expect(made).toMatchObject({ set: 'aitrapp', complete: true });
    expect(more).toEqual([]);
    expect((await snapshots('--location', offsite)).map(({ id }) => id)).toEqual([made?.id]);
    // A test of each, then the backup.
    expect(paths().slice(-2)).toEqual(['/your-uuid/start', '/your-uuid']);
    expect(paths()).toContain('/services/your/hook');
    expect(listener.everything()).not.toContain('s3cret');
    expect(statSync(join(web.work, 'secrets/check-url')).mode & 0o777).toBe(0o600);

    // A second way to open it, which from here on is quicker than the passphrase.
    const me = await web.identity();
    await web.ok(['keys', 'add', '--recipient', me.recipient, '--name', 'me'], { env });
    await web.ok(['copy']);
    env = { ...asTrader(server), STRONGROOM_IDENTITY_FILE: me.file };
  });

  it('is looked after every day', async () => {
    await listening();
    expect(await trading.sh(trading.blocks('Schedule')[1]!, env)).toMatchObject({ code: 0 });
    const ran = await trading.follow('Every day', env);
    expect(ran.stdout).toContain('@post-close');
    expect(ran.stdout).toMatch(/sound/);
    expect(ran.stdout).toContain('Nothing is wrong.');
    const sql = await trading.sh('strongroom cat latest --stream db | pg_restore --file=-', env);
    for (const table of TABLES) expect(sql.stdout).toContain(`COPY public.${table} `);
  });

  it('runs by itself every night, checked every Sunday, and says nothing when all is well', async () => {
    await listening();
    const before = await snapshots();
    const [install = ''] = trading.blocks('Schedule');
    const { stdout: units } = await trading.sh(install.replaceAll('schedule install', 'schedule print'));
    expect(units.match(/^OnCalendar=.*/gm)).toEqual([
      'OnCalendar=*-*-* 02:00:00',
      'OnCalendar=Sun *-*-* 03:00:00',
      'OnCalendar=Sun *-*-* 05:00:00',
    ]);
    expect(units).not.toContain('s3cret');
    const jobs = [...units.matchAll(/^ExecStart=:(.*)$/gm)].map(([, line = '']) => line);
    expect(jobs.map((line) => /"(backup|health|verify|copy)"/.exec(line)?.[1])).toEqual([
      'backup',
      'health',
      'verify',
      'copy',
    ]);
    for (const line of jobs) expect(await trading.sh(line)).toEqual({ code: 0, stdout: '', stderr: '' });
    expect(await snapshots()).toHaveLength(before.length + 1);
  });

  it('is restored as a test, beside the live one', async () => {
    await listening();
    const before = await rowsOf(server);
    const ran = await trading.follow('Test a restore', env);
    expect(ran.stdout.match(/^ +500$/gm)).toHaveLength(3);
    expect((await server.query("SELECT datname FROM pg_database WHERE datname LIKE 'aitrapp%'")).trim()).toBe(
      'aitrapp',
    );
    // Without a name it makes one up.
    const { into } = (await web.ok(['restore', 'latest', '--load', 'db', '--json'], { env })).summary();
    const [scratch = ''] = /aitrapp_restored_\w+/.exec(into) ?? [];
    expect(await rowsOf(server, scratch)).toEqual(before);
    await server.query(`DROP DATABASE ${scratch}`);
  });

  it('is drilled every Sunday where the key is, and an empty table is found', async () => {
    await listening();
    const desk = machine('desk');
    for (const file of ['strongroom.yaml', '.env', 'secrets/check-url', 'secrets/slack-url'])
      desk.write(file, readFileSync(join(web.work, file)), file === 'strongroom.yaml' ? 0o644 : 0o600);
    const there = exampleOn(desk, 'trading-postgres', {});
    const ran = await there.sh(there.blocks('Drill')[0]!.replace('schedule install', 'schedule print'), env);
    expect(ran, ran.stderr).toMatchObject({ code: 0 });
    expect(ran.stdout).toContain('OnCalendar=Sun *-*-* 04:00:00');
    expect(paths()).toEqual(['/services/your/hook']);
    const like = "SELECT datname FROM pg_database WHERE datname LIKE 'aitrapp%'";
    expect(await server.query(like)).toBe('aitrapp\n');

    await server.query('SET ROLE trader; CREATE TABLE kept AS TABLE orders; TRUNCATE orders', 'aitrapp');
    await web.ok(['backup']);
    const [, line = ''] = /^ExecStart=:(.*)$/m.exec(ran.stdout) ?? [];
    const found = await there.sh(line, env);
    expect(found.code).toBe(5);
    expect(found.stdout + found.stderr).toContain('expected >0, and it is 0');
    expect((await web.run(['health'])).code).toBe(5);
    await server.query('SET ROLE trader; INSERT INTO orders TABLE kept; DROP TABLE kept', 'aitrapp');
    await web.ok(['backup']);
    expect(await there.sh(line, env)).toEqual({ code: 0, stdout: '', stderr: '' });
  });

  it('that is half deleted, or gone, comes back row for row', async () => {
    await listening();
    const before = await rowsOf(server);
    await server.query(
      'DELETE FROM trades WHERE id > 10; DROP TABLE orders; UPDATE positions SET price = 0',
      'aitrapp',
    );
    const ran = await trading.follow('Restore', env);
    expect(ran.stdout).toMatch(/^ +500$/m);
    expect(await rowsOf(server)).toEqual(before);

    await server.query('DROP DATABASE aitrapp');
    await trading.follow('Restore', env);
    expect(await rowsOf(server)).toEqual(before);
  });

  it('comes back in an older state, by time, label, id and how long ago', async () => {
    await listening();
    await web.ok(['backup']);
    const [oldest, newest] = [(await snapshots())[0], (await snapshots()).at(-1)];
    await trade(7);
    const made = await web.ok(['backup', '--label', 'after-trades', '--json'], { env });
    const after = made.summary().snapshot;
    const chosen = async (...choice: string[]): Promise<string> =>
      (await web.ok(['show', ...choice, '--json'], { env })).lines().at(-1)?.snapshot;
    expect(await chosen('latest')).toBe(after);
    expect(await chosen('@after-trades')).toBe(after);
    expect(await chosen('latest~1')).toBe(newest?.id);
    expect(await chosen(String(oldest?.id).slice(0, -2))).toBe(oldest?.id);
    const then = ['--at', String(newest?.time), '--load', 'db', '--into', 'aitrapp_then'];
    await web.ok(['restore', ...then], { env });
    expect((await server.query('SELECT count(*) FROM trades', 'aitrapp_then')).trim()).toBe('500');
    await server.query('DROP DATABASE aitrapp_then');
  });

  it('comes from the replica when the newest is bad, and from an older snapshot when both are', async () => {
    await listening();
    const before = await rowsOf(server);
    const newest = String((await snapshots()).at(-1)?.id);
    const restore = (choice: string) =>
      web.run(['restore', choice, '--load', 'db', '--into', 'aitrapp', '--live', '--yes', '--json'], { env });

    damage(vault, newest);
    expect(await web.run(['verify', '--json'])).toMatchObject({ code: 13 });
    await server.query('TRUNCATE trades', 'aitrapp');
    expect(await restore('latest')).toMatchObject({ code: 0 });
    expect(await rowsOf(server)).toEqual(before);

    damage(offsite, newest);
    await server.query('UPDATE positions SET price = 0; DROP TABLE orders', 'aitrapp');
    expect(await restore('latest')).toMatchObject({ code: 13 });
    // Nothing of it was loaded.
    expect((await server.query('SELECT sum(price) FROM positions', 'aitrapp')).trim()).toBe('0.0000');
    expect((await server.query("SELECT to_regclass('orders') IS NULL", 'aitrapp')).trim()).toBe('t');
    expect(await restore('latest~1')).toMatchObject({ code: 0 });
    expect((await server.query('SELECT count(*) FROM trades', 'aitrapp')).trim()).toBe('500');
    await web.ok(['delete', newest, '--yes']);
  });

  it('that cannot be dumped makes no backup that looks like one, and somebody hears of it', async () => {
    await listening();
    const good = (await snapshots()).at(-1);
    web.write('.env', `DATABASE_URL=${urlOf(server).replace('s3cret', 'wr0ng')}\n`);
    const ran = await web.run(['backup'], { env: { TZ: 'UTC' } });
    expect(ran.code).toBe(3);
    expect(ran.stdout + ran.stderr).not.toMatch(/s3cret|wr0ng/);
    // At once, in any order.
    expect(paths().toSorted()).toEqual(['/services/your/hook', '/your-uuid/3', '/your-uuid/start']);
    expect(listener.everything()).not.toMatch(/s3cret|wr0ng/);
    // What is restored is still the last good one.
    web.write('.env', `DATABASE_URL=${urlOf(server)}\n`);
    const shown = await web.ok(['show', 'latest', '--json'], { env });
    expect(shown.summary().snapshot).toBe(good?.id);
    const checked = await web.run(['health', '--strict', '--json']);
    expect(checked.code).toBe(5);
    expect(paths().filter((path) => path === '/services/your/hook')).toHaveLength(2);
  });

  it('as the scripts had it: a dump that failed left a file that passes their checks', async () => {
    const script = `mkdir -p backups
DATABASE_URL=${urlOf(server)}
DB_CONN="\${DATABASE_URL#postgresql+psycopg2://}"
BACKUP_FILE=backups/aitrapp_backup_$(date +%Y%m%d_%H%M%S).sql.gz
pg_dump "$DB_CONN" | gzip > "$BACKUP_FILE"`;
    const ran = await trading.sh(script, asTrader(server));
    // What it hands to pg_dump is no address any more, but the name of a database that is not there.
    expect(ran.code).not.toBe(0);
    expect(ran.stderr).toMatch(/database ".*" does not exist/);
    const check =
      await trading.sh(`FILE=$(find backups -name "aitrapp_backup_$(date +%Y%m%d)*.sql.gz" | head -1)
[ -n "$FILE" ] && [ "$(stat -c%s "$FILE")" -gt 0 ] && gunzip -t "$FILE" && gunzip -c "$FILE" | wc -c`);
    expect(check).toEqual({ code: 0, stdout: '0\n', stderr: '' });
    rmSync(join(web.work, 'backups'), { recursive: true });
  });

  it('starts again on a new server, from the replica and the passphrase alone', async () => {
    await listening();
    await web.ok(['backup'], { env });
    const before = await rowsOf(server);
    const other = await startPostgres();
    renameSync(vault, `${vault}.away`);
    try {
      await makeRole(other);
      const fresh = machine('trader-2');
      const there = exampleOn(fresh, 'trading-postgres', {
        '/mnt/offsite': join(web.directory, 'mnt/offsite'),
        '/srv': join(fresh.directory, 'srv'),
      });
      mkdirSync(join(fresh.directory, 'srv'));
      const lines = there.blocks('On a new server')[0]!.split('\n');
      const at = lines.findIndex((line) => line.startsWith('cd '));
      const moved = `sed -i 's/:${server.port}\\//:${other.port}\\//' .env`;
      const ran = await there.sh(lines.toSpliced(at + 1, 0, moved).join('\n'), {
        ...asTrader(other),
        STRONGROOM_PASSPHRASE_FILE: fresh.passphrase(),
      });
      expect(ran, ran.stderr).toMatchObject({ code: 0 });
      expect(await rowsOf(other)).toEqual(before);
      const restored = join(fresh.directory, 'srv/aitrapp');
      expect(readFileSync(join(restored, '.env'), 'utf8')).toContain(urlOf(other));
      expect(statSync(join(restored, '.env')).mode & 0o777).toBe(0o600);
    } finally {
      renameSync(`${vault}.away`, vault);
      await other.stop();
    }
  });

  describe.skipIf(skipS3)('in a bucket', () => {
    const bucket = s3Ground();

    it('has a copy that opens as the vault does', async () => {
      await listening();
      const place = await bucket();
      const inBucket = exampleOn(web, 'trading-postgres', { 's3://acme-offsite/aitrapp': place.location });
      await inBucket.follow('To a bucket', place.env());
      const away = { ...env, ...place.env() };
      const load = [
        'restore',
        '--location',
        place.location,
        '--set',
        'aitrapp',
        '--load',
        'db',
        '--into',
        'aitrapp_s3',
      ];
      await web.ok(load, { env: away });
      expect(await rowsOf(server, 'aitrapp_s3')).toEqual(await rowsOf(server));
      await server.query('DROP DATABASE aitrapp_s3');
    });
  });
});

describe('7 days and 12 weeks', () => {
  const DAY = 86_400_000;
  /** Weeks since a Monday. */
  const weekOf = (day: string): number =>
    Math.floor((Date.parse(day) - Date.parse('2026-01-05')) / (7 * DAY));

  it('are what stays of fourteen weeks of nights, and no outage takes them away', async () => {
    const text = readFileSync(join(ROOT, 'examples/trading-postgres/strongroom.yaml'), 'utf8');
    const { sets } = await parseConfig(text, '/srv/aitrapp/strongroom.yaml', '/root');
    const { retention } = sets.get('aitrapp')!;
    const clock = clockAt('2026-05-01T01:59:00Z');
    const made = await makeVault({ clock });
    const plan = async () => await planPrune(await openLocked(made), () => retention);
    /** What the retention removes after a night. */
    const prune = async () => await applyPrune(await openLocked(made), await plan(), made.host);
    const night = async (more: Partial<BackupOptions> = {}): Promise<void> => {
      tick(clock, DAY - 60_000);
      await made.backup({ '.env': `AT=${clock.now.toISOString()}\n` }, more);
    };
    const days = async () => {
      const { snapshots: all } = await readSnapshots(await openLocked(made));
      return all.filter((s) => s.complete).map((s) => s.time.slice(0, 10));
    };
    for (let n = 1; n <= 98; n++) {
      await night();
      if (n % 7 === 0) await prune();
    }
    const kept = await days();
    const newest = Date.parse(String(kept.at(-1)));
    const ago = (day: string) => (newest - Date.parse(day)) / DAY;
    expect(kept.map(ago).filter((n) => n <= 7)).toEqual([7, 6, 5, 4, 3, 2, 1, 0]);
    // The others are Sundays, the newest of their weeks.
    const older = kept.filter((day) => ago(day) > 7);
    expect(older.map((day) => new Date(day).getUTCDay())).toEqual(older.map(() => 0));
    expect(new Set(kept.map(weekOf)).size).toBe(12);

    // Two weeks of dumps that fail, then a month of nothing at all: what is good stays.
    const settings = { run: ['sh', '-c', 'echo half; exit 1'] };
    const failing = openStream({ name: 'db', type: 'command', settings }, { root: '/', env: process.env });
    for (let n = 0; n < 14; n++) await night({ streams: [failing] });
    await prune();
    expect(await days()).toEqual(kept);
    tick(clock, 30 * DAY);
    expect((await plan()).removes).toEqual([]);
    await night();
    await prune();
    expect((await days()).slice(-9)).toEqual([...kept.slice(-8), clock.now.toISOString().slice(0, 10)]);
  });
});
