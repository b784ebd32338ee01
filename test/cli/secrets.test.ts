import { execFileSync, spawn } from 'node:child_process';
import {
  chmodSync,
  closeSync,
  constants,
  mkdirSync,
  mkdtempSync,
  openSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { makeSecrets, takeSecrets } from '../../src/cli/secrets.ts';
import type { Secrets, Terminal } from '../../src/commands/context.ts';
import { StrongroomError, UnlockError } from '../../src/errors.ts';

let directory: string;
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'strongroom-secrets-'));
});
afterEach(() => rmSync(directory, { recursive: true, force: true }));

function write(name: string, text: string | Uint8Array, mode = 0o600): string {
  const path = join(directory, name);
  writeFileSync(path, text);
  chmodSync(path, mode);
  return path;
}

/** A person who gives these answers, and no others. */
function person(...answers: string[]): Terminal & { readonly asked: string[]; readonly told: string[] } {
  const asked: string[] = [];
  const told: string[] = [];
  return {
    asked,
    told,
    interactive: answers.length > 0,
    confirmTyped: async () => true as const,
    confirm: async () => true,
    async askHidden(prompt) {
      asked.push(prompt);
      const answer = answers.shift();
      if (answer === undefined) throw new UnlockError('no-terminal', 'nobody is there');
      return answer;
    },
    askWiped: async () => '',
    tell: (lines) => told.push(...lines.map(String)),
  };
}

function secrets(
  env: Record<string, string | undefined>,
  terminal: Terminal = person(),
  signal?: AbortSignal,
): Secrets {
  const words = takeSecrets(env);
  return makeSecrets({
    words,
    env,
    cwd: directory,
    terminal,
    signal: signal ?? new AbortController().signal,
  });
}

async function refused(action: Promise<unknown>) {
  const error = await action.then(
    () => undefined,
    (caught: unknown) => caught,
  );
  if (!(error instanceof StrongroomError)) throw new Error('not refused', { cause: error });
  const { code, message, hint, exitCode } = error;
  return {
    code,
    message: message.replaceAll(directory, 'D'),
    hint: hint?.replaceAll(directory, 'D'),
    exitCode,
  };
}

test('values and descriptors leave the environment, names of files stay', () => {
  const env: Record<string, string | undefined> = {
    STRONGROOM_PASSPHRASE: 'a',
    STRONGROOM_NEW_PASSPHRASE: 'b',
    STRONGROOM_SIGNING_KEY: 'c',
    STRONGROOM_SSH_PASSPHRASE: 'd',
    STRONGROOM_PASSPHRASE_FD: '3',
    STRONGROOM_SSH_PASSPHRASE_FD: '4',
    STRONGROOM_SSH_PASSPHRASE_FILE: '/ssh',
    STRONGROOM_SIGNING_KEY_FILE: '/key',
    STRONGROOM_IDENTITY_FILE: '/me',
    STRONGROOM_LOCATION: '/vault',
  };
  takeSecrets(env);
  expect(env).toEqual({
    STRONGROOM_SSH_PASSPHRASE_FILE: '/ssh',
    STRONGROOM_SIGNING_KEY_FILE: '/key',
    STRONGROOM_IDENTITY_FILE: '/me',
    STRONGROOM_LOCATION: '/vault',
  });
});

test('a passphrase comes from a file, a command, a descriptor, a variable or a person', async () => {
  const path = write('pass', 'from file\n');
  expect(await secrets({ STRONGROOM_PASSPHRASE_FILE: path }).passphrase('P')).toBe('from file');
  expect(await secrets({ STRONGROOM_PASSPHRASE_FILE: 'pass' }).passphrase('P')).toBe('from file');
  expect(
    await secrets({ STRONGROOM_PASSPHRASE_COMMAND: 'echo from command', PATH: process.env.PATH }).passphrase(
      'P',
    ),
  ).toBe('from command');
  expect(await secrets({ STRONGROOM_PASSPHRASE: 'from variable' }).passphrase('P')).toBe('from variable');
  const me = person('from me');
  expect(await secrets({}, me).passphrase('P')).toBe('from me');
  expect(me.asked).toEqual(['P']);
  const fd = openSync(path, 'r');
  expect(await secrets({ STRONGROOM_PASSPHRASE_FD: String(fd) }).passphrase('P')).toBe('from file');
  closeSync(fd);
});

test('nothing is read before it is asked for, and a source is read once', async () => {
  const log = join(directory, 'log');
  const given = secrets({
    STRONGROOM_PASSPHRASE_COMMAND: `echo x >>${log}; cat ${log}`,
    PATH: process.env.PATH,
  });
  expect([given.passphraseGiven, given.newPassphraseGiven, given.identitiesGiven]).toEqual([
    true,
    false,
    false,
  ]);
  expect(await Promise.all([given.passphrase('P'), given.passphrase('P')])).toEqual(['x', 'x']);
  expect(await given.passphrase('P')).toBe('x');
});

