// Whoever writes to the vault or to its copy, and what a copy must not do on his word: the copy is what is left when the
// vault is lost.
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { localStore } from '../../src/store/local.ts';
import type { Store } from '../../src/store/store.ts';
import { applyCopy } from '../../src/vault/copy/apply.ts';
import { planCopyTo } from '../../src/vault/copy/copy.ts';
import { planCopy } from '../../src/vault/copy/plan.ts';
import { applyDelete, planDelete } from '../../src/vault/delete.ts';
import { readSnapshots } from '../../src/vault/snapshots.ts';
import { writeLedgerEntry } from '../../src/vault/write-ledger.ts';
import { copyTo, emptyPlace, expectSameAs, faultsAt, heldAt } from '../support/copies.ts';
import { digestsOf, get, namesOf, objectsOf, put, storeOf } from '../support/forge.ts';
import { enrolled, keeper, removed } from '../support/hosts.ts';
import { rotateVault } from '../support/rotation.ts';
import { rotation } from '../support/thief.ts';
import { makeVault, newHost, openLocked, scratch, sha256, type TestVault, tick } from '../support/vault.ts';
import { denied, watched } from '../vault/stores.ts';

/** A vault with two snapshots, and a whole copy. */
async function copied(): Promise<{ vault: TestVault; place: Store }> {
  const vault = await makeVault();
  for (const n of [1, 2]) await vault.backup({ '.env': `N=${n}\n` });
  const place = emptyPlace(vault);
  await copyTo(vault, place);
  return { vault, place };
}

/** On a machine with the pin of the configuration and no memory: a container, say. */
async function copyByPin(vault: TestVault, place: Store) {
  return await applyCopy(await planCopyTo(await openLocked(vault), place));
}

/** A rotation that whoever held the key of the generation before makes up. */
async function madeUp(vault: TestVault, thief = newHost('thief'), revision = 2): Promise<TestVault> {
  const object = 'keys/2/previous-0123456789.age';
  const bytes = Buffer.from('anything');
  await put(vault.store, object, bytes);
  const previous = { object, size: bytes.length, sha256: sha256(bytes) };
  return await rotation(vault, thief, { revision, previous });
}

describe('whoever held a key that was rotated out, and writes to the vault', () => {
  it('does not have the copy follow a rotation that he made up, nor remove or replace anything', async () => {
    const { vault, place } = await copied();
    const before = await objectsOf(vault.store);
    tick(vault.clock);
    const real = await rotateVault(vault, await keeper(vault));
    await copyTo(vault, place);
    const good = await digestsOf(place);
    const opens = await heldAt({ ...vault, pin: real.pin }, place);
    // He puts the vault back, adds his own rotation, and signs the removal of all.
    const rolledBack = { ...vault, store: await storeOf(before, vault.clock.now) };
    tick(vault.clock);
    const thief = newHost('thief');
    const his = await madeUp(rolledBack, thief);
    const seen = await openLocked({ ...rolledBack, pin: his.pin });
    await applyDelete(seen, planDelete((await readSnapshots(seen)).snapshots), thief);
    tick(vault.clock);
    await expect(copyByPin(rolledBack, place)).rejects.toMatchObject({ code: 'old-pin', exitCode: 2 });
    // Nor where somebody believed him: what stands there is signed for the same vault.
    await expect(planCopy(seen, place)).rejects.toMatchObject({ code: 'two-vaults' });
    expect(await digestsOf(place)).toEqual(good);
    expect(await heldAt({ ...vault, pin: real.pin }, place)).toEqual(opens);
  });

  it('does not take its keys from a copy that never saw a rotation', async () => {
    const { vault, place } = await copied();
    const good = await digestsOf(place);
    await madeUp(vault);
    await vault.store.remove(await namesOf(vault.store, 'keys/1/'));
    await expect(copyByPin(vault, place)).rejects.toMatchObject({ code: 'old-pin' });
    expect(await digestsOf(place)).toEqual(good);
  });
});

/** The place as somebody sees it who may not read some of it. */
const blind = (place: Store, isHidden: (name: string) => boolean): Store =>
  watched(place, ({ verb, name }) => {
    if (verb === 'get' && isHidden(name)) throw denied(`get ${name}`);
  });

