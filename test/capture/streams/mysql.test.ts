// MariaDB, by a real server: what was dumped, lost and fed back is the same, row by row; and what is not whole is never
// taken for a dump. MySQL's own tools are not on Debian: what differs for them is tested by their arguments.

import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Stream } from '../../../src/capture/stream.ts';
import { openStream } from '../../../src/capture/streams/index.ts';
import { ConflictError, InterruptedError } from '../../../src/errors.ts';
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
import { missingFor, type Server, skipFor, startMariadb } from '../../support/databases.ts';

const LONG = process.env.STRONGROOM_LONG === '1';
const ROWS = 20_000;
const PASSWORD = 'p@ss/w:rd#1 %41';

const SCHEMA = `
  create table trades (id bigint primary key, at datetime(6), price decimal(40, 18), note text, data blob, doc json,
    ratio double, ok boolean, big bigint unsigned) default charset utf8mb4;
  insert into trades select seq, '2026-01-01' + interval seq second, cast(seq as decimal(40, 18)) * 1234567890123 / 7,
    case seq % 5 when 0 then null when 1 then concat('naïve 🦊 ', seq) when 2 then 'tab\\t, line\\r\\n, \\\\. and "it''s"'
      when 3 then '' else md5(seq) end,
    if(seq % 7 = 0, null, concat(unhex(md5(seq)), x'00ff')), json_object('i', seq, 'deep', json_array(null, 1.5, 'é')),
    1e300 / seq, seq % 2, 18446744073709551615 - seq from seq_1_to_${ROWS};
  create table \`odd \`\`name\` (a int auto_increment primary key, b varchar(10));
  insert into \`odd \`\`name\` (b) values ('one'), ('two');
  create view recent as select * from trades where id > 19000;
  create function twice(i int) returns int deterministic return 2 * i;
  create trigger stamp before insert on \`odd \`\`name\` for each row set new.b = upper(new.b);
  create event nightly on schedule every 1 day do delete from trades where id < 0;`;

