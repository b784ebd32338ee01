import { expect, test } from 'vitest';
import { deliver, type Limits, type Target } from '../../src/notify/deliver.ts';
import { sentence } from '../../src/notify/message.ts';
import { mailServer } from '../servers/smtp.ts';
import { messageOf, PATH, RUN, WELL } from './messages.ts';

const QUICK: Limits = { tries: 2, perTry: 3000, inAll: 8000, pause: 1 };
const PASSWORD = 'hunter-2-marker';

function mailTo(port: number, changes: object = {}): Target {
  return {
    kind: 'smtp',
    host: '127.0.0.1',
    port,
    tls: 'none',
    from: 'Strongroom <backup@example.com>',
    to: ['ops@example.com', 'Me <me@example.com>'],
    insecure: false,
    ...changes,
  };
}

test('a mail says in its subject what there is to say, and the facts in its text', async () => {
  const server = await mailServer();
  await deliver(mailTo(server.port), messageOf(), QUICK);
  expect(server.mails).toHaveLength(1);
  const { from, to, parsed, raw } = server.mails[0]!;
  expect(from).toBe('backup@example.com');
  expect(to).toEqual(['ops@example.com', 'me@example.com']);
  expect(parsed.from).toMatchObject({ address: 'backup@example.com', name: 'Strongroom' });
  expect(parsed.subject).toBe(`strongroom: ${sentence(messageOf())}`);
  expect(parsed.date).toBe('2026-11-20T05:58:12.000Z');
  expect(parsed.html).toBeUndefined();
  expect(parsed.attachments).toEqual([]);
  expect(parsed.text?.trim().split('\n')).toEqual([
    sentence(messageOf()),
    '',
    'snapshots: 20261120T055812Z-7k3f9q',
    'vault: 9w6a8wy1bptmg1enqf19wyya51',
    'files: 12',
    'bytes: 3456',
    'seconds: 1.5',
    'time: 2026-11-20T05:58:12.000Z',
    `run: ${RUN}`,
  ]);
  const headers = parsed.headers.map(({ key }) => key);
  expect(headers).toContain('auto-submitted');
  expect(headers).not.toContain('x-mailer');
  expect(raw).toContain('Auto-Submitted: auto-generated');
});

test('nothing in a message makes a header or an address of its own', async () => {
  const server = await mailServer();
  const sets = ['app\r\nBcc: thief@example.com'];
  await deliver(mailTo(server.port), messageOf({ ...WELL, sets, details: [`${PATH}\r\n.\r\nQUIT`] }), QUICK);
  expect(server.mails).toHaveLength(1);
  expect(server.mails[0]?.to).toEqual(['ops@example.com', 'me@example.com']);
  expect(server.mails[0]?.parsed.headers.map(({ key }) => key)).not.toContain('bcc');
  expect(server.mails[0]?.parsed.text).toContain('QUIT');
});

test('without TLS beyond this machine nothing is sent', async () => {
  const target = mailTo(25, { host: 'mail.example.com' });
  await expect(deliver(target, messageOf(), QUICK)).rejects.toMatchObject({
    message: 'it would be sent without TLS, and `insecure: true` is not set',
  });
});

test('a server that offers no STARTTLS gets neither the password nor the mail', async () => {
  const seen: string[] = [];
  const server = await mailServer({
    disabledCommands: ['STARTTLS'],
    allowInsecureAuth: true,
    onAuth({ username }, _session, callback) {
      seen.push(username ?? '');
      callback(null, { user: username });
    },
  });
  const target = mailTo(server.port, { tls: 'starttls', user: 'me', password: PASSWORD });
  await expect(deliver(target, messageOf(), QUICK)).rejects.toMatchObject({ code: 'not-sent' });
  expect(seen).toEqual([]);
  expect(server.mails).toEqual([]);
});

test.each(['starttls', 'implicit'] as const)(
  'a certificate that nobody vouches for ends it, once and for all (%s)',
  async (tls) => {
    const server = await mailServer({ disabledCommands: [], secure: tls === 'implicit' });
    const target = mailTo(server.port, { tls, user: 'me', password: PASSWORD });
    const error = await deliver(target, messageOf(), QUICK).catch((caught: unknown) => caught);
    expect(error).toMatchObject({
      message: expect.stringMatching(/^its certificate or its TLS is not accepted/),
      again: false,
    });
    expect(server.connections()).toBeLessThan(2);
    expect(server.mails).toEqual([]);
  },
);

test('a password that is wrong is tried once, and nothing that the server says is repeated', async () => {
  const server = await mailServer({
    authOptional: false,
    allowInsecureAuth: true,
    onAuth(_auth, _session, callback) {
      callback(new Error(`you said ${PASSWORD}`));
    },
  });
  const target = mailTo(server.port, { user: 'me', password: PASSWORD });
  await expect(deliver(target, messageOf(), QUICK)).rejects.toMatchObject({
    message: 'it does not accept the user and the password (535)',
    again: false,
  });
  expect(server.connections()).toBe(1);
});

test('the right password lets in', async () => {
  const server = await mailServer({
    authOptional: false,
    allowInsecureAuth: true,
    onAuth({ username, password }, _session, callback) {
      if (password === PASSWORD) callback(null, { user: username });
      else callback(new Error('no'));
    },
  });
  await deliver(mailTo(server.port, { user: 'me', password: PASSWORD }), messageOf(), QUICK);
  expect(server.mails).toMatchObject([{ user: 'me' }]);
  expect(server.mails[0]?.raw).not.toContain(PASSWORD);
});

test.each([
  [451, 2, 'it answered 451'],
  [550, 1, 'it answered 550'],
])('an address that is refused with %i is tried so often', async (responseCode, times, message) => {
  let asked = 0;
  const server = await mailServer({
    onRcptTo(_address, _session, callback) {
      asked++;
      callback(Object.assign(new Error('no such person: ops@example.com'), { responseCode }));
    },
  });
  const target = mailTo(server.port, { to: ['ops@example.com'] });
  await expect(deliver(target, messageOf(), QUICK)).rejects.toMatchObject({ message });
  expect(asked).toBe(times);
});

test('a server that never greets is given up', async () => {
  const server = await mailServer({ onConnect() {} });
  const before = performance.now();
  const limits = { ...QUICK, tries: 1, perTry: 200 };
  await expect(deliver(mailTo(server.port), messageOf(), limits)).rejects.toMatchObject({
    message: 'it did not answer in time',
  });
  expect(performance.now() - before).toBeLessThan(3000);
});
