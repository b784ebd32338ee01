// Children, real ones: their end however it comes, what they are told and what they say.

import { chmodSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { inspect } from 'node:util';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { StreamError } from '../../../src/capture/stream.ts';
import { runTool, type ToolOptions, toolText } from '../../../src/capture/streams/tool.ts';
import { InterruptedError } from '../../../src/errors.ts';
import { bytesOf, children, inChunks, started } from '../../contract/stream.ts';

let directory: string;
beforeAll(() => {
  directory = mkdtempSync(join(tmpdir(), 'tool-'));
});
afterAll(() => rmSync(directory, { recursive: true, force: true }));

const options = (more: Partial<ToolOptions> = {}): ToolOptions => ({
  name: 'db',
  env: { PATH: process.env.PATH },
  cwd: directory,
  timeout: 30_000,
  ...more,
});
const shell = (script: string, more: Partial<ToolOptions> = {}) =>
  runTool('sh', ['-c', script], options(more));
const said = (script: string, more: Partial<ToolOptions> = {}) =>
  toolText('sh', ['-c', script], options(more));
const failure = async (script: string, more: Partial<ToolOptions> = {}): Promise<StreamError> => {
  const error = await said(script, more).catch((cause: unknown) => cause);
  expect(error).toBeInstanceOf(StreamError);
  return error as StreamError;
};

it('passes on every byte, and what it takes in', async () => {
  const bytes = Buffer.from(Array.from({ length: 3_000_000 }, (_, i) => (i * 7919) % 251));
  let at = 0;
  for await (const chunk of shell('cat', { stdin: inChunks(bytes, 100_001) })) {
    expect(chunk.equals(bytes.subarray(at, at + chunk.length))).toBe(true);
    at += chunk.length;
  }
  expect(at).toBe(bytes.length);
});

it('has nothing to read unless it is given', async () => {
  expect(await said('readlink /proc/self/fd/0')).toBe('/dev/null\n');
});

it('waits for whoever reads', async () => {
  const mark = join(directory, 'through');
  const tool = shell(`head -c 4000000 /dev/zero; touch ${mark}`);
  await tool.next();
  await sleep(300);
  expect(() => readFileSync(mark)).toThrow();
  expect(await bytesOf(tool)).toBeGreaterThan(3_000_000);
  expect(readFileSync(mark, 'utf8')).toBe('');
});

it('knows the ground’s environment, none of strongroom’s own, and speaks English', async () => {
  const env = {
    PATH: process.env.PATH,
    STRONGROOM_PASSPHRASE: 'x',
    LANG: 'de_DE.UTF-8',
    KEPT: 'yes',
    GONE: 'no',
  };
  const adds = { ADDED: 'yes', GONE: undefined };
  const lines = (await said('env', { env, adds })).trim().split('\n');
  const names = lines
    .map((line) => line.split('=')[0])
    .filter((name) => !['PWD', 'OLDPWD', 'SHLVL', '_'].includes(name!));
  expect(names.sort()).toEqual(['ADDED', 'KEPT', 'LANG', 'LC_ALL', 'PATH']);
  expect(lines).toContain('LC_ALL=C');
});

it.each([
  ['exit 3', 'stream-failed', 'stream db: sh failed with status 3'],
  ['echo half; kill -9 $$', 'stream-failed', 'stream db: sh was ended by SIGKILL'],
  ['exec 1>&-; exit 1', 'stream-failed', 'stream db: sh failed with status 1'],
])('fails with how it ended: %s', async (script, code, message) => {
  expect(await failure(script)).toMatchObject({ code, message, exitCode: 1 });
});

it('yields what came before it failed', async () => {
  const seen: string[] = [];
  const reading = async () => {
    for await (const chunk of shell('echo half; sleep 0.1; exit 7')) seen.push(chunk.toString());
  };
  await expect(reading()).rejects.toMatchObject({ code: 'stream-failed' });
  expect(seen).toEqual(['half\n']);
});

it('says what is missing: the program, the right to run it, the directory', async () => {
  const run = (program: string, more: Partial<ToolOptions> = {}) => toolText(program, [], options(more));
  await expect(run('no-such-tool', { package: 'such-tools' })).rejects.toMatchObject({
    code: 'tool-missing',
    message: 'stream db: no-such-tool is not installed',
    hint: expect.stringContaining('such-tools'),
  });
  const script = join(directory, 'script');
  writeFileSync(script, '#!/bin/sh\n');
  chmodSync(script, 0o644);
  await expect(run(script)).rejects.toMatchObject({
    code: 'tool-missing',
    message: 'stream db: script may not be run',
  });
  await expect(run('true', { cwd: join(directory, 'nowhere') })).rejects.toMatchObject({
    code: 'stream-failed',
  });
});

it('says that it could not be started, and not of what, when the system would not even try', async () => {
  for (const more of [{ SECRET: 'hunter2\0' }, { SECRET: 'hunter2'.repeat(100_000) }]) {
    const error = await failure('true', { adds: more });
    expect(error).toMatchObject({
      code: 'stream-failed',
      message: expect.stringMatching(
        /^stream db: sh could not be started \((?:ERR_INVALID_ARG_VALUE|E2BIG)\)$/,
      ),
    });
    expect(inspect(error, { depth: 9 })).not.toContain('hunter2');
  }
});

it('ends what takes too long, and its children, even those that will not', async () => {
  const before = children();
  const mark = join(directory, 'alive');
  const stubborn = `trap '' TERM; (trap '' TERM; while :; do date +%N > ${mark}; sleep 0.05; done) & wait`;
  const began = performance.now();
  expect(await failure(stubborn, { timeout: 300 })).toMatchObject({
    code: 'stream-timeout',
    message: 'stream db: sh took longer than 0.3 s',
  });
  expect(performance.now() - began).toBeLessThan(15_000);
  expect(started(before)).toEqual([]);
  const last = readFileSync(mark, 'utf8');
  await sleep(200);
  expect(readFileSync(mark, 'utf8')).toBe(last);
});

it('ends at once what ends when asked', async () => {
  const began = performance.now();
  expect((await failure('sleep 60 & sleep 60', { timeout: 100 })).code).toBe('stream-timeout');
  expect(performance.now() - began).toBeLessThan(2900);
});

it('is interrupted while nobody reads, while it is silent, and before it begins', async () => {
  const before = children();
  const controller = new AbortController();
  const { signal } = controller;
  const [idle, silent] = [shell('yes', { signal }), shell('sleep 60', { signal })];
  await idle.next();
  const waiting = expect(silent.next()).rejects.toThrow(InterruptedError);
  await sleep(100);
  controller.abort();
  await waiting;
  await expect(bytesOf(idle)).rejects.toThrow(InterruptedError);
  await expect(shell('true', { signal }).next()).rejects.toThrow(InterruptedError);
  expect(started(before)).toEqual([]);
});

it('leaves nothing behind that the program left behind', async () => {
  const pid = Number(await said('sleep 60 >/dev/null 2>&1 & echo $!'));
  const state = () => readFileSync(`/proc/${pid}/stat`, 'latin1').replace(/^.*\) /s, '')[0];
  expect(() => {
    if (state() === 'Z') throw new Error('dead');
  }).toThrow();
});

