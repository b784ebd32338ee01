// The machine is gone, with everything on it. What is left is the vault, its replica, one key, and the runbook that was
// written while all was well: its commands are typed as they stand there, on a machine that has never seen the vault.
import { execFileSync, spawnSync } from 'node:child_process';
import {
  chmodSync,
  existsSync,
  mkdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { type Server, skipFor, startPostgres } from '../support/databases.ts';
import { type Machine, machines, type RunOptions } from '../support/program.ts';

const PERSON = join(import.meta.dirname, '../cli/person.py');
const hasPython = spawnSync('python3', ['-c', 'import pty, termios']).status === 0;
const SECRET = 'pg-app-s3cret-value-91x';

const machine = machines();
let web: Machine;
let vault: string;
let replica: string;
let me: { file: string; recipient: string };
let opens: RunOptions;
/** Where the deployment is, on the old machine and on the new one. */
let home: string;
let outside: string;

beforeEach(async () => {
  web = machine('web-1');
  vault = join(web.directory, 'vault');
  replica = join(web.directory, 'the replica');
  home = join(web.work, 'srv/shop');
  outside = join(web.directory, 'etc/site.conf');
  me = await web.identity();
  opens = { env: { STRONGROOM_IDENTITY_FILE: me.file } };
  mkdirSync(home, { recursive: true });
  mkdirSync(join(outside, '..'));
  writeFileSync(outside, 'listen 443\n');
  web.write('srv/shop/.env', `DB_PASSWORD=${SECRET}\n`);
  web.write('srv/shop/compose.yaml', 'services: { web: { image: shop, env_file: .env } }\n');
  web.write('srv/shop/secrets/session', 'x'.repeat(40));
  await web.ok(['init', '--location', vault, '--name', 'shop', '--recipient', me.recipient], { cwd: home });
});

/** The settings: two sets, and what else the first one has. */
function configure(app: object = {}): void {
  const path = join(home, 'strongroom.yaml');
  const text = readFileSync(path, 'utf8').replace(/^sets:[\s\S]*/m, '');
  const sets = {
    app: {
      include: ['.env', 'compose.yaml', outside],
      restore: { modes: { '.env': '0640' } },
      objectives: { rpo: '6h', rto: '1h', drill: '7d' },
      drill: {
        manual: ['Log in as a customer'],
        commands: [
          { name: 'has-env', run: ['test', '-s', '.env'] },
          { name: 'finds-it', run: ['sh', '-c', 'test -s "$STRONGROOM_DRILL_ROOT/.env"'] },
        ],
      },
      ...app,
    },
    secrets: { root: 'secrets' },
  };
  const top = {
    replicas: [replica],
    objectives: { rto: '4h' },
    drill: { manual: ['DNS points here'] },
  };
  const lines = Object.entries({ ...top, sets }).map(
    ([name, value]) => `${name}: ${JSON.stringify(value)}\n`,
  );
  rmSync(path);
  writeFileSync(path, text + lines.join(''), { mode: 0o644 });
}

const backUp = async () => {
  await web.ok(['copy', '--to', replica], { cwd: home });
  await web.ok(['backup'], { cwd: home });
};

async function runbook(...args: readonly string[]): Promise<string> {
  const { stdout, stderr } = await web.ok(['recovery', 'runbook', ...args], { cwd: home });
  expect(stdout + stderr).not.toContain(SECRET);
  return stdout;
}

/** The commands of its steps, by the title of the step; those below a heading of the fourth level by that, too. */
function stepsOf(markdown: string): Map<string, string[]> {
  const steps = new Map<string, string[]>();
  let [step, below] = ['', ''];
  for (const [, level, title, block] of markdown.matchAll(/^(#{3,4}) ([^\n]*)$|^```sh\n(.*?)\n```$/gms)) {
    if (level === '###') [step, below] = [title!.replace(/^\d+\\?\. /, ''), ''];
    else if (level === '####') below = title!;
    else if (block !== undefined) {
      const name = below === '' ? step : `${step}/${below}`;
      steps.set(name, [...(steps.get(name) ?? []), ...block.split('\n')]);
    }
  }
  return steps;
}

/** Everything that was on the machine is gone but the places of the vault. */
function lose(): void {
  for (const path of [join(home, '..'), join(outside, '..'), web.state, web.cache])
    rmSync(path, { recursive: true });
}

/** A machine that has `strongroom` on its path and the key in its directory. */
function freshMachine(name = 'fresh') {
  const fresh = machine(name);
  const bin = join(fresh.directory, 'bin');
  mkdirSync(bin);
  const [node, main] = fresh.argv([]);
  writeFileSync(join(bin, 'strongroom'), `#!/bin/sh\nexec "${node}" "${main}" "$@"\n`);
  chmodSync(join(bin, 'strongroom'), 0o755);
  fresh.write('me.txt', readFileSync(me.file));
  return { fresh, env: fresh.env({ PATH: `${bin}:${process.env.PATH}` }) };
}

/** Types lines into one shell, which stops at the first that fails. */
function type(
  lines: readonly string[],
  { fresh, env }: ReturnType<typeof freshMachine>,
  answers?: readonly [string, string][],
) {
  const script = ['set -e', ...lines].join('\n');
  if (!answers) return spawnSync('bash', ['-c', script], { cwd: fresh.work, env, encoding: 'utf8' });
  const out = execFileSync('python3', [PERSON, JSON.stringify(answers), 'bash', '-c', script], {
    cwd: fresh.work,
    env,
    encoding: 'utf8',
  });
  const { shown, stdout, code } = JSON.parse(out);
  return { stdout, stderr: shown as string, status: code as number };
}

const modeOf = (path: string) => (statSync(path).mode & 0o777).toString(8);

/** All that is typed, from the first step to the last, with the age identity as the key. */
function typed(markdown: string, ...without: readonly string[]): string[] {
  const steps = stepsOf(markdown);
  const isWay = (name: string) => name.startsWith('Take one key/') && !name.includes('age identity');
  return [...steps].flatMap(([name, lines]) =>
    isWay(name) || name.includes('/If that') || without.includes(name)
      ? []
      : // The package is tested elsewhere (test/package.test.ts).
        lines.filter((line) => !line.startsWith('npm install --global ./strongroom-')),
  );
}

describe('the runbook', () => {
  it('is carried out literally on a fresh machine, and everything is back', { timeout: 60_000 }, async () => {
    configure();
    await backUp();
    const markdown = await runbook();
    lose();
    const fresh = freshMachine();
    const ran = type(typed(markdown, 'Afterwards'), fresh);
    expect([ran.status, ran.stderr]).toEqual([0, '']);
    expect(readFileSync(join(home, '.env'), 'utf8')).toBe(`DB_PASSWORD=${SECRET}\n`);
    expect(modeOf(join(home, '.env'))).toBe('640');
    // An application's own user passes through what is above it.
    expect([modeOf(home), modeOf(join(home, '..'))]).toEqual(['700', (0o777 & ~process.umask()).toString(8)]);
    expect(modeOf(join(home, 'compose.yaml'))).toBe('600');
    expect(readFileSync(outside, 'utf8')).toBe('listen 443\n');
    expect(readFileSync(join(home, 'secrets/session'), 'utf8')).toBe('x'.repeat(40));
  });

  it.skipIf(!hasPython)(
    'ends with a machine that backs up again (needs python3)',
    { timeout: 60_000 },
    async () => {
      configure();
      await backUp();
      const markdown = await runbook();
      lose();
      const fresh = freshMachine();
      const ticked = [...markdown.matchAll(/^- \[ \] .*`(strongroom hosts remove [^`]*|rm [^`]*)`/gm)];
      const last = ticked.map(([, line]) => line!);
      expect(last).toEqual(['strongroom hosts remove web-1', 'rm "$key_file"']);
      const prune = 'strongroom prune --keep-last 1 --yes';
      const lines = [...typed(markdown), `${last[0]} --yes`, prune, last[1]!, 'env'];
      const ran = type(lines, fresh, [['[y/N] ', 'y\r']]);
      expect([ran.status, ran.stderr]).toEqual([0, expect.stringContaining('Make fresh')]);
      expect(ran.stdout).toContain('fresh is a host of the vault now');
      expect(ran.stdout + ran.stderr).not.toContain('no host may remove snapshots');
      expect(ran.stdout).toContain(`STRONGROOM_CONFIG=${home}`);
      // A schedule would keep it.
      expect(ran.stdout).not.toContain('STRONGROOM_LOCATION=');
      expect(existsSync(join(fresh.fresh.work, 'me.txt'))).toBe(false);
      const listed = await web.ok(['list', '--location', vault, '--host', 'fresh', '--json', '--trust-new']);
      expect(listed.summary()).toMatchObject({ snapshots: 2 });
    },
  );

  it('goes on at the replica where the first place is gone', { timeout: 60_000 }, async () => {
    configure();
    await backUp();
    const markdown = await runbook();
    lose();
    renameSync(vault, `${vault}.lost`);
    const fresh = freshMachine();
    const first = type(typed(markdown), fresh);
    expect(first.status).not.toBe(0);
    const steps = stepsOf(markdown);
    const elsewhere = [...steps].find(([name]) => name.includes('/If that place'))![1];
    const lines = typed(markdown, 'Afterwards').flatMap((line) =>
      line.startsWith('export STRONGROOM_LOCATION=') ? elsewhere : [line],
    );
    const ran = type(lines, fresh);
    expect([ran.status, ran.stderr]).toEqual([0, '']);
    expect(existsSync(join(home, 'secrets/session'))).toBe(true);
  });

  it('says who opens it, where it is, what was promised and when that was proven', {
    timeout: 60_000,
  }, async () => {
    configure();
    await backUp();
    await web.ok(['keys', 'add', '--passphrase', '--name', 'safe'], {
      cwd: home,
      env: { ...opens.env, STRONGROOM_NEW_PASSPHRASE_FILE: web.passphrase() },
    });
    const before = await runbook();
    expect(before).toContain('**never**');
    await web.ok(['drill', '--even-here'], { ...opens, cwd: home });
    const markdown = await runbook();
    const [, authority] = /authority: "(SHA256:[^"]+)"/.exec(
      readFileSync(join(home, 'strongroom.yaml'), 'utf8'),
    )!;
    for (const text of [
      '`safe`',
      '`age`',
      'passphrase',
      authority,
      `\`${vault}\``,
      `\`${replica}\``,
      'back within 1 h',
    ]) {
      expect(markdown).toContain(text);
    }
    expect(markdown).toMatch(/\| `app` \| `web-1` \| .* \| passed on 20\d\d-.* \(back in /);
    expect(markdown).toContain('- [ ] DNS points here\n- [ ] Log in as a customer');
    // In the order of the configuration.
    expect(markdown.indexOf('--set app --host web-1 --in-place')).toBeLessThan(
      markdown.indexOf('--set secrets --host web-1 --in-place'),
    );
  });

  it('is written as two files for their owner alone, and over nothing', { timeout: 60_000 }, async () => {
    configure();
    await backUp();
    const ran = await web.ok(['recovery', 'runbook', '--output', 'book', '--json'], { cwd: home });
    const { files } = ran.summary();
    expect(files).toEqual([join(home, 'book.md'), join(home, 'book.html')]);
    for (const file of files) expect(modeOf(file)).toBe('600');
    const again = await web.run(['recovery', 'runbook', '--output', 'book', '--json'], { cwd: home });
    expect([again.code, again.failure().code]).toEqual([11, 'file-exists']);
    expect(again.failure().hint).toContain('--replace');
    const other = await web.ok(['recovery', 'runbook', '--output', 'other.html', '--json'], { cwd: home });
    expect(other.summary().files).toEqual([join(home, 'other.md'), join(home, 'other.html')]);
    chmodSync(files[0], 0o644);
    await web.ok(['recovery', 'runbook', '--output', 'book', '--replace'], { cwd: home });
    expect(modeOf(files[0])).toBe('600');
    rmSync(files[1]);
    mkdirSync(files[1]);
    const blocked = await web.run(['recovery', 'runbook', '--output', 'book', '--replace', '--json'], {
      cwd: home,
    });
    expect(blocked.failure().code).toBe('file-not-written');
  });

  it('knows less without a configuration, says so, and restores all the same', {
    timeout: 60_000,
  }, async () => {
    configure();
    await backUp();
    const other = machine('other');
    const ran = await other.ok(['recovery', 'runbook', '--location', vault]);
    expect(ran.stderr).toContain('where things belong is not told');
    expect(ran.stdout).toContain('Nothing vouched for this vault');
    const fresh = freshMachine();
    const typing = type(typed(ran.stdout, 'Afterwards'), fresh);
    expect([typing.status, typing.stderr]).toEqual([0, '']);
    const restored = join(fresh.env.HOME!, 'restored/secrets/session');
    expect(readFileSync(restored, 'utf8')).toBe('x'.repeat(40));
  });
});

describe.skipIf(skipFor.postgres)('with a PostgreSQL stream', () => {
  let server: Server;
  beforeAll(async () => {
    server = await startPostgres();
  }, 60_000);
  afterAll(() => server?.stop());

  it('brings the database back too, row for row', { timeout: 60_000 }, async () => {
    const ROWS = "SELECT md5(string_agg(t::text, ',' ORDER BY id)) FROM trades t";
    await server.query(`CREATE ROLE app LOGIN CREATEDB PASSWORD '${SECRET}'`);
    await server.query('CREATE DATABASE shop OWNER app');
    await server.query(
      'SET ROLE app; CREATE TABLE trades AS SELECT n AS id, md5(n::text) AS note FROM generate_series(1, 500) n',
      'shop',
    );
    const before = await server.query(ROWS, 'shop');
    const connection = {
      host: server.socket,
      port: server.port,
      user: 'app',
      password: { dotenv: '.env', key: 'DB_PASSWORD' },
    };
    configure({ streams: { db: { postgres: { ...connection, database: 'shop' } } } });
    await backUp();
    const markdown = await runbook();
    expect(markdown).toContain('`password` is read from `DB_PASSWORD in .env`');
    lose();
    await server.query('DROP DATABASE shop');
    const fresh = freshMachine();
    const ran = type(typed(markdown, 'Afterwards'), fresh);
    expect([ran.status, ran.stderr]).toEqual([0, '']);
    expect(await server.query(ROWS, 'shop')).toBe(before);
  });

  it('has its name filled in where only an address holds it', { timeout: 60_000 }, async () => {
    await server.query(`CREATE ROLE trader LOGIN CREATEDB PASSWORD '${SECRET}'`);
    await server.query('CREATE DATABASE trades OWNER trader');
    await server.query('SET ROLE trader; CREATE TABLE orders AS SELECT 7 AS id', 'trades');
    const address = `postgresql://trader:${SECRET}@localhost:${server.port}/trades?host=${encodeURIComponent(server.socket)}`;
    web.write('srv/shop/.env', `DATABASE_URL=${address}\n`);
    configure({ streams: { db: { postgres: { url: { dotenv: '.env', key: 'DATABASE_URL' } } } } });
    await backUp();
    const markdown = await runbook();
    lose();
    await server.query('DROP DATABASE trades');
    const lines = typed(markdown, 'Afterwards');
    const fill = lines.indexOf('DATABASE=  # fill in: its name, at the end of DATABASE_URL in .env');
    expect(fill).toBeGreaterThan(0);
    // Typed as it stands it loads nothing.
    const unfilled = type(lines, freshMachine('hasty'));
    expect([unfilled.status === 0, unfilled.stderr]).toEqual([false, expect.stringContaining('DATABASE')]);
    for (const path of [join(home, '..'), join(outside, '..')]) rmSync(path, { recursive: true });
    const ran = type(lines.with(fill, 'DATABASE=trades'), freshMachine());
    expect([ran.status, ran.stderr]).toEqual([0, '']);
    expect(await server.query('SELECT id FROM orders', 'trades')).toBe('7\n');
  });
});
