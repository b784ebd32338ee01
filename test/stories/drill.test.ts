// A drill: a restore that is carried out to see whether it works, on a machine that holds a key and does not back up. And
// each fault that it is for: it is planted, and found.
import { spawn } from 'node:child_process';
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { makeCertificate } from '../support/certificates.ts';
import { type Server, skipFor, startPostgres } from '../support/databases.ts';
import { type Machine, type Message, machines, type RunOptions } from '../support/program.ts';

const machine = machines();
const SECRET = 'hunter2-s3cret-value-91x';

/** Backs up. */
let web: Machine;
/** Holds a key, and the same configuration. */
let desk: Machine;
let vault: string;
let opens: RunOptions;

beforeEach(async () => {
  web = machine('web-1');
  desk = machine('desk');
  vault = join(web.directory, 'vault');
  const me = await desk.identity();
  opens = { env: { STRONGROOM_IDENTITY_FILE: me.file } };
  await web.ok(['init', '--location', vault, '--name', 'shop', '--recipient', me.recipient]);
  const pair = makeCertificate(join(web.directory, 'tmp'));
  web.write('.env', `DB_PASSWORD=${SECRET}\n`);
  web.write('secrets/session', 'x'.repeat(40));
  web.write('tls/site.pem', pair.certificate);
  web.write('tls/site.key', pair.key);
  web.write(
    'compose.yaml',
    'services: { web: { image: shop, env_file: .env, secrets: [session] } }\nsecrets: { session: { file: secrets/session } }\n',
  );
});

/** The settings of both machines: one set, and what else is given. */
function configure(set: object = {}, top: object = {}): void {
  const path = join(web.work, 'strongroom.yaml');
  const text = readFileSync(path, 'utf8').replace(/^sets:[\s\S]*/m, '');
  const all = { app: { exclude: ['*.db'], ...set } };
  const whole = Object.entries(top).map(([name, value]) => `${name}: ${JSON.stringify(value)}\n`);
  rmSync(path);
  writeFileSync(path, `${text}${whole.join('')}sets: ${JSON.stringify(all)}\n`, { mode: 0o644 });
  const own = join(desk.work, 'strongroom.yaml');
  rmSync(own, { force: true });
  writeFileSync(own, readFileSync(path), { mode: 0o644 });
}

const backUp = async () => (await web.ok(['backup', '--json'])).summary();

/** @returns the lines of the drill's checks that failed, as `check subject: message` */
async function drill(args: readonly string[] = [], code = 0) {
  const ran = await desk.ok(['drill', '--json', ...args], { ...opens, code });
  const failed = ran
    .lines()
    .filter((line) => line.message_type === 'check' && line.outcome === 'failed')
    .map(({ check, subject, message }) => `${check} ${subject}: ${message}`);
  expect(ran.stdout + ran.stderr).not.toContain(SECRET);
  return { ...ran, failed, told: ran.summary(), checks: ran.lines().filter(isCheck) };
}

const isCheck = ({ message_type }: Message) => message_type === 'check';
const scratches = () => readdirSync('/dev/shm').filter((name) => name.startsWith('strongroom-drill-'));
const evidence = () => (existsSync(join(vault, 'drills')) ? readdirSync(join(vault, 'drills')) : []).sort();

