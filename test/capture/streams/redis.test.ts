// Redis, by a real server: what was dumped, lost and given to a new server is the same; and what is not whole is never
// taken for a dump.

import { mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Stream } from '../../../src/capture/stream.ts';
import { openStream } from '../../../src/capture/streams/index.ts';
import { provenRdb } from '../../../src/capture/streams/rdb.ts';
import { ConflictError } from '../../../src/errors.ts';
import { bytesOf, describeStream, failureOf, inChunks, textOf, whole } from '../../contract/stream.ts';
import { missingFor, type Server, skipFor, startRedis } from '../../support/databases.ts';

const FILL = `eval "for i = 1, 20000 do
  redis.call('set', 'text:' .. i, string.rep(redis.sha1hex(i), 3));
  redis.call('hset', 'hash:' .. i % 100, 'field' .. i, i * 3.25);
  redis.call('rpush', 'list:' .. i % 100, i);
  redis.call('sadd', 'set:' .. i % 100, 'member' .. i);
  redis.call('zadd', 'sorted:' .. i % 100, i / 7, 'member' .. i);
  redis.call('xadd', 'stream:' .. i % 10, i .. '-1', 'a', i); end
  redis.call('set', 'binary', '\\\\0\\\\255\\\\r\\\\n'); redis.call('set', 'number', '9223372036854775807');
  redis.call('set', 'later', 'x', 'PXAT', 4102444800000)" 0`.replaceAll('\n', ' ');

