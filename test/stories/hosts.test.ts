// A second machine, CI and an old SSH host key come to write to a vault, and one of them has to go.

import { spawnSync } from 'node:child_process';
import { chmodSync, readFileSync, statSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { beforeEach, describe, expect, it } from 'vitest';
import { type Machine, machines, PASSPHRASE, type Ran } from '../support/program.ts';

const PERSON = join(import.meta.dirname, '../cli/person.py');
const isRoot = process.getuid?.() === 0;
const hasPython = spawnSync('python3', ['-c', '']).status === 0;
const hasSshKeygen = spawnSync('sh', ['-c', 'command -v ssh-keygen']).status === 0;

const machine = machines();
let laptop: Machine;
let web: Machine;
let vault: string;
let key: { STRONGROOM_IDENTITY_FILE: string };

/** The configuration, as it lies in the repository that every machine has. */
async function clone(to: Machine): Promise<void> {
  to.write('strongroom.yaml', readFileSync(join(laptop.work, 'strongroom.yaml')));
  to.write('.env', 'TOKEN=4711\n');
}

beforeEach(async () => {
  laptop = machine('laptop');
  web = machine('web-1');
  vault = join(laptop.directory, 'vault');
  laptop.write('.env', 'TOKEN=4711\n');
  const me = await laptop.identity();
  key = { STRONGROOM_IDENTITY_FILE: me.file };
  const env = { STRONGROOM_PASSPHRASE_FILE: laptop.passphrase() };
  await laptop.ok(
    ['init', '--location', vault, '--name', 'app', '--recipient', me.recipient, '--passphrase'],
    { env },
  );
  await clone(web);
});

const hosts = async () => (await laptop.ok(['hosts', 'list', '--json'])).lines().slice(0, -1);
/** Types a command that was sent, as a shell takes it. */
const typed = (line: string): string[] => {
  const { stdout } = spawnSync('bash', ['-c', `printf '%s\\0' ${line.replace(/^strongroom /, '')}`]);
  return stdout.toString().split('\0').slice(0, -1);
};

describe('a second machine', () => {
  it('asks, is let in by whoever keeps the vault, and is believed for its own sets only', async () => {
    const asked = await web.ok(['hosts', 'enroll']);
    expect(asked.stdout).toMatch(
      /^strongroom hosts enroll --approve 'web-1 ssh-ed25519 \S+ sets=app may=write check=\w+'\n$/,
    );
    const [fingerprint] = /SHA256:\S{43}/.exec(asked.stderr)!;
    // As ssh-keygen shows it on that machine.
    if (hasSshKeygen) {
      const shown = spawnSync('ssh-keygen', ['-lf', join(web.state, 'host-key')], { encoding: 'utf8' });
      expect(shown.stdout).toContain(fingerprint);
    }
    const before = await web.run(['backup', '--json']);
    expect([before.code, before.failure().code]).toEqual([2, 'unlisted-host']);
    // The failure holds the very same line.
    expect(before.failure().hint).toContain(asked.stdout.trim());
    const done = await laptop.ok([...typed(asked.stdout.trim()), '--yes', '--json'], { env: key });
    expect(done.summary()).toMatchObject({
      host: 'web-1',
      fingerprint,
      sets: ['app'],
      may: ['write'],
      enrolled: true,
    });
    await web.ok(['backup']);
    expect((await web.run(['backup', '.env', '--set', 'db', '--json'])).failure().code).toBe('unlisted-host');
    expect(await hosts()).toMatchObject([
      { name: 'laptop', snapshots: 0 },
      { name: 'web-1', snapshots: 1, fingerprint },
    ]);
    await laptop.ok(['verify']);
  });

  it.skipIf(!hasPython)('where a person can open the vault is enrolled by them at once', async () => {
    const on = async (
      steps: [string, string][],
      args: string[],
    ): Promise<{ code: number; stdout: string; shown: string }> => {
      const ran = await web.run(args, { under: ['python3', PERSON, JSON.stringify(steps)] });
      return JSON.parse(ran.stdout);
    };
    const no = await on([['enroll this host at once?', 'n\n']], ['hosts', 'enroll']);
    expect([no.code, no.stdout]).toEqual([0, expect.stringContaining("--approve 'web-1 ")]);
    expect(await hosts()).toHaveLength(1);
    const yes = await on(
      [
        ['enroll this host at once?', 'y\n'],
        ['Passphrase for the vault', `${PASSPHRASE}\n`],
        ['may write the set app?', 'y\n'],
      ],
      ['hosts', 'enroll'],
    );
    expect([yes.code, yes.stdout]).toEqual([0, expect.stringContaining('web-1 is a host of the vault now')]);
    expect(yes.shown).toMatch(/Make web-1 \(SHA256:\S{43}\) a host of the vault app/);
    await web.ok(['backup']);
  });

  it('that is removed and comes back with a new key goes on', async () => {
    await web.ok(['hosts', 'enroll', '--yes'], { env: key });
    await web.ok(['backup']);
    await laptop.ok(['hosts', 'remove', 'web-1', '--yes'], { env: key });
    expect((await web.run(['backup', '--json'])).failure().code).toBe('unlisted-host');
    const same = await web.run(['hosts', 'enroll', '--yes', '--json'], { env: key });
    expect([same.code, same.failure().code]).toEqual([11, 'key-listed']);
    await web.ok(['hosts', 'enroll', '--new-key', '--yes'], { env: key });
    expect(statSync(join(web.state, 'host-key.old')).mode & 0o777).toBe(0o600);
    await web.ok(['backup']);
    expect((await hosts()).map((h) => [h.name, h.snapshots, h.removed !== undefined])).toEqual([
      ['laptop', 0, false],
      ['web-1', 1, true],
      ['web-1', 1, false],
    ]);
    await laptop.ok(['verify', '--read-data'], { env: key });
  });

  it.skipIf(!isRoot)('that may not read the vault prints the line all the same', async () => {
    const runs = ['setpriv', '--reuid=65534', '--regid=65534', '--clear-groups', '--'];
    spawnSync('chown', ['-R', '65534:65534', web.directory]);
    chmodSync(dirname(web.directory), 0o711);
    const asked = await web.run(['hosts', 'enroll', '--json'], { under: runs });
    expect([asked.code, asked.stderr.includes('exit_error')]).toEqual([0, false]);
    expect(asked.summary()).toMatchObject({ enrolled: false, approve: expect.stringContaining('web-1 ') });
  });
});

describe('CI, which keeps nothing', () => {
  it('has its key in the environment', async () => {
    await laptop.ok(['hosts', 'enroll', 'ci', '--key-file', 'ci.key', '--yes'], { env: key });
    const file = join(laptop.work, 'ci.key');
    expect(statSync(file).mode & 0o777).toBe(0o600);
    const secret = readFileSync(file, 'utf8');
    const backUp = async (env: Record<string, string>): Promise<Ran> => {
      const runner = machine('runner');
      await clone(runner);
      return await runner.run(['backup', '--json'], { env: { STRONGROOM_HOST: 'ci', ...env } });
    };
    expect(await backUp({ STRONGROOM_SIGNING_KEY: secret })).toMatchObject({ code: 0, stderr: '' });
    // As stores of secrets hand it over: without its last newline, or with those of Windows.
    expect(await backUp({ STRONGROOM_SIGNING_KEY: secret.trim() })).toMatchObject({ code: 0 });
    expect(await backUp({ STRONGROOM_SIGNING_KEY: secret.replaceAll('\n', '\r\n') })).toMatchObject({
      code: 0,
    });
    expect(await backUp({ STRONGROOM_SIGNING_KEY_FILE: file })).toMatchObject({ code: 0 });
    expect((await hosts())[1]).toMatchObject({ name: 'ci', snapshots: 4 });
    const elsewhere = await backUp({ STRONGROOM_SIGNING_KEY: secret, STRONGROOM_HOST: 'runner' });
    expect([elsewhere.code, elsewhere.failure().hint]).toEqual([2, 'set STRONGROOM_HOST=ci']);
    await laptop.ok(['verify']);
  });

  it('may have a key made elsewhere, by a line that CI prints', async () => {
    const runner = machine('ci');
    await clone(runner);
    const asked = (await runner.ok(['hosts', 'enroll', 'ci', '--key-file', 'ci.key', '--json'])).summary();
    await laptop.ok([...typed(asked.approve), '--yes'], { env: key });
    const env = { STRONGROOM_SIGNING_KEY_FILE: join(runner.work, 'ci.key') };
    await runner.ok(['backup', '.env', '--set', 'app'], { env, code: 2 });
    await runner.ok(['backup', '--exclude', 'ci.key'], { env });
  });
});

describe.skipIf(!hasSshKeygen)('an SSH host key', () => {
  it('serves as a signing key, and its signatures are ssh-keygen’s to check', async () => {
    const file = join(web.directory, 'ssh_host_ed25519_key');
    spawnSync('ssh-keygen', ['-q', '-t', 'ed25519', '-N', '', '-C', 'root@web-1', '-f', file]);
    const env = { STRONGROOM_SIGNING_KEY_FILE: file };
    const asked = (await web.ok(['hosts', 'enroll', '--json'], { env })).summary();
    const [, blob = ''] = readFileSync(`${file}.pub`, 'utf8').split(' ');
    expect(asked.approve).toContain(`web-1 ssh-ed25519 ${blob} sets=app`);
    expect(spawnSync('ssh-keygen', ['-lf', `${file}.pub`], { encoding: 'utf8' }).stdout).toContain(
      asked.fingerprint,
    );
    await laptop.ok([...typed(asked.approve), '--yes'], { env: key });
    const { snapshot } = (await web.ok(['backup', '--json'], { env })).summary();
    const record = readFileSync(join(vault, `snapshots/app/${snapshot}.json`), 'latin1');
    const at = record.indexOf('-----BEGIN SSH SIGNATURE');
    const signature = web.write('../record.sig', record.slice(at));
    const signers = web.write('../signers', `web-1 ssh-ed25519 ${blob}\n`);
    const checked = spawnSync(
      'ssh-keygen',
      ['-Y', 'verify', '-f', signers, '-I', 'web-1', '-n', 'strongroom-record-v1', '-s', signature],
      { input: record.slice(0, at), encoding: 'latin1' },
    );
    expect(checked.stdout).toMatch(/^Good "strongroom-record-v1" signature/);
    await laptop.ok(['verify']);
  });
});

describe('a key that was stolen', () => {
  it('is removed with what came after, and the vault is sound again', async () => {
    await web.ok(['hosts', 'enroll', '--yes'], { env: key });
    const good = (await web.ok(['backup', '--json'])).summary().snapshot;
    // The store's clock is the machine's: what it receives in one second cannot be told apart by seconds.
    await new Promise((wake) => setTimeout(wake, 2100));
    // A thief dates it back; the store knows when it came.
    web.write('.env', 'TOKEN=evil\n');
    const bad = (await web.ok(['backup', '--json'])).summary().snapshot;
    const dry = await laptop.ok(['hosts', 'remove', 'web-1', '--last-good', good, '--dry-run', '--json']);
    expect(dry.lines()).toMatchObject([
      { message_type: 'stops', id: bad, set: 'app' },
      { message_type: 'summary', counts: 1, stops: 1, dry_run: true },
    ]);
    expect((await hosts())[1]!.removed).toBeUndefined();
    const done = await laptop.ok(['hosts', 'remove', 'web-1', '--last-good', good, '--yes'], { env: key });
    expect(done.stdout).toContain(`strongroom delete ${bad}`);
    const refused = await laptop.run(['restore', '--host', 'web-1', '--target', 'out', '--json'], {
      env: key,
    });
    expect([refused.code, refused.failure().code]).toEqual([13, 'removed-host']);
    expect((await laptop.run(['verify'])).code).toBe(13);
    await laptop.ok(['delete', bad, '--yes']);
    await laptop.ok(['verify', '--read-data'], { env: key });
    await laptop.ok(['restore', '--host', 'web-1', '--target', 'out'], { env: key });
    expect(readFileSync(join(laptop.work, 'out/app/.env'), 'utf8')).toBe('TOKEN=4711\n');
  });
});