describe('a deployment that can be restored', () => {
  it('passes, leaves nothing but evidence, and a report', async () => {
    configure(
      { drill: { commands: [{ name: 'has-env', run: ['test', '-s', '.env'] }], manual: ['Log in'] } },
      { objectives: { rpo: '6h', rto: '4h' }, drill: { manual: ['DNS points here'] } },
    );
    await backUp();
    const before = scratches();
    const { told, failed, checks } = await drill(['--report', 'november']);
    expect(failed).toEqual([]);
    expect(told).toMatchObject({ passed: true, parts: 1, checks_failed: 0, scratch: 'memory' });
    expect(new Set(checks.map(({ check }) => check))).toEqual(
      new Set([
        'files',
        'modes',
        'dotenv',
        'compose',
        'certificates',
        'command',
        'recovery-point',
        'recovery-time',
      ]),
    );
    expect(scratches()).toEqual(before);
    expect(told.manual).toEqual(['DNS points here', 'Log in']);
    for (const path of told.reports) expect(statSync(path).mode & 0o777).toBe(0o600);
    const [markdown, page] = (told.reports as string[]).map((path) => readFileSync(path, 'utf8'));
    for (const text of [markdown, page]) {
      expect(text).toContain('compose.yaml');
      expect(text).toContain('DNS points here');
      expect(text).not.toContain(SECRET);
    }
    const taken = await desk.ok(['drill', '--report', 'november.md', '--json'], { ...opens, code: 11 });
    expect(taken.failure().hint).toContain('--report');

    // Whoever can read the store reads it, too.
    const [name] = evidence();
    expect(told.evidence).toBe(`drills/${name}`);
    const public_ = readFileSync(join(vault, 'drills', name!), 'utf8');
    for (const hidden of ['compose.yaml', '.env', 'has-env', 'DNS', SECRET])
      expect(public_).not.toContain(hidden);
    await desk.ok(['verify']);
  });

  it('is shown beforehand, and kept out of the vault when that is wanted', async () => {
    configure();
    const { snapshot } = await backUp();
    const ran = await desk.ok(['drill', '--dry-run'], opens);
    expect(ran.stdout).toContain(`would restore app by web-1: ${snapshot}`);
    await drill(['--without-evidence']);
    expect(evidence()).toEqual([]);
  });

  it('is not drilled on the machine that backs it up, unless somebody means it', async () => {
    configure();
    await backUp();
    // Before anything is asked for: nobody is to bring the key there.
    for (const options of [{}, opens]) {
      const refused = await web.run(['drill', '--json'], options);
      expect(refused.code).toBe(2);
      expect(refused.failure()).toMatchObject({ code: 'drill-on-writer' });
      expect(refused.failure().hint).toContain('--even-here');
    }
    await web.ok(['drill', '--even-here'], opens);
    const scheduled = [
      'schedule',
      'print',
      '--format',
      'cron',
      '--every',
      'weekly',
      '--command',
      'drill',
      '--json',
    ];
    expect((await web.run(scheduled, opens)).warnings().map(({ code }) => code)).toContain('drill-on-writer');
    const fine = (await desk.run(scheduled, opens)).warnings().map(({ code }) => code);
    expect(fine).not.toContain('drill-on-writer');
    expect(fine).not.toContain('no-way-in');
    expect((await desk.run(scheduled)).warnings().map(({ code }) => code)).toContain('no-way-in');
  });

  it('is told when there is nothing of what was asked for, and nothing is signed', async () => {
    configure();
    await backUp();
    for (const asked of [
      ['--set', 'nosuch'],
      ['--host', 'nosuch'],
    ]) {
      const ran = await desk.run(['drill', '--json', ...asked], opens);
      expect([ran.code, ran.failure().code]).toEqual([10, 'no-snapshot']);
    }
    expect(evidence()).toEqual([]);
  });

  it('is drilled by its newest complete snapshot, and one that is newer and failed is named', async () => {
    configure();
    await backUp();
    rmSync(join(web.work, 'secrets'), { recursive: true });
    configure({ include: ['.env', 'secrets'] });
    const later = (await web.ok(['backup', '--json'], { code: 3 })).summary().snapshot;
    configure();
    const { checks, told } = await drill();
    expect(told.passed).toBe(true);
    expect(checks.find(({ subject }) => subject === later)).toMatchObject({
      check: 'files',
      outcome: 'skipped',
    });
  });

  it('is whole though its secrets are in another set', async () => {
    configure({ include: ['compose.yaml', '.env'] });
    const path = join(web.work, 'strongroom.yaml');
    const more = { secrets: { include: ['secrets'] } };
    const text = readFileSync(path, 'utf8').replace(
      /^sets: (.*)\}$/m,
      `sets: $1, ${JSON.stringify(more).slice(1)}`,
    );
    for (const to of [path, join(desk.work, 'strongroom.yaml')]) {
      rmSync(to);
      writeFileSync(to, text, { mode: 0o644 });
    }
    await web.ok(['backup']);
    expect((await drill()).failed).toEqual([]);
    expect((await drill(['--set', 'app'])).failed).toEqual([]);
  });

  it('comes back from an older snapshot, too', async () => {
    configure();
    const first = await backUp();
    web.write('.env', 'DB_PASSWORD=another\n');
    await backUp();
    const { told, lines } = await drill(['--older']);
    expect(told.passed).toBe(true);
    // Which says nothing of the newest.
    const health = (await desk.run(['health', '--json'], opens)).lines();
    expect(health.find((l) => l.message_type === 'group')?.drill ?? undefined).toBeUndefined();
    expect(lines().find((l) => l.message_type === 'part')).toMatchObject({
      snapshot: first.snapshot,
      older: true,
    });
  });

  it('keeps evidence in a place that cannot be written to: says so', async () => {
    configure();
    await backUp();
    writeFileSync(join(vault, 'drills'), 'in the way');
    const ran = await desk.run(['drill', '--json'], opens);
    expect(ran.code).toBe(3);
    expect(ran.summary()).toMatchObject({ passed: true });
    expect(ran.warnings().map(({ code }) => code)).toContain('no-evidence');
  });
});

