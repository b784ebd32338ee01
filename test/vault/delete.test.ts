import { beforeEach, describe, expect, it } from 'vitest';
import { applyDelete, findLeftovers, planDelete } from '../../src/vault/delete.ts';
import { readSnapshots, type Snapshot } from '../../src/vault/snapshots.ts';
import { verify } from '../../src/vault/verify/verify.ts';
import { bodyOf, enroll, get, namesOf, put } from '../support/forge.ts';
import { faultsOf } from '../support/refusals.ts';
import { makeVault, newHost, openLocked, type TestVault, tick } from '../support/vault.ts';
import { Killed, watched } from './stores.ts';

let vault: TestVault;
let snapshots: readonly Snapshot[];
beforeEach(async () => {
  vault = await makeVault();
  for (const n of [1, 2, 3]) await vault.backup({ n: String(n) });
  snapshots = (await readSnapshots(await openLocked(vault))).snapshots;
});

const left = async () => (await readSnapshots(await openLocked(vault))).snapshots.map((s) => s.id);

describe('a plan of what to delete', () => {
  it('names every object that goes, records first, and changes nothing', async () => {
    const before = await namesOf(vault.store);
    const plan = planDelete(snapshots.slice(0, 2));
    expect(plan.objects).toHaveLength(6);
    expect(plan.objects.slice(0, 2)).toEqual(snapshots.slice(0, 2).map((s) => s.object));
    expect(plan.objects.slice(2).every((o) => o.startsWith('data/app/'))).toBe(true);
    expect(plan.bytes).toBe(snapshots[0]!.stored + snapshots[1]!.stored);
    expect(await namesOf(vault.store)).toEqual(before);
  });
});

describe('deleting', () => {
  it('writes who removed what first, then removes the records, then their data', async () => {
    const store = watched(vault.store);
    const open = { ...(await openLocked(vault)), store };
    await applyDelete(open, planDelete(snapshots.slice(0, 1)), vault.host);
    const [ledger, ...removed] = store.writes;
    expect(ledger).toMatch(/^create ledger\/\d{8}T\d{6}Z-[0-9a-z]{6}\.json$/);
    expect(removed).toEqual(planDelete(snapshots.slice(0, 1)).objects.map((o) => `remove ${o}`));
    const name = ledger!.slice('create '.length);
    expect(bodyOf(await get(vault.store, name))).toMatchObject({
      by: 'web-1',
      action: 'delete',
      removes: [{ set: 'app', id: snapshots[0]!.id, sha256: snapshots[0]!.sha256 }],
    });
    expect(await left()).toEqual(snapshots.slice(1).map((s) => s.id));
    expect((await verify(await openLocked(vault))).findings).toEqual([]);
  });

  it('of several is one entry', async () => {
    await applyDelete(await openLocked(vault), planDelete(snapshots, 'prune'), vault.host);
    expect(await left()).toEqual([]);
    const entries = await namesOf(vault.store, 'ledger/');
    expect(entries).toHaveLength(1);
    expect(bodyOf(await get(vault.store, entries[0]!))).toMatchObject({
      action: 'prune',
      removes: { length: 3 },
    });
    expect(await namesOf(vault.store, 'data/')).toEqual([]);
  });

  it('of nothing does nothing', async () => {
    const store = watched(vault.store);
    await applyDelete({ ...(await openLocked(vault)), store }, planDelete([]), vault.host);
    expect(store.writes).toEqual([]);
  });

  it.each([2, 3, 4, 5, 6, 7])(
    'killed at step %i leaves a vault where nothing counts that is half gone',
    async (step) => {
      let steps = 0;
      const killed = watched(vault.store, () => {
        if (steps++ >= step) throw new Killed('killed');
      });
      const open = { ...(await openLocked(vault)), store: killed };
      await expect(applyDelete(open, planDelete(snapshots.slice(1)), vault.host)).rejects.toThrow(Killed);
      expect(await left()).toEqual([snapshots[0]!.id]);
      expect(await faultsOf(vault)).toEqual([]);
      await vault.backup({ n: '4' });
      expect(await left()).toHaveLength(2);
      expect(await faultsOf(vault)).toEqual([]);
    },
  );
});

describe('what a delete that was cut off left', () => {
  /** Deletes the first two snapshots and is killed after so many removals. */
  async function cutOff(removals: number): Promise<void> {
    let steps = 0;
    const killed = watched(vault.store, ({ verb }) => {
      if (verb === 'remove' && steps++ >= removals) throw new Killed('killed');
    });
    const open = { ...(await openLocked(vault)), store: killed };
    await expect(applyDelete(open, planDelete(snapshots.slice(0, 2)), vault.host)).rejects.toThrow(Killed);
  }

  /** What a second delete of these ids would find. */
  async function leftovers(ids = snapshots.slice(0, 2).map((s) => s.id), set?: string) {
    const open = await openLocked(vault);
    const read = await readSnapshots(open);
    const found = [];
    for (const id of ids) found.push(...(await findLeftovers(open, read, id, set)));
    return found;
  }

  it.each([0, 1, 2, 3, 5])(
    'after %i removals is found by its ids, and goes without another entry',
    async (removals) => {
      await cutOff(removals);
      const left = await leftovers();
      const gone = left.flatMap((l) => l.objects);
      expect(gone).toHaveLength(6 - removals);
      const open = await openLocked(vault);
      const plan = planDelete([], 'delete', left);
      expect(plan.objects).toEqual(gone);
      await applyDelete(open, plan, vault.host);
      expect(await namesOf(vault.store, 'ledger/')).toHaveLength(1);
      expect(await leftovers()).toEqual([]);
      expect((await verify(await openLocked(vault))).findings).toEqual([]);
    },
  );

  it('is not what came later under the same id: another host may be writing it', async () => {
    await cutOff(0);
    tick(vault.clock, 1000);
    const { id } = snapshots[0]!;
    const late = `data/app/${id}/1-9876543210/files.tar.gz.age.00000`;
    await vault.store.create(late, Buffer.from('of the other'));
    const [left] = await leftovers([id]);
    expect(left!.objects).toHaveLength(3);
    expect(left!.objects).not.toContain(late);
  });

  it('is nothing of a snapshot that counts, of another set, or of no id at all', async () => {
    await cutOff(0);
    expect(await leftovers([snapshots[2]!.id])).toEqual([]);
    expect(await leftovers([snapshots[0]!.id], 'db')).toEqual([]);
    expect(await leftovers(['latest', snapshots[0]!.id.slice(0, 15), ''])).toEqual([]);
  });

  it('may be removed only by who may remove snapshots of that set', async () => {
    await cutOff(0);
    const scoped = await enroll(vault, newHost('db-1'), { sets: ['db'], may: ['maintain'] });
    const plan = planDelete([], 'delete', await leftovers());
    await expect(applyDelete(await openLocked(vault), plan, scoped.host)).rejects.toMatchObject({
      code: 'may-not-maintain',
    });
  });
});

