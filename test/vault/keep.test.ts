import { beforeEach, describe, expect, it } from 'vitest';
import { StoreError } from '../../src/errors.ts';
import { memoryStore } from '../../src/store/memory.ts';
import type { Store } from '../../src/store/store.ts';
import { applyDelete, planDelete } from '../../src/vault/delete.ts';
import { applyKeep, applyLapse, holdAgain, planKeep, planLapse, planRelease } from '../../src/vault/keep.ts';
import { readSnapshots, type Snapshot } from '../../src/vault/snapshots.ts';
import type { Vault } from '../../src/vault/vault.ts';
import { bodyOf, enroll, get, namesOf, put, sign } from '../support/forge.ts';
import { removed } from '../support/hosts.ts';
import { briefly, failureOf, faultsOf } from '../support/refusals.ts';
import { reencryptVault, rotateVault } from '../support/rotation.ts';
import {
  clockAt,
  makeVault,
  newHost,
  openLocked,
  openUnlocked,
  sha256,
  type TestHost,
  type TestVault,
  tick,
  withKey,
} from '../support/vault.ts';
import { watched } from './stores.ts';

const DAY = 86_400_000;

/** A store that holds objects, and says which; `refuse` makes it refuse from then on. */
interface Holding extends Store {
  readonly held: Set<string>;
  refuse: boolean;
  /** Called before each change. */
  onHold?: () => Promise<void>;
}

function holding(store: Store): Holding {
  const held = new Set<string>();
  const self: Holding = {
    ...watched(store),
    held,
    refuse: false,
    holds: {
      async set(names, on) {
        await self.onHold?.();
        if (self.refuse) throw new StoreError('store-denied', 'no', { hint: 'allow s3:PutObjectLegalHold' });
        for (const name of names) {
          expect(await store.get(name)).not.toBeNull();
          if (on) held.add(name);
          else held.delete(name);
        }
      },
    },
  };
  return self;
}

let vault: TestVault;
let store: Holding;
let snapshots: readonly Snapshot[];
beforeEach(async () => {
  const clock = clockAt();
  store = holding(memoryStore({ clock: () => clock.now }));
  vault = await makeVault({ store, clock });
  for (const n of [1, 2, 3]) await vault.backup({ n });
  ({ snapshots } = await readSnapshots(await openLocked(vault)));
});

const later = (ms: number) => new Date(vault.clock.now.getTime() + ms);
const ledgerObjects = () => namesOf(vault.store, 'ledger/');
/** A week of backups from then on: what is over by the clock is over by these too. */
const weekFrom = async (time: Date) => {
  for (let day = 0; day < 8; day++) {
    vault.clock.now = new Date(time.getTime() + day * DAY);
    await vault.backup({ n: day });
  }
};
const objectsOf = ({ object, artifacts }: Snapshot) => [
  object,
  ...artifacts.flatMap((a) => a.parts.map((p) => p.object)),
];

async function keep(which: readonly Snapshot[], until?: Date, host: TestHost = vault.host, open?: Vault) {
  tick(vault.clock);
  const at = open ?? (await openLocked(vault));
  const plan = planKeep(at, await readSnapshots(at), which, host, until);
  return { plan, refused: await applyKeep(at, plan, host) };
}

async function release(which: readonly Snapshot[], host: TestHost = vault.host) {
  tick(vault.clock);
  const at = await openLocked(vault);
  const plan = planRelease(at, await readSnapshots(at), which, host);
  return { plan, refused: await applyKeep(at, plan, host) };
}

async function reencryptAll() {
  const opened = await openUnlocked(vault, { credential: await withKey(vault.key) });
  const { vault: rotated } = await rotateVault(vault, opened, { reencrypt: true });
  return await reencryptVault(rotated);
}

async function keptIds(): Promise<string[]> {
  const read = await readSnapshots(await openLocked(vault));
  return read.snapshots.filter((s) => read.ledger.kept(s.set, s.id, s.sha256)).map((s) => s.id);
}

async function untilOf({ set, id, sha256: digest }: Snapshot): Promise<Date | undefined | 'not kept'> {
  const { ledger } = await readSnapshots(await openLocked(vault));
  const kept = ledger.kept(set, id, digest);
  return kept ? kept.until : 'not kept';
}

const remove = async (which: readonly Snapshot[]) =>
  await applyDelete(await openLocked(vault), planDelete(which), vault.host);

