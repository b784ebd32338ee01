import { beforeEach, describe, expect, it } from 'vitest';
import { StoreError } from '../../../src/errors.ts';
import type { Store, StoredVersion } from '../../../src/store/store.ts';
import { applyDelete, findLeftovers, planDelete } from '../../../src/vault/delete.ts';
import { readActivity } from '../../../src/vault/hosts/activity.ts';
import { enrollHost } from '../../../src/vault/hosts/enroll.ts';
import { type Belief, planHostRemoval, removeHost } from '../../../src/vault/hosts/remove.ts';
import { sealRemoval } from '../../../src/vault/hosts/seal-removal.ts';
import { applyKeep, planKeep, planRelease } from '../../../src/vault/keep.ts';
import { readLedger } from '../../../src/vault/ledger.ts';
import { documentTime } from '../../../src/vault/names.ts';
import { readSnapshots, type Snapshot } from '../../../src/vault/snapshots.ts';
import { bodyOf, forge, get, namesOf, objectsOf, put } from '../../support/forge.ts';
import { enrolled, keeper, type Machine, machineOf, removed } from '../../support/hosts.ts';
import { briefly, faultsOf } from '../../support/refusals.ts';
import { reencryptVault, rotateVault } from '../../support/rotation.ts';
import { asRotated, reencrypted } from '../../support/thief.ts';
import {
  makeVault,
  newHost,
  openLocked,
  sha256,
  type TestHost,
  type TestVault,
  tick,
} from '../../support/vault.ts';
import { Killed, killedAfter, watched } from '../stores.ts';

let vault: TestVault;
let web: Machine;
let ids: string[];
beforeEach(async () => {
  vault = await makeVault();
  web = await enrolled(vault, 'web-2', { may: ['write', 'maintain'] });
  ids = [];
  for (const n of [1, 2, 3]) ids.push((await web.backup(n)).snapshot);
});

const read = async () => await readSnapshots(await openLocked(vault));
const idsThatCount = async () => (await read()).snapshots.map((s) => s.id);
const stopped = async () => (await read()).refused.map((r) => `${r.finding.code} ${r.id}`);
/** The store's own time of the newest record. */
const now = () => vault.clock.now;

