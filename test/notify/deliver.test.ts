// What becomes of a message when the other side is not well. The limits are those of the program, made short.

import type { AddressInfo } from 'node:net';
import { createServer } from 'node:net';
import { expect, onTestFinished, test } from 'vitest';
import { deliver, type Limits, PATIENT, type Target } from '../../src/notify/deliver.ts';
import { NotSent } from '../../src/notify/not-sent.ts';
import { httpServer } from '../servers/http.ts';
import { messageOf } from './messages.ts';

const QUICK: Limits = { tries: 3, perTry: 5000, inAll: 15_000, pause: 1 };
const hook = (url: string): Target => ({ kind: 'webhook', url: `${url}/S3CRET`, insecure: false });

async function refusal(delivered: Promise<void>): Promise<{ message: string; again: boolean }> {
  const error = await delivered.catch((caught: unknown) => caught);
  if (!(error instanceof NotSent)) throw new Error('it was delivered', { cause: error });
  const { message, again } = error;
  expect(message).not.toContain('S3CRET');
  return { message, again };
}

test.each([[[500, 200]], [[429, 503, 200]], [['reset', 200]], [[408, 'reset', 204]]] as const)(
  'after %j it has arrived',
  async (answers) => {
    const server = await httpServer(...answers);
    await deliver(hook(server.url), messageOf(), QUICK);
    expect(server.received).toHaveLength(answers.length);
    expect(new Set(server.received.map(({ body }) => body)).size).toBe(1);
  },
);

test.each([
  [500, 'it answered 500', 3],
  [429, 'it answered 429', 3],
  [404, 'it answered 404', 1],
  [401, 'it answered 401', 1],
])('a server that answers %i is asked so often and no more', async (status, message, times) => {
  const server = await httpServer(status);
  expect(await refusal(deliver(hook(server.url), messageOf(), QUICK))).toMatchObject({ message });
  expect(server.received).toHaveLength(times);
});

test.each([301, 302, 303, 307, 308])(
  'a redirect (%i) is not followed, not even to itself',
  async (status) => {
    const elsewhere = await httpServer();
    const server = await httpServer((_request, response) => {
      response.writeHead(status, { location: `${elsewhere.url}/taken` }).end();
    });
    const { message } = await refusal(deliver(hook(server.url), messageOf(), QUICK));
    expect(message).toBe(`it answered ${status}: it is somewhere else now, and redirects are not followed`);
    expect(server.received).toHaveLength(1);
    expect(elsewhere.received).toEqual([]);
  },
);

test('a server that never answers is given up at each try, and in the end', async () => {
  const server = await httpServer('hang');
  const before = performance.now();
  const limits = { tries: 3, perTry: 100, inAll: 5000, pause: 10 };
  expect(await refusal(deliver(hook(server.url), messageOf(), limits))).toMatchObject({
    message: 'it did not answer in time',
  });
  expect(server.received).toHaveLength(3);
  expect(performance.now() - before).toBeLessThan(4000);
});

test('the time for all tries is bounded too, pauses included', async () => {
  const server = await httpServer(500);
  const before = performance.now();
  const limits = { tries: 3, perTry: 5000, inAll: 200, pause: 60_000 };
  expect(await refusal(deliver(hook(server.url), messageOf(), limits))).toMatchObject({
    message: 'it answered 500',
  });
  expect(server.received).toHaveLength(1);
  expect(performance.now() - before).toBeLessThan(4000);
});

test('headers without an end of the body are enough of an answer', async () => {
  const server = await httpServer((_request, response) => {
    response.writeHead(200);
    response.write('for ever');
  });
  await deliver(hook(server.url), messageOf(), { ...QUICK, perTry: 2000 });
  expect(server.received).toHaveLength(1);
});

test('a name that nobody has is tried again, and then said', async () => {
  const { message, again } = await refusal(
    deliver(hook('https://no-such-host.invalid'), messageOf(), { ...QUICK, tries: 2 }),
  );
  expect(message).toMatch(/^it cannot be reached \((?:ENOTFOUND|EAI_AGAIN)\)$/);
  expect(again).toBe(true);
});

test('a port where nobody listens', async () => {
  const taken = createServer();
  await new Promise<void>((resolve) => taken.listen(0, '127.0.0.1', resolve));
  const { port } = taken.address() as AddressInfo;
  await new Promise((resolve) => taken.close(resolve));
  const { message } = await refusal(deliver(hook(`http://127.0.0.1:${port}`), messageOf(), QUICK));
  expect(message).toBe('it cannot be reached (ECONNREFUSED)');
});

test('a server that does not speak TLS is no matter of trying again', async () => {
  const plain = createServer((socket) => socket.end('HTTP/1.1 200 OK\r\n\r\n'));
  await new Promise<void>((resolve) => plain.listen(0, '127.0.0.1', resolve));
  onTestFinished(() => void plain.close());
  const { port } = plain.address() as AddressInfo;
  const { message, again } = await refusal(deliver(hook(`https://127.0.0.1:${port}`), messageOf(), QUICK));
  expect(message).toMatch(/^its certificate or its TLS is not accepted \((?:EPROTO|ERR_SSL_\w+)\)$/);
  expect(again).toBe(false);
});

test('a signal ends it at once', async () => {
  const server = await httpServer('hang');
  const stop = new AbortController();
  const delivered = deliver(hook(server.url), messageOf(), PATIENT, stop.signal);
  await expect.poll(() => server.received.length).toBe(1);
  stop.abort();
  expect(await refusal(delivered)).toMatchObject({ message: 'it did not answer in time' });
});

test('a header that is refused is not quoted', async () => {
  const server = await httpServer();
  const target = { ...hook(server.url), token: 'S3CRET\nx: y' } as Target;
  const { message } = await refusal(deliver(target, messageOf(), QUICK));
  expect(message).toMatch(/^it (?:cannot be reached|failed)/);
  expect(server.received).toEqual([]);
});

test('secrets that do not come are not waited for beyond a try, whoever gives them', async () => {
  const before = performance.now();
  const limits = { tries: 3, perTry: 100, inAll: 5000, pause: 10 };
  const { message } = await refusal(deliver(() => new Promise(() => undefined), messageOf(), limits));
  expect(message).toBe('its secrets could not be read in time');
  expect(performance.now() - before).toBeLessThan(2000);
});

test('whoever reads the secrets is told to stop, and what it says of itself is passed on', async () => {
  const stopped = AbortSignal.abort();
  let seen: AbortSignal | undefined;
  const read = async (signal: AbortSignal): Promise<Target> => {
    seen = signal;
    throw new NotSent('the file is not there', false);
  };
  expect(await refusal(deliver(read, messageOf(), QUICK))).toMatchObject({
    message: 'the file is not there',
  });
  await refusal(deliver(read, messageOf(), QUICK, stopped));
  expect(seen?.aborted).toBe(true);
});
