import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { beforeEach, describe, expect, it } from 'vitest';
import { applyDelete, planDelete } from '../../../src/vault/delete.ts';
import { applyKeep, planKeep } from '../../../src/vault/keep.ts';
import { newSnapshotId } from '../../../src/vault/names.ts';
import { applyPrune } from '../../../src/vault/prune/apply.ts';
import { type PruneOptions, type PrunePlan, planPrune } from '../../../src/vault/prune/plan.ts';
import type { RetentionPolicy } from '../../../src/vault/prune/retention.ts';
import { readSnapshots } from '../../../src/vault/snapshots.ts';
import type { Vault } from '../../../src/vault/vault.ts';
import { verify } from '../../../src/vault/verify/verify.ts';
import { bodyOf, enroll, forge, get, namesOf, put } from '../../support/forge.ts';
import { faultsOf } from '../../support/refusals.ts';
import { reencryptVault, rotateVault } from '../../support/rotation.ts';
import {
  makeVault,
  newHost,
  openLocked,
  openUnlocked,
  scratch,
  type TestVault,
  tick,
} from '../../support/vault.ts';
import { Killed, watched } from '../stores.ts';

const HOUR = 3_600_000;
const DAY = 24 * HOUR;

let vault: TestVault;
let ids: string[];

/** A backup on the next day. */
async function nextDay(by = vault, more: Parameters<TestVault['backup']>[1] = {}): Promise<string> {
  tick(vault.clock, DAY - 60_000);
  return (await vault.backup({ n: vault.clock.now.toISOString() }, { host: by.host, ...more })).snapshot;
}

/** A backup in which a source fails. */
async function failing(by = vault): Promise<string> {
  const root = scratch();
  mkdirSync(root, { recursive: true });
  writeFileSync(join(root, 'a'), 'a');
  return await nextDay(by, { sources: { root, include: ['a', 'gone'], exclude: [] } });
}

beforeEach(async () => {
  vault = await makeVault();
  ids = [];
  for (let n = 0; n < 4; n++) ids.push(await nextDay());
});

const plan = async (policy: RetentionPolicy, options: PruneOptions = {}, open?: Vault) =>
  await planPrune(open ?? (await openLocked(vault)), () => policy, options);
const prune = async (policy: RetentionPolicy, options: PruneOptions = {}) => {
  const open = await openLocked(vault);
  return await applyPrune(open, await plan(policy, options, open), vault.host);
};
const left = async (of = vault) => (await readSnapshots(await openLocked(of))).snapshots.map((s) => s.id);
const told = ({ verdicts }: PrunePlan) =>
  verdicts.map(({ snapshot, keep, reasons }) => [snapshot.id, keep, reasons.join()]);
const remove = async (id: string, of = vault) => {
  const open = await openLocked(of);
  const { snapshots } = await readSnapshots(open);
  await applyDelete(
    open,
    planDelete(
      snapshots.filter((s) => s.id === id),
      'delete',
    ),
    vault.host,
  );
};
const partsOf = (id: string) => namesOf(vault.store, `data/app/${id}/`);
const sound = async () => expect((await verify(await openLocked(vault))).findings).toEqual([]);

