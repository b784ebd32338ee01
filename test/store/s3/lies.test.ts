// What a service may say that is not true, or has no end: it is refused in words of ours, with bounded time and memory.

import { describe, expect, it } from 'vitest';
import { StrongroomError } from '../../../src/errors.ts';
import { isTransient } from '../../../src/store/s3/failure.ts';
import { page, refuse, startLiar, versionPage } from './liar.ts';
import { outcomeOf } from './outcome.ts';

const MIB = 2 ** 20;
const body = Buffer.from('body');

async function namesOf(listing: AsyncIterable<{ name: string }>): Promise<string[]> {
  const names: string[] = [];
  for await (const { name } of listing) names.push(name);
  return names;
}

describe('a create that seemed to fail, and then finds its name taken', () => {
  const cases: [string, number, string?][] = [
    ['a request that took too long', 408],
    ['too many requests', 429],
    ['a conflict', 409, 'ConditionalRequestConflict'],
    ['a conflict of another kind', 409, 'OperationAborted'],
    ['a refusal without a word', 400],
    ['an error of the service', 500, 'InternalError'],
    ['a service that is too busy', 503, 'SlowDown'],
    ['a wrong time', 403, 'RequestTimeTooSkewed'],
  ];

  /** Stores what the first attempt brings, and then says that it did not. */
  const forgetful = (status: number, code: string | undefined, kept: (sent: Buffer) => Buffer) => {
    let there: Buffer | undefined;
    return startLiar(({ method, body: sent }, reply) => {
      if (method === 'GET') reply.writeHead(200, { 'content-length': there!.length }).end(there);
      else if (there) refuse(reply, 412, 'PreconditionFailed');
      else {
        there = kept(sent);
        if (code) refuse(reply, status, code);
        else reply.writeHead(status).end();
      }
    });
  };

  it.each(cases)('%s (%i): it was this one', async (_, status, code) => {
    const { store, asked } = await forgetful(status, code, (sent) => sent);
    expect(await store.create('data/app/1', body)).toBe('created');
    expect(asked.map(({ method }) => method)).toEqual(['PUT', 'PUT', 'GET']);
  });

  it.each(cases)('%s (%i): it was another', async (_, status, code) => {
    const { store } = await forgetful(status, code, () => Buffer.from('other'));
    expect(await store.create('data/app/1', body)).toBe('exists');
  });

  it('a reply that breaks off after 200: it was this one', async () => {
    let there: Buffer | undefined;
    const { store } = await startLiar(({ method, body: sent }, reply) => {
      if (method === 'GET') reply.writeHead(200, { 'content-length': there!.length }).end(there);
      else if (there) refuse(reply, 412, 'PreconditionFailed');
      else {
        there = sent;
        reply.writeHead(200, { 'content-length': 50 });
        reply.write('abc', () => reply.destroy());
      }
    });
    expect(await store.create('data/app/1', body)).toBe('created');
  });

  it('at the first attempt it is simply taken, and nothing is read', async () => {
    const { store, asked } = await startLiar((_, reply) => refuse(reply, 412, 'PreconditionFailed'));
    expect(await store.create('data/app/1', body)).toBe('exists');
    expect(asked).toHaveLength(1);
  });
});

