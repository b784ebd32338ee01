// Who is told what of the commands that people and timers run: the real command line, over a vault and servers of the
// test's own.
import { execFileSync } from 'node:child_process';
import { appendFileSync, chmodSync, readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { everyCommand } from '../../src/commands/index.ts';
import { TOLD } from '../../src/notify/receiver.ts';
import { type HttpServer, httpServer } from '../servers/http.ts';
import { type Desk, deskWithVault } from './desk.ts';

/** A desk whose configuration has a set of its deployment, and tells the receivers given. */
async function deskTelling(...receivers: readonly object[]): Promise<Desk> {
  const at = await deskWithVault();
  const lines = receivers.map((receiver) => `  - ${JSON.stringify(receiver)}\n`).join('');
  appendFileSync(join(at.work, 'strongroom.yaml'), `\nnotify:\n${lines}`);
  return at;
}

const everything = ['start', 'success', 'failure', 'incomplete', 'stale', 'drill'];
const hook = ({ url }: HttpServer, settings: object = {}) => ({
  webhook: { url: `${url}/hook`, on: everything, ...settings },
});
// biome-ignore lint/suspicious/noExplicitAny: a test reads whatever fields it expects.
const messages = (server: HttpServer): any[] => server.received.map(({ body }) => JSON.parse(body));

test('the commands of which is told are commands', () => {
  const names = everyCommand().map(({ path }) => path.join(' '));
  expect(TOLD.filter((name) => !names.includes(name))).toEqual([]);
});

test('a backup that goes well: its start and its end, as one run, with names and counts', async () => {
  const [check, server] = [await httpServer(), await httpServer()];
  const at = await deskTelling({ healthchecks: `${check.url}/8b0c` }, hook(server));
  const { out, err } = await at.ok('backup --set shop');
  expect(err).toBe('');
  expect(out).toMatch(/^shop: ID-/);
  const [start, end] = messages(server);
  expect(start).toMatchObject({ event: 'start', command: 'backup', sets: ['shop'], host: 'web-1', ok: true });
  expect(end).toMatchObject({
    event: 'success',
    exit_code: 0,
    ok: true,
    sets: ['shop'],
    codes: [],
    run: start.run,
    counts: { files: expect.any(Number), bytes: expect.any(Number) },
  });
  expect(end.snapshots).toEqual([expect.stringMatching(/^2025\d{4}T\d{6}Z-/)]);
  expect(end.vault_id).toMatch(/^[0-9a-z]{26}$/);
  expect(end).not.toHaveProperty('details');
  expect(start.run).toMatch(/^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/);
  expect(check.received.map(({ path }) => path)).toEqual([
    `/8b0c/start?rid=${start.run}`,
    `/8b0c?rid=${start.run}`,
  ]);
});

test('a backup that fails: the exit code, the name of the error and a sentence of ours', async () => {
  const [check, server] = [await httpServer(), await httpServer()];
  const at = await deskTelling(
    { healthchecks: `${check.url}/8b0c` },
    hook(server, { on: ['failure'] }),
    hook(server, { on: ['failure'], paths: true }),
  );
  rmSync(join(at.base, 'vault'), { recursive: true });
  const said = await at.say('backup --set shop');
  expect(said.code).not.toBe(0);
  expect(check.received.at(-1)?.path).toMatch(new RegExp(`^/8b0c/${said.code}\\?rid=`));
  const [plain, withPaths] = messages(server).sort((a, b) => Object.keys(a).length - Object.keys(b).length);
  expect(plain).toMatchObject({ event: 'failure', exit_code: said.code, ok: false, sets: ['shop'] });
  expect(plain.codes).toHaveLength(1);
  expect(JSON.stringify(plain)).not.toContain(at.base);
  expect(withPaths.details).toHaveLength(1);
  expect(JSON.stringify(withPaths.details)).toContain(at.base);
});

test('a backup that misses a file: incomplete, and which one only for those who ask', async () => {
  const [plain, withPaths] = [await httpServer(), await httpServer()];
  const at = await deskTelling(hook(plain), hook(withPaths, { paths: true }));
  const said = await at.say('backup .env no-such-file --set other');
  expect(said.code).toBe(3);
  const [start, end] = messages(plain);
  expect(start.sets).toEqual(['other']);
  expect(end).toMatchObject({ event: 'incomplete', exit_code: 3, ok: false, sets: ['other'] });
  expect(end.codes.length).toBeGreaterThan(0);
  expect(end.text).toMatch(/^backup of other on web-1 is incomplete \(/);
  expect(plain.everything()).not.toContain('no-such-file');
  expect(messages(withPaths)[1].details.join()).toContain('no-such-file');
});

test('of some sets: who heard that a run began hears how it ended, be their set well or not', async () => {
  const [app, other] = [await httpServer(), await httpServer()];
  const at = await deskTelling(hook(app, { sets: ['shop'] }), hook(other, { sets: ['other'] }));
  at.write(
    'strongroom.yaml',
    readFileSync(join(at.work, 'strongroom.yaml'), 'utf8').replace(
      /^sets:$/m,
      'sets:\n  bad: { root: certs, include: [no-such] }',
    ),
  );
  const { code } = await at.say('backup');
  expect(code).toBe(3);
  expect(messages(app).map(({ event, sets }) => [event, sets])).toEqual([
    ['start', ['bad', 'shop']],
    ['incomplete', ['bad']],
  ]);
  expect(other.received).toEqual([]);
  await at.say('backup .env');
  await at.say('backup certs --set other');
  expect(app.received).toHaveLength(2);
  expect(messages(other).map(({ event }) => event)).toEqual(['start', 'success']);
});

test('health that finds something is stale', async () => {
  const server = await httpServer();
  const at = await deskTelling(hook(server));
  const said = await at.say('health');
  expect(said.code).toBe(5);
  expect(messages(server).at(-1)).toMatchObject({ event: 'stale', command: 'health', exit_code: 5 });
});

test.each(['backup --dry-run', 'list', 'config validate'])('nobody is told of %s', async (line) => {
  const server = await httpServer();
  const at = await deskTelling(hook(server));
  await at.ok(line);
  expect(server.received).toEqual([]);
});

test('a receiver that cannot be told is named by kind and number, even if quiet, and changes nothing else', async () => {
  const server = await httpServer(404);
  const at = await deskTelling(
    hook(await httpServer()),
    { slack: { url: `${server.url}/S3CRET`, on: ['success'] } },
    { ntfy: { url: { env: 'NO_SUCH_URL' }, on: ['success'] } },
    { webhook: { url: { file: 'open.txt' }, on: ['success'] } },
  );
  chmodSync(at.write('open.txt', 'https://x.invalid/S3CRET\n'), 0o644);
  const { out, err, code } = await at.say('backup --set shop --quiet');
  expect(code).toBe(0);
  expect(out).toBe('');
  expect(err.split('\n').filter((line) => line !== '')).toEqual([
    'strongroom: warning: receiver 2 (slack) was not told (success): it answered 404',
    'strongroom: warning: receiver 3 (ntfy) was not told (success): variable NO_SUCH_URL gives no url',
    'strongroom: warning: receiver 4 (webhook) was not told (success): others can read BASE/shop/open.txt',
    'strongroom: hint: chmod 600 BASE/shop/open.txt',
  ]);
  expect(err).not.toContain('S3CRET');
});

test('under --json the warning is on stderr, and the summary stays the last line of stdout', async () => {
  const at = await deskTelling(hook(await httpServer(404), { on: ['success'] }));
  const { json, err, code } = await at.say('backup --set shop --json');
  expect(code).toBe(0);
  expect(json().at(-1)).toMatchObject({ message_type: 'summary', complete: true });
  expect(JSON.parse(err)).toMatchObject({ message_type: 'warning', code: 'not-notified' });
});

test('URLs come from files and variables', async () => {
  const server = await httpServer();
  const at = await deskTelling(
    { slack: { url: { file: 'keys/slack' }, on: ['success'] } },
    { ntfy: { url: { env: 'NTFY_URL' }, token: { file: 'keys/token' }, on: ['success'] } },
  );
  at.write('keys/slack', `${server.url}/slack\n`);
  at.write('keys/token', 'tk_1\n');
  const { code, err } = await at.say('backup .env --set other', { NTFY_URL: `${server.url}/ntfy` });
  expect([code, err]).toEqual([0, '']);
  expect(server.received.map(({ path }) => path).sort()).toEqual(['/ntfy', '/slack']);
  expect(server.received.find(({ path }) => path === '/ntfy')?.headers.authorization).toBe('Bearer tk_1');
});

test('a program that is told has no way into the vault in its environment', async () => {
  const at = await deskTelling(
    { command: { run: ['sh', '-c', 'env > environment'], on: ['success'] } },
    { slack: { url: { env: 'SLACK_URL' }, on: [] } },
  );
  at.write('keys/pass', 'x\n');
  const { err } = await at.say('backup .env --set other', {
    PATH: process.env.PATH,
    SLACK_URL: 'https://x.invalid/S3CRET',
    STRONGROOM_PASSPHRASE_FILE: join(at.work, 'keys/pass'),
    STRONGROOM_PASSPHRASE: undefined,
    AWS_ACCESS_KEY_ID: 'S3CRET',
    AWS_SECRET_ACCESS_KEY: 'S3CRET',
    AWS_SESSION_TOKEN: 'S3CRET',
    AWS_WEB_IDENTITY_TOKEN_FILE: '/S3CRET',
    AWS_CONTAINER_AUTHORIZATION_TOKEN: 'S3CRET',
    AWS_PROFILE: 'alerts',
    OTHER: 'stays',
  });
  expect(err).toBe('');
  const environment = readFileSync(join(at.work, 'environment'), 'utf8');
  expect(environment).toContain('OTHER=stays');
  expect(environment).toContain('AWS_PROFILE=alerts');
  expect(environment).not.toMatch(/STRONGROOM_|SLACK_URL|S3CRET/);
});

test('a path in the place of a set is told to nobody who did not ask for paths', async () => {
  const server = await httpServer();
  const at = await deskTelling(hook(server));
  expect((await at.say('backup --set /root/secret-project/.env')).code).not.toBe(0);
  expect(messages(server).map(({ event, sets }) => [event, sets])).toEqual([
    ['start', []],
    ['failure', []],
  ]);
  expect(JSON.stringify(messages(server))).not.toContain('secret-project');
});

test('a start that hangs holds up a backup for two seconds at most', async () => {
  const server = await httpServer('hang', 200);
  const at = await deskTelling(hook(server));
  const before = performance.now();
  const { code, err } = await at.say('backup --set shop');
  expect(code).toBe(0);
  expect(performance.now() - before).toBeLessThan(4500);
  expect(err).toBe(
    'strongroom: warning: receiver 1 (webhook) was not told (start): it did not answer in time\n',
  );
  expect(messages(server).map(({ event }) => event)).toEqual(['start', 'success']);
});

test('a secret file that does not answer holds up no backup for ever', { timeout: 30_000 }, async () => {
  const at = await deskTelling({ webhook: { url: { file: '../pipe' }, on: everything } });
  execFileSync('mkfifo', ['-m', '600', join(at.base, 'pipe')]);
  const before = performance.now();
  const { code, out, err } = await at.say('backup --set shop');
  expect(performance.now() - before).toBeLessThan(15_000);
  expect(code).toBe(0);
  expect(out).toMatch(/^shop: ID-/);
  expect(err).toMatch(/^strongroom: warning: receiver 1 \(webhook\) was not told \(success\): /m);
});

test('a check hears of success only where the whole deployment was backed up', async () => {
  const [check, own] = [await httpServer(), await httpServer()];
  const at = await deskTelling(
    { healthchecks: `${check.url}/all` },
    { healthchecks: { url: `${own.url}/shop`, sets: ['shop'] } },
  );
  at.write(
    'strongroom.yaml',
    readFileSync(join(at.work, 'strongroom.yaml'), 'utf8').replace(
      /^sets:$/m,
      'sets:\n  certs: { root: certs }',
    ),
  );
  await at.ok('backup --set shop');
  await at.ok('backup .env --set other');
  expect(check.received).toEqual([]);
  expect(own.received.map(({ path }) => path.split('?')[0])).toEqual(['/shop/start', '/shop']);
  await at.ok('backup');
  expect(check.received.map(({ path }) => path.split('?')[0])).toEqual(['/all/start', '/all']);
});

test('notify test reaches everybody, whatever they are told otherwise, and says whom it did not', async () => {
  const [good, bad] = [await httpServer(), await httpServer(403)];
  const at = await deskTelling(hook(good, { on: [] }), { slack: bad.url }, { healthchecks: good.url });
  const said = await at.say('notify test');
  expect(said).toMatchObject({
    code: 5,
    out: '1 webhook: told\n2 slack: not told: it answered 403\n3 healthchecks: told\n',
  });
  expect(good.received.map(({ path }) => path.split('?')[0]).sort()).toEqual(['/hook', '/log']);
  expect(messages(bad)[0].text).toMatch(/^this is a test message from strongroom on web-1/);
  const { json } = await at.say('notify test --json');
  expect(json()).toMatchObject([
    { message_type: 'receiver', number: 1, kind: 'webhook', told: true },
    { number: 2, kind: 'slack', told: false, reason: 'it answered 403' },
    { number: 3, kind: 'healthchecks', told: true },
    { message_type: 'summary', receivers: 3, told: 2 },
  ]);
});

test('notify test says where there is nobody', async () => {
  const at = await deskWithVault();
  expect(await at.say('notify test')).toMatchObject({
    code: 2,
    err: expect.stringContaining('the configuration names nobody to tell'),
  });
});