describe('keeping', () => {
  it('is an entry for each snapshot, signed by the host, and no fault', async () => {
    await keep(snapshots.slice(0, 2), later(DAY));
    const entries = await ledgerObjects();
    const bodies = await Promise.all(entries.map(async (name) => bodyOf(await get(vault.store, name))));
    expect(bodies.map(({ action, by, removes }) => [action, by, removes])).toEqual(
      [1, 2].map(() => ['keep', 'web-1', []]),
    );
    const said = bodies.flatMap(({ keeps }) => keeps as object[]);
    expect(said).toHaveLength(2);
    for (const { set, id, sha256: digest } of snapshots.slice(0, 2))
      expect(said).toContainEqual({ set, id, sha256: digest });
    expect(await keptIds()).toEqual(snapshots.slice(0, 2).map((s) => s.id));
    expect(await faultsOf(vault)).toEqual([]);
  });

  it('stops a delete, of all that are named, before anything goes', async () => {
    await keep([snapshots[1]!]);
    const before = await namesOf(vault.store);
    expect(await failureOf(remove(snapshots))).toMatchObject({
      code: 'kept',
      exitCode: 11,
      message: `${snapshots[1]!.id} of app is kept`,
      hint: expect.stringContaining(`strongroom keep --release ${snapshots[1]!.id}`),
    });
    expect(await namesOf(vault.store)).toEqual(before);
    await remove([snapshots[0]!]);
    expect(await keptIds()).toEqual([snapshots[1]!.id]);
  });

  it('stops a delete that was planned before', async () => {
    const open = await openLocked(vault);
    const plan = planDelete([snapshots[0]!]);
    await keep([snapshots[0]!]);
    expect((await failureOf(applyDelete(open, plan, vault.host))).code).toBe('kept');
  });

  it('until a time ends then, to the second', async () => {
    const end = later(DAY);
    await keep([snapshots[0]!], end);
    expect(await untilOf(snapshots[0]!)).toEqual(end);
    vault.clock.now = new Date(end.getTime() - 1);
    expect((await failureOf(remove([snapshots[0]!]))).message).toMatch(/ is kept until 2026-11-21T/);
    vault.clock.now = end;
    expect(await untilOf(snapshots[0]!)).toBe('not kept');
    await remove([snapshots[0]!]);
  });

  it('again for longer, or for ever, counts; for less changes nothing', async () => {
    await keep([snapshots[0]!], later(2 * DAY));
    const two = (await untilOf(snapshots[0]!)) as Date;
    const { plan } = await keep([snapshots[0]!], later(DAY));
    expect(plan.keeps).toEqual([]);
    expect(await untilOf(snapshots[0]!)).toEqual(two);
    const three = later(3 * DAY);
    await keep([snapshots[0]!], three);
    expect(await untilOf(snapshots[0]!)).toEqual(three);
    await keep([snapshots[0]!]);
    expect(await untilOf(snapshots[0]!)).toBeUndefined();
    expect((await keep([snapshots[0]!], later(9 * DAY))).plan.keeps).toEqual([]);
    expect((await keep([snapshots[0]!])).plan.keeps).toEqual([]);
    expect(await ledgerObjects()).toHaveLength(3);
  });

  it('goes on through a re-encryption', async () => {
    await keep([snapshots[0]!]);
    await reencryptAll();
    expect(await keptIds()).toEqual([snapshots[0]!.id]);
    const again = (await readSnapshots(await openLocked(vault))).snapshots;
    expect((await failureOf(remove(again))).code).toBe('kept');
  });

  it.each<[string, { may?: string[]; sets?: string[] }]>([
    ['may only write', { may: ['write'] }],
    ['may maintain other sets', { may: ['write', 'maintain'], sets: ['db'] }],
  ])('is refused to a host that %s, and nothing is written', async (_, scope) => {
    const other = await enroll(vault, newHost('db-1'), scope);
    const before = await namesOf(vault.store);
    expect(await failureOf(keep([snapshots[0]!], undefined, other.host))).toMatchObject({
      code: 'may-not-maintain',
      message: 'db-1 may not say what is kept in the vault shop',
    });
    await keep([snapshots[0]!]);
    expect((await failureOf(release([snapshots[0]!], other.host))).code).toBe('may-not-maintain');
    expect(await namesOf(vault.store)).toHaveLength(before.length + 1);
  });
});

