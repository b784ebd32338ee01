// What goes wrong for good: each time one message that names action, bucket and key, a hint with the next step, and
// exit code 14, in the time that was allowed. From the gateway itself where it can be had, otherwise from the proxy.

import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { s3Store } from '../../../src/store/s3/s3.ts';
import {
  deadEndpoint,
  type Fault,
  type FaultProxy,
  SERVER_ERROR,
  SLOW_DOWN,
  startFaultProxy,
} from '../../servers/fault-proxy.ts';
import { actingAs, type Bucket, s3Ground, skipS3 } from '../../support/s3.ts';
import { type Outcome, outcomeOf } from './outcome.ts';

const body = Buffer.from('body');
const TRY_LATER = 'try again';

describe.skipIf(skipS3)('a service that cannot be used', () => {
  const bucket = s3Ground();
  let place: Bucket;
  let proxy: FaultProxy;

  beforeAll(async () => {
    place = await bucket();
    proxy = await startFaultProxy(place.server.endpoint);
  });
  afterAll(() => proxy?.close());
  beforeEach(() => {
    proxy.forget();
    proxy.follow(() => 'pass');
  });

  /** Requests that were made more than once. */
  const repeated = () => {
    const asked = proxy.log.map(({ method, path }) => `${method} ${path}`);
    return asked.filter((one, index) => asked.indexOf(one) !== index);
  };
  const through = (settings = {}) =>
    place.store({ endpoint: proxy.endpoint, deadline: 0.4, stall: 0.1, ...settings });
  const always = (fault: Fault) => proxy.follow(() => fault);

  /** Every call in turn; each must fail in the same way. */
  async function everyCall(
    store: Awaited<ReturnType<typeof through>>,
    expected: Partial<Omit<Outcome, 'message' | 'hint'>> & { reason: string; hint: string | RegExp },
  ): Promise<void> {
    const listing = async () => {
      for await (const { name } of store.list('snapshots/')) expect.unreachable(name);
    };
    const at = place.location;
    const calls: [string, () => Promise<unknown>][] = [
      [`PutObject of ${at}/vault/1.json`, () => store.create('vault/1.json', body)],
      [`GetObject of ${at}/vault/1.json`, () => store.get('vault/1.json')],
      [`ListObjectsV2 of ${at}/snapshots/`, listing],
      [`DeleteObject of ${at}/vault/1.json`, () => store.remove(['vault/1.json'])],
    ];
    const { reason, hint, ...rest } = expected;
    for (const [action, call] of calls) {
      const began = performance.now();
      const outcome = await outcomeOf(call());
      expect(outcome, action).toMatchObject({ exit: 14, ...rest });
      expect(outcome.message).toBe(`${action} failed: ${reason}`);
      expect(outcome.hint).toMatch(hint);
      // The deadline of the settings, and not much more.
      expect(performance.now() - began).toBeLessThan(1500);
    }
  }

  it('nobody listens there', async () => {
    await everyCall(await through({ endpoint: await deadEndpoint() }), {
      code: 'store-unreachable',
      reason: 'nothing answers there',
      hint: /check the network, s3\.endpoint and s3\.region/,
    });
  });

  it('no such host', async () => {
    const store = await through({ endpoint: 'http://nowhere.invalid' });
    const outcome = await outcomeOf(store.get('vault/1.json'));
    expect(outcome).toMatchObject({ exit: 14, code: 'store-unreachable' });
    expect(outcome.hint).toMatch(/s3\.endpoint/);
  });

  it('it never answers', async () => {
    always('stall');
    await everyCall(await through(), {
      code: 'store-unreachable',
      reason: 'no answer in time',
      hint: TRY_LATER,
    });
    expect(await place.names()).toEqual([]);
  });

  it('connections break', async () => {
    always('reset-before');
    await everyCall(await through(), {
      code: 'store-unreachable',
      reason: 'the connection broke',
      hint: TRY_LATER,
    });
  });

  it.each([
    ['an error of its own', SERVER_ERROR],
    ['too busy', SLOW_DOWN],
  ])('it is not well: %s', async (_, fault) => {
    always(fault);
    await everyCall(await through(), {
      code: 'store-unreachable',
      reason: `the service is not well (${fault.status})`,
      hint: TRY_LATER,
    });
    // It was tried more than once, each time.
    expect(proxy.log.filter(({ method }) => method === 'PUT').length).toBeGreaterThan(1);
  });

  it('a body breaks off each time', async () => {
    await place.put('data/app/1', Buffer.alloc(100_000, 1));
    for (const fault of ['truncate', 'stall-body'] as const) {
      always(fault);
      const store = await through();
      const outcome = await outcomeOf(store.get('data/app/1'));
      expect(outcome, fault).toMatchObject({ exit: 14, code: 'store-unreachable' });
      expect(outcome.message).toContain(`${place.location}/data/app/1`);
    }
    await place.remove('data/app/1');
  });

  it('a refusal breaks off: it is asked for once more', async () => {
    let left = 1;
    proxy.follow(() => (left-- > 0 ? 'truncate' : 'pass'));
    expect(await (await through()).get('vault/none.json')).toBeNull();
    expect(proxy.log.filter(({ fault }) => fault === 'truncate')).toHaveLength(1);
  });

  it('this machine has the wrong time', async () => {
    always({ status: 403, code: 'RequestTimeTooSkewed' });
    await everyCall(await through(), {
      code: 'clock-skew',
      reason: 'the clock of this machine is wrong',
      hint: /set the clock/,
    });
  });

  it('and said the time once: that is enough, since it is signed with its time from there on', async () => {
    const fresh = await startFaultProxy(place.server.endpoint, ({ number }) =>
      number === 1 ? { status: 403, code: 'RequestTimeTooSkewed' } : 'pass',
    );
    try {
      const store = await through({ endpoint: fresh.endpoint });
      expect(await store.create('skewed/1', body)).toBe('created');
      expect(fresh.log).toHaveLength(2);
    } finally {
      await fresh.close();
      await place.remove('skewed/1');
    }
  });

  it.each([
    ['access key', { accessKeyId: 'AKIANOBODYKNOWSTHIS0' }, 'the access key is not known there'],
    ['secret', { secretAccessKey: 'wrong' }, 'the secret key does not fit the access key'],
  ])('a wrong %s', async (_, wrong, reason) => {
    await actingAs({ ...place.server.admin, ...wrong }, async () => {
      await everyCall(await through(), {
        code: 'bad-credentials',
        reason,
        hint: /AWS_ACCESS_KEY_ID.*AWS_PROFILE/,
      });
    });
    // Wrong once is wrong: it was asked once for each.
    expect(repeated()).toEqual([]);
  });

  it('a session that has expired', async () => {
    always({ status: 400, code: 'ExpiredToken' });
    await everyCall(await through(), {
      code: 'bad-credentials',
      reason: 'the session has expired',
      hint: /sign in again/,
    });
    expect(repeated()).toEqual([]);
  });

  it('no credentials at all', async () => {
    const before = { ...process.env };
    const none = ['AWS_ACCESS_KEY_ID', 'AWS_SECRET_ACCESS_KEY', 'AWS_PROFILE'];
    for (const name of none) delete process.env[name];
    Object.assign(process.env, {
      AWS_SHARED_CREDENTIALS_FILE: '/dev/null',
      AWS_CONFIG_FILE: '/dev/null',
      AWS_EC2_METADATA_DISABLED: 'true',
    });
    try {
      await everyCall(await through(), {
        code: 'no-credentials',
        reason: 'this machine has no AWS credentials',
        hint: /AWS_ACCESS_KEY_ID/,
      });
    } finally {
      for (const name of none) if (before[name] !== undefined) process.env[name] = before[name];
      delete process.env.AWS_SHARED_CREDENTIALS_FILE;
      delete process.env.AWS_CONFIG_FILE;
    }
    expect(proxy.log).toEqual([]);
  });

  it('no such bucket', async () => {
    const { endpoint, region } = place.server;
    const store = s3Store('s3://test-no-such-bucket/vault', { endpoint, region, deadline: 1 });
    for (const call of [() => store.get('vault/1.json'), () => store.create('vault/1.json', body)]) {
      const outcome = await outcomeOf(call());
      expect(outcome).toMatchObject({ exit: 14, code: 'no-bucket' });
      expect(outcome.message).toMatch(
        /s3:\/\/test-no-such-bucket\/vault\/vault\/1\.json failed: there is no such bucket$/,
      );
      expect(outcome.hint).toMatch(/the account and the endpoint/);
    }
  });

  it.each([
    ['a bucket elsewhere', 301, 'PermanentRedirect', 'wrong-region', /AWS_REGION/],
    ['an archived object', 403, 'InvalidObjectState', 'archived', /restore-object/],
    ['a quota', 403, 'QuotaExceeded', 'store-full', /quota/],
    ['a key that is disabled', 400, 'KMS.DisabledException', 'store-denied', /be enabled/],
    ['a key to be deleted', 400, 'KMS.KMSInvalidStateException', 'store-denied', /check the key/],
    ['a feature that is missing', 501, 'NotImplemented', 'store-refused', /s3 settings/],
    ['whatever it is', 400, 'SomethingNew', 'store-refused', /./],
  ])('%s', async (_, status, code, ours, hint) => {
    always({ status, code });
    const store = await through();
    for (const call of [() => store.create('vault/1.json', body), () => store.get('vault/1.json')]) {
      const outcome = await outcomeOf(call());
      expect(outcome).toMatchObject({ exit: 14, code: ours });
      expect(outcome.message).toContain(`${place.location}/vault/1.json failed: `);
      expect(outcome.hint).toMatch(hint);
      // The service's own words may quote a request.
      expect(outcome.message + outcome.hint).not.toContain('said by the proxy');
    }
    // Another attempt would not help.
    expect(repeated()).toEqual([]);
  });

  it.each<[string, () => string, string, RegExp]>([
    [
      'a certificate that nobody here trusts',
      () => place.server.tlsEndpoint,
      'its certificate is signed by nobody that is trusted here',
      /^name its CA with NODE_EXTRA_CA_CERTS=FILE$/,
    ],
    [
      'a port without TLS',
      () => place.server.endpoint.replace('http:', 'https:'),
      'it speaks no TLS there',
      /s3\.endpoint: https:\/\/ or http:\/\//,
    ],
    [
      'a port with TLS that is asked without',
      () => place.server.tlsEndpoint.replace('https:', 'http:'),
      'it speaks TLS there',
      /^write https:\/\/ in s3\.endpoint$/,
    ],
  ])('%s: said at once', async (_, endpoint, reason, hint) => {
    const began = performance.now();
    const store = await through({ endpoint: endpoint(), deadline: 30, stall: 10 });
    expect(await outcomeOf(store.get('vault/1.json'))).toEqual({
      exit: 14,
      code: 'store-unreachable',
      message: `GetObject of ${place.location}/vault/1.json failed: ${reason}`,
      hint: expect.stringMatching(hint),
    });
    expect(performance.now() - began).toBeLessThan(3000);
  });

  it('a signal ends a wait at once', async () => {
    always('stall');
    const store = await through({ deadline: 60, stall: 60 });
    const controller = new AbortController();
    setTimeout(() => controller.abort(), 100);
    const began = performance.now();
    await expect(store.get('vault/1.json', { signal: controller.signal })).rejects.toMatchObject({
      exitCode: 130,
    });
    expect(performance.now() - began).toBeLessThan(1000);
  });
});
