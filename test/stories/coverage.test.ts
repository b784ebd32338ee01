// Before a deploy: would the next backup take everything that this deployment needs? On a machine that holds no key.

import { execFileSync } from 'node:child_process';
import { chmodSync, readFileSync, symlinkSync } from 'node:fs';
import { join } from 'node:path';
import { beforeEach, describe, expect, it } from 'vitest';
import { type Machine, type Message, machines, type Ran } from '../support/program.ts';

const machine = machines();
let web: Machine;

/** No value may be in anything that is said; each has this in it. */
const CANARY = 'cAnArY7x';
const KEY = `-----BEGIN PRIVATE KEY-----\n${CANARY}${'MC4CAQAwBQYDK2VwBCIEIB'.repeat(2)}\n-----END PRIVATE KEY-----\n`;

const said: Ran[] = [];
async function coverage(args: readonly string[], code: number, env = {}): Promise<Ran> {
  const ran = await web.ok(['coverage', ...args], { code, env });
  said.push(ran);
  return ran;
}

/** State by path, relative to the working directory, of what is referred to. */
function states(ran: Ran): Record<string, string> {
  const found = ran.lines().filter((line) => line.message_type === 'reference');
  return Object.fromEntries(found.map((line) => [short(line.path), line.state]));
}

const short = (path: string): string => path.replace(`${web.work}/`, '').replace(web.directory, 'MACHINE');

function secrets(ran: Ran): Record<string, Message> {
  const found = ran.lines().filter((line) => line.message_type === 'secret');
  return Object.fromEntries(found.map((line) => [short(line.path), line]));
}

const settings = (lines: string): string => web.write('strongroom.yaml', lines);

beforeEach(() => {
  web = machine('web-1');
  said.length = 0;
  web.write(
    'compose.yaml',
    [
      'services:',
      '  web:',
      '    image: nginx',
      '    env_file: [.env, ../secure/shop.env, { path: optional.env, required: false }]',
      '    secrets: [db, token]',
      '    volumes: ["./conf:/etc/nginx:ro", "/var/run/docker.sock:/var/run/docker.sock"]',
      'secrets:',
      '  db: { file: ./secrets/db.txt }',
      '  token: { file: ./secrets/token.txt }',
      '',
    ].join('\n'),
  );
  web.write('.env', `DB_PASSWORD=${CANARY}1\n`);
  web.write('../secure/shop.env', `API_KEY=${CANARY}2\n`);
  web.write('secrets/db.txt', `${CANARY}3\n`);
  web.write('conf/site.conf', 'server {}\n');
  web.write('conf/more/x.conf', 'server {}\n');
});

/** Whatever a story does, it has shown no value. */
function expectSilence(): void {
  expect(said.length).toBeGreaterThan(0);
  for (const { stdout, stderr } of said) {
    expect(stdout + stderr).not.toContain(CANARY);
    expect(stdout + stderr).not.toContain('MC4CAQ');
  }
}

describe('a newcomer', () => {
  it('sees what matters, though nothing is configured yet', async () => {
    const ran = await coverage(['--json'], 5);
    expect(states(ran)).toEqual({
      'compose.yaml': 'uncovered',
      '.env': 'uncovered',
      'MACHINE/secure/shop.env': 'outside',
      'optional.env': 'missing',
      'secrets/db.txt': 'uncovered',
      'secrets/token.txt': 'missing',
      conf: 'uncovered',
    });
    expect(ran.summary()).toMatchObject({ ok: false, references: 7, covered: 0, lacking: 6 });
    const text = await coverage(['.'], 5);
    expect(text.stdout).toContain(`${web.work}: no set takes it\n`);
    expect(text.stdout).toContain('run `strongroom init`');
    expectSilence();
  });
});

