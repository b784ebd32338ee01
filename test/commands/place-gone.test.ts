// The vault's first place is gone, as after a disk that died: what is said, and the way back that it names.
import { readFileSync, renameSync } from 'node:fs';
import { join } from 'node:path';
import { beforeEach, expect, it } from 'vitest';
import { type Desk, deskWithVault } from './desk.ts';

let at: Desk;
let copy: string;
beforeEach(async () => {
  at = await deskWithVault();
  copy = join(at.base, 'copy');
  await at.ok('backup');
  await at.ok(['copy', '--to', copy]);
  renameSync(join(at.base, 'vault'), join(at.base, 'lost'));
});

it.each(['health', 'backup', 'list', 'verify'])(
  '%s does not advise to make another vault',
  async (command) => {
    const said = await at.say(command);
    expect(said.code).toBe(10);
    expect(said.err).not.toContain('strongroom init');
    expect(said.err).toContain('strongroom copy --location COPY --to BASE/vault --anew');
  },
);

it('the way that is named brings it back', async () => {
  const said = await at.say(['list', '--json']);
  const { hint } = JSON.parse(said.err.trim().split('\n').at(-1)!);
  const [, line = ''] = /`strongroom ([^`]+)`/.exec(hint) ?? [];
  await at.ok(line.replace('COPY', copy).replace('BASE', at.base).split(' '));
  await at.ok('verify --read-data');
  await at.ok('backup');
  await at.ok(['copy', '--to', copy]);
  await at.ok(['verify', '--location', copy]);
});

it('README’s way back, with a replica that is configured', async () => {
  const settings = readFileSync(join(at.work, 'strongroom.yaml'), 'utf8');
  at.write('strongroom.yaml', settings.replace(/^sets:/m, `replicas: [${copy}]\nsets:`));
  expect((await at.ok('list')).err).toContain('reading from the replica');
  const refused = await at.say('backup');
  expect([refused.code, refused.err]).toEqual([10, expect.not.stringContaining('strongroom init')]);
  const place = join(at.base, 'vault');
  await at.ok(['copy', '--location', copy, '--to', place, '--anew']);
  await at.ok('backup');
  expect(await at.ok('verify --all-locations')).toMatchObject({ err: '' });
  expect(await at.ok('health --quiet')).toMatchObject({ out: '', err: '' });
});

it('a place that nothing vouches for may still be made', async () => {
  expect((await at.say(['list', '--location', join(at.base, 'new')])).err).toContain('strongroom init');
});