describe('a plan of what to prune', () => {
  it('says of each why, and changes nothing', async () => {
    const before = await namesOf(vault.store);
    const planned = await plan({ last: 2 });
    expect(told(planned)).toEqual([
      [ids[0], false, 'no rule keeps it'],
      [ids[1], false, 'no rule keeps it'],
      [ids[2], true, 'last 2'],
      [ids[3], true, 'last 2'],
    ]);
    const { snapshots } = await readSnapshots(await openLocked(vault));
    expect(planned.bytes).toBe(snapshots[0]!.stored + snapshots[1]!.stored);
    expect(await namesOf(vault.store)).toEqual(before);
  });

  it('counts no snapshot of which a piece is gone or has another size, and names it', async () => {
    await vault.store.remove((await partsOf(ids[3]!)).slice(0, 1));
    const [part = ''] = await partsOf(ids[2]!);
    await put(vault.store, part, Buffer.concat([await get(vault.store, part), Buffer.from('x')]));
    const planned = await plan({ last: 1 });
    expect(told(planned).map(([, keep, why]) => [keep, why])).toEqual([
      [false, 'no rule keeps it'],
      [true, 'newest'],
      [true, 'damaged: see `strongroom verify`'],
      [true, 'damaged: see `strongroom verify`'],
    ]);
    expect(planned.damaged.map((s) => s.id)).toEqual([ids[2], ids[3]]);
  });

  it('never touches a record that does not verify, nor its data', async () => {
    await put(vault.store, `snapshots/app/${ids[0]}.json`, 'garbage');
    tick(vault.clock, 30 * DAY);
    await nextDay();
    const parts = await partsOf(ids[0]!);
    await prune({ last: 1 });
    expect(await partsOf(ids[0]!)).toEqual(parts);
    expect(await namesOf(vault.store, `snapshots/app/${ids[0]}`)).toHaveLength(1);
  });

  it('keeps the last whole one, however many runs failed since', async () => {
    for (let n = 0; n < 5; n++) ids.push(await failing());
    expect(told(await plan({ within: DAY })).map(([, keep, why]) => [keep, why])).toEqual([
      [false, 'no rule keeps it'],
      [false, 'no rule keeps it'],
      [true, 'within 1 day'],
      [true, 'within 1 day'],
      ...Array(5).fill([true, 'newer than the newest whole one']),
    ]);
    ids.push(await nextDay());
    const planned = await plan({ last: 1 });
    expect(planned.removes).toHaveLength(9);
    expect(told(planned)[6]).toEqual([ids[6], false, 'incomplete, and a newer one is whole']);
  });

  it('keeps what `keep` says, until the clock and a week of snapshots are both past it', async () => {
    const open = await openLocked(vault);
    const read = await readSnapshots(open);
    const until = new Date(vault.clock.now.getTime() + 3 * DAY);
    await applyKeep(open, planKeep(open, read, [read.snapshots[0]!], vault.host), vault.host);
    await applyKeep(open, planKeep(open, read, [read.snapshots[1]!], vault.host, until), vault.host);
    const reasons = async () =>
      told(await plan({ last: 1 }))
        .slice(0, 2)
        .map(([, keep, why]) => [keep, why]);
    const day = until.toISOString().slice(0, 10);
    expect(await reasons()).toEqual([
      [true, 'kept'],
      [true, `kept until ${day}`],
    ]);
    // The clock leaps ahead; the newest snapshot does not.
    tick(vault.clock, 400 * DAY);
    expect(await reasons()).toEqual([
      [true, 'kept'],
      [true, `kept until ${day}`],
    ]);
    // One that this clock has dated says no more than the clock.
    await nextDay();
    expect((await reasons())[1]).toEqual([true, `kept until ${day}`]);
    for (let n = 0; n < 7; n++) await nextDay();
    expect(await reasons()).toEqual([
      [true, 'kept'],
      [false, 'no rule keeps it'],
    ]);
  });

  it('is for the sets that have a retention, and for the set and host that are meant', async () => {
    const web2 = await enroll(vault, newHost('web-2'));
    const others = [await nextDay(web2), await nextDay(web2)];
    const db = [await nextDay(vault, { set: 'db' }), await nextDay(vault, { set: 'db' })];
    const open = await openLocked(web2);
    const removed = async (policyOf: (set: string) => RetentionPolicy | undefined, options = {}) =>
      (await planPrune(open, policyOf, options)).removes.map((s) => s.id);
    const one = { last: 1 };
    expect(await removed((set) => (set === 'db' ? one : undefined))).toEqual([db[0]]);
    expect(await removed(() => one)).toEqual([...ids.slice(0, 3), others[0], db[0]]);
    expect(await removed(() => one, { set: 'app' })).toEqual([...ids.slice(0, 3), others[0]]);
    expect(await removed(() => one, { host: 'web-2' })).toEqual([others[0]]);
    expect(await removed(() => undefined)).toEqual([]);
  });
});