describe('releasing', () => {
  it('ends every entry of the snapshot, and no other', async () => {
    await keep([snapshots[0]!], later(DAY));
    await keep(snapshots);
    await release([snapshots[0]!]);
    expect(await keptIds()).toEqual(snapshots.slice(1).map((s) => s.id));
    await remove([snapshots[0]!]);
    expect(await faultsOf(vault)).toEqual([]);
  });

  it('does not stand in the way of keeping again', async () => {
    await keep([snapshots[0]!]);
    await release([snapshots[0]!]);
    await keep([snapshots[0]!]);
    expect(await keptIds()).toEqual([snapshots[0]!.id]);
  });

  it('a second time writes nothing; of what was never kept is an error', async () => {
    await keep([snapshots[0]!]);
    await release([snapshots[0]!]);
    const before = await ledgerObjects();
    await release([snapshots[0]!]);
    expect(await failureOf(release([snapshots[1]!]))).toMatchObject({ code: 'not-kept', exitCode: 10 });
    expect(await ledgerObjects()).toEqual(before);
  });

  it('keeps on what else another writer put into the same entry, until when that said', async () => {
    const { vault: id, revision, generation, tool, time } = vault.document;
    const object = 'ledger/20261120T060000Z-000000.json';
    const entry = {
      ...{ format: 1, type: 'ledger', object, vault: id, time, tool, revision, generation },
      ...{ by: 'web-1', action: 'keep', removes: [], until: '2026-11-21T06:00:00Z' },
      keeps: snapshots.map(({ set, id: i, sha256: digest }) => ({ set, id: i, sha256: digest })),
    };
    await put(vault.store, object, sign(entry, 'ledger', vault.host.key));
    expect(await keptIds()).toHaveLength(3);
    await release([snapshots[0]!]);
    expect(await keptIds()).toEqual(snapshots.slice(1).map((s) => s.id));
    expect(await untilOf(snapshots[2]!)).toEqual(new Date('2026-11-21T06:00:00Z'));
  });
});

describe('of a host that was removed,', () => {
  it('what it said by then counts, and what it says later does not', async () => {
    const other = await enroll(vault, newHost('web-2'), { may: ['write', 'maintain'] });
    await keep([snapshots[0]!], undefined, other.host);
    await removed(vault, 'web-2');
    expect(await keptIds()).toEqual([snapshots[0]!.id]);
    const { vault: id, revision, generation, tool, time } = vault.document;
    const object = 'ledger/20261120T060000Z-000000.json';
    const [mine = ''] = await ledgerObjects();
    const releases = [{ object: mine, sha256: sha256(await get(vault.store, mine)) }];
    const entry = {
      ...{ format: 1, type: 'ledger', object, vault: id, time, tool, revision, generation },
      ...{ by: 'web-2', action: 'release', removes: [], releases },
    };
    await put(vault.store, object, sign(entry, 'ledger', other.host.key));
    expect(await keptIds()).toEqual([snapshots[0]!.id]);
    expect(briefly(await faultsOf(vault))).toEqual([`removed-host ${object}`]);
  });
});