describe('a set that takes what its root holds', () => {
  beforeEach(() => settings('sets:\n  app: {}\n'));

  it('lacks what lies outside and what is missing, and the lines that it is told to write mend that', async () => {
    const ran = await coverage(['--json'], 5);
    expect(states(ran)).toMatchObject({
      'compose.yaml': 'covered',
      '.env': 'covered',
      conf: 'covered',
      'MACHINE/secure/shop.env': 'outside',
      'optional.env': 'missing',
      'secrets/token.txt': 'missing',
    });
    expect(ran.summary()).toMatchObject({ covered: 4, lacking: 2, missing: 2, outside: 1 });

    const text = await coverage([], 5);
    expect(text.stdout.replaceAll(web.directory, 'MACHINE')).toMatchInlineSnapshot(`
      "MACHINE/work: set app
      +  compose.yaml (compose file): covered
      !    MACHINE/secure/shop.env (env_file of web): outside, and not allowed
      +    .env (.env of the project, env_file of web): covered
      +    conf (bind mount of web): covered
      -    optional.env (env_file of web): missing, but optional
      +    secrets/db.txt (secret db): covered
      !    secrets/token.txt (secret token): missing
      + taken  - nothing to take  ! lacking  ? look at it
      2 would be lacking: 4 of 7 files that the deployment refers to would be taken.
      To take them, in strongroom.yaml under sets.app:
          include: [".", "MACHINE/secure/shop.env"]
      "
    `);
    const lines = text.stdout.split('\n').filter((line) => /^ {4}(?:include|outside): /.test(line));
    expect(lines).toHaveLength(1);
    settings(`sets:\n  app:\n${lines.join('\n')}\n`);
    web.write('secrets/token.txt', `${CANARY}4\n`);
    const mended = await coverage(['--json'], 0);
    expect(states(mended)['MACHINE/secure/shop.env']).toBe('covered');
    expect(mended.summary()).toMatchObject({ ok: true, lacking: 0, covered: 6 });
    // As the backup sees it.
    const plan = await web.ok(['backup', '--dry-run', '--json']);
    expect(plan.lines().map((line) => line.path)).toContain(`@outside${web.directory}/secure/shop.env`);
    expectSilence();
  });

  it('takes a link, but not what it leads to', async () => {
    web.write('../secure/real.txt', `${CANARY}4\n`);
    symlinkSync(join(web.directory, 'secure/real.txt'), join(web.work, 'secrets/token.txt'));
    expect(states(await coverage(['--json'], 5))['secrets/token.txt']).toBe('outside');
    settings(
      'sets:\n  app: { include: [., ../secure/real.txt, ../secure/shop.env], outside: [../secure/**] }\n',
    );
    expect(states(await coverage(['--json'], 0))['secrets/token.txt']).toBe('covered');
    settings('sets:\n  app: { include: [., ../secure/shop.env], outside: [../secure/**] }\n');
    const linked = await coverage(['--json'], 5);
    expect(linked.lines().find((line) => line.path?.endsWith('token.txt'))).toMatchObject({
      state: 'uncovered',
      why: 'only the link is taken, not what it leads to',
    });
    expectSilence();
  });

  it('says what is left out on purpose, and does not fail for it', async () => {
    web.write('secrets/token.txt', `${CANARY}4\n`);
    settings('sets:\n  app: { include: [., ../secure/shop.env], exclude: [conf, .env] }\n');
    const ran = await coverage(['--json'], 0);
    expect(states(ran)).toMatchObject({ conf: 'excluded', '.env': 'excluded', 'secrets/db.txt': 'covered' });
    expect(ran.summary()).toMatchObject({ lacking: 0, warned: 1, excluded: 2 });
    const text = await coverage([], 0);
    expect(text.stdout).toMatch(/^\? +\.env \(.*\): excluded, though it is required$/m);
    expect(text.stdout).toContain('would be taken; 1 excluded.\n');
    await coverage(['--strict'], 5);
  });

  it('is told quietly only by what is amiss', async () => {
    const lines = (ran: Ran) => ran.stdout.replaceAll(web.directory, 'MACHINE').split('\n').filter(Boolean);
    expect(lines(await coverage(['-q'], 5))).toEqual([
      'MACHINE/work: set app',
      '!    MACHINE/secure/shop.env (env_file of web): outside, and not allowed',
      '!    secrets/token.txt (secret token): missing',
      '2 would be lacking: 4 of 7 files that the deployment refers to would be taken.',
      'To take them, in strongroom.yaml under sets.app:',
      '    include: [".", "MACHINE/secure/shop.env"]',
    ]);
    web.write('secrets/token.txt', `${CANARY}4\n`);
    settings('sets:\n  app: { include: [., ../secure/shop.env] }\n');
    web.write('compose.prod.yaml', 'services: { web: { env_file: prod.env } }\n');
    expect(lines(await coverage(['-q'], 0))).toEqual([
      'MACHINE/work: set app',
      '?    prod.env (env_file of web): missing; compose.prod.yaml requires it',
    ]);
    await coverage(['-q', '--strict'], 5);
    web.write('prod.env', 'A=1\n');
    expect(lines(await coverage(['-q'], 0))).toEqual([]);
  });
});

