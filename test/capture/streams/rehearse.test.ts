// What every kind of drill relies on: answers that have an end, errors without an engine's words, and what is done once.

import { tmpdir } from 'node:os';
import { setTimeout as sleep } from 'node:timers/promises';
import { describe, expect, it } from 'vitest';
import { StreamError } from '../../../src/capture/stream.ts';
import { answerOf, askable, delayed, once, runIn } from '../../../src/capture/streams/rehearse.ts';

async function* of(...texts: string[]): AsyncGenerator<Buffer> {
  for (const text of texts) yield Buffer.from(text);
}

async function* failing(error: unknown): AsyncGenerator<Buffer> {
  yield Buffer.from('half');
  throw error;
}

describe('an answer', () => {
  it('is what was printed, but for the end of its last line', async () => {
    expect(await answerOf('db', of('1\t2\n', '3\t\n'), [])).toBe('1\t2\n3\t');
    expect(await answerOf('db', of('\n\n'), [])).toBe('\n');
    expect(await answerOf('db', of(), [])).toBe('');
  });

  it('has 64 KiB at most', async () => {
    expect((await answerOf('db', of('x'.repeat(65_535), 'y'), [])).length).toBe(65_536);
    let isRead = false;
    async function* endless() {
      try {
        for (;;) yield Buffer.alloc(1000);
      } finally {
        isRead = true;
      }
    }
    await expect(answerOf('db', endless(), [])).rejects.toMatchObject({ code: 'stream-answer' });
    expect(isRead).toBe(true);
  });

  it('fails with nothing of what the engine said', async () => {
    const said = new StreamError('stream-failed', 'stream db: psql failed', { stderr: 'ERROR 1: hunter2' });
    const error = await answerOf('db', failing(said), [[/ERROR 1/, 'there is none']]).catch((cause) => cause);
    expect(error).toMatchObject({
      code: 'stream-failed',
      message: 'stream db: a query failed: there is none',
    });
    expect(JSON.stringify([error, error.stack, error.cause])).not.toContain('hunter2');
    const late = new StreamError('stream-timeout', 'late', { stderr: 'hunter2', hint: 'wait' });
    expect(await answerOf('db', failing(late), []).catch((cause) => cause)).toMatchObject({
      code: 'stream-timeout',
      hint: 'wait',
      stderr: '',
    });
  });

  it('fails as it did where that is no word of an engine', async () => {
    const error = new Error('of ours');
    await expect(answerOf('db', failing(error), [])).rejects.toBe(error);
  });
});

it.each(['', ' \n', 'select 1\0'])('asks nothing by %j', (text) => {
  expect(() => askable('db', text)).toThrow(expect.objectContaining({ code: 'stream-not-askable' }));
});

it('runs where the root is, or else in the directory of the drill', () => {
  expect(runIn('/drill', { cwd: tmpdir(), name: 'db' })).toEqual({ cwd: tmpdir(), name: 'db' });
  expect(runIn('/drill', { cwd: '/is/not/there', name: 'db' })).toEqual({ cwd: '/drill', name: 'db' });
});

it('takes away once, and again only where that failed', async () => {
  let times = 0;
  const drop = once(async () => {
    times += 1;
    await sleep(5);
    if (times === 1) throw new Error('not yet');
  });
  await expect(Promise.all([drop(), drop()])).rejects.toThrow('not yet');
  await drop();
  await Promise.all([drop(), drop()]);
  expect(times).toBe(2);
});

it('delays an end, and none that has come already', async () => {
  expect(delayed(undefined)).toBeUndefined();
  expect(delayed(AbortSignal.abort())?.aborted).toBe(true);
  const controller = new AbortController();
  const later = delayed(controller.signal);
  controller.abort();
  await sleep(20);
  expect(later?.aborted).toBe(false);
});
