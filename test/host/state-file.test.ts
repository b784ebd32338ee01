import {
  chmodSync,
  chownSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { createState, locked, readState, writeState } from '../../src/host/state-file.ts';
import { scratch } from '../support/vault.ts';
import { bundleChild, start } from './children.ts';

const programs = mkdtempSync(join(tmpdir(), 'strongroom-test-'));
let program: string;
let path: string;
beforeAll(async () => {
  program = await bundleChild(programs);
});
afterAll(() => rmSync(programs, { recursive: true }));
beforeEach(() => {
  path = join(scratch(), 'state/vaults/known.json');
});

const isRoot = process.getuid?.() === 0;
const beside = () => readdirSync(join(path, '..'));

describe('a state file', () => {
  it('is read back as it was written, 0600 in 0700, and nothing beside it', async () => {
    expect(await readState(path)).toBeUndefined();
    await writeState(path, 'one');
    await writeState(path, 'two');
    expect(await readState(path)).toBe('two');
    expect(statSync(path).mode & 0o777).toBe(0o600);
    expect(statSync(join(path, '..')).mode & 0o777).toBe(0o700);
    expect(beside()).toEqual(['known.json']);
  });

  it('is private under any umask', async () => {
    const before = process.umask(0);
    try {
      await writeState(path, 'one');
      await createState(`${path}.key`, 'two');
      for (const name of [path, `${path}.key`]) expect(statSync(name).mode & 0o777).toBe(0o600);
      expect(statSync(join(path, '..')).mode & 0o777).toBe(0o700);
    } finally {
      process.umask(before);
    }
  });

  it('is made once: the second to come is told, and changes nothing', async () => {
    expect(await createState(path, 'mine')).toBe(true);
    expect(await createState(path, 'theirs')).toBe(false);
    expect(await readState(path)).toBe('mine');
    expect(beside()).toEqual(['known.json']);
  });

  it('is made once by many at the same time, and is whole', async () => {
    const made = await Promise.all(
      Array.from({ length: 20 }, (_, i) => createState(path, `${i} `.repeat(10_000))),
    );
    const winner = made.indexOf(true);
    expect(made.filter(Boolean)).toHaveLength(1);
    expect(await readState(path)).toBe(`${winner} `.repeat(10_000));
  });

  it.each<[string, () => Promise<unknown>, string]>([
    ['written', () => writeState(path, 'x'), 'cannot be written (ENOTDIR)'],
    ['made', () => createState(path, 'x'), 'cannot be written (ENOTDIR)'],
    ['read', () => readState(path), 'cannot be read (ENOTDIR)'],
    ['locked', () => locked(path, async () => {}), 'cannot be locked (ENOTDIR)'],
  ])('that cannot be %s says so, and what to do', async (_, act, message) => {
    mkdirSync(join(path, '../..'), { recursive: true });
    writeFileSync(join(path, '..'), 'a file in the way');
    const failure = { code: 'state-unusable', exitCode: 1, message: `${path} ${message}`, object: path };
    // mkdir says EEXIST where the last part is a file.
    await expect(act()).rejects.toMatchObject({
      ...failure,
      message: expect.stringMatching(message.replace(/\(ENOTDIR\)/, '\\((ENOTDIR|EEXIST)\\)')),
    });
    await expect(act()).rejects.toMatchObject({ hint: expect.stringContaining('XDG_STATE_HOME') });
  });

  it.skipIf(isRoot)('in a directory of somebody else’s says so', async () => {
    await writeState(path, 'one');
    chmodSync(join(path, '..'), 0o500);
    await expect(writeState(path, 'two')).rejects.toMatchObject({ code: 'state-unusable' });
    chmodSync(join(path, '..'), 0o700);
    expect(await readState(path)).toBe('one');
  });
});

describe('a state file of somebody else', () => {
  it('that others can write to is not believed', async () => {
    const path = join(scratch(), 'known.json');
    writeFileSync(path, '{}');
    chmodSync(path, 0o666);
    await expect(readState(path)).rejects.toMatchObject({
      code: 'state-unsafe',
      hint: expect.stringContaining('0600'),
    });
    chmodSync(path, 0o644);
    expect(await readState(path)).toBe('{}');
  });

  it.skipIf(process.getuid?.() !== 0)('is not believed', async () => {
    const path = join(scratch(), 'known.json');
    writeFileSync(path, '{}', { mode: 0o600 });
    chownSync(path, 65534, 65534);
    await expect(readState(path)).rejects.toMatchObject({ code: 'state-unsafe' });
  });
});

describe('a lock', () => {
  it('lets one in at a time, and goes when the work has ended or failed', async () => {
    let inside = 0;
    const work = async () => {
      expect(++inside).toBe(1);
      await new Promise((resolve) => setTimeout(resolve, 5));
      inside--;
    };
    await Promise.all(Array.from({ length: 10 }, () => locked(path, work)));
    await expect(locked(path, async () => Promise.reject(new Error('the work failed')))).rejects.toThrow(
      'the work failed',
    );
    expect(await locked(path, async () => 'done')).toBe('done');
    expect(beside()).toEqual([]);
  });

  it('between processes loses no change', async () => {
    const children = Array.from({ length: 4 }, () => start(program, ['count', path, '25', '10000']));
    for (const child of children) expect(await child.ended).toBe(0);
    expect(readFileSync(path, 'utf8')).toBe('100');
    expect(beside()).toEqual(['known.json']);
  });

  it('of a process that was killed is broken, by one, when it is old', async () => {
    const holder = start(program, ['hold', path]);
    expect(await holder.line).toBe('held');
    holder.process.kill('SIGKILL');
    expect(await holder.ended).toBe('SIGKILL');
    expect(existsSync(`${path}.lock`)).toBe(true);
    utimesSync(`${path}.lock`, 1, 1);
    const children = Array.from({ length: 4 }, () => start(program, ['count', path, '25', '10000']));
    for (const child of children) expect(await child.ended).toBe(0);
    expect(readFileSync(path, 'utf8')).toBe('100');
    expect(beside()).toEqual(['known.json']);
  });

  it('that is held is waited for, and then said to be', async () => {
    const holder = start(program, ['hold', path]);
    expect(await holder.line).toBe('held');
    const waited = locked(path, async () => 'in', { stale: 60_000, wait: 200 });
    await expect(waited).rejects.toMatchObject({
      code: 'state-busy',
      exitCode: 11,
      message: `${path} is in use by another strongroom`,
      hint: `wait for it to end; if none is running, remove ${path}.lock`,
    });
    holder.process.kill('SIGKILL');
    await holder.ended;
    // Not yet old enough to be broken; then it is.
    await expect(locked(path, async () => 'in', { stale: 60_000, wait: 50 })).rejects.toMatchObject({
      code: 'state-busy',
    });
    expect(await locked(path, async () => 'in', { stale: 10, wait: 5000 })).toBe('in');
  });

  it('is broken even when whoever was breaking it was killed too', async () => {
    mkdirSync(join(path, '..'), { recursive: true });
    for (const name of [`${path}.lock`, `${path}.lock.break`]) {
      writeFileSync(name, '');
      utimesSync(name, 1, 1);
    }
    expect(await locked(path, async () => 'in', { stale: 1000, wait: 5000 })).toBe('in');
    expect(beside()).toEqual([]);
  });
});
