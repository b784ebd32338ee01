// What a host that is listed, or whose stolen key was removed, can do to the snapshots of others and to its own past.

import { beforeEach, describe, expect, it } from 'vitest';
import type { SigningKey } from '../../src/sign/key.ts';
import { applyDelete, planDelete } from '../../src/vault/delete.ts';
import type { SnapshotRecord } from '../../src/vault/documents/record.ts';
import { newLedgerName, recordName } from '../../src/vault/layout.ts';
import { compactTime } from '../../src/vault/names.ts';
import { readSnapshots, type Snapshot } from '../../src/vault/snapshots.ts';
import { bodyOf, type Forgery, forge, get, namesOf, objectsOf, put, sign } from '../support/forge.ts';
import { enrolled, keeper, type Machine, removed } from '../support/hosts.ts';
import { briefly, deepFaultsOf, failureOf, faultsOf, refusedRestore, restored } from '../support/refusals.ts';
import { reencryptVault, rotateVault } from '../support/rotation.ts';
import { makeVault, openLocked, type TestVault, tick } from '../support/vault.ts';

let vault: TestVault;
/** Listed, and later stolen. */
let web: Machine;
/** Another host, whose snapshots nobody else may touch. */
let db: Machine;
let honest: { web: string[]; db: string[] };
beforeEach(async () => {
  vault = await makeVault();
  web = await enrolled(vault, 'web-2', { sets: ['app'], may: ['write', 'maintain'] });
  db = await enrolled(vault, 'db-1', { sets: ['db', 'app'] });
  honest = { web: [], db: [] };
  for (const n of [1, 2]) {
    honest.web.push((await web.backup(n)).snapshot);
    honest.db.push((await db.backup(n, { set: 'db' })).snapshot);
  }
  tick(vault.clock);
});

const read = async () => await readSnapshots(await openLocked(vault));
const counting = async () => (await read()).snapshots.map((s) => s.id).sort();
const all = () => [...honest.web, ...honest.db].sort();
const snapshotOf = async (id: string): Promise<Snapshot> =>
  (await read()).snapshots.find((s) => s.id === id)!;

/** Holds the vault to what honest hosts wrote, and to naming just this. */
async function isRefused(object: string, code: string): Promise<void> {
  expect(await counting()).toEqual(all());
  expect(briefly(await faultsOf(vault))).toEqual([`${code} ${object}`]);
}

/** A ledger entry by a host, as it would write it. */
async function plant(
  by: { readonly name: string; readonly key: SigningKey },
  removes: readonly Snapshot[],
  date = vault.clock.now,
): Promise<string> {
  const object = newLedgerName(date);
  const { vault: id, generation } = vault.document;
  const entry = {
    format: 1,
    type: 'ledger',
    object,
    vault: id,
    time: `${date.toISOString().slice(0, 19)}Z`,
    tool: 'forge 1',
    revision: 3,
    generation,
    by: by.name,
    action: 'delete',
    removes: removes.map(({ set, id: snapshot, sha256 }) => ({ set, id: snapshot, sha256 })),
  };
  await put(vault.store, object, sign(entry, 'ledger', by.key));
  return object;
}

