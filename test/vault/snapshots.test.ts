import { beforeEach, describe, expect, it } from 'vitest';
import { StrongroomError } from '../../src/errors.ts';
import { recordCache } from '../../src/host/record-cache.ts';
import { localStore } from '../../src/store/local.ts';
import { type ClientMemory, noMemory } from '../../src/vault/client.ts';
import { applyDelete, planDelete } from '../../src/vault/delete.ts';
import type { ReadRecordsOptions } from '../../src/vault/read-records.ts';
import { chooseSnapshot } from '../../src/vault/select.ts';
import { isAgainstClock, readSnapshots, type Snapshots } from '../../src/vault/snapshots.ts';
import { verify } from '../../src/vault/verify/verify.ts';
import { copyOf, flipped, get, objectsOf, put, putRevision, signBytes } from '../support/forge.ts';
import { briefly } from '../support/refusals.ts';
import { makeVault, newHost, openLocked, scratch, type TestVault, tick } from '../support/vault.ts';
import { watched } from './stores.ts';

let vault: TestVault;
let ids: string[];
beforeEach(async () => {
  vault = await makeVault();
  ids = [];
  for (const n of [1, 2, 3]) ids.push((await vault.backup({ n: String(n) })).snapshot);
});

const record = (id: string, set = 'app') => `snapshots/${set}/${id}.json`;

async function read(
  from = vault,
  options: ReadRecordsOptions = {},
  memory: ClientMemory = noMemory(),
): Promise<Snapshots> {
  return await readSnapshots(await openLocked(from, { memory }), options);
}

describe('the snapshots of a vault', () => {
  it('are those that count, oldest first', async () => {
    const found = await read();
    expect(found.snapshots.map((s) => s.id)).toEqual(ids);
    expect(found).toMatchObject({ refused: [], findings: [] });
    expect(found.snapshots[0]).toMatchObject({
      set: 'app',
      host: 'web-1',
      complete: true,
      modified: expect.any(Date),
    });
  });

  it('may be those of one set only', async () => {
    const db = (await vault.backup({ dump: 'x' }, { set: 'db' })).snapshot;
    expect((await read(vault, { set: 'db' })).snapshots.map((s) => s.id)).toEqual([db]);
    expect((await read(vault, { set: 'app' })).snapshots).toHaveLength(3);
    expect((await read()).snapshots).toHaveLength(4);
    expect((await read(vault, { set: 'd' })).snapshots).toEqual([]);
  });

  it('of a set whose name is none are refused as that', async () => {
    await expect(read(vault, { set: '../keys' })).rejects.toMatchObject({ code: 'bad-name', exitCode: 2 });
  });

  it('of many are all read', async () => {
    for (let i = 0; i < 70; i++) await vault.backup({ i });
    const { snapshots, findings } = await read();
    expect(snapshots).toHaveLength(73);
    expect(snapshots.map((s) => s.id)).toEqual(snapshots.map((s) => s.id).sort());
    expect(findings).toEqual([]);
  });

  it('that are bad are named, in order, and keep nobody from the others', async () => {
    await put(vault.store, record(ids[2]!), 'garbage');
    await put(vault.store, record(ids[0]!), flipped(await get(vault.store, record(ids[0]!)), 30));
    await put(vault.store, 'snapshots/app/notes.txt', 'hello');
    const { snapshots, refused, findings } = await read();
    expect(snapshots.map((s) => s.id)).toEqual([ids[1]]);
    expect(refused.map((r) => [r.id, r.set, r.finding.code])).toEqual([
      [ids[0], 'app', 'bad-signature'],
      [ids[2], 'app', 'unsigned'],
    ]);
    expect(briefly(findings)).toEqual([
      `bad-signature ${record(ids[0]!)}`,
      `unsigned ${record(ids[2]!)}`,
      'stray-object snapshots/app/notes.txt',
      // Which is not there as the one after it knew it.
      `missing-predecessor ${record(ids[1]!)}`,
    ]);
  });
});

