import { describe, expect, it } from 'vitest';
import { StoreError } from '../../../src/errors.ts';
import { memoryStore } from '../../../src/store/memory.ts';
import type { Store } from '../../../src/store/store.ts';
import { backup } from '../../../src/vault/backup/backup.ts';
import { everywhere, type Replica } from '../../../src/vault/locations/everywhere.ts';
import { checkReplica } from '../../../src/vault/locations/replica.ts';
import { copyTo, emptyPlace, expectSameAs, faultsAt } from '../../support/copies.ts';
import { digestsOf, namesOf } from '../../support/forge.ts';
import { client, makeVault, type TestVault, tick } from '../../support/vault.ts';
import { putOnly, watched } from '../stores.ts';

const replica = (location: string, store: Store): Replica => ({ location, store, failure: undefined });

async function backUp(vault: TestVault, replicas: readonly Replica[], value: string, first = vault.store) {
  tick(vault.clock);
  const context = { ...client(vault, vault.memory), store: everywhere(first, replicas) };
  const { host, pin } = vault;
  return await backup(context, { set: 'app', sources: { memory: { '.env': value } }, host, pin });
}

async function withTwo() {
  const vault = await makeVault();
  const [a, b] = [emptyPlace(vault), emptyPlace(vault)];
  await copyTo(vault, a);
  await copyTo(vault, b);
  return { vault, a, b };
}

describe('a backup with replicas', () => {
  it('puts the same objects everywhere, and the record last', async () => {
    const { vault, a, b } = await withTwo();
    const [seenA, seenB] = [watched(a), putOnly(b)];
    const replicas = [replica('a', seenA), replica('b', seenB)];
    await backUp(vault, replicas, 'A=1\n');
    const all = await digestsOf(vault.store);
    expect(await digestsOf(a)).toEqual(all);
    expect(await digestsOf(b)).toEqual(all);
    expect(seenA.writes.at(-1)).toMatch(/^create snapshots\/app\//);
    expect(seenB.writes.at(-1)).toMatch(/^create snapshots\/app\//);
    expect(replicas.map((r) => r.failure)).toEqual([undefined, undefined]);
    await expectSameAs(vault, a);
  });

  it.each([0, 1, 2])(
    'goes on without one that fails at its write %i, which keeps nothing of it',
    async (at) => {
      const { vault, a, b } = await withTwo();
      const before = await digestsOf(a);
      const failing = watched(a, ({ verb, creates }) => {
        if (verb === 'create' && creates === at) throw new StoreError('store-full', 'no space left');
      });
      const replicas = [replica('a', failing), replica('b', b)];
      const { complete } = await backUp(vault, replicas, 'A=1\n');
      expect(complete).toBe(true);
      expect(replicas.map((r) => r.failure?.code)).toEqual(['store-full', undefined]);
      expect(await digestsOf(a)).toEqual(before);
      expect(await digestsOf(b)).toEqual(await digestsOf(vault.store));
    },
  );

  it('leaves nothing at a replica where the vault itself takes no record', async () => {
    const { vault, a } = await withTwo();
    const before = await digestsOf(a);
    const full = watched(vault.store, ({ verb, name }) => {
      if (verb === 'create' && name.startsWith('snapshots/'))
        throw new StoreError('store-full', 'no space left');
    });
    await expect(backUp(vault, [replica('a', a)], 'A=1\n', full)).rejects.toMatchObject({
      code: 'store-full',
    });
    expect(await digestsOf(a)).toEqual(before);
  });

  it('that was offline lacks what came meanwhile, and a copy fills it in', async () => {
    const { vault, a, b } = await withTwo();
    await backUp(vault, [replica('a', a), replica('b', b)], 'A=1\n');
    await backUp(vault, [replica('b', b)], 'A=2\n');
    await backUp(vault, [replica('a', a), replica('b', b)], 'A=3\n');
    expect(await faultsAt(vault, a)).toEqual([expect.stringMatching(/^missing-predecessor /)]);
    await copyTo(vault, a);
    await expectSameAs(vault, a);
    await expectSameAs(vault, b);
  });
});

describe('a place for a replica', () => {
  it.each([
    ['is empty', async () => memoryStore(), 'no-copy'],
    ['holds another vault', async () => (await makeVault()).store, 'foreign-vault'],
    ['may only be written to', async () => putOnly(memoryStore()), undefined],
  ])('that %s', async (_what, make, code) => {
    const vault = await makeVault();
    const one = replica('a', await make());
    await checkReplica({}, one, vault.pin.vault);
    expect(one.failure?.code).toBe(code);
  });

  it('that holds a copy is taken', async () => {
    const { vault, a } = await withTwo();
    const one = replica('a', a);
    await checkReplica({}, one, vault.pin.vault);
    expect(one.failure).toBe(undefined);
    expect(await namesOf(a, 'snapshots/')).toEqual([]);
  });
});
