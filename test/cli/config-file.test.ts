import { execFileSync } from 'node:child_process';
import { chmodSync, chownSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { findConfig } from '../../src/cli/config-file.ts';
import { resolveSettings } from '../../src/cli/settings.ts';
import { UsageError } from '../../src/errors.ts';

const isRoot = process.getuid?.() === 0;
let directory: string;

beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'strongroom-config-'));
  mkdirSync(join(directory, 'a/b'), { recursive: true });
});
afterEach(() => rmSync(directory, { recursive: true, force: true }));

function write(name: string, text = 'location: /vault\n', mode = 0o644): string {
  const path = join(directory, name);
  writeFileSync(path, text);
  chmodSync(path, mode);
  return path;
}

const find = (request: Partial<Parameters<typeof findConfig>[0]> = {}) =>
  findConfig({
    cwd: join(directory, 'a/b'),
    flag: undefined,
    variable: undefined,
    env: undefined,
    ...request,
  })?.path;

function refused(request: Partial<Parameters<typeof findConfig>[0]> = {}) {
  try {
    find(request);
  } catch (error) {
    if (error instanceof UsageError) {
      return {
        code: error.code,
        message: error.message.replaceAll(directory, 'D'),
        hint: error.hint?.replaceAll(directory, 'D'),
      };
    }
    throw error;
  }
  throw new Error('not refused');
}

test('the file here goes over the one above, and one named over both', () => {
  expect(find()).toBeUndefined();
  const above = write('strongroom.yaml');
  expect(find()).toBe(above);
  const here = write('a/b/strongroom.yaml');
  expect(find()).toBe(here);
  const other = write('other.yaml');
  expect(find({ variable: other })).toBe(other);
  expect(find({ variable: '' })).toBe(here);
  expect(find({ flag: '../../other.yaml', variable: above })).toBe(other);
});

test('an environment has a file of its own, which must be there', () => {
  write('strongroom.yaml');
  expect(refused({ env: 'prod' })).toEqual({
    code: 'config-not-found',
    message: 'there is no strongroom.prod.yaml',
    hint: 'give --config FILE, or run `strongroom init` to make one',
  });
  const prod = write('strongroom.prod.yaml');
  expect(find({ env: 'prod' })).toBe(prod);
  expect(find({ env: 'prod', variable: '/somewhere/else.yaml' })).toBe(prod);
  expect(refused({ env: '../../etc/x' }).code).toBe('bad-value');
  expect(refused({ env: 'prod', flag: prod }).message).toBe('--config and --env name two files');
});

test('a named file that is missing is an error', () => {
  expect(refused({ flag: 'nowhere.yaml' }).message).toBe('there is no nowhere.yaml');
});

test.each([0o664, 0o646, 0o602])('a file that others can write (%o) is refused', (mode) => {
  write('strongroom.yaml', undefined, mode);
  expect(refused()).toEqual({
    code: 'config-unsafe',
    message: 'D/strongroom.yaml can be changed by other users',
    hint: 'chmod go-w D/strongroom.yaml',
  });
});

test.runIf(isRoot)('a file of another user is refused, however it is named', () => {
  const path = write('strongroom.yaml');
  chownSync(path, 12_345, 12_345);
  expect(refused()).toMatchObject({
    code: 'config-unsafe',
    message: 'D/strongroom.yaml belongs to another user',
  });
  expect(refused({ flag: path }).code).toBe('config-unsafe');
});

test.runIf(isRoot)('a link of another user to a file of ours is refused', () => {
  const mine = write('mine.yaml');
  const link = join(directory, 'strongroom.yaml');
  symlinkSync(mine, link);
  expect(find()).toBe(link);
  execFileSync('chown', ['-h', '12345', link]);
  expect(refused().message).toBe('D/strongroom.yaml belongs to another user');
});

test('what is no regular file, or far too large, is refused at once', () => {
  execFileSync('mkfifo', ['-m', '600', join(directory, 'pipe.yaml')]);
  expect(refused({ flag: join(directory, 'pipe.yaml') }).message).toBe('D/pipe.yaml is not a regular file');
  mkdirSync(join(directory, 'a/strongroom.yaml'));
  expect(refused().message).toBe('D/a/strongroom.yaml is not a regular file');
  const large = write('large.yaml', '#'.repeat(1024 * 1024 + 1));
  expect(refused({ flag: large }).message).toBe('D/large.yaml is larger than 1 MiB');
});

test('flag over environment over file, each from its own directory', async () => {
  const file = write('a/strongroom.yaml', 'location: ./vault\n');
  const cwd = join(directory, 'a/b');
  const settle = (location: string | undefined, env: Record<string, string>) =>
    resolveSettings({ location, config: undefined, env: undefined }, { cwd, home: '/home/me', env });
  const byFile = await settle(undefined, {});
  expect([byFile.location, byFile.origins.get('location'), byFile.configFile]).toEqual([
    join(directory, 'a/vault'),
    file,
    file,
  ]);
  const byVariable = await settle(undefined, { STRONGROOM_LOCATION: 'v' });
  expect([byVariable.location, byVariable.origins.get('location')]).toEqual([
    join(cwd, 'v'),
    'STRONGROOM_LOCATION',
  ]);
  const byFlag = await settle('../w', { STRONGROOM_LOCATION: 'v' });
  expect([byFlag.location, byFlag.origins.get('location')]).toEqual([join(directory, 'a/w'), '--location']);
  await expect(settle('', {})).rejects.toMatchObject({ code: 'bad-value' });
});
