// The contract over the gateway, and what only a bucket has: encryption by the service, locks, versions, classes,
// owners, and users who may not do everything.

import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import {
  DeleteObjectCommand,
  GetObjectRetentionCommand,
  HeadObjectCommand,
  ListObjectVersionsCommand,
} from '@aws-sdk/client-s3';
import { describe, expect, it, onTestFinished, vi } from 'vitest';
import { openStore } from '../../../src/store/index.ts';
import { s3Store } from '../../../src/store/s3/s3.ts';
import type { Store } from '../../../src/store/store.ts';
import { describeStore } from '../../contract/store.ts';
import { startFaultProxy } from '../../servers/fault-proxy.ts';
import { actingAs, type Bucket, s3Ground, skipS3 } from '../../support/s3.ts';
import { scratch } from '../../support/vault.ts';
import { outcomeOf } from './outcome.ts';

const DAY = 86_400_000;

describe.skipIf(skipS3)('on a real S3 service', () => {
  const bucket = s3Ground();
  const body = Buffer.from('body');

  const at = ({ name }: Bucket, object: string) => ({ Bucket: name, Key: `vault/${object}` });
  const versions = async (place: Bucket) =>
    await place.client.send(new ListObjectVersionsCommand({ Bucket: place.name }));

  async function proxied(place: Bucket) {
    const proxy = await startFaultProxy(place.server.endpoint);
    onTestFinished(() => proxy.close());
    return proxy;
  }

  describeStore('S3', async () => {
    const place = await bucket();
    return { store: await place.store(), reopen: async () => await place.store() };
  });

  it('says what it is: a place over a network, written in one way', async () => {
    const place = await bucket();
    const store = await place.store();
    expect([store.location, store.remote]).toEqual([place.location, true]);
  });

  it('keeps to its prefix, among others that begin alike', async () => {
    const place = await bucket();
    const store = await place.store();
    const { endpoint, region } = place.server;
    const near = s3Store(`${place.location}-2`, { endpoint, region });
    await store.create('vault/1.json', body);
    await near.create('vault/2.json', body);
    expect(await namesIn(store)).toEqual(['vault/1.json']);
    expect(await namesIn(near)).toEqual(['vault/2.json']);
  });

  it('lists no key that is no object name, and trips over none', async () => {
    const place = await bucket();
    const store = await place.store();
    for (const odd of ['', 'data/', 'tmp/x', '../x', 'ä', 'a b', 'snapshots/app/'])
      await place.put(odd, body);
    await store.create('vault/1.json', body);
    expect(await namesIn(store)).toEqual(['vault/1.json']);
  });

  describe('encryption by the service', () => {
    it('with a KMS key is confirmed, and the object is stored so', async () => {
      const place = await bucket();
      const store = await place.store({ sse: 'aws:kms', kmsKeyId: 'testkey-1' });
      expect(await store.create('data/app/1', body)).toBe('created');
      const head = await place.client.send(new HeadObjectCommand(at(place, 'data/app/1')));
      expect([head.ServerSideEncryption, head.SSEKMSKeyId]).toEqual(['aws:kms', 'testkey-1']);
      expect(await store.get('data/app/1')).toEqual(body);
    });

    it('that the service ignores in silence is an error, and nothing is left behind', async () => {
      const place = await bucket();
      const store = await place.store({ sse: 'AES256' });
      expect(await outcomeOf(store.create('vault/1.json', body))).toEqual({
        exit: 14,
        code: 'sse-not-confirmed',
        message: `the service does not say that it encrypted ${place.location}/vault/1.json with AES256`,
        hint: expect.stringMatching(/s3\.sse/),
      });
      expect(await place.names()).toEqual([]);
    });

    it('that the service ignores is noticed when the first reply was lost, too', async () => {
      const place = await bucket();
      const proxy = await proxied(place);
      proxy.follow(({ number }) => (number === 1 ? 'reset-after' : 'pass'));
      const store = await place.store({ sse: 'AES256', endpoint: proxy.endpoint });
      expect(await outcomeOf(store.create('vault/1.json', body))).toMatchObject({
        code: 'sse-not-confirmed',
      });
      expect(await place.names()).toEqual([]);
    });

    it('with a key that the service does not have is refused, and nothing is left behind', async () => {
      const place = await bucket();
      const store = await place.store({ sse: 'aws:kms', kmsKeyId: 'no-such-key' });
      expect(await outcomeOf(store.create('vault/1.json', body))).toMatchObject({ exit: 14 });
      expect(await place.names()).toEqual([]);
    });

    it('asks for what the settings say, with key and context', async () => {
      const place = await bucket();
      const proxy = await proxied(place);
      const kmsContext = { vault: 'shop' };
      const store = await place.store({
        endpoint: proxy.endpoint,
        sse: 'aws:kms',
        kmsKeyId: 'testkey-2',
        kmsContext,
      });
      await store.create('vault/1.json', body);
      const { headers } = proxy.log[0]!;
      expect(headers).toMatchObject({
        'x-amz-server-side-encryption': 'aws:kms',
        'x-amz-server-side-encryption-aws-kms-key-id': 'testkey-2',
      });
      const context = `${headers['x-amz-server-side-encryption-context']}`;
      expect(JSON.parse(Buffer.from(context, 'base64').toString())).toEqual(kmsContext);
    });
  });

  describe('what is sent', () => {
    it('is one request a create: never to overwrite, of a known size, with its SHA-256', async () => {
      const place = await bucket();
      const proxy = await proxied(place);
      const store = await place.store({ endpoint: proxy.endpoint, expectedBucketOwner: '111122223333' });
      // Whether this gateway knows accounts by number is its own affair.
      await store.create('data/app/1', Buffer.alloc(5 * 2 ** 20)).catch(() => {});
      expect(proxy.log.map(({ method, path }) => `${method} ${path.split('?')[0]}`)).toEqual([
        `PUT /${place.name}/vault/data/app/1`,
      ]);
      expect(proxy.log[0]!.headers).toMatchObject({
        'if-none-match': '*',
        'content-length': `${5 * 2 ** 20}`,
        'x-amz-checksum-sha256': 'wDbLt1U6kJ+LiHfURhkkMH8n7LZs/5KO7q/VacOIfik=',
        'x-amz-expected-bucket-owner': '111122223333',
      });
      expect(proxy.log[0]!.headers['content-encoding'] ?? '').not.toContain('aws-chunked');
    });

    it('is what the service knows that only ~/.aws/config names: the bucket in the path, no encryption of AWS', async () => {
      const place = await bucket();
      const proxy = await proxied(place);
      const file = join(scratch(), 'config');
      writeFileSync(file, `[default]\nendpoint_url = ${proxy.endpoint}\n`);
      vi.stubEnv('AWS_CONFIG_FILE', file);
      vi.stubEnv('AWS_ENDPOINT_URL_S3', undefined);
      onTestFinished(() => {
        vi.unstubAllEnvs();
      });
      const { region } = place.server;
      const store = await openStore(place.location, { s3: { region }, env: process.env });
      expect(await store.create('data/app/1', body)).toBe('created');
      expect(proxy.log.map(({ method, path }) => `${method} ${path.split('?')[0]}`)).toEqual([
        `PUT /${place.name}/vault/data/app/1`,
      ]);
      expect(proxy.log[0]!.headers).not.toHaveProperty('x-amz-server-side-encryption');
    });

    it('names the owner of the bucket in every call', async () => {
      const place = await bucket();
      const proxy = await proxied(place);
      const store = await place.store({ endpoint: proxy.endpoint, expectedBucketOwner: '111122223333' });
      await store.create('a', body).catch(() => {});
      await store.get('a').catch(() => {});
      await namesIn(store).catch(() => {});
      await store.remove(['a']).catch(() => {});
      expect(proxy.log.map(({ method }) => method)).toEqual(['PUT', 'GET', 'GET', 'DELETE']);
      for (const { headers } of proxy.log)
        expect(headers['x-amz-expected-bucket-owner']).toBe('111122223333');
    });

    it('puts data into the class of its set, and everything else into the default one', async () => {
      const place = await bucket();
      const store = await place.store({ storageClass: 'GLACIER', storageClasses: { app: 'STANDARD_IA' } });
      for (const object of [
        'data/app/1',
        'data/db/1',
        'vault/1.json',
        'keys/1/a.age',
        'snapshots/app/1.json',
      ])
        await store.create(object, body);
      const classes = (await place.list()).map(({ Key, StorageClass }) => [Key, StorageClass]);
      expect(Object.fromEntries(classes)).toEqual({
        'data/app/1': 'STANDARD_IA',
        'data/db/1': 'GLACIER',
        'vault/1.json': 'STANDARD',
        'keys/1/a.age': 'STANDARD',
        'snapshots/app/1.json': 'STANDARD',
      });
    });
  });

  describe('Object Lock', () => {
    it.each(['governance', 'compliance'] as const)(
      '%s: nobody removes a version before its time',
      async (mode) => {
        const place = await bucket({ lock: true });
        const store = await place.store({ objectLock: { mode, days: 2 } });
        const before = Date.now();
        await store.create('data/app/1', body);
        await store.create('keys/1/a.age', body);
        const { Retention } = await place.client.send(new GetObjectRetentionCommand(at(place, 'data/app/1')));
        expect(Retention?.Mode).toBe(mode.toUpperCase());
        const days = (Retention!.RetainUntilDate!.getTime() - before) / DAY;
        expect(days).toBeGreaterThan(1.99);
        expect(days).toBeLessThan(2.01);

        // Removing hides it; the bytes stay, whoever asks.
        await store.remove(['data/app/1', 'keys/1/a.age']);
        expect(await namesIn(store)).toEqual([]);
        const kept = (await versions(place)).Versions!.find(({ Key }) => Key === 'vault/data/app/1')!;
        const erase = { ...at(place, 'data/app/1'), VersionId: kept.VersionId };
        await expect(place.client.send(new DeleteObjectCommand(erase))).rejects.toMatchObject({
          name: 'AccessDenied',
        });
        const bypass = place.client.send(
          new DeleteObjectCommand({ ...erase, BypassGovernanceRetention: true }),
        );
        if (mode === 'compliance') await expect(bypass).rejects.toMatchObject({ name: 'AccessDenied' });
        else await bypass;

        // Keys are not locked: an old one must go when it was rotated.
        const key = (await versions(place)).Versions!.find(({ Key }) => Key === 'vault/keys/1/a.age')!;
        await place.client.send(
          new DeleteObjectCommand({ ...at(place, 'keys/1/a.age'), VersionId: key.VersionId }),
        );
      },
    );

    it('in a bucket that was made without it is refused with the reason, and nothing is left behind', async () => {
      const place = await bucket();
      const store = await place.store({ objectLock: { mode: 'governance', days: 1 } });
      expect(await outcomeOf(store.create('vault/1.json', body))).toMatchObject({
        exit: 14,
        code: 'store-refused',
        hint: expect.stringMatching(/Object Lock/),
      });
      expect(await place.names()).toEqual([]);
    });
  });

  describe('a hold', () => {
    const locking = { objectLock: { mode: 'governance', days: 1 } } as const;
    const erase = async (place: Bucket, object: string) => {
      const { Versions = [] } = await versions(place);
      const { VersionId } = Versions.find(({ Key }) => Key === `vault/${object}`)!;
      const command = { ...at(place, object), VersionId, BypassGovernanceRetention: true };
      return await place.client.send(new DeleteObjectCommand(command)).then(
        () => 'erased',
        (error) => error.name,
      );
    };
    const keptOf = async (store: Store, object: string) => {
      for await (const { name, version, isRemoval } of store.history!.list(object))
        if (name === object && !isRemoval) return await store.history!.keptUntil!(name, version);
      return 'gone';
    };

    it('from the start keeps the bytes until it is lifted, whoever asks, and says so', async () => {
      const place = await bucket({ lock: true });
      const store = await place.store(locking);
      await store.create('data/app/1', body, { hold: true });
      await store.create('data/app/2', body);
      await store.create('keys/1/a.age', body, { hold: true });
      const lock = { until: expect.any(Date) };
      expect(await keptOf(store, 'data/app/1')).toEqual({ ...lock, hold: true });
      expect(await keptOf(store, 'data/app/2')).toEqual({ ...lock, hold: false });
      // Keys must go when they are rotated: they are neither locked nor held.
      expect(await keptOf(store, 'keys/1/a.age')).toEqual({ hold: false });
      expect([await erase(place, 'data/app/1'), await erase(place, 'data/app/2')]).toEqual([
        'AccessDenied',
        'erased',
      ]);
      await store.holds!.set(['data/app/1'], false);
      expect(await keptOf(store, 'data/app/1')).toEqual({ ...lock, hold: false });
      expect(await erase(place, 'data/app/1')).toBe('erased');
    });

    it('is put on many objects at once, and lifted; to lift none is fine', async () => {
      const place = await bucket({ lock: true });
      const store = await place.store(locking);
      const names = Array.from({ length: 40 }, (_, i) => `data/app/${i}`);
      await Promise.all(names.map((name) => store.create(name, body)));
      const held = async () =>
        (await Promise.all(names.map((name) => keptOf(store, name)))).filter(
          (k) => k && k !== 'gone' && k.hold,
        ).length;
      await store.holds!.set(names, true);
      expect(await held()).toBe(40);
      await store.holds!.set([...names, 'data/app/gone'], false);
      expect(await held()).toBe(0);
      await store.holds!.set([], true);
    });

    it('on what is not there is an error; a removed version is still told of until it is gone', async () => {
      const place = await bucket({ lock: true });
      const store = await place.store(locking);
      expect(await outcomeOf(store.holds!.set(['data/app/1'], true))).toMatchObject({
        exit: 13,
        code: 'missing-object',
        message: 'data/app/1 is not there, and cannot be held',
      });
      expect(await outcomeOf(store.holds!.set(['../x'], true))).toMatchObject({ code: 'bad-object-name' });
      await store.create('data/app/1', body);
      await store.remove(['data/app/1']);
      const before = (await keptOf(store, 'data/app/1')) as { until: Date };
      expect((before.until.getTime() - Date.now()) / DAY).toBeCloseTo(1, 2);
      const { Versions = [], DeleteMarkers = [] } = await versions(place);
      expect(await erase(place, 'data/app/1')).toBe('erased');
      for (const { VersionId = '' } of [...Versions, ...DeleteMarkers])
        expect(await store.history!.keptUntil!('data/app/1', VersionId)).toBeNull();
    });

    it('needs a right of its own, which the error names', async () => {
      const place = await bucket({ lock: true });
      await (await place.store(locking)).create('data/app/1', body);
      const user = await place.user([{ Action: ['s3:PutObject', 's3:PutObjectRetention'], on: '/vault/*' }]);
      await actingAs(user, async () => {
        const store = await place.store(locking);
        expect(await outcomeOf(store.holds!.set(['data/app/1'], true))).toMatchObject({
          exit: 14,
          code: 'store-denied',
          message: `PutObjectLegalHold of ${place.location}/data/app/1 failed: access denied`,
          hint: expect.stringContaining(
            `s3:PutObjectLegalHold on arn:aws:s3:::${place.name}/vault/data/app/1`,
          ),
        });
        const [{ VersionId = '' } = {}] = (await versions(place)).Versions ?? [];
        expect(await outcomeOf(store.history!.keptUntil!('data/app/1', VersionId))).toMatchObject({
          code: 'store-denied',
          hint: expect.stringContaining('s3:GetObjectVersion on'),
        });
      });
    });

    it('is nothing that a store without Object Lock in its settings has, and is then not asked for', async () => {
      const place = await bucket();
      const store = await place.store();
      expect(store.holds).toBeUndefined();
      expect(await store.create('data/app/1', body, { hold: true })).toBe('created');
      expect(await keptOf(store, 'data/app/1')).toEqual({ hold: false });
    });

    it('in a bucket that was made without Object Lock is refused with the reason', async () => {
      const place = await bucket();
      await place.put('data/app/1', body);
      const store = await place.store(locking);
      expect(await outcomeOf(store.holds!.set(['data/app/1'], true))).toMatchObject({
        exit: 14,
        code: 'store-refused',
        hint: expect.stringMatching(/Object Lock/),
      });
    });
  });

  it('in a bucket with versions erases nothing, and frees a name', async () => {
    const place = await bucket({ versioned: true });
    const store = await place.store();
    expect(await store.create('vault/1.json', body)).toBe('created');
    await store.remove(['vault/1.json']);
    expect([await store.get('vault/1.json'), await namesIn(store)]).toEqual([null, []]);
    expect(await store.create('vault/1.json', Buffer.from('new'))).toBe('created');
    expect(await store.get('vault/1.json')).toEqual(Buffer.from('new'));
    const { Versions, DeleteMarkers } = await versions(place);
    expect([Versions?.length, DeleteMarkers?.length]).toEqual([2, 1]);
  });

  describe('a user who may only put', () => {
    it('creates, and is told what is missing for everything else', async () => {
      const place = await bucket();
      const user = await place.user([{ Action: 's3:PutObject', on: '/vault/*' }]);
      await place.put('there', 'x');
      await actingAs(user, async () => {
        const store = await place.store();
        expect(await store.create('data/app/1', body)).toBe('created');
        expect(await store.create('data/app/1', Buffer.from('other'))).toBe('exists');
        const arn = `arn:aws:s3:::${place.name}`;
        const url = `s3://${place.name}/vault`;
        const cases: [string, string, () => Promise<unknown>][] = [
          [`GetObject of ${url}/there`, `s3:GetObject on ${arn}/vault/there`, () => store.get('there')],
          [
            `ListObjectsV2 of ${url}/`,
            `s3:ListBucket on ${arn} for the prefix vault/;`,
            () => namesIn(store),
          ],
          [
            `DeleteObject of ${url}/there`,
            `s3:DeleteObject on ${arn}/vault/there`,
            () => store.remove(['there']),
          ],
        ];
        for (const [action, permission, work] of cases) {
          const outcome = await outcomeOf(work());
          expect(outcome, action).toMatchObject({ exit: 14, code: 'store-denied' });
          expect(outcome.message).toBe(`${action} failed: access denied`);
          expect(outcome.hint).toContain(`allow this role ${permission}`);
        }
      });
      expect((await place.get('data/app/1')).toString()).toBe('body');
      expect(await place.names()).toContain('there');
    });

    it('takes what it wrote itself for its own when a reply was lost', async () => {
      const place = await bucket();
      const user = await place.user([{ Action: 's3:PutObject', on: '/vault/*' }]);
      const proxy = await proxied(place);
      proxy.follow(({ number }) => (number === 1 ? 'reset-after' : 'pass'));
      await actingAs(user, async () => {
        const store = await place.store({ endpoint: proxy.endpoint });
        expect(await store.create('data/app/1', body)).toBe('created');
      });
      expect(await place.names()).toEqual(['data/app/1']);
    });

    it('without any right is told so by its first create', async () => {
      const place = await bucket();
      const nobody = await place.user();
      await actingAs(nobody, async () => {
        const store = await place.store();
        expect(await outcomeOf(store.create('data/app/1', body))).toMatchObject({
          exit: 14,
          code: 'store-denied',
          hint: expect.stringContaining(`s3:PutObject on arn:aws:s3:::${place.name}/vault/data/app/1`),
        });
      });
      expect(await place.names()).toEqual([]);
    });
  });
});

async function namesIn(store: { list(prefix: string): AsyncIterable<{ name: string }> }): Promise<string[]> {
  const names: string[] = [];
  for await (const { name } of store.list('')) names.push(name);
  return names;
}
