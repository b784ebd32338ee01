// A question that would change the bucket of a service that takes it at its word.
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it, vi } from 'vitest';
import { s3Bucket } from '../../../src/store/s3/bucket.ts';

const ELSEWHERE = { known: false, why: expect.stringContaining('only AWS is asked') };

describe('whether this role may change the policy of the bucket', () => {
  let server: Server;
  let url: string;
  let home: string;
  const got: string[] = [];
  beforeAll(async () => {
    home = mkdtempSync(join(tmpdir(), 'strongroom-bucket-'));
    server = createServer((request, response) => {
      got.push(`${request.method} ${request.url}`);
      request.resume();
      response.writeHead(204).end();
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  });
  beforeEach(() => {
    got.length = 0;
    vi.stubEnv('AWS_ACCESS_KEY_ID', 'x');
    vi.stubEnv('AWS_SECRET_ACCESS_KEY', 'y');
    for (const name of ['AWS_ENDPOINT_URL', 'AWS_ENDPOINT_URL_S3', 'AWS_PROFILE'])
      vi.stubEnv(name, undefined);
  });
  afterEach(() => vi.unstubAllEnvs());
  afterAll(() => {
    server.close();
    rmSync(home, { recursive: true });
  });

  it.each([true, false])('is not asked of another service (by the settings: %s)', async (bySettings) => {
    const bucket = bySettings
      ? s3Bucket('s3://shop/vault', { endpoint: url }, {})
      : s3Bucket('s3://shop/vault', {}, { AWS_ENDPOINT_URL: url });
    expect(await bucket.may('change-policy')).toEqual(ELSEWHERE);
    expect(got).toEqual([]);
  });

  it('is not asked of one that a profile names', async () => {
    const path = join(home, 'config');
    writeFileSync(path, `[default]\nendpoint_url = ${url}\n`);
    vi.stubEnv('AWS_CONFIG_FILE', path);
    const bucket = s3Bucket('s3://shop/vault', { region: 'eu-central-1' }, {});
    expect(await bucket.may('change-policy')).toEqual(ELSEWHERE);
    expect(got).toEqual([]);
    // Other questions go there: it is the service in use.
    expect(await bucket.may('read')).toEqual({ known: true, value: 'allowed' });
    expect(got).toHaveLength(1);
  });

  it('is asked of AWS', async () => {
    // A region that nobody has: no host answers, here and everywhere.
    const bucket = s3Bucket('s3://shop/vault', { region: 'xx-nowhere-1', deadline: 1 }, {});
    const said = await bucket.may('change-policy');
    expect(said).toMatchObject({ known: false });
    expect(said).not.toEqual(ELSEWHERE);
  });
});
