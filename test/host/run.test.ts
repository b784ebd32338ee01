// Programs that are run on somebody's behalf end when they are to, and what they start ends with them.

import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';
import { describe, expect, it } from 'vitest';
import { holdSignals, runBriefly, runInForeground } from '../../src/host/run.ts';
import { scratch } from '../support/vault.ts';

const surroundings = (cwd: string) => ({ cwd, env: { PATH: process.env.PATH, GIVEN: 'yes' }, umask: 0o027 });
const quiet = { onStart: () => {}, onSignal: () => {} };

async function foreground(argv: string[], cwd: string, more = quiet): Promise<number> {
  const held = holdSignals();
  try {
    return await runInForeground(argv, surroundings(cwd), held, more);
  } finally {
    held.release();
  }
}

describe('a program in the foreground', () => {
  it('has the umask and the environment that it was given, and no other', async () => {
    const cwd = scratch();
    const own = process.umask();
    expect(await foreground(['sh', '-c', 'umask > mask; env > vars; exit 3'], cwd)).toBe(3);
    expect(readFileSync(join(cwd, 'mask'), 'utf8')).toMatch(/^0*27\n$/);
    const vars = readFileSync(join(cwd, 'vars'), 'utf8').split('\n');
    expect(vars).toContain('GIVEN=yes');
    expect(vars.some((line) => line.startsWith('HOME='))).toBe(false);
    expect(process.umask()).toBe(own);
  });

  it('that a signal ends has the exit code that a shell gives it', async () => {
    expect(await foreground(['sh', '-c', 'kill -KILL $$'], scratch())).toBe(137);
  });

  it('that is not there, or is no program, was not started', async () => {
    const cwd = scratch();
    await expect(foreground(['no-such-program'], cwd)).rejects.toMatchObject({ code: 'no-such-command' });
    await expect(foreground([cwd], cwd)).rejects.toMatchObject({ code: 'no-such-command' });
  });

  it('gets the signals that come to us, once they are held', async () => {
    const cwd = scratch();
    const held = holdSignals();
    let told = 0;
    const script = 'trap "echo got > got; exit 0" TERM; touch ready; while :; do sleep 0.02; done';
    const running = runInForeground(['sh', '-c', script], surroundings(cwd), held, {
      onStart: () => {},
      onSignal: () => told++,
    });
    while (!existsSync(join(cwd, 'ready'))) await wait(10);
    process.kill(process.pid, 'SIGTERM');
    expect(await running).toBe(0);
    expect(held.first).toBe('SIGTERM');
    expect(told).toBe(1);
    expect(existsSync(join(cwd, 'got'))).toBe(true);
    held.release();
    expect(process.listenerCount('SIGHUP')).toBe(0);
  });
});

describe('a line of shell', () => {
  it('ends with its exit code', async () => {
    expect(await runBriefly(['sh', '-c', 'exit 4'], surroundings(scratch()), 10_000)).toBe(4);
  });

  it('that takes too long is killed, with all that it started', async () => {
    const cwd = scratch();
    const line = '(trap "" TERM; echo $$ > pid; sleep 1; touch late) & wait';
    expect(await runBriefly(['sh', '-c', line], surroundings(cwd), 200)).toBeUndefined();
    await wait(1200);
    expect(existsSync(join(cwd, 'late'))).toBe(false);
  });

  it('is killed when it is called off', async () => {
    const called = new AbortController();
    const running = runBriefly(['sleep', '60'], surroundings(scratch()), 60_000, called.signal);
    called.abort();
    expect(await running).toBeUndefined();
  });
});
