// What each check makes of what it is told; how it is told is tested on a real service (test/stories/doctor.test.ts).
import { describe, expect, it } from 'vitest';
import { generateSigningKey } from '../../../src/sign/key.ts';
import { bucketChecks, graveFindings } from '../../../src/vault/doctor/bucket-checks.ts';
import type { BucketPort } from '../../../src/vault/doctor/bucket-port.ts';
import { type Answer, known, runChecks, unanswered } from '../../../src/vault/doctor/check.ts';
import { countsOutcome } from '../../../src/vault/doctor/counts-check.ts';
import { kmsChecks, reencryption, waysIn } from '../../../src/vault/doctor/key-checks.ts';
import { roleChecks } from '../../../src/vault/doctor/role-checks.ts';
import type { VaultDocument } from '../../../src/vault/documents/vault-document.ts';
import { bucketPolicy } from '../../../src/vault/policy/bucket-policy.ts';
import { ROLES } from '../../../src/vault/policy/roles.ts';
import { full, plain, ROLE } from '../policy/subject.ts';

/** A bucket of AWS with everything in order, and what differs. */
function bucket(differs: Partial<BucketPort> = {}): BucketPort {
  const all = {
    BlockPublicAcls: true,
    IgnorePublicAcls: true,
    BlockPublicPolicy: true,
    RestrictPublicBuckets: true,
  };
  return {
    bucket: 'acme-backups',
    prefix: 'shop/',
    onAws: true,
    endpoint: undefined,
    reach: async () => {},
    versioning: async () => known('enabled' as const),
    policy: async () => known(bucketPolicy(full, [ROLE])),
    publicAccessBlock: async () => known(all),
    objectLock: async () => known({ mode: 'GOVERNANCE', days: 30 }),
    encryption: async () => known({ algorithm: 'aws:kms', blocksCustomerKeys: true }),
    lifecycle: async () => known([]),
    clockAhead: async () => known(200),
    encryptionOf: async () => known({ algorithm: 'aws:kms' }),
    may: async () => known('denied' as const),
    ...differs,
  };
}

async function verdictOf(
  id: string,
  differs: Partial<BucketPort>,
  asked: { sse?: string; days?: number } = {},
) {
  const lock = asked.days === undefined ? undefined : { mode: 'governance', days: asked.days };
  const found = await runChecks(bucketChecks, { port: bucket(differs), sse: asked.sse, lock });
  return found.find((one) => one.id === id);
}

const silent = async (): Promise<Answer<never>> => unanswered('this role may not ask');