test('a command inherits no secret, and cannot call itself', async () => {
  const env = {
    STRONGROOM_PASSPHRASE_COMMAND:
      'env | grep -c "^STRONGROOM_\\(NEW_\\|SSH_\\)*\\(PASSPHRASE\\|SIGNING\\)" || true',
    STRONGROOM_NEW_PASSPHRASE: 'hunter2',
    STRONGROOM_SIGNING_KEY: 'hunter3',
    STRONGROOM_SSH_PASSPHRASE_FILE: '/hunter4',
    PATH: process.env.PATH,
  };
  expect(await secrets(env).passphrase('P')).toBe('0');
});

test('only the line end of a file is not part of the passphrase', async () => {
  for (const [text, passphrase] of [
    ['two words \r\n', 'two words '],
    [' x', ' x'],
    ['grüße\n', 'grüße'],
  ] as const) {
    expect(await secrets({ STRONGROOM_PASSPHRASE_FILE: write('p', text) }).passphrase('P')).toBe(passphrase);
  }
});

test('any one-line passphrase is read back as it was written', async () => {
  const line = fc
    .string({ unit: 'grapheme', minLength: 1 })
    .filter((text) => !/[\r\n\0]/.test(text) && !text.startsWith('\ufeff'));
  await fc.assert(
    fc.asyncProperty(line, async (text) => {
      expect(await secrets({ STRONGROOM_PASSPHRASE_FILE: write('p', `${text}\n`) }).passphrase('P')).toBe(
        text,
      );
    }),
    { numRuns: 50 },
  );
});

test('two sources for one passphrase are refused', async () => {
  const env = { STRONGROOM_PASSPHRASE: 'hunter2', STRONGROOM_PASSPHRASE_FILE: '/x' };
  expect(await refused(secrets(env).passphrase('P'))).toEqual({
    code: 'secret-twice',
    message: 'STRONGROOM_PASSPHRASE_FILE and STRONGROOM_PASSPHRASE are both set',
    hint: 'unset one of them: which is meant must not be a guess',
    exitCode: 2,
  });
  expect(
    (await refused(secrets({ STRONGROOM_SIGNING_KEY: 'k', STRONGROOM_SIGNING_KEY_FILE: '/x' }).signingKey()))
      .code,
  ).toBe('secret-twice');
});

test.each([0o640, 0o604, 0o644, 0o666, 0o610])('a secret file of mode %o is refused', async (mode) => {
  const path = write('pass', 'hunter2', mode);
  const expected = {
    code: 'secret-file-readable',
    message: 'others can read D/pass',
    hint: 'chmod 600 D/pass',
    exitCode: 2,
  };
  expect(await refused(secrets({ STRONGROOM_PASSPHRASE_FILE: path }).passphrase('P'))).toEqual(expected);
  expect(await refused(secrets({ STRONGROOM_IDENTITY_FILE: path }).identities())).toEqual(expected);
  expect(await refused(secrets({ STRONGROOM_SIGNING_KEY_FILE: path }).signingKey())).toEqual(expected);
  expect(await refused(secrets({}).file(path))).toEqual(expected);
});

test('systemd credentials have modes of their own, but only where they really are', async () => {
  const credentials = join(directory, 'credentials');
  mkdirSync(credentials);
  write('credentials/pass', 'from systemd', 0o444);
  write('open', 'hunter2', 0o444);
  symlinkSync(join(directory, 'open'), join(credentials, 'link'));
  const read = (path: string) =>
    secrets({ CREDENTIALS_DIRECTORY: credentials, STRONGROOM_PASSPHRASE_FILE: path }).passphrase('P');
  expect(await read(join(credentials, 'pass'))).toBe('from systemd');
  expect((await refused(read(`${credentials}/../open`))).code).toBe('secret-file-readable');
  expect((await refused(read(join(credentials, 'link')))).code).toBe('secret-file-readable');
  const relative = secrets({ CREDENTIALS_DIRECTORY: '.', STRONGROOM_PASSPHRASE_FILE: 'open' });
  expect((await refused(relative.passphrase('P'))).code).toBe('secret-file-readable');
});