describe('a listing', () => {
  const more = (token: string) =>
    `<IsTruncated>true</IsTruncated><NextContinuationToken>${token}</NextContinuationToken>`;
  const at = 's3://bucket/vault/snapshots/';
  const names = ['snapshots/a', 'snapshots/b', 'snapshots/c'];
  const keys = names.map((name) => `vault/${name}`);

  const refused = async (pages: (number: number) => string, expected: string[] = []) => {
    const liar = await startLiar(({ number }, reply) => reply.end(pages(number)));
    expect(await outcomeOf(namesOf(liar.store.list('snapshots/', { expected })))).toEqual({
      exit: 14,
      code: 'bad-reply',
      message: expect.stringMatching(`^ListObjectsV2 of ${at} failed: the pages of its reply `),
      hint: expect.stringContaining('s3.endpoint'),
    });
    return liar;
  };

  it('whose pages are all the same ends at the second', async () => {
    const { asked } = await refused(() => page(keys, more('t')));
    expect(asked.length).toBeLessThanOrEqual(3);
  });

  it.each([
    ['a name comes twice', [keys[0]!, keys[0]!]],
    ['a name comes too late', [keys[1]!, keys[0]!]],
  ])('in which %s is refused', async (_, odd) => {
    await refused(() => page(odd));
  });

  it('whose pages go back is refused, though each is in order', async () => {
    await refused((number) => page(number % 2 === 1 ? keys.slice(1) : keys.slice(0, 1), more(`${number}`)));
  });

  it('whose tokens go round is refused, though nothing is out of order', async () => {
    const { asked } = await refused((number) => page([], more(`${number % 3}`)));
    expect(asked.length).toBeLessThan(8);
  });

  it('that says that there is more, and not where, is refused', async () => {
    await refused(() => page(keys, '<IsTruncated>true</IsTruncated>'));
  });

  it('of nothing, with a new token each time, ends', async () => {
    const { asked } = await refused((number) => page(['vault/snapshots/no name'], more(`${number}`)));
    expect(asked.length).toBeLessThan(1100);
  });

  it('gives no name before the stretch that was asked for', async () => {
    const expected = Array.from({ length: 1500 }, (_, i) => `snapshots/${String(i).padStart(5, '0')}`);
    const early = ({ query }: { query: URLSearchParams }) =>
      query.has('start-after') ? 'vault/snapshots/00000' : `vault/${expected[999]}`;
    const { store } = await startLiar((request, reply) => reply.end(page([early(request)])));
    expect(await outcomeOf(namesOf(store.list('snapshots/', { expected })))).toMatchObject({
      code: 'bad-reply',
    });
  });

  it('passes over what was not asked for', async () => {
    const odd = ['aa/vault/1.json', 'vault/keys/1/a.age', 'vault/snapshots/a', 'vault/vault/1.json', 'zz'];
    const { store } = await startLiar((_, reply) => reply.end(page(odd)));
    expect(await namesOf(store.list('snapshots/'))).toEqual(['snapshots/a']);
  });

  it('trips over no key of others, in whatever order a service has them', async () => {
    const odd = ['vault/snapshots/é', keys[0]!, 'vault/snapshots/A &amp;lt;', keys[1]!, 'vault/snapshots/ '];
    const { store } = await startLiar((_, reply) => reply.end(page(odd)));
    expect(await namesOf(store.list('snapshots/'))).toEqual(names.slice(0, 2));
  });

  it('of garbage is refused', async () => {
    const { store } = await startLiar((_, reply) => reply.end('<ListBucketResult><Contents><Size>x</Size>'));
    expect(await outcomeOf(namesOf(store.list('snapshots/')))).toMatchObject({ exit: 14, code: 'bad-reply' });
  });
});

describe('a history', () => {
  const more = (key: string, version: string) =>
    `<IsTruncated>true</IsTruncated><NextKeyMarker>${key}</NextKeyMarker><NextVersionIdMarker>${version}</NextVersionIdMarker>`;
  const key = 'vault/snapshots/a';

  it.each<[string, (number: number) => string]>([
    ['whose pages are all the same', () => versionPage([key], more(key, '1'))],
    ['whose markers go round', (number) => versionPage([key], more(key, `${number % 2}`))],
    [
      'that goes back',
      (number) => versionPage([number === 1 ? 'vault/snapshots/b' : key], more(key, `${number}`)),
    ],
    [
      'that says that there is more, and not where',
      () => versionPage([key], '<IsTruncated>true</IsTruncated>'),
    ],
    ['of one name without end', (number) => versionPage([key], more(key, `${number}`))],
  ])('%s is refused', async (_, pages) => {
    const { store, asked } = await startLiar(({ number }, reply) => reply.end(pages(number)));
    expect(await outcomeOf(namesOf(store.history!.list('snapshots/')))).toMatchObject({
      exit: 14,
      code: 'bad-reply',
      message: expect.stringMatching(/^ListObjectVersions of s3:\/\/bucket\/vault\/snapshots\/ failed: /),
    });
    expect(asked.length).toBeLessThan(1100);
  });

  it('goes on where the service says, within one name too, and passes over what was not asked for', async () => {
    const pages = [
      versionPage(['vault/keys/1/a.age', key, key], more(key, '1')),
      versionPage([key, 'vault/snapshots/b'], more('vault/snapshots/b', '1')),
      versionPage(['vault/snapshots/b', 'vault/vault/1.json']),
    ];
    const { store, asked } = await startLiar(({ number }, reply) => reply.end(pages[number - 1]));
    const a = 'snapshots/a';
    const b = 'snapshots/b';
    expect(await namesOf(store.history!.list('snapshots/'))).toEqual([a, a, a, b, b]);
    expect(asked.map(({ query }) => query.get('key-marker'))).toEqual([null, key, 'vault/snapshots/b']);
  });
});

