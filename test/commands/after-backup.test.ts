// `prune: after-backup`, which `backup` carries out when the snapshot stands.
import { rmSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { beforeEach, describe, expect, it } from 'vitest';
import { tick } from '../support/vault.ts';
import { type Desk, deskWithVault } from './desk.ts';

const DAY = 86_400_000;

let at: Desk;
beforeEach(async () => {
  at = await deskWithVault();
  const config = await readFile(join(at.work, 'strongroom.yaml'), 'utf8');
  at.write('strongroom.yaml', `${config}    retention: { last: 2 }\nprune: after-backup\n`);
});

const left = async () => (await at.ok('list --json')).json().flatMap((s) => (s.id ? [s.id] : []));
const daily = async (line = 'backup', code = 0) => {
  tick(at.clock, DAY);
  return await at.ok(line, code);
};

describe('a backup with `prune: after-backup`', () => {
  it('is followed by the retention of its set, in silence under --quiet', async () => {
    for (let i = 0; i < 4; i++) expect(await daily('backup --quiet')).toMatchObject({ out: '', err: '' });
    expect(await left()).toHaveLength(2);
    const said = await daily('backup --json');
    expect(said.json().map((line) => line.message_type)).toEqual(['summary']);
    expect(said.err).toContain('shop: pruned 1 snapshot');
    await at.ok('verify');
  });

  it('is not, where it was incomplete, or another set says otherwise', async () => {
    for (let i = 0; i < 2; i++) await daily();
    const config = await readFile(join(at.work, 'strongroom.yaml'), 'utf8');
    at.write(
      'strongroom.yaml',
      config.replace('    retention:', '    include: [.env, gone]\n    retention:'),
    );
    await daily('backup', 3);
    expect(await left()).toHaveLength(3);
    at.write('strongroom.yaml', config.replace('prune: after-backup', 'prune: by-hand'));
    await daily();
    expect(await left()).toHaveLength(4);
  });

  it('is a success all the same where pruning fails, which is said however quiet', async () => {
    for (let i = 0; i < 2; i++) await daily();
    const [first] = await left();
    rmSync(join(at.base, 'vault/snapshots/shop', `${first}.json`));
    const said = await daily('backup --quiet');
    expect(said.err).toContain('nothing of web-1 in shop is removed');
    expect(await left()).toHaveLength(2);
  });

  it('by a host that may not maintain says that it did not prune', async () => {
    await daily();
    const other = { XDG_STATE_HOME: join(at.base, 'other'), STRONGROOM_HOST: 'web-2' };
    await at.say('hosts enroll --yes', other);
    for (let i = 0; i < 3; i++) {
      tick(at.clock, DAY);
      const said = await at.say('backup --quiet --json', other);
      expect([said.code, JSON.parse(said.err.split('\n')[0]!)]).toMatchObject([0, { code: 'not-pruned' }]);
    }
    expect(await left()).toHaveLength(4);
  });
});