test.each<[string, string | Uint8Array, string, string]>([
  ['empty', '', 'secret-empty', 'D/pass is empty'],
  ['only a line end', '\n', 'secret-empty', 'STRONGROOM_PASSPHRASE_FILE gives an empty passphrase'],
  ['two lines', 'a\nb\n', 'secret-lines', 'STRONGROOM_PASSPHRASE_FILE gives more than one line'],
  ['a NUL', 'a\0b', 'secret-lines', 'STRONGROOM_PASSPHRASE_FILE gives more than one line'],
  ['too large', 'a'.repeat(64 * 1024 + 1), 'secret-too-large', 'D/pass is larger than 64 KiB'],
  ['no text', new Uint8Array([0x68, 0xff, 0xfe]), 'secret-not-text', 'D/pass is not UTF-8 text'],
])('a passphrase file that is %s is refused', async (_what, content, code, message) => {
  const path = write('pass', content);
  expect(await refused(secrets({ STRONGROOM_PASSPHRASE_FILE: path }).passphrase('P'))).toMatchObject({
    code,
    message,
    exitCode: 2,
  });
});

test('what is missing or no file is refused', async () => {
  expect((await refused(secrets({ STRONGROOM_PASSPHRASE_FILE: 'nowhere' }).passphrase('P'))).message).toBe(
    'there is no file nowhere',
  );
  expect((await refused(secrets({}).file('.'))).message).toBe('. is not a regular file');
  expect((await refused(secrets({}).file('/dev/null'))).message).toBe('/dev/null is not a regular file');
});

test.each(['x', '-1', '1', '2', '99999', ''])(
  'descriptor %j is no descriptor for a passphrase',
  async (word) => {
    const given = secrets({ STRONGROOM_PASSPHRASE_FD: word }, person('typed'));
    if (word === '') expect(await given.passphrase('P')).toBe('typed');
    else expect((await refused(given.passphrase('P'))).code).toBe('bad-value');
  },
);

test('a descriptor that is not open is refused', async () => {
  expect(await refused(secrets({ STRONGROOM_PASSPHRASE_FD: '999' }).passphrase('P'))).toMatchObject({
    code: 'bad-value',
    message: 'cannot read from STRONGROOM_PASSPHRASE_FD',
  });
});

test.each([
  ['exit 3', 'secret-command', 'the command in STRONGROOM_PASSPHRASE_COMMAND failed with status 3', 12],
  ['kill -9 $$', 'secret-command', 'the command in STRONGROOM_PASSPHRASE_COMMAND was ended by SIGKILL', 12],
  ['true', 'secret-empty', 'the command in STRONGROOM_PASSPHRASE_COMMAND printed nothing', 2],
  ['yes hunter2 2>/dev/null', 'secret-too-large', 'STRONGROOM_PASSPHRASE_COMMAND prints more than 64 KiB', 2],
])('a command that does %s gives no passphrase', async (command, code, message, exitCode) => {
  const given = secrets({ STRONGROOM_PASSPHRASE_COMMAND: command, PATH: process.env.PATH });
  expect(await refused(given.passphrase('P'))).toMatchObject({ code, message, exitCode });
});

test('an interrupted command is ended', async () => {
  const controller = new AbortController();
  const given = secrets(
    { STRONGROOM_PASSPHRASE_COMMAND: 'sleep 2; true', PATH: process.env.PATH },
    person(),
    controller.signal,
  );
  const reading = refused(given.passphrase('P'));
  setTimeout(() => controller.abort(), 50);
  expect(await reading).toMatchObject({ code: 'interrupted', exitCode: 130 });
});

test('a new passphrase is asked for twice, and three times at most', async () => {
  const sure = person('new', 'new');
  expect(await secrets({ STRONGROOM_PASSPHRASE: 'old' }, sure).newPassphrase('New')).toBe('new');
  expect(sure.asked).toEqual(['New', 'Again']);
  const unsure = person('a', 'b', 'c', 'c');
  expect(await secrets({}, unsure).newPassphrase('New')).toBe('c');
  expect(unsure.told).toEqual(['These were not the same.']);
  expect((await refused(secrets({}, person('a', 'b', 'c', 'd', 'e', 'f')).newPassphrase('New'))).code).toBe(
    'passphrase-mismatch',
  );
});

test('an empty answer lets the caller make a passphrase up', async () => {
  const me = person('');
  expect(await secrets({}, me).newPassphrase('New')).toBe('');
  expect(me.asked).toEqual(['New']);
});

test('the passphrase of an SSH key has sources of its own', async () => {
  const given = secrets({ STRONGROOM_SSH_PASSPHRASE_FILE: write('pass', 'of the key\n') });
  expect([given.sshPassphraseGiven, given.passphraseGiven]).toEqual([true, false]);
  expect(await given.sshPassphrase('P')).toBe('of the key');
  const me = person('typed');
  const asked = secrets({ STRONGROOM_PASSPHRASE: 'of the vault' }, me);
  expect(asked.sshPassphraseGiven).toBe(false);
  expect(await asked.sshPassphrase('Passphrase for the SSH key id')).toBe('typed');
  expect(me.asked).toEqual(['Passphrase for the SSH key id']);
  expect(await refused(secrets({}).sshPassphrase('P'))).toEqual({
    code: 'no-terminal',
    message: 'the SSH key has a passphrase, and there is no terminal to ask for it',
    hint: 'set STRONGROOM_SSH_PASSPHRASE_FILE, _COMMAND or _FD',
    exitCode: 12,
  });
});