describe('removing a host', () => {
  it('writes what still counts, then the vault document that names it, and nothing else', async () => {
    const before = await objectsOf(vault.store);
    const store = watched(vault.store);
    await removeHost(await keeper(vault, store), 'web-2');
    const [entry = '', document, ...more] = store.writes;
    expect(more).toEqual([]);
    expect(entry).toMatch(/^create ledger\/\d{8}T\d{6}Z-[0-9a-z]{6}\.json$/);
    expect(document).toBe('create vault/3.json');
    const object = entry.slice('create '.length);
    const bytes = await get(vault.store, object);
    expect(bodyOf(bytes)).toMatchObject({
      by: 'authority',
      action: 'remove-host',
      host: 'web-2',
      removes: [],
      records: ids.map((id) => sha256(before.get(`snapshots/app/${id}.json`)!)),
      entries: [],
    });
    expect((await openLocked(vault)).document.hosts[1]).toMatchObject({
      name: 'web-2',
      removed: '2026-11-20T06:01:12Z',
      counts: { object, sha256: sha256(bytes) },
    });
    for (const [name, was] of before) expect((await get(vault.store, name)).equals(was)).toBe(true);
  });

  it('lets all count that it wrote by then, and nothing that comes after', async () => {
    expect(await removed(vault, 'web-2')).toMatchObject({ counts: { length: 3 }, stops: [] });
    expect(await idsThatCount()).toEqual(ids);
    expect(await faultsOf(vault)).toEqual([]);
    await expect(web.backup(4)).rejects.toMatchObject({
      code: 'unlisted-host',
      exitCode: 2,
      hint: expect.stringContaining('hosts enroll --new-key'),
    });
    const { id } = await forge(web.forger);
    expect(await idsThatCount()).toEqual(ids);
    expect(await stopped()).toEqual([`removed-host ${id}`]);
  });

  it('leaves the others alone', async () => {
    const own = (await vault.backup({ '.env': 'A=1\n' })).snapshot;
    await removed(vault, 'web-2', { since: new Date(0) });
    expect(await idsThatCount()).toEqual([own]);
    await vault.backup({ '.env': 'A=2\n' });
    expect(await idsThatCount()).toHaveLength(2);
  });

  it('takes in what it wrote while somebody thought about the question', async () => {
    const opened = await keeper(vault);
    await planHostRemoval(opened, 'web-2');
    const late = (await web.backup(4)).snapshot;
    const { removal } = await removeHost(opened, 'web-2');
    expect(removal.counts.map((s) => s.id)).toEqual([...ids, late]);
    expect(await idsThatCount()).toEqual([...ids, late]);
  });

  it('lets its own deletions stand', async () => {
    const { snapshots } = await read();
    await applyDelete(await openLocked(vault), planDelete([snapshots[0]!]), web);
    expect(await removed(vault, 'web-2')).toMatchObject({ entries: { length: 1 }, undone: [] });
    expect(await idsThatCount()).toEqual(ids.slice(1));
    expect(await faultsOf(vault)).toEqual([]);
  });

  it('by two at once removes both hosts, and of one host tells the second', async () => {
    await enrolled(vault, 'web-3');
    const four = await Promise.all([1, 2, 3, 4].map(() => keeper(vault)));
    await Promise.all([removeHost(four[0]!, 'web-2'), removeHost(four[1]!, 'web-3')]);
    const { hosts } = (await openLocked(vault)).document;
    expect(hosts.map((h) => h.removed !== undefined)).toEqual([false, true, true]);
    expect(await idsThatCount()).toEqual(ids);
    expect(await faultsOf(vault)).toEqual([]);
    const again = await Promise.allSettled([removeHost(four[2]!, 'web-1'), removeHost(four[3]!, 'web-1')]);
    expect(again.map((r) => (r.status === 'rejected' ? r.reason.code : ''))).toEqual(
      expect.arrayContaining(['', 'host-removed']),
    );
    expect(await faultsOf(vault)).toEqual([]);
  });

  it.each<[string, string, Belief, string, number]>([
    ['that there is not', 'web-9', {}, 'no-host', 10],
    ['up to a snapshot that there is not', 'web-2', { lastGood: ['2026'.repeat(3)] }, 'no-snapshot', 10],
    ['up to no snapshot', 'web-2', { lastGood: [''] }, 'no-snapshot', 10],
    ['up to one of several', 'web-2', { lastGood: ['20261120'] }, 'ambiguous', 2],
  ])('%s is refused, and changes nothing', async (_, name, belief, code, exitCode) => {
    const before = await namesOf(vault.store);
    await expect(removed(vault, name, belief)).rejects.toMatchObject({
      code,
      exitCode,
      hint: expect.any(String),
    });
    expect(await namesOf(vault.store)).toEqual(before);
  });

  it('up to a snapshot of another host is refused', async () => {
    const { snapshot } = await vault.backup({ '.env': 'A=1\n' });
    await expect(removed(vault, 'web-2', { lastGood: [snapshot] })).rejects.toMatchObject({
      code: 'no-snapshot',
    });
  });

  it('says when nobody is left who may write, or maintain', async () => {
    const opened = await openLocked(vault);
    const last = ({ isLastMaintainer, isLastWriter }: Awaited<ReturnType<typeof planHostRemoval>>) => [
      isLastMaintainer,
      isLastWriter,
    ];
    expect(last(await planHostRemoval(opened, 'web-1'))).toEqual([false, false]);
    await removed(vault, 'web-2');
    expect(last(await planHostRemoval(await openLocked(vault), 'web-1'))).toEqual([true, true]);
  });

  it('with more than one object can hold is refused', async () => {
    const many = Array.from({ length: 240_000 }, (_, n) => n.toString(16).padStart(64, '0'));
    // As many snapshots as that would take minutes to make: their digests are all that matters.
    const counts = many.map((digest) => ({ sha256: digest, previous: null }) as unknown as Snapshot);
    const removal = { host: (await openLocked(vault)).document.hosts[1]!, counts, entries: [] };
    const unlocked = await keeper(vault);
    expect(() => sealRemoval(unlocked, removal)).toThrow(
      expect.objectContaining({ code: 'removal-too-large', exitCode: 2, object: 'web-2' }),
    );
    const fits = { ...removal, counts: counts.slice(0, 239_000) };
    expect(sealRemoval(unlocked, fits).bytes.length).toBeLessThanOrEqual(16 * 1024 * 1024);
  });
});

