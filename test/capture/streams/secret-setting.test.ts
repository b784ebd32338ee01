import { execFileSync } from 'node:child_process';
import { chmodSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { inspect } from 'node:util';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { StreamError } from '../../../src/capture/stream.ts';
import { secretOf } from '../../../src/capture/streams/secret-setting.ts';
import { UsageError } from '../../../src/errors.ts';

const SECRET = 'hunter2 with a "quote"';
let root: string;
beforeAll(() => {
  root = mkdtempSync(join(tmpdir(), 'secret-'));
});
afterAll(() => rmSync(root, { recursive: true, force: true }));

function write(name: string, text: string | Buffer, mode = 0o600): void {
  writeFileSync(join(root, name), text);
  chmodSync(join(root, name), mode);
}

const of = (setting: object, env: Record<string, string> = {}) =>
  secretOf(setting, { stream: 'db', setting: 'password' }, { root, env });

async function refusal(setting: object, env: Record<string, string> = {}): Promise<StreamError> {
  const error = await of(setting, env)!
    .read()
    .catch((cause: unknown) => cause);
  expect(error).toBeInstanceOf(StreamError);
  const text = inspect(error, { depth: 9 });
  expect(text).not.toContain('hunter2');
  expect((error as StreamError).code).toBe('stream-secret');
  return error as StreamError;
}

describe('a secret that a setting names', () => {
  it('is read from a file, a variable, and a key of an environment file', async () => {
    write('pass', `${SECRET}\n`);
    write('.env', `# set up\nOTHER=x\nDB_PASSWORD='old'\nexport DB_PASSWORD='${SECRET}'\n`);
    expect(await of({ file: 'pass' })?.read()).toBe(SECRET);
    expect(await of({ file: join(root, 'pass') })?.read()).toBe(SECRET);
    expect(await of({ env: 'PW' }, { PW: SECRET })?.read()).toBe(SECRET);
    expect(await of({ dotenv: '.env', key: 'DB_PASSWORD' })?.read()).toBe(SECRET);
    expect(secretOf(undefined, { stream: 'db', setting: 'password' }, { root, env: {} })).toBeUndefined();
  });

  it('is read when it is needed, not before', async () => {
    const source = of({ file: 'later' });
    write('later', 'now\n');
    expect(await source?.read()).toBe('now');
  });

  it('loses the end of its line, and nothing else', async () => {
    for (const [text, value] of [
      ['  a b \n', '  a b '],
      ['a\r\n', 'a'],
      ['a\n\n', 'a\n'],
      ['ä🦊', 'ä🦊'],
    ] as const) {
      write('pass', text);
      expect(await of({ file: 'pass' })?.read()).toBe(value);
    }
  });

  it('shows itself nowhere', async () => {
    write('pass', SECRET);
    const source = of({ file: 'pass' });
    await source?.read();
    expect(inspect(source, { depth: 9 }) + JSON.stringify(source)).not.toContain('hunter2');
  });

  it('is refused where others can read it, with what to do', async () => {
    for (const mode of [0o640, 0o604, 0o644]) {
      write('open', `${SECRET}\n`, mode);
      const error = await refusal({ file: 'open' });
      expect(error.message).toBe('stream db: its password cannot be read: others can read open');
      expect(error.hint).toBe('chmod 600 open');
    }
  });

  it('is read from an environment file as wide as its application has it', async () => {
    write('open.env', 'A=swordfish\n', 0o644);
    expect(await of({ dotenv: 'open.env', key: 'A' })?.read()).toBe('swordfish');
  });

  it('is no pipe, which would wait for its writer for ever', async () => {
    execFileSync('mkfifo', [join(root, 'pipe')]);
    const error = await refusal({ file: 'pipe' });
    expect(error.message).toContain('pipe is not a regular file');
  });

  it('may be open to others where an orchestrator keeps it, by its real path', async () => {
    mkdirSync(join(root, 'creds'));
    write('creds/pw', SECRET, 0o444);
    write('outside', SECRET, 0o444);
    symlinkSync(join(root, 'outside'), join(root, 'creds/link'));
    const env = { CREDENTIALS_DIRECTORY: join(root, 'creds') };
    expect(await of({ file: 'creds/pw' }, env)?.read()).toBe(SECRET);
    await refusal({ file: 'creds/pw' });
    await refusal({ file: 'creds/link' }, env);
  });

  it.each([
    [{ env: 'NONE' }, 'variable NONE is not set'],
    [{ env: 'EMPTY' }, 'variable EMPTY is not set'],
    [{ file: 'none' }, 'there is no file none'],
    [{ file: '.' }, '. is not a regular file'],
    [{ file: 'blank' }, 'it is empty'],
    [{ file: 'zero' }, 'it holds a zero byte'],
    [{ file: 'large' }, 'large is larger than 64 KiB'],
    [{ file: 'latin' }, 'latin is not UTF-8 text'],
    [{ dotenv: 'some.env', key: 'NONE' }, 'some.env has no NONE'],
    [{ dotenv: 'some.env', key: 'URL' }, 'URL in some.env refers to other variables'],
    [{ dotenv: 'broken.env', key: 'A' }, 'broken.env is no sound environment file'],
  ])('says what is missing: %j', async (setting, why) => {
    write('blank', '\n');
    write('zero', 'hunter2\0');
    write('large', 'hunter2 '.repeat(10_000));
    write('latin', Buffer.from([0xe9, 0x68]));
    write('some.env', ['A=', SECRET, '\nURL=postgres://u:$', '{A}@db/shop\n'].join(''));
    write('broken.env', 'A="hunter2\nB=\n');
    expect((await refusal(setting, { EMPTY: '' })).message).toContain(why);
  });

  it.each([
    {},
    { file: 'a', env: 'B' },
    { dotenv: 'a' },
    { key: 'a' },
    { file: 'a', key: 'b' },
    { dotenv: 'a', key: 'b', file: 'c' },
  ])('is named once: %j', (setting) => {
    expect(() => of(setting)).toThrow(UsageError);
  });
});