describe('a set that follows references', () => {
  it('is told which outside line to add', async () => {
    settings('sets:\n  app: { discover: [compose] }\n');
    web.write('secrets/token.txt', `${CANARY}4\n`);
    const text = await coverage([], 5);
    const lines = text.stdout.split('\n').filter((line) => /^ {4}(?:include|outside): /.test(line));
    expect(lines).toEqual([`    outside: ["${web.directory}/secure/shop.env"]`]);
    settings(`sets:\n  app:\n    discover: [compose]\n${lines[0]}\n`);
    expect((await coverage(['--json'], 0)).summary()).toMatchObject({ ok: true, covered: 6 });
    expectSilence();
  });

  it('covers a root together with the others that share it', async () => {
    web.write('secrets/token.txt', `${CANARY}4\n`);
    settings(
      'sets:\n  one: { include: [compose.yaml, .env, ../secure/shop.env] }\n  two: { include: [secrets, conf/site.conf] }\n',
    );
    const ran = await coverage(['--json'], 5);
    expect(states(ran)).toMatchObject({ '.env': 'covered', 'secrets/db.txt': 'covered', conf: 'uncovered' });
    expect(ran.lines().find((line) => short(line.path ?? '') === 'conf')).toMatchObject({
      why: '1 of its 2 files would be taken',
    });
    expect(ran.summary()).toMatchObject({ roots: 1, lacking: 1 });
  });
});

describe('secrets', () => {
  beforeEach(() => {
    web.write('secrets/token.txt', `${CANARY}4\n`);
    settings('sets:\n  app: { discover: [compose], outside: ["../secure/*"] }\n');
  });

  it('that nothing refers to are named by file, line and rule; what is public is not', async () => {
    const random = 'q7Rk2PzX9vLm4TnW8sYb3HdJ6fGc5KaE1uQo';
    web.write('scripts/deploy.sh', `#!/bin/sh\n\nexport TOKEN=ghp_${random}\n`);
    web.write('docs/notes.md', `run it with glpat-${random.slice(0, 20)}\n`);
    web.write('package-lock.json', `{"integrity":"sha512-${random}${random}=="}\n`);
    web.write('node_modules/x/.npmrc', `//r/:_authToken=npm_${random}\n`);
    web.write('app.min.js', `var token="${random}"\n`);
    web.write('SHA256SUMS', `${'0123456789abcdef'.repeat(4)}  x\n`);
    web.write(
      'id_ed25519.pub',
      'ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIIb8Qwz7cVJn0Zp2h3pK6Jm9xN5tR1sY4uE8wQ2aLd7F me\n',
    );
    web.write('.env.example', 'DB_PASSWORD=change-me\n');
    const ran = await coverage(['--json'], 0);
    expect(Object.keys(secrets(ran)).sort()).toEqual(['docs/notes.md', 'scripts/deploy.sh']);
    expect(secrets(ran)['scripts/deploy.sh']).toMatchObject({
      findings: [{ rule: 'GitHub token', line: 3 }],
      stray: true,
      covered: false,
    });
    const text = await coverage([], 0);
    expect(text.stdout).toContain('scripts/deploy.sh: GitHub token in line 3\n');
    await coverage(['--strict'], 5);
    for (const { stdout, stderr } of said) expect(stdout + stderr).not.toContain(random.slice(0, 20));
    expectSilence();
  });

  it('that git tracks are named, whatever the repository has configured to run', async () => {
    const git = (...args: string[]) =>
      execFileSync('git', ['-c', 'user.name=x', '-c', 'user.email=x@example.org', ...args], {
        cwd: web.work,
        env: web.env(),
      });
    git('init', '-q');
    git('add', '-f', '.env', 'compose.yaml');
    git('commit', '-qm', 'x');
    const hook = web.write('hook.sh', '#!/bin/sh\ntouch "$HOME/ran"\n', 0o700);
    chmodSync(hook, 0o700);
    git('config', 'core.fsmonitor', hook);
    const ran = await coverage(['--json'], 0);
    expect(secrets(ran)['.env']).toMatchObject({ tracked: true, covered: true, stray: false });
    expect(Object.keys(secrets(ran))).toEqual(['.env']);
    expect(ran.summary()).toMatchObject({ tracked: 1, git: 'known' });
    expect(() => readFileSync(join(web.directory, 'home/ran'))).toThrow('ENOENT');
    await coverage(['--strict'], 5);
    // Without git nobody knows, and nobody is bothered.
    const without = await coverage(['--json'], 0, { PATH: '/nowhere' });
    expect(without.summary()).toMatchObject({ tracked: 0, git: 'unknown' });
    expectSilence();
  });

  it('that others may read are named, and no compose file', async () => {
    for (const directory of [join(web.directory, '..'), web.directory, web.work]) chmodSync(directory, 0o755);
    web.write('tls/site.key', KEY);
    chmodSync(join(web.work, 'tls'), 0o755);
    chmodSync(join(web.work, 'tls/site.key'), 0o644);
    chmodSync(join(web.work, 'compose.yaml'), 0o644);
    const ran = await coverage(['--json'], 5);
    expect(secrets(ran)).toMatchObject({
      'tls/site.key': { readable: 'everyone', covered: false, stray: false },
    });
    expect(Object.keys(secrets(ran))).toEqual(['tls/site.key']);
    expect(states(ran)['tls/site.key']).toBe('uncovered');
    expectSilence();
  });
});

