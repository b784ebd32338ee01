import { describe, expect, it } from 'vitest';
import { StoreError } from '../../../src/errors.ts';
import type { Store } from '../../../src/store/store.ts';
import { type CachedRecord, noMemory, type RecordCache } from '../../../src/vault/client.ts';
import { applyDelete, planDelete } from '../../../src/vault/delete.ts';
import { loadFiles } from '../../../src/vault/load.ts';
import { anywhere, type PlaceNews } from '../../../src/vault/locations/anywhere.ts';
import { type Pin, pinOf } from '../../../src/vault/pin.ts';
import { readSnapshots } from '../../../src/vault/snapshots.ts';
import { unlock } from '../../../src/vault/unlock.ts';
import { openVault, type VaultContext } from '../../../src/vault/vault.ts';
import { copyTo, emptyPlace } from '../../support/copies.ts';
import {
  bodyOf,
  flipped,
  get,
  namesOf,
  objectsOf,
  put,
  putRevision,
  sign,
  storeOf,
} from '../../support/forge.ts';
import { enrolled, keeper } from '../../support/hosts.ts';
import { rotateVault } from '../../support/rotation.ts';
import { rotation } from '../../support/thief.ts';
import {
  client,
  makeVault,
  newHost,
  openLocked,
  sha256,
  type TestVault,
  tick,
  withKey,
} from '../../support/vault.ts';
import { watched } from '../stores.ts';

const at = (location: string, store: Store): Store => ({ ...watched(store), location });

async function lived(): Promise<{ vault: TestVault; copy: Store }> {
  const vault = await makeVault();
  await enrolled(vault, 'web-2');
  for (const n of [1, 2]) await vault.backup({ '.env': `N=${n}\n` });
  const copy = emptyPlace(vault);
  await copyTo(vault, copy);
  return { vault, copy };
}

/** Opens and reads the newest snapshot, from wherever it can be had. */
async function readNewest(vault: TestVault, first: Store, replicas: readonly Store[], pin: Pin = vault.pin) {
  const news: PlaceNews[] = [];
  const context = { ...client(vault), store: at('first', first) };
  const reading = await anywhere(
    context,
    replicas.map((store, i) => at(`replica ${i}`, store)),
    pin,
    (one) => news.push(one),
  );
  const opened = await unlock(reading, { pin, credentials: async () => [await withKey(vault.key)] });
  const { snapshots } = await readSnapshots(opened);
  const files = await loadFiles(opened, snapshots.at(-1)!);
  return { value: String(files.get('.env')), news, opened };
}

const gone = (code: string) => (store: Store) =>
  watched(store, () => {
    throw new StoreError(code, 'no answer');
  });

describe('reading with replicas', () => {
  it('reads from the first place, and says nothing, where that is whole', async () => {
    const { vault, copy } = await lived();
    const seen = watched(copy);
    const { value, news } = await readNewest(vault, vault.store, [seen, gone('store-unreachable')(copy)]);
    expect([value, news]).toEqual(['N=2\n', []]);
  });

  it.each([
    ['does not answer', (store: Store) => gone('store-unreachable')(store), 'store-unreachable'],
    ['is empty', (_store: Store, vault: TestVault) => emptyPlace(vault), 'no-vault'],
  ])('reads from a replica where the first %s, and says so', async (_what, spoil, code) => {
    const { vault, copy } = await lived();
    const { value, news, opened } = await readNewest(vault, spoil(vault.store, vault), [copy]);
    expect(value).toBe('N=2\n');
    expect(news).toEqual([expect.objectContaining({ code: 'fallback', from: 'first', to: 'replica 0' })]);
    expect(news[0]).toMatchObject({ error: { code } });
    expect(opened.trust).toBe('pinned');
  });

  it('reads from a replica where another vault stands at the first', async () => {
    const { vault, copy } = await lived();
    const { value, news } = await readNewest(vault, (await makeVault()).store, [copy]);
    expect(value).toBe('N=2\n');
    expect(news[0]).toMatchObject({ code: 'fallback', error: { code: 'foreign-vault' } });
  });

  it.each(['flipped', 'gone', 'longer'])(
    'reads a part that is %s at the first from a replica',
    async (how) => {
      const { vault, copy } = await lived();
      for (const name of await namesOf(vault.store, 'data/')) {
        const bytes = await get(vault.store, name);
        if (how === 'gone') await vault.store.remove([name]);
        else
          await put(
            vault.store,
            name,
            how === 'flipped' ? flipped(bytes, 30) : Buffer.concat([bytes, bytes]),
          );
      }
      const { value, news } = await readNewest(vault, vault.store, [copy]);
      expect(value).toBe('N=2\n');
      expect(new Set(news.map((n) => n.code))).toEqual(new Set(['read-elsewhere']));
    },
  );

  it('opens by a key that the first has lost, or has damaged', async () => {
    const { vault, copy } = await lived();
    const [age = '', passphrase = ''] = await namesOf(vault.store, 'keys/');
    await put(vault.store, age, flipped(await get(vault.store, age), 50));
    await vault.store.remove([passphrase]);
    const { value, news } = await readNewest(vault, vault.store, [copy]);
    expect(value).toBe('N=2\n');
    expect(news).toEqual([{ code: 'read-elsewhere', object: age, from: 'first', to: 'replica 0' }]);
  });

  it('goes by the newest vault document of any place, and names the place that has gone back', async () => {
    const { vault, copy } = await lived();
    await vault.store.remove(['vault/2.json']);
    const { opened, news } = await readNewest(vault, vault.store, [copy]);
    expect(opened.document.revision).toBe(2);
    expect(opened.document.hosts.map((h) => h.name)).toContain('web-2');
    expect(news).toContainEqual({
      code: 'older-document',
      at: 'first',
      revision: 1,
      newest: { at: 'replica 0', revision: 2 },
    });
    // Written over instead.
    await put(vault.store, 'vault/2.json', 'garbage');
    expect((await readNewest(vault, vault.store, [copy])).opened.document.revision).toBe(2);
  });

  it('opens by the keys of a rotation that the first does not show any more', async () => {
    const { vault } = await lived();
    const before = await objectsOf(vault.store);
    await rotateVault(vault, await keeper(vault));
    const copy = emptyPlace(vault);
    await copyTo(vault, copy);
    const rolledBack = await storeOf(before, vault.clock.now);
    const pin = pinOf((await keeper(vault)).document);
    const { value, news, opened } = await readNewest(vault, rolledBack, [copy], pin);
    expect(value).toBe('N=2\n');
    expect(opened.document.generation).toBe(2);
    expect(news.length).toBeGreaterThan(0);
  });
});