describe('a body', () => {
  it.each([
    ['of a refusal', 403],
    ['of a listing', 200],
  ])('%s that has no end costs a bounded number of bytes', async (_, status) => {
    const chunk = Buffer.alloc(MIB, ' ');
    let sent = 0;
    const { store, asked } = await startLiar((_request, reply) => {
      reply.writeHead(status);
      const more = () => {
        while (!reply.destroyed && reply.write(chunk)) sent += MIB;
        if (!reply.destroyed) reply.once('drain', more);
      };
      more();
    });
    const work = status === 200 ? namesOf(store.list('vault/')) : store.create('data/app/1', body);
    expect(await outcomeOf(work)).toMatchObject({
      exit: 14,
      code: 'bad-reply',
      message: expect.stringContaining('its reply does not end'),
    });
    expect([asked.length, sent < 64 * MIB]).toEqual([1, true]);
  });

  it('of an object without a length is read, as a proxy may send it', async () => {
    const { store } = await startLiar((_, reply) => {
      reply.write('hel', () => reply.end('lo'));
    });
    expect(`${await store.get('vault/1.json', { maxBytes: 5 })}`).toBe('hello');
    expect(await outcomeOf(store.get('vault/1.json', { maxBytes: 4 }))).toMatchObject({
      exit: 13,
      code: 'object-too-large',
    });
  });

  it('of an object without a length that breaks off is asked for again', async () => {
    const { store, asked } = await startLiar(({ number }, reply) => {
      reply.write('hel', () => (number === 1 ? reply.destroy() : reply.end('lo')));
    });
    expect(`${await store.get('vault/1.json')}`).toBe('hello');
    expect(asked).toHaveLength(2);
  });

  it('of an object without a length that has no end costs a bounded number of bytes', async () => {
    let sent = 0;
    const { store } = await startLiar((_, reply) => {
      const more = () => {
        while (!reply.destroyed && reply.write(Buffer.alloc(MIB))) sent += MIB;
        if (!reply.destroyed) reply.once('drain', more);
      };
      more();
    });
    expect(await outcomeOf(store.get('vault/1.json', { maxBytes: MIB }))).toMatchObject({
      code: 'object-too-large',
    });
    expect(sent).toBeLessThan(32 * MIB);
  });
});

describe('an error', () => {
  it.each(['constructor', 'toString', '__proto__', 'KMS.constructor', 'KMS.__proto__', 'hasOwnProperty'])(
    'by the name of %s is one like any other',
    async (code) => {
      const { store } = await startLiar((_, reply) => refuse(reply, 400, code));
      const error = await store.get('vault/1.json').catch((thrown) => thrown);
      expect(error).toBeInstanceOf(StrongroomError);
      expect([error.exitCode, error.code]).toEqual([14, expect.stringMatching(/^store-(?:refused|denied)$/)]);
      expect([error.message, error.hint].join()).not.toMatch(/undefined|native code|\[object/);
    },
  );

  it('that breaks off again and again is one of the network, however often', async () => {
    const { store } = await startLiar(
      (_, reply) => {
        reply.writeHead(404, { 'content-length': 100 });
        reply.write('<Error>', () => reply.destroy());
      },
      { deadline: 0.5 },
    );
    const outcome = await outcomeOf(store.get('vault/1.json'));
    expect(outcome).toMatchObject({
      code: 'store-unreachable',
      message: expect.stringContaining('the connection broke'),
    });
    const $metadata = { httpStatusCode: 404 };
    expect(isTransient(Object.assign(new Error('aborted'), { code: 'ECONNRESET', $metadata }), 9)).toBe(true);
    // What merely nobody can read may be sent for good.
    expect(isTransient(Object.assign(new Error('no XML'), { $metadata }), 9)).toBe(false);
  });
});

describe('the end of a lock', () => {
  it('is counted by the clock of the service', async () => {
    const ahead = 3 * 86_400_000;
    const { store, asked } = await startLiar(
      ({ number }, reply) => {
        reply.setHeader('date', new Date(Date.now() + ahead).toUTCString());
        if (number === 1) refuse(reply, 403, 'RequestTimeTooSkewed');
        else reply.end();
      },
      { objectLock: { mode: 'compliance', days: 10 } },
    );
    expect(await store.create('data/app/1', body)).toBe('created');
    const until = Date.parse(`${asked[1]!.headers['x-amz-object-lock-retain-until-date']}`);
    const days = (until - Date.now()) / 86_400_000;
    expect(days).toBeGreaterThan(12.99);
    expect(days).toBeLessThan(13.01);
  });
});

describe('a removal that fails', () => {
  it('starts no other, and is told only when none is under way', async () => {
    const names = Array.from({ length: 100 }, (_, i) => `data/app/${i}`);
    let gone = 0;
    const { store, asked: all } = await startLiar(({ name, method }, reply) => {
      if (method === 'POST') return refuse(reply, 501, 'NotImplemented');
      if (name === 'data/app/5') return refuse(reply, 403, 'AccessDenied');
      setTimeout(() => {
        gone++;
        reply.writeHead(204).end();
      }, 200);
    });
    expect(await outcomeOf(store.remove(names))).toMatchObject({
      code: 'store-denied',
      message: expect.stringContaining('data/app/5'),
    });
    const asked = () => all.filter(({ method }) => method === 'DELETE').length;
    expect([gone, asked()]).toEqual([15, 16]);
    await new Promise((resolve) => setTimeout(resolve, 300));
    expect([gone, asked()]).toEqual([15, 16]);
  });
});
