// What each receiver with a URL gets, to the letter.
import { expect, test } from 'vitest';
import { deliver, type Target } from '../../src/notify/deliver.ts';
import type { Message } from '../../src/notify/message.ts';
import { fieldsOf, sentence } from '../../src/notify/message.ts';
import { version } from '../../src/version.ts';
import { httpServer, type Received } from '../servers/http.ts';
import { messageOf, RUN, START, WELL } from './messages.ts';

async function sent(target: (url: string) => Target, changes: Partial<Message> = {}): Promise<Received> {
  const server = await httpServer();
  await deliver(target(server.url), messageOf(changes));
  expect(server.received).toHaveLength(1);
  const [one] = server.received;
  expect(one?.method).toBe('POST');
  expect(one?.headers['user-agent']).toBe(`strongroom/${version}`);
  return one!;
}

test.each<[string, Partial<Message>, string]>([
  ['/8b0c', START, `/8b0c/start?rid=${RUN}`],
  ['/8b0c', WELL, `/8b0c?rid=${RUN}`],
  ['/8b0c', {}, `/8b0c/14?rid=${RUN}`],
  ['/8b0c', { event: 'incomplete', exitCode: 3 }, `/8b0c/3?rid=${RUN}`],
  ['/8b0c', { exitCode: undefined }, `/8b0c/fail?rid=${RUN}`],
  ['/8b0c', { exitCode: 256 }, `/8b0c/fail?rid=${RUN}`],
  ['/8b0c', { event: 'test', ok: true }, `/8b0c/log?rid=${RUN}`],
  ['/8b0c/', {}, `/8b0c/14?rid=${RUN}`],
  ['/key/slug?create=1', START, `/key/slug/start?create=1&rid=${RUN}`],
])('a check at %s is pinged, %j', async (path, changes, pinged) => {
  const one = await sent((url) => ({ kind: 'healthchecks', url: url + path, insecure: false }), changes);
  expect(one.path).toBe(pinged);
  expect(one.body).toBe(sentence(messageOf(changes)));
  expect(one.headers['content-type']).toBe('text/plain; charset=utf-8');
});

test('a webhook gets the fields as JSON', async () => {
  const one = await sent((url) => ({ kind: 'webhook', url: `${url}/hook?x=1`, insecure: false }));
  expect(one.path).toBe('/hook?x=1');
  expect(one.headers['content-type']).toBe('application/json');
  expect(one.headers.authorization).toBeUndefined();
  expect(JSON.parse(one.body)).toEqual(JSON.parse(JSON.stringify(fieldsOf(messageOf()))));
});

test('a webhook may have a token', async () => {
  const one = await sent((url) => ({ kind: 'webhook', url, token: 'T0KEN', insecure: false }));
  expect(one.headers.authorization).toBe('Bearer T0KEN');
  expect(one.body).not.toContain('T0KEN');
});

test('Slack gets text in which nothing is a mention or a link', async () => {
  const details = ['app: <!channel> & <https://x.example>'];
  const one = await sent((url) => ({ kind: 'slack', url: `${url}/services/T/B/X`, insecure: false }), {
    details,
  });
  expect(one.path).toBe('/services/T/B/X');
  const { text, ...others } = JSON.parse(one.body);
  expect(others).toEqual({});
  expect(text.split('\n')).toEqual([
    `:rotating_light: ${sentence(messageOf())}`,
    'snapshots: 20261120T055812Z-7k3f9q',
    'vault: 9w6a8wy1bptmg1enqf19wyya51',
    'files: 12',
    'bytes: 3456',
    'seconds: 1.5',
    'time: 2026-11-20T05:58:12.000Z',
    `run: ${RUN}`,
    'app: &lt;!channel&gt; &amp; &lt;https://x.example&gt;',
  ]);
});

test.each<[Partial<Message>, string, string, string]>([
  [{}, 'strongroom: backup failure on web-1', 'urgent', 'rotating_light,strongroom,failure'],
  [WELL, 'strongroom: backup success on web-1', 'default', 'white_check_mark,strongroom,success'],
  [
    { event: 'stale', command: 'health', host: undefined },
    'strongroom: health stale',
    'high',
    'rotating_light,strongroom,stale',
  ],
  [
    { event: 'drill', command: 'drill' },
    'strongroom: drill failed on web-1',
    'high',
    'rotating_light,strongroom,drill',
  ],
])('ntfy gets title, priority and tags for %j', async (changes, title, priority, tags) => {
  const one = await sent((url) => ({ kind: 'ntfy', url: `${url}/alerts`, insecure: false }), changes);
  expect(one.path).toBe('/alerts');
  expect(one.headers).toMatchObject({ title, priority, tags });
  expect(one.body.split('\n')[0]).toBe(sentence(messageOf(changes)));
});

test('a topic of ntfy may have a token', async () => {
  const one = await sent((url) => ({ kind: 'ntfy', url, token: 'tk_secret', insecure: false }));
  expect(one.headers.authorization).toBe('Bearer tk_secret');
});
