// A dump of MariaDB in a drill, by a real server: that half a dump is none, and what a dump that somebody made up can do
// when it is asked. What every kind must do is in the contract.

import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Rehearsal, Stream, StreamError } from '../../../src/capture/stream.ts';
import { openStream } from '../../../src/capture/streams/index.ts';
import { inChunks, textOf, whole } from '../../contract/stream.ts';
import { missingFor, type Server, skipFor, startMariadb } from '../../support/databases.ts';

describe.skipIf(skipFor.mariadb)(
  `MariaDB in a drill${missingFor.mariadb.map((name) => ` (needs ${name})`)}`,
  () => {
    let server: Server;
    let directory: string;
    const open = (root = directory): Stream =>
      openStream(
        {
          name: 'db',
          type: 'mysql',
          settings: { host: server.socket, user: 'shop', database: 'shop', password: { env: 'PW' } },
        },
        { root, env: { PATH: process.env.PATH, PW: server.password } },
      );
    const databases = () => server.query('show databases');
    const rehearse = async (stream: Stream, dump: Buffer, signal?: AbortSignal): Promise<Rehearsal> => {
      if (!stream.rehearse) throw new Error('cannot be rehearsed');
      return await stream.rehearse(inChunks(dump), { directory, signal });
    };
    const failure = (work: Promise<unknown>): Promise<StreamError> =>
      work.then(
        () => expect.unreachable(),
        (error) => error,
      );

    beforeAll(async () => {
      directory = mkdtempSync(join(tmpdir(), 'my-drill-'));
      server = await startMariadb();
      // As docs/streams.md has it: one who reaches nothing but what is dumped, and scratch databases.
      await server.query(
        `create user shop identified by '${server.password}'; grant all on shop.* to shop;
         grant all on \`shop\\_restored%\`.* to shop; create database shop`,
      );
      await server.query(
        `create table trades (id int); insert into trades select seq from seq_1_to_1000;
         create definer = shop view recent as select * from trades where id > 990;
         create definer = shop function spoil() returns int modifies sql data begin
           insert into trades values (0); return 1; end;
         create definer = shop function talk() returns int begin
           signal sqlstate '45000' set message_text = 'hunter2', mysql_errno = 1146; return 1; end;`.replace(
          /(create definer[\s\S]*?end;)/g,
          'delimiter //\n$1//\ndelimiter ;\n',
        ),
        'shop',
      );
      await server.query(
        `create definer = shop sql security definer view poisoned as select spoil() as id;
         create definer = shop sql security definer view talking as select talk() as id`,
        'shop',
      );
    });
    afterAll(async () => {
      await server?.stop();
      rmSync(directory, { recursive: true, force: true });
    });

    it('lets no function of the dump write or speak when a view of it is asked', async () => {
      const before = await databases();
      const rehearsal = await rehearse(open(join(directory, 'gone')), await whole(open().dump()));
      try {
        expect(await rehearsal.query('SELECT count(*) FROM recent')).toBe('10');
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

    it('takes no dump for whole that was cut between two statements', async () => {
      const before = await databases();
      const dump = await whole(open().dump());
      const cut = dump.subarray(0, dump.lastIndexOf('\n-- Dump completed') + 1);
      expect((await failure(rehearse(open(), cut))).code).toBe('stream-unfinished');
      expect(await databases()).toBe(before);
    });

    it('is dropped though the dump is still at work, and holds what is to be dropped', async () => {
      const before = await databases();
      const dump = Buffer.from(
        'create table t (a int);\nlock tables t write;\ndo sleep(600);\n-- Dump completed\n',
      );
      const controller = new AbortController();
      setTimeout(() => controller.abort(), 1500);
      const begun = performance.now();
      await expect(rehearse(open(), dump, controller.signal)).rejects.toMatchObject({ code: 'interrupted' });
      expect(performance.now() - begun).toBeLessThan(15_000);
      expect(await databases()).toBe(before);
    });
  },
);
