// A function under guard: its files or values are as they were when it throws, and as it left them when it does not.

import { mkdirSync, readdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { type WithSnapshotOptions, withSnapshot } from '../../../src/vault/guard/with-snapshot.ts';
import { readSnapshots } from '../../../src/vault/snapshots.ts';
import { everything } from '../../pack/guard/scenes.ts';
import { client, makeVault, openLocked, scratch, type TestVault } from '../../support/vault.ts';

async function ground(): Promise<{ vault: TestVault; options: WithSnapshotOptions; root: string }> {
  const vault = await makeVault();
  const base = scratch();
  const root = join(base, 'app');
  mkdirSync(join(root, 'sub'), { recursive: true, mode: 0o750 });
  writeFileSync(join(root, '.env'), 'old', { mode: 0o640 });
  writeFileSync(join(root, 'sub/x'), 'x');
  const options = { set: 'app', host: vault.host, pin: vault.pin, stateDirectory: join(base, 'state') };
  return { vault, options, root };
}

describe('withSnapshot', () => {
  it('of files puts them back when the function throws, and throws on', async () => {
    const { vault, options, root } = await ground();
    const before = everything(root);
    const fault = new Error('the deploy failed');
    const run = withSnapshot(client(vault), options, { root, include: [], exclude: [] }, async (made) => {
      expect(made.complete).toBe(true);
      writeFileSync(join(root, '.env'), 'new');
      writeFileSync(join(root, 'sub/y'), 'y');
      throw fault;
    });
    await expect(run).rejects.toBe(fault);
    expect(everything(root)).toEqual(before);
    const { snapshots } = await readSnapshots(await openLocked(vault));
    expect(snapshots).toMatchObject([{ set: 'app', tags: { guard: 'true' } }]);
  });

  it('of files leaves them when it does not', async () => {
    const { vault, options, root } = await ground();
    const sources = { root, include: [], exclude: [] };
    const result = await withSnapshot(client(vault), options, sources, () => {
      writeFileSync(join(root, '.env'), 'new');
      return 42;
    });
    expect(result).toBe(42);
    expect(readFileSync(join(root, '.env'), 'utf8')).toBe('new');
    expect(readdirSync(join(root, '..')).sort()).toEqual(['app', 'state']);
  });

  it('fails with 125 before anything runs, and with 126 when the copy is gone', async () => {
    const { vault, options, root } = await ground();
    let ran = false;
    const missing = { root, include: ['.', 'missing.pem'], exclude: [] };
    await expect(
      withSnapshot(client(vault), options, missing, () => {
        ran = true;
      }),
    ).rejects.toMatchObject({ exitCode: 125, code: 'incomplete' });
    expect(ran).toBe(false);
    expect(readdirSync(join(root, '..')).sort()).toEqual(['app', 'state']);
    const fault = new Error('the deploy failed');
    const run = withSnapshot(client(vault), options, { root, include: [], exclude: [] }, () => {
      writeFileSync(join(root, '.env'), 'new');
      const state = join(root, '..', 'state');
      const [copy = ''] = readdirSync(state).filter((name) => name.startsWith('.strongroom-undo-'));
      renameSync(join(state, copy), join(root, '..', 'elsewhere'));
      throw fault;
    });
    await expect(run).rejects.toMatchObject({
      exitCode: 126,
      cause: { code: 'undo-copy-gone', cause: fault },
    });
  });

  it('of values gives them back to who held them', async () => {
    const { vault, options } = await ground();
    const portfolio = { cash: 100, positions: ['a', 'b'], deep: { keep: 1 } };
    const key = Buffer.from('key');
    const memory: Record<string, unknown> = { 'portfolio.json': portfolio, key, note: 'x' };
    const before = structuredClone(portfolio);
    const run = withSnapshot(client(vault), options, { memory }, () => {
      portfolio.cash = 0;
      portfolio.positions.push('c');
      Object.assign(portfolio.deep, { more: 2 });
      key.fill(0);
      delete memory.note;
      memory.added = 1;
      throw new Error('no');
    });
    await expect(run).rejects.toThrow('no');
    expect(portfolio).toEqual(before);
    expect(memory['portfolio.json']).toBe(portfolio);
    expect(memory).toEqual({ 'portfolio.json': before, key: Buffer.from('key'), note: 'x' });
    expect(key.toString()).toBe('key');
    const kept = await withSnapshot(client(vault), options, { memory }, () => {
      portfolio.cash = 7;
      return portfolio.cash;
    });
    expect([kept, portfolio.cash]).toEqual([7, 7]);
  });

  it('of values that cannot be copied runs nothing', async () => {
    const { vault, options } = await ground();
    const memory = { x: { toJSON: () => 1 } };
    await expect(withSnapshot(client(vault), options, { memory }, () => 1)).rejects.toMatchObject({
      code: 'not-plain',
      exitCode: 125,
    });
  });
});
