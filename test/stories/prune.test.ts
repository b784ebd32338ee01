// A vault that has grown is pruned: killed on the way as often as you like, and in a bucket that locks its objects.

import { randomInt } from 'node:crypto';
import { join } from 'node:path';
import { describe, expect, it, onTestFinished } from 'vitest';
import { formatPrivateKey } from '../../src/sign/openssh.ts';
import { pinOf, pinText } from '../../src/vault/pin.ts';
import { numbersFrom, startFaultProxy } from '../servers/fault-proxy.ts';
import { killedAfter } from '../support/killed.ts';
import { expectAllThere, type ManySnapshots, manySnapshots } from '../support/many.ts';
import { type Machine, machines, type RunOptions } from '../support/program.ts';
import { s3Ground, skipS3 } from '../support/s3.ts';

const machine = machines();
const LONG = process.env.STRONGROOM_LONG === '1';
const { snapshots: SNAPSHOTS, kills: KILLS } = LONG
  ? { snapshots: 2000, kills: 50 }
  : { snapshots: 200, kills: 6 };
/** What is left of snapshots of the last day waits, as a backup under the same id may be running. */
const AGE = 2 * 86_400_000;
const SEED = Number(process.env.STRONGROOM_SEED ?? randomInt(2 ** 31));

/** The machine of the host that made them, which opens the vault too. */
async function hostOf(many: ManySnapshots, location: string, env: Record<string, string> = {}) {
  const web: Machine = machine('web-1');
  const { key, host, document } = many.vault;
  const options: RunOptions = {
    env: {
      ...env,
      STRONGROOM_LOCATION: location,
      STRONGROOM_IDENTITY_FILE: web.write('../keys/me.txt', `${key}\n`),
      STRONGROOM_SIGNING_KEY_FILE: web.write('../keys/host', formatPrivateKey(host.key, 'web-1')),
    },
  };
  await web.ok(['trust', '--pin', pinText(pinOf(document))], options);
  return { web, options };
}

/** Only the newest are there, open, and hold what they held. */
async function expectNewest(many: ManySnapshots, count: number): Promise<void> {
  const values = new Map([...many.values].sort().slice(-count));
  await expectAllThere({ vault: many.vault, values });
}

it(`killed at ${KILLS} moments, a prune loses nothing that it keeps, and the next one finishes it (seed ${SEED})`, async () => {
  process.stderr.write(`prune: STRONGROOM_SEED=${SEED}\n`);
  const random = numbersFrom(SEED);
  const at = join(machine('disk').directory, 'vault');
  const many = await manySnapshots(at, SNAPSHOTS, AGE);
  const { web, options } = await hostOf(many, at);
  const began = performance.now();
  await web.ok(['prune', '--keep-last', '5', '--dry-run', '--quiet'], options);
  let startUp = performance.now() - began;
  let kills = 0;
  for (let keep = SNAPSHOTS - 20; kills < KILLS && keep > 5; ) {
    // From just before the first removal on.
    const moment = startUp * (0.7 + random());
    const args = ['prune', '--keep-last', `${keep}`, '--yes', '--quiet'];
    const ran = await killedAfter(web, moment, args, options);
    if (ran.killed) kills++;
    else {
      expect([ran.code, ran.stderr]).toEqual([0, '']);
      // The first run was slower than those that follow.
      startUp *= 0.8;
    }
    const newest = new Map([...many.values].sort().slice(-keep));
    const there = await web.ok(['list', '--json'], options);
    const ids = there.lines().flatMap(({ id }) => id ?? []);
    expect(ids.slice(-keep)).toEqual([...newest.keys()]);
    if (!ran.killed || random() < 0.5) keep = Math.max(5, keep - 20);
  }
  expect(kills).toBeGreaterThan(0);
  const last = await web.ok(['prune', '--keep-last', '5', '--yes', '--json'], options);
  expect(last.summary()).toMatchObject({ kept: 5, orphans: 0, damaged: 0 });
  await expectNewest(many, 5);
  const checked = await web.ok(['verify', '--read-data', '--json'], options);
  expect(checked.summary()).toMatchObject({ sound: true, snapshots: 5, errors: 0, warnings: 0 });
}, 240_000);

describe.skipIf(skipS3)('in a bucket', () => {
  const bucket = s3Ground();

  it('with Object Lock: in a request for all records and one for all data, and says until when bytes stay', async () => {
    const place = await bucket({ lock: true });
    const objectLock = { mode: 'governance', days: 3 } as const;
    const many = await manySnapshots(await place.store({ objectLock }), 60, AGE);
    const proxy = await startFaultProxy(place.server.endpoint);
    onTestFinished(() => proxy.close());
    const { web, options } = await hostOf(many, place.location, place.env(undefined, proxy.endpoint));
    web.write('strongroom.yaml', 's3: { objectLock: { mode: governance, days: 3 } }\n');
    const args = ['prune', '--keep-last', '5', '--json'];
    const planned = await web.ok([...args, '--dry-run'], options);
    const inThreeDays = new Date(Date.now() + 3 * 86_400_000).toISOString().slice(0, 10);
    expect(planned.summary()).toMatchObject({ kept: 5, removed: 55, dry_run: true });
    expect(planned.summary().removable_from.slice(0, 10)).toBe(inThreeDays);
    const newest = planned
      .lines()
      .filter((l) => l.message_type === 'remove')
      .at(-1);
    expect(newest?.removable_from.slice(0, 10)).toBe(inThreeDays);
    proxy.forget();
    const done = await web.ok([...args, '--yes'], options);
    expect(done.summary()).toMatchObject({ kept: 5, removed: 55, dry_run: false });
    const changes = proxy.log.filter(({ method }) => method === 'POST' || method === 'DELETE');
    expect(changes.map(({ method, path }) => [method, /[?&]delete\b/.test(path)])).toEqual([
      ['POST', true],
      ['POST', true],
    ]);
    await expectNewest(many, 5);
    expect((await web.ok(['verify', '--json'], options)).summary()).toMatchObject({
      sound: true,
      snapshots: 5,
    });
  }, 240_000);
});