describe('a listed host', () => {
  it.each<[string, string, (of: Snapshot) => Forgery]>([
    ['in its own name', 'out-of-scope', () => ({})],
    ['in the name of the other', 'wrong-host', () => ({ record: () => ({ host: 'db-1' }) })],
    [
      'around the other’s own bytes',
      'out-of-scope',
      ({ data, artifacts, contents, stored }) => ({ record: () => ({ data, artifacts, contents, stored }) }),
    ],
  ])('cannot rewrite a snapshot of another’s set %s', async (_, code, forgery) => {
    const target = await snapshotOf(honest.db[1]!);
    await forge(web.forger, { set: 'db', id: target.id, ...forgery(target) });
    expect(briefly(await faultsOf(vault))).toEqual([`${code} ${target.object}`]);
    expect((await read()).snapshots.map((s) => s.id)).not.toContain(target.id);
    expect(await refusedRestore(vault, { set: 'db', host: 'db-1' })).toBe(code);
  });

  it('of the same set shows when it rewrites another’s snapshot, by whom it is now', async () => {
    const [first, second] = [(await db.backup(5)).snapshot, (await db.backup(6)).snapshot];
    await forge(web.forger, { id: first });
    expect((await snapshotOf(first)).host).toBe('web-2');
    expect(briefly(await faultsOf(vault))).toEqual([`missing-predecessor ${recordName('app', second)}`]);
    // What is the other's goes on to be just that.
    expect(await restored(vault, { set: 'app', host: 'db-1' })).toMatchObject({ '.env': '600:N=6\n' });
  });

  it('cannot have another’s ciphertext decrypted as its own', async () => {
    const target = await snapshotOf(honest.db[1]!);
    const { data, artifacts, contents, stored } = target;
    // By naming the other's directory.
    const named = await forge(web.forger, { record: () => ({ data, artifacts, contents, stored }) });
    await isRefused(named.object, 'foreign-data');
    await vault.store.remove([named.object]);
    // By copying the bytes into its own.
    tick(vault.clock);
    const mine = await forge(web.forger);
    const record = bodyOf(await get(vault.store, mine.object)) as unknown as SnapshotRecord;
    const copied: object[] = [];
    for (const { name, parts } of artifacts) {
      const moved = [];
      for (const part of parts) {
        const object = part.object.replace(data, mine.data);
        await put(vault.store, object, await get(vault.store, part.object));
        moved.push({ ...part, object });
      }
      copied.push({ name, parts: moved });
    }
    const body = { ...record, artifacts: copied, contents, stored };
    await put(vault.store, mine.object, sign(body, 'record', web.key));
    expect(await refusedRestore(vault, { selector: mine.id, set: 'app' })).toBe('wrong-artifact');
    expect(briefly(await deepFaultsOf(vault)).map((f) => f.split(' ')[0])).toEqual(['wrong-artifact']);
  });

  it('cannot delete what its scope leaves out, nor can its ledger entries', async () => {
    const target = await snapshotOf(honest.db[1]!);
    const open = await openLocked(vault);
    expect((await failureOf(applyDelete(open, planDelete([target]), web))).code).toBe('may-not-maintain');
    await isRefused(await plant(web, [target]), 'out-of-scope');
    // Not even together with what it may.
    await vault.store.remove(await namesOf(vault.store, 'ledger/'));
    await isRefused(await plant(web, [target, await snapshotOf(honest.web[0]!)]), 'out-of-scope');
  });

  it('that may only write deletes nothing', async () => {
    await isRefused(await plant(db, [await snapshotOf(honest.db[0]!)]), 'out-of-scope');
  });
});

