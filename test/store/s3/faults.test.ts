// A thousand operations, and the life of a vault, over a network that goes wrong at random, by fixed seeds: nothing is
// lost, nothing is half-made, and what fails fails with an error of ours.

import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { StoreError } from '../../../src/errors.ts';
import type { Store } from '../../../src/store/store.ts';
import { readSnapshots } from '../../../src/vault/snapshots.ts';
import {
  atRandom,
  type FaultProxy,
  numbersFrom,
  PASSING_FAULTS,
  startFaultProxy,
} from '../../servers/fault-proxy.ts';
import { faultsOf, restored } from '../../support/refusals.ts';
import { s3Ground, skipS3 } from '../../support/s3.ts';
import { clockAt, makeVault, openLocked } from '../../support/vault.ts';

const LONG = process.env.STRONGROOM_LONG === '1';
const OPERATIONS = LONG ? 10_000 : 1000;
const WORKERS = 10;
/** Seconds; well above what the gateway needs with so many at work. */
const STALL = 0.3;

describe.skipIf(skipS3)('a network that goes wrong', () => {
  const bucket = s3Ground();
  let proxy: FaultProxy;
  beforeAll(async () => {
    const { server } = await bucket();
    proxy = await startFaultProxy(server.endpoint);
  });
  afterAll(() => proxy?.close());

  interface World {
    readonly random: () => number;
    /** What must be there. */
    readonly held: Map<string, Buffer>;
    /** Strongroom never makes an object again under the name of one that was removed: a late retry may remove it. */
    readonly gone: Set<string>;
    /** What an operation that failed left open: the bytes, or nothing. */
    readonly open: Map<string, Buffer>;
    failures: number;
  }

  /** One of several at once, each with names of its own. */
  async function worker(store: Store, world: World, id: number, operations: number): Promise<void> {
    const { random, held, gone, open } = world;
    const mine = () => [...held.keys()].filter((name) => name.startsWith(`data/w${id}/`));
    const pick = <T>(from: readonly T[]): T | undefined => from[Math.floor(random() * from.length)];
    for (let i = 0; i < operations; i++) {
      const kind = random();
      // Sometimes a name that is taken, or was.
      const name = (kind % 0.1 < 0.02 && pick(mine())) || `data/w${id}/${Math.floor(random() * 2000)}`;
      if (open.has(name) || gone.has(name)) continue;
      const before = held.get(name);
      const bytes = Buffer.alloc(20 + Math.floor(random() ** 4 * 200_000), `${id} ${i} `);
      try {
        if (kind < 0.5) {
          expect(await store.create(name, bytes), name).toBe(before ? 'exists' : 'created');
          if (!before) held.set(name, bytes);
        } else if (kind < 0.75) {
          const target = pick(mine()) ?? name;
          const [found, wanted] = [await store.get(target), held.get(target)];
          expect(wanted ? found?.equals(wanted) : found === null, target).toBe(true);
        } else if (kind < 0.85) {
          const seen: string[] = [];
          for await (const object of store.list(`data/w${id}/`)) seen.push(object.name);
          expect(seen.filter((n) => !open.has(n))).toEqual(mine().sort());
        } else {
          const target = pick(mine()) ?? name;
          try {
            await store.remove([target]);
          } catch (error) {
            const there = held.get(target);
            if (there) open.set(target, there);
            throw error;
          } finally {
            held.delete(target);
            gone.add(target);
          }
        }
      } catch (error) {
        if (!(error instanceof StoreError)) throw error;
        expect([error.code, error.message]).toEqual(['store-unreachable', expect.any(String)]);
        world.failures++;
        if (kind < 0.5) {
          if (!before) open.set(name, bytes);
        }
      }
    }
  }

  async function manyOperations(
    seed: number,
    rate: number,
    deadline: number,
    operations: number,
  ): Promise<World> {
    const place = await bucket();
    const store = await place.store({ endpoint: proxy.endpoint, deadline, stall: STALL });
    proxy.follow(atRandom(seed, rate, PASSING_FAULTS));
    proxy.forget();
    const world: World = {
      random: numbersFrom(seed),
      held: new Map(),
      gone: new Set(),
      open: new Map(),
      failures: 0,
    };
    const share = operations / WORKERS;
    await Promise.all(Array.from({ length: WORKERS }, (_, id) => worker(store, world, id, share)));
    // What is really there, past the proxy.
    const direct = await place.store();
    const found = new Set(await place.names());
    for (const [name, bytes] of world.held) {
      expect((await direct.get(name))?.equals(bytes), name).toBe(true);
      found.delete(name);
    }
    for (const name of found) {
      const bytes = world.open.get(name);
      expect(bytes, name).toBeDefined();
      expect((await direct.get(name))?.equals(bytes!), name).toBe(true);
    }
    for (const fault of PASSING_FAULTS) expect(proxy.log.some((one) => one.fault === fault)).toBe(true);
    return world;
  }

  it('loses nothing in a thousand operations, and nothing of it is seen', async () => {
    const { failures, held, open } = await manyOperations(1, 0.3, 60, OPERATIONS);
    expect([failures, open.size]).toEqual([0, 0]);
    expect(held.size).toBeGreaterThan(100);
  });

  it('tells the truth when there is no time to try again', async () => {
    const { failures, held } = await manyOperations(2, 0.5, 0.4, OPERATIONS / 5);
    expect(failures).toBeGreaterThan(10);
    expect(held.size).toBeGreaterThan(20);
  });

  it('lets one of six writers win, though replies are lost', async () => {
    const place = await bucket();
    const settings = { endpoint: proxy.endpoint, deadline: 60, stall: STALL };
    const stores = await Promise.all(Array.from({ length: 6 }, () => place.store(settings)));
    proxy.follow(atRandom(3, 0.4, PASSING_FAULTS));
    const direct = await place.store();
    const rounds = Array.from({ length: LONG ? 200 : 15 }, (_, round) => round);
    const lane = async (): Promise<void> => {
      for (let round = rounds.shift(); round !== undefined; round = rounds.shift()) {
        const name = `vault/${round}.json`;
        const bodies = stores.map((_, writer) => Buffer.from(`round ${round} writer ${writer}`));
        const outcomes = await Promise.all(
          stores.map((store, writer) => store.create(name, bodies[writer]!)),
        );
        const winners = bodies.filter((_, writer) => outcomes[writer] === 'created');
        expect(winners).toHaveLength(1);
        expect(await direct.get(name)).toEqual(winners[0]);
      }
    };
    await Promise.all([lane(), lane(), lane()]);
  });

  it('is not noticed in the life of a vault', async () => {
    const place = await bucket();
    const store = await place.store({ endpoint: proxy.endpoint, deadline: 60, stall: STALL });
    proxy.follow(atRandom(4, 0.15, PASSING_FAULTS));
    proxy.forget();
    const clock = clockAt(new Date(Date.now() - 3_600_000).toISOString());
    const vault = await makeVault({ store, clock });
    for (let round = 1; round <= (LONG ? 20 : 2); round++) {
      const large = Buffer.alloc(100_000 * round, `${round}`);
      const { complete } = await vault.backup({ '.env': `TOKEN=${round}\n`, 'deep/large.bin': large });
      expect(complete).toBe(true);
      expect(await faultsOf(vault)).toEqual([]);
      expect((await readSnapshots(await openLocked(vault))).snapshots).toHaveLength(round);
      const tree = await restored(vault);
      expect(tree).toMatchObject({
        '.env': `600:TOKEN=${round}\n`,
        'deep/large.bin': `600:${large.toString('latin1')}`,
      });
    }
    expect(proxy.log.filter(({ fault }) => fault !== 'pass').length).toBeGreaterThan(10);
    // Nothing but what records name was left behind.
    const direct = { ...vault, store: await place.store() };
    expect(await faultsOf(direct)).toEqual([]);
  });
});