it('is not held up by what stays behind with its stderr', async () => {
  const began = performance.now();
  expect(await said('setsid sleep 5 >/dev/null & echo done')).toBe('done\n');
  expect(performance.now() - began).toBeLessThan(4500);
});

it('tells what it said though it ended well, and not otherwise', async () => {
  const notes: string[] = [];
  const onNotes = (text: string) => notes.push(text);
  await said('echo careful >&2', { onNotes });
  await said('true', { onNotes });
  await failure('echo broken >&2; exit 1', { onNotes });
  expect(notes).toEqual(['careful']);
});

it('hides what it says of secrets, wherever it was cut', async () => {
  const secret = 'correct horse battery';
  const error = await failure(`for i in $(seq 5000); do echo "$i: no login with $SECRET" >&2; done; exit 1`, {
    adds: { SECRET: secret },
    secrets: [secret],
  });
  expect(error.stderr).toMatch(/5000: no login with \*\*\*$/);
  expect(error.stderr.length).toBeLessThanOrEqual(4096);
  expect(error.stderr).not.toMatch(/correct|horse|battery/);
  const long = await failure('head -c 300000 /dev/zero | tr "\\0" x >&2; exit 1', { secrets: ['xxxx'] });
  expect(long.stderr).toBe('');
});

it('dies of what it is fed, which is never taken for its end', async () => {
  const mark = join(directory, 'committed');
  async function* torn(): AsyncGenerator<Buffer> {
    yield Buffer.alloc(100_000);
    throw new Error('damaged');
  }
  await expect(said(`cat >/dev/null && touch ${mark}`, { stdin: torn() })).rejects.toThrow('damaged');
  expect(() => readFileSync(mark)).toThrow();
});

it('reads what it is fed to the end, wanted or not, unless it failed', async () => {
  let last = 0;
  async function* counted(): AsyncGenerator<Buffer> {
    for (last = 1; last < 200; last++) yield Buffer.alloc(65_536);
  }
  expect(await said('head -c 10 >/dev/null', { stdin: counted() })).toBe('');
  expect(last).toBe(200);
  let isClosed = false;
  async function* endless(): AsyncGenerator<Buffer> {
    try {
      for (;;) yield Buffer.alloc(65_536);
    } finally {
      isClosed = true;
    }
  }
  expect((await failure('exit 1', { stdin: endless() })).code).toBe('stream-failed');
  await expect.poll(() => isClosed).toBe(true);
});
