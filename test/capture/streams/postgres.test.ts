// PostgreSQL, by a real server: what was dumped, lost and fed back is the same, row by row; and what is not whole is
// never taken for a dump.

import { existsSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Stream } from '../../../src/capture/stream.ts';
import { openStream } from '../../../src/capture/streams/index.ts';
import { ConflictError, UsageError } from '../../../src/errors.ts';
import {
  bytesOf,
  children,
  describeStream,
  failureOf,
  inChunks,
  started,
  textOf,
  whole,
} from '../../contract/stream.ts';
import { missingFor, type Server, skipFor, startPostgres } from '../../support/databases.ts';

const LONG = process.env.STRONGROOM_LONG === '1';
const ROWS = 20_000;
const PASSWORD = 'p@ss/w:rd#1 %41';

const SCHEMA = `
  create table trades (id bigint primary key, at timestamptz, price numeric(40, 18), note text, blob bytea, doc jsonb,
    tags text[], ratio double precision, ok boolean, who uuid);
  insert into trades select i, timestamptz '2026-01-01 UTC' + i * interval '1 s', i::numeric * 1234567890123456789 / 7,
    case i % 5 when 0 then null when 1 then 'naïve 🦊 ' || i when 2 then E'tab\\t, line\\n, \\\\. and "quotes"' when 3 then ''
      else md5(i::text) end,
    case when i % 7 = 0 then null else decode(md5(i::text), 'hex') || '\\x00ff'::bytea end,
    jsonb_build_object('i', i, 'deep', jsonb_build_array(null, 1.5, 'é')), array['a', null, 'c,"d'], 1e300 / i, i % 2 = 0,
    md5(i::text)::uuid from generate_series(1, ${ROWS}) i;
  insert into trades values (0, 'infinity', 'NaN', null, null, null, null, 'NaN', null, null);
  create table "Odd ""name""" (a int generated always as identity, b text);
  insert into "Odd ""name""" (b) values ('one'), ('two');
  create view recent as select * from trades where id > 19000;
  create function twice(int) returns int language sql as 'select 2 * $1';
  create sequence counter start 4711; select nextval('counter');`;

