// Where the identity of a vault is sent to: AWS, or a service that was named for KMS, never one that was named for S3.
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer, type Server } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, it, vi } from 'vitest';
import { kmsEndpoint } from '../../../src/keys/kms/endpoint.ts';
import { kmsKeyState } from '../../../src/keys/kms/state.ts';
import { kmsCredential, newKmsKey } from '../../../src/keys/kms.ts';
import { type Kms, startKms } from '../../servers/kms.ts';

const arn = 'arn:aws:kms:eu-central-1:111122223333:key/0aaa';
const context = { vault: '0123456789abcdefghjkmnpqrs', generation: 1 };
const slot = {
  name: 'kms',
  method: 'kms',
  object: 'keys/1/kms-0123456789.kms',
  arn,
  context: { vault: context.vault, generation: '1' },
} as const;
const SECRET = 'AGE-SECRET-KEY-1SECRET';

describe('an S3 service of the same user', () => {
  let server: Server;
  let url: string;
  let kms: Kms;
  let home: string;
  const got: string[] = [];
  beforeAll(async () => {
    kms = await startKms();
    home = mkdtempSync(join(tmpdir(), 'strongroom-kms-'));
    server = createServer(async (request, response) => {
      const chunks: Buffer[] = [];
      for await (const chunk of request) chunks.push(chunk as Buffer);
      got.push(Buffer.concat(chunks).toString());
      // It would play along: what it is sent is what it gives back.
      const { Plaintext, CiphertextBlob, KeyId } = JSON.parse(got.at(-1) || '{}');
      response.writeHead(200, { 'content-type': 'application/x-amz-json-1.1' });
      response.end(JSON.stringify({ KeyId, CiphertextBlob: Plaintext, Plaintext: CiphertextBlob }));
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    url = `http://127.0.0.1:${(server.address() as { port: number }).port}`;
  });
  afterEach(() => {
    vi.unstubAllEnvs();
    got.length = 0;
  });
  afterAll(async () => {
    server.close();
    await kms.close();
    rmSync(home, { recursive: true });
  });

  const config = (text: string) => {
    const path = join(home, `config-${Math.random()}`);
    writeFileSync(path, text);
    return path;
  };

  it.each<[string, () => Record<string, string>]>([
    ['AWS_ENDPOINT_URL', () => ({ AWS_ENDPOINT_URL: url })],
    [
      'endpoint_url in ~/.aws/config',
      () => ({ AWS_CONFIG_FILE: config(`[default]\nendpoint_url = ${url}\n`) }),
    ],
    [
      'a services section there',
      () => ({
        AWS_CONFIG_FILE: config(
          `[default]\nservices = mine\n[services mine]\nkms =\n  endpoint_url = ${url}\ns3 =\n  endpoint_url = ${url}\n`,
        ),
      }),
    ],
  ])('that %s names gets nothing of a key', async (_, env) => {
    // A region that nobody has: what goes to AWS finds no host, here and everywhere.
    const nowhere = arn.replace('eu-central-1', 'xx-nowhere-1');
    for (const [name, value] of Object.entries(env())) vi.stubEnv(name, value);
    const options = { credentials: kms.credentials, timeLimit: 1500 };
    const unreachable = { code: 'kms-unreachable' };
    await Promise.all([
      expect(newKmsKey('kms', nowhere, options).wrap(Buffer.from(SECRET), context)).rejects.toMatchObject(
        unreachable,
      ),
      expect(
        kmsCredential({ named: [nowhere] }, options).unwrap(Buffer.from('x'), { ...slot, arn: nowhere }),
      ).rejects.toMatchObject(unreachable),
      expect(kmsKeyState(nowhere, options)).resolves.toMatchObject({ known: false }),
    ]);
    expect(got).toEqual([]);
  });

  it('does not keep the endpoint of KMS from being heard', async () => {
    vi.stubEnv('AWS_ENDPOINT_URL', url);
    const key = kms.createKey();
    const options = { endpoint: kms.endpoint, credentials: kms.credentials };
    const { bytes, fields } = await newKmsKey('kms', key, options).wrap(Buffer.from(SECRET), context);
    const opened = await kmsCredential({}, options).unwrap(bytes, { ...slot, ...fields });
    expect(opened?.toString()).toBe(SECRET);
    expect(got).toEqual([]);
  });
});

describe('an endpoint for KMS', () => {
  it.each([
    'https://kms.example.com',
    'https://10.0.0.7:8443/kms',
    'http://127.0.0.1:4566',
    'http://127.8.9.1',
    'http://localhost:4566',
    'http://[::1]:4566',
  ])('may be %s', (text) => {
    expect(kmsEndpoint(text)).toBe(new URL(text).href);
  });

  it.each([
    'http://kms.example.com',
    'http://10.0.0.7',
    'http://127.0.0.1.example.com',
    'http://localhost.example.com',
    'http://localhost@example.com',
    'http://127.0.0.1:80@example.com',
    'http://example.com#localhost',
    'http://0.0.0.0',
    'ftp://localhost',
    'kms.example.com',
    'https://',
    'hunter2',
  ])('may not be %s, which is not repeated', (text) => {
    expect(() => kmsEndpoint(text)).toThrow(
      expect.objectContaining({
        code: 'bad-kms-endpoint',
        exitCode: 2,
        object: 'AWS_ENDPOINT_URL_KMS',
        message: expect.not.stringContaining(text),
        hint: expect.stringContaining('https:'),
      }),
    );
  });

  it('is AWS itself where none is named', () => {
    expect([kmsEndpoint(undefined), kmsEndpoint('')]).toEqual([undefined, undefined]);
  });

  it('that is refused is asked nothing, and a check does not know', async () => {
    const options = {
      endpoint: 'http://kms.example.com',
      credentials: { accessKeyId: 'x', secretAccessKey: 'y' },
    };
    await expect(newKmsKey('kms', arn, options).wrap(Buffer.from('x'), context)).rejects.toMatchObject({
      code: 'bad-kms-endpoint',
    });
    await expect(kmsCredential({}, options).unwrap(Buffer.from('x'), slot)).rejects.toMatchObject({
      code: 'bad-kms-endpoint',
    });
    expect(await kmsKeyState(arn, options)).toMatchObject({
      known: false,
      why: expect.stringContaining('https'),
    });
  });
});