describe('records and the ledger', () => {
  const newestOf = async ({ store }: TestVault) => (await namesOf(store, 'snapshots/')).at(-1)!;

  it.each([
    ['damaged', async (vault: TestVault, name: string) => put(vault.store, name, 'x')],
    [
      'cut short',
      async (vault: TestVault, name: string) =>
        put(vault.store, name, (await get(vault.store, name)).subarray(0, 99)),
    ],
    ['gone', async (vault: TestVault, name: string) => vault.store.remove([name])],
    [
      'that of another snapshot',
      async (vault: TestVault, name: string) =>
        put(vault.store, name, await get(vault.store, (await namesOf(vault.store, 'snapshots/'))[0]!)),
    ],
    [
      'signed by a stranger',
      async (vault: TestVault, name: string) =>
        put(vault.store, name, sign(bodyOf(await get(vault.store, name)), 'record', newHost('x').key)),
    ],
  ])('are read from a replica where one is %s at the first', async (_what, spoil) => {
    const { vault, copy } = await lived();
    const record = await newestOf(vault);
    await spoil(vault, record);
    const { value, news } = await readNewest(vault, vault.store, [copy]);
    expect(value).toBe('N=2\n');
    expect(news).toEqual([
      expect.objectContaining({ code: 'records-elsewhere', count: 1, from: 'first', to: 'replica 0' }),
    ]);
  });

  it('that another place gave are not taken for sound here by the next reading, which is of the first alone', async () => {
    const { vault, copy } = await lived();
    const record = await newestOf(vault);
    await put(vault.store, record, 'x');
    const kept = new Map<string, CachedRecord>();
    const cache: RecordCache = {
      load: async () => new Map(kept),
      save: async (_vault, _location, _known, added) => {
        for (const one of added) kept.set(one.object, one);
      },
    };
    const marked = (location: string, store: Store): Store => ({
      ...at(location, store),
      async *list(prefix, options) {
        for await (const object of store.list(prefix, options)) yield { ...object, etag: `${object.size}` };
      },
    });
    const context = { ...client(vault), cache, store: marked('first', vault.store) };
    const reading = await anywhere(context, [marked('r', copy)], vault.pin, () => {});
    const read = async (from: VaultContext) => await readSnapshots(await openVault(from, { pin: vault.pin }));
    expect((await read(reading)).snapshots).toHaveLength(2);
    expect(kept.size).toBe(1);
    const { snapshots, findings } = await read(context);
    expect([snapshots.length, findings.map((f) => f.object)]).toEqual([1, [record]]);
  });

  it('are those of all places: all are gone at the first, and one replica is stale', async () => {
    const { vault, copy: stale } = await lived();
    await vault.backup({ '.env': 'N=3\n' });
    const good = emptyPlace(vault);
    await copyTo(vault, good);
    await vault.store.remove(await namesOf(vault.store, 'snapshots/'));
    await vault.store.remove(await namesOf(vault.store, 'data/'));
    expect((await readNewest(vault, vault.store, [stale, good])).value).toBe('N=3\n');
    const away = gone('store-unreachable')(vault.store);
    const { value, news } = await readNewest(vault, away, [stale, good]);
    expect(value).toBe('N=3\n');
    expect(news.map((n) => n.code)).toEqual([
      'fallback',
      'records-elsewhere',
      'read-elsewhere',
      'read-elsewhere',
    ]);
  });

  it('tell of what was removed, wherever the note of it is', async () => {
    const { vault, copy } = await lived();
    tick(vault.clock);
    const open = await openLocked(vault);
    await applyDelete(open, planDelete((await readSnapshots(open)).snapshots.slice(1)), vault.host);
    // The replica knows of no removal yet; and then it alone does.
    const { value, news } = await readNewest(vault, vault.store, [copy]);
    expect([value, news]).toEqual(['N=1\n', []]);
    const whole = emptyPlace(vault);
    await copyTo(vault, whole);
    await vault.store.remove(await namesOf(vault.store, 'ledger/'));
    expect((await readNewest(vault, vault.store, [copy, whole])).value).toBe('N=1\n');
  });

  it('that this machine saw at the first are missed where no place has them', async () => {
    const { vault, copy } = await lived();
    const memory = noMemory();
    const reading = async (first: Store) =>
      await anywhere(
        { ...client(vault, memory), store: at('first', first) },
        [at('r', copy)],
        vault.pin,
        () => {},
      );
    const read = async (first: Store) =>
      await readSnapshots(await openVault(await reading(first), { pin: vault.pin }));
    await vault.backup({ '.env': 'N=3\n' });
    expect((await read(vault.store)).findings).toEqual([]);
    const { findings, refused } = await read(emptyPlace(vault));
    expect(findings.map((f) => f.code)).toEqual(['missing-newest']);
    expect(refused).toHaveLength(1);
    // The replica is not said to have lost what it never had.
    const alone = await openVault({ ...client(vault, memory), store: at('r', copy) }, { pin: vault.pin });
    expect((await readSnapshots(alone)).findings).toEqual([]);
  });
});

