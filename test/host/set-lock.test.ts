import { mkdtempSync, readdirSync, readFileSync, rmSync, utimesSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it, onTestFinished } from 'vitest';
import { ConflictError } from '../../src/errors.ts';
import { thisProcess } from '../../src/host/process.ts';
import { withSetLock } from '../../src/host/set-lock.ts';
import { scratch } from '../support/vault.ts';
import { bundleChild, type Child, start } from './children.ts';

const locksIn = (state: string) =>
  readdirSync(join(state, 'locks')).map((name) => join(state, 'locks', name));

let program: string;
let directory: string;
beforeAll(async () => {
  directory = mkdtempSync(join(tmpdir(), 'strongroom-lock-'));
  program = await bundleChild(directory);
});
afterAll(() => rmSync(directory, { recursive: true, force: true }));

/** A process that holds the lock until it is killed. */
async function holder(state: string): Promise<Child> {
  const child = start(program, ['hold-set', state, 'app', '/srv/vault']);
  onTestFinished(() => void child.process.kill('SIGKILL'));
  expect(await child.line).toBe('held');
  return child;
}

async function kill({ process: child, ended }: Child): Promise<void> {
  child.kill('SIGKILL');
  await ended;
}

it('lets one run at a time back up a set, and says who does', async () => {
  const state = scratch();
  const child = await holder(state);
  const second = withSetLock(state, 'app', '/srv/vault', async () => 'ran');
  await expect(second).rejects.toThrow(ConflictError);
  await expect(second).rejects.toMatchObject({
    code: 'set-busy',
    exitCode: 11,
    message: expect.stringContaining(String(child.process.pid)),
  });
});

it('keeps neither other sets nor the same set of another vault waiting', async () => {
  const state = scratch();
  await holder(state);
  expect(await withSetLock(state, 'web', '/srv/vault', async () => 'ran')).toBe('ran');
  expect(await withSetLock(state, 'app', '/mnt/vault', async () => 'ran')).toBe('ran');
});

it('is free after a run, whether that ended well or not', async () => {
  const state = scratch();
  expect(await withSetLock(state, 'app', 'x', async () => 1)).toBe(1);
  await expect(
    withSetLock(state, 'app', 'x', async () => Promise.reject(new Error('failed'))),
  ).rejects.toThrow('failed');
  expect(locksIn(state)).toEqual([]);
  expect(await withSetLock(state, 'app', 'x', async () => 2)).toBe(2);
});

it('is free at once when its holder was killed', async () => {
  const state = scratch();
  const child = await holder(state);
  await kill(child);
  expect(locksIn(state).length).toBe(1);
  expect(await withSetLock(state, 'app', '/srv/vault', async () => 'ran')).toBe('ran');
  expect(locksIn(state)).toEqual([]);
});

it('is not held by whoever has the process id of a holder that is gone', async () => {
  const state = scratch();
  const child = await holder(state);
  const [path] = locksIn(state);
  const held = JSON.parse(readFileSync(path!, 'utf8'));
  await kill(child);
  writeFileSync(path!, JSON.stringify({ ...held, pid: process.ppid }));
  expect(await withSetLock(state, 'app', '/srv/vault', async () => 'ran')).toBe('ran');
});

it('of another container counts for as long as it shows that it lives', async () => {
  const state = scratch();
  const path = await withSetLock(state, 'app', 'x', async () => locksIn(state)[0]!);
  const lock = JSON.stringify({ pid: 1, began: '1', space: 'elsewhere', token: 'x' });
  writeFileSync(path, lock);
  await expect(withSetLock(state, 'app', 'x', async () => 'ran')).rejects.toMatchObject({ code: 'set-busy' });
  // Before, or by a clock that was ahead and is set right by now.
  for (const minutes of [-6, 6, 525_600]) {
    writeFileSync(path, lock);
    const then = new Date(Date.now() + minutes * 60_000);
    utimesSync(path, then, then);
    expect(await withSetLock(state, 'app', 'x', async () => 'ran')).toBe('ran');
  }
});

it.skipIf(!thisProcess().machine)('of this machine before it was started anew counts no more', async () => {
  const state = scratch();
  const path = await withSetLock(state, 'app', 'x', async () => locksIn(state)[0]!);
  const { space, ...own } = thisProcess();
  const write = (some: object) =>
    writeFileSync(
      path,
      JSON.stringify({ ...own, space: `earlier ${space.split(' ')[1]}`, token: 'x', ...some }),
    );
  for (const machine of ['another', '', undefined]) {
    write({ machine });
    await expect(withSetLock(state, 'app', 'x', async () => 'ran')).rejects.toMatchObject({
      code: 'set-busy',
    });
  }
  // Another container of it may well be running.
  write({ space: `${space.split(' ')[0]} elsewhere` });
  await expect(withSetLock(state, 'app', 'x', async () => 'ran')).rejects.toMatchObject({ code: 'set-busy' });
  write({});
  expect(await withSetLock(state, 'app', 'x', async () => 'ran')).toBe('ran');
});

it('one of many takes over what a killed one left', async () => {
  const state = scratch();
  const path = await withSetLock(state, 'app', 'x', async () => locksIn(state)[0]!);
  writeFileSync(path, JSON.stringify({ pid: 2 ** 22 - 1, began: '1', space: '', token: 'x' }));
  const long = new Date(Date.now() - 3_600_000);
  utimesSync(path, long, long);
  let [now, most] = [0, 0];
  const runs = await Promise.allSettled(
    Array.from({ length: 8 }, () =>
      withSetLock(state, 'app', 'x', async () => {
        most = Math.max(most, ++now);
        await new Promise((done) => setTimeout(done, 50));
        now--;
      }),
    ),
  );
  expect(most).toBe(1);
  expect(runs.filter(({ status }) => status === 'fulfilled').length).toBeGreaterThan(0);
});

it('is no reason to go without a snapshot where it cannot be written', async () => {
  const state = join(scratch(), 'state');
  writeFileSync(state, '');
  expect(await withSetLock(state, 'app', 'x', async () => 'ran')).toBe('ran');
});
