import { setTimeout as sleep } from 'node:timers/promises';
import { describe, expect, it } from 'vitest';
import { inOrder } from '../../src/pack/in-order.ts';

async function* numbers(count: number) {
  for (let number = 0; number < count; number += 1) yield number;
}

describe('working in parallel', () => {
  it('keeps the order, whichever item is done first', async () => {
    const results: number[] = [];
    for await (const result of inOrder(numbers(30), async (number) => {
      await sleep((number * 7) % 5);
      return number * 2;
    })) {
      results.push(result);
    }
    expect(results).toEqual(Array.from({ length: 30 }, (_, number) => number * 2));
  });

  it('has several items under way, but only a few', async () => {
    let now = 0;
    let most = 0;
    const results = inOrder(numbers(50), async () => {
      now += 1;
      most = Math.max(most, now);
      await sleep(1);
      now -= 1;
    });
    for await (const _ of results);
    expect(most).toBeGreaterThan(1);
    expect(most).toBeLessThanOrEqual(9);
  });

  it('reports the first failure in order, and leaves none unhandled', async () => {
    const results = inOrder(numbers(10), async (number) => {
      await sleep(5 - number);
      if (number >= 2) throw new RangeError(`item ${number}`);
      return number;
    });
    const seen: number[] = [];
    await expect(
      (async () => {
        for await (const result of results) seen.push(result);
      })(),
    ).rejects.toThrow('item 2');
    expect(seen).toEqual([0, 1]);
  });
});
