// A vault and its copies, with the shipped program: killed where it stands, rotated in between, and at the end the first
// place burns down. And the program as it copies a large snapshot.

import { spawnSync } from 'node:child_process';
import { chmodSync, cpSync, existsSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { beforeAll, describe, expect, it } from 'vitest';
import { pinOf, pinText } from '../../src/vault/pin.ts';
import { killedAfter } from '../support/killed.ts';
import { manySnapshots } from '../support/many.ts';
import { type Machine, machines, type RunOptions } from '../support/program.ts';

const machine = machines();
const LONG = process.env.STRONGROOM_LONG === '1';
const SNAPSHOTS = LONG ? 200 : 30;
const KILLS = LONG ? 40 : 6;

/** Of every file, tmp/ aside. */
function hashesBelow(directory: string): string {
  const command = 'find . -type f | sort | xargs sha256sum';
  return spawnSync('sh', ['-c', command], { cwd: directory, encoding: 'utf8' }).stdout;
}

describe('a copy on a disk that is kept elsewhere', () => {
  let desk: Machine;
  let vault: string;
  let copy: string;
  let opens: RunOptions;

  beforeAll(async () => {
    desk = machine('desk');
    vault = join(desk.directory, 'vault');
    copy = join(desk.directory, 'offsite');
    const many = await manySnapshots(vault, SNAPSHOTS);
    opens = { env: { STRONGROOM_IDENTITY_FILE: desk.write('../keys/me.txt', `${many.vault.key}\n`) } };
    desk.write('strongroom.yaml', `location: ${vault}\nreplicas: [${copy}]\n`);
    await desk.ok(['trust', '--pin', pinText(pinOf(many.vault.document))]);
  }, 60_000);

  const count = (place: string) =>
    existsSync(join(place, 'snapshots/app')) ? readdirSync(join(place, 'snapshots/app')).length : 0;

  it(`killed ${KILLS} times, it is sound after each, and in the end is the vault`, {
    timeout: 120_000,
  }, async () => {
    let kills = 0;
    for (let n = 0; n < KILLS * 3 && kills < KILLS; n++) {
      const place = join(desk.directory, `trial-${n}`);
      const { killed } = await killedAfter(desk, 150 + 120 * n, ['copy', '--to', place, '--anew'], opens);
      if (!killed) break;
      kills++;
      if (existsSync(join(place, 'vault')) && readdirSync(join(place, 'vault')).length > 0) {
        const { code, stdout } = await desk.run(['verify', '--location', place, '--json'], opens);
        // What stands without a record is an orphan, which the next run takes up.
        expect([n, code, stdout.match(/"severity":"error".*/)?.[0]]).toEqual([n, 0, undefined]);
      }
      await desk.ok(['copy', '--to', place]);
      const whole = await desk.ok(['verify', '--location', place, '--json']);
      expect(whole.summary()).toMatchObject({ sound: true, snapshots: SNAPSHOTS, warnings: 0 });
      rmSync(place, { recursive: true });
    }
    expect(kills).toBeGreaterThan(0);
  });

  it('follows a rotation: new bytes come, and then the old ones and the old keys go', {
    timeout: 60_000,
  }, async () => {
    await desk.ok(['copy']);
    const old = new Set(readdirSync(join(copy, 'keys/1')));
    expect(old.size).toBeGreaterThan(0);
    await desk.ok(['keys', 'remove', 'passphrase', '--yes'], opens);
    await desk.ok(['keys', 'rotate', '--reencrypt', '--yes'], opens);
    const done = await desk.ok(['copy', '--json']);
    expect(done.summary()).toMatchObject({ snapshots: SNAPSHOTS, failed: 0, left: 0 });
    expect(existsSync(join(copy, 'keys/1'))).toBe(false);
    expect(count(copy)).toBe(SNAPSHOTS);
    const checked = await desk.ok(['verify', '--location', copy, '--read-data', '--json'], opens);
    expect(checked.summary()).toMatchObject({ sound: true, warnings: 0, snapshots: SNAPSHOTS });
    expect((await desk.ok(['copy', '--json'])).summary()).toMatchObject({ objects: 0, removed: 0 });
  });

  it('is copied by a machine that holds no key and may not write to the vault', async () => {
    const carrier = machine('carrier');
    // What it knows is whose vault it is.
    cpSync(join(desk.state, 'known-vaults.json'), join(carrier.state, 'known-vaults.json'));
    const before = hashesBelow(vault);
    expect(before).toContain('vault/1.json');
    const place = join(carrier.directory, 'disk');
    await carrier.ok(['copy', '--location', vault, '--to', place]);
    expect(hashesBelow(vault)).toBe(before);
    expect(count(place)).toBe(SNAPSHOTS);
  });

  it('stands in for the vault when that has burnt down', async () => {
    rmSync(vault, { recursive: true });
    const restored = await desk.ok(['restore', 'latest', '--set', 'app', '--target', 'out', '--json'], opens);
    expect(restored.warnings().map((w) => w.code)).toContain('fallback');
    expect(readdirSync(join(desk.work, 'out'))).toEqual(['.env']);
    // A new first place is a copy of the copy.
    const anew = join(desk.directory, 'vault-2');
    await desk.ok(['copy', '--location', copy, '--to', anew]);
    await desk.ok(['verify', '--location', anew]);
  });
});

describe('a large snapshot', () => {
  it('is copied within bounds of memory, a few pieces at a time', { timeout: 120_000 }, async () => {
    const web = machine('web-1');
    const vault = join(web.directory, 'vault');
    const { recipient } = await web.identity();
    const size = LONG ? 1024 : 256;
    web.write('big.bin', '');
    for (let mib = 0; mib < size; mib += 32)
      writeFileSync(join(web.work, 'big.bin'), Buffer.alloc(32 * 1024 * 1024, mib + 1), { flag: 'a' });
    await web.ok(['init', '--name', 'shop', '--location', vault, '--recipient', recipient, '--yes']);
    web.write(
      'plain.yaml',
      `location: ${vault}\nsets: { app: { include: [big.bin], compress: none } }\n`,
      0o600,
    );
    chmodSync(join(web.work, 'plain.yaml'), 0o600);
    await web.ok(['backup', '--config', 'plain.yaml']);
    const peakAt = join(web.directory, 'peak');
    const noting = `import{writeFileSync as w}from'node:fs';process.on('exit',()=>w('${peakAt}',String(process.resourceUsage().maxRSS)))`;
    const env = { NODE_OPTIONS: `--import=data:text/javascript,${encodeURIComponent(noting)}` };
    await web.ok(['copy', '--location', vault, '--to', join(web.directory, 'copy')], { env });
    const peak = Number(readFileSync(peakAt, 'utf8')) / 1024;
    expect(peak).toBeGreaterThan(20);
    expect(peak).toBeLessThan(200);
  });
});