describe('with a key', () => {
  it('it says whether the last snapshot has each file, and in this version', async () => {
    const me = await web.identity();
    await web.ok([
      'init',
      '--location',
      join(web.directory, 'vault'),
      '--name',
      'shop',
      '--recipient',
      me.recipient,
    ]);
    const made = readFileSync(join(web.work, 'strongroom.yaml'), 'utf8');
    settings(
      `${made.replace(/^sets:[\s\S]*?(?=^\S|$(?![\s\S]))/m, '')}\nsets:\n  app: { include: [., ../secure/*] }\n`,
    );
    const env = { STRONGROOM_IDENTITY_FILE: me.file };
    // One whose source failed does not count, and then nobody says of each file that it is not there.
    settings(
      `${readFileSync(join(web.work, 'strongroom.yaml'), 'utf8').replace('../secure/*]', '../secure/*, gone]')}`,
    );
    await web.ok(['backup'], { code: 3 });
    const none = await coverage([], 5, env);
    expect(none.stderr).toContain('there is no complete snapshot yet to look into\n');
    expect(none.stdout).not.toContain('last snapshot');
    settings(`${readFileSync(join(web.work, 'strongroom.yaml'), 'utf8').replace(', gone]', ']')}`);
    await web.ok(['backup']);
    web.write('.env', `DB_PASSWORD=${CANARY}9\n`);
    web.write('secrets/token.txt', `${CANARY}4\n`);
    web.write('conf/new.conf', 'server {}\n');
    const ran = await coverage(['--json'], 0, env);
    const found = ran.lines().filter((line) => line.message_type === 'reference');
    expect(Object.fromEntries(found.map((line) => [short(line.path), line.snapshot]))).toMatchObject({
      'compose.yaml': 'same',
      '.env': 'changed',
      'secrets/db.txt': 'same',
      'secrets/token.txt': 'absent',
      'MACHINE/secure/shop.env': 'same',
      conf: 'changed',
    });
    expect(ran.summary().snapshots).toHaveLength(1);
    expect((await coverage([], 0, env)).stdout).toContain(
      '.env (.env of the project, env_file of web): covered, changed since the last snapshot\n',
    );
    // Not without being asked, where there is no key.
    expect((await coverage(['--json'], 0)).summary()).not.toHaveProperty('snapshots');
    expect((await coverage(['--json', '--snapshot', 'none'], 0, env)).summary()).not.toHaveProperty(
      'snapshots',
    );
    expect((await web.run(['coverage', '--snapshot', '@nosuch'], { env })).code).toBe(10);
    // What goes wrong unasked is a warning.
    const away = await coverage(['--json', '--location', join(web.directory, 'nowhere')], 0, env);
    expect(away.warnings()).toMatchObject([{ code: 'snapshot-not-read' }]);
    expectSilence();
  });
});

it('a directory that is not there is refused', async () => {
  const ran = await web.run(['coverage', 'nowhere', '--json']);
  expect([ran.code, ran.failure().code]).toEqual([2, 'no-directory']);
});
