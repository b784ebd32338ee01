import { randomBytes } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { loadFiles } from '../../src/vault/load.ts';
import { readSnapshots } from '../../src/vault/snapshots.ts';
import { forge } from '../support/forge.ts';
import { makeVault, openUnlocked, tick } from '../support/vault.ts';

const vault = await makeVault();
const large = randomBytes(3 * 1024 * 1024 + 17);
const small = Buffer.from('TOKEN=1\n');
await vault.backup({ '.env': small, 'dumps/large.bin': large, empty: Buffer.alloc(0) });
const open = await openUnlocked(vault);
const [snapshot] = (await readSnapshots(open)).snapshots;

describe('all files of a snapshot', () => {
  it('are loaded into memory, each a copy of its own', async () => {
    const files = await loadFiles(open, snapshot!);
    expect([...files.keys()]).toEqual(['.env', 'dumps/large.bin', 'empty']);
    expect(files.get('.env')!.equals(small)).toBe(true);
    expect(files.get('dumps/large.bin')!.equals(large)).toBe(true);
    expect(files.get('empty')).toHaveLength(0);
    files.get('.env')!.fill(0);
    expect((await loadFiles(open, snapshot!)).get('.env')!.equals(small)).toBe(true);
  });

  it('are not, when they are more than was allowed', async () => {
    const most = large.length + small.length;
    await expect(loadFiles(open, snapshot!, { maxBytes: most - 1 })).rejects.toMatchObject({
      code: 'too-large-for-memory',
      exitCode: 1,
      message: `${snapshot!.id} holds ${most} bytes`,
      hint: 'raise maxBytes, or restore it into a directory',
    });
    expect((await loadFiles(open, snapshot!, { maxBytes: most })).size).toBe(3);
  });

  it('are not, when a listed host says that they are fewer bytes than they are', async () => {
    tick(vault.clock);
    const { id } = await forge(vault, { set: 'bomb', contents: () => ({ bytes: 0 }) });
    const bomb = (await readSnapshots(open)).snapshots.find((s) => s.id === id)!;
    await expect(loadFiles(open, bomb, { maxBytes: 1 })).rejects.toMatchObject({
      code: 'bad-document',
      exitCode: 13,
    });
  });
});
