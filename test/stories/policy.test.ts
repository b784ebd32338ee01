// The printed policies, each attached to a user of a real service: the role's own work goes through, and nothing else.

import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import {
  DeleteObjectCommand,
  GetObjectCommand,
  GetObjectRetentionCommand,
  ListObjectsV2Command,
  PutBucketLifecycleConfigurationCommand,
  PutBucketPolicyCommand,
  PutBucketVersioningCommand,
  PutObjectCommand,
  PutObjectRetentionCommand,
  S3Client,
} from '@aws-sdk/client-s3';
import { beforeEach, describe, expect, it } from 'vitest';
import { type Desk, desk } from '../commands/desk.ts';
import { actingAs, type Bucket, type Credentials, type Statement, s3Ground, skipS3 } from '../support/s3.ts';

describe.skipIf(skipS3)('a role with its printed policy', () => {
  const ground = s3Ground();
  let bucket: Bucket;
  let at: Desk;
  beforeEach(async () => {
    [bucket, at] = await vaultIn(await ground());
  });

  /** A user with the policy that is printed for the role. */
  async function user(role: string): Promise<Credentials> {
    return await bucket.user(await printed(`policy ${role}`));
  }

  async function printed(line: string): Promise<Statement[]> {
    const said = await at.ok(line);
    const { Statement } = JSON.parse(said.bytes.toString());
    const arn = `arn:aws:s3:::${bucket.name}`;
    type Printed = Omit<Statement, 'on'> & { Sid: string; Resource: string[] };
    return (Statement as Printed[]).flatMap(({ Sid: _, Resource, ...rest }) =>
      Resource.map((resource) => {
        expect(resource.startsWith(arn)).toBe(true);
        return { ...rest, on: resource.slice(arn.length) };
      }),
    );
  }

  function clientOf(who: Credentials): S3Client {
    return new S3Client({
      endpoint: bucket.server.endpoint,
      region: bucket.server.region,
      forcePathStyle: true,
      credentials: who,
      maxAttempts: 1,
    });
  }

  /** What the service says to calls of a role, past strongroom: HTTP status by name of the call. */
  async function calls(who: Credentials, key: string): Promise<Record<string, number | undefined>> {
    const client = clientOf(who);
    const Bucket = bucket.name;
    const Key = `vault/${key}`;
    const status = async (work: Promise<{ $metadata: { httpStatusCode?: number } }>) => {
      const { $metadata } = await work.catch((error) => error);
      return $metadata.httpStatusCode;
    };
    const expired = { ID: 'x', Status: 'Enabled' as const, Filter: { Prefix: '' }, Expiration: { Days: 1 } };
    return {
      put: await status(client.send(new PutObjectCommand({ Bucket, Key, Body: 'x', IfNoneMatch: '*' }))),
      get: await status(client.send(new GetObjectCommand({ Bucket, Key }))),
      list: await status(client.send(new ListObjectsV2Command({ Bucket, Prefix: 'vault/' }))),
      listAll: await status(client.send(new ListObjectsV2Command({ Bucket }))),
      remove: await status(client.send(new DeleteObjectCommand({ Bucket, Key }))),
      lifecycle: await status(
        client.send(
          new PutBucketLifecycleConfigurationCommand({
            Bucket,
            LifecycleConfiguration: { Rules: [expired] },
          }),
        ),
      ),
      versioning: await status(
        client.send(
          new PutBucketVersioningCommand({ Bucket, VersioningConfiguration: { Status: 'Suspended' } }),
        ),
      ),
      policy: await status(client.send(new PutBucketPolicyCommand({ Bucket, Policy: '{}' }))),
    };
  }

  const refused = {
    put: 403,
    get: 403,
    list: 403,
    listAll: 403,
    remove: 403,
    lifecycle: 403,
    versioning: 403,
    policy: 403,
  };

  it('backup: backs up its sets, and can do nothing else', async () => {
    const who = await user('backup');
    at.write('.env', 'TOKEN=2\n');
    const said = await actingAs(who, () => at.say('backup --json'));
    expect([said.code, said.json().at(-1)]).toMatchObject([
      0,
      { message_type: 'summary', set: 'shop', complete: true },
    ]);
    expect((await actingAs(who, () => at.say('list'))).code).toBe(14);
    expect((await actingAs(who, () => at.say('restore --target out'))).code).toBe(14);
    const [theirs = ''] = (await bucket.names()).filter((name) => name.startsWith('snapshots/shop/'));
    expect(await calls(who, theirs)).toEqual({ ...refused, put: 412 });
    // By this service's ACLs, which AWS has off, whoever wrote an object owns it, and may read it.
    const own = 'snapshots/shop/20261120T055812Z-000000.json';
    expect(await calls(who, own)).toEqual({ ...refused, put: 200, get: 200 });
    await bucket.remove(own);
    for (const elsewhere of [
      'vault/1.json',
      'vault/2.json',
      'keys/1/x-0123456789.age',
      'snapshots/other/20261120T055812Z-000000.json',
      'snapshots/shop2/20261120T055812Z-000000.json',
      'data/other/x',
      'ledger/20261120T055812Z-000000.json',
      'drills/x.json',
      '../elsewhere',
    ]) {
      expect([elsewhere, await calls(who, elsewhere)]).toEqual([elsewhere, refused]);
    }
    // It is whole, and what it wrote is the newest.
    expect((await at.ok('verify --json')).json().at(-1)).toMatchObject({ sound: true, snapshots: 2 });
  });

  it('backup: locks what it creates as configured, and no longer', async () => {
    [bucket, at] = await vaultIn(await ground({ lock: true }));
    const settings = readFileSync(join(at.work, 'strongroom.yaml'), 'utf8');
    at.write(
      'strongroom.yaml',
      settings.replace(/^s3: \{/m, 's3: { objectLock: { mode: governance, days: 1 },'),
    );
    const who = await user('backup');
    const said = await actingAs(who, () => at.say('backup --json'));
    expect([said.code, said.err]).toEqual([0, '']);
    const [newest = ''] = (await bucket.names()).filter((name) => name.startsWith('snapshots/')).slice(-1);
    const object = { Bucket: bucket.name, Key: `vault/${newest}` };
    const { Retention } = await bucket.client.send(new GetObjectRetentionCommand(object));
    expect(Retention?.Mode).toBe('GOVERNANCE');
    // Of the administrator's, since by this service's ACLs a role owns what it wrote.
    const [theirs = ''] = (await bucket.names()).filter((name) => name.startsWith('snapshots/'));
    const client = clientOf(who);
    const lock = (days: number, Mode: 'GOVERNANCE' | 'COMPLIANCE' = 'GOVERNANCE') => {
      const RetainUntilDate = new Date(Date.now() + days * 86_400_000);
      const command = new PutObjectRetentionCommand({
        Bucket: bucket.name,
        Key: `vault/${theirs}`,
        Retention: { Mode, RetainUntilDate },
      });
      return client.send(command).then(
        () => 200,
        (error) => error.$metadata.httpStatusCode,
      );
    };
    // This service does not tell policies how long a lock is: then nothing may be locked longer afterwards.
    expect([await lock(36_500), await lock(0.5, 'COMPLIANCE')]).toEqual([403, 403]);
  });

  it('backup --hold: holds what it creates, and lifts no hold; prune --hold lifts it', async () => {
    [bucket, at] = await vaultIn(await ground({ lock: true }));
    const settings = readFileSync(join(at.work, 'strongroom.yaml'), 'utf8');
    at.write(
      'strongroom.yaml',
      settings.replace(/^s3: \{/m, 's3: { objectLock: { mode: governance, days: 1 },'),
    );
    const [theirs = ''] = (await bucket.names()).filter((name) => name.startsWith('snapshots/'));
    const hold = async (who: Credentials, on: boolean) => {
      const store = await actingAs(who, () => bucket.store({ objectLock: { mode: 'governance', days: 1 } }));
      return await actingAs(who, () => store.holds!.set([theirs], on)).then(
        () => 'done',
        (error) => error.code,
      );
    };
    const create = async (who: Credentials, name: string) => {
      const store = await actingAs(who, () => bucket.store({ objectLock: { mode: 'governance', days: 1 } }));
      return await actingAs(who, () => store.create(`data/shop/${name}`, Buffer.from('x'), { hold: true }));
    };
    const holder = await user('backup --hold');
    expect(await create(holder, 'x')).toBe('created');
    // This service does not tell policies of later holds which they are: then none of them may be touched.
    expect(await hold(holder, false)).toBe('store-denied');
    expect(await hold(await user('prune'), false)).toBe('store-denied');
    const keeper = await user('prune --hold');
    expect([await hold(keeper, true), await hold(keeper, false)]).toEqual(['done', 'done']);
  });

  it('backup: another set is refused in its place, and says what is missing', async () => {
    const who = await bucket.user(await printed('policy backup --set other'));
    const said = await actingAs(who, () => at.say('backup --json'));
    expect(said.code).toBe(14);
    expect(said.err).toContain('s3:PutObject');
    expect((await at.ok('verify --json')).json().at(-1)).toMatchObject({ sound: true });
  });

  it('verify: verifies and lists, and changes nothing', async () => {
    const who = await user('verify');
    expect((await actingAs(who, () => at.say('verify'))).code).toBe(0);
    expect((await actingAs(who, () => at.say('list'))).code).toBe(0);
    expect(await calls(who, 'vault/1.json')).toEqual({ ...refused, get: 200, list: 200 });
    expect((await actingAs(who, () => at.say('backup'))).code).toBe(14);
  });

  it('verify: tells a part that is gone from one that it may not read', async () => {
    const who = await user('verify');
    const part = (await bucket.names()).find((name) => name.startsWith('data/'))!;
    const bytes = await bucket.get(part);
    await bucket.remove(part);
    try {
      const said = await actingAs(who, () => at.say('verify'));
      expect([said.code, said.out]).toEqual([13, expect.stringContaining('is gone')]);
    } finally {
      await bucket.put(part, bytes);
    }
  });

  it('restore: restores, and changes nothing', async () => {
    const who = await user('restore');
    const said = await actingAs(who, () => at.say('restore latest --set shop --target out-1 --json'));
    expect([said.code, said.json().at(-1)]).toMatchObject([0, { message_type: 'summary' }]);
    expect((await actingAs(who, () => at.say('verify --read-data'))).code).toBe(0);
    expect(await calls(who, 'vault/1.json')).toEqual({ ...refused, get: 200, list: 200 });
  });

  it('drill: restores, and writes its evidence and nothing else', async () => {
    const who = await user('drill');
    const said = await actingAs(who, () => at.say('drill --set shop --even-here --json'));
    expect([said.code, said.err]).toEqual([0, '']);
    expect((await bucket.names()).filter((name) => name.startsWith('drills/'))).toHaveLength(1);
    expect(await calls(who, 'drills/20261120T055812Z-000000.json')).toEqual({
      ...refused,
      put: 200,
      get: 200,
      list: 200,
    });
    await bucket.remove('drills/20261120T055812Z-000000.json');
    expect((await calls(who, 'ledger/20261120T055812Z-000000.json')).put).toBe(403);
  });

  it('prune: deletes snapshots, and neither the vault nor its keys', async () => {
    const who = await user('prune');
    const ids = (await at.ok('list --json')).json().flatMap(({ id }) => id ?? []);
    const said = await actingAs(who, () => at.say(`delete ${ids[0]} --yes`));
    expect([said.code, said.err]).toEqual([0, '']);
    expect((await at.ok('list --json')).json().flatMap(({ id }) => id ?? [])).toEqual(ids.slice(1));
    const named = await bucket.names();
    for (const kept of named.filter((name) => /^(?:vault|keys)\/|^RECOVERY/.test(name))) {
      expect([kept, await calls(who, kept)]).toEqual([kept, { ...refused, get: 200, list: 200 }]);
    }
    expect(await bucket.names()).toEqual(named);
    expect((await at.ok('verify --json')).json().at(-1)).toMatchObject({ sound: true });
  });

  it('bucket: the service takes the policy, and a backup role named in it can change no guard', async () => {
    const all = { Action: 's3:*' };
    const who = await bucket.user([
      { ...all, on: '' },
      { ...all, on: '/*' },
    ]);
    const name = who.secretAccessKey.replace(/-secret$/, '');
    const { bytes } = await at.ok(`policy bucket --backup-role arn:aws:iam:::user/${name}`);
    await bucket.client.send(new PutBucketPolicyCommand({ Bucket: bucket.name, Policy: bytes.toString() }));
    const said = await calls(who, 'snapshots/app/x.json');
    expect(said).toEqual({ ...refused, list: 200, listAll: 200, put: 200, get: 200 });
  });
});

/** A vault with one snapshot of its set in a bucket, made by its administrator. */
async function vaultIn(bucket: Bucket): Promise<[Bucket, Desk]> {
  const at = await desk();
  Object.assign(at.env, bucket.env());
  await at.ok(['init', '--location', bucket.location, '--recipient', at.recipient]);
  await at.ok('backup');
  return [bucket, at];
}