describe.skipIf(skipFor.postgres)(
  `PostgreSQL${missingFor.postgres.map((name) => ` (needs ${name})`)}`,
  () => {
    let server: Server;
    let directory: string;
    const base = () => ({ host: server.socket, port: server.port });
    const ground = (env: Readonly<Record<string, string | undefined>> = {}) => ({
      root: directory,
      env: { PATH: process.env.PATH, PW: PASSWORD, ADMIN: server.password, ...env },
    });
    const open = (settings: object, env: Readonly<Record<string, string | undefined>> = {}): Stream =>
      openStream({ name: 'db', type: 'postgres', settings: { ...base(), ...settings } }, ground(env));
    const asOwner = { user: 'shop', password: { env: 'PW' } };
    const asAdmin = { user: 'postgres', password: { env: 'ADMIN' } };
    /** Everything in a database, as text. */
    const contents = async (database: string) =>
      (
        await Promise.all(
          [
            'select * from trades order by id',
            'select * from "Odd ""name""" order by a',
            'select count(*) from recent',
            'select twice(21), last_value from counter',
          ].map((text) => server.query(text, database)),
        )
      ).join('\n');
    const databases = async () =>
      (await server.query('select datname from pg_database order by 1')).split('\n');

    beforeAll(async () => {
      directory = mkdtempSync(join(tmpdir(), 'pg-'));
      server = await startPostgres();
      await server.query(`create role shop login createdb password '${PASSWORD.replaceAll("'", "''")}'`);
      await server.query('create database shop owner shop');
      await server.query(`set role shop; ${SCHEMA}`, 'shop');
    });
    afterAll(async () => {
      await server?.stop();
      rmSync(directory, { recursive: true, force: true });
    });

    describeStream('postgres', async () => ({
      open: (env, settings) => open({ database: 'shop', ...asOwner, ...settings }, env),
      failing: () =>
        open({ database: 'shop', user: 'shop', password: { env: 'WRONG' } }, { WRONG: 'Tr0ub4dor&3' }),
      secrets: [PASSWORD, encodeURIComponent(PASSWORD), 'Tr0ub4dor&3'],
      rehearsal: {
        asks: [
          "select count(*), 'naïve' from trades union all select max(id), null from trades order by 1",
          `${ROWS}\t\n${ROWS + 1}\tnaïve`,
        ],
        refused: [
          [`select '${PASSWORD}' from tradez`, /there is no such table/],
          [`select '${PASSWORD}'::int`, /a query failed$/],
          [`selec '${PASSWORD}'`, /it is no SQL/],
          [`insert into trades (id, note) values (-1, '${PASSWORD}')`, /it would change something/],
        ],
        long: 'select * from trades',
        endless: 'select pg_sleep(600)',
        state: async () => `${await databases()}${await contents('shop')}`,
      },
    }));

    it.each(['custom', 'plain'])('is the same after it was lost and fed back (%s)', async (format) => {
      const before = await contents('shop');
      expect(before.split('\n').length).toBeGreaterThan(ROWS);
      const stream = open({ database: 'shop', format, ...asOwner });
      const dump = await whole(stream.dump());
      expect(stream.facts).toMatchObject({
        database: 'shop',
        format,
        server: expect.stringMatching(/^\d+\.\d+$/),
      });
      await server.query(`create database lost_${format} template shop owner shop`);
      await server.query(`drop database lost_${format}`);
      const loaded = await stream.load(inChunks(dump), { into: `lost_${format}` });
      expect(loaded.into).toBe(`database lost_${format}`);
      expect(await contents(`lost_${format}`)).toBe(before);
      // What an application would break on.
      expect(
        await server.query("select tableowner from pg_tables where tablename = 'trades'", `lost_${format}`),
      ).toBe('shop\n');
    });

    it('is loaded into a database of its own unless one is named', async () => {
      const stream = open({ database: 'shop', ...asOwner, tables: ['"Odd ""name"""'] });
      const { into, hint } = await stream.load(stream.dump(), {});
      const name = into.replace('database ', '');
      expect(name).toMatch(/^shop_restored_[0-9a-z]{5}$/);
      expect(hint).toContain(`dropdb ${name}`);
      expect(await server.query('select b from "Odd ""name""" order by a', name)).toBe('one\ntwo\n');
    });

    it('replaces a live database only when told, all of it or nothing', async () => {
      const before = await contents('shop');
      await server.query('create database live template shop owner shop');
      const stream = open({ database: 'live', ...asOwner });
      const dump = await whole(stream.dump());
      await server.query(
        "delete from trades where id % 2 = 0; update trades set note = 'broken'; drop view recent",
        'live',
      );
      const broken = await server.query('select * from trades order by id', 'live');

      await expect(stream.load(inChunks(dump), { into: 'live' })).rejects.toThrow(ConflictError);
      const half = inChunks(dump.subarray(0, dump.length / 2));
      await expect(stream.load(half, { into: 'live', isLive: true })).rejects.toMatchObject({
        code: 'stream-failed',
      });
      expect(await server.query('select * from trades order by id', 'live')).toBe(broken);

      await stream.load(inChunks(dump), { into: 'live', isLive: true });
      expect(await contents('live')).toBe(before);
    });

    it('says what a role lacks, and lets one replace what it may not make', async () => {
      await server.query("create role clerk login password 'clerk'");
      await server.query('create database ledger_of owner clerk');
      await server.query('set role clerk; create table t (a int); insert into t values (1)', 'ledger_of');
      const clerk = { user: 'clerk', password: { env: 'CLERK' } };
      const stream = open({ database: 'ledger_of', ...clerk }, { CLERK: 'clerk' });
      const dump = await whole(stream.dump());
      await expect(stream.load(inChunks(dump), {})).rejects.toMatchObject({
        hint: 'its role needs CREATEDB',
      });
      await server.query('update t set a = 2', 'ledger_of');
      await stream.load(inChunks(dump), { into: 'ledger_of', isLive: true });
      expect(await server.query('select a from t', 'ledger_of')).toBe('1\n');

      // A machine that has never heard of the owner.
      await server.query('drop database ledger_of');
      await server.query('drop role clerk');
      const elsewhere = open({ database: 'ledger_of', ...asAdmin }).load(inChunks(dump), {
        isLive: true,
        into: 'fresh',
      });
      await expect(elsewhere).rejects.toMatchObject({ hint: expect.stringContaining('format: globals') });
      expect(await databases()).not.toContain('fresh');
    });

    it('leaves no database behind when a load fails, whatever it fails of', async () => {
      const stream = open({ database: 'shop', ...asOwner });
      const dump = await whole(stream.dump());
      const names = await databases();
      await expect(stream.load(inChunks(dump.subarray(0, -1000)), {})).rejects.toMatchObject({
        code: 'stream-failed',
      });
      async function* torn(): AsyncGenerator<Buffer> {
        yield* inChunks(dump.subarray(0, 500_000));
        throw new Error('the vault is damaged');
      }
      await expect(stream.load(torn(), {})).rejects.toThrow('the vault is damaged');
      expect(await databases()).toEqual(names);
    });

    it('quotes no row when a load fails', async () => {
      const secret = 'hunter2 of the customer';
      for (const sql of [
        `create table t (a int primary key, b text);\nCOPY t FROM stdin;\n1\t${secret}\n1\t${secret}\n\\.\n`,
        `create table t (a int);\nCOPY t FROM stdin;\n${secret}\n\\.\n`,
        `create table t (a int);\ninsert into t values ('${secret}');\n`,
        `create table t (a int) ${secret};\n`,
      ]) {
        const error = await open({ database: 'shop', format: 'plain', ...asOwner })
          .load(inChunks(Buffer.from(sql)), {})
          .catch((cause) => cause);
        expect(error.code).toBe('stream-failed');
        expect(error.stderr).toContain('ERROR');
        expect(textOf(error)).not.toContain('hunter2');
      }
    });

    describe('a dump that was not made for whoever loads it', () => {
      const refused = { code: 'stream-not-loadable', constructor: UsageError };
      let mark: string;
      beforeAll(() => {
        mark = join(directory, 'touched');
      });

      it.each([
        ['plain', 'custom'],
        ['custom', 'plain'],
        ['globals', 'custom'],
        ['globals', 'plain'],
        ['plain', 'globals'],
      ])('is refused when it is %s and the settings say %s', async (sent, configured) => {
        const names = await databases();
        const dumped = open({
          ...(sent === 'globals' ? asAdmin : { database: 'shop', tables: ['"Odd"*'], ...asOwner }),
          format: sent,
        });
        const dump = await whole(dumped.dump());
        const stream = open({ database: 'shop', format: configured, ...asOwner });
        await expect(stream.load(inChunks(dump), { into: 'foreign' })).rejects.toMatchObject({
          ...refused,
          message: expect.stringContaining(configured),
        });
        expect(await databases()).toEqual(names);
      });

      const KEY = 'a'.repeat(63);
      it.each([
        ['at once', (command: string) => command],
        ['after a statement', (command: string) => `create table t (a int);\n${command}`],
        ['at the end of one', (command: string) => `select 1 ${command}`],
        [
          'after a key of its own',
          (command: string) => `--\n\n\\restrict ${KEY}\n\\unrestrict ${KEY}\n${command}`,
        ],
        ['before the end of a key of its own', (c: string) => `\\restrict ${KEY}\n${c}\\unrestrict ${KEY}\n`],
        ['with a key that it guessed', (command: string) => `\\unrestrict ${KEY}\n${command}`],
        ['without a key', (command: string) => `\\unrestrict\n${command}`],
        [
          'after rows',
          (command: string) => `create table t (a int);\ncopy t from stdin;\n1\n\\.\n${command}`,
        ],
      ])('has psql run none of its commands: %s', async (_, make) => {
        const names = await databases();
        for (const command of [
          `\\! touch ${mark}\n`,
          `\\o |touch ${mark}\n`,
          `\\g |touch ${mark}\n`,
          `\\set x \`touch ${mark}\`\n`,
          `\\copy t from program 'touch ${mark}'\n`,
        ]) {
          const stream = open({ database: 'shop', format: 'plain', ...asOwner });
          const error = await stream
            .load(inChunks(Buffer.from(make(command)), 7), {})
            .catch((cause: unknown) => cause);
          expect(error, command).toMatchObject({ code: 'stream-failed' });
          expect(existsSync(mark), command).toBe(false);
        }
        expect(await databases()).toEqual(names);
      });

      it('is refused where psql cannot be kept from that', async () => {
        const bin = join(directory, 'old-bin');
        mkdirSync(bin);
        const script = `#!/bin/sh\n[ "$*" = --help=commands ] && { echo '  \\q  quit'; exit; }\ntouch ${mark}\n`;
        writeFileSync(join(bin, 'psql'), script, { mode: 0o755 });
        const names = await databases();
        const stream = open(
          { database: 'shop', format: 'plain', ...asOwner },
          { PATH: `${bin}:${process.env.PATH}` },
        );
        await expect(stream.load(inChunks(Buffer.from('select 1;\n')), {})).rejects.toMatchObject({
          ...refused,
          hint: expect.stringContaining('psql'),
        });
        expect(existsSync(mark)).toBe(false);
        expect(await databases()).toEqual(names);
      });
    });

    it('refuses to pour plain SQL over a live database, and roles anywhere', async () => {
      const plain = open({ database: 'shop', format: 'plain', ...asOwner });
      const roles = open({ format: 'globals', ...asAdmin });
      const text = (await whole(roles.dump())).toString();
      expect(text).toContain('CREATE ROLE shop;');
      const refused = { code: 'stream-not-loadable', constructor: UsageError };
      await expect(plain.load(plain.dump(), { into: 'shop', isLive: true })).rejects.toMatchObject(refused);
      await expect(roles.load(inChunks(Buffer.from(text)), {})).rejects.toMatchObject(refused);
    });

    it.each([
      ['libpq', (at: string) => `postgresql://shop:${at}/shop`],
      ['SQLAlchemy', (at: string) => `postgresql+psycopg2://shop:${at}/shop?connect_timeout=5`],
      ['asyncpg', (at: string) => `postgresql+asyncpg://shop:${at}/shop?ssl=disable`],
      ['Rails', (at: string) => `postgres://shop:${at}/shop?pool=5&encoding=unicode&sslmode=prefer`],
      ['Django, for the tables of one application', (at: string) => `postgis://shop:${at}/shop`],
    ])('takes an address as %s has it', async (_, make) => {
      const address = make(`${encodeURIComponent(PASSWORD)}@127.0.0.1:${server.port}`);
      writeFileSync(join(directory, '.env'), `DATABASE_URL=${address}\n`, { mode: 0o600 });
      const settings = { url: { dotenv: '.env', key: 'DATABASE_URL' }, tables: ['public."Odd"*'] };
      const stream = openStream({ name: 'db', type: 'postgres', settings }, ground({ PGHOST: '/nowhere' }));
      expect(await bytesOf(stream.dump())).toBeGreaterThan(1000);
      expect(stream.facts.database).toBe('shop');
    });

    it('takes the path of a socket in an address', async () => {
      const host = encodeURIComponent(server.socket);
      for (const URL of [
        `postgresql://shop:${encodeURIComponent(PASSWORD)}@${host}:${server.port}/shop`,
        `postgresql://shop:${encodeURIComponent(PASSWORD)}@/shop?host=${server.socket}&port=${server.port}`,
      ]) {
        const stream = openStream(
          { name: 'db', type: 'postgres', settings: { url: { env: 'URL' }, excludeTables: ['trades'] } },
          ground({ URL }),
        );
        expect(await bytesOf(stream.dump())).toBeGreaterThan(1000);
      }
    });

    it('fails, and says how, when a password is wrong or nobody answers', async () => {
      const wrong = await failureOf(
        open({ database: 'shop', user: 'shop', password: { env: 'W' } }, { W: 'wrong' }),
      );
      expect(wrong).toMatchObject({
        code: 'stream-failed',
        message: 'stream db: pg_dump failed with status 1',
      });
      expect(wrong.stderr).toContain('password authentication failed');
      const nobody = await failureOf(open({ database: 'shop', ...asOwner, port: 1 }));
      expect(nobody).toMatchObject({
        code: 'stream-failed',
        stderr: expect.stringContaining('No such file'),
      });
      const none = await failureOf(open({ database: 'nonesuch', ...asOwner }));
      expect(none.stderr).toContain('database "nonesuch" does not exist');
    });

    it('asks for no password where none is set', async () => {
      const error = await failureOf(open({ database: 'shop', user: 'shop' }));
      expect(error.stderr).toContain('no password supplied');
    });

    it('waits for a locked table as long as it may, and no longer', async () => {
      const locked = server
        .query('begin; lock table trades in access exclusive mode; select pg_sleep(60)', 'shop')
        .catch(() => {});
      const holders =
        "select count(*) from pg_locks where mode = 'AccessExclusiveLock' and relation = 'trades'::regclass and granted";
      while ((await server.query(holders, 'shop')) === '0\n');
      const before = children();
      const [waited, timed] = await Promise.all([
        failureOf(open({ database: 'shop', ...asOwner, lockTimeout: '1s' })),
        failureOf(open({ database: 'shop', ...asOwner, timeout: '2s' })),
      ]);
      expect(waited.code).toBe('stream-locked');
      expect(timed).toMatchObject({
        code: 'stream-timeout',
        message: 'stream db: pg_dump took longer than 2 s',
      });
      expect(started(before)).toEqual([]);
      await server.query(
        "select pg_terminate_backend(pid) from pg_stat_activity where query like 'begin; lock%'",
      );
      await locked;
    });

    it('is not taken for whole when pg_dump is killed', async () => {
      const before = children();
      const seen: Buffer[] = [];
      const reading = async () => {
        for await (const chunk of open({ database: 'shop', ...asOwner }).dump()) {
          if (seen.push(chunk) > 1) continue;
          const pid = [...children()].find(
            ([id, line]) => !before.has(id) && line.includes('--format=custom'),
          )?.[0];
          process.kill(pid ?? Number.NaN, 'SIGKILL');
        }
      };
      await expect(reading()).rejects.toMatchObject({
        code: 'stream-failed',
        message: 'stream db: pg_dump was ended by SIGKILL',
      });
      expect(Buffer.concat(seen).subarray(0, 5).toString()).toBe('PGDMP');
      expect(started(before)).toEqual([]);
    });

    describe('a dump that was cut short though its tool ended well', () => {
      let cut: (format: string, bytes: Buffer) => Promise<string>;
      beforeAll(() => {
        const bin = join(directory, 'bin');
        mkdirSync(bin);
        writeFileSync(join(bin, 'pg_dump'), '#!/bin/sh\nexec cat "$DUMP"\n', { mode: 0o755 });
        let count = 0;
        cut = async (format, bytes) => {
          const DUMP = join(directory, `cut-${++count}`);
          writeFileSync(DUMP, bytes);
          const env = { PATH: `${bin}:${process.env.PATH}`, DUMP };
          const stream = open({ database: 'shop', format, ...asOwner }, env);
          const seen = bytesOf(stream.dump());
          return await seen.then(
            (length) => (length === bytes.length ? 'whole' : 'short'),
            (error) => error.code,
          );
        };
      });

      it.each(['custom', 'plain'])('is unfinished, wherever that was (%s)', async (format) => {
        const dump = await whole(open({ database: 'shop', format, tables: ['"Odd"*'], ...asOwner }).dump());
        expect(await cut(format, dump)).toBe('whole');
        expect(await cut(format, Buffer.alloc(0))).toBe('stream-empty');
        // The last line of plain SQL is empty, and tells nothing.
        const last = dump.toString('latin1').trimEnd().length;
        const end = format === 'custom' ? dump.length : dump.lastIndexOf('--', last - 40) + 2;
        const points = LONG
          ? Array.from({ length: end - 1 }, (_, i) => i + 1)
          : Array.from({ length: 24 }, (_, i) => (i < 8 ? end - 1 - i : Math.ceil((i * (end - 8)) / 24)));
        const codes = new Map<string, number[]>();
        const work = points.values();
        const worker = async () => {
          for (const point of work) {
            const code = await cut(format, dump.subarray(0, point));
            codes.set(code, [...(codes.get(code) ?? []), point]);
          }
        };
        await Promise.all([worker(), worker(), worker()]);
        expect([...codes.keys()]).toEqual(['stream-unfinished']);
      });
    });

    it('is not taken for whole when the server dies', async () => {
      const other = await startPostgres();
      try {
        await other.query(
          'create table t as select i, repeat(md5(i::text), 20) from generate_series(1, 20000) i',
        );
        const stream = open({
          host: other.socket,
          port: other.port,
          database: 'postgres',
          user: 'postgres',
          password: { env: 'ADMIN' },
        });
        let read = 0;
        const reading = async () => {
          for await (const chunk of stream.dump()) {
            if (read === 0) await other.kill();
            read += chunk.length;
          }
        };
        await expect(reading()).rejects.toMatchObject({ code: 'stream-failed' });
        expect(read).toBeGreaterThan(0);
      } finally {
        await other.stop();
      }
    });

    it.each([
      [{ url: { env: 'URL' }, host: 'db' }, 'has a url, and host'],
      [{ host: 'db' }, 'names no database'],
      [{ format: 'globals', tables: ['a'] }, 'has tables, and globals have none'],
      [{ database: 'shop', password: { env: 'A', file: 'b' } }, 'password of stream db must name one place'],
      [{ database: 'shop', password: { dotenv: '.env' } }, 'password of stream db must name one place'],
    ])('refuses settings that contradict each other: %j', (settings, why) => {
      expect(() => openStream({ name: 'db', type: 'postgres', settings }, ground())).toThrow(why);
    });

    it.each([
      ['mysql://shop:hunter2@db/shop', 'is no address of a PostgreSQL database'],
      ['hunter2', 'is no address of a PostgreSQL database'],
      ['postgresql://shop:hunter2@db', 'names no database'],
      ['postgresql://shop:hunter2@db/shop?sslmod=verify-full', 'has a parameter about security'],
      ['postgresql://shop:hunter2@db/shop%00x', 'is no address of a PostgreSQL database'],
    ])('refuses an address that leads nowhere, and does not quote it: %s', async (URL, why) => {
      const error = await failureOf(
        openStream({ name: 'db', type: 'postgres', settings: { url: { env: 'URL' } } }, ground({ URL })),
      );
      expect(error.code).toBe('stream-address');
      expect(error.message).toContain(why);
      expect(textOf(error)).not.toContain('hunter2');
    });
  },
);
