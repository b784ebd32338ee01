// Killed with SIGKILL at random moments of a rotation, again and again: at every step each snapshot opens with a current
// key, and what is left at the end is all under the newest one.

import { randomInt } from 'node:crypto';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { pinOf, pinText } from '../../src/vault/pin.ts';
import { numbersFrom } from '../servers/fault-proxy.ts';
import { killedAfter } from '../support/killed.ts';
import { expectAllThere, expectNothingOld, manySnapshots } from '../support/many.ts';
import { machines, type RunOptions } from '../support/program.ts';

const machine = machines();
const LONG = process.env.STRONGROOM_LONG === '1';
const { snapshots: SNAPSHOTS, kills: KILLS } = LONG
  ? { snapshots: 500, kills: 50 }
  : { snapshots: 60, kills: 8 };
/** To see again what went wrong: STRONGROOM_SEED. */
const SEED = Number(process.env.STRONGROOM_SEED ?? randomInt(2 ** 31));
/** Moments of the kills, in start-ups of the program: before it has done anything, and well into the work. */
const SOONEST = 0.8;
const LATEST = LONG ? 32 : 10;

it(`killed at ${KILLS} moments, a rotation of ${SNAPSHOTS} snapshots loses nothing and is finished (seed ${SEED})`, async () => {
  process.stderr.write(`rotation-killed: STRONGROOM_SEED=${SEED}\n`);
  const random = numbersFrom(SEED);
  const desk = machine('desk');
  const at = join(desk.directory, 'vault');
  const many = await manySnapshots(at, SNAPSHOTS);
  const file = desk.write('../keys/me.txt', `${many.vault.key}\n`);
  const options: RunOptions = { env: { STRONGROOM_LOCATION: at, STRONGROOM_IDENTITY_FILE: file } };
  await desk.ok(['trust', '--pin', pinText(pinOf(many.vault.document))], options);
  const began = performance.now();
  await desk.ok(['keys', 'list'], options);
  const startUp = performance.now() - began;

  let kills = 0;
  let [openWhenKilled, generations] = [0, 1];
  while (kills < KILLS) {
    const { document } = await expectAllThere(many, { sample: 10, random });
    generations = document.generation;
    if (document.reencrypt) openWhenKilled++;
    // Mostly early, where each step of the rotation itself is; else anywhere in the work on snapshots.
    const moment = startUp * SOONEST * (LATEST / SOONEST) ** random();
    const ran = await killedAfter(desk, moment, commandFor(document.reencrypt, random), options);
    if (ran.killed) kills++;
    // It knows its own rotation, cut off or not: nobody has to tell it the fingerprint.
    else expect([ran.code, ran.stderr]).toEqual([0, expect.any(String)]);
  }
  // Kills came before, during and after the rotation itself.
  expect(generations).toBeGreaterThan(1);
  expect(openWhenKilled).toBeGreaterThan(KILLS / 8);

  await expectAllThere(many);
  await desk.ok(['keys', 'rotate', '--finish', '--yes'], options);
  await expectAllThere(many);
  await expectNothingOld(many);
  const checked = await desk.ok(['verify', '--read-data', '--json'], options);
  expect(checked.summary()).toMatchObject({ sound: true, snapshots: SNAPSHOTS, errors: 0, warnings: 0 });
});

/** Where one is half-way, mostly that is finished; at times the key is rotated once more on top of it. */
function commandFor(isOpen: boolean, random: () => number): string[] {
  const finish = isOpen && random() < 0.75;
  const kind = random();
  const flags = finish
    ? [kind < 0.5 ? '--finish' : '--reencrypt']
    : isOpen
      ? [...(kind < 0.5 ? ['--compromised'] : [])]
      : [kind < 0.5 ? '--reencrypt' : '--compromised'];
  return ['keys', 'rotate', ...flags, '--yes', '--json'];
}
