import { chmodSync, utimesSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { beforeEach, describe, expect, it } from 'vitest';
import { type BackupOptions, backup } from '../../../src/vault/backup/backup.ts';
import { isUnchanged, type MarkedBackup, markOf } from '../../../src/vault/backup/unchanged.ts';
import { EMPTY_MEMORY, noMemory } from '../../../src/vault/client.ts';
import { applyDelete, planDelete } from '../../../src/vault/delete.ts';
import { readSnapshots } from '../../../src/vault/snapshots.ts';
import { copyOf, namesOf } from '../../support/forge.ts';
import { client, makeVault, openLocked, scratch, type TestVault, tick } from '../../support/vault.ts';
import { putOnly, watched } from '../stores.ts';

const DAY = 24 * 60 * 60 * 1000;
let vault: TestVault;
let root: string;
beforeEach(async () => {
  vault = await makeVault();
  root = scratch();
  writeFileSync(join(root, '.env'), 'TOKEN=1\n', { mode: 0o600 });
});

async function run(more: Partial<BackupOptions> = {}, store = vault.store, memory = vault.memory) {
  tick(vault.clock);
  const sources = { root, include: ['.env'], exclude: [] };
  const options = {
    set: 'app',
    sources,
    host: vault.host,
    pin: vault.pin,
    skipUnchangedWithin: DAY,
    ...more,
  };
  return await backup(client({ ...vault, store }, memory), options);
}

describe('a backup that would hold what the last one held', () => {
  it('is not made', async () => {
    const first = await run();
    const store = watched(vault.store);
    expect(await run({}, store)).toMatchObject({
      unchanged: true,
      snapshot: first.snapshot,
      complete: true,
      files: 1,
      bytes: 8,
      stored: 0,
    });
    expect(store.writes).toEqual([]);
    expect(await namesOf(vault.store, 'snapshots/')).toHaveLength(1);
  });

  it('is made when that was not asked for', async () => {
    const { snapshot } = await run();
    tick(vault.clock);
    const sources = { root, include: ['.env'], exclude: [] };
    const plain = { set: 'app', sources, host: vault.host, pin: vault.pin };
    const second = await backup(client(vault, vault.memory), plain);
    expect(second).toMatchObject({ unchanged: false });
    expect(second.snapshot).not.toBe(snapshot);
  });

  it('is not made for a file that was only touched', async () => {
    await run();
    utimesSync(join(root, '.env'), 1, 1);
    expect(await run()).toMatchObject({ unchanged: true });
  });

  it.each<[string, () => void, Partial<BackupOptions>]>([
    ['its content is other', () => writeFileSync(join(root, '.env'), 'TOKEN=2\n'), {}],
    ['its mode is other', () => chmodSync(join(root, '.env'), 0o640), {}],
    ['more is asked for', () => {}, { sources: { root: '', include: ['.env', '.'], exclude: [] } }],
    ['less is asked for', () => {}, { sources: { root: '', include: ['.env'], exclude: ['x'] } }],
    ['a restore should do otherwise', () => {}, { restore: { modes: { '.env': '0444' } } }],
    ['it is of another set', () => {}, { set: 'other' }],
  ])('is made when %s', async (_, change, more) => {
    const first = await run();
    change();
    const sources = more.sources ? { sources: { ...more.sources, root } } : {};
    const second = await run({ ...more, ...sources } as Partial<BackupOptions>);
    expect(second).toMatchObject({ unchanged: false });
    expect(second.snapshot).not.toBe(first.snapshot);
  });

  it('is made when the last one is too old, and then not again', async () => {
    await run();
    tick(vault.clock, DAY);
    expect(await run()).toMatchObject({ unchanged: false });
    expect(await run()).toMatchObject({ unchanged: true });
  });

  it('is made when the clock went back', async () => {
    await run();
    tick(vault.clock, -DAY);
    expect(await run()).toMatchObject({ unchanged: false });
  });

  it('is made when the last one was deleted since', async () => {
    const { snapshot } = await run();
    const open = await openLocked(vault);
    await applyDelete(open, planDelete((await readSnapshots(open)).snapshots), vault.host);
    const second = await run();
    expect(second).toMatchObject({ unchanged: false });
    expect(second.snapshot).not.toBe(snapshot);
  });

  it('is made at another place, which lacks it', async () => {
    await run();
    const copy = await copyOf(vault);
    const elsewhere = { ...watched(copy.store), location: 'memory:2' };
    expect(await run({}, elsewhere)).toMatchObject({ unchanged: false });
  });

  it('is made by a machine that remembers nothing', async () => {
    await run();
    expect(await run({}, vault.store, noMemory())).toMatchObject({ unchanged: false });
  });

  it('is made after an incomplete one, and while a source fails', async () => {
    const failing = { sources: { root, include: ['.env', 'gone'], exclude: [] } };
    expect(await run(failing)).toMatchObject({ complete: false });
    expect(await run(failing)).toMatchObject({ complete: false, unchanged: false });
  });

  it('is not made by a role that may only put, which goes by its memory', async () => {
    await run();
    expect(await run({}, putOnly(vault.store))).toMatchObject({ unchanged: true });
  });
});

describe('the mark', () => {
  const entry = {
    path: '.env',
    type: 'file' as const,
    mode: 0o600,
    uid: 0,
    gid: 0,
    mtime: 5,
    size: 8,
    sha256: 'a'.repeat(64),
  };
  const pin = { vault: 'v', generation: 1, revision: 1, recipient: 'age1x', authority: 'SHA256:x' };
  const marked: MarkedBackup = {
    location: '/srv/vault',
    pin,
    asked: { include: ['.env'] },
    entries: [entry],
  };
  const now = new Date('2026-11-20T05:58:12Z');

  it('is keyed: the same backup has another mark each time, so it tells nothing of a secret that can be guessed', () => {
    const [one, two] = [markOf(marked, 'x', now), markOf(marked, 'x', now)];
    expect(one.mark).not.toBe(two.mark);
    expect(Buffer.from(one.key, 'base64')).toHaveLength(32);
    expect(one.mark).toMatch(/^[0-9a-f]{64}$/);
    expect(JSON.stringify(one)).not.toContain(entry.sha256);
    for (const mark of [one, two]) expect(isUnchanged(marked, mark, now, DAY)).toBe(true);
  });

  it.each<[string, Partial<MarkedBackup>]>([
    ['place', { location: '/srv/other' }],
    ['vault', { pin: { ...pin, vault: 'w' } }],
    ['generation', { pin: { ...pin, generation: 2 } }],
    ['selection', { asked: { include: [] } }],
    ['owner', { entries: [{ ...entry, uid: 1 }] }],
    ['name', { entries: [{ ...entry, path: 'env' }] }],
    ['number of entries', { entries: [entry, { ...entry, path: 'b' }] }],
    ['link', { entries: [{ ...entry, type: 'symlink', target: 'x' }] }],
  ])('is of one %s', (_, change) => {
    expect(isUnchanged({ ...marked, ...change }, markOf(marked, 'x', now), now, DAY)).toBe(false);
  });

  it('is of one name, however odd: not of another that spells its bytes out', () => {
    const odd = { ...marked, entries: [{ ...entry, path: 'a\udc80' }] };
    const spelt = { ...marked, entries: [{ ...entry, path: '"a\\udc80"' }] };
    expect(isUnchanged(spelt, markOf(odd, 'x', now), now, DAY)).toBe(false);
    expect(isUnchanged(odd, markOf(odd, 'x', now), now, DAY)).toBe(true);
  });

  it('is not of one revision or time of change', () => {
    const mark = markOf(marked, 'x', now);
    const later = { ...marked, pin: { ...pin, revision: 9 }, entries: [{ ...entry, mtime: 9 }] };
    expect(isUnchanged(later, mark, now, DAY)).toBe(true);
  });

  it.each([
    ['just in time', DAY - 1000, true],
    ['a moment too old', DAY, false],
    ['of the future', -1000, false],
  ])('is good as long as it is young: %s', (_, age, good) => {
    expect(isUnchanged(marked, markOf(marked, 'x', new Date(now.getTime() - age)), now, DAY)).toBe(good);
  });

  it('that is damaged is no mark', () => {
    const mark = markOf(marked, 'x', now);
    for (const bad of [
      { mark: '' },
      { mark: 'zz' },
      { key: '' },
      { time: 'soon' },
      { mark: mark.mark.slice(2) },
    ]) {
      expect(isUnchanged(marked, { ...mark, ...bad }, now, DAY)).toBe(false);
    }
    expect(isUnchanged(marked, undefined, now, DAY)).toBe(false);
    expect(EMPTY_MEMORY.unchanged).toEqual({});
  });
});
