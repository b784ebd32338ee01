import { describe, expect, it } from 'vitest';
import { StoreError } from '../../../src/errors.ts';
import { memoryStore } from '../../../src/store/memory.ts';
import type { Store } from '../../../src/store/store.ts';
import { copyAsPlanned, planCopyTo } from '../../../src/vault/copy/copy.ts';
import { applyDelete, planDelete } from '../../../src/vault/delete.ts';
import { pinOf } from '../../../src/vault/pin.ts';
import { readSnapshots } from '../../../src/vault/snapshots.ts';
import { copyTo, emptyPlace, expectSameAs, faultsAt, heldAt } from '../../support/copies.ts';
import {
  copyOf,
  digestsOf,
  flipped,
  forge,
  get,
  namesOf,
  objectsOf,
  put,
  storeOf,
} from '../../support/forge.ts';
import { enrolled, keeper, removed } from '../../support/hosts.ts';
import { reencryptVault, rotateVault } from '../../support/rotation.ts';
import { clockAt, makeVault, openLocked, type TestVault, tick } from '../../support/vault.ts';
import { Killed, putOnly, watched } from '../stores.ts';

/** What happens in the life of a vault, a step at a time. */
const LIFE: readonly (readonly [string, (vault: TestVault) => Promise<unknown>])[] = [
  ['backups', (vault) => backups(vault, 3)],
  ['a second host', async (vault) => (await enrolled(vault, 'web-2')).backup(7)],
  ['a deletion', (vault) => deleteFirst(vault)],
  ['a rotation', rotation(false)],
  ['more backups', (vault) => backups(vault, 2)],
  ['a rotation that re-encrypts, with a leak', rotation(true)],
  ['the second host removed', (vault) => removed(vault, 'web-2')],
  ['another deletion', (vault) => deleteFirst(vault)],
];

async function backups(vault: TestVault, count: number): Promise<void> {
  for (let n = 0; n < count; n++)
    await vault.backup({ '.env': `N=${n} of ${vault.clock.now.toISOString()}\n` });
}

async function deleteFirst(vault: TestVault): Promise<void> {
  tick(vault.clock);
  const opened = await openLocked(vault);
  const { snapshots } = await readSnapshots(opened);
  await applyDelete(opened, planDelete(snapshots.slice(0, 1)), vault.host);
}

function rotation(isLeak: boolean): (vault: TestVault) => Promise<void> {
  return async (vault) => {
    tick(vault.clock);
    const opened = await keeper(vault);
    await rotateVault(vault, opened, isLeak ? { compromised: true, reencrypt: true } : {});
    if (isLeak) await reencryptVault(await keeper(vault));
  };
}

/** The vault after the first `steps` of its life, in a store of its own. */
async function livedThrough(steps: number): Promise<TestVault> {
  const vault = await makeVault({ clock: clockAt() });
  for (const [, step] of LIFE.slice(0, steps)) await step(vault);
  return vault;
}

async function clone(vault: TestVault, store: Store): Promise<Store> {
  return await storeOf(await objectsOf(store), vault.clock.now);
}

