// A dump of PostgreSQL in a drill, by a real server: whose it is, what of it is left out, and what a dump that somebody
// made up can do when it is asked. What every kind must do is in the contract.

import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Rehearsal, Stream, StreamError } from '../../../src/capture/stream.ts';
import { openStream } from '../../../src/capture/streams/index.ts';
import { inChunks, textOf, whole } from '../../contract/stream.ts';
import { missingFor, type Server, skipFor, startPostgres } from '../../support/databases.ts';

describe.skipIf(skipFor.postgres)(
  `PostgreSQL in a drill${missingFor.postgres.map((name) => ` (needs ${name})`)}`,
  () => {
    let server: Server;
    let directory: string;
    const open = (settings: object, root = directory): Stream =>
      openStream(
        {
          name: 'db',
          type: 'postgres',
          settings: { host: server.socket, port: server.port, password: { env: 'ADMIN' }, ...settings },
        },
        { root, env: { PATH: process.env.PATH, ADMIN: server.password } },
      );
    const asAdmin = { user: 'postgres', database: 'shop' };
    const asTester = { user: 'tester', database: 'shop' };
    const databases = () => server.query('select datname from pg_database order by 1');
    const dumped = (settings: object = asAdmin) => whole(open(settings).dump());
    const rehearse = async (stream: Stream, dump: Buffer): Promise<Rehearsal> => {
      if (!stream.rehearse) throw new Error('cannot be rehearsed');
      return await stream.rehearse(inChunks(dump), { directory });
    };
    const failure = (work: Promise<unknown>): Promise<StreamError> =>
      work.then(
        () => expect.unreachable(),
        (error) => error,
      );

    beforeAll(async () => {
      directory = mkdtempSync(join(tmpdir(), 'pg-drill-'));
      server = await startPostgres();
      await server.query(
        `create role tester login createdb password '${server.password}'; create role shop;`,
      );
      await server.query('create database shop owner shop');
      await server.query(
        `set role shop; create table trades (id int); insert into trades select generate_series(1, 1000);
         create view recent as select * from trades where id > 990; grant select on trades to public;
         create function spoil() returns int language plpgsql as $$ begin
           insert into trades values (0); return 1; exception when read_only_sql_transaction then
           raise exception 'hunter2'; end $$;
         create view poisoned as select spoil() as id;
         create function talk() returns int language plpgsql as $$ begin
           raise notice 'hunter2'; raise exception 'hunter2' using errcode = '42P01'; end $$;
         create view talking as select talk() as id;`,
        'shop',
      );
    });
    afterAll(async () => {
      await server?.stop();
      rmSync(directory, { recursive: true, force: true });
    });

    it('needs neither the roles of the dump, nor rights over them', async () => {
      const rehearsal = await rehearse(open(asTester), await dumped());
      try {
        expect(rehearsal.into).toMatch(/^database shop_restored_[0-9a-z]{5}$/);
        expect(await rehearsal.query('SELECT count(*) FROM recent')).toBe('10');
      } finally {
        await rehearsal.drop();
      }
      await expect(open(asTester).load(inChunks(await dumped()), {})).rejects.toMatchObject({
        code: 'stream-failed',
      });
    });

    it('runs without the root of the set, which the machine of a drill may not have', async () => {
      const elsewhere = open(asTester, join(directory, 'gone'));
      const rehearsal = await rehearse(elsewhere, await dumped());
      expect(await rehearsal.query('SELECT count(*) FROM trades')).toBe('1000');
      await rehearsal.drop();
    });

    it('subscribes to nothing, and can be dropped where the database had subscribed', async () => {
      await server.query('create database fed');
      await server.query(
        `create subscription s connection 'host=/nowhere' publication p with (connect = false, slot_name = none)`,
        'fed',
      );
      const before = await databases();
      const dump = await dumped({ user: 'postgres', database: 'fed' });
      const rehearsal = await rehearse(open({ user: 'postgres', database: 'fed' }), dump);
      expect(
        await rehearsal.query(
          'SELECT count(*) FROM pg_subscription WHERE subdbid IN (SELECT oid FROM pg_database WHERE datname = current_database())',
        ),
      ).toBe('0');
      await rehearsal.drop();
      expect(await databases()).toBe(before);
    });

    it('lets no function of the dump write or speak when a view of it is asked', async () => {
      const before = await databases();
      const rehearsal = await rehearse(open(asTester), await dumped());
      try {
        for (const view of ['poisoned', 'talking']) {
          const error = await failure(rehearsal.query(`SELECT count(id) FROM ${view}`));
          expect(error.code).toBe('stream-failed');
          expect(textOf(error)).not.toContain('hunter2');
        }
        expect(await rehearsal.query('SELECT count(*) FROM trades')).toBe('1000');
      } finally {
        await rehearsal.drop();
      }
      expect(await databases()).toBe(before);
    });

    it('takes no plain dump for whole that was cut between two statements', async () => {
      const before = await databases();
      const plain = open({ ...asAdmin, format: 'plain' });
      const dump = await whole(plain.dump());
      const cut = dump.subarray(0, dump.lastIndexOf('\nGRANT'));
      expect((await failure(rehearse(plain, cut))).code).toBe('stream-unfinished');
      expect(await databases()).toBe(before);
      const rehearsal = await rehearse(plain, dump);
      expect(await rehearsal.query('SELECT count(*) FROM trades;')).toBe('1000');
      await rehearsal.drop();
      expect(await databases()).toBe(before);
    });

    it('cannot be drilled with roles, and refuses another format than the settings have', async () => {
      expect(open({ user: 'postgres', format: 'globals' }).rehearse).toBeUndefined();
      const error = await failure(rehearse(open({ ...asTester, format: 'plain' }), await dumped()));
      expect(error.code).toBe('stream-not-loadable');
    });

    it('says what is left when it cannot be dropped, and drops it when asked again', async () => {
      const before = await databases();
      const rehearsal = await rehearse(open(asTester), await dumped());
      const name = rehearsal.into.replace('database ', '');
      await server.query(`alter database ${name} is_template true`);
      const error = await failure(rehearsal.drop());
      expect(error.message).toBe(`stream db: database ${name} is not dropped`);
      expect(error.hint).toContain(`dropdb --force ${name}`);
      await server.query(`alter database ${name} is_template false`);
      await rehearsal.drop();
      expect(await databases()).toBe(before);
    });
  },
);
