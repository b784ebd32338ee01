import { expect, it } from 'vitest';
import { StoreError } from '../../src/errors.ts';
import { memoryStore } from '../../src/store/memory.ts';
import { readonlyStore } from '../../src/store/readonly.ts';

it('a read-only store reads what is there and changes nothing', async () => {
  const store = memoryStore();
  await store.create('vault/1.json', Buffer.from('one'));
  const reading = readonlyStore(store);

  expect(reading.location).toBe('memory:');
  expect(await reading.get('vault/1.json')).toEqual(Buffer.from('one'));
  await expect(reading.get('vault/1.json', { maxBytes: 2 })).rejects.toMatchObject({
    code: 'object-too-large',
  });
  const names: string[] = [];
  for await (const { name } of reading.list('vault/')) names.push(name);
  expect(names).toEqual(['vault/1.json']);

  const refused = expect.objectContaining({ code: 'read-only', object: 'vault/1.json' });
  await expect(reading.create('vault/1.json', Buffer.from('x'))).rejects.toEqual(refused);
  await expect(reading.remove(['vault/1.json'])).rejects.toEqual(refused);
  await expect(reading.remove([])).rejects.toThrow(StoreError);
  expect(await store.get('vault/1.json')).toEqual(Buffer.from('one'));
});