describe('a copy', () => {
  it('is the vault, object by object, and a second run sends nothing', async () => {
    const vault = await livedThrough(3);
    const place = emptyPlace(vault);
    const first = await copyTo(vault, place);
    expect(await digestsOf(place)).toEqual(await digestsOf(vault.store));
    expect(first).toMatchObject({ failed: [], mended: [], removed: 0, left: 0, findings: [] });
    expect(first.copied).toHaveLength(3);
    const seen = watched(place);
    const again = await copyTo(vault, seen);
    expect(again).toMatchObject({ copied: [], objects: 0, bytes: 0, removed: 0 });
    expect(seen.writes.filter((w) => /data|snapshots|ledger/.test(w))).toEqual([]);
  });

  it('follows the whole life of a vault, a step at a time', async () => {
    const vault = await livedThrough(0);
    const place = emptyPlace(vault);
    for (const [name, step] of LIFE) {
      await step(vault);
      const result = await copyTo(vault, place);
      expect([name, result.findings.filter((f) => f.severity === 'error')]).toEqual([name, []]);
      await expectSameAs(vault, place);
    }
    expect(await namesOf(place)).toEqual(await namesOf(vault.store));
  });

  it.each(LIFE.map(([name], i) => [name, i] as const))(
    'killed at any write after %s, it is sound, has lost nothing, and the next run finishes it',
    { timeout: 60_000 },
    async (_name, step) => {
      const vault = await livedThrough(step);
      const before = emptyPlace(vault);
      await copyTo(vault, before);
      const had = await heldAt(vault, before);
      await LIFE[step]![1](vault);
      const has = await heldAt(vault, vault.store);
      for (let writes = 0; ; writes++) {
        const place = await clone(vault, before);
        const isWhole = await copiedUntil(vault, place, writes);
        const held = await heldAt(vault, place);
        // What is at both must be at the copy at any time.
        for (const [id, value] of had) if (has.has(id)) expect([id, held.get(id)]).toEqual([id, value]);
        const faults = await faultsAt(vault, place);
        expect([writes, faults.filter((f) => !isOfRemoval(f))]).toEqual([writes, []]);
        await copyTo(vault, place);
        await expectSameAs(vault, place);
        if (isWhole) break;
      }
    },
  );

  it('killed at any write of the first run, it is sound as far as it goes', { timeout: 60_000 }, async () => {
    const vault = await livedThrough(LIFE.length);
    for (let writes = 0; ; writes++) {
      const place = emptyPlace(vault);
      const isWhole = await copiedUntil(vault, place, writes);
      // Until its newest document stands it is no vault to whoever knows that, and holds nothing yet.
      const { document } = await openLocked(vault);
      const names = await namesOf(place);
      if (!names.includes(document.object))
        expect(names.filter((n) => /^(?:data|snapshots)/.test(n))).toEqual([]);
      else expect(await faultsAt({ ...vault, pin: pinOf(document) }, place)).toEqual([]);
      await copyTo(vault, place);
      await expectSameAs(vault, place);
      if (isWhole) break;
    }
  });
});

/** Between the note of a removal and the vault document that names it there is a moment, in the vault itself too. */
function isOfRemoval(fault: string): boolean {
  return /^unnamed-removal /.test(fault);
}

/** @returns whether it came to its end before that many writes */
async function copiedUntil(vault: TestVault, place: Store, writes: number): Promise<boolean> {
  let left = writes;
  let isDead = false;
  const dying = watched(place, ({ verb }) => {
    isDead ||= (verb === 'create' || verb === 'remove') && left-- === 0;
    if (isDead) throw new Killed('killed');
  });
  return await copyTo(vault, dying).then(
    () => true,
    (error) => {
      if (error instanceof Killed) return false;
      throw error;
    },
  );
}