describe('what is missing', () => {
  it('is the predecessor that a record names', async () => {
    await vault.store.remove([record(ids[1]!)]);
    const { snapshots, findings } = await read();
    expect(snapshots).toHaveLength(2);
    expect(findings).toEqual([
      {
        code: 'missing-predecessor',
        object: record(ids[2]!),
        message: `${ids[1]}, which ${ids[2]} of app names as its predecessor, is gone and nobody signed its removal`,
        severity: 'error',
      },
    ]);
  });

  it('is the newest, to the machine that saw it, until somebody signs its removal', async () => {
    const memory = noMemory();
    await read(vault, {}, memory);
    const bytes = await get(vault.store, record(ids[2]!));
    await vault.store.remove([record(ids[2]!)]);
    expect((await read()).findings).toEqual([]);
    for (let again = 0; again < 2; again++) {
      expect(briefly((await read(vault, {}, memory)).findings)).toEqual([
        `missing-newest ${record(ids[2]!)}`,
      ]);
    }
    expect((await read(vault, { set: 'db' }, memory)).findings).toEqual([]);
    // Somebody puts it back, and deletes it as one should.
    await put(vault.store, record(ids[2]!), bytes);
    const open = await openLocked(vault, { memory });
    const [, , last] = (await readSnapshots(open)).snapshots;
    await applyDelete(open, planDelete([last!]), vault.host);
    const after = await read(vault, {}, memory);
    expect(after.findings).toEqual([]);
    expect((await memory.vault(vault.pin.vault)).seen['app/web-1 memory:']).toMatchObject({ id: ids[1] });
  });

  it('is no longer missed when the note of its pruning is gone, and its host has long gone on', async () => {
    const memory = noMemory();
    await read(vault, {}, memory);
    const gone = record(ids[2]!);
    tick(vault.clock, 20 * 24 * 60 * 60 * 1000);
    await vault.backup({ a: 'next' });
    await vault.backup({ a: 'after that' });
    const middle = (await read(vault)).snapshots.at(-2)!;
    // As prune does it, with its note and all.
    await vault.store.remove([gone, middle.object]);
    expect(briefly((await read(vault, {}, memory)).findings)).toContain(`missing-newest ${gone}`);
    tick(vault.clock, 20 * 24 * 60 * 60 * 1000);
    await vault.backup({ a: 'later' });
    const found = briefly((await read(vault, {}, memory)).findings);
    expect(found).not.toContain(`missing-newest ${gone}`);
    // Nobody signed for these: the gap itself is still an alarm.
    expect(found.some((line) => line.startsWith('missing-predecessor'))).toBe(true);
  });

  it('is nothing when all of it was deleted with a signature', async () => {
    const open = await openLocked(vault);
    await applyDelete(open, planDelete((await readSnapshots(open)).snapshots.slice(0, 2)), vault.host);
    expect(await read()).toMatchObject({ findings: [], snapshots: [{ id: ids[2] }] });
  });

  it('is a vault document, when a record knows a newer one', async () => {
    await putRevision(vault, () => ({}));
    await vault.backup({ n: '4' });
    await vault.store.remove(['vault/2.json']);
    const { findings } = await read();
    expect(findings).toMatchObject([
      { code: 'hidden-document', object: 'vault/1.json', message: expect.stringContaining('revision 2') },
    ]);
  });
});

describe('the cache', () => {
  /** The vault in a directory, since only such a place says whether an object is the same. */
  async function inDirectory() {
    const directory = scratch();
    const store = await localStore(directory, { create: true });
    for (const [name, bytes] of await objectsOf(vault.store)) await store.create(name, bytes);
    const cache = recordCache(scratch());
    const gets: string[] = [];
    const counted = watched(store, ({ verb, name }) => {
      if (verb === 'get' && name.startsWith('snapshots/')) gets.push(name);
    });
    const list = async (options: ReadRecordsOptions = {}) => {
      gets.length = 0;
      const open = { ...(await openLocked({ ...vault, store: counted })), cache };
      return { ...(await readSnapshots(open, options)), read: gets.length, open };
    };
    return { store, list };
  }

  it('saves reading what did not change, and only that', async () => {
    const { store, list } = await inDirectory();
    const first = await list();
    expect(first.read).toBe(3);
    const second = await list();
    expect(second.read).toBe(0);
    expect(second.snapshots).toEqual(first.snapshots);
    await put(store, record(ids[1]!), flipped(await get(store, record(ids[1]!)), 40));
    const third = await list();
    expect(third.read).toBe(1);
    expect(third.refused.map((r) => r.finding.code)).toEqual(['bad-signature']);
  });

  it('does not keep a record that does not count any more', async () => {
    const { list, store } = await inDirectory();
    await list();
    await putRevision({ ...vault, store }, ({ hosts }) => ({
      hosts: hosts.map((h) => ({ ...h, removed: vault.document.time })),
    }));
    const { refused, read: count } = await list();
    expect(refused.map((r) => r.finding.code)).toEqual(['removed-host', 'removed-host', 'removed-host']);
    expect(count).toBe(0);
  });

  it('is never asked by verify', async () => {
    const { list } = await inDirectory();
    const { open, snapshots } = await list();
    expect((await list()).read).toBe(0);
    const lying = {
      async load() {
        return new Map(
          snapshots.map(({ object }) => [
            object,
            { object, etag: 'x', sha256: 'x', signer: 'x', record: '{}', artifacts: '[]' },
          ]),
        );
      },
      async save() {
        throw new Error('verify wrote to the cache');
      },
    };
    const checked = await verify({ ...open, cache: lying });
    expect(checked.findings).toEqual([]);
    expect(checked.snapshots).toHaveLength(3);
    expect((await list({ fresh: true })).read).toBe(3);
  });

  it('that says another key signed it is not what makes a record count', async () => {
    const { list, store } = await inDirectory();
    const { open } = await list();
    const stranger = { ...(await copyOf(vault)), store };
    const cache = {
      load: async () =>
        new Map(
          await Promise.all(
            ids.map(async (id) => {
              const object = record(id);
              return [
                object,
                {
                  object,
                  etag: '',
                  sha256: '0'.repeat(64),
                  signer: stranger.host.key.publicKey,
                  record: '{}',
                  artifacts: '[]',
                },
              ] as const;
            }),
          ),
        ),
      save: async () => {},
    };
    expect((await readSnapshots({ ...open, cache })).snapshots).toHaveLength(3);
  });
});

