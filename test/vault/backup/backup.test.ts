import {
  appendFileSync,
  mkdirSync,
  mkdtempSync,
  rmSync,
  symlinkSync,
  truncateSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { beforeEach, describe, expect, it } from 'vitest';
import { StoreError } from '../../../src/errors.ts';
import { memoryStore } from '../../../src/store/memory.ts';
import { readSnapshotContents } from '../../../src/vault/artifact-read.ts';
import { type BackupOptions, backup } from '../../../src/vault/backup/backup.ts';
import { planBackup } from '../../../src/vault/backup/plan.ts';
import { noMemory } from '../../../src/vault/client.ts';
import { loadFiles } from '../../../src/vault/load.ts';
import { readSnapshots, type Snapshot } from '../../../src/vault/snapshots.ts';
import { verify } from '../../../src/vault/verify/verify.ts';
import { enroll, namesOf, putRevision } from '../../support/forge.ts';
import {
  client,
  makeVault,
  newHost,
  openLocked,
  openUnlocked,
  scratch,
  type TestVault,
  tick,
} from '../../support/vault.ts';
import { denied, Killed, killedAfter, putOnly, watched } from '../stores.ts';

const MiB = 1024 * 1024;
let vault: TestVault;
beforeEach(async () => {
  vault = await makeVault();
});

/** A directory with these files, 0600. */
function tree(files: Readonly<Record<string, string | Buffer>>): string {
  const root = scratch();
  for (const [path, content] of Object.entries(files)) {
    mkdirSync(join(root, path, '..'), { recursive: true, mode: 0o700 });
    writeFileSync(join(root, path), content, { mode: 0o600 });
  }
  return root;
}

function of(root: string, include: readonly string[] = [], exclude: readonly string[] = []) {
  return { sources: { root, include, exclude } };
}

async function newest(from = vault): Promise<Snapshot> {
  const { snapshots } = await readSnapshots(await openLocked(from));
  return snapshots[snapshots.length - 1]!;
}

async function loaded(from = vault): Promise<Record<string, string>> {
  const files = await loadFiles(await openUnlocked(from), await newest(from));
  return Object.fromEntries([...files].map(([path, bytes]) => [path, bytes.toString()]));
}

/** Objects besides those that init made. */
async function snapshotObjects(from = vault): Promise<string[]> {
  return (await namesOf(from.store)).filter((name) => /^(?:data|snapshots)\//.test(name));
}

/** Backs up through another store, or with other parts. */
async function backUp(options: Partial<BackupOptions> = {}, store = vault.store, memory = vault.memory) {
  tick(vault.clock);
  const context = { ...client({ ...vault, store }, memory) };
  return await backup(context, {
    set: 'app',
    sources: { memory: { a: 'A' } },
    host: vault.host,
    pin: vault.pin,
    ...options,
  });
}

describe('a backup', () => {
  it('of files comes back as it was', async () => {
    const root = tree({ '.env': 'TOKEN=1\n', 'certs/site.pem': 'PEM', empty: '' });
    symlinkSync('certs/site.pem', join(root, 'current'));
    const result = await backUp(of(root));
    expect(result).toMatchObject({
      set: 'app',
      unchanged: false,
      complete: true,
      files: 3,
      entries: 5,
      bytes: 11,
      problems: [],
    });
    expect(await loaded()).toEqual({ '.env': 'TOKEN=1\n', 'certs/site.pem': 'PEM', empty: '' });
    const contents = await readSnapshotContents(await openUnlocked(vault), await newest());
    expect(contents).toMatchObject({
      root,
      sources: { include: [], exclude: [] },
      warnings: [],
      findings: [],
      streams: [],
      bytes: 11,
      host: 'web-1',
    });
    expect(contents.entries.find((e) => e.path === 'current')).toMatchObject({
      type: 'symlink',
      target: 'certs/site.pem',
    });
  });

  it('from memory holds bytes, text and values as JSON', async () => {
    await backUp({
      sources: { memory: { 'a/b.bin': Buffer.from([1, 2]), 'note.txt': 'hi', 'state.json': { n: 1 } } },
    });
    expect(await loaded()).toEqual({
      'a/b.bin': '\u0001\u0002',
      'note.txt': 'hi',
      'state.json': '{\n  "n": 1\n}\n',
    });
    expect(await readSnapshotContents(await openUnlocked(vault), await newest())).toMatchObject({ root: '' });
  });

  it('writes parts, contents and last the record', async () => {
    const store = watched(vault.store);
    const { snapshot } = await backUp({}, store);
    expect(store.writes.map((w) => w.replace(/1-[0-9a-z]{10}/, '1-R'))).toEqual([
      `create data/app/${snapshot}/1-R/files.tar.gz.age.00000`,
      `create data/app/${snapshot}/1-R/contents.json.gz.age.00000`,
      `create snapshots/app/${snapshot}.json`,
    ]);
  });

  it('reads the vault document and nothing else: no key, no snapshot', async () => {
    const read: string[] = [];
    const store = watched(vault.store, ({ verb, name }) => {
      if (verb === 'get' || verb === 'list') read.push(`${verb} ${name}`);
    });
    await backUp({}, store);
    expect(read).toEqual(['list vault/', 'get vault/1.json']);
  });

  it('says what it was given to say: the label and tags for all, the description for who can open it', async () => {
    await backUp({
      label: 'before-deploy',
      tags: { release: '42' },
      description: 'for your eyes',
      restore: { modes: { a: '0444' } },
    });
    const snapshot = await newest();
    expect(snapshot).toMatchObject({
      label: 'before-deploy',
      tags: { release: '42' },
      revision: 1,
      generation: 1,
      host: 'web-1',
    });
    const contents = await readSnapshotContents(await openUnlocked(vault), snapshot);
    expect(contents).toMatchObject({ description: 'for your eyes', restore: { modes: { a: '0444' } } });
  });

  it('of nothing is a snapshot too', async () => {
    expect(await backUp({ sources: { memory: {} } })).toMatchObject({ complete: true, files: 0 });
    expect(await loaded()).toEqual({});
  });

  it('is smaller when it may be compressed', async () => {
    const sources = { memory: { log: 'the same line\n'.repeat(100_000) } };
    const stored = await backUp({ sources, level: 0 });
    const packed = await backUp({ sources, level: 9 });
    expect(packed.stored * 20).toBeLessThan(stored.stored);
  });

  it('names the one before it, of the same set, that this machine saw', async () => {
    const first = await backUp();
    const other = await backUp({ set: 'db' });
    const second = await backUp();
    expect(await newest()).toMatchObject({ id: second.snapshot, previous: { id: first.snapshot } });
    const { snapshots } = await readSnapshots(await openLocked(vault));
    expect(snapshots.map((s) => s.previous?.id)).toEqual([undefined, undefined, first.snapshot]);
    expect(snapshots[1]).toMatchObject({ set: 'db', id: other.snapshot });
    await backUp({}, vault.store, noMemory());
    expect((await newest()).previous).toBeNull();
  });

  it('of the same second is newer than the one before it', async () => {
    const context = client(vault, vault.memory);
    const ids: string[] = [];
    for (let i = 0; i < 5; i++) {
      const sources = { memory: { n: String(i) } };
      ids.push((await backup(context, { set: 'app', sources, host: vault.host, pin: vault.pin })).snapshot);
    }
    expect(ids.toSorted()).toEqual(ids);
    expect(await loaded()).toEqual({ n: '4' });
  });

  it('tells how far it is', async () => {
    const seen: number[] = [];
    await backUp({ sources: { memory: { a: 'A', b: 'B' } }, onProgress: ({ files }) => seen.push(files) });
    expect(seen.at(-1)).toBe(2);
  });

  it('is planned without writing anything', async () => {
    const root = tree({ '.env': 'TOKEN=1\n' });
    const { sources, problems } = await planBackup(
      { root, include: ['.env', 'gone'], exclude: [] },
      vault.clock.now,
    );
    expect(sources.map((s) => s.path)).toEqual(['.env']);
    expect(problems).toMatchObject([{ kind: 'missing', path: 'gone', incomplete: true }]);
    expect(await snapshotObjects()).toEqual([]);
  });
});

describe('what cannot be read', () => {
  it('makes the snapshot incomplete, never quietly', async () => {
    const root = tree({ '.env': 'TOKEN=1\n' });
    const result = await backUp(of(root, ['.env', 'certs/site.pem']));
    expect(result).toMatchObject({
      complete: false,
      files: 1,
      problems: [{ kind: 'missing', path: 'certs/site.pem' }],
    });
    expect(await newest()).toMatchObject({ complete: false });
    const { warnings } = await readSnapshotContents(await openUnlocked(vault), await newest());
    expect(warnings).toMatchObject([{ kind: 'missing', path: 'certs/site.pem', incomplete: true }]);
  });

  it('and changes while it is streamed, is packed once more from the beginning', async () => {
    const root = tree({ 'dump.sql': Buffer.alloc(17 * MiB, 'a'), note: 'n' });
    const store = watched(vault.store);
    let touched = 0;
    const result = await backUp(
      {
        ...of(root),
        onProgress() {
          if (touched++ === 0) truncateSync(join(root, 'dump.sql'), 17 * MiB - 1);
        },
      },
      store,
    );
    expect(result).toMatchObject({ complete: true, files: 2, bytes: 17 * MiB });
    expect((await snapshotObjects()).length).toBe(3);
    expect(store.writes.filter((w) => w.startsWith('remove'))).toHaveLength(1);
    const { findings } = await verify(await openLocked(vault));
    expect(findings).toEqual([]);
  });

  it('and changes every time, is kept as it was read, as torn and incomplete', async () => {
    const root = tree({ 'dump.sql': Buffer.alloc(17 * MiB, 'a') });
    let time = 1_000_000;
    const result = await backUp({
      ...of(root),
      onProgress: () => utimesSync(join(root, 'dump.sql'), time, time++),
    });
    expect(result).toMatchObject({ complete: false, problems: [{ kind: 'changed', path: 'dump.sql' }] });
    const { entries } = await readSnapshotContents(await openUnlocked(vault), await newest());
    expect(entries).toMatchObject([{ path: 'dump.sql', torn: true, size: 17 * MiB }]);
    expect((await snapshotObjects()).length).toBe(3);
  });

  it('and only grew, is complete with a warning', async () => {
    const root = tree({ 'big.log': Buffer.alloc(17 * MiB, 'a') });
    let grew = false;
    const onProgress = () => {
      if (!grew) appendFileSync(join(root, 'big.log'), 'more');
      grew = true;
    };
    const result = await backUp({ ...of(root), onProgress });
    expect(result).toMatchObject({
      complete: true,
      bytes: 17 * MiB,
      problems: [{ kind: 'grew', incomplete: false }],
    });
  });
});

describe('a backup is refused before anything is written', () => {
  async function refused(options: Partial<BackupOptions>, by = vault) {
    const store = watched(by.store);
    const context = client({ ...by, store }, noMemory());
    const base = { set: 'app', sources: { memory: { a: 'A' } }, host: by.host, pin: vault.pin };
    const error = await backup(context, { ...base, ...options }).then(
      () => undefined,
      (reason: unknown) => reason,
    );
    expect(store.writes).toEqual([]);
    return error;
  }

  it.each<[string, Partial<BackupOptions>, string]>([
    ['the set', { set: 'My App' }, 'bad-name'],
    ['the label', { label: 'Before Deploy' }, 'bad-name'],
    ['the name of a tag', { tags: { 'Release No': '1' } }, 'bad-name'],
    ['a tag', { tags: { release: 'x'.repeat(257) } }, 'bad-tag'],
    ['the description', { description: 'x'.repeat(65_537) }, 'bad-description'],
    ['a wish for modes', { restore: { modes: { ['{a,b}'.repeat(10)]: '0444' } } }, 'bad-pattern'],
  ])('when %s is not as it must be', async (_, options, code) => {
    expect(await refused(options)).toMatchObject({ code, exitCode: 2 });
  });

  it('without a pin', async () => {
    const context = client(vault);
    await expect(
      backup(context, { set: 'app', sources: { memory: {} }, host: vault.host }),
    ).rejects.toMatchObject({ code: 'no-pin', exitCode: 2 });
  });

  it('when the vault is not the pinned one', async () => {
    const { pin } = await makeVault();
    expect(await refused({ pin })).toMatchObject({ code: 'foreign-vault', exitCode: 13 });
  });

  it('by a host that the vault does not list: it would count nowhere', async () => {
    const host = newHost('laptop');
    expect(await refused({ host })).toMatchObject({
      code: 'unlisted-host',
      exitCode: 2,
      message: 'the vault shop would not count this backup: laptop is not one of its hosts',
      hint: expect.stringContaining(
        `strongroom hosts enroll --approve 'laptop ${host.key.publicKey} sets=app may=write check=`,
      ),
    });
    expect(await refused({ host, scope: ['db', 'app'] })).toMatchObject({
      hint: expect.stringContaining(' sets=db,app may=write '),
    });
  });

  it('by another machine under the name of a host', async () => {
    expect(await refused({ host: newHost(vault.host.name) })).toMatchObject({
      code: 'unlisted-host',
      message: 'the vault shop would not count this backup: web-1 is a host of it with another key',
      hint: expect.stringContaining('STRONGROOM_HOST'),
    });
  });

  it('by a host under another name than it has there', async () => {
    expect(await refused({ host: { ...vault.host, name: 'web-2' } })).toMatchObject({
      code: 'unlisted-host',
      message: 'the vault shop would not count this backup: web-2 is known to it as web-1',
      hint: 'set STRONGROOM_HOST=web-1',
    });
  });

  it('by a host that was removed, or may not write this set', async () => {
    const scoped = await enroll(vault, newHost('db-1'), { sets: ['db'] });
    expect(await refused({}, scoped)).toMatchObject({
      code: 'unlisted-host',
      message: expect.stringContaining('db-1 may not write the set app'),
    });
    expect(await backUp({ set: 'db', host: scoped.host })).toMatchObject({ complete: true });
    await putRevision(scoped, ({ hosts }) => ({
      hosts: hosts.map((h) => ({ ...h, removed: vault.document.time })),
    }));
    expect(await refused({ set: 'db' }, scoped)).toMatchObject({
      message: expect.stringContaining('db-1 was removed from its hosts'),
      hint: expect.stringContaining('strongroom hosts enroll --new-key'),
    });
  });
});

describe('a backup that fails leaves nothing', () => {
  it.each([0, 1, 2])('when the store is full at object %i', async (at) => {
    const store = watched(vault.store, ({ verb, creates }) => {
      if (verb === 'create' && creates === at) throw new StoreError('store-full', 'no space left');
    });
    await expect(backUp({}, store)).rejects.toMatchObject({ code: 'store-full', exitCode: 14 });
    expect(await snapshotObjects()).toEqual([]);
    await backUp();
    expect((await newest()).previous).toBeNull();
  });

  it('when it is interrupted', async () => {
    const stop = new AbortController();
    const context = { ...client(vault), signal: stop.signal };
    const sources = { memory: { a: 'A', b: 'B' } };
    const options = { set: 'app', sources, host: vault.host, pin: vault.pin, onProgress: () => stop.abort() };
    await expect(backup(context, options)).rejects.toMatchObject({ code: 'interrupted', exitCode: 130 });
    expect(await snapshotObjects()).toEqual([]);
  });

  it('when nobody knows whether its record was written: the record goes before the data', async () => {
    const store = watched(vault.store, undefined, ({ name }) => {
      if (name.startsWith('snapshots/')) throw new StoreError('store-unreachable', 'the disk went away');
    });
    await expect(backUp({}, store)).rejects.toMatchObject({ code: 'store-unreachable' });
    expect(await snapshotObjects()).toEqual([]);
    const removed = store.writes.filter((w) => w.startsWith('remove')).map((w) => w.split('/')[0]);
    expect(removed).toEqual(['remove snapshots', 'remove data', 'remove data']);
  });

  it('unless it was killed: then what it wrote is nothing that counts, and named as that', async () => {
    await expect(backUp({}, killedAfter(vault.store, 2))).rejects.toThrow(Killed);
    expect(await snapshotObjects()).toHaveLength(2);
    const { snapshots, findings } = await verify(await openLocked(vault));
    expect(snapshots).toEqual([]);
    expect(findings.map((f) => [f.code, f.severity])).toEqual([
      ['orphan', 'warning'],
      ['orphan', 'warning'],
    ]);
    await backUp();
    expect(await loaded()).toEqual({ a: 'A' });
  });
});

describe('a role that may only put', () => {
  it('backs up by the pin alone', async () => {
    await backUp({}, putOnly(vault.store));
    expect(await loaded()).toEqual({ a: 'A' });
    expect(await newest()).toMatchObject({ revision: 1 });
  });

  it('leaves to others what it cannot take back', async () => {
    const store = watched(vault.store, ({ verb, creates }) => {
      if (verb !== 'create') throw denied(verb);
      if (creates === 1) throw new StoreError('store-full', 'no space left');
    });
    await expect(backUp({}, store)).rejects.toMatchObject({ code: 'store-full' });
    expect(await snapshotObjects()).toHaveLength(1);
  });

  it('needs a pin as everybody does', async () => {
    const context = client({ ...vault, store: putOnly(vault.store) });
    await expect(
      backup(context, { set: 'app', sources: { memory: {} }, host: vault.host }),
    ).rejects.toMatchObject({ code: 'no-pin' });
  });
});

it('a store that cannot be reached is an error, not a reason to go by the pin', async () => {
  const store = watched(memoryStore(), ({ verb }) => {
    if (verb === 'list') throw new StoreError('store-unreachable', 'no route to host');
  });
  await expect(backUp({}, store)).rejects.toMatchObject({ code: 'store-unreachable', exitCode: 14 });
});

describe('a source that holds nothing', () => {
  it('makes the snapshot incomplete: an exclude too many, or a disk that is not mounted', async () => {
    const root = mkdtempSync(join(tmpdir(), 'strongroom-empty-'));
    try {
      const { sources, problems } = await planBackup({ root, include: [], exclude: [] }, new Date());
      expect(sources).toEqual([]);
      expect(problems).toEqual([expect.objectContaining({ kind: 'missing', path: root, incomplete: true })]);
    } finally {
      rmSync(root, { recursive: true });
    }
  });
});
