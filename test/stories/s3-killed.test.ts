// The service dies (kill -9) in the middle of a backup or of a restore. While it is gone there is one clear error; once
// it is back the vault verifies, but for orphans by their names, and what stood before can be restored.

import { spawnSync } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { type FaultProxy, type Plan, startFaultProxy } from '../servers/fault-proxy.ts';
import { type Machine, machines, type RunOptions } from '../support/program.ts';
import { type Bucket, S3_SCRIPT, s3Ground, secondGateway, skipS3 } from '../support/s3.ts';

const machine = machines();
const MIB = 2 ** 20;
const LONG = process.env.STRONGROOM_LONG === '1';

describe.skipIf(skipS3)('a gateway that is killed', () => {
  const bucket = s3Ground();
  let place: Bucket;
  /** Goes through the gateway that gets killed. */
  let proxy: FaultProxy;
  let web: Machine;
  let opens: RunOptions;
  let safe: RunOptions;
  let good: string;
  let count = 1;

  beforeAll(async () => {
    place = await bucket();
    await secondGateway('up');
    proxy = await startFaultProxy(place.server.secondEndpoint);
    web = machine('web-1');
    const me = await web.identity();
    const identity = { STRONGROOM_IDENTITY_FILE: me.file };
    opens = { env: { ...place.env(undefined, proxy.endpoint), ...identity } };
    safe = { env: { ...place.env(), ...identity } };
    web.write('.env', 'TOKEN=1\n');
    // Two parts, and what is compressed is as large as what is not.
    web.write('dump.bin', randomBytes(18 * MIB));
    await web.ok(['init', '--name', 'app', '--location', place.location, '--recipient', me.recipient], safe);
    const config = readFileSync(join(web.work, 'strongroom.yaml'), 'utf8');
    web.write('strongroom.yaml', `${config.replace(/^s3: .*\n/m, '')}s3: { deadline: 2s, stall: 1s }\n`);
    good = (await web.ok(['backup', '--set', 'app', '--json'], safe)).summary().snapshot;
  }, 240_000);
  afterEach(async () => {
    proxy.follow(() => 'pass');
    await secondGateway('up');
  });
  afterAll(async () => {
    await proxy?.close();
    await secondGateway('down');
  });

  /** Kills the gateway as soon as one request of this kind has reached the proxy. */
  function killAt(nth: number, matches: (method: string, path: string) => boolean, back?: number): Plan {
    let seen = 0;
    return ({ method, path }) => {
      if (matches(method, path) && ++seen === nth) {
        spawnSync('bash', [S3_SCRIPT, 'second', 'kill']);
        if (back !== undefined) setTimeout(() => void secondGateway('up'), back);
      }
      return 'pass';
    };
  }
  const isPut = (method: string) => method === 'PUT';
  const isData = (method: string, path: string) => method === 'GET' && path.includes('/data/');

  const MOMENTS: [string, number][] = [
    ['before its record', 4],
    ['before its second part', 2],
    ['before its first part', 1],
    ['before its contents', 3],
  ];
  it.each(MOMENTS.slice(0, LONG ? 4 : 2))(
    '%s: the backup fails with one error, and the vault is as it was',
    async (_, nth) => {
      web.write('.env', `TOKEN=${++count}\n`);
      proxy.follow(killAt(nth, isPut));
      const ran = await web.run(['backup', '--set', 'app', '--json'], opens);
      expect(ran.code).toBe(14);
      expect(ran.failure()).toMatchObject({
        code: 'store-unreachable',
        message: expect.stringMatching(
          new RegExp(`^PutObject of ${place.location}/(?:data|snapshots)/app/\\S+ failed: `),
        ),
        hint: expect.stringContaining('try again'),
      });
      await secondGateway('up');
      // The parts that were written before belong to nothing now, and are named.
      const checked = await web.ok(['verify', '--json'], opens);
      expect(checked.summary()).toMatchObject({ sound: true, errors: 0, snapshots: 1 });
      const orphans = checked.lines().filter((m) => m.code === 'orphan');
      const names = (await place.names()).filter((name) => name.startsWith('data/') && !name.includes(good));
      expect(orphans.map(({ object }) => object).sort()).toEqual(names.sort());
      // Parts are sent side by side; the record only after all of them.
      expect(names.length).toBeLessThan(nth);
      if (nth === 4) expect(names).toHaveLength(3);
      for (const name of names) await place.remove(name);
      const out = join(web.directory, `out-${count}`);
      await web.ok(['restore', good, '--set', 'app', '--target', out], opens);
      expect(readFileSync(join(out, '.env'), 'utf8')).toBe('TOKEN=1\n');
    },
  );

  it('and comes back in time: the backup is made, and nobody need know', async () => {
    for (const nth of [2, 4]) {
      proxy.follow(killAt(nth, isPut, 300));
      const ran = await web.ok(['backup', '--set', 'app', '--json'], opens);
      expect(ran.summary()).toMatchObject({ complete: true });
    }
    const checked = (await web.ok(['verify', '--json'], opens)).summary();
    expect(checked).toMatchObject({ sound: true, errors: 0, warnings: 0, snapshots: 3 });
  });

  const READS: [string, number][] = [
    ['in the middle of the parts', 2],
    ['at the first part', 1],
    ['at the last part', 3],
  ];
  it.each(READS.slice(0, LONG ? 3 : 1))(
    '%s of a restore: the target is as it was, and the next restore works',
    async (_, nth) => {
      const target = join(web.directory, `restored-${nth}`);
      const args = ['restore', good, '--set', 'app', '--target', target];
      proxy.follow(killAt(nth, isData));
      const ran = await web.run([...args, '--json'], opens);
      expect([ran.code, ran.failure().code]).toEqual([14, 'store-unreachable']);
      expect(ran.failure().message).toMatch(/^GetObject of s3:\S+\/data\/app\/\S+ failed: /);
      expect(existsSync(target)).toBe(false);
      expect(readdirSync(web.directory).filter((name) => name.includes('strongroom-'))).toEqual([]);
      proxy.follow(() => 'pass');
      await secondGateway('up');
      await web.ok(args, opens);
      expect(readFileSync(join(target, 'dump.bin')).equals(readFileSync(join(web.work, 'dump.bin')))).toBe(
        true,
      );
      const checked = (await web.ok(['verify', '--json'], opens)).summary();
      expect(checked).toMatchObject({ sound: true, errors: 0 });
    },
  );
});