describe('how far a removed host is believed', () => {
  it('is by the store’s own time, to the moment', async () => {
    const { snapshots } = await read();
    const plan = async (since: Date) => await planHostRemoval(await openLocked(vault), 'web-2', { since });
    const { modified } = snapshots[1]!;
    expect((await plan(modified)).counts.map((s) => s.id)).toEqual(ids.slice(0, 1));
    expect((await plan(new Date(modified.getTime() + 1))).counts.map((s) => s.id)).toEqual(ids.slice(0, 2));
    expect((await plan(new Date(0))).stops.map((s) => s.id)).toEqual(ids);
  });

  it('or up to a snapshot that is known to be good', async () => {
    const removal = await removed(vault, 'web-2', { lastGood: [ids[1]!] });
    expect(removal.counts.map((s) => s.id)).toEqual(ids.slice(0, 2));
    expect(removal.stops.map((s) => s.id)).toEqual(ids.slice(2));
    expect(await idsThatCount()).toEqual(ids.slice(0, 2));
  });

  it('takes in what a good one names as the one before it, whenever it was put there', async () => {
    const record = `snapshots/app/${ids[0]}.json`;
    tick(vault.clock, 3_600_000);
    // Put back from a copy: the store has another time of it.
    await put(vault.store, record, await get(vault.store, record));
    const since = new Date(now().getTime() - 60_000);
    expect((await removed(vault, 'web-2', { since })).counts.map((s) => s.id)).toEqual(ids);
  });

  it('holds for what it deleted', async () => {
    const own = (await vault.backup({ '.env': 'A=1\n' })).snapshot;
    const since = new Date(now().getTime() + 1);
    tick(vault.clock);
    const { snapshots } = await read();
    // A ledger entry is all that a thief without the right to delete can write; it hides the snapshots all the same.
    const noDelete = watched(vault.store, ({ verb }) => {
      if (verb === 'remove') throw new Killed('killed');
    });
    const open = { ...(await openLocked(vault)), store: noDelete };
    await expect(applyDelete(open, planDelete(snapshots), web)).rejects.toThrow(Killed);
    expect(await idsThatCount()).toEqual([]);
    const removal = await removed(vault, 'web-2', { since });
    expect(removal).toMatchObject({ entries: [], undone: { length: 1 }, stops: [] });
    // Its own come back, and so do those of others.
    expect(removal.counts.map((s) => s.id)).toEqual(ids);
    expect((await idsThatCount()).sort()).toEqual([...ids, own].sort());
  });

  it('after a re-encryption goes by the time that the store had before', async () => {
    const since = new Date((await read()).snapshots[2]!.modified);
    for (const _ of [2, 3]) {
      const { vault: rotated } = await rotateVault(vault, await keeper(vault), { reencrypt: true });
      tick(vault.clock, 3_600_000);
      await reencryptVault(rotated);
    }
    const { snapshots } = await read();
    expect(snapshots.map((s) => [s.generation, s.modified])).toEqual(ids.map(() => [3, now()]));
    const plan = await planHostRemoval(await openLocked(vault), 'web-2', { since });
    expect(plan.counts.map((s) => s.id)).toEqual(ids.slice(0, 2));
    const upTo = await removed(vault, 'web-2', { lastGood: [ids[0]!] });
    expect(upTo.counts.map((s) => s.id)).toEqual(ids.slice(0, 1));
    expect(await idsThatCount()).toEqual(ids.slice(0, 1));
    expect(await stopped()).toEqual(ids.slice(1).map((id) => `removed-host ${id}`));
  });

  it('goes by the time of a re-encryption under a key that leaked: whoever had it could note any', async () => {
    const { vault: rotated } = await rotateVault(vault, await keeper(vault), { reencrypt: true });
    tick(vault.clock, 3_600_000);
    const since = now();
    await reencryptVault(rotated);
    const plan = async () => await planHostRemoval(await openLocked(vault), 'web-2', { since });
    expect((await plan()).stops).toEqual([]);
    await rotateVault(vault, await keeper(vault), { compromised: true });
    expect((await plan()).stops.map((s) => s.id)).toEqual(ids);
    // Whoever knows which is good says so.
    const belief = { since, lastGood: [ids[1]!] };
    const removal = await planHostRemoval(await openLocked(vault), 'web-2', belief);
    expect(removal.counts.map((s) => s.id)).toEqual(ids.slice(0, 2));
  });

  it('up to a good one is not defeated by storing that again after what was planted', async () => {
    const record = `snapshots/app/${ids[1]}.json`;
    const bytes = await get(vault.store, record);
    tick(vault.clock, 3_600_000);
    const planted = (await web.backup(666)).snapshot;
    // A thief who may write to the store; the digest is the same, only the store's time is another.
    await vault.store.remove([record]);
    tick(vault.clock);
    await put(vault.store, record, bytes);
    const { snapshots } = await read();
    expect(snapshots.find((s) => s.id === ids[1])!.modified).toEqual(now());
    const removal = await removed(vault, 'web-2', { lastGood: [ids[1]!] });
    // What came shortly after the good one may have been before it, by clocks that are not quite right.
    expect(removal.stops.map((s) => s.id)).toEqual([planted]);
    expect(await idsThatCount()).toEqual(ids);
  });

  it('up to a good one takes as long as its host said that it took, and ten minutes', async () => {
    const good = (await read()).snapshots[2]!;
    const end = Date.parse(good.time) + good.seconds * 1000 + 600_000;
    const record = `snapshots/app/${ids[2]}.json`;
    const bytes = await get(vault.store, record);
    const at = async (time: number) => {
      vault.clock.now = new Date(time - 60_000);
      return (await web.backup(4)).snapshot;
    };
    const last = await at(end);
    const late = await at(end + 1000);
    await vault.store.remove([record]);
    tick(vault.clock);
    await put(vault.store, record, bytes);
    const removal = await removed(vault, 'web-2', { lastGood: [ids[2]!] });
    expect(removal.counts.map((s) => s.id)).toEqual([...ids, last]);
    expect(removal.stops.map((s) => s.id)).toEqual([late]);
  });

  it('up to a good one goes by the oldest version of it, where the place keeps them', async () => {
    const name = `snapshots/app/${ids[1]}.json`;
    const { modified } = (await read()).snapshots[1]!;
    const bytes = await get(vault.store, name);
    await vault.store.remove([name]);
    tick(vault.clock);
    await put(vault.store, name, bytes);
    const versions = [
      { name, size: 1, modified: now(), version: '3', isLatest: true, isRemoval: false },
      { name, size: 1, modified, version: '2', isLatest: false, isRemoval: false },
      { name, size: 0, modified: new Date(0), version: '1', isLatest: false, isRemoval: true },
      { name: `${name}x`, size: 1, modified: new Date(0), version: '1', isLatest: true, isRemoval: false },
    ];
    const plan = async (list: () => AsyncGenerator<StoredVersion>) => {
      const store = { ...watched(vault.store), history: { list, get: async () => null } };
      return await planHostRemoval(await openLocked(vault, { store }), 'web-2', { lastGood: [ids[1]!] });
    };
    const known = await plan(async function* () {
      yield* versions;
    });
    expect(known.stops.map((s) => s.id)).toEqual([ids[2]]);
    // A role that may not list them goes by the rest.
    // biome-ignore lint/correctness/useYield: it fails before the first.
    const denied = await plan(async function* () {
      throw new StoreError('store-denied', 'no');
    });
    expect(denied.stops).toEqual([]);
  });

  describe('once somebody lost his key, who notes what time he likes', () => {
    let second: TestVault;
    let third: TestVault;
    let since: Date;
    beforeEach(async () => {
      const rotated = await rotateVault(vault, await keeper(vault), { reencrypt: true });
      tick(vault.clock, 3_600_000);
      await reencryptVault(rotated.vault);
      second = asRotated(vault, rotated);
      tick(vault.clock, 3_600_000);
      third = asRotated(second, await rotateVault(second, await keeper(vault), { reencrypt: true }));
      tick(vault.clock, 3_600_000);
      since = now();
      tick(vault.clock, 3_600_000);
    });

    /** A snapshot by the host's stolen key, re-encrypted with the former one: both dated before `since`. */
    async function plant(): Promise<string> {
      const received = new Date(since.getTime() - 1_800_000);
      const clock = { now: received };
      const { id, object } = await forge({ ...web.forger, clock }, { files: { '.env': 'EVIL=1\n' } });
      const own = (await readSnapshots(await keeper(vault))).snapshots.find((s) => s.object === object)!;
      await reencrypted(second, await keeper(vault), own, {
        generation: 2,
        signers: [second.authority],
        recipient: second.pin.recipient,
        change: { received: documentTime(received) },
      });
      await vault.store.remove([object]);
      return id;
    }
    const plan = async () => await planHostRemoval(await openLocked(third), 'web-2', { since });

    it('goes by the time of his re-encryption', async () => {
      const planted = await plant();
      const { counts, stops, receivedAt } = await plan();
      expect(stops.map((s) => s.id)).toEqual([planted]);
      expect(receivedAt(stops[0]!)).toEqual(now());
      // What was re-encrypted while that was the newest key goes by what the store had before.
      expect(counts.map((s) => [s.id, s.generation])).toEqual(ids.map((id) => [id, 2]));
    });

    it('does so after a re-encryption too: the newest key never signs his time', async () => {
      const planted = await plant();
      tick(vault.clock, 3_600_000);
      await reencryptVault(await keeper(vault));
      const { snapshots } = await read();
      expect(snapshots.map((s) => s.generation)).toEqual([3, 3, 3, 3]);
      const removal = await plan();
      expect(removal.stops.map((s) => s.id)).toEqual([planted]);
      expect(removal.counts.map((s) => s.id)).toEqual(ids);
    });

    it('whatever he does to the document of the rotation', async () => {
      const planted = await plant();
      const document = 'vault/5.json';
      const bytes = await get(vault.store, document);
      expect(bodyOf(bytes)).toMatchObject({ generation: 3 });
      tick(vault.clock);
      await enrolled(third, 'web-3');
      await vault.store.remove([document]);
      // Then nobody knows how long that key was the newest: every re-encryption's own time stands in.
      const unknown = await plan();
      expect(unknown.stops.map((s) => s.id)).toEqual([planted]);
      for (const s of unknown.counts) expect(unknown.receivedAt(s)).toEqual(s.modified);
      await put(vault.store, document, bytes);
      const again = await plan();
      expect(again.stops.map((s) => s.id)).toEqual([planted]);
      for (const s of again.counts) expect(again.receivedAt(s) < s.modified).toBe(true);
    });

    it('reads the documents only where a re-encryption of an older key is there', async () => {
      const listed: string[] = [];
      const store: Store = {
        ...watched(vault.store),
        list: (prefix, more) => {
          listed.push(prefix);
          return vault.store.list(prefix, more);
        },
      };
      const count = async () => {
        const open = await openLocked(third, { store });
        listed.length = 0;
        await planHostRemoval(open, 'web-2', { since });
        return listed.filter((prefix) => prefix === 'vault/').length;
      };
      expect(await count()).toBe(2);
      await reencryptVault(await keeper(vault));
      expect(await count()).toBe(0);
    });
  });

  it('holds for what it kept, and for what it released', async () => {
    const own = (await vault.backup({ '.env': 'A=1\n' })).snapshot;
    const say = async (verb: typeof planKeep, id: string, host: TestHost) => {
      tick(vault.clock);
      const open = await openLocked(vault);
      const found = await readSnapshots(open);
      await applyKeep(
        open,
        verb(
          open,
          found,
          found.snapshots.filter((s) => s.id === id),
          host,
        ),
        host,
      );
    };
    const kept = async () => {
      const { ledger, snapshots } = await read();
      return snapshots.filter((s) => ledger.kept(s.set, s.id, s.sha256)).map((s) => s.id);
    };
    await say(planKeep, own, vault.host);
    await say(planKeep, ids[0]!, web);
    const since = new Date(now().getTime() + 1);
    // A thief keeps what he planted for ever, and lets what somebody kept go.
    await say(planKeep, ids[2]!, web);
    await say(planRelease, own, web);
    expect(await kept()).toEqual([ids[0], ids[2]]);
    const removal = await removed(vault, 'web-2', { since });
    expect(removal.entries.map((e) => e.action)).toEqual(['keep']);
    expect(removal.undone.map((e) => [e.action, ...e.about.map((a) => a.id)]).sort()).toEqual([
      ['keep', ids[2]],
      ['release', own],
    ]);
    expect(await kept()).toEqual([ids[0], own]);
    const open = await openLocked(vault);
    const which = (id: string | undefined) => async () => {
      const { snapshots } = await readSnapshots(open);
      await applyDelete(open, planDelete(snapshots.filter((s) => s.id === id)), vault.host);
    };
    await expect(which(own)()).rejects.toMatchObject({ code: 'kept' });
    await which(ids[2])();
    // What it keeps still can be released by whoever may maintain, now that it is gone.
    await say(planRelease, ids[0]!, vault.host);
    expect(await kept()).toEqual([own]);
  });

  it('goes on through a later rotation and re-encryption', async () => {
    await removed(vault, 'web-2', { lastGood: [ids[1]!] });
    const { vault: rotated } = await rotateVault(vault, await keeper(vault), { reencrypt: true });
    await reencryptVault(rotated);
    const { snapshots } = await read();
    expect(snapshots.map((s) => [s.id, s.generation])).toEqual(ids.slice(0, 2).map((id) => [id, 2]));
  });

  it('of one that was removed already can be narrowed, and never widened', async () => {
    await removed(vault, 'web-2');
    await expect(removed(vault, 'web-2')).rejects.toMatchObject({ code: 'host-removed', exitCode: 11 });
    const since = (await read()).snapshots[1]!.modified;
    expect((await removed(vault, 'web-2', { since })).stops.map((s) => s.id)).toEqual(ids.slice(1));
    expect(await idsThatCount()).toEqual(ids.slice(0, 1));
    const wide = await removed(vault, 'web-2', { since: new Date(now().getTime() + 1e9) });
    expect(wide.counts.map((s) => s.id)).toEqual(ids.slice(0, 1));
    // The entries that are named no more have gone.
    expect(await namesOf(vault.store, 'ledger/')).toHaveLength(1);
    expect((await faultsOf(vault)).map((f) => f.code)).toEqual(['removed-host', 'removed-host']);
  });

  it('is of one host of that name, not of one before it', async () => {
    await removed(vault, 'web-2', { lastGood: [ids[1]!] });
    const anew = await enrolled(vault, 'web-2');
    const own = [(await anew.backup(7)).snapshot, (await anew.backup(8)).snapshot];
    const plan = await planHostRemoval(await openLocked(vault), 'web-2', { since: new Date(0) });
    expect(plan.stops.map((s) => s.id)).toEqual(own);
    const { hosts } = await readActivity(await openLocked(vault));
    expect(hosts.map((h) => [h.host.name, h.snapshots])).toEqual([
      ['web-1', 0],
      ['web-2', 2],
      ['web-2', 2],
    ]);
    await removed(vault, 'web-2', { lastGood: [own[0]!] });
    expect(await idsThatCount()).toEqual([...ids.slice(0, 2), own[0]]);
  });
});