describe('what is not as signed', () => {
  it('is not copied over what is good, and is named', async () => {
    const vault = await livedThrough(1);
    const place = emptyPlace(vault);
    await copyTo(vault, place);
    const good = await digestsOf(place);
    const [part = ''] = await namesOf(vault.store, 'data/');
    await put(vault.store, part, flipped(await get(vault.store, part), 40));
    const result = await copyTo(vault, place, { recheck: true });
    expect(result).toMatchObject({ copied: [], mended: [] });
    expect(await digestsOf(place)).toEqual(good);
    // To a place that lacks it the others go all the same.
    const other = emptyPlace(vault);
    const partly = await copyTo(vault, other);
    expect(partly.copied).toHaveLength(2);
    expect(partly.failed).toHaveLength(1);
    expect(partly.findings).toEqual([
      expect.objectContaining({ at: 'vault', code: 'part-differs', object: part }),
    ]);
    expect(await namesOf(other, `snapshots/app/${partly.failed[0]!.id}`)).toEqual([]);
  });

  it.each(['snapshots/', 'ledger/', 'keys/1/age'])(
    'planted or damaged under %s stays behind',
    async (prefix) => {
      const vault = await livedThrough(3);
      const [name = ''] = await namesOf(vault.store, prefix);
      await put(vault.store, name, flipped(await get(vault.store, name), 9));
      await put(vault.store, `${prefix.split('/')[0]}/planted.json`, 'x');
      const place = emptyPlace(vault);
      const result = await copyTo(vault, place);
      expect(
        result.findings.some((f) => f.at === 'vault' && f.object === name && f.severity === 'error'),
      ).toBe(true);
      expect(await namesOf(place)).not.toContain(name);
      expect((await namesOf(place)).filter((n) => n.includes('planted'))).toEqual([]);
    },
  );

  it('in the copy is replaced: half an object after a kill, a planted record, a damaged key', async () => {
    const vault = await livedThrough(3);
    const place = emptyPlace(vault);
    await copyTo(vault, place);
    const good = await digestsOf(place);
    const bad = ['data/', 'snapshots/', 'keys/', 'ledger/', 'vault/2'];
    for (const prefix of bad) {
      const [name = ''] = await namesOf(place, prefix);
      await put(place, name, (await get(place, name)).subarray(0, 20));
    }
    const result = await copyTo(vault, place);
    expect(result.mended).toHaveLength(bad.length);
    expect(result.findings).toEqual([]);
    expect(await digestsOf(place)).toEqual(good);
  });

  it('in the copy, and as long as it should be, is found when the copy is read back', async () => {
    const vault = await livedThrough(1);
    const place = emptyPlace(vault);
    await copyTo(vault, place);
    const good = await digestsOf(place);
    const [part = ''] = await namesOf(place, 'data/');
    await put(place, part, flipped(await get(place, part), 40));
    expect((await copyTo(vault, place)).mended).toEqual([]);
    expect((await copyTo(vault, place, { recheck: true })).mended).toEqual([part]);
    expect(await digestsOf(place)).toEqual(good);
  });

  it('of a re-encrypted snapshot leaves the copy the old one', async () => {
    const vault = await livedThrough(5);
    const place = emptyPlace(vault);
    await copyTo(vault, place);
    const had = await heldAt(vault, place);
    await LIFE[5]![1](vault);
    const [part = ''] = await namesOf(vault.store, 'data/');
    await put(vault.store, part, flipped(await get(vault.store, part), 40));
    const result = await copyTo(vault, place);
    expect(result.failed).toHaveLength(1);
    expect(await heldAt(vault, place)).toEqual(had);
  });
});

it('a listed host that writes over its own snapshots does not reach the copy', async () => {
  const vault = await livedThrough(1);
  const place = emptyPlace(vault);
  await copyTo(vault, place);
  const good = await digestsOf(place);
  const { snapshots } = await readSnapshots(await openLocked(vault));
  const { id, object } = snapshots[0]!;
  await forge(vault, { id, files: { '.env': 'RANSOM=1\n' } });
  const result = await copyTo(vault, place);
  expect(result.findings.map((f) => `${f.code} ${f.object}`)).toContain(`two-versions ${object}`);
  expect(result).toMatchObject({ copied: [], removed: 0, mended: [] });
  expect(await digestsOf(place)).toEqual(good);
});