describe.skipIf(skipFor.mariadb)(`MariaDB${missingFor.mariadb.map((name) => ` (needs ${name})`)}`, () => {
  let server: Server;
  let directory: string;
  const ground = (env: Readonly<Record<string, string | undefined>> = {}) => ({
    root: directory,
    env: { PATH: process.env.PATH, PW: PASSWORD, ...env },
  });
  const open = (settings: object, env: Readonly<Record<string, string | undefined>> = {}): Stream =>
    openStream(
      {
        name: 'db',
        type: 'mysql',
        settings: { host: server.socket, user: 'shop', password: { env: 'PW' }, ...settings },
      },
      ground(env),
    );
  /** Everything in a database, as text. */
  const contents = async (database: string) =>
    await server.query(
      `select id, at, price, note, hex(data), doc, ratio, ok, big from trades order by id;
       select * from \`odd \`\`name\` order by a; select count(*) from recent; select twice(21);
       select trigger_name from information_schema.triggers where trigger_schema = '${database}';
       select event_name from information_schema.events where event_schema = '${database}'`,
      database,
    );
  const databases = () => server.query('show databases');

  beforeAll(async () => {
    directory = mkdtempSync(join(tmpdir(), 'my-'));
    server = await startMariadb();
    await server.query(
      `create user shop identified by '${PASSWORD}'; grant all on *.* to shop; create database shop`,
    );
    await server.query(SCHEMA, 'shop');
  });
  afterAll(async () => {
    await server?.stop();
    rmSync(directory, { recursive: true, force: true });
  });

  describeStream('mysql', async () => ({
    open: (env, settings) => open({ database: 'shop', ...settings }, env),
    failing: () => open({ database: 'shop', password: { env: 'WRONG' } }, { WRONG: 'Tr0ub4dor&3' }),
    secrets: [PASSWORD, encodeURIComponent(PASSWORD), 'Tr0ub4dor&3'],
    rehearsal: {
      asks: [
        "select count(*), 'naïve' from trades union all select max(id) + 1, 'a\\tb' from trades",
        `${ROWS}\tnaïve\n${ROWS + 1}\ta\\tb`,
      ],
      refused: [
        [`select '${PASSWORD}' from tradez`, /there is no such table/],
        [`select '${PASSWORD}', prize from trades`, /there is no such column/],
        [`selec '${PASSWORD}'`, /it is no SQL/],
        [`insert into trades (id, note) values (-1, '${PASSWORD}')`, /it would change something/],
      ],
      long: 'select * from trades',
      endless: 'select sleep(600) from trades',
      state: async () => `${await databases()}${await contents('shop')}`,
    },
  }));

  it('is the same after it was lost and fed back', async () => {
    const before = await contents('shop');
    expect(before.split('\n').length).toBeGreaterThan(ROWS);
    expect(before).toContain('stamp\nnightly\n');
    const stream = open({ database: 'shop' });
    const dump = await whole(stream.dump());
    expect(stream.facts).toEqual({
      database: 'shop',
      format: 'sql',
      server: expect.stringMatching(/^\d+\.\d+/),
    });
    const loaded = await stream.load(inChunks(dump), { into: 'again' });
    expect(loaded.into).toBe('database again');
    expect(await contents('again')).toBe(before);
  });

  it('is loaded into a database of its own unless one is named', async () => {
    const stream = open({ database: 'shop', tables: ['odd `name'] });
    const { into } = await stream.load(stream.dump(), {});
    const name = into.replace('database ', '');
    expect(name).toMatch(/^shop_restored_[0-9a-z]{5}$/);
    expect(await server.query('show tables', name)).toBe('odd `name\n');
  });

  it('leaves out what is excluded', async () => {
    const text = (await whole(open({ database: 'shop', excludeTables: ['trades'] }).dump())).toString();
    expect(text).toContain('CREATE TABLE `odd ``name`');
    expect(text).not.toContain('CREATE TABLE `trades`');
  });

  it('says which tables were not kept still', async () => {
    await server.query("create database `mixed'`; use `mixed'`; create table kept (a int) engine=InnoDB");
    const notesOf = async (settings: object) => {
      const notes: string[] = [];
      await bytesOf(open({ database: "mixed'", ...settings }).dump({ onNotes: (text) => notes.push(text) }));
      return notes;
    };
    expect(await notesOf({})).toEqual([]);
    await server.query(
      'create table moving (a int) engine=MyISAM; create table other (a int) engine=Aria',
      "mixed'",
    );
    expect(await notesOf({})).toEqual([expect.stringMatching(/no transactions: moving, other$/)]);
    expect(await notesOf({ excludeTables: ['other'] })).toEqual([expect.stringMatching(/: moving$/)]);
    expect(await notesOf({ tables: ['kept'] })).toEqual([]);
  });

  it('replaces a live database only when told, and only by a dump that is whole', async () => {
    const before = await contents('shop');
    const dump = await whole(open({ database: 'shop' }).dump());
    const stream = open({ database: 'live' });
    await stream.load(inChunks(dump), { into: 'live', isLive: true });
    await server.query(
      'delete from trades where id % 2 = 0; create table since (a int); insert into since values (7)',
      'live',
    );
    const broken = await contents('live');
    const names = await databases();

    await expect(stream.load(inChunks(dump), { into: 'live' })).rejects.toThrow(ConflictError);
    async function* torn(): AsyncGenerator<Buffer> {
      yield* inChunks(dump.subarray(0, dump.length / 2));
      throw new Error('the vault is damaged');
    }
    await expect(stream.load(torn(), { into: 'live', isLive: true })).rejects.toThrow('the vault is damaged');
    const bad = Buffer.concat([dump, Buffer.from('insert into nonesuch values (1);\n')]);
    await expect(stream.load(inChunks(bad), { into: 'live', isLive: true })).rejects.toMatchObject({
      code: 'stream-failed',
    });
    expect(await contents('live')).toBe(broken);

    await stream.load(inChunks(dump), { into: 'live', isLive: true });
    expect(await contents('live')).toBe(before);
    expect(await server.query('select a from since', 'live')).toBe('7\n');
    expect(await databases()).toBe(names);
  });

  it('quotes no row when a load fails, and leaves no database behind', async () => {
    const names = await databases();
    const secret = "'hunter2 of the customer'";
    for (const sql of [
      `create table t (a varchar(99) primary key);\ninsert into t values (${secret}), (${secret});\n`,
      `create table t (a int);\ninsert into t values (${secret});\n`,
      `create table t (a int) ${secret};\n`,
      `create table t (a int) where\n\n hunter2 \n;\n`,
    ]) {
      const error = await open({ database: 'shop' })
        .load(inChunks(Buffer.from(sql)), {})
        .catch((cause) => cause);
      expect(error.code).toBe('stream-failed');
      expect(error.stderr).toContain('ERROR 1');
      expect(textOf(error)).not.toContain('hunter2');
    }
    expect(await databases()).toBe(names);
  });

  it('runs no command of the client that stands in a dump', async () => {
    const file = join(directory, 'touched');
    const sql = `create table t (a int);\n\\! touch ${file}\nsystem touch ${file}\n`;
    await expect(open({ database: 'shop' }).load(inChunks(Buffer.from(sql)), {})).rejects.toMatchObject({
      code: 'stream-failed',
    });
    expect(existsSync(file)).toBe(false);
  });

  it('reads no file of whoever loads it, whatever stands in a dump', async () => {
    const names = await databases();
    const file = join(directory, 'key.pem');
    writeFileSync(file, 'hunter2\n');
    const config = join(directory, 'my.cnf');
    writeFileSync(config, '[client]\nlocal-infile=1\n');
    const sql = `create table t (a text);\nload data local infile '${file}' into table t;\n`;
    for (const settings of [{}, { optionFile: config }]) {
      const stream = open({ database: 'shop', ...settings });
      await expect(stream.load(inChunks(Buffer.from(sql)), {})).rejects.toMatchObject({
        code: 'stream-failed',
        stderr: expect.stringMatching(/ERROR \d+ .*local|ERROR 4166/i),
      });
    }
    expect(await databases()).toBe(names);
  });

  it('says where the whole dump is when it is interrupted half-way through a replacement', async () => {
    const names = await databases();
    await server.query('create database target');
    const dump = await whole(open({ database: 'shop' }).dump());
    const bin = join(directory, 'slow-bin');
    mkdirSync(bin);
    // Asked for the second step, it tells and waits.
    const begun = join(directory, 'begun');
    writeFileSync(join(bin, 'mariadb-dump'), `#!/bin/sh\ntouch ${begun}\nexec sleep 60\n`, { mode: 0o755 });
    const stream = open({ database: 'target' }, { PATH: `${bin}:${process.env.PATH}` });
    const controller = new AbortController();
    const loading = stream
      .load(inChunks(dump), { into: 'target', isLive: true, signal: controller.signal })
      .catch((cause: unknown) => cause);
    await expect.poll(() => existsSync(begun), { timeout: 20_000 }).toBe(true);
    controller.abort();
    const error = await loading;
    expect(error).toBeInstanceOf(InterruptedError);
    const { message, hint = '' } = error as InterruptedError;
    expect(message).toContain('database target');
    const [left = ''] = /target_restored_\w{5}/.exec(hint) ?? [];
    expect(await server.query('select count(*) from trades', left)).toBe(`${ROWS}\n`);
    await server.query(`drop database ${left}; drop database target`);
    expect(await databases()).toBe(names);
  });

  it.each(['mysql', 'mysql+pymysql', 'mysql2', 'mariadb', 'jdbc:mariadb'])(
    'takes an address that begins with %s://',
    async (scheme) => {
      const URL = `${scheme}://shop:${encodeURIComponent(PASSWORD)}@127.0.0.1:${server.port}/shop?charset=utf8mb4&pool=5`;
      const stream = openStream(
        { name: 'db', type: 'mysql', settings: { url: { env: 'URL' }, tables: ['odd `name'] } },
        ground({ URL }),
      );
      expect(await bytesOf(stream.dump())).toBeGreaterThan(1000);
      expect(stream.facts.database).toBe('shop');
    },
  );

  it('fails, and says how, when a password is wrong or nobody answers', async () => {
    const wrong = await failureOf(open({ database: 'shop', password: { env: 'W' } }, { W: 'wrong' }));
    expect(wrong).toMatchObject({
      code: 'stream-failed',
      message: 'stream db: mariadb-dump failed with status 2',
    });
    expect(wrong.stderr).toContain('Access denied');
    const nobody = await failureOf(open({ database: 'shop', host: '127.0.0.1', port: 1 }));
    expect(nobody).toMatchObject({ code: 'stream-failed', stderr: expect.stringContaining("Can't connect") });
    const none = await failureOf(open({ database: 'nonesuch' }));
    expect(none.stderr).toContain('Unknown database');
  });

  it('waits for a locked table as long as it may, and no longer', async () => {
    const locked = server.query('lock tables trades write; select sleep(30)', 'shop').catch(() => {});
    const sleeping = "select id from information_schema.processlist where info = 'select sleep(30)'";
    let id = '';
    while (id === '') id = (await server.query(sleeping)).trim();
    const before = children();
    const error = await failureOf(open({ database: 'shop', timeout: '1s' }));
    expect(error).toMatchObject({
      code: 'stream-timeout',
      message: 'stream db: mariadb-dump took longer than 1 s',
    });
    expect(started(before)).toEqual([]);
    await server.query(`kill ${id}`);
    await locked;
  });

  it('is not taken for whole when its tool is killed', async () => {
    const before = children();
    let read = 0;
    const reading = async () => {
      for await (const chunk of open({ database: 'shop' }).dump()) {
        if (read === 0) {
          const pid = [...children()].find(([child]) => !before.has(child))?.[0];
          process.kill(pid ?? Number.NaN, 'SIGKILL');
        }
        read += chunk.length;
      }
    };
    await expect(reading()).rejects.toMatchObject({
      code: 'stream-failed',
      message: expect.stringContaining('was ended by SIGKILL'),
    });
    expect(read).toBeGreaterThan(0);
  });

  it('is unfinished wherever it was cut, though its tool ended well', async () => {
    const dump = await whole(open({ database: 'shop', tables: ['odd `name'] }).dump());
    const bin = join(directory, 'bin');
    mkdirSync(bin);
    writeFileSync(join(bin, 'mariadb-dump'), '#!/bin/sh\nexec cat "$DUMP"\n', { mode: 0o755 });
    const DUMP = join(directory, 'cut');
    const cut = async (bytes: Buffer) => {
      writeFileSync(DUMP, bytes);
      const stream = open({ database: 'shop' }, { PATH: `${bin}:${process.env.PATH}`, DUMP });
      return await bytesOf(stream.dump()).then(String, (error) => error.code);
    };
    expect(await cut(dump)).toBe(String(dump.length));
    expect(await cut(Buffer.alloc(0))).toBe('stream-empty');
    const count = LONG ? dump.length - 1 : 30;
    for (let i = 1; i <= count; i++) {
      const point = LONG || i > 20 ? dump.length - i : Math.ceil((i * dump.length) / 21);
      expect(await cut(dump.subarray(0, point)), String(point)).toBe('stream-unfinished');
    }
  });

  it('is dumped by mysqldump where there is no mariadb-dump, with what only that knows', async () => {
    const bin = join(directory, 'mysql-bin');
    mkdirSync(bin);
    const script =
      '#!/bin/sh\nprintf "%s " "$@" >> "$SAID"\nprintf -- "-- Server version\\t8.4.2\\n-- Dump completed\\n"\n';
    writeFileSync(join(bin, 'mysqldump'), script, { mode: 0o755 });
    const SAID = join(directory, 'said');
    const URL = `mysql://shop:${encodeURIComponent(PASSWORD)}@db:3306/shop?ssl-mode=VERIFY_CA&ssl_ca=/etc/ca.pem`;
    const stream = openStream(
      { name: 'db', type: 'mysql', settings: { url: { env: 'URL' } } },
      { root: directory, env: { PATH: bin, URL, SAID } },
    );
    expect(await bytesOf(stream.dump())).toBeGreaterThan(10);
    expect(stream.facts.server).toBe('8.4.2');
    const said = readFileSync(SAID, 'utf8');
    expect(said).toContain(
      '--no-defaults --host=db --protocol=TCP --port=3306 --user=shop --ssl-ca=/etc/ca.pem --ssl-mode=VERIFY_CA ',
    );
    expect(said).toContain('--loose-set-gtid-purged=OFF');
  });

  it.each([
    ['postgresql://shop:hunter2@db/shop', 'is no address of a MySQL database'],
    ['mysql://shop:hunter2@db/', 'names no database'],
    ['mysql://shop:hunter2@db/shop?sslmode=sideways', 'has a parameter about security'],
    ['mysql://shop:hunter2@db/shop?trustServerCertificate=true', 'has a parameter about security'],
  ])('refuses an address that leads nowhere, and does not quote it: %s', async (URL, why) => {
    const error = await failureOf(
      openStream({ name: 'db', type: 'mysql', settings: { url: { env: 'URL' } } }, ground({ URL })),
    );
    expect(error.code).toBe('stream-address');
    expect(error.message).toContain(why);
    expect(textOf(error)).not.toContain('hunter2');
  });
});