describe('a policy without a floor', () => {
  it.each<[string, RetentionPolicy]>([['tags alone', { tags: ['release=yse'], minimum: 0 }]])(
    'is refused: %s',
    async (_, policy) => {
      await expect(plan(policy)).rejects.toMatchObject({ code: 'no-floor', exitCode: 2 });
      expect((await plan({ ...policy, minimum: 1 })).removes).toHaveLength(3);
      expect((await plan({ ...policy, last: 1 })).removes).toHaveLength(3);
    },
  );
});

describe('whoever has the key of a host', () => {
  it('takes with snapshots dated back no more hours than its backups take to arrive', async () => {
    for (let n = 0; n < 12; n++) {
      tick(vault.clock, HOUR - 60_000);
      ids.push((await vault.backup({ n })).snapshot);
    }
    const honest = (await plan({ hourly: 12 })).removes.map((s) => s.id);
    // One for each hour past, all of them now, each the newest of its hour, and said to have taken that long.
    for (let n = 1; n <= 12; n++) {
      const time = new Date(vault.clock.now.getTime() - n * HOUR + 90_000);
      await forge(vault, { id: newSnapshotId(time), record: () => ({ seconds: n * 3600, previous: null }) });
    }
    const planned = await plan({ hourly: 12 });
    expect(planned.verdicts).toHaveLength(ids.length + 12);
    expect(planned.removes.map((s) => s.id).filter((id) => ids.includes(id))).toEqual(honest);
  });
});

describe('pruning', () => {
  it('writes one entry first, then removes records, then data', async () => {
    const store = watched(vault.store);
    const open = { ...(await openLocked(vault)), store };
    const planned = await plan({ last: 1 }, {}, open);
    const result = await applyPrune(open, planned, vault.host);
    const kinds = store.writes.map((w) => w.replace(/^(\w+ \w+)\/.*/, '$1'));
    expect(kinds).toEqual([
      'create ledger',
      ...Array(3).fill('remove snapshots'),
      ...Array(6).fill('remove data'),
    ]);
    expect(result).toMatchObject({ objects: 9, bytes: planned.bytes, keptNow: [], orphans: 0 });
    const [entry = ''] = await namesOf(vault.store, 'ledger/');
    expect(bodyOf(await get(vault.store, entry))).toMatchObject({
      action: 'prune',
      by: 'web-1',
      removes: ids.slice(0, 3).map((id) => ({ set: 'app', id })),
    });
    expect(await left()).toEqual([ids[3]]);
    await sound();
    await nextDay();
    await sound();
  });

  it('again does nothing', async () => {
    await prune({ last: 1 });
    const store = watched(vault.store);
    const open = { ...(await openLocked(vault)), store };
    await applyPrune(open, await plan({ last: 1 }, {}, open), vault.host);
    expect(store.writes).toEqual([]);
  });

  it.each([0, 1, 2, 3, 4, 5, 6, 7, 8, 9])('killed at step %i is finished by the next one', async (step) => {
    let steps = 0;
    const store = watched(vault.store, ({ verb }) => {
      if ((verb === 'create' || verb === 'remove') && steps++ >= step) throw new Killed('killed');
    });
    const open = { ...(await openLocked(vault)), store };
    const run = applyPrune(open, await plan({ last: 1 }, {}, open), vault.host);
    await expect(run).rejects.toThrow(Killed);
    expect(await left()).toContain(ids[3]);
    expect(await faultsOf(vault)).toEqual([]);
    const next = await plan({ last: 1 });
    expect(next.leftovers.length).toBe(step === 0 ? 0 : step <= 3 ? 3 : step <= 5 ? 3 : step <= 7 ? 2 : 1);
    await prune({ last: 1 });
    expect(await left()).toEqual([ids[3]]);
    expect(await namesOf(vault.store, 'data/')).toEqual(await partsOf(ids[3]!));
    expect(await namesOf(vault.store, 'ledger/')).toHaveLength(1);
    await sound();
  });

  it('by two at once, after one plan, is as by one', async () => {
    const plans = [await plan({ last: 1 }), await plan({ last: 1 })];
    const open = await openLocked(vault);
    await Promise.all(plans.map((p) => applyPrune(open, p, vault.host)));
    expect(await left()).toEqual([ids[3]]);
    await sound();
  });

  it.each<[string, () => Promise<unknown>]>([
    ['was deleted', async () => await remove(ids[3]!)],
    ['lost a piece', async () => await vault.store.remove((await partsOf(ids[3]!)).slice(0, 1))],
    ['is gone past us', async () => await vault.store.remove([`snapshots/app/${ids[3]}.json`])],
  ])('removes nothing when what was to stay %s meanwhile', async (_, happens) => {
    const planned = await plan({ last: 1 });
    await happens();
    const store = watched(vault.store);
    const run = applyPrune({ ...(await openLocked(vault)), store }, planned, vault.host);
    await expect(run).rejects.toMatchObject({
      code: 'changed-since-plan',
      exitCode: 11,
      object: ids[3],
      message: expect.stringContaining('nothing was removed'),
    });
    expect(store.writes).toEqual([]);
    expect(await left()).toEqual(expect.arrayContaining(ids.slice(0, 3)));
  });

  it('is not held up by what happens to the snapshots of another host', async () => {
    const web2 = await enroll(vault, newHost('web-2'));
    const other = await nextDay(web2);
    const planned = await planPrune(await openLocked(web2), () => ({ last: 1 }));
    await remove(other, web2);
    await applyPrune(await openLocked(web2), planned, vault.host);
    expect(await left(web2)).toEqual([ids[3]]);
  });

  it('keeps what a backup adds meanwhile, and what somebody keeps meanwhile', async () => {
    const planned = await plan({ last: 1 });
    ids.push(await nextDay());
    const open = await openLocked(vault);
    const read = await readSnapshots(open);
    await applyKeep(open, planKeep(open, read, [read.snapshots[1]!], vault.host), vault.host);
    const result = await applyPrune(open, planned, vault.host);
    expect(result.keptNow.map((s) => s.id)).toEqual([ids[1]]);
    expect(await left()).toEqual([ids[1], ids[3], ids[4]]);
    await sound();
  });

  it('is refused to a host that may not, before anything is written', async () => {
    const planned = await plan({ last: 1 });
    const scoped = await enroll(vault, newHost('db-1'), { sets: ['db'], may: ['maintain'] });
    const store = watched(vault.store);
    const open = { ...(await openLocked(scoped)), store };
    for (const host of [newHost('laptop'), scoped.host])
      await expect(applyPrune(open, planned, host)).rejects.toMatchObject({ code: 'may-not-maintain' });
    expect(store.writes).toEqual([]);
  });
});

