// The proxy itself, before the KMS server: signatures stay valid through it, and each of its faults is one. And what
// they come to for an unlock: the right bytes, or an error of ours, in time.

import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { UnlockError } from '../../src/errors.ts';
import { kmsCredential, newKmsKey } from '../../src/keys/kms.ts';
import type { WrappedSlot } from '../../src/keys/method.ts';
import {
  atRandom,
  deadEndpoint,
  type Fault,
  type FaultProxy,
  numbersFrom,
  PASSING_FAULTS,
  SLOW_DOWN,
  startFaultProxy,
} from './fault-proxy.ts';
import { type Kms, startKms } from './kms.ts';

const context = { vault: '0123456789abcdefghjkmnpqrs', generation: 1 };
const plain = Buffer.from('what the slot holds');
const THROTTLED: Fault = { status: 400, code: 'ThrottlingException' };
const LONG = process.env.STRONGROOM_LONG === '1';

describe('KMS behind a network that goes wrong', () => {
  let kms: Kms;
  let proxy: FaultProxy;
  let arn: string;
  beforeAll(async () => {
    kms = await startKms();
    proxy = await startFaultProxy(kms.endpoint);
    arn = kms.createKey();
  });
  afterAll(async () => {
    await proxy?.close();
    await kms?.close();
  });

  const options = (timeLimit: number) => ({
    endpoint: proxy.endpoint,
    credentials: kms.credentials,
    timeLimit,
  });

  async function wrapped(): Promise<{ bytes: Buffer; slot: WrappedSlot }> {
    const key = newKmsKey('kms', arn, { endpoint: kms.endpoint, credentials: kms.credentials });
    const { bytes, fields } = await key.wrap(plain, context);
    return { bytes, slot: { name: 'kms', method: 'kms', object: 'keys/1/kms-0123456789.kms', ...fields } };
  }

  it('is reached through it when nothing goes wrong', async () => {
    proxy.follow(() => 'pass');
    const { bytes, slot } = await wrapped();
    const opened = await kmsCredential({ named: [arn] }, options(5000)).unwrap(bytes, slot);
    expect(opened).toEqual(plain);
    expect(proxy.log.at(-1)).toMatchObject({ target: 'TrentService.Decrypt', fault: 'pass', status: 200 });
  });

  it('opens, or fails with an error of ours in time, whatever happens', async () => {
    const { bytes, slot } = await wrapped();
    const faults = [...PASSING_FAULTS.filter((fault) => typeof fault === 'string'), SLOW_DOWN, THROTTLED];
    proxy.follow(atRandom(5, 0.3, faults));
    proxy.forget();
    let opened = 0;
    const lane = async (): Promise<void> => {
      for (let i = 0; i < (LONG ? 100 : 10); i++) {
        const began = performance.now();
        try {
          const credential = kmsCredential({ named: [arn] }, options(1000));
          expect(await credential.unwrap(bytes, slot)).toEqual(plain);
          opened++;
        } catch (error) {
          if (!(error instanceof UnlockError)) throw error;
          expect([error.code, error.exitCode]).toEqual(['kms-unreachable', 12]);
          expect(error.message).toContain(slot.object);
        }
        expect(performance.now() - began).toBeLessThan(4000);
      }
    };
    await Promise.all([lane(), lane(), lane(), lane()]);
    expect(opened).toBeGreaterThan(20);
    expect(proxy.log.filter(({ fault }) => fault !== 'pass').length).toBeGreaterThan(10);
  });
});

describe('the fault proxy', () => {
  it('decides by its seed alone', () => {
    const plan = (seed: number) => {
      const next = atRandom(seed, 0.5, PASSING_FAULTS);
      return Array.from({ length: 50 }, () =>
        next({ number: 1, method: 'GET', path: '/', target: undefined, headers: {} }),
      );
    };
    expect(plan(1)).toEqual(plan(1));
    expect(plan(1)).not.toEqual(plan(2));
    expect(new Set(plan(1)).size).toBeGreaterThan(5);
    const numbers = Array.from({ length: 1000 }, numbersFrom(7));
    expect(Math.min(...numbers)).toBeGreaterThanOrEqual(0);
    expect(Math.max(...numbers)).toBeLessThan(1);
  });

  it('breaks the connection when nobody is behind it', async () => {
    const proxy = await startFaultProxy(await deadEndpoint());
    await expect(fetch(proxy.endpoint)).rejects.toThrow();
    await proxy.close();
  });
});