describe('what of a copy may not be read', () => {
  it('is named where it is one object, and all others are looked at', async () => {
    const { vault, place } = await copied();
    for (const name of await namesOf(place))
      if (!/^(?:RECOVERY|vault)/.test(name))
        await put(place, name, Buffer.alloc((await get(place, name)).length));
    const result = await copyTo(
      vault,
      blind(place, (name) => name === 'RECOVERY.md'),
      { recheck: true },
    );
    expect(result.mended.length).toBeGreaterThan(5);
    expect(
      result.findings.filter((f) => f.code === 'store-denied').map((f) => `${f.at} ${f.object}`),
    ).toEqual(['copy RECOVERY.md']);
    expect(await heldAt(vault, place)).toEqual(await heldAt(vault, vault.store));
  });

  it.each([
    ['one vault document', 'vault/1.json'],
    ['all of them', 'vault/'],
  ])('has nothing removed: %s', async (_what, hidden) => {
    const { vault, place } = await copied();
    await enrolled(vault, 'web-2');
    await copyTo(vault, place);
    await put(place, 'keys/1/other-0123456789.age', 'x');
    const { snapshots } = await readSnapshots(await openLocked(vault));
    await applyDelete(await openLocked(vault), planDelete(snapshots.slice(0, 1)), vault.host);
    const result = await copyTo(
      vault,
      blind(place, (name) => name.startsWith(hidden)),
    );
    expect(result).toMatchObject({ removed: 0, left: 0 });
    expect(await namesOf(place)).toEqual(expect.arrayContaining(['keys/1/other-0123456789.age']));
    expect(result.findings.map((f) => `${f.code} ${f.object}`)).toEqual(
      hidden === 'vault/' ? [] : ['store-denied vault/1.json'],
    );
  });

  it('is not rechecked', async () => {
    const { vault, place } = await copied();
    await expect(
      copyTo(
        vault,
        blind(place, () => true),
        { recheck: true },
      ),
    ).rejects.toMatchObject({
      code: 'store-denied',
      exitCode: 14,
    });
  });

  it('may be another vault, whose keys stay', async () => {
    const vault = await makeVault();
    await vault.backup({ '.env': 'N=1\n' });
    const { place } = await copied();
    const before = await digestsOf(place);
    const hidden = blind(place, (name) => name === 'RECOVERY.md');
    await expect(copyTo(vault, hidden)).rejects.toMatchObject({ code: 'foreign-vault' });
    const keys = Object.keys(before).filter((name) => name.startsWith('keys/'));
    // Nothing can be told of one that is not to be read at all; nothing goes from it.
    await copyTo(
      vault,
      blind(place, () => true),
    ).catch(() => {});
    expect(await namesOf(place, 'keys/')).toEqual(expect.arrayContaining(keys));
  });

  it('may be newer than the vault, which its names tell', async () => {
    const { vault, place } = await copied();
    const old = await objectsOf(vault.store);
    tick(vault.clock);
    await rotateVault(vault, await keeper(vault));
    await copyTo(vault, place);
    const good = await digestsOf(place);
    const rolledBack = { ...vault, store: await storeOf(old, vault.clock.now) };
    for (const hidden of [() => true, (name: string) => name === 'vault/2.json'])
      await expect(copyByPin(rolledBack, blind(place, hidden))).rejects.toMatchObject({ code: 'newer-copy' });
    expect(await digestsOf(place)).toEqual(good);
  });
});

describe('a directory that is planted under a name at the copy', () => {
  async function planted(name: (vault: TestVault) => Promise<string>) {
    const vault = await makeVault();
    await vault.backup({ '.env': 'N=1\n' });
    const root = join(scratch(), 'copy');
    const place = await localStore(root, { create: true });
    await copyTo(vault, place);
    await enrolled(vault, 'web-2');
    for (const n of [2, 3]) await vault.backup({ '.env': `N=${n}\n` });
    const object = await name(vault);
    mkdirSync(join(root, object, 'x'), { recursive: true });
    return { vault, place, object };
  }

  it('keeps one snapshot from it, and no other', async () => {
    const { vault, place, object } = await planted(
      async ({ store }) => (await namesOf(store, 'data/')).at(-1)!,
    );
    const result = await copyTo(vault, place);
    expect(result.copied).toHaveLength(1);
    expect(result.failed).toHaveLength(1);
    expect(result.findings.map((f) => `${f.at} ${f.code} ${f.object}`)).toEqual([
      `copy not-an-object ${object}`,
    ]);
  });

  it('keeps a vault document from it, and no snapshot; the copy opens as before', async () => {
    const { vault, place } = await planted(async () => 'vault/2.json');
    // A key that the newest document does not name any more opens the copy until that stands.
    await put(place, 'keys/1/other-0123456789.age', 'x');
    const result = await copyTo(vault, place);
    expect(result.copied).toHaveLength(2);
    expect(result.findings.map((f) => f.object)).toContain('vault/2.json');
    expect(result.removed).toBe(0);
    expect([...(await heldAt(vault, place)).values()]).toEqual(['N=1\n', 'N=2\n', 'N=3\n']);
  });
});