describe('what does not count any more', () => {
  it('is no alarm for a client that had seen it, nor for its successor under the same name', async () => {
    const locked = await openLocked(vault, { memory: vault.memory });
    await readSnapshots(locked);
    await removed(vault, 'web-2', { lastGood: [ids[1]!] });
    const { findings } = await readSnapshots(await openLocked(vault, { memory: vault.memory }));
    expect(briefly(findings)).toEqual([`removed-host snapshots/app/${ids[2]}.json`]);
  });

  it('can be deleted by a host that may maintain, and is then gone for good', async () => {
    await readSnapshots(await openLocked(vault, { memory: vault.memory }));
    const everything = await objectsOf(vault.store);
    await removed(vault, 'web-2', { lastGood: [ids[0]!] });
    const open = await openLocked(vault, { memory: vault.memory });
    const found = await readSnapshots(open);
    const leftovers = [];
    for (const id of ids) leftovers.push(...(await findLeftovers(open, found, id)));
    expect(leftovers.map((l) => l.id)).toEqual(ids.slice(1));
    await applyDelete(open, planDelete([], 'delete', leftovers), vault.host);
    expect(await faultsOf(vault, { memory: vault.memory })).toEqual([]);
    expect((await namesOf(vault.store, 'data/')).every((name) => name.includes(ids[0]!))).toBe(true);
    // Put back, it is what it was: nothing.
    for (const [name, bytes] of everything) await put(vault.store, name, bytes);
    expect(await idsThatCount()).toEqual(ids.slice(0, 1));
  });

  it('can be deleted when it was re-encrypted', async () => {
    const { vault: rotated } = await rotateVault(vault, await keeper(vault), { reencrypt: true });
    await reencryptVault(rotated);
    const whole = (await read()).snapshots[2]!;
    await removed(vault, 'web-2', { lastGood: [ids[0]!] });
    const open = await openLocked(vault);
    const leftovers = await findLeftovers(open, await readSnapshots(open), ids[2]!, 'app');
    await applyDelete(open, planDelete([], 'delete', leftovers), vault.host);
    expect((await faultsOf(vault)).map((f) => f.object)).toEqual([`snapshots/app/${ids[1]}.2.json`]);
    // By its host's record, which clients remember, and by the one that stands for it now.
    const { entries } = await readLedger(await openLocked(vault));
    expect(entries.find((e) => e.action === 'delete')).toMatchObject({
      removes: [
        { id: ids[2], sha256: whole.sha256 },
        { id: ids[2], sha256: whole.recordSha256 },
      ],
    });
  });

  it('is not deleted by a host that may not, nor together with what counts', async () => {
    await removed(vault, 'web-2', { lastGood: [ids[0]!] });
    const open = await openLocked(vault);
    const found = await readSnapshots(open);
    expect(await findLeftovers(open, found, ids[0]!)).toEqual([]);
    expect(await findLeftovers(open, found, ids[1]!, 'db')).toEqual([]);
    const leftovers = await findLeftovers(open, found, ids[1]!);
    await expect(applyDelete(open, planDelete([], 'delete', leftovers), web)).rejects.toMatchObject({
      code: 'may-not-maintain',
    });
  });
});

