// Two machines at once: one rotates while the other backs up, both rotate, and a host with an old pin goes on when it
// is all over. Nothing is lost, everything opens, and one more `--finish` leaves nothing under an old key.

import { randomInt } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { generateIdentity, recipientOf } from '../../src/crypt/identity.ts';
import { localStore } from '../../src/store/local.ts';
import { numbersFrom } from '../servers/fault-proxy.ts';
import { expectAllThere, expectNothingOld, type ManySnapshots } from '../support/many.ts';
import { type Machine, machines, type RunOptions } from '../support/program.ts';
import type { TestVault } from '../support/vault.ts';

const machine = machines();
const ROUNDS = process.env.STRONGROOM_LONG === '1' ? 12 : 2;
const SEED = Number(process.env.STRONGROOM_SEED ?? randomInt(2 ** 31));

it(`rotated and written by two at once, ${ROUNDS} times over, it loses nothing (seed ${SEED})`, async () => {
  process.stderr.write(`rotation-together: STRONGROOM_SEED=${SEED}\n`);
  const random = numbersFrom(SEED);
  const [alice, carol, web, late] = [machine('alice'), machine('carol'), machine('web-1'), machine('late')];
  const at = join(alice.directory, 'vault');
  const key = await generateIdentity('x25519');
  const file = alice.write('../keys/me.txt', `${key}\n`);
  const opens: RunOptions = { env: { STRONGROOM_IDENTITY_FILE: file } };
  const made = await alice.ok([
    'init',
    '--name',
    'shop',
    '--location',
    at,
    '--recipient',
    await recipientOf(key),
    '--json',
  ]);
  const { pin } = made.summary();
  for (const other of [carol, web, late]) {
    other.write('strongroom.yaml', readFileSync(join(alice.work, 'strongroom.yaml')));
    await other.ok(['hosts', 'enroll', '--yes', '--sets', 'shop'], opens);
  }
  const values = new Map<string, string>();
  let count = 0;
  const backup = async (on: Machine): Promise<void> => {
    const value = `TOKEN=${++count}\n`;
    on.write('.env', value);
    values.set((await on.ok(['backup', '--json'])).summary().snapshot, value);
  };
  const store = await localStore(at);
  // As far as the checks ask for it.
  const vault = { store, pin, key, clock: { now: new Date() } } as unknown as TestVault;
  const many: ManySnapshots = { vault, values };
  const rotate = (on: Machine, ...flags: string[]) =>
    on.run(['keys', 'rotate', ...flags, '--yes', '--json'], opens);
  const pause = () => new Promise((resolve) => setTimeout(resolve, random() * 300));
  const fingerprint = async () => (await alice.ok(['list', '--json'])).summary().fingerprint;

  for (let n = 0; n < 4; n++) await backup(n % 2 === 0 ? web : late);
  for (let round = 0; round < ROUNDS; round++) {
    // One rotates and re-encrypts while the other backs up.
    const rotating = rotate(alice, '--reencrypt');
    for (let n = 0; n < 3; n++) {
      await pause();
      await backup(web);
    }
    expect((await rotating).code, (await rotating).stderr).toBe(0);
    await expectAllThere(many);
    // Two who rotate: one wins, or both do one after the other; whoever lost is told.
    await carol.ok(['trust', await fingerprint()]);
    const ends = await Promise.all([rotate(alice, '--reencrypt'), pause().then(() => rotate(carol))]);
    const codes = ends.map(({ code, stderr }) => (code === 0 ? 'done' : JSON.parse(lastLine(stderr)).code));
    for (const code of codes) {
      expect(['done', 'rotated-meanwhile', 'vault-busy', 'old-pin', 'vault-changed']).toContain(code);
    }
    expect(codes).toContain('done');
    await expectAllThere(many);
    // Two who re-encrypt.
    const now = await fingerprint();
    for (const one of [alice, carol]) await one.ok(['trust', now]);
    const finished = await Promise.all([rotate(alice, '--finish'), rotate(carol, '--finish')]);
    expect(finished.map(({ code, stderr }) => (code === 0 ? '' : stderr))).toEqual(['', '']);
    await expectAllThere(many);
    // Half of the time it hears of the new key; the other host never does.
    if (random() < 0.5) await web.ok(['trust', now]);
    await backup(late);
  }
  await expectAllThere(many);
  await alice.ok(['keys', 'rotate', '--finish', '--yes'], opens);
  await expectAllThere(many);
  await expectNothingOld(many);
});

function lastLine(text: string): string {
  return text.trim().split('\n').at(-1) ?? '';
}