describe('deleting is refused, and nothing is touched,', () => {
  async function isRefused(by: TestVault): Promise<void> {
    const store = watched(vault.store);
    const open = { ...(await openLocked(vault)), store };
    await expect(applyDelete(open, planDelete(snapshots), by.host)).rejects.toMatchObject({
      code: 'may-not-maintain',
      exitCode: 2,
      message: `${by.host.name} may not remove snapshots from the vault shop`,
      hint: expect.stringContaining('hosts list'),
    });
    expect(store.writes).toEqual([]);
  }

  it('to a host that the vault does not list', async () => {
    await isRefused({ ...vault, host: newHost('laptop') });
  });

  it('to a host that may only write', async () => {
    await isRefused(await enroll(vault, newHost('web-2')));
  });

  it('to a host whose scope does not cover every set concerned', async () => {
    await isRefused(await enroll(vault, newHost('db-1'), { sets: ['db', 'ap'], may: ['maintain'] }));
  });
});

describe('what a killed delete left', () => {
  const find = async (id: string, set?: string) => {
    const open = await openLocked(vault);
    return await findLeftovers(open, await readSnapshots(open), id, set);
  };
  /** Deletes the first snapshot, as far as `steps` writes. */
  const killed = async (steps: number) => {
    let count = 0;
    const store = watched(vault.store, ({ verb }) => {
      if ((verb === 'create' || verb === 'remove') && count++ >= steps) throw new Killed('killed');
    });
    const open = { ...(await openLocked(vault)), store };
    await expect(applyDelete(open, planDelete(snapshots.slice(0, 1)), vault.host)).rejects.toThrow(Killed);
  };
  const mine = () => [
    snapshots[0]!.object,
    ...snapshots[0]!.artifacts.flatMap((a) => a.parts.map((p) => p.object)),
  ];

  it.each([1, 2, 3])('at step %i is found and removed, without another ledger entry', async (step) => {
    const { id } = snapshots[0]!;
    await killed(step);
    // A directory of it that no record names goes too.
    await vault.store.create(`data/app/${id}/1-0123456789/files.tar.gz.age.00000`, Buffer.from('xyz'));
    const found = await find(id);
    const rest = [...mine().slice(step - 1), `data/app/${id}/1-0123456789/files.tar.gz.age.00000`];
    expect(found).toMatchObject([{ set: 'app', id }]);
    expect([...found[0]!.objects].sort()).toEqual([...rest].sort());
    if (step === 1) expect(found[0]!.objects[0]).toBe(snapshots[0]!.object);
    const ledger = await namesOf(vault.store, 'ledger/');
    await applyDelete(await openLocked(vault), planDelete([], 'delete', found), vault.host);
    expect(await namesOf(vault.store, 'ledger/')).toEqual(ledger);
    expect((await verify(await openLocked(vault))).findings).toEqual([]);
    expect(await find(id)).toEqual([]);
    expect(await left()).toEqual(snapshots.slice(1).map((s) => s.id));
  });

  it('is named by verify', async () => {
    await killed(1);
    const { findings } = await verify(await openLocked(vault));
    expect(findings.find((f) => f.object === snapshots[0]!.object)).toMatchObject({
      code: 'left-over',
      severity: 'warning',
    });
  });

  it('is nothing of a snapshot that still counts, is unknown, or is no whole id', async () => {
    await killed(1);
    const { id } = snapshots[0]!;
    expect(await find(snapshots[1]!.id)).toEqual([]);
    expect(await find('20261120T055812Z-zzzzzz')).toEqual([]);
    expect(await find(id.slice(0, -1))).toEqual([]);
    expect(await find(id, 'db')).toEqual([]);
  });

  it('is not touched while another record stands under that id, sound or not', async () => {
    await killed(1);
    await put(vault.store, snapshots[0]!.object, 'garbage');
    expect(await find(snapshots[0]!.id)).toEqual([]);
  });

  it('is removed only by a host that may', async () => {
    await killed(1);
    const found = await find(snapshots[0]!.id);
    const other = await enroll(vault, newHost('db-1'), { sets: ['db'], may: ['maintain'] });
    await expect(
      applyDelete(await openLocked(vault), planDelete([], 'delete', found), other.host),
    ).rejects.toMatchObject({ code: 'may-not-maintain' });
    expect(await find(snapshots[0]!.id)).toEqual(found);
  });
});
