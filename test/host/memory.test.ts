import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { beforeEach, describe, expect, it } from 'vitest';
import { stateMemory } from '../../src/host/memory.ts';
import { EMPTY_MEMORY } from '../../src/vault/client.ts';
import { scratch } from '../support/vault.ts';

const pin = {
  vault: '0123456789abcdefghjkmnpqrs',
  generation: 1,
  revision: 3,
  recipient: 'age1x',
  authority: 'SHA256:x',
};
const other = { ...pin, vault: 'zzzzzzzzzzzzzzzzzzzzzzzzzz' };
const seen = { id: '20261120T055812Z-7k3f9q', sha256: 'a'.repeat(64) };

let state: string;
beforeEach(() => {
  state = join(scratch(), 'state');
});

describe('what a machine remembers', () => {
  it('is nothing at first, and nothing is made for that', async () => {
    const memory = stateMemory(state);
    expect(await memory.pinFor('/srv/vault')).toBeUndefined();
    expect(await memory.vault(pin.vault)).toEqual(EMPTY_MEMORY);
    expect(() => readdirSync(state)).toThrow('ENOENT');
  });

  it('is there for the next run: pins by place, the rest by vault', async () => {
    await stateMemory(state).rememberPin('/srv/vault', pin);
    await stateMemory(state).rememberPin('/srv/other', other);
    await stateMemory(state).update(pin.vault, (m) => ({ ...m, revision: 3, wrote: { app: seen } }));
    const memory = stateMemory(state);
    expect(await memory.pinFor('/srv/vault')).toEqual(pin);
    expect(await memory.pinFor('/srv/other')).toEqual(other);
    expect(await memory.pinFor('/srv')).toBeUndefined();
    expect(await memory.vault(pin.vault)).toEqual({ ...EMPTY_MEMORY, revision: 3, wrote: { app: seen } });
    expect(await memory.vault(other.vault)).toEqual(EMPTY_MEMORY);
    expect(readdirSync(state).sort()).toEqual(['known-vaults.json', 'vaults']);
  });

  it('is changed as one step: many at once lose nothing', async () => {
    const memories = Array.from({ length: 20 }, () => stateMemory(state));
    await Promise.all(
      memories.map((memory, i) =>
        memory.update(pin.vault, (m) => ({ ...m, seen: { ...m.seen, [`set-${i}/web`]: seen } })),
      ),
    );
    expect(Object.keys((await stateMemory(state).vault(pin.vault)).seen)).toHaveLength(20);
  });

  it('of a place may be replaced, as `trust` does', async () => {
    const memory = stateMemory(state);
    await memory.rememberPin('/srv/vault', pin);
    await memory.rememberPin('/srv/vault', other);
    expect(await memory.pinFor('/srv/vault')).toEqual(other);
  });

  it('of a place with an odd name is only that place’s', async () => {
    const memory = stateMemory(state);
    await memory.rememberPin('/srv/vault', pin);
    for (const name of ['constructor', '__proto__', 'toString'])
      expect(await memory.pinFor(name)).toBeUndefined();
  });

  it('may lack what a later version added', async () => {
    await stateMemory(state).update(pin.vault, (m) => m);
    writeFileSync(join(state, `vaults/${pin.vault}.json`), '{"revision": 2}');
    expect(await stateMemory(state).vault(pin.vault)).toEqual({ ...EMPTY_MEMORY, revision: 2 });
  });

  it.each(['', '{', 'null', '7', '"x"', '[]', '\0\0\0'])(
    'that is damaged (%j) is said to be, and never quietly forgotten',
    async (text) => {
      const memory = stateMemory(state);
      await memory.rememberPin('/srv/vault', pin);
      await memory.update(pin.vault, (m) => m);
      const known = join(state, 'known-vaults.json');
      const vault = join(state, `vaults/${pin.vault}.json`);
      writeFileSync(known, text);
      writeFileSync(vault, text);
      const damaged = (object: string) => ({
        code: 'state-damaged',
        exitCode: 1,
        object,
        message: `${object} is damaged`,
        hint: 'move it away: pins then have to be given again with `strongroom trust`',
      });
      await expect(memory.pinFor('/srv/vault')).rejects.toMatchObject(damaged(known));
      await expect(memory.rememberPin('/srv/vault', other)).rejects.toMatchObject(damaged(known));
      await expect(memory.vault(pin.vault)).rejects.toMatchObject(damaged(vault));
      await expect(memory.update(pin.vault, (m) => m)).rejects.toMatchObject(damaged(vault));
      expect(readFileSync(known, 'utf8')).toBe(text);
    },
  );
});
