// Schedules installed for real: into the places of cron and systemd, in a view of the file system of the test's own, so
// that nothing of this machine changes. systemd does not run in it: its `systemctl` is a stand-in that writes down what it
// is asked.

import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import {
  chmodSync,
  chownSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { beforeAll, beforeEach, describe, expect, it, onTestFinished } from 'vitest';
import { parse } from 'yaml';
import { runsCron } from '../../src/host/schedule/cron-install.ts';
import { type Machine, machines, type Ran } from '../support/program.ts';
import { hasProgram, verifyUnits } from '../support/schedule.ts';

const machine = machines();

/** Mounting takes root, and not every container lets it. */
const canMount = process.getuid?.() === 0 && spawnSync('unshare', ['-m', 'true']).status === 0;

const UNITS = '/etc/systemd/system';
const SPOOL = '/var/spool/cron/crontabs';
const CRON_D = '/etc/cron.d';

interface Ground {
  readonly it: Machine;
  /** Runs `strongroom`, with places of its own. */
  run(...args: string[]): Promise<Ran>;
  /** Gives root this crontab. */
  crontab(text: string): void;
  /** What is below a place, as the machine sees it. */
  at(place: string, ...names: string[]): string;
  /** What systemctl was asked. */
  asked(): string[];
}

/** A machine with a vault and two sets. @param systemd whether it is to look as if systemd ran */
async function ground(systemd: boolean): Promise<Ground> {
  const it = machine('web-1');
  const places = [UNITS, SPOOL, CRON_D].filter((place) => existsSync(place));
  const at = (place: string, ...names: string[]) => join(it.directory, 'root', place, ...names);
  for (const place of places) mkdirSync(at(place), { recursive: true });
  if (existsSync(SPOOL)) chmodSync(at(SPOOL), 0o1730);
  const log = join(it.directory, 'systemctl.log');
  const bin = join(it.directory, 'bin');
  mkdirSync(bin);
  writeFileSync(
    join(bin, 'systemctl'),
    systemd
      ? // Enabled is what has been enabled, and is not disabled since.
        `#!/bin/sh\necho "$*" >> '${log}'\ncase "$*" in *is-enabled*|*is-active*) grep -q 'enable --now' '${log}' && ! grep -q 'disable --now' '${log}';; esac\n`
      : '#!/bin/sh\nexit 1\n',
    { mode: 0o755 },
  );
  it.write('app/.env', 'TOKEN=1\n');
  const { recipient } = await it.identity();
  await it.ok(['init', '--location', join(it.directory, 'vault'), '--recipient', recipient], {
    cwd: join(it.work, 'app'),
  });
  const script = `${places.map((place) => `mount --bind '${at(place)}' '${place}'`).join(' && ')} && exec "$@"`;
  const under = ['unshare', '-m', '--propagation', 'private', 'sh', '-c', script, 'sh'];
  return {
    it,
    at,
    run: (...args) =>
      it.run(args, { cwd: join(it.work, 'app'), env: { PATH: `${bin}:${process.env.PATH}` }, under }),
    crontab: (input) => void spawnSync(under[0]!, [...under.slice(1), 'crontab', '-'], { input }),
    asked: () => (existsSync(log) ? readFileSync(log, 'utf8').trim().split('\n') : []),
  };
}

const SETS = ['a.b', 'a-b', 'a_b', 'a_-b'].reduce((text, set) => `${text}  ${set}: { root: . }\n`, 'sets:\n');

const changesIn = (asked: readonly string[]) =>
  asked.filter((line) => !/is-enabled|is-active|^show/.test(line));

describe.skipIf(!canMount)('by systemd', () => {
  let on: Ground;
  beforeEach(async () => {
    on = await ground(true);
  });

  it('is installed once, changed, shown and removed', async () => {
    expect((await on.run('schedule', 'install', '--every', '6h', '--set', 'app')).code).toBe(0);
    const units = readdirSync(on.at(UNITS));
    expect(units).toEqual(['strongroom-backup-app.service', 'strongroom-backup-app.timer']);
    expect(changesIn(on.asked())).toEqual(['daemon-reload', 'enable --now strongroom-backup-app.timer']);
    const texts = () => units.map((name) => readFileSync(on.at(UNITS, name), 'utf8'));
    const first = texts();
    // A secret would be one that everybody reads.
    for (const name of units) expect(statSync(on.at(UNITS, name)).mode & 0o777).toBe(0o644);

    const again = await on.run('schedule', 'install', '--every', '6h', '--set', 'app', '--json');
    expect(again.summary()).toMatchObject({
      changed: false,
      name: 'backup-app',
      format: 'systemd',
      scope: 'system',
    });
    expect(texts()).toEqual(first);
    expect(changesIn(on.asked()).length).toBe(2);

    expect((await on.run('schedule', 'install', '--every', '02:30', '--set', 'app')).code).toBe(0);
    expect(changesIn(on.asked()).slice(2)).toEqual(['daemon-reload', 'restart strongroom-backup-app.timer']);
    expect((await on.run('schedule', 'show', '--json')).lines()[0]).toMatchObject({
      name: 'backup-app',
      every: '02:30',
      changed_by_hand: false,
      next: expect.stringMatching(/T02:30:00/),
    });

    writeFileSync(on.at(UNITS, 'other.timer'), '[Timer]\nOnCalendar=daily\n');
    mkdirSync(on.at(UNITS, 'strongroom-backup-app.service.d'));
    expect((await on.run('schedule', 'remove', 'backup-app', '--yes')).code).toBe(0);
    expect(readdirSync(on.at(UNITS))).toEqual(['other.timer', 'strongroom-backup-app.service.d']);
    expect(changesIn(on.asked()).slice(4)).toEqual([
      'disable --now strongroom-backup-app.timer',
      'daemon-reload',
    ]);
  });

  it.skipIf(!hasProgram('systemd-analyze'))(
    'writes units that systemd takes, and whose command backs up',
    async () => {
      await on.run('schedule', 'install', '--every', '6h', '--jitter', '10m', '--health');
      const units = readdirSync(on.at(UNITS)).map((path) => ({
        path,
        text: readFileSync(on.at(UNITS, path), 'utf8'),
      }));
      expect(verifyUnits(units)).toEqual({ code: 0, said: '' });
      const commands = [...units[0]!.text.matchAll(/^ExecStart=:(.*)$/gm)].map(([, line]) =>
        JSON.parse(`[${line!.replaceAll('" "', '","')}]`),
      );
      expect(commands.map(([, , verb]) => verb)).toEqual(['backup', 'health']);
      for (const [command, ...args] of commands) {
        const { status, stdout, stderr } = spawnSync(command, args, {
          env: on.it.env(),
          cwd: '/',
          encoding: 'utf8',
        });
        // Nothing to read on success.
        expect([status, stdout, stderr]).toEqual([0, '', '']);
      }
      expect((await on.it.ok(['list', '--json'], { cwd: join(on.it.work, 'app') })).summary()).toMatchObject({
        snapshots: 1,
      });
    },
  );

  it('leaves what somebody has changed by hand, and what is not ours', async () => {
    await on.run('schedule', 'install', '--every', '6h');
    const service = on.at(UNITS, 'strongroom-backup.service');
    const changed = `${readFileSync(service, 'utf8')}MemoryMax=1G\n`;
    writeFileSync(service, changed);
    for (const args of [
      ['install', '--every', '12h', '--yes'],
      ['remove', '--yes'],
    ]) {
      const ran = await on.run('schedule', ...args, '--json');
      expect([ran.code, ran.failure().code]).toEqual([11, 'schedule-changed']);
      expect(readFileSync(service, 'utf8')).toBe(changed);
    }
    expect((await on.run('schedule', 'show')).stdout).toContain('changed by hand');
    expect((await on.run('schedule', 'install', '--every', '12h', '--force')).code).toBe(0);
    expect(readFileSync(service, 'utf8')).not.toContain('MemoryMax');

    const foreign = on.at(UNITS, 'strongroom-mine.service');
    writeFileSync(foreign, '[Service]\n');
    const ran = await on.run('schedule', 'install', '--every', '6h', '--name', 'mine', '--force', '--json');
    expect([ran.code, ran.failure().code]).toEqual([11, 'not-ours']);
    expect((await on.run('schedule', 'remove', '--yes')).code).toBe(0);
    expect(readdirSync(on.at(UNITS))).toEqual(['strongroom-mine.service']);
  });

  it('has a schedule for each set, whatever the sets are called', async () => {
    const config = readFileSync(join(on.it.work, 'app', 'strongroom.yaml'), 'utf8');
    on.it.write('app/strongroom.yaml', config.replace(/sets:[\s\S]*/, SETS));
    for (const set of ['a.b', 'a-b', 'a_b', 'a_-b'])
      expect((await on.run('schedule', 'install', '--every', '6h', '--set', set)).code).toBe(0);
    const shown = (await on.run('schedule', 'show', '--json')).lines().slice(0, -1);
    expect(shown.map((line) => /--set (\S+)/.exec(String(line.runs))?.[1]).sort()).toEqual([
      'a-b',
      'a.b',
      'a_-b',
      'a_b',
    ]);
    expect(new Set(shown.map((line) => line.name)).size).toBe(4);
  });

  it.each<[string, string[], string[]]>([
    ['a command', ['--name', 'nightly'], ['--name', 'nightly', '--command', 'prune']],
    ['a set', ['--name', 'x', '--set', 'app'], ['--name', 'x']],
    [
      'a vault',
      ['--command', 'health', '--config', 'none', '--location', '/srv/one'],
      ['--command', 'health', '--config', 'none', '--location', '/srv/two'],
    ],
  ])('does not end what is done by the same name: %s', async (_, first, second) => {
    expect((await on.run('schedule', 'install', '--every', '6h', ...first)).code).toBe(0);
    const units = () => readdirSync(on.at(UNITS)).map((name) => readFileSync(on.at(UNITS, name), 'utf8'));
    const before = units();
    for (const more of [[], ['--force'], ['--dry-run']]) {
      const ran = await on.run('schedule', 'install', '--every', 'hourly', ...second, ...more, '--json');
      expect([ran.code, ran.failure().code]).toEqual([11, 'schedule-exists']);
    }
    expect(units()).toEqual(before);
    // The same at other times, and with something after it, is no other.
    expect((await on.run('schedule', 'install', '--every', 'hourly', '--health', ...first)).code).toBe(0);
  });

  it('knows a service whose timer is gone, and does not replace it unasked when it was changed', async () => {
    await on.run('schedule', 'install', '--every', '6h');
    const [service, timer] = ['service', 'timer'].map((kind) => on.at(UNITS, `strongroom-backup.${kind}`));
    rmSync(timer!);
    expect((await on.run('schedule', 'show')).stdout).toContain('does not run');
    expect((await on.run('schedule', 'install', '--every', '6h')).code).toBe(0);
    expect(existsSync(timer!)).toBe(true);
    rmSync(timer!);
    const changed = `${readFileSync(service!, 'utf8')}MemoryMax=1G\n`;
    writeFileSync(service!, changed);
    for (const args of [
      ['install', '--every', '6h', '--yes'],
      ['remove', 'backup', '--yes'],
    ]) {
      const ran = await on.run('schedule', ...args, '--json');
      expect([ran.code, ran.failure().code]).toEqual([11, 'schedule-changed']);
    }
    expect(readFileSync(service!, 'utf8')).toBe(changed);
    expect((await on.run('schedule', 'remove', 'backup', '--force', '--yes')).code).toBe(0);
    expect(readdirSync(on.at(UNITS))).toEqual([]);
  });

  it('takes a copy under another name for what it is: somebody’s own', async () => {
    await on.run('schedule', 'install', '--every', '6h');
    for (const kind of ['service', 'timer']) {
      const text = readFileSync(on.at(UNITS, `strongroom-backup.${kind}`), 'utf8');
      writeFileSync(on.at(UNITS, `strongroom-mine.${kind}`), `${text}# mine\n`);
    }
    const taken = await on.run('schedule', 'install', '--every', '6h', '--name', 'mine', '--force', '--json');
    expect([taken.code, taken.failure().code]).toEqual([11, 'not-ours']);
    expect((await on.run('schedule', 'remove', 'backup', '--force', '--yes')).code).toBe(0);
    expect(readdirSync(on.at(UNITS))).toEqual(['strongroom-mine.service', 'strongroom-mine.timer']);
  });

  it('hands on the signing key as a credential, and no secret that stands in a variable', async () => {
    const ran = await on.it.run(['schedule', 'print', '--every', 'daily'], {
      cwd: join(on.it.work, 'app'),
      env: {
        STRONGROOM_SIGNING_KEY_FILE: '/etc/strongroom/key',
        STRONGROOM_PASSPHRASE_FILE: '/etc/strongroom/pass',
        AWS_SECRET_ACCESS_KEY: 'hunter2-aws',
        STRONGROOM_PASSPHRASE: undefined,
      },
    });
    expect(ran.stdout).toContain('LoadCredential=signing-key:/etc/strongroom/key\n');
    expect(ran.stdout).toContain('Environment=STRONGROOM_SIGNING_KEY_FILE=%d/signing-key\n');
    // A backup opens nothing.
    expect(ran.stdout).not.toContain('pass');
    expect(ran.stdout + ran.stderr).not.toContain('hunter2');
    expect(ran.stderr).toContain('AWS_SECRET_ACCESS_KEY');
  });

  it('hands a drill what opens the vault, and no host’s key', async () => {
    const ran = await on.it.run(['schedule', 'print', '--command', 'drill', '--every', 'weekly'], {
      cwd: join(on.it.work, 'app'),
      env: {
        STRONGROOM_SIGNING_KEY_FILE: '/etc/strongroom/key',
        STRONGROOM_PASSPHRASE_FILE: '/etc/strongroom/pass',
        STRONGROOM_PASSPHRASE: undefined,
      },
    });
    expect(ran.stdout).toContain('LoadCredential=passphrase:/etc/strongroom/pass\n');
    expect(ran.stdout).not.toContain('/etc/strongroom/key');
    // Dumps are loaded by programs that are found there.
    expect(ran.stdout).toMatch(/^Environment="?PATH=/m);
  });
});

describe.skipIf(!canMount || !hasProgram('crontab'))('by cron', () => {
  let on: Ground;
  beforeEach(async () => {
    on = await ground(false);
  });

  it('is a file of the system for root', async () => {
    const ran = await on.run('schedule', 'install', '--every', '02:30');
    expect([ran.code, ran.stderr]).toEqual([0, expect.stringContaining('cron does not catch up')]);
    expect(readdirSync(on.at(CRON_D))).toEqual(['strongroom-backup']);
    const line = readFileSync(on.at(CRON_D, 'strongroom-backup'), 'utf8')
      .split('\n')
      .find((text) => /^\d/.test(text))!;
    expect(line).toMatch(/^30 2 \* \* \* root env /);
    const shell = spawnSync('sh', ['-c', line.split(' ').slice(6).join(' ')], {
      env: on.it.env(),
      cwd: '/',
      encoding: 'utf8',
    });
    // Cron mails what is printed.
    expect([shell.status, shell.stdout, shell.stderr]).toEqual([0, '', '']);
    expect((await on.run('schedule', 'remove', '--yes')).code).toBe(0);
    expect(readdirSync(on.at(CRON_D))).toEqual([]);
  });

  it('is a few lines of a crontab, whose others stay as they are', async () => {
    // But for the lines that `crontab` puts atop.
    const crontab = () =>
      readFileSync(on.at(SPOOL, 'root'), 'utf8').replace(/^(?:# (?:DO NOT EDIT|\().*\n)+/, '');
    const own = '# mine\nMAILTO=ops@example.com\n5 4 * * * /usr/bin/true 50\\%\n';
    on.crontab(own);
    expect((await on.run('schedule', 'install', '--every', '6h', '--user')).code).toBe(0);
    expect(
      (await on.run('schedule', 'install', '--every', 'weekly', '--user', '--command', 'prune')).code,
    ).toBe(0);
    const both = crontab();
    expect(both.startsWith(own)).toBe(true);
    expect(both.match(/^0 0,6,12,18 .* backup --quiet|^0 0 \* \* 1 .* prune --yes --quiet/gm)?.length).toBe(
      2,
    );

    const again = await on.run('schedule', 'install', '--every', '6h', '--user', '--json');
    expect(again.summary()).toMatchObject({ changed: false, format: 'cron', scope: 'user' });
    expect(crontab()).toBe(both);
    expect((await on.run('schedule', 'remove', 'backup', '--yes')).code).toBe(0);
    expect(crontab()).toMatch(/prune/);
    expect(crontab()).not.toMatch(/ backup /);
    expect((await on.run('schedule', 'remove', '--yes')).code).toBe(0);
    expect(crontab()).toBe(own);
  });

  it('is refused where its lines were torn apart', async () => {
    await on.run('schedule', 'install', '--every', '6h', '--user');
    const path = on.at(SPOOL, 'root');
    const torn = readFileSync(path, 'utf8').replace(/# strongroom-end.*\n/, '0 1 * * * mine\n');
    writeFileSync(path, torn);
    const ran = await on.run('schedule', 'remove', '--yes', '--json');
    expect([ran.code, ran.failure().code]).toEqual([11, 'crontab-broken']);
    expect(readFileSync(path, 'utf8')).toBe(torn);
  });

  it('says where no daemon would read it, when it is installed and when it is shown', async () => {
    const isDumb = runsCron() === false;
    const installed = await on.run('schedule', 'install', '--every', '6h', '--quiet', '--json');
    const shown = await on.run('schedule', 'show', '--json');
    for (const ran of [installed, shown]) {
      expect(ran.code).toBe(0);
      expect(ran.warnings().some(({ code }) => code === 'never-run')).toBe(isDumb);
    }
  });

  it('shows with --dry-run what it would write, and writes nothing', async () => {
    const ran = await on.run('schedule', 'install', '--every', '6h', '--dry-run');
    expect([ran.code, ran.stdout]).toEqual([0, expect.stringContaining('0 0,6,12,18 * * * root')]);
    expect(readdirSync(on.at(CRON_D))).toEqual([]);
  });
});

describe('in the foreground', () => {
  it('runs at the start, remembers it, and ends when told', async () => {
    const on = await ground(false);
    const [node = '', ...args] = on.it.argv(['schedule', 'run', '--every', '6h', '--at-start', '--json']);
    const child = spawn(node, args, {
      cwd: join(on.it.work, 'app'),
      env: on.it.env(),
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    onTestFinished(() => void child.kill('SIGKILL'));
    let said = '';
    const waiting = new Promise<void>((resolve) => {
      child.stdout.on('data', (chunk: Buffer) => {
        said += chunk.toString();
        if (said.includes('"waiting"')) resolve();
      });
    });
    await waiting;
    child.kill('SIGTERM');
    const [code] = await once(child, 'exit');
    expect(code).toBe(0);
    const lines = said
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line));
    expect(lines.map((line) => line.message_type)).toEqual(['run', 'waiting', 'summary']);
    expect(lines[0]).toMatchObject({ schedule: 'backup', code: 0 });
    expect(lines[2]).toMatchObject({ runs: 1, failed: 0 });
    expect((await on.it.ok(['list', '--json'], { cwd: join(on.it.work, 'app') })).summary()).toMatchObject({
      snapshots: 1,
    });
    const remembered = JSON.parse(readFileSync(join(on.it.state, 'schedules', 'backup.json'), 'utf8'));
    expect(remembered.last).toBe(lines[0].began);
  });

  it('backs up all the same where it cannot remember it, and says so', async () => {
    const on = await ground(false);
    writeFileSync(join(on.it.state, 'schedules'), 'no directory');
    const [node = '', ...args] = on.it.argv(['schedule', 'run', '--every', '6h', '--at-start', '--json']);
    const child = spawn(node, args, {
      cwd: join(on.it.work, 'app'),
      env: on.it.env(),
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    onTestFinished(() => void child.kill('SIGKILL'));
    let said = '';
    child.stderr.on('data', (chunk: Buffer) => {
      said += chunk.toString();
    });
    const [chunk] = await once(child.stdout, 'data');
    expect(JSON.parse(String(chunk).split('\n')[0]!)).toMatchObject({ message_type: 'run', code: 0 });
    child.kill('SIGTERM');
    expect((await once(child, 'exit'))[0]).toBe(0);
    expect(said).toContain('"not-remembered"');
  });

  it('takes a run that fails for what it is, and goes on', async () => {
    const on = await ground(false);
    const [node = '', ...args] = on.it.argv([
      'schedule',
      'run',
      '--every',
      '6h',
      '--at-start',
      '--json',
      '--location',
      join(on.it.directory, 'nowhere'),
    ]);
    const child = spawn(node, args, {
      cwd: join(on.it.work, 'app'),
      env: on.it.env(),
      stdio: ['ignore', 'pipe', 'ignore'],
    });
    onTestFinished(() => void child.kill('SIGKILL'));
    const [chunk] = await once(child.stdout, 'data');
    const line = JSON.parse(String(chunk).split('\n')[0]!);
    expect(line).toMatchObject({ message_type: 'run', code: expect.any(Number) });
    expect(line.code).not.toBe(0);
    child.kill('SIGTERM');
    expect((await once(child, 'exit'))[0]).toBe(0);
  });

  it('takes no signing key that would not reach its runs', async () => {
    const on = await ground(false);
    const key = readFileSync(join(on.it.state, 'host-key'), 'utf8');
    const ran = await on.it.run(['schedule', 'run', '--every', '6h', '--json'], {
      cwd: join(on.it.work, 'app'),
      env: { STRONGROOM_SIGNING_KEY: key },
    });
    expect([ran.code, ran.failure().code]).toEqual([2, 'secret-by-value']);
  });
});

describe('what cannot be', () => {
  let on: Ground;
  beforeAll(async () => {
    on = await ground(false);
  });

  it.each<[string, string[], string]>([
    ['times that cron cannot keep', ['--every', '36h', '--format', 'cron'], 'cannot-be-said'],
    ['times that nobody knows', ['--every', 'sometimes'], 'bad-every'],
    ['no times', [], 'no-every'],
    ['a jitter as long as the time between', ['--every', '15m', '--jitter', '15m'], 'bad-jitter'],
    ['a set by no name', ['--every', '6h', '--set', 'x/y', '--config', 'none'], 'bad-name'],
    ['a set that there is not', ['--every', '6h', '--set', 'nope'], 'no-set'],
    ['two scopes', ['--every', '6h', '--user', '--system'], 'two-scopes'],
    ['an interval for Kubernetes', ['--every', '36h', '--format', 'kubernetes'], 'cannot-be-said'],
    ['two commands for Windows', ['--every', '6h', '--health', '--format', 'windows'], 'cannot-be-said'],
  ])('is refused with what can: %s', async (_, args, code) => {
    const ran = await on.it.run(['schedule', 'print', ...args, '--json'], { cwd: join(on.it.work, 'app') });
    expect(ran.failure()).toMatchObject({ code, hint: expect.any(String) });
    expect(ran.stdout).toBe('');
  });
});

describe('what runs elsewhere', () => {
  let on: Ground;
  let app: string;
  beforeAll(async () => {
    on = await ground(false);
    app = join(on.it.work, 'app');
    const path = join(app, 'strongroom.yaml');
    const settings = readFileSync(path, 'utf8').replace(/^sets:[\s\S]*/m, '');
    const secure = join(on.it.directory, 'secure');
    mkdirSync(secure);
    writeFileSync(
      path,
      `${settings}replicas: [${join(on.it.directory, 'copy')}, "s3://acme/copy"]\nsets: { app: { include: [".", ${JSON.stringify(secure)}] } }\n`,
    );
  });
  const print = (...args: string[]) =>
    on.it.run(['schedule', 'print', '--every', 'daily', '--json', ...args], { cwd: app });

  it('has a vault that is a directory as a claim, to write to only where it writes', async () => {
    const ran = await print('--format', 'kubernetes');
    const text: string = ran.summary().files[0].text;
    const { volumes, containers } = parse(text).spec.jobTemplate.spec.template.spec;
    const claims = volumes.filter((v: { persistentVolumeClaim?: unknown }) => v.persistentVolumeClaim);
    expect(claims).toEqual([
      { name: 'set-app', persistentVolumeClaim: { claimName: 'set-app', readOnly: true } },
      { name: 'vault', persistentVolumeClaim: { claimName: 'vault' } },
      { name: 'replica-1', persistentVolumeClaim: { claimName: 'replica-1' } },
    ]);
    const mounts = containers[0].volumeMounts;
    expect(mounts).toContainEqual({ name: 'set-app', mountPath: app, readOnly: true });
    expect(mounts).toContainEqual({ name: 'vault', mountPath: join(on.it.directory, 'vault') });
    expect(mounts).toContainEqual({ name: 'replica-1', mountPath: join(on.it.directory, 'copy') });
    expect(ran.warnings()).toMatchObject([
      { code: 'not-mounted', message: expect.stringContaining('/secure') },
    ]);
    const health = (await print('--format', 'kubernetes', '--command', 'health')).summary().files[0].text;
    expect(parse(health).spec.jobTemplate.spec.template.spec.containers[0].volumeMounts).toContainEqual({
      name: 'vault',
      mountPath: join(on.it.directory, 'vault'),
      readOnly: true,
    });
  });

  it('lacks on a runner of GitHub what is only on this machine, and is told whose package it gets', async () => {
    const ran = await print('--format', 'github-actions');
    expect(ran.warnings()).toMatchObject([
      { code: 'not-there', object: join(on.it.directory, 'vault') },
      { code: 'not-there', message: expect.stringContaining('/secure') },
      { code: 'foreign-package', message: expect.stringMatching(/strongroom@\d/) },
    ]);
  });

  it('is a line for cron that says where it goes, as what is a comment there', async () => {
    const ran = await on.it.run(['schedule', 'print', '--every', 'daily', '--format', 'cron', '--system'], {
      cwd: app,
    });
    expect(ran.stdout).toMatch(/^# \/etc\/cron\.d\/strongroom-backup\n# strongroom-schedule: /);
  });

  it('looks after replicas too', async () => {
    const line = async (...args: string[]): Promise<string> =>
      (await print('--format', 'cron', ...args)).summary().files[0].text;
    expect(await line('--command', 'copy')).toMatch(/ copy --quiet --config \S+$/m);
    expect(await line('--command', 'verify', '--all-locations')).toMatch(
      / verify --all-locations --quiet --config \S+$/m,
    );
    const refused = await print('--all-locations');
    expect(refused.failure()).toMatchObject({ code: 'bad-value', exit_code: 2 });
  });
});

it('is refused where a variable that it would hand on holds a password, which is not said', async () => {
  const { it: on } = await ground(false);
  const ran = await on.run(['schedule', 'print', '--every', '6h', '--json'], {
    cwd: join(on.work, 'app'),
    env: { AWS_ENDPOINT_URL: 'https://user:hunter2@minio.example' },
  });
  expect([ran.code, ran.failure().code]).toEqual([2, 'secret-by-value']);
  expect(ran.stdout + ran.stderr).not.toContain('hunter2');
});

describe.skipIf(!canMount || !hasProgram('setpriv'))('with no more than the units leave it', () => {
  /** The kernel's own means, as systemd sets them: all is read-only but what is named, no network, few rights. */
  const starved = (writable: readonly string[]) => [
    'unshare',
    '-mn',
    '--propagation',
    'private',
    'sh',
    '-c',
    [
      ...writable.map((path) => `mkdir -p '${path}' && mount --bind '${path}' '${path}'`),
      'for at in $(cut -d" " -f2 /proc/mounts | grep -v "^/\\(proc\\|sys\\|dev\\)"); do',
      `  case "$at" in ${writable.map((path) => `'${path}'`).join('|')}) ;; *) mount -o remount,bind,ro "$at" 2>/dev/null;; esac`,
      'done',
      'exec setpriv --no-new-privs --inh-caps=-all --bounding-set=-all,+dac_read_search,+dac_override,+fowner -- "$@"',
    ].join('\n'),
    'sh',
  ];

  it("a backup reads everybody's files, and writes to the vault", async () => {
    const { it: on } = await ground(false);
    const secret = on.write('app/theirs/key.pem', 'KEY\n');
    chmodSync(join(on.work, 'app/theirs'), 0o700);
    chownSync(secret, 65534, 65534);
    chownSync(join(on.work, 'app/theirs'), 65534, 65534);
    const options = {
      cwd: join(on.work, 'app'),
      under: starved([on.state, on.cache, join(on.directory, 'vault')]),
    };
    const ran = await on.run(['backup', '.', '--set', 'files', '--json'], options);
    expect([ran.stderr, ran.code]).toEqual(['', 0]);
    expect(ran.summary()).toMatchObject({ complete: true });
    expect(ran.summary().files).toBeGreaterThanOrEqual(3);
    // The means are real: nothing else can be written.
    const other = await on.run(
      [
        'init',
        '--location',
        join(on.directory, 'other'),
        '--recipient',
        (await on.identity('b')).recipient,
        '--yes',
      ],
      options,
    );
    expect(other.code).not.toBe(0);
  });
});
