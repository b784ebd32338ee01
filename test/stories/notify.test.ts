// What leaves the machine when a backup goes well, goes wrong or is cut off: the program as it ships tells servers of
// the test's own, and of the secrets that were planted all around none arrives.

import { execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { closeSync, constants, mkdirSync, openSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { type HttpServer, httpServer, httpsServer } from '../servers/http.ts';
import { type MailServer, mailServer } from '../servers/smtp.ts';
import { makeCertificate } from '../support/certificates.ts';
import { type Machine, machines } from '../support/program.ts';

const machine = machines();
const MARK = 'M4RKER';
const EVERYTHING = ['start', 'success', 'failure', 'incomplete', 'stale', 'drill'];

interface Scene {
  readonly on: Machine;
  readonly web: HttpServer;
  readonly tls: HttpServer;
  readonly mail: MailServer;
  readonly env: Record<string, string>;
  /** Everything that arrived anywhere, without the parts of URLs and headers that are the receivers' own secrets. */
  arrived(): string;
}

/**
 * A machine full of secrets: in files and their names, in the environment, in URLs, in what a program prints.
 * @param set the one that its check stands for
 */
async function scene(set = 'app'): Promise<Scene> {
  const on = machine('web-1');
  const certified = makeCertificate(on.directory, { subject: '/CN=localhost', names: ['localhost'] });
  const [web, tls] = [await httpServer(), await httpsServer(certified)];
  const mail = await mailServer({
    disabledCommands: [],
    authOptional: false,
    cert: certified.certificate,
    key: certified.key,
    onAuth: ({ username, password }, _session, callback) =>
      password === `${MARK}-mail` ? callback(null, { user: username }) : callback(new Error('no')),
  });
  const me = await on.identity();
  const vault = join(on.directory, `vault-${MARK}`);
  await on.ok(['init', '--name', 'shop', '--location', vault, '--recipient', me.recipient]);
  const app = join(on.work, 'app');
  mkdirSync(app);
  on.write(`app/${MARK}-name.pem`, `${MARK}-content`);
  on.write('app/.env', `DB_PASSWORD=${MARK}-value\n`);
  on.write('keys/token', `${MARK}-token\n`);
  on.write('keys/mail', `${MARK}-mail\n`);
  const told = (settings: object) => ({ ...settings, on: EVERYTHING });
  const notify = [
    { healthchecks: { url: `${web.url}/${MARK}-check`, sets: [set] } },
    { webhook: told({ url: { env: 'HOOK_URL' }, token: { file: 'keys/token' } }) },
    { slack: told({ url: `${tls.url}/${MARK}-slack` }) },
    { ntfy: told({ url: `${tls.url}/topic`, token: { file: 'keys/token' } }) },
    {
      smtp: told({
        host: 'localhost',
        port: mail.port,
        from: 'backup@example.com',
        to: ['ops@example.com'],
        user: 'me',
        password: { file: 'keys/mail' },
      }),
    },
    { command: told({ run: ['sh', '-c', 'cat >> told; env >> told-env'] }) },
  ];
  const config = join(on.work, 'strongroom.yaml');
  const text = readFileSync(config, 'utf8').replace(/\nsets:[\s\S]*$/, '\n');
  const sets = {
    app: { root: 'app' },
    gone: { root: 'app', include: ['.env', `${MARK}-gone`] },
    db: { root: 'app', streams: { db: { command: { run: ['sh', '-c', `echo ${MARK}-said >&2; exit 3`] } } } },
    slow: { root: 'app', streams: { db: { command: { run: ['sleep', '60'] } } } },
  };
  writeFileSync(config, `${text}\nsets: ${JSON.stringify(sets)}\nnotify: ${JSON.stringify(notify)}\n`);
  return {
    on,
    web,
    tls,
    mail,
    env: {
      HOOK_URL: `${web.url}/${MARK}-hook`,
      NODE_EXTRA_CA_CERTS: on.write('ca.pem', certified.certificate),
      STRONGROOM_PASSPHRASE: `${MARK}-passphrase`,
      SOME_SECRET: `${MARK}-variable`,
    },
    arrived: () =>
      [
        ...[...web.received, ...tls.received].map(({ headers: { authorization, ...headers }, body }) =>
          JSON.stringify([headers, body]),
        ),
        ...mail.mails.map(({ raw, parsed }) => raw + parsed.subject + parsed.text),
        readFileSync(join(on.work, 'told'), 'utf8'),
      ].join('\n'),
  };
}

const events = (server: HttpServer, path: string): (string | undefined)[] =>
  server.received.filter((one) => one.path.includes(path)).map(({ body }) => JSON.parse(body).event);

describe('a machine full of secrets', () => {
  it.each([
    ['app', 0, 'success', 'went well'],
    ['gone', 3, 'incomplete', 'is incomplete'],
    ['db', 3, 'incomplete', 'is incomplete'],
    ['lost', 10, 'failure', 'failed'],
  ])('tells of the set %s, which ends with %i, and of nothing else', async (set, code, event, said) => {
    const lost = set === 'lost';
    const { on, web, tls, mail, env, arrived } = await scene(lost ? 'app' : set);
    if (lost) rmSync(join(on.directory, `vault-${MARK}`), { recursive: true });
    const ran = await on.run(['backup', '--set', lost ? 'app' : set], { env });
    expect(ran.code, ran.stderr).toBe(code);
    expect(ran.stderr).not.toContain('not told');
    // Each heard the beginning and the end.
    expect(web.received.filter((one) => one.path.includes('check')).map(({ path }) => path)).toEqual([
      expect.stringMatching(/-check\/start\?rid=/),
      expect.stringMatching(ran.code === 0 ? /-check\?rid=/ : new RegExp(`-check/${ran.code}\\?rid=`)),
    ]);
    expect(events(web, 'hook')).toEqual(['start', event]);
    expect(tls.received.map(({ path }) => path).sort()).toEqual(
      [`/${MARK}-slack`, `/${MARK}-slack`, '/topic', '/topic'].sort(),
    );
    expect(mail.mails).toHaveLength(2);
    expect(mail.mails[1]).toMatchObject({ user: 'me', secure: true, to: ['ops@example.com'] });
    expect(mail.mails[1]?.parsed.subject).toContain(said);
    const programs = readFileSync(join(on.work, 'told'), 'utf8').trim().split('\n');
    expect(programs.map((line) => JSON.parse(line).event)).toEqual(['start', event]);
    // And none of it is a secret, a path or a file's name.
    expect(arrived()).not.toContain(MARK);
    expect(arrived()).not.toContain(on.directory);
    expect(arrived()).toContain('backup of');
    const environment = readFileSync(join(on.work, 'told-env'), 'utf8');
    expect(environment).toContain(`SOME_SECRET=${MARK}-variable`);
    expect(environment.replace(`SOME_SECRET=${MARK}-variable`, '')).not.toMatch(/M4RKER-(?:passphrase|hook)/);
  });

  it('ends though a secret file does not answer', async () => {
    const { on, env } = await scene();
    const pipe = join(on.directory, 'pipe');
    execFileSync('mkfifo', ['-m', '600', pipe]);
    // Somebody has it open to write, and says nothing.
    const held = openSync(pipe, constants.O_RDWR);
    const config = join(on.work, 'strongroom.yaml');
    const text = readFileSync(config, 'utf8');
    const notify = [{ webhook: { url: { file: pipe }, on: ['success'] } }];
    writeFileSync(config, text.replace(/notify: .*/, `notify: ${JSON.stringify(notify)}`));
    const ran = await on.run(['backup', '--set', 'app'], { env });
    closeSync(held);
    expect(ran.code).toBe(0);
    expect(ran.stderr).toContain(
      'receiver 1 (webhook) was not told (success): its secrets could not be read in time',
    );
  }, 30_000);

  it('says whom it could not tell, without the URL, a password or an answer', async () => {
    const { on, env } = await scene();
    const bad = await httpServer((_request, response) => {
      response.writeHead(418, `${MARK}-reason`).end(`${MARK}-answer`);
    });
    const ran = await on.run(['backup', '--set', 'app', '--quiet'], {
      env: { ...env, HOOK_URL: `${bad.url}/${MARK}-hook`, NODE_EXTRA_CA_CERTS: '' },
    });
    expect(ran.code).toBe(0);
    expect(ran.stdout).toBe('');
    const reasons = ran.stderr.split('\n').filter((line) => line.includes('(success)'));
    expect(reasons).toEqual([
      'strongroom: warning: receiver 2 (webhook) was not told (success): it answered 418',
      expect.stringMatching(
        /^strongroom: warning: receiver 3 \(slack\) was not told \(success\): its certificate or its TLS is not accepted \(\w+\)$/,
      ),
      expect.stringMatching(
        /^strongroom: warning: receiver 4 \(ntfy\) was not told \(success\): its certificate/,
      ),
      expect.stringMatching(
        /^strongroom: warning: receiver 5 \(smtp\) was not told \(success\): its certificate/,
      ),
    ]);
    expect(ran.stderr).not.toContain(MARK);
  });

  it('that is told to stop in the middle of a backup says that too', async () => {
    const { on, web, env, arrived } = await scene('slow');
    const [program = '', ...args] = on.argv(['backup', '--set', 'slow']);
    const child = spawn(program, args, { cwd: on.work, env: on.env(env), stdio: 'ignore' });
    const ended = once(child, 'exit');
    await expect.poll(() => events(web, 'hook'), { timeout: 10_000 }).toEqual(['start']);
    child.kill('SIGTERM');
    expect(await ended).toEqual([130, null]);
    expect(events(web, 'hook')).toEqual(['start', 'failure']);
    expect(web.received.filter((one) => one.path.includes('check')).at(-1)?.path).toMatch(/-check\/130\?/);
    expect(arrived()).not.toContain(MARK);
  });

  it('that guards a deploy tells of the command that failed', async () => {
    const { on, web, env, arrived } = await scene();
    const ran = await on.run(['guard', '--set', 'app', '--', 'sh', '-c', `echo ${MARK}-out; exit 77`], {
      env,
    });
    expect(ran.code).toBe(77);
    const last = JSON.parse(web.received.filter((one) => one.path.includes('hook')).at(-1)?.body ?? '{}');
    expect(last).toMatchObject({
      event: 'failure',
      command: 'guard',
      exit_code: 77,
      codes: ['command-failed'],
      text: expect.stringContaining('the command failed, and the files were put back'),
      snapshots: [expect.stringMatching(/^\d{8}T\d{6}Z-/)],
    });
    // Its check waits for backups, and a deploy is none.
    expect(web.received.some((one) => one.path.includes('check'))).toBe(false);
    expect(arrived()).not.toContain(MARK);
  });
});