test('the public half of an SSH key is no identity, whoever may read it', async () => {
  write('id.pub', 'ssh-ed25519 AAAA', 0o644);
  expect(await refused(secrets({ STRONGROOM_IDENTITY_FILE: 'id.pub' }).identities())).toEqual({
    code: 'bad-ssh-key',
    message: 'id.pub is the public half of an SSH key',
    hint: 'name the private key file, id; one that only ssh-agent or a token holds cannot decrypt',
    exitCode: 2,
  });
});

test("a vault's first passphrase may come from the ordinary variables, a later one only from the new ones", async () => {
  expect(await secrets({ STRONGROOM_PASSPHRASE: 'p' }).newPassphrase('New', true)).toBe('p');
  expect(
    await secrets({ STRONGROOM_PASSPHRASE: 'p', STRONGROOM_NEW_PASSPHRASE: 'n' }).newPassphrase('New', true),
  ).toBe('n');
  expect(
    await secrets({ STRONGROOM_PASSPHRASE: 'p', STRONGROOM_NEW_PASSPHRASE: 'n' }).newPassphrase('New'),
  ).toBe('n');
  expect(await refused(secrets({ STRONGROOM_PASSPHRASE: 'p' }).newPassphrase('New'))).toEqual({
    code: 'no-terminal',
    message: 'a new passphrase is needed, and there is no terminal to ask for it',
    hint: 'set STRONGROOM_NEW_PASSPHRASE_FILE, _COMMAND or _FD',
    exitCode: 2,
  });
});

test('identity files are a list, in order', async () => {
  const first = write('one.txt', 'AGE-SECRET-KEY-1\n');
  write('two.txt', 'AGE-SECRET-KEY-2\n');
  expect(await secrets({}).identities()).toEqual([]);
  expect(await secrets({ STRONGROOM_IDENTITY_FILE: `${first}:two.txt:` }).identities()).toEqual([
    { source: first, path: first, text: 'AGE-SECRET-KEY-1\n' },
    { source: 'two.txt', path: join(directory, 'two.txt'), text: 'AGE-SECRET-KEY-2\n' },
  ]);
});

test('a signing key comes from a variable or a file', async () => {
  expect(await secrets({}).signingKey()).toBeUndefined();
  expect(await secrets({ STRONGROOM_SIGNING_KEY: 'key' }).signingKey()).toEqual({
    source: 'STRONGROOM_SIGNING_KEY',
    path: undefined,
    text: 'key',
  });
  const path = write('key', 'from file');
  expect((await secrets({ STRONGROOM_SIGNING_KEY_FILE: path }).signingKey())?.text).toBe('from file');
});

test('a pipe will do: process substitution, and a FIFO that others cannot read', async () => {
  const fifo = join(directory, 'fifo');
  execFileSync('mkfifo', ['-m', '600', fifo]);
  const reading = secrets({ STRONGROOM_PASSPHRASE_FILE: fifo }).passphrase('P');
  spawn('sh', ['-c', `echo through the pipe >${fifo}`]);
  expect(await reading).toBe('through the pipe');
});

test.each(['nobody opens it', 'a writer says nothing'])(
  'a FIFO that does not answer (%s) ends with what waits for it',
  async (how) => {
    const fifo = join(directory, 'fifo');
    execFileSync('mkfifo', ['-m', '600', fifo]);
    const writer = how === 'nobody opens it' ? undefined : openSync(fifo, constants.O_RDWR);
    const reading = secrets({}).file(fifo, AbortSignal.timeout(100));
    await expect(reading).rejects.toMatchObject({ code: 'interrupted' });
    if (writer !== undefined) closeSync(writer);
  },
);

test('a FIFO that nobody writes to is no secret', { timeout: 10_000 }, async () => {
  const fifo = join(directory, 'fifo');
  execFileSync('mkfifo', ['-m', '600', fifo]);
  await expect(secrets({ STRONGROOM_PASSPHRASE_FILE: fifo }).passphrase('P')).rejects.toMatchObject({
    code: 'secret-empty',
  });
});

test('a pipe whose words come late and in pieces is read to its end', async () => {
  const fifo = join(directory, 'fifo');
  execFileSync('mkfifo', ['-m', '600', fifo]);
  const reading = secrets({ STRONGROOM_PASSPHRASE_FILE: fifo }).passphrase('P');
  spawn('sh', ['-c', `{ sleep 0.2; printf 'through '; sleep 0.2; echo the pipe; } >${fifo}`]);
  expect(await reading).toBe('through the pipe');
});