describe('the other place', () => {
  it('keeps what somebody deleted without signing it, and that is said', async () => {
    const vault = await livedThrough(1);
    const place = emptyPlace(vault);
    await copyTo(vault, place);
    const had = await heldAt(vault, place);
    const { snapshots } = await readSnapshots(await openLocked(vault));
    const { object, artifacts } = snapshots.at(-1)!;
    await vault.store.remove([object, ...artifacts.flatMap((a) => a.parts.map((p) => p.object))]);
    const result = await copyTo(vault, place);
    expect(result.findings.map((f) => f.code)).toEqual(['only-in-copy']);
    expect(await heldAt(vault, place)).toEqual(had);
  });

  it.each([
    [
      'another vault',
      'foreign-vault',
      async (place: Store) => {
        for (const [name, bytes] of await objectsOf((await makeVault()).store))
          await place.create(name, bytes);
      },
    ],
    ['something else', 'not-empty', (place: Store) => place.create('photos/cat.jpg', Buffer.from('x'))],
  ])('with %s in it is refused, and left alone', async (_what, code, fill) => {
    const vault = await livedThrough(1);
    const place = emptyPlace(vault);
    await fill(place);
    const before = await digestsOf(place);
    await expect(copyTo(vault, place)).rejects.toMatchObject({ code });
    expect(await digestsOf(place)).toEqual(before);
  });

  it('that was used as a vault is refused', async () => {
    const vault = await livedThrough(1);
    const place = emptyPlace(vault);
    await copyTo(vault, place);
    await enrolled({ ...vault, store: place }, 'web-9');
    const before = await digestsOf(place);
    await expect(copyTo(vault, place)).rejects.toMatchObject({ code: 'newer-copy' });
    // Meanwhile the vault went on too.
    await enrolled(vault, 'web-8');
    await expect(copyTo(vault, place)).rejects.toMatchObject({ code: 'two-vaults' });
    await enrolled(vault, 'web-7');
    await expect(copyTo(vault, place)).rejects.toMatchObject({ code: 'two-vaults' });
    expect(await digestsOf(place)).toEqual(before);
  });

  it('that was rotated is refused', async () => {
    const vault = await livedThrough(1);
    const place = emptyPlace(vault);
    await copyTo(vault, place);
    await rotation(false)({ ...vault, store: place });
    await expect(copyTo(vault, place)).rejects.toMatchObject({ code: 'newer-copy' });
  });

  it('with planted documents in it stays a copy, and they are named', async () => {
    const vault = await livedThrough(1);
    const place = emptyPlace(vault);
    await copyTo(vault, place);
    const stranger = await makeVault();
    await put(place, 'vault/99.json', 'planted');
    await put(place, 'vault/98.json', await get(stranger.store, 'vault/1.json'));
    const { findings } = await copyTo(vault, place);
    expect(findings.map((f) => f.object).sort()).toEqual(['vault/98.json', 'vault/99.json']);
    expect(findings.every((f) => f.at === 'copy' && f.severity === 'error')).toBe(true);
  });

  it('that is gone is not taken for an empty one by a machine that copied there before', async () => {
    const vault = await livedThrough(1);
    const source = await openLocked(vault);
    const first = emptyPlace(vault);
    // A location of its own, as this machine remembers it by that.
    const bound = (store: Store): Store => ({ ...watched(store), location: '/mnt/offsite' });
    await copyAsPlanned(await planCopyTo(source, bound(first)));
    const gone = emptyPlace(vault);
    await expect(planCopyTo(source, bound(gone))).rejects.toMatchObject({ code: 'no-copy', exitCode: 10 });
    await copyAsPlanned(await planCopyTo(source, bound(gone), { anew: true }));
    await expectSameAs(vault, gone);
  });

  it('that is wholly damaged is mended, also by a machine that copied there before', async () => {
    const vault = await livedThrough(1);
    const source = await openLocked(vault);
    const place = emptyPlace(vault);
    const bound: Store = { ...watched(place), location: '/mnt/offsite' };
    await copyAsPlanned(await planCopyTo(source, bound));
    for (const name of await namesOf(place))
      await put(place, name, Buffer.alloc((await get(place, name)).length));
    const { mended } = await copyAsPlanned(await planCopyTo(source, bound, { recheck: true }));
    expect(mended).toHaveLength((await namesOf(place)).length);
    await expectSameAs(vault, place);
  });

  it('may be one where this role can only create: all is offered, nothing is removed', async () => {
    const vault = await livedThrough(2);
    const place = emptyPlace(vault);
    const blind = await copyTo(vault, putOnly(place));
    expect(blind).toMatchObject({ failed: [], removed: 0 });
    await expectSameAs(vault, place);
    await deleteFirst(vault);
    await copyTo(vault, putOnly(place));
    // The removal is known there, though its bytes stay.
    expect(await heldAt(vault, place)).toEqual(await heldAt(vault, vault.store));
    const { removed: gone } = await copyTo(vault, place);
    expect(gone).toBeGreaterThan(0);
    await expectSameAs(vault, place);
  });

  it('may refuse to remove: what should go is counted, and said to open the vault where it does', async () => {
    const vault = await livedThrough(5);
    const place = emptyPlace(vault);
    await copyTo(vault, place);
    await deleteFirst(vault);
    const locked = () =>
      watched(place, ({ verb }) => {
        if (verb === 'remove') throw new StoreError('store-denied', 'may not remove');
      });
    const deleted = await copyTo(vault, locked());
    expect(deleted.left).toBeGreaterThan(0);
    expect(deleted).toMatchObject({ leftOpens: false, leftBecause: { code: 'store-denied' } });
    await LIFE[5]![1](vault);
    expect(await copyTo(vault, locked())).toMatchObject({ leftOpens: true });
    expect(await heldAt(vault, place)).toEqual(await heldAt(vault, vault.store));
    await copyTo(vault, place);
    await expectSameAs(vault, place);
  });

  it('that is full keeps what it has, and goes on when there is room', async () => {
    const vault = await livedThrough(1);
    const all = [...(await objectsOf(vault.store)).values()].reduce((sum, { length }) => sum + length, 0);
    const small = memoryStore({ clock: () => vault.clock.now, maxBytes: all - 3000 });
    await expect(copyTo(vault, small)).rejects.toMatchObject({ code: 'store-full', exitCode: 14 });
    expect(await faultsAt(vault, small)).toEqual([]);
    const place = await clone(vault, small);
    await copyTo(vault, place);
    await expectSameAs(vault, place);
  });
});

