import { getEventListeners } from 'node:events';
import { setTimeout as sleep } from 'node:timers/promises';
import { describe, expect, it } from 'vitest';
import { InterruptedError } from '../../../src/errors.ts';
import { attempt } from '../../../src/store/s3/attempt.ts';

const transient = new Error('transient');
const isTransient = (error: unknown) => error === transient;

/** Fails so often before it succeeds. */
function failing(times: number, error: Error = transient) {
  const calls: number[] = [];
  const work = async (number: number): Promise<string> => {
    calls.push(number);
    if (calls.length <= times) throw error;
    return 'done';
  };
  return { calls, work };
}

/** Never answers, but to its signal. */
const silent = (_: number, signal: AbortSignal) =>
  new Promise<never>((_resolve, reject) => {
    signal.addEventListener('abort', () => reject(signal.reason), { once: true });
  });

describe('trying again', () => {
  it('leaves nothing behind on a signal that many calls share, and warns of nothing', async () => {
    const warned: unknown[] = [];
    const note = (warning: Error) => warned.push(warning.message);
    process.on('warning', note);
    const { signal } = new AbortController();
    const call = () => attempt(() => sleep(5), { signal, deadline: 60_000, isTransient });
    await Promise.all(Array.from({ length: 64 }, call));
    await sleep(1);
    process.off('warning', note);
    expect([warned, getEventListeners(signal, 'abort')]).toEqual([[], []]);
  });

  it('goes on until it succeeds, and counts from one', async () => {
    const { calls, work } = failing(2);
    expect(await attempt(work, { deadline: 10_000, isTransient })).toBe('done');
    expect(calls).toEqual([1, 2, 3]);
  });

  it('ends with what will not change', async () => {
    const { calls, work } = failing(9, new Error('final'));
    await expect(attempt(work, { deadline: 10_000, isTransient })).rejects.toThrow('final');
    expect(calls).toEqual([1]);
  });

  it('ends in time, with what went wrong', async () => {
    const { calls, work } = failing(1000);
    const began = performance.now();
    await expect(attempt(work, { deadline: 500, isTransient })).rejects.toBe(transient);
    expect(performance.now() - began).toBeLessThan(1000);
    expect(calls.length).toBeGreaterThan(1);
    expect(calls.length).toBeLessThan(100);
  });

  it('cuts off an attempt that never ends, and says what went wrong before', async () => {
    const began = performance.now();
    await expect(attempt(silent, { deadline: 100, isTransient })).rejects.toMatchObject({
      name: 'TimeoutError',
    });
    const work = async (number: number, signal: AbortSignal) => {
      if (number === 1) throw transient;
      return await silent(number, signal);
    };
    await expect(attempt(work, { deadline: 500, isTransient })).rejects.toBe(transient);
    expect(performance.now() - began).toBeLessThan(1500);
  });

  it('ends in time and at once though the work heeds no signal, and what becomes of it later is no news', async () => {
    const unhandled: unknown[] = [];
    const note = (reason: unknown) => unhandled.push(reason);
    process.on('unhandledRejection', note);
    const deaf = () => sleep(600).then(() => Promise.reject(new Error('too late')));
    const began = performance.now();
    await expect(attempt(deaf, { deadline: 100, isTransient })).rejects.toMatchObject({
      name: 'TimeoutError',
    });
    const signal = AbortSignal.timeout(50);
    await expect(attempt(deaf, { deadline: 60_000, isTransient, signal })).rejects.toThrow(InterruptedError);
    expect(performance.now() - began).toBeLessThan(550);
    await sleep(800);
    process.off('unhandledRejection', note);
    expect(unhandled).toEqual([]);
  });

  it('is interrupted at once, in an attempt and in a wait', async () => {
    for (const work of [silent, failing(1000).work]) {
      const controller = new AbortController();
      setTimeout(() => controller.abort(), 50);
      const began = performance.now();
      await expect(
        attempt(work, { deadline: 60_000, isTransient, signal: controller.signal }),
      ).rejects.toThrow(InterruptedError);
      expect(performance.now() - began).toBeLessThan(1000);
    }
  });
});