describe('each fault', () => {
  it('a compose file that refers to a secret which is missing', async () => {
    configure({ exclude: ['*.db', 'strongroom.yaml'] });
    rmSync(join(web.work, 'secrets'), { recursive: true });
    await backUp();
    const { failed, told } = await drill([], 5);
    expect(failed).toEqual([
      'compose compose.yaml: refers to secrets/session, which is not in the snapshot (secret session)',
    ]);
    expect(told.passed).toBe(false);
  });

  it('a compose file and an environment file that are none', async () => {
    configure();
    web.write('.env', 'this is no assignment\n');
    web.write('extra/compose.yaml', 'services: {web: [}\n');
    await backUp();
    const { failed } = await drill([], 5);
    expect(failed.join('\n')).toMatch(/(dotenv|compose) \.env: has lines that name no value/);
    expect(failed.join('\n')).toMatch(/compose extra\/compose\.yaml: /);
  });

  it('a manifest that does not parse', async () => {
    configure();
    web.write('k8s/app.yaml', 'apiVersion: v1\nkind: Secret\nmetadata: {name: [}\n');
    await backUp();
    expect((await drill([], 5)).failed.join()).toMatch(/manifests k8s\/app\.yaml: /);
  });

  it('a certificate that does not match its key, and one that has expired', async () => {
    configure();
    web.write('tls/site.key', makeCertificate(join(web.directory, 'tmp')).key);
    const old = makeCertificate(join(web.directory, 'tmp'), { days: -2 });
    web.write('old/site.pem', old.certificate);
    web.write('old/site.key', old.key);
    await web.ok(['backup']);
    const { failed } = await drill([], 5);
    expect(failed).toHaveLength(2);
    expect(failed[0]).toMatch(/^certificates old\/site\.pem: .*expired/);
    expect(failed[1]).toMatch(/^certificates tls\/site\.key: this private key does not belong/);
  });

  it('a snapshot that is older than was promised', async () => {
    configure({ objectives: { rpo: '1s' } });
    await backUp();
    await sleep(2500);
    const { failed } = await drill([], 5);
    expect(failed).toEqual([
      expect.stringMatching(/^recovery-point at most 1 s: \d+ s of work would be lost$/),
    ]);
    const health = await desk.run(['health', '--json'], opens);
    expect(health.code).toBe(5);
  });

  it('a set that was never backed up, and a part that is damaged', async () => {
    configure();
    await backUp();
    const data = join(vault, 'data', 'app');
    const [id] = readdirSync(data);
    const [generation] = readdirSync(join(data, id!));
    const part = join(data, id!, generation!, 'files.tar.gz.age.00000');
    const bytes = readFileSync(part);
    bytes[bytes.length >> 1]! ^= 1;
    rmSync(part);
    writeFileSync(part, bytes);
    const path = join(desk.work, 'strongroom.yaml');
    const text = readFileSync(path, 'utf8').replace(/^sets: \{/m, 'sets: {"more":{},');
    rmSync(path);
    writeFileSync(path, text, { mode: 0o644 });
    const { failed } = await drill([], 5);
    expect(failed).toHaveLength(2);
    expect(failed[0]).toMatch(/^files 2\d+T\d+Z-\w+: /);
    expect(failed[1]).toMatch(/^files more: /);
  });

  it('a program of ours that is not content, is missing, or does not end', async () => {
    web.write('check.sh', '#!/bin/sh\nexit 7\n', 0o755);
    configure({
      exclude: ['check.sh', '*.db'],
      drill: {
        commands: [
          { name: 'unhappy', run: ['sh', '-c', 'exit 3'] },
          { name: 'missing', run: ['no-such-program-here'] },
          { name: 'slow', run: ['sleep', '60'], timeout: '1s' },
          { name: 'ours', run: ['./check.sh'] },
        ],
      },
    });
    await backUp();
    writeFileSync(join(desk.work, 'check.sh'), '#!/bin/sh\nexit 0\n', { mode: 0o755 });
    const { failed } = await drill([], 5);
    expect(failed).toEqual([
      'command unhappy: it ended with exit code 3',
      expect.stringContaining('command missing: the command was not started'),
      'command slow: it took longer than 1 s, and was ended',
    ]);
  });

  it('is not what runs here, whatever a host put in its place', async () => {
    const mark = join(desk.directory, 'mark');
    web.write('check.sh', `#!/bin/sh\ntouch ${mark}\n`, 0o755);
    configure({ drill: { commands: [{ name: 'check', run: ['./check.sh'] }] } });
    await backUp();
    expect((await drill([], 5)).failed.join()).toContain('the command was not started');
    expect(existsSync(mark)).toBe(false);
  });
});

describe('a dump that is not loaded here', () => {
  const dumped = { command: { run: ['echo', 'a dump'] } };
  const part = () => {
    const data = join(vault, 'data', 'app');
    const at = join(data, readdirSync(data)[0]!);
    return join(at, readdirSync(at)[0]!, 'stream-db.gz.age.00000');
  };

  it('is read to its end all the same, and its recovery time is not taken for all of it', async () => {
    configure({ include: ['.env'], streams: { db: dumped }, objectives: { rto: '1h' } });
    await backUp();
    const skip = {
      include: ['.env'],
      streams: { db: dumped },
      objectives: { rto: '1h' },
      drill: { streams: { db: { skip: true } } },
    };
    configure(skip);
    const { checks } = await drill();
    const of = (check: string) => checks.find((line) => line.check === check);
    expect(of('stream')).toMatchObject({
      outcome: 'skipped',
      message: expect.stringContaining('read and whole'),
    });
    expect(of('recovery-time')).toMatchObject({ outcome: 'skipped' });
    rmSync(part());
    const { failed } = await drill([], 5);
    expect(failed[0]).toMatch(/^stream db: it cannot be read: /);
    expect(failed.slice(1).every((line) => line.startsWith('recovery-time '))).toBe(true);
  });

  it('is not what the configuration says: a host does not choose whether its dump is tried', async () => {
    configure({ include: ['.env'], streams: { db: dumped } });
    await backUp();
    configure({ include: ['.env'], streams: { db: { sqlite: { file: 'data.db' } } } });
    expect((await drill([], 5)).failed).toEqual([
      'stream db: it is of the kind command, and the configuration here says sqlite',
    ]);
  });
});

describe('a drill that is killed', () => {
  const slow = { drill: { commands: [{ name: 'slow', run: ['sleep', '60'] }] } };

  /** Starts one, and waits until files are there. */
  async function started() {
    const before = new Set(scratches());
    const [program, ...args] = desk.argv(['drill']);
    const child = spawn(program!, args, { cwd: desk.work, env: desk.env(opens.env), stdio: 'ignore' });
    const ended = new Promise<number | null>((resolve) => child.once('exit', (code) => resolve(code)));
    for (;;) {
      const own = scratches().find((name) => !before.has(name));
      const file = own === undefined ? undefined : join('/dev/shm', own, 'files/sets/app/web-1/files/.env');
      if (file !== undefined && existsSync(file)) {
        expect(statSync(join('/dev/shm', own!)).mode & 0o777).toBe(0o700);
        expect(statSync(file).mode & 0o777).toBe(0o600);
        return { child, ended, own: own! };
      }
      await sleep(20);
    }
  }

  it('by Ctrl-C wipes its scratch; by kill -9 the next one does, and says so', async () => {
    configure(slow);
    await backUp();
    const first = await started();
    first.child.kill('SIGINT');
    expect(await first.ended).toBe(130);
    expect(scratches()).not.toContain(first.own);

    // A session that breaks off.
    const hungUp = await started();
    hungUp.child.kill('SIGHUP');
    hungUp.child.kill('SIGHUP');
    expect(await hungUp.ended).toBe(130);
    expect(scratches()).not.toContain(hungUp.own);

    const second = await started();
    second.child.kill('SIGKILL');
    await second.ended;
    expect(scratches()).toContain(second.own);
    configure();
    const { warnings, told } = await drill();
    expect(told.passed).toBe(true);
    expect(warnings()).toContainEqual(expect.objectContaining({ code: 'scratch-wiped' }));
    expect(scratches()).not.toContain(second.own);
  });

  it('needs room, and says how much', async () => {
    configure();
    await backUp();
    const nowhere = join(desk.directory, 'nowhere');
    const missing = await desk.run(['drill', '--scratch', nowhere, '--json'], opens);
    expect(missing.failure()).toMatchObject({ code: 'no-scratch' });
    mkdirSync(nowhere);
    await drill(['--scratch', nowhere]);
    expect(readdirSync(nowhere)).toEqual([]);
  });
});

describe.skipIf(skipFor.postgres)('a dump of PostgreSQL', () => {
  let server: Server;
  beforeAll(async () => {
    server = await startPostgres();
    await server.query('CREATE DATABASE shop');
    await server.query('CREATE TABLE trades AS SELECT n AS id FROM generate_series(1, 500) n', 'shop');
  }, 60_000);
  afterAll(() => server?.stop());

  const connection = () => ({
    host: server.socket,
    port: server.port,
    user: server.user,
    password: { dotenv: 'pg.env', key: 'PG' },
  });
  const databases = () =>
    server.query("SELECT datname FROM pg_database WHERE datname LIKE 'shop%' ORDER BY 1");

  beforeEach(() => {
    for (const one of [web, desk]) one.write('pg.env', `PG=${server.password}\n`);
  });

  const queries = [
    { query: 'SELECT count(*) FROM trades', expect: '>0' },
    { query: 'SELECT max(id) FROM trades', expect: '500' },
  ];

  it('loads into a scratch database, answers, and is gone', async () => {
    const db = { postgres: { ...connection(), database: 'shop' } };
    configure({ include: ['.env'], streams: { db }, drill: { streams: { db: { queries } } } });
    await backUp();
    const { failed, checks } = await drill();
    expect(failed).toEqual([]);
    expect(checks.filter(({ check }) => check === 'query')).toHaveLength(2);
    expect(await databases()).toBe('shop\n');
  });

  it('that was cut off is found, and so is an answer that is another', async () => {
    // A program that ends well though it printed half of it: what no exit code tells.
    const at = `-h ${server.socket} -p ${server.port} -U ${server.user}`;
    const half = `PGPASSWORD='${server.password}' pg_dump -Fc ${at} shop | head -c -300`;
    configure({ include: ['.env'], streams: { db: { command: { run: ['sh', '-c', half] } } } });
    await backUp();
    const into = `createdb ${at} "$1" && pg_restore --exit-on-error ${at} -d "$1"`;
    const drop = `dropdb --if-exists ${at} "$1"`;
    const env = { PGPASSWORD: { dotenv: 'pg.env', key: 'PG' } };
    const command = {
      run: ['false'],
      load: ['sh', '-c', into, 'load', '{into}'],
      drop: ['sh', '-c', drop, 'drop', '{into}'],
      env,
    };
    configure({ include: ['.env'], streams: { db: { command } } });
    expect((await drill([], 5)).failed).toEqual([expect.stringMatching(/^stream db: it did not load: /)]);
    expect(await databases()).toBe('shop\n');

    const sound = { postgres: { ...connection(), database: 'shop' } };
    const wrong = [
      { query: 'SELECT count(*) FROM trades', expect: '>1000' },
      { query: 'SELECT nothing', expect: '>0' },
    ];
    configure({ include: ['.env'], streams: { db: sound }, drill: { streams: { db: { queries: wrong } } } });
    await backUp();
    const { failed } = await drill([], 5);
    expect(failed[0]).toBe('query db: SELECT count(*) FROM trades: expected >1000, and it is 500');
    expect(failed[1]).toMatch(/^query db: SELECT nothing: it was not answered/);
    expect(await databases()).toBe('shop\n');
  });
});