describe('a re-encryption', () => {
  /** One that was cut off when old records were to go: each snapshot has two. */
  async function cutOff(): Promise<TestVault> {
    const rotation = await rotateVault(vault, await openUnlocked(vault), { reencrypt: true });
    const now = { ...vault, document: rotation.vault.document, pin: rotation.pin };
    const store = watched(vault.store, ({ verb, name }) => {
      if (verb === 'create' && name.startsWith('ledger/')) throw new Killed('killed');
    });
    const opened = await openUnlocked(now);
    await expect(reencryptVault({ ...opened, store })).rejects.toThrow(Killed);
    return now;
  }

  it('that is open leaves older records, which go with their snapshots, and nothing of what is kept', async () => {
    const now = await cutOff();
    const open = await openLocked(now);
    const { superseded } = await readSnapshots(open);
    expect(superseded.length).toBeGreaterThan(0);
    const planned = await planPrune(open, () => ({ last: 2 }));
    expect(planned.removes.map((s) => s.id)).toEqual(ids.slice(0, 2));
    await applyPrune(open, planned, vault.host);
    for (const id of ids.slice(0, 2)) {
      expect(await namesOf(vault.store, `snapshots/app/${id}`)).toEqual([]);
      expect(await partsOf(id)).toEqual([]);
    }
    expect(await left(now)).toEqual(ids.slice(2));
    expect(await faultsOf(now)).toEqual([]);
    await reencryptVault(await openUnlocked(now));
    expect(await left(now)).toEqual(ids.slice(2));
    expect((await verify(await openUnlocked(now), { unlocked: await openUnlocked(now) })).findings).toEqual(
      [],
    );
  });

  it('that finished while a prune was planned: nothing that is kept is lost, and the next prune clears up', async () => {
    const rotation = await rotateVault(vault, await openUnlocked(vault), { reencrypt: true });
    const now = { ...vault, document: rotation.vault.document, pin: rotation.pin };
    const planned = await planPrune(await openLocked(now), () => ({ last: 2 }));
    await reencryptVault(await openUnlocked(now));
    tick(vault.clock, DAY / 12);
    await applyPrune(await openLocked(now), planned, vault.host);
    expect(await left(now)).toEqual(ids.slice(2));
    const again = await planPrune(await openLocked(now), () => ({ last: 2 }));
    expect(again.leftovers.map((l) => l.id).sort()).toEqual(ids.slice(0, 2));
    await applyPrune(await openLocked(now), again, vault.host);
    expect((await verify(await openLocked(now))).findings).toEqual([]);
  });
});

