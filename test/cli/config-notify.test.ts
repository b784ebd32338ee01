// The setting `notify`: what it becomes, and what is refused without being quoted.
import { expect, test } from 'vitest';
import { parseConfig } from '../../src/cli/config.ts';
import { jsonSchema } from '../../src/cli/config-schema.ts';
import { UsageError } from '../../src/errors.ts';
import { KINDS } from '../../src/notify/receiver.ts';

const parse = async (text: string) =>
  (await parseConfig(text, '/srv/shop/strongroom.yaml', '/home/me')).notify;

async function refused(text: string) {
  const error = await parse(text).catch((caught: unknown) => caught);
  if (!(error instanceof UsageError)) throw new Error(`not refused: ${text}`, { cause: error });
  const { code, message, hint } = error;
  expect(`${message} ${hint}`).not.toMatch(/S3CRET/i);
  return { code, message: message.replace('/srv/shop/strongroom.yaml ', '') };
}

test('a URL alone will do for what has one', async () => {
  const everything = ['start', 'success', 'failure', 'incomplete', 'stale', 'drill'];
  expect(await parse('notify: [{ healthchecks: "https://hc.example/8b0c" }]')).toEqual([
    {
      kind: 'healthchecks',
      on: everything,
      commands: ['backup'],
      sets: undefined,
      paths: false,
      insecure: false,
      secrets: { url: { text: 'https://hc.example/8b0c' } },
      settings: {},
    },
  ]);
  for (const kind of ['webhook', 'slack', 'ntfy'])
    expect(await parse(`notify: [{ ${kind}: "https://x.example/y" }]`)).toMatchObject([
      { kind, on: ['failure', 'incomplete', 'stale', 'drill'] },
    ]);
});

test('every kind with all its settings', async () => {
  const notify = await parse(`
notify:
  - webhook: { url: { file: hook.txt }, token: { env: TOKEN }, on: [success], commands: [health], sets: [app], paths: true }
  - slack: { url: { env: SLACK_URL } }
  - ntfy: { url: "http://ntfy/alerts", token: { file: ~/token }, insecure: true }
  - smtp: { host: mail.example.com, port: 2525, tls: implicit, from: a@example.com, to: [b@example.com], user: me, password: { file: /run/secrets/mail } }
  - command: { run: [./tell.sh, "--now"] }
`);
  expect(notify).toMatchObject([
    {
      kind: 'webhook',
      on: ['success'],
      commands: ['health'],
      sets: ['app'],
      paths: true,
      secrets: { url: { file: '/srv/shop/hook.txt' }, token: { env: 'TOKEN' } },
    },
    { kind: 'slack', secrets: { url: { env: 'SLACK_URL' } } },
    { kind: 'ntfy', insecure: true, secrets: { token: { file: '/home/me/token' } } },
    {
      kind: 'smtp',
      settings: {
        host: 'mail.example.com',
        port: 2525,
        tls: 'implicit',
        from: 'a@example.com',
        to: ['b@example.com'],
        user: 'me',
      },
      secrets: { password: { file: '/run/secrets/mail' } },
    },
    { kind: 'command', settings: { run: ['./tell.sh', '--now'] }, secrets: {} },
  ]);
});

test('nobody is to be told where nothing is said', async () => {
  expect(await parse('location: ./vault')).toBeUndefined();
});

test.each([
  ['notify: [{}]', 'notify.0 says no kind'],
  [
    'notify: [{ healthchecks: "https://a/S3CRET", slack: "https://b/S3CRET" }]',
    'notify.0 is of more than one kind',
  ],
  ['notify: [{ pager: S3CRET }]', 'line 1: unknown key notify.0.pager'],
  [
    'notify: [{ slack: "ftp://S3CRET" }]',
    'line 1: notify.0.slack must be an https URL, { file: PATH } or { env: NAME }',
  ],
  [
    'notify: [{ slack: { url: "https://me:S3CRET@x.example" } }]',
    'line 1: notify.0.slack.url must be an https URL, { file: PATH } or { env: NAME }',
  ],
  [
    'notify: [{ slack: { url: "http://x.example/S3CRET" } }]',
    'notify.0.slack cannot be told: its URL is not https, and `insecure: true` is not set',
  ],
  ['notify: [{ slack: {} }]', 'line 1: notify.0.slack needs url'],
  ['notify: [{ slack: { url: {} } }]', 'notify.0.slack.url must name one place'],
  ['notify: [{ slack: { url: { file: a, env: B } } }]', 'notify.0.slack.url must name one place'],
  [
    'notify: [{ slack: { url: { env: "S3CRET=1" } } }]',
    'line 1: notify.0.slack.url.env must be the name of a variable',
  ],
  [
    'notify: [{ webhook: { url: "https://x.example", token: S3CRET } }]',
    'line 1: notify.0.webhook.token must be a mapping of keys to values',
  ],
  ['notify: [{ smtp: { host: h, from: f } }]', 'line 1: notify.0.smtp needs to'],
  ['notify: [{ smtp: { host: h, from: f, to: [] } }]', 'notify.0.smtp needs a to that is not empty'],
  [
    'notify: [{ smtp: { host: h, from: f, to: [t], user: u } }]',
    'notify.0.smtp needs both user and password, or neither',
  ],
  [
    'notify: [{ smtp: { host: h, from: f, to: [t], password: S3CRET } }]',
    'line 1: notify.0.smtp.password must be a mapping of keys to values',
  ],
  ['notify: [{ command: { run: [] } }]', 'notify.0.command needs a run that is not empty'],
  [
    'notify: [{ slack: { url: { env: A }, on: [disaster] } }]',
    'line 1: notify.0.slack.on.0 must be one of start, success, failure, incomplete, stale, drill',
  ],
  [
    'notify: [{ slack: { url: { env: A }, commands: [list] } }]',
    'line 1: notify.0.slack.commands.0 must be one of backup, guard, copy, prune, verify, health, drill',
  ],
])('%s is refused', async (text, message) => {
  const problem = await refused(text);
  expect(problem.message).toBe(message);
  expect(problem.code).toBe(message.includes('unknown') ? 'unknown-key' : 'bad-setting');
});

test('the published schema has every kind, and both ways to give a URL', () => {
  const schema = JSON.parse(JSON.stringify(jsonSchema()));
  const kinds = schema.properties.notify.items.properties;
  expect(Object.keys(kinds)).toEqual([...KINDS]);
  const [text, object] = kinds.slack.anyOf;
  expect(text.type).toBe('string');
  expect(object.required).toEqual(['url']);
  expect(object.properties.url.anyOf[1].properties).toHaveProperty('file');
});