describe('a stranger who can write to the store', () => {
  it('has his records neither parsed nor kept, however large', async () => {
    const planted = Buffer.from(`${' '.repeat(1 << 20)}{"not": "json"\n`);
    const object = record('20991231T000000Z-zzzzzz');
    await put(vault.store, object, signBytes(planted, 'record', newHost('stranger').key));
    const saved: string[] = [];
    const cache = {
      load: async () => new Map(),
      save: async (_v: string, _l: string, _k: unknown, added: readonly { object: string }[]) => {
        saved.push(...added.map((a) => a.object));
      },
    };
    const { refused } = await readSnapshots({ ...(await openLocked(vault)), cache });
    expect(refused.map((r) => r.finding.code)).toEqual(['unlisted-writer']);
    expect(saved).not.toContain(object);
    expect(saved).toHaveLength(3);
  });

  it('cannot plant what this machine remembers of the real vault', async () => {
    const memory = noMemory();
    const opened = await openLocked(vault, { memory });
    await readSnapshots({ ...opened, trust: 'unproven' });
    expect((await memory.vault(vault.document.vault)).seen).toEqual({});
    await readSnapshots(opened);
    expect(Object.keys((await memory.vault(vault.document.vault)).seen)).toEqual(['app/web-1 memory:']);
  });
});

describe('a clock that was wrong', () => {
  it('is found by the order that the snapshots themselves tell, and stops latest', async () => {
    const days = 10 * 24 * 3600 * 1000;
    tick(vault.clock, days);
    const ahead = await vault.backup({ value: 'old' });
    tick(vault.clock, -days);
    const after = await vault.backup({ value: 'new' });
    expect(after.complete).toBe(true);
    expect(after.problems.map((p) => p.kind)).toEqual(['clock']);
    const found = await read();
    expect(found.findings.map((f) => f.code)).toEqual(['wrong-clock']);
    expect(() => chooseSnapshot(found, {})).toThrow(expect.objectContaining({ code: 'wrong-clock' }));
    for (const { snapshot } of [ahead, after]) {
      expect(chooseSnapshot(found, { selector: snapshot }).snapshot.id).toBe(snapshot);
    }
    // Deleting the one with the wrong date is the way out.
    const locked = await openLocked(vault);
    await applyDelete(locked, planDelete(found.snapshots.filter((s) => s.id === ahead.snapshot)), vault.host);
    const healed = await read();
    expect(healed.findings).toEqual([]);
    expect(chooseSnapshot(healed, {}).snapshot.id).toBe(after.snapshot);
  });

  it('is not what two snapshots show that were made side by side', () => {
    const one = {
      set: 'a',
      host: 'h',
      id: '20261120T060000Z-000000',
      time: '2026-11-20T06:00:00Z',
      seconds: 90,
    };
    const two = {
      set: 'a',
      host: 'h',
      id: '20261120T060030Z-000000',
      time: '2026-11-20T06:00:30Z',
      seconds: 1,
    };
    const asRecord = (r: object, previous: string) =>
      ({ ...r, previous: { id: previous, sha256: '' } }) as never;
    expect(isAgainstClock(asRecord(one, two.id), asRecord(two, ''))).toBe(false);
    expect(
      isAgainstClock(asRecord({ ...one, time: '2026-11-20T05:00:00Z' }, two.id), asRecord(two, '')),
    ).toBe(true);
  });
});

describe('a machine that cannot remember', () => {
  it('reads all the same, and says what that costs', async () => {
    const full = new StrongroomError('state-unusable', 'the disk is full');
    const memory = { ...noMemory(), update: () => Promise.reject(full) };
    const { snapshots, findings, refused } = await read(vault, {}, memory);
    expect(snapshots).toHaveLength(3);
    expect(findings.map((f) => `${f.severity} ${f.code}`)).toEqual(['warning not-remembered']);
    expect(refused).toEqual([]);
  });
});
