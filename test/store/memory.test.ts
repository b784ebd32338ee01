import { expect, it } from 'vitest';
import { memoryStore } from '../../src/store/memory.ts';
import { describeStore } from '../contract/store.ts';

describeStore('memory', async () => {
  const store = memoryStore();
  return { store, reopen: async () => store };
});

it('a memory store dates objects by the clock it is given', async () => {
  let now = new Date('2026-11-20T05:58:12Z');
  const store = memoryStore({ clock: () => now });
  await store.create('a', Buffer.from('a'));
  now = new Date('2026-11-21T00:00:00Z');
  await store.create('b', Buffer.from('b'));
  const dates: string[] = [];
  for await (const { modified } of store.list('')) dates.push(modified.toISOString());
  expect(dates).toEqual(['2026-11-20T05:58:12.000Z', '2026-11-21T00:00:00.000Z']);
});

it('a memory store is full when it holds what it may, and has room again after a removal', async () => {
  const store = memoryStore({ maxBytes: 10 });
  await store.create('a', Buffer.alloc(6));
  await expect(store.create('b', Buffer.alloc(5))).rejects.toMatchObject({
    code: 'store-full',
    exitCode: 14,
  });
  expect(await store.get('b')).toBeNull();
  await store.remove(['a']);
  expect(await store.create('b', Buffer.alloc(10))).toBe('created');
});

it('a memory store keeps its own copy of what it is given', async () => {
  const store = memoryStore();
  const bytes = Buffer.from('abc');
  await store.create('a', bytes);
  bytes.fill(0);
  expect(await store.get('a')).toEqual(Buffer.from('abc'));
});