describe('a removal that was cut off', () => {
  it('leaves the host listed, and an entry that counts for nothing and is named', async () => {
    await expect(removeHost(await keeper(vault, killedAfter(vault.store, 1)), 'web-2')).rejects.toThrow(
      Killed,
    );
    const [entry] = await namesOf(vault.store, 'ledger/');
    expect(briefly(await faultsOf(vault))).toEqual([`unnamed-removal ${entry}`]);
    expect(await idsThatCount()).toEqual(ids);
    await web.backup(4);
    expect(await idsThatCount()).toHaveLength(4);
  });

  it('is cleaned up by the next one, of whatever host', async () => {
    await enrolled(vault, 'web-3');
    await expect(removeHost(await keeper(vault, killedAfter(vault.store, 1)), 'web-2')).rejects.toThrow(
      Killed,
    );
    await removed(vault, 'web-3');
    expect(await faultsOf(vault)).toEqual([]);
    expect(await namesOf(vault.store, 'ledger/')).toHaveLength(1);
    expect(await idsThatCount()).toEqual(ids);
  });

  it('after the vault document stands is done', async () => {
    await expect(removeHost(await keeper(vault, killedAfter(vault.store, 1)), 'web-2')).rejects.toThrow(
      Killed,
    );
    const killed = watched(vault.store, ({ verb }) => {
      if (verb === 'remove') throw new Killed('killed');
    });
    await expect(removeHost(await keeper(vault, killed), 'web-2')).rejects.toThrow(Killed);
    expect((await faultsOf(vault)).map((f) => f.code)).toEqual(['unnamed-removal']);
    expect((await openLocked(vault)).document.hosts[1]!.removed).toBeDefined();
    expect(await idsThatCount()).toEqual(ids);
  });
});

it('a host that comes back under its old name with a new key goes on where it was', async () => {
  await removed(vault, 'web-2');
  const key = newHost('web-2');
  const scope = { sets: ['app'], may: ['write'] as const };
  await enrollHost(await keeper(vault), { name: 'web-2', key: key.key.publicKey, ...scope });
  const anew = await machineOf(vault, key);
  await anew.backup(4);
  expect(await idsThatCount()).toHaveLength(4);
  expect(await faultsOf(vault)).toEqual([]);
});