describe('a record under the id of what another host is writing', () => {
  const part = (id: string, n: number) => `data/app/${id}/1-9876543210/files.tar.gz.age.0000${n}`;

  it('is removed without that: its data came after the removal, or just before', async () => {
    const id = await failing();
    await vault.store.create(part(id, 0), Buffer.from('of the other'));
    await vault.backup({ n: 'whole' });
    await prune({ last: 1 });
    expect(await namesOf(vault.store, `snapshots/app/${id}`)).toEqual([]);
    expect(await partsOf(id)).toEqual([part(id, 0)]);
    const again = async () => {
      await prune({ last: 1 });
      return await partsOf(id);
    };
    expect(await again()).toEqual([part(id, 0)]);
    tick(vault.clock, DAY / 2);
    await vault.store.create(part(id, 1), Buffer.from('more'));
    expect(await again()).toHaveLength(2);
    // It came to nothing: it goes as whatever is unfinished.
    tick(vault.clock, 9 * DAY);
    await nextDay();
    expect(await again()).toEqual([]);
  });
});

describe('data that no snapshot names', () => {
  const stray = (id: string) => `data/app/${id}/1-0123456789/files.tar.gz.age.00000`;
  const ID = '20261101T000000Z-abcdef';

  it('goes when it is older than a week by both clocks, and not before', async () => {
    await vault.store.create(stray(ID), Buffer.from('xyz'));
    const orphans = async () => (await plan({ last: 9 })).orphans.map((o) => o.directory);
    tick(vault.clock, 30 * DAY);
    // Nothing was stored since: the store's own clock is not known to be past it.
    expect(await orphans()).toEqual([]);
    await nextDay();
    expect(await orphans()).toEqual([`data/app/${ID}/1-0123456789`]);
    const real = vault.clock.now;
    vault.clock.now = new Date(real.getTime() - 28 * DAY);
    expect(await orphans()).toEqual([]);
    vault.clock.now = real;
    expect(await prune({ last: 9 })).toMatchObject({ orphans: 1, objects: 1, bytes: 3, removed: [] });
    expect(await partsOf(ID)).toEqual([]);
  });

  it('is looked after once more before it goes', async () => {
    await vault.store.create(stray(ID), Buffer.from('xyz'));
    tick(vault.clock, 30 * DAY);
    await nextDay();
    const planned = await plan({ last: 9 });
    await vault.store.create(`snapshots/app/${ID}.json`, Buffer.from('late'));
    const open = await openLocked(vault);
    expect((await applyPrune(open, planned, vault.host)).orphans).toBe(0);
    expect(await partsOf(ID)).toHaveLength(1);
  });

  it('of a snapshot that counts goes too, but for what that names', async () => {
    await vault.store.create(stray(ids[3]!), Buffer.from('xyz'));
    tick(vault.clock, 30 * DAY);
    await nextDay();
    await prune({ last: 9 });
    expect(await partsOf(ids[3]!)).toHaveLength(2);
    await sound();
  });

  it('stays where somebody removed the record unsigned: it is all that is left of a snapshot', async () => {
    await vault.store.remove([`snapshots/app/${ids[1]}.json`]);
    tick(vault.clock, 30 * DAY);
    await nextDay();
    expect((await plan({ last: 9 }, { despiteGaps: true })).orphans).toEqual([]);
  });

  it('stays under names that are none of ours, and in sets without a retention', async () => {
    for (const name of [
      'data/app/x/1-0123456789/a',
      `data/app/${ID}/x/a`,
      `data/app/${ID}/a`,
      `data/App/${ID}/1-0123456789/a`,
    ])
      await vault.store.create(name, Buffer.from('xyz'));
    await vault.store.create(stray(ID).replace('app', 'db'), Buffer.from('xyz'));
    tick(vault.clock, 30 * DAY);
    await nextDay();
    const open = await openLocked(vault);
    const planned = await planPrune(open, (set) => (set === 'app' ? { last: 9 } : undefined));
    expect(planned.orphans).toEqual([]);
  });
});

