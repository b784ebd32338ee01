// Rotation of a vault in a bucket that keeps versions under Object Lock: killed, cut off from the network, and at the end
// the date is said until which the lock keeps what was removed.

import { randomInt } from 'node:crypto';
import { PutObjectLockConfigurationCommand } from '@aws-sdk/client-s3';
import { beforeAll, describe, expect, it, onTestFinished } from 'vitest';
import { pinOf, pinText } from '../../src/vault/pin.ts';
import { numbersFrom, type Plan, startFaultProxy } from '../servers/fault-proxy.ts';
import { killedAfter } from '../support/killed.ts';
import { expectAllThere, expectNothingOld, type ManySnapshots, manySnapshots } from '../support/many.ts';
import { type Machine, machines, type RunOptions } from '../support/program.ts';
import { type Bucket, s3Ground, skipS3 } from '../support/s3.ts';

const machine = machines();
const LONG = process.env.STRONGROOM_LONG === '1';
const SNAPSHOTS = LONG ? 20 : 6;
const KILLS = LONG ? 5 : 2;
const SEED = Number(process.env.STRONGROOM_SEED ?? randomInt(2 ** 31));
const DAY = 24 * 3600 * 1000;

describe.skipIf(skipS3)('in a bucket', () => {
  const bucket = s3Ground();
  let place: Bucket;
  let desk: Machine;
  let many: ManySnapshots;
  let options: RunOptions;

  async function fill(lock: boolean): Promise<void> {
    place = await bucket({ lock });
    if (lock) {
      await place.client.send(
        new PutObjectLockConfigurationCommand({
          Bucket: place.name,
          ObjectLockConfiguration: {
            ObjectLockEnabled: 'Enabled',
            Rule: { DefaultRetention: { Mode: 'GOVERNANCE', Days: 1 } },
          },
        }),
      );
    }
    desk = machine('desk');
    many = await manySnapshots(await place.store(), SNAPSHOTS);
    const file = desk.write('../keys/me.txt', `${many.vault.key}\n`);
    desk.write('strongroom.yaml', `location: ${place.location}\ns3: { deadline: 2s, stall: 1s }\n`);
    options = { env: { ...place.env(), STRONGROOM_IDENTITY_FILE: file } };
    await desk.ok(['trust', '--pin', pinText(pinOf(many.vault.document))], options);
  }

  describe('with versions under Object Lock', () => {
    beforeAll(() => fill(true));

    it(`killed ${KILLS} times, it is finished, and says until when the old bytes stay (seed ${SEED})`, async () => {
      process.stderr.write(`rotation-s3: STRONGROOM_SEED=${SEED}\n`);
      const random = numbersFrom(SEED);
      for (let kills = 0; kills < KILLS; ) {
        const { document } = await expectAllThere(many);
        const flags = document.reencrypt ? ['--finish'] : ['--reencrypt'];
        const ran = await killedAfter(
          desk,
          200 + 2000 * random(),
          ['keys', 'rotate', ...flags, '--yes'],
          options,
        );
        if (ran.killed) kills++;
        else expect([ran.code, ran.stderr]).toEqual([0, expect.any(String)]);
      }
      // Perhaps none of the kills let it begin.
      const { document } = await expectAllThere(many);
      const last = document.generation === 1 ? '--reencrypt' : '--finish';
      const ended = await desk.ok(['keys', 'rotate', last, '--yes', '--json'], options);
      const { objects, until } = ended.summary().still_readable;
      // Every old part and the old key are there as versions still.
      expect(objects).toBeGreaterThan(2 * SNAPSHOTS);
      expect(Date.parse(until)).toBeGreaterThan(Date.now() + DAY - 15 * 60_000);
      expect(Date.parse(until)).toBeLessThan(Date.now() + DAY + 60_000);
      const told = await desk.ok(['keys', 'rotate', '--finish', '--yes'], options);
      expect(told.stdout).toContain(`keeps ${objects} old versions`);
      expect(told.stdout).toContain(`until ${until}`);
      await expectAllThere(many);
      await expectNothingOld(many);
    });
  });

  describe('whose network goes', () => {
    const isPut = (method: string, path: string, part: string) => method === 'PUT' && path.includes(part);
    /** From the nth matching request on, nothing comes through any more. */
    function lostFrom(nth: number, part: string): Plan {
      let seen = 0;
      return ({ method, path }) => {
        if (seen >= nth || (isPut(method, path, part) && ++seen >= nth)) return 'reset-before';
        return 'pass';
      };
    }

    const POINTS: [string, Plan, boolean][] = [
      ['before the new document', lostFrom(1, '/vault/2.json'), false],
      ['at the first new record', lostFrom(1, '/snapshots/'), true],
      ['in the middle of the snapshots', lostFrom(5, '/data/'), true],
    ];
    it.each(LONG ? POINTS : POINTS.slice(2))(
      '%s: one error, nothing lost, and finished when it is back',
      async (_, plan, isCommitted) => {
        await fill(false);
        const proxy = await startFaultProxy(place.server.endpoint, plan);
        onTestFinished(() => proxy.close());
        const through = { env: { ...options.env, ...place.env(undefined, proxy.endpoint) } };
        const ran = await desk.run(['keys', 'rotate', '--reencrypt', '--yes', '--json'], through);
        expect([ran.code, ran.failure().code]).toEqual([14, 'store-unreachable']);
        const { document } = await expectAllThere(many);
        expect(document.reencrypt).toBe(isCommitted);
        const flags = isCommitted ? ['--finish'] : ['--reencrypt'];
        await desk.ok(['keys', 'rotate', ...flags, '--yes'], options);
        await expectAllThere(many);
        await expectNothingOld(many);
      },
    );

    it('for one reply, to the new document itself: nobody need know', async () => {
      await fill(false);
      let lost = 0;
      const proxy = await startFaultProxy(place.server.endpoint, ({ method, path }) =>
        isPut(method, path, '/vault/2.json') && lost++ === 0 ? 'reset-after' : 'pass',
      );
      onTestFinished(() => proxy.close());
      const through = { env: { ...options.env, ...place.env(undefined, proxy.endpoint) } };
      await desk.ok(['keys', 'rotate', '--reencrypt', '--yes'], through);
      expect(lost).toBeGreaterThan(0);
      await expectAllThere(many);
      await expectNothingOld(many);
    });
  });
});
