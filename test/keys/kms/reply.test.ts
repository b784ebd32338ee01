// A service that lies: it answers as another key, without an end, or never to the end.
import { createServer, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterEach, describe, expect, it } from 'vitest';
import { kmsCredential, newKmsKey } from '../../../src/keys/kms.ts';

const MIB = 1024 * 1024;
const arn = 'arn:aws:kms:eu-central-1:111122223333:key/0aaa';
const object = 'keys/1/kms-0123456789.kms';
const slotOf = (key: string) =>
  ({
    name: 'kms',
    method: 'kms',
    object,
    arn: key,
    context: { vault: '0123456789abcdefghjkmnpqrs', generation: '1' },
  }) as const;

let close = () => {};
afterEach(() => close());

interface Input {
  readonly KeyId: string;
}

/** A service that gives this answer, and how often it was asked. */
async function service(answer: (response: ServerResponse, input: Input) => void) {
  const calls: Input[] = [];
  const server = createServer(async (request, response) => {
    const chunks: Buffer[] = [];
    for await (const chunk of request) chunks.push(chunk as Buffer);
    calls.push(JSON.parse(Buffer.concat(chunks).toString()));
    answer(response, calls.at(-1)!);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  close = () => {
    server.close();
    server.closeAllConnections();
  };
  const endpoint = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  const options = { endpoint, credentials: { accessKeyId: 'x', secretAccessKey: 'y' } };
  return { calls, options };
}

const json = (response: ServerResponse, value: unknown, status = 200) => {
  response.writeHead(status, { 'content-type': 'application/x-amz-json-1.1' });
  response.end(typeof value === 'string' ? value : JSON.stringify(value));
};

describe('what is decrypted', () => {
  it.each<[string, object]>([
    ['by the key of another account', { KeyId: arn.replace('111122223333', '999999999999') }],
    ['by another key', { KeyId: arn.replace('0aaa', '0bbb') }],
    ['by the key of another region', { KeyId: arn.replace('eu-central-1', 'us-east-1') }],
    ['by an alias', { KeyId: 'arn:aws:kms:eu-central-1:111122223333:alias/x' }],
    ['by nobody', {}],
    ['to nothing', { KeyId: arn, Plaintext: undefined }],
  ])('%s is not believed', async (_, reply) => {
    const { options } = await service((response) => json(response, { Plaintext: 'eA==', ...reply }));
    await expect(
      kmsCredential({ named: [arn] }, options).unwrap(Buffer.from('x'), slotOf(arn)),
    ).rejects.toMatchObject({
      code: 'kms-refused',
      exitCode: 12,
      object,
      message: `kms:Decrypt of ${object} with ${arn} failed: the reply is not that of this key`,
      hint: 'check AWS_ENDPOINT_URL_KMS: what answers there is not AWS KMS',
    });
  });

  it('by a replica is believed in the region of the replica alone', async () => {
    const key = arn.replace('0aaa', 'mrk-0aaa');
    const replica = key.replace('eu-central-1', 'us-east-1');
    let says = replica;
    const { options, calls } = await service((response, { KeyId }) =>
      KeyId === key
        ? json(response, { __type: 'DisabledException' }, 400)
        : json(response, { Plaintext: 'eA==', KeyId: says }),
    );
    const credential = kmsCredential({ named: [key] }, { ...options, regions: ['us-east-1'] });
    expect((await credential.unwrap(Buffer.from('x'), slotOf(key)))?.toString()).toBe('x');
    says = key;
    await expect(credential.unwrap(Buffer.from('x'), slotOf(key))).rejects.toMatchObject({
      message: expect.stringMatching(/; in us-east-1: the reply is not that of this key$/),
    });
    expect(calls.map(({ KeyId }) => KeyId)).toEqual([key, replica, key, replica]);
  });
});

it('an alias stands for a key of its own account and region alone', async () => {
  const alias = 'arn:aws:kms:eu-central-1:111122223333:alias/backup';
  const context = { vault: '0123456789abcdefghjkmnpqrs', generation: 1 };
  let key = arn;
  const { options } = await service((response) =>
    json(response, { KeyMetadata: { Arn: key, KeyId: 'x' }, KeyId: key, CiphertextBlob: 'eA==' }),
  );
  const wrap = () => newKmsKey('kms', alias, options).wrap(Buffer.from('x'), context);
  expect((await wrap()).fields).toMatchObject({ arn });
  for (key of [arn.replace('111122223333', '999999999999'), arn.replace('eu-central-1', 'us-east-1')])
    await expect(wrap()).rejects.toMatchObject({ code: 'kms-refused' });
});

describe('a reply', () => {
  it.each([200, 400, 500])('without an end (%i) is not collected', async (status) => {
    let sent = 0;
    let closed = 0;
    const chunk = Buffer.alloc(MIB / 16, 'x');
    const { options, calls } = await service((response) => {
      response.writeHead(status, { 'content-type': 'application/x-amz-json-1.1' });
      let on = true;
      response.on('close', () => {
        on = false;
        closed++;
      });
      const write = () => {
        while (on && response.write(chunk)) sent += chunk.length;
        if (on) response.once('drain', write);
      };
      write();
    });
    const began = performance.now();
    await expect(
      kmsCredential({}, { ...options, timeLimit: 3000 }).unwrap(Buffer.from('x'), slotOf(arn)),
    ).rejects.toMatchObject({
      code: 'kms-refused',
      exitCode: 12,
      message: `kms:Decrypt of ${object} with ${arn} failed: the reply is too long for one of AWS KMS`,
      hint: 'check AWS_ENDPOINT_URL_KMS: what answers there is not AWS KMS',
    });
    expect(performance.now() - began).toBeLessThan(2000);
    await expect.poll(() => closed).toBe(calls.length);
    expect(calls).toHaveLength(1);
    // What the kernel holds on both sides comes on top.
    expect(sent).toBeLessThan(32 * MIB);
  });

  it('of less than 1 MiB is read to its end', async () => {
    const { options } = await service((response) =>
      json(response, { Plaintext: 'eA==', KeyId: arn, padding: 'x'.repeat(MIB - 1000) }),
    );
    expect((await kmsCredential({}, options).unwrap(Buffer.from('x'), slotOf(arn)))?.toString()).toBe('x');
  });

  it('that comes a byte at a time ends with the time limit, and so does the connection', async () => {
    let closed = false;
    const { options } = await service((response) => {
      response.writeHead(200, { 'content-type': 'application/x-amz-json-1.1' });
      const drip = setInterval(() => response.write(' '), 20);
      response.on('close', () => {
        clearInterval(drip);
        closed = true;
      });
    });
    const began = performance.now();
    await expect(
      kmsCredential({}, { ...options, timeLimit: 500 }).unwrap(Buffer.from('x'), slotOf(arn)),
    ).rejects.toMatchObject({
      code: 'kms-unreachable',
      message: expect.stringMatching(/no answer in time$/),
    });
    expect(performance.now() - began).toBeLessThan(1500);
    await expect.poll(() => closed).toBe(true);
  });

  it.each(['constructor', '__proto__', 'toString'])('with an error named %s is a refusal', async (name) => {
    const { options } = await service((response) => json(response, { __type: name, message: 'm' }, 400));
    const refused = kmsCredential({}, options).unwrap(Buffer.from('x'), slotOf(arn));
    await expect(refused).rejects.toMatchObject({
      code: 'kms-refused',
      message: expect.stringMatching(/failed: the service refused \(400[ \w]*\)$/),
    });
  });
});
