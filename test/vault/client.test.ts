import { expect, it } from 'vitest';
import { EMPTY_MEMORY, noMemory } from '../../src/vault/client.ts';

it('a memory that is kept nowhere lasts as long as it is held, and is shared with nobody', async () => {
  const pin = { vault: 'v', generation: 1, revision: 1, recipient: 'age1x', authority: 'SHA256:x' };
  const memory = noMemory();
  expect(await memory.pinFor('/srv/vault')).toBeUndefined();
  expect(await memory.vault('v')).toEqual(EMPTY_MEMORY);
  await memory.rememberPin('/srv/vault', pin);
  await memory.update('v', (m) => ({ ...m, revision: m.revision + 2 }));
  await memory.update('v', (m) => ({ ...m, revision: m.revision + 2 }));
  expect(await memory.pinFor('/srv/vault')).toEqual(pin);
  expect((await memory.vault('v')).revision).toBe(4);
  expect(await memory.vault('w')).toEqual(EMPTY_MEMORY);
  expect(await noMemory().pinFor('/srv/vault')).toBeUndefined();
});
