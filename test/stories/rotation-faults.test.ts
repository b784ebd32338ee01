// The disk of the vault is full in the middle of a rotation: one clear error, nothing lost, and the next run finishes it.

import { spawnSync } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it, onTestFinished } from 'vitest';
import { pinOf, pinText } from '../../src/vault/pin.ts';
import { expectAllThere, expectNothingOld, manySnapshots } from '../support/many.ts';
import { machines } from '../support/program.ts';

const machine = machines();
const canMount = process.getuid?.() === 0 && process.platform === 'linux';

describe.skipIf(!canMount)('a disk that fills up (needs root: a small tmpfs)', () => {
  it.each([
    // Free pages: none for the new keys; for these and no snapshot; for a few snapshots.
    ['before the new key is stored', 1],
    ['with the first snapshots', 40],
    ['in the middle of the snapshots', 90],
  ])('%s: one error, nothing lost, and finished once there is room', async (_, free) => {
    const desk = machine('desk');
    const disk = join(desk.directory, 'disk');
    mkdirSync(disk);
    const mounted = spawnSync('mount', ['-t', 'tmpfs', '-o', 'size=4m,mode=0700', 'tmpfs', disk]);
    expect(mounted.status).toBe(0);
    onTestFinished(() => void spawnSync('umount', ['-l', disk]));
    const at = join(disk, 'vault');
    const many = await manySnapshots(at, 40);
    const file = desk.write('../keys/me.txt', `${many.vault.key}\n`);
    const options = { env: { STRONGROOM_LOCATION: at, STRONGROOM_IDENTITY_FILE: file } };
    await desk.ok(['trust', '--pin', pinText(pinOf(many.vault.document))], options);
    fill(disk, free);

    const ran = await desk.run(['keys', 'rotate', '--reencrypt', '--yes', '--json'], options);
    expect([ran.code, ran.failure().code]).toEqual([14, 'store-full']);
    expect(ran.stderr.split('\n').filter((line) => line.includes('exit_error'))).toHaveLength(1);
    const { document } = await expectAllThere(many);
    // Either it was committed, or it was not begun.
    expect([document.generation, document.reencrypt]).toEqual(free === 1 ? [1, false] : [2, true]);

    rmSync(join(disk, 'filler'));
    const flags = document.reencrypt ? ['--finish'] : ['--reencrypt'];
    await desk.ok(['keys', 'rotate', ...flags, '--yes'], options);
    await expectAllThere(many);
    await expectNothingOld(many);
  });
});

/** Leaves so many pages of 4 KiB free. */
function fill(disk: string, pages: number): void {
  const { stdout } = spawnSync('stat', ['-f', '-c', '%f %S', disk], { encoding: 'utf8' });
  const [free = 0, size = 0] = stdout.trim().split(' ').map(Number);
  writeFileSync(join(disk, 'filler'), randomBytes((free - pages) * size));
}