describe('the vault', () => {
  it('may lose a snapshot to a deletion meanwhile, which is no damage', async () => {
    const vault = await livedThrough(1);
    let isOver = false;
    const store = watched(vault.store, async ({ verb, name }) => {
      if (isOver || verb !== 'get' || !name.startsWith('data/')) return;
      isOver = true;
      await deleteFirst(vault);
    });
    const place = emptyPlace(vault);
    const result = await copyTo({ ...vault, store }, place);
    expect(result).toMatchObject({ failed: [], findings: [] });
    expect(result.copied).toHaveLength(2);
    await copyTo(vault, place);
    await expectSameAs(vault, place);
  });

  it('must be pinned', async () => {
    const vault = await livedThrough(1);
    const unpinned = await openLocked(vault, { pin: null });
    await expect(planCopyTo(unpinned, emptyPlace(vault))).rejects.toMatchObject({
      code: 'no-pin',
      exitCode: 2,
    });
  });

  it('may be a copy itself', async () => {
    const vault = await livedThrough(6);
    const copy = await copyOf(vault);
    const place = emptyPlace(vault);
    await copyTo(copy, place);
    await expectSameAs(vault, place);
  });
});

it('copies one set, and the rest of the vault around it', async () => {
  const vault = await livedThrough(1);
  await vault.backup({ '.env': 'OTHER=1\n' }, { set: 'other' });
  const place = emptyPlace(vault);
  const { copied } = await copyTo(vault, place, { set: 'other' });
  expect(copied.map((s) => s.set)).toEqual(['other']);
  expect(await faultsAt(vault, place)).toEqual([]);
  await copyTo(vault, place);
  await expectSameAs(vault, place);
});
