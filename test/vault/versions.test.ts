// A versioned bucket: what somebody who may write there but holds no key did to it is seen, and undone by looking back.
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { describe, expect, it } from 'vitest';
import { memoryStore } from '../../src/store/memory.ts';
import { versionsBefore } from '../../src/store/versions-before.ts';
import { applyDelete, planDelete } from '../../src/vault/delete.ts';
import { asOf } from '../../src/vault/past.ts';
import { readSnapshots } from '../../src/vault/snapshots.ts';
import { unlock } from '../../src/vault/unlock.ts';
import { verify } from '../../src/vault/verify/verify.ts';
import { putRevision } from '../support/forge.ts';
import { actingAs, type Bucket, s3Ground, skipS3 } from '../support/s3.ts';
import {
  client,
  makeVault,
  openLocked,
  restoreInto,
  scratch,
  type TestVault,
  treeOf,
  withKey,
} from '../support/vault.ts';

/** Somebody who reads it now. */
const reader = (vault: TestVault) => ({ ...client(vault), now: () => new Date() });

describe.skipIf(skipS3)('a vault in a versioned bucket', () => {
  const newBucket = s3Ground();

  async function ground(): Promise<{ bucket: Bucket; vault: TestVault; ids: string[] }> {
    const bucket = await newBucket({ versioned: true });
    // The clock of the service judges when records were made.
    const clock = { now: new Date(Date.now() - 3_600_000) };
    const vault = await makeVault({ store: await bucket.store(), clock });
    const ids: string[] = [];
    for (const value of ['one', 'two']) ids.push((await vault.backup({ '.env': value })).snapshot);
    return { bucket, vault, ids };
  }
  const record = (id = '') => `snapshots/app/${id}.json`;
  const codes = async (vault: TestVault) =>
    (await verify(await openLocked(vault))).findings.map((f) => [f.code, f.object]);

  it('is sound as long as nobody meddles, removals of its own among it', async () => {
    const { vault, ids } = await ground();
    expect(await codes(vault)).toEqual([]);
    const opened = await openLocked(vault);
    const { snapshots } = await readSnapshots(opened);
    await applyDelete(opened, planDelete(snapshots.filter((s) => s.id === ids[0])), vault.host);
    expect(await codes(vault)).toEqual([]);
  });

  it('shows a record that was written over, hidden, or a vault document that was', async () => {
    const { bucket, vault, ids } = await ground();
    await bucket.put(record(ids[0]), 'garbage');
    expect(await codes(vault)).toContainEqual(['overwritten', record(ids[0])]);
    await bucket.remove(record(ids[1]));
    expect(await codes(vault)).toContainEqual(['hidden', record(ids[1])]);
    await bucket.put('vault/1.json', await bucket.get('vault/1.json'));
    expect(await codes(vault)).not.toContainEqual(['overwritten', 'vault/1.json']);
  });

  it('shows one that was removed with a signature and put back', async () => {
    const { bucket, vault, ids } = await ground();
    const kept = new Map<string, Buffer>();
    for (const name of await bucket.names()) kept.set(name, await bucket.get(name));
    const opened = await openLocked(vault);
    const { snapshots } = await readSnapshots(opened);
    await applyDelete(opened, planDelete(snapshots.filter((s) => s.id === ids[1])), vault.host);
    const [entry = ''] = (await bucket.names()).filter((name) => name.startsWith('ledger/'));
    for (const [name, bytes] of kept) if (name.includes(ids[1]!)) await bucket.put(name, bytes);
    await bucket.remove(entry);
    expect(await codes(vault)).toEqual([['put-back', record(ids[1])]]);
  });

  it('says nothing about a name under which nothing ever came through', async () => {
    const { bucket, vault } = await ground();
    await bucket.remove(record('20261120T055812Z-7k3f9q'));
    expect(await codes(vault)).toEqual([]);
  });

  it('shows what is hidden although its old version is too large to be looked at', async () => {
    const { bucket, vault, ids } = await ground();
    await bucket.put(record(ids[0]), Buffer.alloc(17 * 2 ** 20));
    await bucket.remove(record(ids[0]));
    expect(await codes(vault)).toEqual(
      expect.arrayContaining([
        ['overwritten', record(ids[0])],
        ['hidden', record(ids[0])],
      ]),
    );
  });

  it('shows the rest to whoever may not read old versions, and that there is more', async () => {
    const { bucket, vault, ids } = await ground();
    await bucket.remove(record(ids[1]));
    const reader = await bucket.user([
      { Action: ['s3:ListBucket', 's3:ListBucketVersions'], on: '' },
      { Action: ['s3:GetObject'], on: '/vault/*' },
    ]);
    const theirs = await actingAs(reader, async () => {
      const store = await bucket.store();
      return await codes({ ...vault, store });
    });
    expect(theirs).toContainEqual(['hidden', record(ids[1])]);
  });

  it('is read as it was before although the vault document was spoilt and hidden', async () => {
    const { bucket, vault, ids } = await ground();
    const before = new Date(Date.now() + 1000);
    await sleep(1100);
    await bucket.put('vault/1.json', 'spoilt');
    await expect(openLocked(vault)).rejects.toMatchObject({ code: 'unsigned' });
    await bucket.remove('vault/1.json');
    const context = await asOf(reader(vault), before);
    const credentials = async () => [await withKey(vault.key)];
    const opened = await unlock(context, { pin: vault.pin, credentials });
    expect((await readSnapshots(opened)).snapshots.map((s) => s.id)).toEqual(ids);
  });

  it('is not rolled back to an older vault document by whoever hides the newest', async () => {
    const { bucket, vault } = await ground();
    await putRevision(vault, ({ hosts }) => ({ hosts: [{ ...hosts[0]!, removed: vault.document.time }] }));
    await bucket.remove('vault/2.json');
    const context = await asOf(reader(vault), new Date(Date.now() + 1000));
    const opened = await unlock(context, {
      pin: vault.pin,
      credentials: async () => [await withKey(vault.key)],
    });
    expect(opened.document.revision).toBe(2);
    expect((await readSnapshots(opened)).snapshots).toEqual([]);
  });

  it('is read as it was before, under the vault document of today', async () => {
    const { bucket, vault, ids } = await ground();
    await sleep(1100);
    const before = new Date();
    await sleep(1100);
    for (const name of await bucket.names()) {
      if (name.startsWith('vault/')) continue;
      if (name.startsWith('data/')) await bucket.put(name, 'overwritten');
      else await bucket.remove(name);
    }
    expect((await readSnapshots(await openLocked(vault))).snapshots).toEqual([]);

    const context = await asOf(reader(vault), before);
    const opened = await unlock(context, {
      pin: vault.pin,
      credentials: async () => [await withKey(vault.key)],
    });
    const { snapshots, findings } = await readSnapshots(opened);
    expect(snapshots.map((s) => s.id)).toEqual(ids);
    expect(findings).toEqual([]);
    const base = scratch();
    const root = join(base, 'out');
    await restoreInto(opened, snapshots[1]!, root, base);
    expect(treeOf(root)).toMatchObject({ '.env': '600:two' });
    await expect(context.store.create('data/x', Buffer.from('x'))).rejects.toMatchObject({
      code: 'read-only',
    });
    await expect(context.store.remove(['data/x'])).rejects.toMatchObject({ code: 'read-only' });

    await expect(asOf(reader(vault), new Date(before.getTime() - 86_400_000))).rejects.toMatchObject({
      code: 'no-vault',
      exitCode: 10,
    });
    await expect(asOf(reader(vault), new Date(Date.now() + 86_400_000))).rejects.toMatchObject({
      code: 'bad-time',
    });
  });
});

describe.skipIf(skipS3)('a bucket without versions', () => {
  const newBucket = s3Ground();
  it('is not read as it was', async () => {
    const bucket = await newBucket();
    const clock = { now: new Date() };
    const vault = await makeVault({ store: await bucket.store(), clock });
    await expect(asOf(reader(vault), clock.now)).rejects.toMatchObject({ code: 'no-versions', exitCode: 2 });
    expect(await verify(await openLocked(vault))).toMatchObject({ findings: [] });
  });
});

it('a place without versions says that it has none', () => {
  expect(() => versionsBefore(memoryStore(), new Date(), [])).toThrow(
    expect.objectContaining({ code: 'no-versions', exitCode: 2 }),
  );
});