describe.skipIf(skipFor.redis)(`Redis${missingFor.redis.map((name) => ` (needs ${name})`)}`, () => {
  let server: Server;
  let directory: string;
  const ground = (env: Readonly<Record<string, string | undefined>> = {}) => ({
    root: directory,
    env: { PATH: process.env.PATH, PW: server.password, ...env },
  });
  const open = (settings: object = {}, env: Readonly<Record<string, string | undefined>> = {}): Stream =>
    openStream(
      {
        name: 'cache',
        type: 'redis',
        settings: { host: server.socket, password: { env: 'PW' }, ...settings },
      },
      ground(env),
    );
  const byUrl = (URL: string): Stream =>
    openStream({ name: 'cache', type: 'redis', settings: { url: { env: 'URL' } } }, ground({ URL }));
  /** Of every key, its type, value and expiry. */
  const digest = async (of: Server) => `${await of.query('dbsize')}${await of.query('debug digest')}`;

  beforeAll(async () => {
    directory = mkdtempSync(join(tmpdir(), 'redis-'));
    server = await startRedis();
    await server.query(FILL);
  });
  afterAll(async () => {
    await server?.stop();
    rmSync(directory, { recursive: true, force: true });
  });

  describeStream('redis', async () => ({
    open: (env, settings) => open(settings, env),
    failing: () => open({ password: { env: 'WRONG' } }, { WRONG: 'Tr0ub4dor&3' }),
    secrets: [server.password, 'Tr0ub4dor&3'],
    rehearsal: {
      asks: ['XRANGE "stream:1" 11-1 21-1', '11-1\ta\t11\n21-1\ta\t21'],
      refused: [
        [`EXITS ${server.password}`, /a query failed/],
        [`HGET text:1 ${server.password}`, /the key is of another type/],
        [`GET ${server.password} too`, /too many arguments/],
        [`SET text:1 ${server.password}`, /no command that only reads/],
        [`EVAL "return 1" 0 ${server.password}`, /no command that only reads/],
        [`CONFIG SET dir /${server.password}`, /no command that only reads/],
        [`GET "${server.password}`, /a query failed/],
      ],
      long: 'KEYS *',
      endless: 'XREAD BLOCK 0 STREAMS stream:1 $',
      state: () => digest(server),
    },
  }));

  it.each(['yes', 'no'])(
    'is the same after it was lost and given to a new server (diskless: %s)',
    async (diskless) => {
      await server.query(`config set repl-diskless-sync ${diskless}`);
      const before = await digest(server);
      expect(before).toMatch(/^20[45]\d\d\n[0-9a-f]{40}\n$/);
      const stream = open();
      const notes: string[] = [];
      const dump = await whole(stream.dump({ onNotes: (text) => notes.push(text) }));
      expect(notes).toEqual([]);
      expect(stream.facts).toEqual({ format: 'rdb', server: expect.stringMatching(/^\d+\.\d+\.\d+$/) });
      const { into, hint } = await stream.load(inChunks(dump), { into: `lost-${diskless}.rdb` });
      expect(into).toBe(`file lost-${diskless}.rdb`);
      expect(hint).toContain('DBSIZE');
      const file = join(directory, `lost-${diskless}.rdb`);
      expect(statSync(file).mode & 0o777).toBe(0o600);
      const other = await startRedis(file);
      try {
        expect(await digest(other)).toBe(before);
      } finally {
        await other.stop();
      }
    },
  );

  it('is written to a file of its own unless one is named, and over one only when told', async () => {
    const dump = await whole(open().dump());
    const stream = open();
    const { into } = await stream.load(inChunks(dump), {});
    expect(into).toMatch(/^file .*\/dump_restored_[0-9a-z]{5}\.rdb$/);
    writeFileSync(join(directory, 'here.rdb'), 'old');
    await expect(stream.load(inChunks(dump), { into: 'here.rdb' })).rejects.toThrow(ConflictError);
    const names = readdirSync(directory);
    const torn = inChunks(dump.subarray(0, -1));
    await expect(stream.load(torn, { into: 'here.rdb', isLive: true })).rejects.toMatchObject({
      code: 'stream-unfinished',
    });
    expect(readFileSync(join(directory, 'here.rdb'), 'utf8')).toBe('old');
    expect(readdirSync(directory)).toEqual(names);
    await stream.load(inChunks(dump), { into: 'here.rdb', isLive: true });
    expect(readFileSync(join(directory, 'here.rdb')).equals(dump)).toBe(true);
  });

  it('takes addresses', async () => {
    await server.query('acl setuser shop on >p@ss/w:rd allkeys +@all');
    for (const address of [
      `redis://:${server.password}@127.0.0.1:${server.port}/3?max_connections=5`,
      `redis://shop:${encodeURIComponent('p@ss/w:rd')}@localhost:${server.port}`,
      `redis+socket://:${server.password}@${server.socket}`,
      `unix://:${server.password}@${server.socket}?db=1`,
    ]) {
      expect(await bytesOf(byUrl(address).dump()), address).toBeGreaterThan(2 ** 20);
    }
  });

  it.each([
    ['mysql://shop:hunter2@db/shop', 'is no address of a Redis server'],
    ['rediss://shop:hunter2@db?ssl_cert_reqs=perhaps', 'has a parameter about security'],
    ['rediss://db?password=hunter2', 'has a parameter about security'],
  ])('refuses an address that leads nowhere, and does not quote it: %s', async (address, why) => {
    const error = await failureOf(byUrl(address));
    expect(error.code).toBe('stream-address');
    expect(error.message).toContain(why);
    expect(textOf(error)).not.toContain('hunter2');
  });

  it('fails, and says how, when a password is wrong, missing, or nobody answers', async () => {
    for (const stream of [
      open({ password: { env: 'W' } }, { W: 'wrong' }),
      open({ password: undefined }),
      open({ host: '127.0.0.1', port: 1 }),
    ]) {
      const error = await failureOf(stream);
      expect(error.code).toBe('stream-failed');
      expect(error.stderr).toMatch(/NOAUTH|WRONGPASS|Could not connect/);
    }
    // TLS with a server that speaks none: both wait for the other.
    const tls = { tls: true, caFile: '/etc/ssl/certs/ca-certificates.crt' };
    const waited = open({ host: '127.0.0.1', port: server.port, timeout: '1s', ...tls });
    expect((await failureOf(waited)).code).toBe('stream-timeout');
  });

  it('is not taken for whole when the server dies', async () => {
    const other = await startRedis();
    try {
      await other.query(FILL.replace('sha1hex(i), 3', 'sha1hex(i), 30'));
      const stream = open({ host: other.socket });
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

  describe('the proof of a dump', () => {
    let small: Buffer;
    let marked: Buffer;
    beforeAll(async () => {
      const other = await startRedis();
      try {
        await other.query('set a b\nhset h one 1 two 2\nzadd z 1.5 x');
        small = await whole(open({ host: other.socket }).dump());
        marked = Buffer.concat([small, Buffer.from('0123456789abcdef0123456789abcdef01234567')]);
      } finally {
        await other.stop();
      }
    });
    const proof = (bytes: Buffer, size: number) =>
      whole(provenRdb(inChunks(bytes, size), { name: 'cache' })).catch((error) => error.code);

    it('passes on the dump alone, in chunks of any size', async () => {
      for (let size = 1; size < 60; size++) {
        expect(await proof(small, size)).toEqual(small);
        expect(await proof(marked, size)).toEqual(small);
      }
    });

    it('finds it unfinished wherever it was cut', async () => {
      for (let end = 0; end < small.length; end++) {
        expect(await proof(small.subarray(0, end), 64), String(end)).toBe('stream-unfinished');
      }
      for (let end = small.length + 1; end < marked.length; end++) {
        expect(await proof(marked.subarray(0, end), 64), String(end)).toBe('stream-unfinished');
      }
    });

    it('finds every byte that is not as it was', async () => {
      for (let at = 0; at < small.length; at++) {
        const bytes = Buffer.from(small);
        bytes[at] = bytes[at]! ^ (1 << (at % 8));
        expect(await proof(bytes, 64), String(at)).toBe('stream-unfinished');
      }
    });

    it('says so where there is no checksum', async () => {
      const bytes = Buffer.concat([small.subarray(0, -8), Buffer.alloc(8)]);
      const notes: string[] = [];
      const dump = provenRdb(inChunks(bytes), { name: 'cache', onNotes: (text) => notes.push(text) });
      expect(await whole(dump)).toEqual(bytes);
      expect(notes.join()).toContain('no checksum');
      expect(await proof(bytes.subarray(0, -1), 64)).toBe('stream-unfinished');
    });
  });
});
