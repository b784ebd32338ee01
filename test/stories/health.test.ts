// A timer asks every hour whether the backups are fine, and Prometheus reads what it says. The real program, without a
// key; a vault that goes away, and comes back.

import { chmodSync, readdirSync, readFileSync, renameSync, rmSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { beforeAll, describe, expect, it } from 'vitest';
import { makeCertificate } from '../support/certificates.ts';
import { type Machine, machines } from '../support/program.ts';
import { promtool, skipPromtool } from '../support/promtool.ts';
import { scratch } from '../support/vault.ts';

const machine = machines();
const AGO = /\d+ (?:minutes?|hours?|days?) ago|just now/;

let web: Machine;
let vault: string;
let identity: string;
let prom: string;
const ask = (...args: string[]) => web.run(['health', ...args]);
/** But for the vault, which each sample names. */
const metrics = () =>
  readFileSync(prom, 'utf8')
    .replace(/\{vault="[^"]+"\}/g, '')
    .replace(/,vault="[^"]+"/g, '');

beforeAll(async () => {
  web = machine('web-1');
  vault = join(web.directory, 'vault');
  prom = join(web.directory, 'strongroom.prom');
  const me = await web.identity();
  identity = me.file;
  await web.ok(['init', '--location', vault, '--name', 'shop', '--recipient', me.recipient]);
  const pin = readFileSync(join(web.work, 'strongroom.yaml'), 'utf8').replace(/\nsets:[\s\S]*/, '');
  web.write(
    'strongroom.yaml',
    `${pin}\nsets:\n  app: { root: app, objectives: { rpo: 6h } }\n  db: { root: db }\n`,
  );
  web.write('app/.env', 'TOKEN=Tr0ub4dor-not-said\n');
  web.write('db/dump.sql', 'CREATE TABLE t();\n');
});

describe('health', () => {
  it('of a vault without a snapshot is not fine', async () => {
    const ran = await ask();
    expect(ran.code).toBe(5);
    expect(ran.stdout).toMatch(
      /^wrong +app is configured, and has no snapshot\n +fix: run `strongroom backup --set app`$/m,
    );
    expect(ran.stdout).toMatch(/^wrong +the vault has no snapshot that counts$/m);
    // Nothing was promised of it.
    expect(ran.stdout).toMatch(/^warning +db is configured, and has no snapshot$/m);
    expect(ran.stdout).toMatch(/\n2 things are wrong\.\n$/);
  });

  it('of one that was just backed up is fine, and quietly so', async () => {
    await web.ok(['backup']);
    const ran = await ask();
    expect(ran).toMatchObject({ code: 0, stderr: '' });
    const [app = '', db = '', last] = ran.stdout.split('\n');
    expect(app).toMatch(/^ok +app by web-1: \d{8}T\d{6}Z-\w{6}, .* \(at most 6 hours\), .*, 1 snapshot$/);
    expect(app).toMatch(AGO);
    expect(db).toMatch(/\(at most 26 hours, as no objective is set\)/);
    expect(last).toBe('Nothing is wrong.');
    expect(await ask('--quiet', '--strict')).toMatchObject({ code: 0, stdout: '', stderr: '' });
  });

  it('is told to programs, a line a group and a problem', async () => {
    web.write('app/.env', 'TOKEN=2\n');
    web.write(
      'strongroom.yaml',
      readFileSync(join(web.work, 'strongroom.yaml'), 'utf8').replace(
        'db: {',
        'db: { include: [dump.sql, gone.sql],',
      ),
    );
    await web.ok(['backup', '--set', 'db'], { code: 3 });
    const ran = await ask('--json');
    const lines = ran.lines();
    expect(lines.map((l) => [l.message_type, l.set, l.verdict ?? l.code])).toEqual([
      ['group', 'app', 'ok'],
      ['group', 'db', 'warning'],
      ['problem', 'db', 'incomplete'],
      ['summary', undefined, undefined],
    ]);
    expect(lines[1]).toMatchObject({
      host: 'web-1',
      snapshots: 2,
      incomplete: 1,
      max_age_seconds: 93_600,
      max_age_from: 'default',
    });
    expect(ran.summary()).toMatchObject({
      ok: true,
      wrong: 0,
      warnings: 1,
      groups: 2,
      snapshots: 3,
      name: 'shop',
      opened: false,
      trust: 'pinned',
    });
    expect((await ask('--json', '--strict')).code).toBe(5);
    // Cron mails what is said, though nothing is wrong yet.
    const quiet = await ask('--quiet');
    expect(quiet.code).toBe(0);
    expect(quiet.stdout).toMatch(
      /^warning +db by web-1: the last snapshot is incomplete[^\n]*\n +fix: [^\n]*\n$/,
    );
  });

  it('of one set or host is that of no other, and a slip in a name is no good news', async () => {
    expect((await ask('--set', 'app', '--strict')).code).toBe(0);
    expect((await ask('--set', 'db', '--strict')).code).toBe(5);
    expect((await ask('--set', 'ap')).code).toBe(10);
    expect((await ask('--host', 'web-2')).code).toBe(10);
    expect((await ask('--max-age', 'soon')).code).toBe(2);
  });

  it('tells of a certificate where the key is at hand, and needs none otherwise', async () => {
    const site = makeCertificate(scratch(), { subject: '/CN=shop.example', days: 12 });
    web.write('app/site.pem', site.certificate);
    await web.ok(['backup', '--set', 'app']);
    expect((await ask('--set', 'app', '--strict')).code).toBe(0);
    const ran = await web.run(['health', '--set', 'app', '--strict'], {
      env: { STRONGROOM_IDENTITY_FILE: identity },
    });
    expect(ran.code).toBe(5);
    expect(ran.stdout).toContain('app by web-1: site.pem: CN=shop.example expires in');
    const other = await machine('other').identity();
    const wrong = await web.run(['health', '--set', 'app', '--json'], {
      env: { STRONGROOM_IDENTITY_FILE: other.file },
    });
    expect(wrong.code).toBe(0);
    expect(wrong.warnings()).toMatchObject([{ code: 'not-opened' }]);
    expect((await ask('--unlock')).code).toBe(12);
  });
});

describe('drills', () => {
  const config = () => readFileSync(join(web.work, 'strongroom.yaml'), 'utf8');
  const drill = (...args: string[]) =>
    web.run(['drill', '--even-here', ...args], { env: { STRONGROOM_IDENTITY_FILE: identity } });

  it('are due as promised, and one that passes is known from the store, without a key', async () => {
    web.write('strongroom.yaml', config().replace('rpo: 6h', 'rpo: 6h, drill: 1s'));
    const overdue = await ask('--set', 'app');
    expect(overdue.code).toBe(5);
    expect(overdue.stdout).toMatch(
      /^wrong +app by web-1: no drill passed, in [^\n]*\n +fix: run `strongroom drill --set app` where a key is/m,
    );
    web.write('strongroom.yaml', config().replace('drill: 1s', 'drill: 7d'));
    expect((await drill('--set', 'app')).code).toBe(0);
    expect(readdirSync(join(vault, 'drills'))).toHaveLength(1);
    const ran = await ask('--set', 'app', '--strict');
    expect(ran.code).toBe(0);
    expect(ran.stdout).toMatch(/^ok +app by web-1: .*, drilled (?:just now|1 minute ago)$/m);
    const [group] = (await ask('--set', 'app', '--json')).lines();
    expect(group).toMatchObject({ drill_passed: true, drill: expect.stringMatching(/Z$/) });
    expect(group?.drill_last_passed).toBe(group?.drill);
  });

  it('that fail are wrong until one passes', async () => {
    web.write('app/compose.yaml', 'services: { web: { image: x, env_file: gone.env } }\n');
    await web.ok(['backup', '--set', 'app']);
    expect((await drill('--set', 'app')).code).toBe(5);
    const ran = await ask('--set', 'app', '--json');
    expect(ran.code).toBe(5);
    expect(ran.lines().filter((l) => l.message_type === 'problem')).toMatchObject([
      { code: 'drill-failed', severity: 'wrong', set: 'app', host: 'web-1' },
    ]);
    await ask('--set', 'app', '--prometheus', prom);
    expect(metrics()).toMatch(/^strongroom_last_drill_success\{type="app",host="web-1"\} 0$/m);
    rmSync(join(web.work, 'app', 'compose.yaml'));
    await web.ok(['backup', '--set', 'app']);
    expect((await drill('--set', 'app')).code).toBe(0);
    expect((await ask('--set', 'app', '--strict')).code).toBe(0);
  });
});

describe('the file for Prometheus', () => {
  it('is readable by its exporter, whole at any time, and says no secret', async () => {
    const ran = await web.run(['health', '--prometheus', prom, '--quiet'], {
      under: ['bash', '-c', 'umask 077; exec "$@"', 'bash'],
    });
    expect(ran.code).toBe(0);
    expect(statSync(prom).mode & 0o777).toBe(0o644);
    expect(readdirSync(web.directory).filter((name) => name.startsWith('strongroom.prom'))).toEqual([
      'strongroom.prom',
    ]);
    expect(metrics()).toMatch(/^backup_verification_success\{type="app",host="web-1"\} 1$/m);
    expect(metrics()).toMatch(/^strongroom_health_ok 1$/m);
    expect(metrics()).not.toContain('TOKEN');
    if (!skipPromtool) expect(promtool(['check', 'metrics'], metrics())).toEqual({ code: 0, text: '' });
  });

  it('of one set after the other is as of both: a set whose schedule has ended is still heard of', async () => {
    const both = metrics();
    const still = (text: string) => text.replace(/^strongroom_(?:health_timestamp|snapshot_age)_.*$/gm, '');
    rmSync(prom);
    for (const set of ['db', 'app']) expect((await ask('--set', set, '--prometheus', prom)).code).toBe(0);
    const lines = (text: string) => still(text).split('\n').sort();
    expect(lines(metrics())).toEqual(lines(both));
    expect(readFileSync(prom, 'utf8')).toMatch(/^strongroom_health_ok\{vault="[^"]+"\} 1$/m);
  });

  it('says so when the vault is gone, and the exit code too; then when it is back', async () => {
    const before = metrics();
    renameSync(vault, `${vault}.away`);
    try {
      const ran = await ask('--prometheus', prom, '--json');
      expect(ran.code).toBe(10);
      expect(ran.failure().code).toBe('no-vault');
      expect(metrics()).toMatch(/^backup_verification_success\{type="app",host="web-1"\} 0$/m);
      expect(metrics()).toMatch(/^strongroom_health_ok 0$/m);
      expect(metrics()).toMatch(/^strongroom_vault_reachable 0$/m);
      const success = /^backup_last_success_timestamp\{type="app".*$/m;
      expect(metrics().match(success)?.[0]).toBe(before.match(success)?.[0]);
    } finally {
      renameSync(`${vault}.away`, vault);
    }
    expect((await ask('--prometheus', prom)).code).toBe(0);
    expect(metrics()).toMatch(/^strongroom_vault_reachable 1$/m);
  });

  it('is written where a configuration that is wrong keeps the vault from being asked', async () => {
    const config = readFileSync(join(web.work, 'strongroom.yaml'), 'utf8');
    web.write('strongroom.yaml', `${config}\nnonsense: true\n`);
    try {
      expect((await ask('--prometheus', prom)).code).toBe(2);
      expect(metrics()).toMatch(/^backup_verification_success\{type="db",host="web-1"\} 0$/m);
      expect(metrics()).toMatch(/^strongroom_health_ok 0$/m);
    } finally {
      web.write('strongroom.yaml', config);
    }
  });

  it('that cannot be written is a failure of its own, whatever the vault is like', async () => {
    const ran = await ask('--prometheus', join(web.directory, 'nowhere', 'x.prom'), '--json');
    expect(ran.code).toBe(1);
    expect(ran.failure()).toMatchObject({ code: 'metrics-not-written' });
  });

  it('of another name is written, and said to be read by nobody', async () => {
    const ran = await ask('--prometheus', join(web.directory, 'metrics.txt'), '--json');
    expect(ran.code).toBe(0);
    expect(ran.warnings()).toMatchObject([{ code: 'not-collected' }]);
  });
});

it('what disappears from the store is noticed by health, not believed of the job', async () => {
  const set = join(vault, 'data', 'app');
  const newest = readdirSync(set).sort().at(-1)!;
  const [directory = ''] = readdirSync(join(set, newest));
  const [piece = ''] = readdirSync(join(set, newest, directory));
  chmodSync(join(set, newest, directory), 0o700);
  rmSync(join(set, newest, directory, piece));
  const ran = await ask('--set', 'app');
  expect(ran.code).toBe(5);
  expect(ran.stdout).toContain(`pieces of ${newest} are missing`);
  expect(ran.stdout).toMatch(/^wrong +app by web-1: /);
});