describe('a bucket', () => {
  it('in order is found in order', async () => {
    const found = await runChecks(bucketChecks, { port: bucket(), sse: 'aws:kms', lock: undefined });
    expect(found.filter(({ verdict }) => verdict !== 'ok')).toEqual([]);
    expect(new Set(found.map(({ id }) => id)).size).toBe(found.length);
  });

  it('that says nothing is not known to be in order', async () => {
    const port = bucket({
      versioning: silent,
      policy: silent,
      publicAccessBlock: silent,
      objectLock: silent,
      encryption: silent,
      lifecycle: silent,
      clockAhead: silent,
      encryptionOf: silent,
      may: silent,
    });
    const found = await runChecks(bucketChecks, {
      port,
      sse: 'aws:kms',
      lock: { mode: 'governance', days: 1 },
    });
    const roles = await Promise.all(ROLES.map((role) => runChecks(roleChecks, { port, role })));
    const all = [...found, ...roles.flat()];
    // Who need not create is not asked whether he may.
    const asked = all.filter(({ message }) => message !== 'it need not create');
    expect(asked.filter(({ verdict }) => verdict !== 'unknown')).toEqual([]);
    expect(await graveFindings({ port, sse: undefined, lock: undefined })).toEqual([]);
  });

  it('that keeps no versions needs a policy that refuses to overwrite', async () => {
    const versioning: BucketPort['versioning'] = async () => known('never');
    expect(await verdictOf('overwrite', { versioning })).toMatchObject({ verdict: 'ok' });
    const policy: BucketPort['policy'] = async () => known(undefined);
    expect(await verdictOf('overwrite', { versioning, policy })).toMatchObject({ verdict: 'wrong' });
    expect(
      await verdictOf('overwrite', { versioning: async () => known('suspended'), policy }),
    ).toMatchObject({
      verdict: 'wrong',
      message: expect.stringContaining('suspended'),
    });
    // Of another vault in the same bucket.
    const other = async () => known(bucketPolicy({ ...plain, prefix: 'other/' }, []));
    expect(await verdictOf('overwrite', { versioning, policy: other })).toMatchObject({ verdict: 'wrong' });
    expect(await verdictOf('overwrite', { versioning, policy: silent })).toMatchObject({
      verdict: 'unknown',
    });
    expect(await verdictOf('overwrite', { versioning: silent })).toMatchObject({ verdict: 'ok' });
    const found = await graveFindings({
      port: bucket({ versioning, policy }),
      sse: undefined,
      lock: undefined,
    });
    expect(found.map(({ id }) => id)).toEqual(['overwrite']);
  });

  it.each([
    [undefined, 'aws s3api put-bucket-versioning --bucket'],
    [
      'https://s3.example.com:8443/x',
      'aws s3api put-bucket-versioning --endpoint-url https://s3.example.com:8443/x --bucket',
    ],
    // Neither a password nor what a shell would run.
    ['https://me:secret@s3.example.com', 'aws s3api put-bucket-versioning --endpoint-url URL --bucket'],
    ['https://s3.example.com/$(id)', 'aws s3api put-bucket-versioning --endpoint-url URL --bucket'],
  ])('at %s is put right there', async (endpoint, command) => {
    const differs = { endpoint, onAws: endpoint === undefined, policy: async () => known(undefined) };
    const whole = bucket({
      ...differs,
      versioning: async () => known('never'),
      publicAccessBlock: async () => known(undefined),
      encryption: async () => known(undefined),
      lifecycle: async () => known([{ id: 'x', prefix: '', tagged: false, expires: 'now', moves: [] }]),
    });
    const all = await runChecks(bucketChecks, { port: whole, sse: undefined, lock: undefined });
    expect(all.find(({ id }) => id === 'overwrite')?.fix?.startsWith(command)).toBe(true);
    const calls = all.filter(({ fix }) => fix?.includes('aws s3api'));
    expect(calls).toHaveLength(4);
    const shown = command.replace(/^.*versioning | ?--bucket$/g, '');
    for (const { fix } of calls) expect(fix).toContain(`${shown}${shown && ' '}--bucket acme-backups`);
  });

  it('whose policy asks for encryption does not thereby refuse to overwrite', async () => {
    const deny = (Condition: object, Principal: unknown = '*') => ({
      Effect: 'Deny',
      Principal,
      Action: 's3:PutObject',
      Resource: 'arn:aws:s3:::acme-backups/*',
      Condition,
    });
    const encrypted = deny({ StringNotEquals: { 's3:x-amz-server-side-encryption': 'aws:kms' } });
    // As AWS documents it, with an exception for the pieces of multipart uploads.
    const once = { Null: { 's3:if-none-match': 'true' }, Bool: { 's3:ObjectCreationOperation': 'true' } };
    const odd = deny({ IpAddress: { 'aws:SourceIp': '10.0.0.0/8' } });
    const said = async (...Statement: object[]) =>
      (
        await verdictOf('overwrite', {
          versioning: async () => known('never'),
          policy: async () => known({ Statement }),
        })
      )?.verdict;
    expect(await said(encrypted)).toBe('wrong');
    expect(await said(encrypted, deny(once))).toBe('ok');
    expect(await said(deny(once, { AWS: ROLE }))).toBe('warning');
    expect(await said(odd)).toBe('unknown');
    expect(await said(odd, deny(once))).toBe('ok');
  });

  it.each<[string, string, Partial<BucketPort>, { sse?: string; days?: number }, string]>([
    [
      'no public access block',
      'public-access-block',
      { publicAccessBlock: async () => known(undefined) },
      {},
      'wrong',
    ],
    [
      'one block of four',
      'public-access-block',
      { publicAccessBlock: async () => known({ BlockPublicAcls: true }) },
      {},
      'wrong',
    ],
    [
      'no block, at another service',
      'public-access-block',
      { onAws: false, publicAccessBlock: async () => known(undefined) },
      {},
      'warning',
    ],
    [
      'locks that the bucket cannot make',
      'object-lock',
      { objectLock: async () => known(undefined) },
      { days: 7 },
      'wrong',
    ],
    ['no Object Lock', 'object-lock', { objectLock: async () => known(undefined) }, {}, 'warning'],
    ['Object Lock that locks nothing', 'object-lock', { objectLock: async () => known(null) }, {}, 'warning'],
    [
      'Object Lock by the settings',
      'object-lock',
      { objectLock: async () => known(null) },
      { days: 7 },
      'ok',
    ],
    [
      'encryption that the service ignores',
      'encryption',
      { encryptionOf: async () => known({ algorithm: undefined }) },
      { sse: 'aws:kms' },
      'warning',
    ],
    [
      'SSE-C let in',
      'encryption',
      { encryption: async () => known({ algorithm: 'AES256', blocksCustomerKeys: false }) },
      {},
      'warning',
    ],
    ['no encryption by default', 'encryption', { encryption: async () => known(undefined) }, {}, 'warning'],
    ['plain HTTP let in', 'tls', { policy: async () => known(undefined) }, {}, 'warning'],
    ['plain HTTP in use', 'tls', { endpoint: 'http://s3.example.com' }, {}, 'wrong'],
    ['plain HTTP on this machine', 'tls', { endpoint: 'http://127.0.0.1:7480' }, {}, 'warning'],
    [
      'plain HTTP at a host that only begins so',
      'tls',
      { endpoint: 'http://localhost.example.com' },
      {},
      'wrong',
    ],
    ['a clock that is a little off', 'clock', { clockAhead: async () => known(-120_000) }, {}, 'warning'],
    ['a clock that is off', 'clock', { clockAhead: async () => known(3_600_000) }, {}, 'wrong'],
  ])('with %s', async (_, id, differs, asked, verdict) => {
    const found = await verdictOf(id, differs, asked);
    expect(found).toMatchObject({ verdict });
    expect(found?.fix === undefined).toBe(verdict === 'ok');
  });

  it('whose policy denies deletion must deny what deletes as well, to the same roles', async () => {
    const deny = (Principal: unknown, ...Action: string[]) => ({
      Effect: 'Deny',
      Principal,
      Action,
      Resource: '*',
    });
    const said = async (...Statement: object[]) =>
      await verdictOf('guards', { policy: async () => known({ Statement }) });
    const [both, role] = [['s3:PutLifecycleConfiguration', 's3:PutBucketVersioning'], { AWS: ROLE }];
    expect(await said(deny('*', 's3:DeleteObject'))).toMatchObject({ verdict: 'wrong' });
    expect(await said(deny('*', 's3:DeleteObject*', both[0]!))).toMatchObject({
      verdict: 'wrong',
      message: expect.not.stringContaining('PutLifecycleConfiguration'),
    });
    expect(await said(deny('*', 's3:DeleteObject'), deny(role, ...both))).toMatchObject({ verdict: 'wrong' });
    expect(await said(deny(role, 's3:DeleteObject'), deny(role, ...both))).toMatchObject({ verdict: 'ok' });
    expect(await said(deny('*', 's3:*'))).toMatchObject({ verdict: 'ok' });
    expect(await said(deny('*', 's3:PutObject'))).toMatchObject({ verdict: 'ok' });
    expect(await said()).toMatchObject({ verdict: 'ok' });
  });
});

