// The doctor on buckets of a real service, each set up in its own way.
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import {
  type LifecycleRule,
  PutBucketLifecycleConfigurationCommand,
  PutBucketPolicyCommand,
  PutObjectLockConfigurationCommand,
  PutPublicAccessBlockCommand,
} from '@aws-sdk/client-s3';
import { describe, expect, it } from 'vitest';
import { type Desk, desk } from '../commands/desk.ts';
import {
  actingAs,
  type Bucket,
  type BucketOptions,
  type Credentials,
  s3Ground,
  skipS3,
} from '../support/s3.ts';

describe.skipIf(skipS3)('doctor, of a vault in a bucket', () => {
  const ground = s3Ground();

  async function vaultIn(options: BucketOptions = {}): Promise<[Bucket, Desk]> {
    const bucket = await ground(options);
    const at = await desk();
    Object.assign(at.env, bucket.env());
    await at.ok(['init', '--location', bucket.location, '--recipient', at.recipient]);
    return [bucket, at];
  }

  type Row = Record<string, unknown>;
  async function checks(at: Desk, line = 'doctor'): Promise<Record<string, Row>> {
    const said = await at.say(`${line} --json`);
    const rows = said.json();
    const summary = rows.at(-1);
    expect(summary).toMatchObject({ message_type: 'summary' });
    expect(said.code).toBe(summary?.wrong > 0 ? 5 : 0);
    return Object.fromEntries(rows.slice(0, -1).map((row) => [row.id, row]));
  }
  const verdicts = (found: Record<string, Row>) =>
    Object.fromEntries(Object.entries(found).map(([id, { verdict }]) => [id, verdict]));
  const block = (Bucket: string) =>
    new PutPublicAccessBlockCommand({
      Bucket,
      PublicAccessBlockConfiguration: {
        BlockPublicAcls: true,
        IgnorePublicAcls: true,
        BlockPublicPolicy: true,
        RestrictPublicBuckets: true,
      },
    });

  it('finds a bucket as it is made: nothing keeps what is overwritten', async () => {
    const [bucket, at] = await vaultIn();
    const before = await bucket.names();
    const found = await checks(at);
    expect(verdicts(found)).toMatchInlineSnapshot(`
      {
        "clock": "ok",
        "config": "ok",
        "counts": "ok",
        "deploys": "ok",
        "encryption": "warning",
        "guards": "ok",
        "identities": "ok",
        "known-key": "ok",
        "lifecycle": "ok",
        "object-lock": "warning",
        "overwrite": "wrong",
        "pin": "ok",
        "public-access-block": "warning",
        "public-policy": "ok",
        "re-encryption": "ok",
        "reach": "ok",
        "role-create": "unknown",
        "role-delete": "warning",
        "role-list": "ok",
        "role-policy": "unknown",
        "role-read": "ok",
        "signing-key": "ok",
        "state": "ok",
        "tls": "warning",
        "vault": "ok",
        "ways-in": "warning",
      }
    `);
    expect(found.overwrite?.fix).toContain(
      `put-bucket-versioning --endpoint-url ${bucket.server.endpoint} --bucket ${bucket.name}`,
    );
    expect(await bucket.names()).toEqual(before);
    const said = await at.say('doctor');
    expect(said.code).toBe(5);
    expect(said.out).toContain('1 thing is wrong.\n');
  });

  it('finds one with versions, locks and blocks in order', async () => {
    const [bucket, at] = await vaultIn({ lock: true });
    await bucket.client.send(block(bucket.name));
    await bucket.client.send(
      new PutObjectLockConfigurationCommand({
        Bucket: bucket.name,
        ObjectLockConfiguration: {
          ObjectLockEnabled: 'Enabled',
          Rule: { DefaultRetention: { Mode: 'GOVERNANCE', Days: 1 } },
        },
      }),
    );
    const found = await checks(at);
    expect(found).toMatchObject({
      reach: { verdict: 'ok' },
      overwrite: { verdict: 'ok' },
      'public-access-block': { verdict: 'ok' },
      'object-lock': { verdict: 'ok', message: 'the bucket locks everything for 1 days (governance)' },
      clock: { verdict: 'ok' },
      vault: { verdict: 'ok' },
    });
    // Asking whether it may delete leaves no mark behind.
    const { history } = await bucket.store();
    const marks = [];
    for await (const { name } of history!.list('data/')) marks.push(name);
    expect(marks).toEqual([]);
  });

  it('says the gravest when the vault is made, and nothing where there is none', async () => {
    const make = async (options: BucketOptions) => {
      const [bucket, at] = [await ground(options), await desk()];
      Object.assign(at.env, bucket.env());
      return await at.ok(['init', '--location', bucket.location, '--recipient', at.recipient]);
    };
    const careless = await make({});
    expect(careless.err).toContain('warning: whoever may write can overwrite every snapshot');
    expect(careless.err).toContain('hint: aws s3api put-bucket-versioning');
    expect((await make({ versioned: true })).err).toBe('');
  });

  it.each<[string, Partial<LifecycleRule>, string, RegExp]>([
    ['deletes everything', { Filter: { Prefix: '' }, Expiration: { Days: 30 } }, 'wrong', /after 30 days/],
    [
      'deletes the vault',
      { Filter: { Prefix: 'vault/data/' }, Expiration: { Days: 7 } },
      'wrong',
      /after 7 days/,
    ],
    [
      'is about another prefix',
      { Filter: { Prefix: 'logs/' }, Expiration: { Days: 7 } },
      'ok',
      /no rule is about/,
    ],
    [
      'deletes old versions',
      { Filter: { Prefix: '' }, NoncurrentVersionExpiration: { NoncurrentDays: 9 } },
      'ok',
      /no rule deletes/,
    ],
    [
      'freezes the vault',
      { Filter: { Prefix: 'vault/' }, Transitions: [{ Days: 3, StorageClass: 'GLACIER' }] },
      'wrong',
      /GLACIER/,
    ],
    [
      'moves the vault',
      { Filter: { Prefix: 'vault/' }, Transitions: [{ Days: 30, StorageClass: 'STANDARD_IA' }] },
      'warning',
      /STANDARD_IA/,
    ],
  ])('judges a lifecycle rule that %s', async (_, rule, verdict, message) => {
    const [bucket, at] = await vaultIn();
    const Rules = [{ ID: 'rule', Status: 'Enabled' as const, ...rule }] as LifecycleRule[];
    await bucket.client.send(
      new PutBucketLifecycleConfigurationCommand({ Bucket: bucket.name, LifecycleConfiguration: { Rules } }),
    );
    expect((await checks(at)).lifecycle).toMatchObject({ verdict, message: expect.stringMatching(message) });
  });

  it('finds a policy that lets everybody read, and one that denies deletion only', async () => {
    const [bucket, at] = await vaultIn();
    const put = (statement: object) => {
      const Policy = JSON.stringify({ Version: '2012-10-17', Statement: [{ Principal: '*', ...statement }] });
      return bucket.client.send(new PutBucketPolicyCommand({ Bucket: bucket.name, Policy }));
    };
    const all = `arn:aws:s3:::${bucket.name}/*`;
    await put({ Effect: 'Allow', Action: ['s3:GetObject'], Resource: [all] });
    expect((await checks(at))['public-policy']).toMatchObject({
      verdict: 'wrong',
      message: expect.stringContaining('s3:GetObject'),
    });
    await put({
      Effect: 'Deny',
      Action: ['s3:DeleteObject'],
      Resource: [`${all.slice(0, -1)}vault/snapshots/*`],
    });
    expect(await checks(at)).toMatchObject({
      'public-policy': { verdict: 'ok' },
      guards: { verdict: 'wrong', message: expect.stringContaining('s3:PutLifecycleConfiguration') },
    });
  });

  it('finds the printed policy of the bucket in order', async () => {
    const [bucket, at] = await vaultIn({ versioned: true });
    const { bytes } = await at.ok('policy bucket --backup-role arn:aws:iam:::user/backup');
    await bucket.client.send(new PutBucketPolicyCommand({ Bucket: bucket.name, Policy: bytes.toString() }));
    expect(await checks(at)).toMatchObject({ guards: { verdict: 'ok' }, 'public-policy': { verdict: 'ok' } });
  });

  it('judges what a backup role can do, and never takes a refusal for a good sign', async () => {
    const [bucket, at] = await vaultIn({ versioned: true });
    const on = `/vault`;
    const least = await bucket.user([{ Action: 's3:PutObject', on: `${on}/*` }]);
    const broad = await bucket.user([
      { Action: 's3:*', on: '/*' },
      { Action: 's3:*', on: '' },
    ]);
    const as = (who: Credentials) => actingAs(who, () => checks(at, 'doctor --role backup'));
    const good = await as(least);
    expect(verdicts(good)).toMatchInlineSnapshot(`
      {
        "clock": "ok",
        "config": "ok",
        "counts": "unknown",
        "deploys": "ok",
        "encryption": "unknown",
        "guards": "unknown",
        "identities": "ok",
        "lifecycle": "unknown",
        "object-lock": "unknown",
        "overwrite": "unknown",
        "pin": "ok",
        "public-access-block": "unknown",
        "public-policy": "unknown",
        "reach": "ok",
        "role-create": "unknown",
        "role-delete": "ok",
        "role-list": "ok",
        "role-policy": "unknown",
        "role-read": "ok",
        "signing-key": "ok",
        "state": "ok",
        "tls": "warning",
        "vault": "unknown",
      }
    `);
    expect(good.overwrite).toMatchObject({ message: expect.stringContaining('s3:GetBucketVersioning') });
    expect(good.counts).toMatchObject({ fix: expect.stringContaining('strongroom verify') });
    const roles = ['role-list', 'role-read', 'role-delete'];
    const bad = await as(broad);
    expect(roles.map((id) => [id, bad[id]?.verdict])).toEqual(roles.map((id) => [id, 'wrong']));
    expect(bad['role-delete']?.fix).toContain('strongroom policy backup');
    // Nobody said what this role is for.
    const unsaid = await actingAs(broad, () => checks(at));
    expect(unsaid).toMatchObject({ 'role-list': { verdict: 'ok' }, 'role-delete': { verdict: 'warning' } });
  });

  it('finds that backups from here would count nowhere, which a backup cannot', async () => {
    const [bucket, at] = await vaultIn({ versioned: true });
    const other = { STRONGROOM_HOST: 'web-9' };
    const counts = async (line = 'doctor', env = {}) =>
      (await at.say(`${line} --json`, env)).json().find(({ id }) => id === 'counts');
    expect(await counts()).toMatchObject({ verdict: 'ok', message: 'web-1 is listed, and may write shop' });
    expect(await counts('doctor', other)).toMatchObject({
      verdict: 'wrong',
      fix: 'set STRONGROOM_HOST=web-1',
    });
    // A prefix with a slip.
    const settings = readFileSync(join(at.work, 'strongroom.yaml'), 'utf8');
    at.write('strongroom.yaml', settings.replace(bucket.location, `${bucket.location}x`));
    expect(await counts()).toMatchObject({
      verdict: 'unknown',
      message: expect.stringContaining('no vault'),
    });
    expect((await at.say('doctor')).code).toBe(5);
  });

  it('says in one finding that the place does not answer, and asks no further', async () => {
    const [bucket, at] = await vaultIn();
    at.write(
      'strongroom.yaml',
      `location: ${bucket.location}\ns3: { endpoint: "http://127.0.0.1:9", deadline: 1s }\n`,
    );
    const found = await checks(at);
    expect(found.reach).toMatchObject({
      verdict: 'wrong',
      message: expect.stringContaining('nothing answers there'),
    });
    expect(found.overwrite).toBeUndefined();
    at.write('strongroom.yaml', 'location: s3://no-such-bucket-here/vault\n');
    expect((await checks(at)).reach).toMatchObject({
      verdict: 'wrong',
      message: expect.stringContaining('no such bucket'),
    });
  });
});