describe('two rotations, one of them made up', () => {
  async function rotatedTwice() {
    const { vault } = await lived();
    const before = await objectsOf(vault.store);
    tick(vault.clock);
    const { pin } = await rotateVault(vault, await keeper(vault));
    const real = emptyPlace(vault);
    await copyTo({ ...vault, pin }, real);
    const old = { ...vault, store: await storeOf(before, vault.clock.now) };
    const fake = { ...vault, store: await storeOf(before, vault.clock.now) };
    const object = 'keys/2/previous-0123456789.age';
    await put(fake.store, object, 'x');
    const previous = { object, size: 1, sha256: sha256(Buffer.from('x')) };
    await rotation({ ...fake, document: (await openLocked(vault)).document }, newHost('thief'), {
      revision: 3,
      before: vault.document.generations,
      previous,
    });
    return { vault, old: old.store, real, fake: fake.store };
  }

  it('are refused where the first place shows one of them, and a replica the other', async () => {
    const { vault, real, fake } = await rotatedTwice();
    for (const [first, replica] of [
      [fake, real],
      [real, fake],
    ] as const)
      await expect(readNewest(vault, first, [replica])).rejects.toMatchObject({ code: 'two-successors' });
  });

  it('are said where both are at replicas, and the first is read as it is', async () => {
    const { vault, old, real, fake } = await rotatedTwice();
    const { value, news, opened } = await readNewest(vault, old, [real, fake]);
    expect([value, opened.document.generation]).toEqual(['N=2\n', 1]);
    expect(news).toEqual([expect.objectContaining({ code: 'disputed', at: 'first' })]);
    expect(news[0]).toMatchObject({ error: { code: 'two-successors' } });
  });
});

describe('whoever writes to a replica', () => {
  const hostile: readonly (readonly [string, (vault: TestVault, copy: Store) => Promise<unknown>])[] = [
    [
      'another vault',
      async (_vault, copy) => put(copy, 'vault/9.json', await get((await makeVault()).store, 'vault/1.json')),
    ],
    ['garbage', (_vault, copy) => put(copy, 'vault/3.json', Buffer.alloc(500, 'x'))],
    [
      'a document by a key of his own',
      async (vault, copy) => {
        const { authority } = await makeVault();
        await putRevision(
          { ...vault, store: copy, document: { ...vault.document, revision: 7 } },
          () => ({}),
          authority,
        );
      },
    ],
    [
      'other keys and other bytes',
      async (_vault, copy) => {
        for (const name of await namesOf(copy))
          if (/^(?:data|keys)/.test(name)) await put(copy, name, 'planted');
      },
    ],
  ];

  it.each(hostile)('gains nothing by %s', async (_what, plant) => {
    const { vault, copy } = await lived();
    await plant(vault, copy);
    const { value, opened } = await readNewest(vault, vault.store, [copy]);
    expect([value, opened.document.revision]).toEqual(['N=2\n', 2]);
    // Nor where something is read from it.
    const [part = ''] = (await namesOf(vault.store, 'data/')).slice(-1);
    await put(vault.store, part, 'damaged');
    const again = readNewest(vault, vault.store, [copy]);
    if (_what === 'other keys and other bytes')
      await expect(again).rejects.toMatchObject({ code: 'part-differs' });
    else expect((await again).value).toBe('N=2\n');
  });
});
