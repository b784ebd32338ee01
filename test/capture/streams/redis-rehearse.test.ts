// A dump of Redis in a drill, by a real server: who can reach it, what it obeys, and that it is gone with the drill. What
// every kind must do is in the contract.

import { spawn } from 'node:child_process';
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { buildSync } from 'esbuild';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import type { Rehearsal, StreamError } from '../../../src/capture/stream.ts';
import { redis } from '../../../src/capture/streams/redis.ts';
import { inChunks, textOf, whole } from '../../contract/stream.ts';
import { missingFor, type Server, skipFor, startRedis } from '../../support/databases.ts';

/** A dump without a checksum. */
const made = (body: Buffer, version = '0010'): Buffer =>
  Buffer.concat([Buffer.from(`REDIS${version}`), body, Buffer.from([0xff]), Buffer.alloc(8)]);

/** Command lines that run, with their ids. */
const processes = (): [number, string][] =>
  readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .flatMap((pid): [number, string][] => {
      try {
        return [[Number(pid), readFileSync(`/proc/${pid}/cmdline`, 'utf8').replaceAll('\0', ' ')]];
      } catch {
        return [];
      }
    });

describe.skipIf(skipFor.redis)(
  `Redis in a drill${missingFor.redis.map((name) => ` (needs ${name})`)}`,
  () => {
    let server: Server;
    let directory: string;
    let dump: Buffer;
    const stream = () =>
      redis.open(
        'cache',
        { host: server.socket, password: { env: 'PW' } },
        { root: join(directory, 'gone'), env: { PATH: process.env.PATH, PW: server.password } },
      );
    const rehearse = async (bytes = dump, at = directory): Promise<Rehearsal> => {
      const { rehearse: run } = stream();
      if (!run) throw new Error('cannot be rehearsed');
      return await run(inChunks(bytes), { directory: at });
    };
    const failure = (work: Promise<unknown>): Promise<StreamError> =>
      work.then(
        () => expect.unreachable(),
        (error) => error,
      );

    beforeAll(async () => {
      directory = mkdtempSync(join(tmpdir(), 'rd-'));
      server = await startRedis();
      await server.query('set a b\nhset h "one key" 1 two 2\nrpush l x y');
      await server.query(
        `function load "#!lua name=own\\nredis.register_function{function_name='read', callback=function() return 7 end, flags={'no-writes'}}"`,
      );
      dump = await whole(
        redis
          .open(
            'cache',
            { host: server.socket, password: { env: 'PW' } },
            { root: directory, env: { PATH: process.env.PATH, PW: server.password } },
          )
          .dump(),
      );
    });
    afterAll(async () => {
      await server?.stop();
      rmSync(directory, { recursive: true, force: true });
    });

    it('answers as redis-cli does, a line for a row', async () => {
      const rehearsal = await rehearse();
      try {
        for (const [query, answer] of [
          ['DBSIZE', '3'],
          ['GET a', 'b'],
          ['GET nothing', ''],
          ['LRANGE l 0 -1', 'x\ny'],
          ['hget h "one key"\n', '1'],
          ['EXISTS a l', '2'],
        ]) {
          expect(await rehearsal.query(query ?? ''), query).toBe(answer);
        }
        expect(await rehearsal.query('INFO keyspace')).toContain('db0:keys=3');
        await expect(rehearsal.query('GET a\nGET b')).rejects.toMatchObject({ code: 'stream-not-askable' });
      } finally {
        await rehearsal.drop();
      }
    });

    it('is reached by nobody else, and obeys nothing that was in the dump', async () => {
      const rehearsal = await rehearse();
      try {
        const [place = ''] = readdirSync(directory).filter((name) => name.startsWith('cache_restored_'));
        expect(statSync(join(directory, place)).mode & 0o777).toBe(0o700);
        expect(statSync(join(directory, place, 's')).mode & 0o777).toBe(0o700);
        expect(readdirSync(join(directory, place))).toEqual(['s']);
        // As it shows its title, it has no port.
        const titles = processes().filter(([, line]) => line.includes(place) && line.includes('unixsocket:'));
        expect(titles.length).toBe(1);
        expect(titles[0]?.[1]).not.toMatch(/[*\d]:\d/);
        for (const query of [
          'FCALL_RO read 0',
          'FCALL read 0',
          'SHUTDOWN',
          'REPLICAOF localhost 1',
          'MONITOR',
        ]) {
          const error = await failure(rehearsal.query(query));
          expect(error.message, query).toContain('it is no command that only reads');
        }
        // Another protocol, for that connection alone.
        expect((await failure(rehearsal.query('HELLO 3'))).message).toBe('stream cache: a query failed');
        expect(await rehearsal.query('DBSIZE')).toBe('3');
      } finally {
        await rehearsal.drop();
      }
      expect(readdirSync(directory)).toEqual([]);
    });

    it('says why a server does not take a dump, and quotes no key', async () => {
      const newer = made(Buffer.alloc(0), '9999');
      const unknown = made(Buffer.from('\xfe\0\x63\x05hunte', 'latin1'));
      for (const [bytes, hint] of [
        [newer, /newer server/],
        [unknown, /^$/],
      ] as const) {
        const error = await failure(rehearse(bytes));
        expect(error.code).toBe('stream-failed');
        expect(error.message).toContain('cannot be started with the dump');
        expect(error.hint ?? '').toMatch(hint);
        expect(textOf(error)).not.toContain('hunte');
        expect(readdirSync(directory)).toEqual([]);
      }
    });

    it('takes a dump of a server with more databases than there are by default', async () => {
      const rehearsal = await rehearse(made(Buffer.from('\xfe\x40\x64\0\x01a\x01b', 'latin1')));
      expect(await rehearsal.query('INFO keyspace')).toContain('db100:keys=1');
      await rehearsal.drop();
    });

    it('gives a dump that unfolds into more than its size tells no more memory for it', async () => {
      // Keys of 64 MiB of zeros, each in 762 KB: a byte, and again and again 264 times the one before (LZF).
      const again = Buffer.concat([Buffer.from([0, 0]), Buffer.from('e0ff00'.repeat(254_200), 'hex')]);
      const unfolded = 1 + 254_200 * 264;
      const length = (n: number) => {
        const bytes = Buffer.from([0x80, 0, 0, 0, 0]);
        bytes.writeUInt32BE(n, 1);
        return bytes;
      };
      const key = (name: string) =>
        Buffer.concat([
          Buffer.from(`\0\x01${name}\xc3`, 'latin1'),
          length(again.length),
          length(unfolded),
          again,
        ]);
      const bomb = (keys: string) => made(Buffer.concat([Buffer.from([0xfe, 0]), ...[...keys].map(key)]));
      // So that the other one fails for its size alone.
      const small = await rehearse(bomb('a'));
      expect(await small.query('STRLEN a')).toBe(String(unfolded));
      await small.drop();
      const error = await failure(rehearse(bomb('abcdefghij')));
      expect(error.code).toBe('stream-failed');
      expect(error.hint).toMatch(/512 MiB of memory/);
      expect(readdirSync(directory)).toEqual([]);
    });

    it('gives a load ten minutes and a query one, whatever time the stream has', async () => {
      const limits = vi.spyOn(AbortSignal, 'timeout');
      try {
        const rehearsal = await rehearse();
        await rehearsal.query('DBSIZE');
        await rehearsal.drop();
        expect(limits.mock.calls).toEqual([[600_000], [60_000]]);
        limits.mockClear();
        const short = redis.open('cache', { timeout: '7s' }, { root: directory, env: process.env });
        const again = await short.rehearse!(inChunks(dump), { directory });
        await again.query('DBSIZE');
        await again.drop();
        expect(limits.mock.calls).toEqual([[7000], [7000]]);
      } finally {
        limits.mockRestore();
      }
    });

    it('says so where its directory has too long a name for a socket', async () => {
      const deep = join(directory, 'd'.repeat(100));
      mkdirSync(deep);
      expect((await failure(rehearse(dump, deep))).hint).toContain('shorter name');
      expect(readdirSync(deep)).toEqual([]);
      rmSync(deep, { recursive: true });
    });

    it('is gone with a drill that was killed', async () => {
      const at = join(directory, 'killed');
      mkdirSync(at);
      writeFileSync(join(directory, 'dump'), dump);
      const bundle = join(directory, 'bundle.mjs');
      const entry = new URL('../../../src/capture/streams/redis.ts', import.meta.url).pathname;
      buildSync({ entryPoints: [entry], bundle: true, platform: 'node', format: 'esm', outfile: bundle });
      const script = `
      import { createReadStream } from 'node:fs';
      import { redis } from ${JSON.stringify(bundle)};
      const [dump, directory] = process.argv.slice(1);
      const stream = redis.open('cache', {}, { root: '/', env: process.env });
      const rehearsal = await stream.rehearse(createReadStream(dump), { directory });
      console.log(await rehearsal.query('DBSIZE'));
      setInterval(() => {}, 1000);`;
      const args = ['--input-type=module', '-e', script, join(directory, 'dump'), at];
      const child = spawn(process.execPath, args, { stdio: ['ignore', 'pipe', 'inherit'] });
      const answer = await new Promise((resolve) =>
        child.stdout.once('data', (text) => resolve(String(text))),
      );
      expect(answer).toBe('3\n');
      const running = () => processes().filter(([pid, line]) => line.includes(at) && pid !== child.pid);
      expect(running().length).toBeGreaterThan(0);
      child.kill('SIGKILL');
      for (let tries = 0; running().length > 0 && tries < 100; tries++) await sleep(50);
      expect(running()).toEqual([]);
    });
  },
);
