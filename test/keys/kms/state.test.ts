import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterAll, beforeAll, expect, it, onTestFinished } from 'vitest';
import type { KmsOptions } from '../../../src/keys/kms/ask.ts';
import { kmsKeyState } from '../../../src/keys/kms/state.ts';
import { kmsChecks } from '../../../src/vault/doctor/key-checks.ts';
import { type Credentials, type Kms, startKms } from '../../servers/kms.ts';

let kms: Kms;
beforeAll(async () => {
  kms = await startKms();
});
afterAll(() => kms.close());

const by = (credentials: Credentials = kms.credentials): KmsOptions => ({
  endpoint: kms.endpoint,
  credentials,
});

async function judged(arn: string, options = by()) {
  const [checked] = await kmsChecks([{ arn, use: 'opens the vault' }], (key) => kmsKeyState(key, options));
  return checked;
}

it('tells a key that can be used from one that cannot, and one that will be deleted', async () => {
  const arn = kms.createKey();
  const before = await kmsKeyState(arn, by());
  expect(before).toMatchObject({ known: true, value: { state: 'Enabled' } });
  kms.setState(arn, 'Disabled');
  expect(await judged(arn)).toMatchObject({ verdict: 'wrong', message: expect.stringContaining('Disabled') });
  kms.setState(arn, 'PendingDeletion');
  expect(await judged(arn)).toMatchObject({
    verdict: 'wrong',
    fix: expect.stringContaining('cancel-key-deletion'),
  });
});

it('does not know what it may not ask, and knows what is not there', async () => {
  const arn = kms.createKey();
  const nobody = kms.createUser(['Encrypt']);
  expect(await judged(arn, by(nobody))).toMatchObject({
    verdict: 'unknown',
    message: expect.stringContaining('access denied'),
  });
  const some = kms.createUser(['DescribeKey']);
  expect(await judged(arn, by(some))).toMatchObject({
    verdict: 'warning',
    message: expect.stringContaining('rotates'),
  });
  kms.forget(arn);
  expect(await judged(arn)).toMatchObject({
    verdict: 'wrong',
    message: expect.stringContaining('no such key'),
  });
  expect(await judged('arn:aws:kms:nowhere')).toMatchObject({ verdict: 'unknown' });
});

it('believes nothing that is said of another key', async () => {
  const other = kms.createKey();
  const server = createServer((_, reply) =>
    reply.end(JSON.stringify({ KeyMetadata: { KeyId: '1', Arn: other, KeyState: 'Enabled' } })),
  );
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  onTestFinished(() => void server.close());
  const endpoint = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  expect(await judged(kms.createKey(), { ...by(), endpoint })).toMatchObject({
    verdict: 'unknown',
    message: expect.stringContaining('answered about another key'),
  });
});

it('uses the key for nothing', async () => {
  const arn = kms.createKey();
  const from = kms.calls.length;
  await kmsKeyState(arn, by());
  expect(kms.calls.slice(from).map(({ operation }) => operation)).toEqual([
    'DescribeKey',
    'GetKeyRotationStatus',
  ]);
});
