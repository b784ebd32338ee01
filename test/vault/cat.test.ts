import { randomBytes } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { cat } from '../../src/vault/cat.ts';
import { readSnapshots } from '../../src/vault/snapshots.ts';
import { dirEntry, fileEntry, forge, linkEntry } from '../support/forge.ts';
import { makeVault, openUnlocked, tick } from '../support/vault.ts';

const vault = await makeVault();
const large = randomBytes(3 * 1024 * 1024 + 17);
const small = Buffer.from('TOKEN=1\n');
await vault.backup({ '.env': small, 'dumps/large.bin': large, empty: Buffer.alloc(0) });
const open = await openUnlocked(vault);
const [snapshot] = (await readSnapshots(open)).snapshots;

async function catOf(path: string): Promise<Buffer> {
  const chunks: Buffer[] = [];
  await cat(open, snapshot!, path, async (chunk) => {
    chunks.push(Buffer.from(chunk));
  });
  return Buffer.concat(chunks);
}

describe('one file of a snapshot', () => {
  it.each<[string, Buffer]>([
    ['.env', small],
    ['./.env', small],
    ['././dumps/large.bin', large],
    ['empty', Buffer.alloc(0)],
  ])('%s comes as it was', async (path, bytes) => {
    expect((await catOf(path)).equals(bytes)).toBe(true);
  });

  it('that is large comes in pieces', async () => {
    let pieces = 0;
    await cat(open, snapshot!, 'dumps/large.bin', async () => {
      pieces++;
    });
    expect(pieces).toBeGreaterThan(1);
  });

  it.each([
    ['nope', 'nope'],
    ['dumps/', 'dumps/'],
    ['../.env', '../.env'],
    ['/etc/passwd', '/etc/passwd'],
    ['a\u001b[2J', 'a\\x1b[2J'],
    ['', ''],
  ])('%j is not there, and that is said', async (path, shown) => {
    await expect(catOf(path)).rejects.toMatchObject({
      code: 'no-path',
      exitCode: 10,
      message: `${snapshot!.id} of app holds no ${shown}`,
      hint: `see what it holds with \`strongroom show ${snapshot!.id}\``,
    });
  });

  it('that is none, but a directory or a link, is refused', async () => {
    await expect(catOf('dumps')).rejects.toMatchObject({
      code: 'not-a-file',
      exitCode: 2,
      message: 'dumps is a directory',
    });
    tick(vault.clock);
    const { id } = await forge(vault, {
      set: 'links',
      entries: [dirEntry('a'), linkEntry('b', 'a')],
      files: {},
    });
    const linked = (await readSnapshots(open)).snapshots.find((s) => s.id === id)!;
    await expect(cat(open, linked, 'b', async () => {})).rejects.toMatchObject({
      message: 'b is a symbolic link',
    });
  });

  it('from outside of the root is named as it was', async () => {
    tick(vault.clock);
    const entries = [
      dirEntry('@outside'),
      dirEntry('@outside/etc'),
      fileEntry('@outside/etc/shop.key', 'KEY'),
    ];
    const { id } = await forge(vault, { set: 'outside', entries, files: { '@outside/etc/shop.key': 'KEY' } });
    const found = (await readSnapshots(open)).snapshots.find((s) => s.id === id)!;
    const chunks: Buffer[] = [];
    const entry = await cat(open, found, '/etc/shop.key', async (chunk) => void chunks.push(chunk));
    expect(entry.path).toBe('@outside/etc/shop.key');
    expect(Buffer.concat(chunks).toString()).toBe('KEY');
  });

  it('stops when whoever takes it does not go on', async () => {
    const gone = cat(open, snapshot!, 'dumps/large.bin', async () => {
      throw new Error('the reader has gone');
    });
    await expect(gone).rejects.toThrow('the reader has gone');
  });
});