describe('where somebody removes snapshots past us', () => {
  it('nothing of that host goes, unless it is asked for', async () => {
    const web2 = await enroll(vault, newHost('web-2'));
    const others = [await nextDay(web2), await nextDay(web2)];
    await vault.store.remove([`snapshots/app/${ids[1]}.json`]);
    const open = await openLocked(web2);
    const planned = await planPrune(open, () => ({ last: 1 }));
    expect(planned.removes.map((s) => s.id)).toEqual([others[0]]);
    expect(planned.leftAlone).toMatchObject([
      { set: 'app', host: 'web-1', finding: { code: 'missing-predecessor' } },
    ]);
    expect(told(planned)[0]).toEqual([
      ids[0],
      true,
      'left alone: another is gone, and nobody signed its removal',
    ]);
    const all = await planPrune(open, () => ({ last: 1 }), { despiteGaps: true });
    expect(all.removes.map((s) => s.id)).toEqual([ids[0], ids[2], others[0]]);
  });

  it('nothing at all goes where a newer vault document is hidden', async () => {
    const web2 = await enroll(vault, newHost('web-2'));
    await nextDay();
    await vault.store.remove([web2.document.object]);
    await expect(plan({ last: 1 })).rejects.toMatchObject({
      code: 'not-as-it-was',
      exitCode: 13,
      message: expect.stringContaining('nothing was removed'),
    });
  });
});

describe('notes of what was removed', () => {
  it('go once nothing names what they removed and a month has passed; those of a delete stay', async () => {
    await prune({ last: 1 });
    const entries = () => namesOf(vault.store, 'ledger/');
    const [first = ''] = await entries();
    tick(vault.clock, 40 * DAY);
    // The oldest that is left names one of them.
    await nextDay();
    await prune({ last: 9 });
    expect(await entries()).toEqual([first]);
    await nextDay();
    await prune({ last: 1 });
    expect(await entries()).toHaveLength(2);
    const planned = await plan({ last: 1 });
    expect(planned.spent.map((e) => e.object)).toEqual([first]);
    await prune({ last: 1 });
    expect(await entries()).toHaveLength(1);
    expect(await entries()).not.toContain(first);
    await sound();
    await nextDay();
    await sound();
  });
});

describe('four months of daily runs', () => {
  it('keeps the floor and the rules on each day, through failures and an outage, and the vault stays small', async () => {
    const policy = { daily: 7, weekly: 4, minimum: 3 };
    let kept: string[] = [];
    for (let day = 0; day < 120; day++) {
      const isOut = day >= 80 && day < 87;
      if (isOut) tick(vault.clock, DAY);
      else if (day % 9 === 4 || (day >= 30 && day < 45)) await failing();
      else await nextDay();
      const open = await openLocked(vault);
      const planned = await plan(policy, {}, open);
      await applyPrune(open, planned, vault.host);
      const whole = planned.verdicts.filter((v) => v.snapshot.complete);
      const stay = whole.filter((v) => v.keep);
      expect(planned.read.findings.filter((f) => f.severity === 'error')).toEqual([]);
      expect(stay.length, `day ${day}`).toBeGreaterThanOrEqual(Math.min(7, whole.length));
      expect(stay.length, `day ${day}`).toBeLessThanOrEqual(11);
      const ids = planned.verdicts.flatMap((v) => (v.keep ? [v.snapshot.id] : []));
      if (isOut) expect(ids).toEqual(kept);
      kept = ids;
    }
    expect(await left()).toEqual(kept);
    expect((await namesOf(vault.store, 'ledger/')).length).toBeLessThan(60);
    await sound();
  }, 120_000);
});
