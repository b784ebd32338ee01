// Many removals in few requests, and what becomes of those that a service does not do.

import { describe, expect, it, onTestFinished } from 'vitest';
import { type Plan, startFaultProxy } from '../../servers/fault-proxy.ts';
import { actingAs, type Bucket, s3Ground, skipS3 } from '../../support/s3.ts';
import { startLiar } from './liar.ts';
import { outcomeOf } from './outcome.ts';

const body = Buffer.from('body');
const namesOf = (count: number, below = 'data/app') =>
  Array.from({ length: count }, (_, i) => `${below}/${i}`);

describe.skipIf(skipS3)('removing many objects from a bucket', () => {
  const bucket = s3Ground();

  async function filled(names: readonly string[]) {
    const place = await bucket();
    const store = await place.store();
    for (let i = 0; i < names.length; i += 50)
      await Promise.all(names.slice(i, i + 50).map((name) => store.create(name, body)));
    return place;
  }
  /** A store behind a proxy, and what it asked of the service to remove. */
  async function watched(place: Bucket, plan?: Plan) {
    const proxy = await startFaultProxy(place.server.endpoint, plan);
    onTestFinished(() => proxy.close());
    const store = await place.store({ endpoint: proxy.endpoint });
    const asked = () => proxy.log.filter(({ method }) => method !== 'GET').map(({ method }) => method);
    return { store, asked };
  }

  it('takes a request a thousand, records before data', async () => {
    const names = [...namesOf(20, 'snapshots/app'), ...namesOf(1030)];
    const place = await filled([...names, 'data/app/kept']);
    const { store, asked } = await watched(place);
    await store.remove(names);
    expect(asked()).toEqual(['POST', 'POST', 'POST']);
    expect(await place.names()).toEqual(['data/app/kept']);
    // None is there any more, and that is fine.
    await store.remove(names);
    expect(await place.names()).toEqual(['data/app/kept']);
  }, 60_000);

  it('few are removed one by one', async () => {
    const place = await filled(namesOf(10));
    const { store, asked } = await watched(place);
    await store.remove(namesOf(10));
    expect(new Set(asked())).toEqual(new Set(['DELETE']));
    expect(await place.names()).toEqual([]);
  });

  it.each(['reset-before', 'reset-after', '500-after', 'truncate'] as const)(
    'a request that ends in %s is made again',
    async (fault) => {
      const place = await filled(namesOf(40));
      let isFirst = true;
      const { store } = await watched(place, ({ method }) => {
        const isIt = method === 'POST' && isFirst;
        if (isIt) isFirst = false;
        return isIt ? fault : 'pass';
      });
      await store.remove(namesOf(40));
      expect([isFirst, await place.names()]).toEqual([false, []]);
    },
  );

  it('one by one at a service that knows no such request', async () => {
    const place = await filled(namesOf(40));
    const plan: Plan = ({ method }) => (method === 'POST' ? { status: 501, code: 'NotImplemented' } : 'pass');
    const { store, asked } = await watched(place, plan);
    await store.remove(namesOf(40));
    expect(await place.names()).toEqual([]);
    expect(asked().filter((method) => method === 'POST')).toHaveLength(1);
  });

  it('says what a role lacks that may not', async () => {
    const place = await filled(namesOf(40));
    const user = await place.user([{ Action: ['s3:PutObject', 's3:GetObject'], on: '/vault/*' }]);
    const outcome = await actingAs(user, async () => {
      const store = await place.store();
      return await outcomeOf(store.remove(namesOf(40)));
    });
    expect(outcome).toMatchObject({ code: 'store-denied', hint: expect.stringContaining('s3:DeleteObject') });
    expect(await place.names()).toHaveLength(40);
  });
});

describe('a service that lies about a removal', () => {
  it('is asked again for each name that it does not confirm', async () => {
    const names = namesOf(40);
    const gone = new Set<string>();
    const { store } = await startLiar(({ name, method }, reply) => {
      if (method === 'DELETE') {
        gone.add(name);
        reply.writeHead(204).end();
        return;
      }
      const confirmed = names.slice(0, 38).map((n) => `<Deleted><Key>vault/${n}</Key></Deleted>`);
      reply.writeHead(200, { 'content-type': 'application/xml' });
      reply.end(
        `<?xml version="1.0"?><DeleteResult>${confirmed.join('')}<Error><Key>vault/${names[38]}</Key><Code>InternalError</Code></Error></DeleteResult>`,
      );
    });
    await store.remove(names);
    expect([...gone].sort()).toEqual(names.slice(38));
  });
});