describe('where the store holds objects', () => {
  it('holds the snapshot and the entry, and nothing else', async () => {
    expect((await keep([snapshots[0]!])).refused).toBeUndefined();
    const [entry = ''] = await ledgerObjects();
    expect([...store.held].sort()).toEqual([entry, ...objectsOf(snapshots[0]!)].sort());
  });

  it('lifts them all on release, of that snapshot only', async () => {
    await keep([snapshots[0]!]);
    await keep([snapshots[0]!, snapshots[1]!], later(DAY));
    const before = await ledgerObjects();
    await release([snapshots[0]!]);
    const [other = ''] = [...store.held].filter((name) => name.startsWith('ledger/'));
    expect(before).toContain(other);
    expect([...store.held].sort()).toEqual([other, ...objectsOf(snapshots[1]!)].sort());
  });

  it('a hold that it refuses changes nothing in the vault, and is made up by the same again', async () => {
    store.refuse = true;
    const { refused } = await keep([snapshots[0]!]);
    expect(refused).toMatchObject({ code: 'store-denied', hint: 'allow s3:PutObjectLegalHold' });
    expect(await keptIds()).toEqual([snapshots[0]!.id]);
    store.refuse = false;
    expect((await keep([snapshots[0]!])).refused).toBeUndefined();
    const entries = await ledgerObjects();
    expect(entries).toHaveLength(1);
    expect([...store.held].sort()).toEqual([...entries, ...objectsOf(snapshots[0]!)].sort());
    store.refuse = true;
    expect((await release([snapshots[0]!])).refused).toMatchObject({ code: 'store-denied' });
    expect(await keptIds()).toEqual([]);
    store.refuse = false;
    await release([snapshots[0]!]);
    expect([...store.held]).toEqual([]);
  });

  it('lifts what has lapsed at the next keep, but not what is kept by another entry or anew', async () => {
    await keep(snapshots, later(DAY));
    await keep([snapshots[1]!], later(20 * DAY));
    await weekFrom(later(2 * DAY));
    const { plan } = await keep([snapshots[2]!]);
    expect(plan.lapsed.entries).toHaveLength(3);
    const data = [...store.held].filter((name) => !name.startsWith('ledger/'));
    expect(data.sort()).toEqual([...objectsOf(snapshots[1]!), ...objectsOf(snapshots[2]!)].sort());
    expect([...store.held].filter((name) => name.startsWith('ledger/'))).toHaveLength(2);
    // Once: what was lifted is released.
    const open = await openLocked(vault);
    expect(planLapse(open, await readSnapshots(open), vault.host).entries).toEqual([]);
    expect(await faultsOf(vault)).toEqual([]);
  });

  it('a clock set forward lifts and releases nothing, nor one that made a few backups too', async () => {
    const real = vault.clock.now;
    const [short, long] = [later(DAY), later(300 * DAY)];
    await keep([snapshots[0]!], short);
    await keep([snapshots[0]!], long);
    const lapsed = async (asked: readonly Snapshot[] = []) => {
      const open = await openLocked(vault);
      return planLapse(open, await readSnapshots(open), vault.host, [], [], asked);
    };
    vault.clock.now = later(400 * DAY);
    expect(await lapsed()).toEqual({ entries: [], lift: [] });
    await vault.backup({ n: 4 });
    expect(await lapsed()).toEqual({ entries: [], lift: [] });
    // Who removes it by name has to be right about the time himself.
    expect((await lapsed([snapshots[0]!])).lift).toEqual(expect.arrayContaining(objectsOf(snapshots[0]!)));
    // One entry is over by both: what the other keeps stays held.
    const last = (await readSnapshots(await openLocked(vault))).snapshots.at(-1)!;
    await vault.store.remove(objectsOf(last));
    await weekFrom(new Date(real.getTime() + 2 * DAY));
    vault.clock.now = new Date(real.getTime() + 400 * DAY);
    const { entries, lift } = await lapsed();
    expect(entries.map((e) => Date.parse(e.until!))).toEqual([short.getTime()]);
    expect(lift).toEqual(entries.map((e) => e.object));
  });

  it('tries again to lift what has lapsed when it was refused', async () => {
    await keep([snapshots[0]!], later(DAY));
    await weekFrom(later(2 * DAY));
    const lapse = async () => {
      const open = await openLocked(vault);
      return await applyLapse(open, planLapse(open, await readSnapshots(open), vault.host), vault.host);
    };
    store.refuse = true;
    expect(await lapse()).toMatchObject({ code: 'store-denied' });
    store.refuse = false;
    expect(store.held.size).toBeGreaterThan(0);
    await lapse();
    expect([...store.held]).toEqual([]);
  });

  it('leaves what has lapsed of other hosts’ sets to them', async () => {
    await keep([snapshots[0]!], later(DAY));
    await weekFrom(later(2 * DAY));
    const other = await enroll(vault, newHost('db-1'), { sets: ['db'], may: ['maintain'] });
    const open = await openLocked(vault);
    expect(planLapse(open, await readSnapshots(open), other.host)).toEqual({ entries: [], lift: [] });
  });

  it('a re-encryption holds what it wrote of kept snapshots before the old goes', async () => {
    await keep([snapshots[0]!]);
    let old: Buffer | null = null;
    store.onHold = async () => {
      old = await store.get(snapshots[0]!.object);
    };
    expect((await reencryptAll()).findings).toEqual([]);
    expect(old).not.toBeNull();
    expect(await store.get(snapshots[0]!.object)).toBeNull();
    const [now] = (await readSnapshots(await openLocked(vault))).snapshots;
    expect(now!.generation).toBe(2);
    for (const name of objectsOf(now!)) expect(store.held).toContain(name);
    const others = (await readSnapshots(await openLocked(vault))).snapshots.slice(1);
    for (const name of others.flatMap(objectsOf)) expect(store.held).not.toContain(name);
  });

  it('a re-encryption that may not hold goes on, and says so', async () => {
    await keep([snapshots[0]!]);
    store.refuse = true;
    const { done, findings } = await reencryptAll();
    expect(done).toBe(3);
    expect(findings).toMatchObject([{ code: 'not-held', severity: 'warning' }]);
    expect(findings[0]!.message).toContain(snapshots[0]!.id);
  });

  it('asks for nothing when nothing is kept', async () => {
    store.refuse = true;
    expect(await holdAgain(await openLocked(vault), snapshots)).toEqual([]);
  });
});

it('where the store holds nothing the ledger alone says it', async () => {
  const plain = await makeVault();
  await plain.backup({ n: 1 });
  const open = await openLocked(plain);
  const read = await readSnapshots(open);
  const plan = planKeep(open, read, read.snapshots, plain.host);
  expect(plan.hold).toEqual([]);
  expect(await applyKeep(open, plan, plain.host)).toBeUndefined();
  expect((await failureOf(applyDelete(open, planDelete(read.snapshots), plain.host))).code).toBe('kept');
});