it('what is planted at the copy and larger than it should be is not read', async () => {
  const { vault, place } = await copied();
  const parts = await namesOf(place, 'data/');
  for (const name of parts) await put(place, name, Buffer.alloc(1024 * 1024));
  let most = 0;
  const counting: Store = {
    ...watched(place),
    get: async (name, options) => {
      const bytes = await place.get(name, options);
      if (name.startsWith('data/')) most = Math.max(most, bytes?.length ?? 0);
      return bytes;
    },
  };
  const result = await copyTo(vault, counting);
  expect(result.mended).toHaveLength(parts.length);
  expect(most).toBeLessThan(1024 * 1024);
  await expectSameAs(vault, place);
});

describe('a snapshot that is kept, and whose removal somebody with the key of a maintaining host signed', () => {
  it('stays at the copy, and that is said, until it is released', async () => {
    const { vault, place } = await copied();
    tick(vault.clock);
    const open = await openLocked(vault);
    const { snapshots } = await readSnapshots(open);
    const { set, id, sha256: digest } = snapshots[0]!;
    const keeps = [{ set, id, sha256: digest }];
    await writeLedgerEntry(open, vault.host, { action: 'keep', removes: [], keeps });
    await copyTo(vault, place);
    tick(vault.clock);
    await writeLedgerEntry(open, vault.host, { action: 'delete', removes: keeps });
    await vault.store.remove((await namesOf(vault.store)).filter((name) => name.includes(id)));
    // The entry that keeps it goes as well: the copy has it.
    for (const name of await namesOf(vault.store, 'ledger/'))
      if (/"keep"/.test(String(await get(vault.store, name)))) await vault.store.remove([name]);
    const had = (await namesOf(place)).filter((name) => name.includes(id));
    for (const _ of [1, 2]) {
      const result = await copyTo(vault, place);
      expect(result.removed).toBe(0);
      expect(result.findings.map((f) => `${f.at} ${f.severity} ${f.code}`)).toEqual(['copy error kept']);
      expect((await namesOf(place)).filter((name) => name.includes(id))).toEqual(had);
    }
  });

  it('goes once its time is over', async () => {
    const { vault, place } = await copied();
    tick(vault.clock);
    const open = await openLocked(vault);
    const [{ set, id, sha256: digest } = { set: '', id: '', sha256: '' }] = (await readSnapshots(open))
      .snapshots;
    const keeps = [{ set, id, sha256: digest }];
    await writeLedgerEntry(open, vault.host, {
      action: 'keep',
      removes: [],
      keeps,
      until: '2026-11-21T00:00:00Z',
    });
    await copyTo(vault, place);
    tick(vault.clock, 2 * 24 * 60 * 60 * 1000);
    await writeLedgerEntry(open, vault.host, { action: 'delete', removes: keeps });
    await vault.store.remove((await namesOf(vault.store)).filter((name) => name.includes(id)));
    expect(await copyTo(vault, place)).toMatchObject({ findings: [] });
    expect((await namesOf(place)).filter((name) => name.includes(id))).toEqual([]);
  });
});

it('the key of a removed host plants nothing at the copy that counts', async () => {
  const { vault, place } = await copied();
  const web2 = await enrolled(vault, 'web-2', { may: ['write', 'maintain'] });
  await removed(vault, 'web-2');
  await copyTo(vault, place);
  const at = await openLocked(vault, { store: place });
  const removes = (await readSnapshots(at)).snapshots.map(({ set, id, sha256: digest }) => ({
    set,
    id,
    sha256: digest,
  }));
  await writeLedgerEntry(at, { name: 'web-2', key: web2.key }, { action: 'delete', removes });
  const result = await copyTo(vault, place);
  expect(result.removed).toBe(0);
  expect(result.findings.map((f) => f.code)).toEqual(['removed-host']);
  expect((await heldAt(vault, place)).size).toBe(2);
  expect(await faultsAt(vault, vault.store)).toEqual([]);
});
