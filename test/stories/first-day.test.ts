// The first day: a vault, a backup, a look inside, and the files back on another machine.

import { existsSync, lstatSync, readFileSync, readlinkSync, rmSync, statSync, symlinkSync } from 'node:fs';
import { join } from 'node:path';
import { beforeAll, describe, expect, it } from 'vitest';
import { type Machine, machines, PASSPHRASE, type RunOptions } from '../support/program.ts';

const machine = machines();
const mode = (path: string): string => (lstatSync(path).mode & 0o7777).toString(8);
const nextSecond = () => new Promise((resolve) => setTimeout(resolve, 1001 - (Date.now() % 1000)));

describe('a machine with a deployment', () => {
  let web: Machine;
  let vault: string;
  let opens: RunOptions;
  let recipient: string;
  let fingerprint: string;
  let first: string;
  let second: string;

  beforeAll(async () => {
    web = machine('web-1');
    vault = join(web.directory, 'vault');
    const me = await web.identity();
    recipient = me.recipient;
    opens = { env: { STRONGROOM_IDENTITY_FILE: me.file } };
    web.write('.env', 'TOKEN=one\n');
    web.write('compose.yaml', 'services: {}\n', 0o644);
    web.write('bin/deploy', '#!/bin/sh\n', 0o755);
    web.write('certs/with space.key', 'not a key\n');
    symlinkSync('.env', join(web.work, 'current.env'));
  });

  it('makes a vault, with a commented strongroom.yaml that holds the pin and no secret', async () => {
    const keys = ['--passphrase', '--recipient', recipient];
    const env = { STRONGROOM_NEW_PASSPHRASE_FILE: web.passphrase() };
    const made = await web.ok(['init', '--name', 'shop', '--location', vault, ...keys, '--json'], { env });
    ({ fingerprint } = made.summary() as { fingerprint: string });
    expect(made.summary()).toMatchObject({
      name: 'shop',
      location: vault,
      keys: ['passphrase', 'age'],
      host: 'web-1',
      config_written: true,
    });
    const config = readFileSync(join(web.work, 'strongroom.yaml'), 'utf8');
    expect(config).toContain(`authority: "${fingerprint}"`);
    expect(config).toMatch(/^# /m);
    expect(config).not.toMatch(/AGE-SECRET-KEY|staple/);
  });

  it('says beforehand what it would take, and writes nothing', async () => {
    const planned = await web.ok(['backup', '--dry-run', '--json']);
    const paths = planned
      .lines()
      .filter((m) => m.message_type === 'source')
      .map((m) => m.path);
    expect(paths).toEqual(
      expect.arrayContaining([
        '.env',
        'bin',
        'bin/deploy',
        'certs/with space.key',
        'current.env',
        'strongroom.yaml',
      ]),
    );
    expect((await web.ok(['list', '--json'])).summary().snapshots).toBe(0);
  });

  it('backs up without any passphrase', async () => {
    const made = (
      await web.ok([
        'backup',
        '--label',
        'before-deploy',
        '--tag',
        'ticket=4711',
        '--description',
        'the first',
        '--json',
      ])
    ).summary();
    expect(made).toMatchObject({ set: 'shop', files: 5, complete: true, unchanged: false });
    first = made.snapshot;
    await nextSecond();
    web.write('.env', 'TOKEN=two\n');
    second = (await web.ok(['backup', '--json'])).summary().snapshot;
  });

  it('lists what there is without any key: by set, label, tag and time', async () => {
    const ids = async (...args: string[]) =>
      (await web.ok(['list', '--json', ...args]))
        .lines()
        .filter((m) => m.message_type === 'snapshot')
        .map((m) => m.id);
    expect(await ids()).toEqual([first, second]);
    expect(await ids('--set', 'shop')).toEqual([first, second]);
    expect(await ids('--set', 'other')).toEqual([]);
    expect(await ids('--label', 'before-deploy')).toEqual([first]);
    expect(await ids('--tag', 'ticket=4711')).toEqual([first]);
    expect(await ids('--host', 'web-2')).toEqual([]);
    expect(await ids('--until', timeOf(first))).toEqual([first]);
    expect(await ids('--since', timeOf(second))).toEqual([second]);
  });

  it('shows what a snapshot holds, with modes and sizes and no content', async () => {
    const shown = await web.ok(['show', '@before-deploy', '--json'], opens);
    expect(shown.summary()).toMatchObject({
      snapshot: first,
      description: 'the first',
      label: 'before-deploy',
      root: web.work,
      complete: true,
    });
    expect(shown.lines()).toContainEqual(
      expect.objectContaining({ path: 'bin/deploy', type: 'file', mode: '0755', size: 10 }),
    );
    expect(shown.lines()).toContainEqual(
      expect.objectContaining({ path: 'current.env', type: 'symlink', target: '.env' }),
    );
    expect(shown.stdout).not.toContain('TOKEN');
  });

  it('prints one file, and nothing else', async () => {
    expect((await web.ok(['cat', 'latest', '.env'], opens)).stdout).toBe('TOKEN=two\n');
    expect((await web.ok(['cat', 'latest~1', '.env'], opens)).stdout).toBe('TOKEN=one\n');
    expect((await web.ok(['cat', first.slice(0, -2), './certs/with space.key'], opens)).stdout).toBe(
      'not a key\n',
    );
    const none = await web.run(['cat', 'latest', 'nothing', '--json'], opens);
    expect([none.code, none.failure().code, none.stdout]).toEqual([10, 'no-path', '']);
  });

  describe('and a second machine, after the first has burnt', () => {
    it('restores with the pin of a strongroom.yaml, owner-only', async () => {
      const spare = machine('spare');
      spare.write('strongroom.yaml', readFileSync(join(web.work, 'strongroom.yaml')));
      const ran = await spare.ok(['restore', 'latest', '--set', 'shop', '--target', 'out', '--json'], {
        env: { STRONGROOM_PASSPHRASE: PASSPHRASE },
      });
      expect(ran.summary()).toMatchObject({ snapshot: second, set: 'shop', files: 5 });
      const out = join(spare.work, 'out');
      expect(readFileSync(join(out, '.env'), 'utf8')).toBe('TOKEN=two\n');
      expect(readlinkSync(join(out, 'current.env'))).toBe('.env');
      const modes = ['.', '.env', 'compose.yaml', 'bin', 'bin/deploy', 'certs/with space.key'].map((p) =>
        mode(join(out, p)),
      );
      expect(modes).toEqual(['700', '600', '600', '700', '700', '600']);
      // It says how many had wider modes, and gives them when asked.
      expect(ran.summary().narrower).toBeGreaterThan(0);
      await spare.ok(['restore', 'latest', '--set', 'shop', '--target', 'wide', '--as-recorded'], {
        env: { STRONGROOM_PASSPHRASE: PASSPHRASE },
      });
      expect(mode(join(spare.work, 'wide/compose.yaml'))).toBe('644');
      expect(mode(join(spare.work, 'wide/bin/deploy'))).toBe('755');
    });

    it('restores with nothing but the location and the passphrase, which proves the vault, and knows it from then on', async () => {
      const spare = machine('spare');
      const env = {
        STRONGROOM_PASSPHRASE_COMMAND: `printf '%s\\n' '${PASSPHRASE}'`,
        STRONGROOM_LOCATION: vault,
      };
      await spare.ok(['restore', '--at', timeOf(first), '--set', 'shop', '--target', 'out'], { env });
      expect(readFileSync(join(spare.work, 'out/.env'), 'utf8')).toBe('TOKEN=one\n');
      const listed = await spare.ok(['list', '--json'], { env: { STRONGROOM_LOCATION: vault } });
      expect(listed.summary()).toMatchObject({ trust: 'pinned', fingerprint });
      expect(listed.stderr).toBe('');
    });

    it('is told the right passphrase from a wrong one', async () => {
      const spare = machine('spare');
      const env = {
        STRONGROOM_PASSPHRASE: 'staple orbit velvet canyon marble twelve',
        STRONGROOM_LOCATION: vault,
      };
      const ran = await spare.run(['restore', '--set', 'shop', '--target', 'out', '--json'], { env });
      expect([ran.code, ran.failure().code]).toEqual([12, 'wrong-passphrase']);
      expect(existsSync(join(spare.work, 'out'))).toBe(false);
      expect(ran.stdout + ran.stderr).not.toContain('staple');
    });
  });

  describe('and a deploy that went wrong', () => {
    it('is rolled back in place, one file, and the rollback can be taken back', async () => {
      web.write('.env', 'TOKEN=broken\n');
      const refused = await web.run(['restore', '@before-deploy', '.env', '--in-place', '--json'], opens);
      expect([refused.code, refused.failure().exit_code]).toEqual([11, 11]);
      expect(readFileSync(join(web.work, '.env'), 'utf8')).toBe('TOKEN=broken\n');

      const plan = await web.ok(
        ['restore', '@before-deploy', '.env', '--in-place', '--existing', 'replace', '--dry-run', '--json'],
        opens,
      );
      expect(plan.lines()).toContainEqual(
        expect.objectContaining({ message_type: 'plan', path: '.env', action: 'replace' }),
      );
      expect(readFileSync(join(web.work, '.env'), 'utf8')).toBe('TOKEN=broken\n');

      const done = await web.ok(
        ['restore', '@before-deploy', '.env', '--in-place', '--existing', 'replace', '--yes', '--json'],
        opens,
      );
      expect(done.summary().undo).toBeTruthy();
      expect(readFileSync(join(web.work, '.env'), 'utf8')).toBe('TOKEN=one\n');
      expect(readFileSync(join(web.work, 'compose.yaml'), 'utf8')).toBe('services: {}\n');

      await web.ok(['restore', '--undo', '--in-place', '--yes'], opens);
      expect(readFileSync(join(web.work, '.env'), 'utf8')).toBe('TOKEN=broken\n');
    });

    it('never has its active strongroom.yaml replaced', async () => {
      const config = join(web.work, 'strongroom.yaml');
      const edited = `${readFileSync(config, 'utf8')}# edited since\n`;
      rmSync(config);
      web.write('strongroom.yaml', edited);
      await web.ok(
        ['restore', 'latest', '--in-place', '--existing', 'replace', '--yes', '--set', 'shop'],
        opens,
      );
      expect(readFileSync(config, 'utf8')).toBe(edited);
      expect(statSync(`${config}.restored`).size).toBe(edited.length - '# edited since\n'.length);
      rmSync(`${config}.restored`);
      expect(readFileSync(join(web.work, '.env'), 'utf8')).toBe('TOKEN=two\n');
    });

    it('keeps what it replaces beside it, or leaves it, as asked', async () => {
      web.write('.env', 'TOKEN=three\n');
      await web.ok(['restore', 'latest', '.env', '--in-place', '--existing', 'skip', '--set', 'shop'], opens);
      expect(readFileSync(join(web.work, '.env'), 'utf8')).toBe('TOKEN=three\n');
      const ran = await web.ok(
        ['restore', 'latest', '.env', '--in-place', '--existing', 'bak', '--set', 'shop', '--json'],
        opens,
      );
      expect(ran.summary().counts.bak).toBe(1);
      expect(readFileSync(join(web.work, '.env'), 'utf8')).toBe('TOKEN=two\n');
    });
  });

  it('is sound, with a key and without, and like the tree that stands there', async () => {
    expect((await web.ok(['verify', '--json'])).summary()).toMatchObject({
      sound: true,
      snapshots: 2,
      read_data: false,
    });
    expect((await web.ok(['verify', '--read-data', '--json'], opens)).summary()).toMatchObject({
      sound: true,
      read_data: true,
    });
    const differs = await web.run(['verify', 'latest', '--against', '.', '--json'], opens);
    expect(differs.code).toBe(4);
    expect(differs.lines()).toContainEqual(
      expect.objectContaining({ path: 'strongroom.yaml', how: 'changed' }),
    );
    await web.ok(['restore', 'latest', '--set', 'shop', '--target', 'copy'], opens);
    expect(
      (await web.ok(['verify', 'latest', '--against', 'copy', '--json'], opens)).summary().differences,
    ).toBe(0);
  });

  it('deletes a snapshot for good, after a question, and says so in the vault', async () => {
    const asked = await web.run(['delete', first, '--json']);
    expect(asked.code).not.toBe(0);
    expect((await web.ok(['list', '--json'])).summary().snapshots).toBe(2);
    await web.ok(['delete', first, '--yes']);
    const listed = await web.ok(['list', '--json']);
    expect(
      listed
        .lines()
        .filter((m) => m.message_type === 'snapshot')
        .map((m) => m.id),
    ).toEqual([second]);
    expect((await web.ok(['verify', '--json'])).summary().sound).toBe(true);
    expect(existsSync(join(vault, 'data/shop', first, 'x'))).toBe(false);
    expect((await web.run(['cat', first, '.env', '--json'], opens)).failure()).toMatchObject({
      code: 'no-snapshot',
      exit_code: 10,
    });
  });
});

/** The time that an id holds, as a person writes it. */
function timeOf(id: string): string {
  return id.replace(/^(\d{4})(\d\d)(\d\d)T(\d\d)(\d\d)(\d\d)Z.*$/, '$1-$2-$3T$4:$5:$6Z');
}
