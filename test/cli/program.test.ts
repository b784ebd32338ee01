import type { ChildProcessWithoutNullStreams } from 'node:child_process';
import { existsSync } from 'node:fs';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { bundleProgram, type Program } from './program.ts';

let program: Program;
beforeAll(async () => {
  program = await bundleProgram('test/cli/sample-main.ts');
});
afterAll(() => program.remove());

test('a reader that goes away is met with silence', () => {
  for (const line of [
    'strongroom act stream --json 2>/dev/null | head -n 1',
    'strongroom io bytes --mebibytes 40 | head -c 0',
    'strongroom --help | head -c 0',
  ]) {
    const { code, stderr } = program.bash(`set -o pipefail; ${line}`);
    expect([line, code, stderr]).toEqual([line, 0, '']);
  }
});

test.runIf(existsSync('/dev/full'))('a full disk under stdout is an error', () => {
  for (const line of ['strongroom save all >/dev/full', 'strongroom io bytes --mebibytes 1 >/dev/full']) {
    expect(program.bash(line)).toEqual({
      code: 1,
      stdout: '',
      stderr:
        'strongroom: error: cannot write the output (ENOSPC)\nstrongroom: hint: see whether the disk that it goes to is full\n',
    });
  }
});

test('every line arrives, and bytes arrive whole', () => {
  const { code, stdout } = program.run(['act', 'stream']);
  const lines = stdout.trimEnd().split('\n');
  expect([code, lines.length, lines.at(-2)]).toEqual([0, 20_002, 'line 19999']);
  expect(program.bash('strongroom io bytes --mebibytes 20 | wc -c').stdout.trim()).toBe(String(20 << 20));
});

/** Resolves when the text has been written. */
function until(child: ChildProcessWithoutNullStreams, text: string): Promise<void> {
  let seen = '';
  return new Promise((resolve) => {
    const listen = (chunk: Buffer): void => {
      seen += chunk;
      if (seen.includes(text)) resolve();
    };
    child.stdout.on('data', listen);
  });
}

const ended = (child: ChildProcessWithoutNullStreams): Promise<number | null> =>
  new Promise((resolve) => child.on('close', resolve));

test.each(['SIGINT', 'SIGTERM'] as const)('%s stops the work, and is no error', async (signal) => {
  const child = program.start(['act', 'sleep']);
  let stderr = '';
  child.stderr.on('data', (chunk: Buffer) => {
    stderr += chunk;
  });
  await until(child, 'step 1');
  child.kill(signal);
  expect(await ended(child)).toBe(130);
  expect(stderr).toMatch(/strongroom: interrupted\n$/);
});

test('a second signal ends at once what does not stop', async () => {
  const child = program.start(['act', 'abort']);
  await until(child, 'step 1');
  child.kill('SIGINT');
  await new Promise((wake) => setTimeout(wake, 300));
  expect(child.exitCode).toBeNull();
  child.kill('SIGINT');
  expect(await ended(child)).toBe(130);
});

test('without a terminal nobody is asked, and the hint says what to set', () => {
  expect(program.run(['io', 'ask', 'passphrase'])).toEqual({
    code: 12,
    stdout: '',
    stderr:
      'strongroom: error: a passphrase is needed, and there is no terminal to ask for it\nstrongroom: hint: set STRONGROOM_PASSPHRASE_FILE, _COMMAND or _FD, or STRONGROOM_IDENTITY_FILE\n',
  });
  expect(program.run(['io', 'ask', 'confirm'])).toEqual({
    code: 2,
    stdout: '',
    stderr:
      'strongroom: error: there is a question, and no terminal to ask it on\nstrongroom: hint: look at it with --dry-run where there is one, and answer it with --yes\n',
  });
  expect(program.run(['io', 'ask', 'confirm', '--yes']).stdout).toBe('heard: true\n');
});

test('a passphrase comes through process substitution, a descriptor and stdin', () => {
  const heard = { code: 0, stdout: 'heard: from afar\n', stderr: '' };
  expect(program.bash('STRONGROOM_PASSPHRASE_FILE=<(echo from afar) strongroom io ask passphrase')).toEqual(
    heard,
  );
  expect(program.bash('STRONGROOM_PASSPHRASE_FD=7 strongroom io ask passphrase 7<<<"from afar"')).toEqual(
    heard,
  );
  expect(
    program.bash('STRONGROOM_PASSPHRASE_FD=0 strongroom io ask passphrase', { input: 'from afar\n' }),
  ).toEqual(heard);
});

test('no child can inherit a secret', () => {
  const env = {
    STRONGROOM_PASSPHRASE: 'p',
    STRONGROOM_NEW_PASSPHRASE: 'n',
    STRONGROOM_SIGNING_KEY: 's',
    STRONGROOM_LOCATION: '/x',
  };
  const { stdout } = program.run(['io', 'ask', 'passphrase', '--json'], { env });
  expect(JSON.parse(stdout)).toMatchObject({ inherited: ['STRONGROOM_LOCATION'] });
});