describe('a role', () => {
  it.each<[(typeof ROLES)[number], Record<string, string>]>([
    ['backup', { list: 'wrong', read: 'wrong', delete: 'wrong', create: 'unknown', policy: 'wrong' }],
    ['verify', { list: 'ok', read: 'ok', delete: 'wrong', create: 'ok', policy: 'wrong' }],
    ['restore', { list: 'ok', read: 'ok', delete: 'wrong', create: 'ok', policy: 'wrong' }],
    ['drill', { list: 'ok', read: 'ok', delete: 'wrong', create: 'unknown', policy: 'wrong' }],
    ['prune', { list: 'ok', read: 'ok', delete: 'ok', create: 'unknown', policy: 'wrong' }],
  ])('%s that may do everything', async (role, expected) => {
    const found = await runChecks(roleChecks, { port: bucket({ may: async () => known('allowed') }), role });
    expect(Object.fromEntries(found.map(({ id, verdict }) => [id.replace('role-', ''), verdict]))).toEqual(
      expected,
    );
  });

  it('that may do nothing cannot do the work of a reader', async () => {
    for (const role of ROLES) {
      const found = await runChecks(roleChecks, { port: bucket(), role });
      const wrong = found.filter(({ verdict }) => verdict === 'wrong').map(({ id }) => id);
      const missed =
        role === 'prune' ? ['role-list', 'role-read', 'role-delete'] : ['role-list', 'role-read'];
      expect([role, wrong]).toEqual([role, role === 'backup' ? [] : missed]);
    }
  });
});

