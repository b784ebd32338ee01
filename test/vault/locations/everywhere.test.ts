import { setTimeout as sleep } from 'node:timers/promises';
import { describe, expect, it } from 'vitest';
import { InterruptedError, StoreError } from '../../../src/errors.ts';
import { memoryStore } from '../../../src/store/memory.ts';
import type { Store } from '../../../src/store/store.ts';
import { backup } from '../../../src/vault/backup/backup.ts';
import { everywhere, type Replica } from '../../../src/vault/locations/everywhere.ts';
import { checkReplica, type Expected } from '../../../src/vault/locations/replica.ts';
import { copyTo, emptyPlace, expectSameAs, faultsAt } from '../../support/copies.ts';
import { digestsOf, namesOf } from '../../support/forge.ts';
import { enrolled, keeper } from '../../support/hosts.ts';
import { rotateVault } from '../../support/rotation.ts';
import { client, makeVault, openLocked, type TestVault, tick } from '../../support/vault.ts';
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

  it.each([0, 1])('goes on without one that fails at its write %i, which keeps nothing of it', async (at) => {
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
  });

  it('leaves what it sent to one that takes no record: a copy may have brought that meanwhile', async () => {
    const { vault, a } = await withTwo();
    let copied: Awaited<ReturnType<typeof copyTo>> | undefined;
    const failing = watched(a, async ({ verb, name }) => {
      if (verb !== 'create' || !name.startsWith('snapshots/')) return;
      copied = await copyTo(vault, a);
      throw new StoreError('store-full', 'no space left');
    });
    const replicas = [replica('a', failing)];
    await backUp(vault, replicas, 'A=1\n');
    expect(replicas[0]!.failure?.code).toBe('store-full');
    expect(copied?.copied).toHaveLength(1);
    await expectSameAs(vault, a);
  });

  it('takes a record that a copy brings at that very moment for its own, and takes nothing back', async () => {
    const { vault, a } = await withTwo();
    let copied: Awaited<ReturnType<typeof copyTo>> | undefined;
    const first = watched(
      vault.store,
      () => {},
      async ({ name }) => {
        if (name.startsWith('snapshots/')) copied = await copyTo(vault, a);
      },
    );
    const replicas = [replica('a', a)];
    await backUp(vault, replicas, 'A=1\n', first);
    expect(copied?.copied).toHaveLength(1);
    expect(replicas[0]!.failure).toBe(undefined);
    await expectSameAs(vault, a);
  });

  it('never removes what it did not write, be it at the vault or at a replica', async () => {
    const { vault, a } = await withTwo();
    // Two ways to one place, which nobody noticed.
    const replicas = [replica('a', a), replica('b', watched(a))];
    await backUp(vault, replicas, 'A=1\n');
    expect(replicas.map((r) => r.failure)).toEqual([undefined, undefined]);
    await expectSameAs(vault, a);
    await backUp(vault, [replica('vault', watched(vault.store))], 'A=2\n').catch(() => {});
    expect(await faultsAt(vault, vault.store)).toEqual([]);
    // Something else stands under one of its names.
    const other = watched(a, async ({ verb, name }) => {
      if (verb === 'create' && name.startsWith('snapshots/')) await a.create(name, Buffer.from('planted'));
    });
    const third = replica('a', other);
    await backUp(vault, [third], 'A=3\n');
    expect(third.failure?.code).toBe('object-exists');
    expect(other.writes.filter((w) => w.startsWith('remove'))).toEqual([]);
  });

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

describe('a replica that is slow', () => {
  const never = () => new Promise<never>(() => {});
  const slowly = (store: Store, wait: (signal: AbortSignal | undefined) => Promise<unknown>): Store => ({
    ...watched(store),
    create: async (name, bytes, options) => {
      await wait(options?.signal);
      return await store.create(name, bytes, options);
    },
  });
  const aborted = (signal: AbortSignal | undefined) =>
    new Promise<never>((_, reject) => {
      signal?.addEventListener('abort', () => reject(new InterruptedError('interrupted', 'interrupted')));
    });

  it.each([
    ['heeds that it is over', aborted, 1000],
    ['heeds nothing', never, 5000],
  ])('holds the backup up for its patience, all in all, and %s', async (_what, wait, most) => {
    const { vault, a, b } = await withTwo();
    const slow = { ...replica('a', slowly(a, wait)), patience: 100 };
    const began = performance.now();
    await backUp(vault, [slow, replica('b', b)], 'A=1\n');
    expect(performance.now() - began).toBeLessThan(most);
    expect(slow.failure).toMatchObject({ code: 'replica-slow', exitCode: 14 });
    await expectSameAs(vault, b);
  });

  it('is told the time of all its writes together, and none that the vault takes itself', async () => {
    const { vault, a } = await withTwo();
    const taking = (ms: number) => () => sleep(ms);
    // Three objects: 60 ms each are too much together.
    const slow = { ...replica('a', slowly(a, taking(60))), patience: 110 };
    await backUp(vault, [slow], 'A=1\n');
    expect(slow.failure?.code).toBe('replica-slow');
    const fine = { ...replica('a', slowly(a, taking(60))), patience: 110 };
    const slowVault = { ...watched(vault.store), create: slowly(vault.store, taking(60)).create };
    await backUp(vault, [fine], 'A=2\n', slowVault);
    expect(fine.failure).toBe(undefined);
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
    await checkReplica({}, one, { pin: vault.pin });
    expect(one.failure?.code).toBe(code);
  });

  it('that holds a copy is taken', async () => {
    const { vault, a } = await withTwo();
    const one = replica('a', a);
    await checkReplica({}, one, { pin: vault.pin, host: vault.host.key.publicKey });
    expect([one.failure, one.behind]).toEqual([undefined, undefined]);
    expect(await namesOf(a, 'snapshots/')).toEqual([]);
  });

  it('that what is written now would not open at, or not count, is taken, and that is said', async () => {
    const { vault, a } = await withTwo();
    const behindBy = async (expected: Partial<Expected>) => {
      const one = replica('a', a);
      await checkReplica({}, one, { pin: vault.pin, ...expected });
      expect(one.failure).toBe(undefined);
      return [one.behind?.code, one.behind?.message];
    };
    const web2 = await enrolled(vault, 'web-2');
    const { document } = await openLocked(vault);
    expect(await behindBy({})).toEqual([undefined, undefined]);
    expect(await behindBy({ host: web2.key.publicKey })).toEqual([
      'replica-behind',
      'the replica at a does not list this host yet',
    ]);
    expect(await behindBy({ known: document })).toEqual([
      'replica-behind',
      'the replica at a has revision 1 of the vault document, and not yet 2',
    ]);
    tick(vault.clock);
    const { pin } = await rotateVault(vault, await keeper(vault));
    expect(await behindBy({ pin })).toEqual(['replica-behind', 'the replica at a has not key number 2 yet']);
    await copyTo({ ...vault, pin }, a);
    expect(await behindBy({ pin, host: web2.key.publicKey })).toEqual([undefined, undefined]);
    await a.remove(await namesOf(a, 'keys/2/previous'));
    expect(await behindBy({ pin })).toEqual(['replica-behind', 'the replica at a lacks keys of the vault']);
  });
});