describe('whoever stole a host’s key', () => {
  /** From here on the key is in other hands. */
  let since: Date;
  beforeEach(() => {
    tick(vault.clock, 3_600_000);
    since = vault.clock.now;
    tick(vault.clock, 3_600_000);
  });

  const past = () => `${compactTime(new Date(since.getTime() - 5_400_000))}-000000`;

  it.each<[string, () => Promise<Forgery> | Forgery]>([
    ['with its date', () => ({})],
    ['with an earlier date', () => ({ id: past() })],
    [
      'with an earlier date, as the successor of a genuine one',
      async () => {
        const { id, sha256 } = await snapshotOf(honest.web[0]!);
        return { id: past(), record: () => ({ previous: { id, sha256 } }) };
      },
    ],
    ['that knows an old vault document', () => ({ id: past(), record: () => ({ revision: 1 }) })],
  ])('and wrote a record %s before the removal has nothing of it', async (_, forgery) => {
    const { object, id } = await forge(web.forger, await forgery());
    expect(await counting()).toEqual([...all(), id].sort());
    const removal = await removed(vault, 'web-2', { since });
    expect(removal.stops.map((s) => s.id)).toEqual([id]);
    await isRefused(object, 'removed-host');
  });

  it.each<[string, () => Promise<Forgery> | Forgery]>([
    ['with its date', () => ({})],
    ['with an earlier date', () => ({ id: past() })],
    [
      'with an earlier date, as the successor of a genuine one',
      async () => {
        const { id, sha256 } = await snapshotOf(honest.web[0]!);
        return { id: past(), record: () => ({ previous: { id, sha256 } }) };
      },
    ],
  ])('and writes a record %s after the removal has nothing of it', async (_, forgery) => {
    await removed(vault, 'web-2');
    const { object } = await forge(web.forger, await forgery());
    await isRefused(object, 'removed-host');
  });

  it('cannot put a forged chain between two genuine records', async () => {
    const forged: string[] = [];
    let previous: SnapshotRecord['previous'] = null;
    for (const n of [1, 2, 3]) {
      const id = `${past().slice(0, -1)}${n}`;
      const before = previous;
      await forge(web.forger, { id, record: () => ({ previous: before }) });
      previous = { id, sha256: (await snapshotOf(id)).sha256 };
      forged.push(id);
    }
    expect((await removed(vault, 'web-2', { since })).stops.map((s) => s.id)).toEqual(forged);
    expect(await counting()).toEqual(all());
  });

  it('cannot have a record believed for its id: which one is good must be said', async () => {
    const good = honest.web[1]!;
    // The scope of this one covers both sets, and an id can be used in each.
    const both = await enrolled(vault, 'app-3');
    const first = (await both.backup(1)).snapshot;
    tick(vault.clock);
    await forge(both.forger, { set: 'a', id: first });
    const failure = await failureOf(removed(vault, 'app-3', { lastGood: [first] }));
    expect(failure).toMatchObject({ code: 'ambiguous', hint: expect.stringContaining(`app/${first}`) });
    const removal = await removed(vault, 'app-3', { lastGood: [`app/${first}`] });
    expect(removal.counts.map((s) => `${s.set}/${s.id}`)).toEqual([`app/${first}`]);
    expect(await counting()).toContain(good);
  });

  it('cannot rewrite a genuine record of it, before or after', async () => {
    const [first = '', second = ''] = honest.web;
    const genuine = await get(vault.store, recordName('app', first));
    await forge(web.forger, { id: first });
    const removal = await removed(vault, 'web-2', { since });
    expect(removal.counts.map((s) => s.id)).toEqual([second]);
    expect(await counting()).toEqual([second, ...honest.db].sort());
    // The genuine one, put back from elsewhere, counts by the word of the one after it.
    await put(vault.store, recordName('app', first), genuine);
    expect(await counting()).toEqual(all());
    expect(await faultsOf(vault)).toEqual([]);
    await forge(web.forger, { id: second });
    expect(await counting()).toEqual([first, ...honest.db].sort());
  });

  it('cannot delete by entries of an earlier date, of its own past or of others’', async () => {
    await db.backup(9, { set: 'app' });
    honest.db.push((await db.backup(10, { set: 'app' })).snapshot);
    honest.db.push((await read()).snapshots.find((s) => s.host === 'db-1' && s.set === 'app')!.id);
    const targets = (await read()).snapshots.filter((s) => s.set === 'app');
    const before = await plant(web, targets, new Date(since.getTime() - 5_400_000));
    expect(await counting()).toEqual(honest.db.slice(0, 2).sort());
    const removal = await removed(vault, 'web-2', { since });
    expect(removal.undone.map((e) => e.object)).toEqual([before]);
    await isRefused(before, 'removed-host');
    await vault.store.remove([before]);
    await isRefused(await plant(web, targets, new Date(since.getTime() - 5_400_000)), 'removed-host');
  });

  it('can put back what was removed with it, and it does not count', async () => {
    await forge(web.forger, { id: past() });
    const everything = await objectsOf(vault.store);
    await removed(vault, 'web-2', { since });
    const object = recordName('app', past());
    await vault.store.remove([object]);
    expect(await faultsOf(vault)).toEqual([]);
    for (const [name, bytes] of everything) await put(vault.store, name, bytes);
    await isRefused(object, 'removed-host');
  });

  it('cannot have its records taken over by a re-encryption', async () => {
    await removed(vault, 'web-2');
    await forge(web.forger, { id: past() });
    const { vault: rotated } = await rotateVault(vault, await keeper(vault), { reencrypt: true });
    await reencryptVault(rotated);
    await isRefused(recordName('app', past()), 'removed-host');
    expect((await read()).snapshots.every((s) => s.generation === 2)).toBe(true);
  });

  it('cannot re-encrypt in the name of the authority', async () => {
    const { vault: rotated } = await rotateVault(vault, await keeper(vault), { reencrypt: true });
    await reencryptVault(rotated);
    await removed(vault, 'web-2', { since });
    const { object } = await snapshotOf(honest.web[1]!);
    const body = bodyOf(await get(vault.store, object));
    await put(vault.store, object, sign(body, 'record', web.key));
    expect(briefly(await faultsOf(vault))).toEqual([`unlisted-writer ${object}`]);
  });

  describe('and can write to the store', () => {
    let entry: string;
    beforeEach(async () => {
      await removed(vault, 'web-2', { since });
      [entry = ''] = await namesOf(vault.store, 'ledger/');
    });

    const nothingOfIt = async () => {
      expect(await counting()).toEqual([...honest.db].sort());
      return (await faultsOf(vault)).map((f) => `${f.code} ${f.object}`);
    };
    const refusals = () => honest.web.map((id) => `removed-host ${recordName('app', id)}`);

    it('cannot take away what says what counts without an alarm', async () => {
      const bytes = await get(vault.store, entry);
      await vault.store.remove([entry]);
      expect((await nothingOfIt()).sort()).toEqual([`missing-removal ${entry}`, ...refusals()].sort());
      await put(vault.store, entry, bytes);
      expect(await counting()).toEqual(all());
    });

    it('cannot replace it, with a signature of the host or with none', async () => {
      const body = bodyOf(await get(vault.store, entry));
      const { object } = await forge(web.forger, { id: past() });
      const more = { ...body, records: [...(body.records as string[]), 'a'.repeat(64)] };
      for (const keys of [[web.key], [web.key, db.key], []] as SigningKey[][]) {
        await put(vault.store, entry, sign(more, 'ledger', ...keys));
        expect(await nothingOfIt()).toEqual(expect.arrayContaining([`missing-removal ${entry}`]));
        expect((await read()).refused.map((r) => r.finding.object)).toContain(object);
      }
    });

    it('cannot put another entry of the authority in its place', async () => {
      const genuine = await get(vault.store, entry);
      // An earlier draft of the same removal, signed by the same authority: it counted for nothing and still does.
      const draft = sign({ ...bodyOf(genuine), entries: ['b'.repeat(64)] }, 'ledger', vault.authority);
      await put(vault.store, entry, draft);
      expect(await nothingOfIt()).toEqual(expect.arrayContaining([`unnamed-removal ${entry}`]));
      await put(vault.store, entry, genuine);
      // The removal of another host, under the name of this one.
      await removed(vault, 'db-1');
      const other = (await namesOf(vault.store, 'ledger/')).find((name) => name !== entry)!;
      await put(vault.store, entry, await get(vault.store, other));
      expect(await nothingOfIt()).toEqual(expect.arrayContaining([`missing-removal ${entry}`]));
      // An old entry beside it: nobody names it.
      await put(vault.store, entry, genuine);
      const beside = newLedgerName(vault.clock.now);
      await put(vault.store, beside, sign({ ...bodyOf(genuine), object: beside }, 'ledger', vault.authority));
      expect(await counting()).toEqual(all());
      expect(briefly(await faultsOf(vault))).toEqual([`unnamed-removal ${beside}`]);
    });

    it('can hide the vault document of the removal from a client, but not from one that has seen it', async () => {
      const { memory } = vault;
      const { document } = await openLocked(vault, { memory });
      await vault.store.remove([document.object]);
      expect(await failureOf(openLocked(vault, { memory }))).toMatchObject({ code: 'older-revision' });
    });
  });
});
