// Where credentials come from may be silent, and the SDK's search for them heeds no signal: a call ends in time all the
// same, and says what it waited for.

import { createServer, type Server } from 'node:net';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { s3Store } from '../../../src/store/s3/s3.ts';
import { deadEndpoint } from '../../servers/fault-proxy.ts';
import { outcomeOf } from './outcome.ts';

describe('credentials that do not come', () => {
  let silent: Server;
  const unhandled = vi.fn();

  beforeEach(async () => {
    silent = createServer(() => {});
    await new Promise<void>((resolve) => silent.listen(0, '127.0.0.1', resolve));
    const { port } = silent.address() as { port: number };
    for (const name of ['AWS_ACCESS_KEY_ID', 'AWS_SECRET_ACCESS_KEY', 'AWS_PROFILE'])
      vi.stubEnv(name, undefined);
    vi.stubEnv('AWS_SHARED_CREDENTIALS_FILE', '/dev/null');
    vi.stubEnv('AWS_CONFIG_FILE', '/dev/null');
    vi.stubEnv('AWS_EC2_METADATA_DISABLED', 'true');
    vi.stubEnv('AWS_CONTAINER_CREDENTIALS_FULL_URI', `http://127.0.0.1:${port}/credentials`);
    process.on('unhandledRejection', unhandled);
  });
  afterEach(async () => {
    vi.unstubAllEnvs();
    silent.close();
    await new Promise((resolve) => setTimeout(resolve, 50));
    process.off('unhandledRejection', unhandled);
    expect(unhandled).not.toHaveBeenCalled();
  });

  it('end the call at its deadline, and it says so', async () => {
    const store = s3Store('s3://bucket/vault', { endpoint: await deadEndpoint(), deadline: 2 });
    const began = performance.now();
    expect(await outcomeOf(store.get('vault/1.json'))).toEqual({
      exit: 14,
      code: 'store-unreachable',
      message:
        'GetObject of s3://bucket/vault/vault/1.json failed: the AWS credentials could not be had in time',
      hint: expect.stringContaining('the role of this machine or container'),
    });
    expect(performance.now() - began).toBeLessThan(2500);
  });

  it('do not keep a signal from ending it at once', async () => {
    const store = s3Store('s3://bucket/vault', { endpoint: await deadEndpoint(), deadline: 60 });
    const controller = new AbortController();
    setTimeout(() => controller.abort(), 100);
    const began = performance.now();
    await expect(store.create('a', Buffer.from('a'), { signal: controller.signal })).rejects.toMatchObject({
      exitCode: 130,
    });
    expect(performance.now() - began).toBeLessThan(1000);
  });

  it('are not what is blamed once something was sent', async () => {
    vi.stubEnv('AWS_ACCESS_KEY_ID', 'nobody');
    vi.stubEnv('AWS_SECRET_ACCESS_KEY', 'nothing');
    const { port } = silent.address() as { port: number };
    const store = s3Store('s3://bucket/vault', { endpoint: `http://127.0.0.1:${port}`, deadline: 0.5 });
    const { message } = await outcomeOf(store.get('vault/1.json'));
    expect(message).toMatch(/ failed: no answer in time$/);
  });
});
