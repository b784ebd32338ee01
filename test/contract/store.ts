// What every store must do, whatever it is made of. An adapter's own test file calls describeStore and adds only
// what is its own.

import { randomBytes } from 'node:crypto';
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { IntegrityError, InterruptedError } from '../../src/errors.ts';
import { MAX_OBJECT_BYTES, type Store, type StoredObject } from '../../src/store/store.ts';

/** An empty store to test, and another handle on the same one. */
export interface StoreFixture {
  readonly store: Store;
  /** Opens the same place once more, as another process would. */
  reopen(): Promise<Store>;
  dispose?(): Promise<void>;
}

/**
 * @param name the adapter, for the report
 * @param makeStore makes an empty store, for one test each time
 */
export function describeStore(name: string, makeStore: () => Promise<StoreFixture>): void {
  describe(`the store contract: ${name}`, () => {
    const made: StoreFixture[] = [];
    async function fixture(): Promise<StoreFixture> {
      const next = await makeStore();
      made.push(next);
      return next;
    }
    afterAll(async () => {
      for (const { dispose } of made) await dispose?.();
    });

    describe('create and get', () => {
      it('gives back what was put in, to every handle', async () => {
        const { store, reopen } = await fixture();
        expect(await store.create('vault/1.json', Buffer.from('one'))).toBe('created');
        expect(await store.get('vault/1.json')).toEqual(Buffer.from('one'));
        const other = await reopen();
        expect(await other.get('vault/1.json')).toEqual(Buffer.from('one'));
        expect(await other.create('vault/2.json', Buffer.from('two'))).toBe('created');
        expect(await store.get('vault/2.json')).toEqual(Buffer.from('two'));
        expect(await names(store, '')).toEqual(['vault/1.json', 'vault/2.json']);
      });

      it('says null for what is not there, and for a name that only begins others', async () => {
        const { store } = await fixture();
        expect(await store.get('vault/1.json')).toBeNull();
        await store.create('data/app/x/part.00000', Buffer.from('x'));
        for (const missing of [
          'data',
          'data/app',
          'data/app/y',
          'data/app/x/part.00000/deeper',
          'Data/app',
        ]) {
          expect(await store.get(missing), missing).toBeNull();
        }
      });

      it('takes a request to hold, and lets go of what no place holds', async () => {
        const { store } = await fixture();
        expect(await store.create('data/app/1', Buffer.from('x'), { hold: true })).toBe('created');
        expect(store.holds).toBeUndefined();
        await store.remove(['data/app/1']);
        expect(await store.get('data/app/1')).toBeNull();
      });

      it('never overwrites', async () => {
        const { store, reopen } = await fixture();
        await store.create('vault/1.json', Buffer.from('first'));
        expect(await store.create('vault/1.json', Buffer.from('second'))).toBe('exists');
        expect(await (await reopen()).create('vault/1.json', Buffer.from('first'))).toBe('exists');
        expect(await store.get('vault/1.json')).toEqual(Buffer.from('first'));
      });

      it('lets one of twelve writers win', async () => {
        const { store, reopen } = await fixture();
        const handles = [store, await reopen(), await reopen()];
        const bodies = Array.from({ length: 12 }, (_, writer) => Buffer.alloc(70_000, writer + 1));
        const outcomes = await Promise.all(
          bodies.map((body, writer) => handles[writer % 3]!.create('new/place/1.json', body)),
        );
        const winners = bodies.filter((_, writer) => outcomes[writer] === 'created');
        expect(winners).toHaveLength(1);
        expect(outcomes.filter((outcome) => outcome === 'exists')).toHaveLength(11);
        expect(await store.get('new/place/1.json')).toEqual(winners[0]);
      });

      it('keeps an empty object', async () => {
        const { store } = await fixture();
        expect(await store.create('data/empty', new Uint8Array())).toBe('created');
        expect(await store.get('data/empty')).toEqual(Buffer.alloc(0));
        expect((await objects(store, 'data/'))[0]?.size).toBe(0);
        expect(await store.create('data/empty', Buffer.from('x'))).toBe('exists');
      });

      it('keeps an object of 32 MiB', async () => {
        const { store } = await fixture();
        const body = randomBytes(32 * 1024 * 1024);
        expect(await store.create('data/app/x/files.00000', body)).toBe('created');
        const found = await store.get('data/app/x/files.00000');
        expect(found?.equals(body)).toBe(true);
      });

      it('writes the view it is given, not the buffer behind it', async () => {
        const { store } = await fixture();
        await store.create('view', new Uint8Array(Buffer.from('0123456789')).subarray(2, 5));
        expect(await store.get('view')).toEqual(Buffer.from('234'));
      });

      it('hands out bytes that are the reader’s own', async () => {
        const { store } = await fixture();
        await store.create('a', Buffer.from('abc'));
        (await store.get('a'))!.fill(0);
        expect(await store.get('a')).toEqual(Buffer.from('abc'));
      });
    });

    describe('sizes', () => {
      it('refuses what is larger than the caller allows, and takes what is just as large', async () => {
        const { store } = await fixture();
        for (const size of [1000, 1_000_000]) {
          const object = `data/${size}`;
          await store.create(object, Buffer.alloc(size, 1));
          expect(await store.get(object, { maxBytes: size })).toHaveLength(size);
          await expect(store.get(object, { maxBytes: size - 1 })).rejects.toMatchObject({
            code: 'object-too-large',
            object,
          });
        }
      });

      it('writes nothing that it would not read back', async () => {
        const { store } = await fixture();
        const tooLarge = new Uint8Array(MAX_OBJECT_BYTES + 1);
        await expect(store.create('data/large', tooLarge)).rejects.toMatchObject({
          code: 'object-too-large',
        });
        expect(await names(store, '')).toEqual([]);
      });
    });

    describe('list', () => {
      let store: Store;
      const expected: string[] = [];
      beforeAll(async () => {
        store = (await fixture()).store;
        for (let index = 0; index < 1200; index++) {
          expected.push(`snapshots/app/20261120T${String(index).padStart(6, '0')}Z.json`);
        }
        expected.push('RECOVERY.md', 'snapshots/other/1.json', 'vault/1.json');
        for (let at = 0; at < expected.length; at += 40) {
          // Backwards, so that the order of creation is not the order of names.
          const batch = expected.slice(at, at + 40).reverse();
          await Promise.all(batch.map((object) => store.create(object, Buffer.from(object))));
        }
        expected.sort();
      });

      it('gives all of 1,203 objects, in order', async () => {
        expect(await names(store, '')).toEqual(expected);
      });

      it('is the same whatever was expected to be there', async () => {
        const all = [...expected].sort();
        const guesses = [
          all,
          all.filter((_, i) => i % 2 === 0),
          all.map((object) => `${object}.gone`),
          ['zzz'],
        ];
        for (const guess of guesses) {
          const found: string[] = [];
          for await (const { name } of store.list('', { expected: guess })) found.push(name);
          expect(found).toEqual(expected);
        }
      });

      it('heeds a prefix that ends anywhere in a name', async () => {
        const prefixes = [
          'snapshots/',
          'snapshots/app/',
          'snapshots/ap',
          'snapshots/app/20261120T0011',
          'snap',
          'vault/1.json',
          'vault/1.json/',
          'vault/10',
          'nothing/here/',
          'R',
          'tmp/',
        ];
        for (const prefix of prefixes) {
          const matching = expected.filter((object) => object.startsWith(prefix));
          expect(await names(store, prefix), prefix).toEqual(matching);
        }
      });

      it('tells the size, and a time of the store’s own clock', async () => {
        const [recovery] = await objects(store, 'RECOVERY.md');
        expect(recovery).toMatchObject({ name: 'RECOVERY.md', size: 'RECOVERY.md'.length });
        expect(Math.abs(recovery!.modified.getTime() - Date.now())).toBeLessThan(10 * 60 * 1000);
      });

      it('can be left before its end', async () => {
        for await (const { name: first } of store.list('snapshots/')) {
          expect(first).toBe('snapshots/app/20261120T000000Z.json');
          break;
        }
        expect(await names(store, 'vault/')).toEqual(['vault/1.json']);
      });

      it('sorts by bytes of the whole name, where directories and files lie between each other', async () => {
        const { store: mixed } = await fixture();
        const interleaved = [
          'a-b',
          'a.b',
          'a/b',
          'a0',
          'aB',
          'a_b',
          'ab',
          'a.b.c/d',
          'a-/c',
          'B/z',
          'a/B',
          'a/a-/1',
        ];
        for (const object of interleaved) await mixed.create(object, Buffer.from('.'));
        const sorted = interleaved.toSorted((a, b) => Buffer.compare(Buffer.from(a), Buffer.from(b)));
        expect(await names(mixed, '')).toEqual(sorted);
        expect(await names(mixed, 'a')).toEqual(sorted.filter((object) => object.startsWith('a')));
        expect(await names(mixed, 'a/')).toEqual(['a/B', 'a/a-/1', 'a/b']);
      });

      it('agrees with a plain sorted set, whatever was created and removed', async () => {
        const segment = fc.constantFrom('a', 'b', 'a-', 'a.b', 'B', '0');
        // Depth is part of the name, so that no name is another's directory.
        const object = fc
          .array(segment, { minLength: 1, maxLength: 3 })
          .map((parts) => [...parts.map((part) => `${part}d`), 'f'].join('/'));
        const step = fc.record({ remove: fc.boolean(), object });
        const history = fc.array(step, { maxLength: 25 });
        const { store: shared } = await fixture();
        await fc.assert(
          fc.asyncProperty(history, object, fc.nat(8), async (steps, other, cut) => {
            await shared.remove(await names(shared, ''));
            const model = new Set<string>();
            for (const { remove, object: each } of steps) {
              if (remove) await shared.remove([each]);
              else
                expect(await shared.create(each, Buffer.from(each))).toBe(
                  model.has(each) ? 'exists' : 'created',
                );
              if (remove) model.delete(each);
              else model.add(each);
            }
            const prefix = other.slice(0, cut);
            const left = [...model].filter((each) => each.startsWith(prefix)).sort();
            expect(await names(shared, prefix)).toEqual(left);
          }),
          { numRuns: 15 },
        );
      });
    });

    describe('remove', () => {
      it('takes away what is named and nothing else', async () => {
        const { store, reopen } = await fixture();
        const all = ['data/app/x/1', 'data/app/x/2', 'data/app/y/1', 'data/b', 'vault/1.json'];
        for (const object of all) await store.create(object, Buffer.from(object));
        await store.remove(['data/app/x/2', 'data/app/y/1', 'data/app/x/1']);
        expect(await names(store, '')).toEqual(['data/b', 'vault/1.json']);
        expect(await (await reopen()).get('data/app/x/1')).toBeNull();
        expect(await store.get('data/b')).toEqual(Buffer.from('data/b'));
      });

      it('does not mind what is not there', async () => {
        const { store } = await fixture();
        await store.remove([]);
        await store.remove(['data/app/x/1']);
        await store.create('data/app/x/1', Buffer.from('x'));
        await store.remove([
          'data/app/x',
          'data',
          'data/app/x/2',
          'data/app/x/1',
          'data/app/x/1',
          'data/app/x/1/2',
        ]);
        expect(await names(store, '')).toEqual([]);
      });

      it('frees the name', async () => {
        const { store, reopen } = await fixture();
        await store.create('data/app/1', Buffer.from('old'));
        await (await reopen()).remove(['data/app/1']);
        expect(await store.create('data/app/1', Buffer.from('new'))).toBe('created');
        expect(await store.get('data/app/1')).toEqual(Buffer.from('new'));
      });

      it('checks every name before it removes the first', async () => {
        const { store } = await fixture();
        await store.create('vault/1.json', Buffer.from('x'));
        await expect(store.remove(['vault/1.json', '../etc/passwd'])).rejects.toThrow(IntegrityError);
        expect(await names(store, '')).toEqual(['vault/1.json']);
      });

      it('does not get in the way of somebody who creates in the same places', async () => {
        const { store, reopen } = await fixture();
        const other = await reopen();
        const rounds = Array.from({ length: 60 }, (_, round) => `data/app/${round % 3}/deep/${round}`);
        await Promise.all([
          (async () => {
            for (const object of rounds) {
              expect(await store.create(object, Buffer.from(object))).toBe('created');
              await store.remove([object]);
            }
          })(),
          (async () => {
            for (const object of rounds) {
              expect(await other.create(`${object}-kept`, Buffer.from(object))).toBe('created');
              if (!object.endsWith('9')) await other.remove([`${object}-kept`]);
            }
          })(),
        ]);
        const kept = rounds.filter((object) => object.endsWith('9')).map((object) => `${object}-kept`);
        expect(await names(store, '')).toEqual(kept.sort());
      });
    });

    it('refuses names that are none, in every call, and leaves nothing behind', async () => {
      const { store } = await fixture();
      const bad = [
        '',
        '/',
        '/etc/passwd',
        '.',
        '..',
        '../x',
        'a/../b',
        'a//b',
        'a/',
        '.hidden',
        'a/.b',
        'a b',
        'a\\b',
        'a\0b',
        'a\n',
        'ä',
        '-a',
        '_a',
        'tmp',
        'tmp/a',
        'x'.repeat(256),
        `${'x/'.repeat(256)}y`,
      ];
      for (const object of bad) {
        const refused = { name: 'IntegrityError', code: 'bad-object-name' };
        await expect(store.get(object), object).rejects.toMatchObject(refused);
        await expect(store.create(object, Buffer.from('x')), object).rejects.toMatchObject(refused);
        await expect(store.remove([object]), object).rejects.toMatchObject(refused);
      }
      for (const prefix of ['/', '..', '../', 'a//', '.', 'a/../', 'a b', './', 'a/.']) {
        await expect(names(store, prefix), prefix).rejects.toMatchObject({ code: 'bad-object-name' });
      }
      expect(await names(store, '')).toEqual([]);
    });

    describe('a signal', () => {
      it('that has fired stops every call before it does anything', async () => {
        const { store } = await fixture();
        await store.create('a', Buffer.from('a'));
        const signal = AbortSignal.abort();
        await expect(names(store, '', signal)).rejects.toThrow(InterruptedError);
        await expect(store.get('a', { signal })).rejects.toThrow(InterruptedError);
        await expect(store.create('b', Buffer.from('b'), { signal })).rejects.toThrow(InterruptedError);
        await expect(store.remove(['a'], { signal })).rejects.toThrow(InterruptedError);
        expect(await names(store, '')).toEqual(['a']);
      });

      it('that fires in a listing stops it at the next object', async () => {
        const { store } = await fixture();
        for (const object of ['a', 'b/1', 'c']) await store.create(object, Buffer.from('x'));
        const controller = new AbortController();
        const listing = store.list('', { signal: controller.signal })[Symbol.asyncIterator]();
        expect((await listing.next()).value).toMatchObject({ name: 'a' });
        controller.abort();
        await expect(listing.next()).rejects.toMatchObject({ exitCode: 130, code: 'interrupted' });
      });

      it('that fires while an object is written leaves the whole object or none', async () => {
        const { store } = await fixture();
        const body = Buffer.alloc(32 * 1024 * 1024, 7);
        const controller = new AbortController();
        const writing = store.create('data/large', body, { signal: controller.signal }).then(
          (outcome) => outcome,
          (error: unknown) => error,
        );
        setImmediate(() => controller.abort());
        const outcome = await writing;
        const found = await store.get('data/large');
        if (outcome === 'created') expect(found?.equals(body)).toBe(true);
        else {
          expect(outcome).toBeInstanceOf(InterruptedError);
          expect(found).toBeNull();
          expect(await names(store, '')).toEqual([]);
        }
      });
    });
  });
}

async function objects(store: Store, prefix: string, signal?: AbortSignal): Promise<StoredObject[]> {
  const found: StoredObject[] = [];
  for await (const object of store.list(prefix, signal ? { signal } : {})) found.push(object);
  return found;
}

async function names(store: Store, prefix: string, signal?: AbortSignal): Promise<string[]> {
  return (await objects(store, prefix, signal)).map(({ name }) => name);
}
