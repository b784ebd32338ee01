import { expect, test } from 'vitest';
import { ReaderGone, type Sink } from '../../src/cli/output.ts';
import { run } from '../../src/cli/run.ts';
import { sampleGroups } from './sample.ts';

function sink(): Sink & { text(): string } {
  let text = '';
  return {
    isTerminal: false,
    columns: () => 80,
    write: (more) => {
      text += more;
    },
    writeBytes: async (chunk) => {
      text += Buffer.from(chunk).toString();
    },
    text: () => text,
  };
}

async function sample(
  line: string,
  options: { env?: Record<string, string>; stdout?: Sink; cwd?: () => string } = {},
) {
  const stdout = sink();
  const stderr = sink();
  const env: Record<string, string | undefined> = { ...options.env };
  const code = await run(
    {
      argv: line.split(' ').filter(Boolean),
      env,
      cwd: options.cwd ?? (() => '/'),
      home: '/home/me',
      isRoot: false,
      stdout: options.stdout ?? stdout,
      stderr,
      signal: new AbortController().signal,
      version: '9.9.9',
      now: () => new Date(0),
      monotonic: () => 0,
      world: () => Promise.reject(new Error('no world here')),
    },
    sampleGroups,
  );
  return { code, stdout: stdout.text(), stderr: stderr.text(), env };
}

const warning = 'strongroom: warning: something\\x1b[2J is odd\nstrongroom: hint: look at it\n';
const notice = 'strongroom: for your notice\n';

test('results go to stdout', async () => {
  expect(await sample('save all a b --level 7')).toMatchObject({
    code: 0,
    stdout: 'saved all\n2 paths, level 7\n',
    stderr: '',
  });
});

test('--json is JSON Lines, the last one the summary', async () => {
  expect(await sample('save all a b --level 7 --json --tag x -n')).toMatchObject({
    code: 0,
    stdout:
      '{"message_type":"path","path":"a"}\n{"message_type":"path","path":"b"}\n{"message_type":"summary","what":"all","level":7,"tags":["x"],"dry_run":true}\n',
    stderr: '',
  });
});

test('--quiet is silent on success, but leaves what was asked for', async () => {
  expect(await sample('save all -q')).toMatchObject({ code: 0, stdout: 'saved all\n', stderr: '' });
});

test('a variable stands in for a flag', async () => {
  expect(await sample('save all', { env: { SAMPLE_LEVEL: '3' } })).toMatchObject({
    stdout: 'saved all\n0 paths, level 3\n',
  });
});

test('a result that is not whole has its exit code, and --quiet does not hide why', async () => {
  expect(await sample('act part')).toMatchObject({
    code: 3,
    stdout: 'step 1\ndid part\n',
    stderr: warning + notice,
  });
  expect(await sample('act part --quiet')).toMatchObject({
    code: 3,
    stdout: 'step 1\ndid part\n',
    stderr: warning,
  });
});

test('an error among the warnings is said however quiet, and at once', async () => {
  const torn = 'strongroom: warning: the vault is torn\n';
  expect(await sample('act damage')).toMatchObject({ code: 0, stderr: warning + notice + torn });
  expect(await sample('act damage --quiet')).toMatchObject({ code: 0, stderr: torn });
  expect(JSON.parse((await sample('act damage --quiet --json')).stderr)).toEqual({
    message_type: 'warning',
    code: 'torn',
    message: 'the vault is torn',
    object: 'thing',
  });
});

test('a failure has its exit code and says what to do', async () => {
  const failure = 'strongroom: error: the store is full\nstrongroom: hint: make room\n';
  expect(await sample('act fail')).toMatchObject({
    code: 14,
    stdout: 'step 1\n',
    stderr: warning + notice + failure,
  });
  expect(await sample('act fail --quiet')).toMatchObject({ code: 14, stderr: warning + failure });
  expect(
    (await sample('act fail --json')).stderr.split('\n').map((line) => line && JSON.parse(line)),
  ).toEqual([
    {
      message_type: 'warning',
      code: 'odd',
      message: 'something\u001b[2J is odd',
      hint: 'look at it',
      object: 'thing',
    },
    { message_type: 'notice', message: 'for your notice' },
    {
      message_type: 'exit_error',
      code: 'full',
      exit_code: 14,
      message: 'the store is full',
      hint: 'make room',
      object: '/srv/vault',
    },
    '',
  ]);
});

test('a bug is called a bug, and says nothing of what it saw', async () => {
  for (const how of ['bug', 'odd']) {
    const { code, stderr } = await sample(`act ${how}`);
    expect(code).toBe(1);
    expect(stderr).toContain('internal error (a bug in strongroom)');
    expect(stderr).not.toContain('hunter2');
  }
  expect((await sample('act bug', { env: { STRONGROOM_DEBUG: '1' } })).stderr).toContain(
    'TypeError: cannot read',
  );
});

test('a wrong command line is 2, in JSON too', async () => {
  expect(await sample('act prat')).toMatchObject({
    code: 2,
    stderr:
      'strongroom: error: HOW takes part, damage, fail, bug, odd, sleep, stream or abort\nstrongroom: hint: did you mean part?\n',
  });
  expect(await sample('--json sav')).toMatchObject({
    code: 2,
    stdout: '',
    stderr:
      '{"message_type":"exit_error","code":"unknown-command","exit_code":2,"message":"unknown command sav","hint":"did you mean save?","object":"sav"}\n',
  });
  expect((await sample('sav -- --json')).stderr).toMatch(/^strongroom: error/);
});

test('help that nobody asked for goes to stderr and is 2', async () => {
  const bare = await sample('');
  expect([bare.code, bare.stdout]).toEqual([2, '']);
  expect(bare.stderr).toMatch(/^Usage: strongroom COMMAND/);
  const asked = await sample('--help');
  expect([asked.code, asked.stderr]).toEqual([0, '']);
  expect(asked.stdout).toBe(bare.stderr);
});

test('where stdout carries bytes, a summary goes to stderr', async () => {
  const { stdout, stderr } = await sample('io bytes --mebibytes 1 --json');
  expect(stdout).toBe('a'.repeat(1 << 20));
  expect(stderr).toBe('{"message_type":"summary","written":1}\n');
});

test('a reader that has gone is not an error', async () => {
  const stdout: Sink = { ...sink(), writeBytes: () => Promise.reject(new ReaderGone()) };
  expect(await sample('io bytes --mebibytes 5', { stdout })).toMatchObject({ code: 0, stderr: '' });
});

test('secrets are gone from the environment before a command runs', async () => {
  const { env, stdout } = await sample('io ask passphrase --json', {
    env: { STRONGROOM_PASSPHRASE: 'p', STRONGROOM_LOCATION: '/x' },
  });
  expect(env).toEqual({ STRONGROOM_LOCATION: '/x' });
  expect(JSON.parse(stdout)).toMatchObject({ answer: 'p', left: ['STRONGROOM_LOCATION'] });
});

test('a working directory that is gone is said', async () => {
  const gone = () => {
    throw Object.assign(new Error('ENOENT: uv_cwd'), { code: 'ENOENT' });
  };
  expect(await sample('save all', { cwd: gone })).toMatchObject({
    code: 2,
    stderr:
      'strongroom: error: the working directory does not exist any more\nstrongroom: hint: change to one that does\n',
  });
});