describe('the keys of a vault', () => {
  const slot = (name: string, arn?: string) => ({
    name,
    method: arn ? ('kms' as const) : ('age' as const),
    object: `keys/1/${name}`,
    size: 1,
    sha256: '',
    added: '',
    by: '',
    ...(arn === undefined ? {} : { arn }),
  });
  const at = (account: string, id = '1') => `arn:aws:kms:eu-central-1:${account}:key/${id}`;

  it.each<[string, ReturnType<typeof slot>[], string]>([
    ['one alone', [slot('a')], 'warning'],
    ['two in one account', [slot('a', at('111122223333')), slot('b', at('111122223333', '2'))], 'warning'],
    ['two in two accounts', [slot('a', at('111122223333')), slot('b', at('444455556666'))], 'ok'],
    ['one in an account and one apart', [slot('a', at('111122223333')), slot('b')], 'ok'],
  ])('%s', async (_, slots, verdict) => {
    expect(await waysIn.run({ slots })).toMatchObject({ verdict });
  });

  it('are not all that opens a snapshot while a re-encryption is open', async () => {
    expect(await reencryption.run({ reencrypt: false, generation: 2 })).toMatchObject({ verdict: 'ok' });
    expect(await reencryption.run({ reencrypt: true, generation: 2 })).toMatchObject({
      verdict: 'wrong',
      message: expect.stringContaining('older key than number 2'),
      fix: expect.stringContaining('`strongroom keys rotate --finish`'),
    });
  });

  it('of KMS say when they end, and whether they rotate', async () => {
    const ask = async (arn: string) =>
      known({
        state: arn.endsWith('/gone') ? 'PendingDeletion' : 'Enabled',
        deletion: new Date('2026-12-24T00:00:00Z'),
        rotates: known(arn.endsWith('/fresh')),
      });
    const keys = ['gone', 'fresh', 'stale'].map((id) => ({
      arn: at('111122223333', id),
      use: 'opens the vault',
    }));
    const [gone, fresh, stale] = await kmsChecks(keys, ask);
    expect(gone).toMatchObject({ verdict: 'wrong', message: expect.stringContaining('2026-12-24') });
    expect(fresh).toMatchObject({ verdict: 'ok' });
    expect(stale).toMatchObject({ verdict: 'warning', fix: expect.stringContaining('enable-key-rotation') });
    const [, , elsewhere] = await kmsChecks(keys, ask, 'http://127.0.0.1:4566');
    expect(elsewhere?.fix).toBe(
      `aws kms enable-key-rotation --endpoint-url http://127.0.0.1:4566 --region eu-central-1 --key-id ${keys[2]!.arn}`,
    );
  });
});

describe('backups from this machine', () => {
  const key = generateSigningKey();
  const host = { name: 'web-1', key };
  const entry = {
    name: 'web-1',
    key: key.publicKey,
    sets: ['shop', 'db-*'],
    may: ['write'],
    added: '2025-03-01T05:58:12Z',
  };
  const judged = (differs: object, sets: string[] = ['shop'], role?: (typeof ROLES)[number]) =>
    countsOutcome(
      { name: 'acme', object: 'vault/1.json', hosts: [{ ...entry, ...differs }] } as unknown as VaultDocument,
      host,
      sets,
      role,
    );
  const line = (sets: string) => `--approve 'web-1 ${key.publicKey} sets=${sets} may=write `;
  const anew = 'strongroom hosts enroll --new-key';
  const stranger = { name: 'db-1', key: 'ssh-ed25519 other' };

  it('count where it is listed for every set, or for any when none is known', () => {
    expect(judged({}, ['shop', 'db-main'])).toEqual({
      verdict: 'ok',
      message: 'web-1 is listed, and may write shop, db-main',
    });
    expect(judged({}, [])).toEqual({ verdict: 'ok', message: 'web-1 is listed' });
  });

  it.each<[string, object, string[], RegExp, string]>([
    ['a stranger', stranger, ['shop', 'db'], /is not one of its hosts$/, line('shop,db')],
    ['a stranger without sets', stranger, [], /is not one of its hosts$/, line('*')],
    [
      'another under its name',
      { key: 'ssh-ed25519 other' },
      ['shop'],
      /with another key$/,
      'STRONGROOM_HOST',
    ],
    ['removed', { removed: '2025-04-01T00:00:00Z' }, ['shop'], /was removed from its hosts$/, anew],
    ['renamed', { name: 'web-2' }, ['shop'], /is known to it as web-2$/, 'set STRONGROOM_HOST=web-2'],
    ['one that may not write', { may: ['maintain'] }, [], /may not write/, anew],
    ['one of other sets', {}, ['shop', 'mail', 'www'], /set mail; .* set www$/, anew],
  ])('do not count when it is %s', (_, differs, sets, message, fix) => {
    expect(judged(differs, sets)).toEqual({
      verdict: 'wrong',
      message: expect.stringMatching(message),
      fix: expect.stringContaining(fix),
    });
    expect(judged(differs, sets, 'backup').verdict).toBe('wrong');
    expect(judged(differs, sets, 'restore').verdict).toBe('ok');
  });
});

it('a KMS key that only an unproven vault names is not asked', async () => {
  const asked: string[] = [];
  const ask = async (arn: string) => {
    asked.push(arn);
    return unanswered('no');
  };
  const found = await kmsChecks(
    [
      { arn: 'a', use: 'opens the vault', isVouchedFor: false },
      { arn: 'b', use: 'opens the vault', isVouchedFor: true },
    ],
    ask,
  );
  expect(asked).toEqual(['b']);
  expect(found[0]).toMatchObject({ verdict: 'unknown', fix: expect.stringContaining('strongroom trust') });
});
