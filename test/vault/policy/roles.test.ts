import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { bucketPolicy } from '../../../src/vault/policy/bucket-policy.ts';
import { evaluate, type PolicyRequest } from '../../../src/vault/policy/evaluate.ts';
import { ROLES, type Role, rolePolicy } from '../../../src/vault/policy/roles.ts';
import type { PolicySubject } from '../../../src/vault/policy/statement.ts';
import { REAL_ACTIONS, REAL_CONDITIONS } from './actions.ts';
import { full, plain, ROLE, SSE_KEY, UNLOCK_KEY } from './subject.ts';

const options = { sets: ['app', 'db'], deleteVersions: false, hold: false };
const of = (role: Role, subject: PolicySubject = full, deleteVersions = false) =>
  rolePolicy(role, subject, { ...options, deleteVersions });

type Context = PolicyRequest['context'];
const may = (policy: unknown, action: string, resource: string, context: Context = {}) => {
  const { allowed, denied, unsure } = evaluate(policy, { action, resource, context });
  expect(unsure).toBe(false);
  return allowed && !denied;
};
const at = (name: string) => `arn:aws:s3:::acme-backups/${name}`;
const created = { 's3:if-none-match': '*' };
const lock = (mode: string, days: number) => ({
  's3:object-lock-mode': mode,
  's3:object-lock-remaining-retention-days': String(days),
});

const OBJECTS = {
  part: 'shop/data/app/20261120T055812Z-7k3f9q/1-0123456789/files.tar.gz.age.00000',
  record: 'shop/snapshots/app/20261120T055812Z-7k3f9q.json',
  'another set': 'shop/snapshots/other/20261120T055812Z-7k3f9q.json',
  'a set whose name begins so': 'shop/snapshots/app2/20261120T055812Z-7k3f9q.json',
  'vault document': 'shop/vault/2.json',
  key: 'shop/keys/1/age-0123456789.age',
  recovery: 'shop/RECOVERY.md',
  ledger: 'shop/ledger/20261120T055812Z-7k3f9q.json',
  drill: 'shop/drills/20261120T055812Z-7k3f9q.json',
  'another vault': 'shop2/snapshots/app/20261120T055812Z-7k3f9q.json',
} as const;

/** Who may do what to which object, by the table of verbs and what they need. */
const MAY: Readonly<Record<Role, Readonly<Record<string, readonly (keyof typeof OBJECTS)[]>>>> = {
  backup: { 's3:PutObject': ['part', 'record'] },
  verify: { 's3:GetObject': everythingOfTheVault(), 's3:GetObjectVersion': everythingOfTheVault() },
  restore: { 's3:GetObject': everythingOfTheVault(), 's3:GetObjectVersion': everythingOfTheVault() },
  drill: {
    's3:GetObject': everythingOfTheVault(),
    's3:GetObjectVersion': everythingOfTheVault(),
    's3:PutObject': ['drill'],
  },
  prune: {
    's3:GetObject': everythingOfTheVault(),
    's3:GetObjectVersion': everythingOfTheVault(),
    's3:PutObject': ['ledger'],
    's3:DeleteObject': ['part', 'record', 'another set', 'a set whose name begins so', 'ledger'],
  },
};

function everythingOfTheVault(): (keyof typeof OBJECTS)[] {
  return (Object.keys(OBJECTS) as (keyof typeof OBJECTS)[]).filter((name) => name !== 'another vault');
}

describe.each(ROLES)('the policy of %s', (role) => {
  it('allows on each object what the role needs, and no other action on any', () => {
    for (const subject of [plain, full]) {
      const policy = of(role, subject);
      for (const action of REAL_ACTIONS) {
        if (/^s3:...Object(?:Retention|LegalHold)$|^kms:/.test(action)) continue;
        const objects = Object.entries(OBJECTS).filter(([, name]) => may(policy, action, at(name), created));
        expect([action, objects.map(([what]) => what)]).toEqual([action, [...(MAY[role][action] ?? [])]]);
      }
    }
  });

  it('changes nothing about the bucket, and lists the vault alone, if it may read', () => {
    const policy = of(role);
    const bucket = 'arn:aws:s3:::acme-backups';
    const inVault = { 's3:prefix': 'shop/vault/' };
    const allowed = [...REAL_ACTIONS].filter((action) => may(policy, action, bucket, inVault));
    expect(allowed).toEqual(role === 'backup' ? [] : ['s3:ListBucket', 's3:ListBucketVersions']);
    const others: Context[] = [{}, { 's3:prefix': '' }, { 's3:prefix': 'shop' }, { 's3:prefix': 'shop2/' }];
    for (const context of others) {
      expect(may(policy, 's3:ListBucket', bucket, context)).toBe(false);
    }
  });

  it('creates, and never overwrites', () => {
    const [name] = MAY[role]['s3:PutObject'] ?? [];
    if (name === undefined) return expect(JSON.stringify(of(role))).not.toContain('PutObject');
    expect(may(of(role), 's3:PutObject', at(OBJECTS[name]), created)).toBe(true);
    return expect(may(of(role), 's3:PutObject', at(OBJECTS[name]))).toBe(false);
  });

  it('locks what it creates as configured, no longer, no stricter, and not at all where nothing is', () => {
    const [name] = MAY[role]['s3:PutObject'] ?? [];
    const object = at(OBJECTS[name ?? 'part']);
    const locks = (policy: unknown, mode: string, days: number) =>
      may(policy, 's3:PutObjectRetention', object, lock(mode, days));
    expect(locks(of(role), 'GOVERNANCE', 30)).toBe(name !== undefined);
    expect(locks(of(role), 'GOVERNANCE', 32)).toBe(false);
    expect(locks(of(role), 'COMPLIANCE', 30)).toBe(false);
    expect(may(of(role), 's3:PutObjectRetention', object)).toBe(false);
    expect(locks(of(role, plain), 'GOVERNANCE', 1)).toBe(false);
  });

  it('uses the key of the service through S3 alone, for this vault alone, and only as far as it must', () => {
    const viaS3 = {
      'kms:viaservice': 's3.eu-central-1.amazonaws.com',
      'kms:encryptioncontext:aws:s3:arn': at(OBJECTS.part),
    };
    const uses = (context: Context) =>
      [...REAL_ACTIONS].filter((a) => a.startsWith('kms:') && may(of(role), a, SSE_KEY, context));
    const expected = [
      ...(role === 'backup' ? [] : ['kms:Decrypt']),
      ...(MAY[role]['s3:PutObject'] ? ['kms:GenerateDataKey'] : []),
    ];
    expect(uses(viaS3)).toEqual(expected);
    expect(uses({ ...viaS3, 'kms:encryptioncontext:aws:s3:arn': 'arn:aws:s3:::acme-backups' })).toEqual(
      expected,
    );
    expect(uses({ ...viaS3, 'kms:encryptioncontext:aws:s3:arn': at(OBJECTS['another vault']) })).toEqual([]);
    expect(uses({ ...viaS3, 'kms:viaservice': 's3.us-east-1.amazonaws.com' })).toEqual([]);
    expect(uses({})).toEqual([]);
  });

  it('opens the vault only where that is its work, and only with what this vault was told', () => {
    const told = {
      'kms:encryptioncontext:vault': '0123456789abcdefghjkmnpqrs',
      'kms:encryptioncontext:generation': '1',
      'kms:encryptioncontextkeys': ['vault', 'generation'],
    };
    const opens = role === 'restore' || role === 'drill';
    const uses = (context: Context) =>
      [...REAL_ACTIONS].filter((a) => a.startsWith('kms:') && may(of(role), a, UNLOCK_KEY, context));
    expect(uses(told)).toEqual(opens ? ['kms:Decrypt'] : []);
    expect(uses({ ...told, 'kms:encryptioncontext:generation': '2' })).toEqual([]);
    expect(uses({ ...told, 'kms:encryptioncontextkeys': ['vault', 'generation', 'more'] })).toEqual([]);
    expect(uses({})).toEqual([]);
  });

  it('names no action and no condition that there is not, and no star but at an end', () => {
    const holding = rolePolicy(role, full, { ...options, hold: true });
    for (const policy of [of(role), of(role, plain), of(role, full, true), holding]) {
      const { Statement } = policy;
      expect(Statement.flatMap(({ Action }) => Action).filter((a) => !REAL_ACTIONS.has(a))).toEqual([]);
      const keys = Statement.flatMap(({ Condition = {} }) => Object.values(Condition).flatMap(Object.keys));
      expect(keys.filter((key) => !REAL_CONDITIONS.some((real) => real.test(key)))).toEqual([]);
      expect(Statement.flatMap(({ Resource }) => Resource).filter((r) => /\*./.test(r) || r === '*')).toEqual(
        [],
      );
      const sids = Statement.map(({ Sid }) => Sid);
      expect(new Set(sids).size).toBe(sids.length);
      expect(sids.filter((sid) => !/^[A-Za-z0-9]+$/.test(sid))).toEqual([]);
    }
  });
});

describe('locks', () => {
  it.each(ROLES)('are seen by %s if it is what removes, and where there are any', (role) => {
    const sees = (subject: PolicySubject) =>
      ['s3:GetObjectRetention', 's3:GetObjectLegalHold'].map((action) =>
        may(of(role, subject), action, at(OBJECTS.part)),
      );
    expect([sees(full), sees(plain)]).toEqual([Array(2).fill(role === 'prune'), [false, false]]);
  });
});

describe('holds', () => {
  const status = (to: string) => ({ 's3:object-lock-legal-hold': to });
  const held = (role: Role, object: keyof typeof OBJECTS, to: string, hold = true) =>
    may(
      rolePolicy(role, full, { ...options, hold }),
      's3:PutObjectLegalHold',
      at(OBJECTS[object]),
      status(to),
    );

  it.each(ROLES)('are no affair of %s unless it is asked for', (role) => {
    expect([held(role, 'record', 'ON', false), held(role, 'record', 'OFF', false)]).toEqual([false, false]);
  });

  it('are put by a backup role on its own sets, and never lifted', () => {
    expect([held('backup', 'record', 'ON'), held('backup', 'part', 'ON')]).toEqual([true, true]);
    expect([held('backup', 'record', 'OFF'), held('backup', 'another set', 'ON')]).toEqual([false, false]);
    expect(held('backup', 'vault document', 'ON')).toBe(false);
  });

  it('are put and lifted by a prune role, on snapshots and what is written of them alone', () => {
    expect([held('prune', 'another set', 'ON'), held('prune', 'part', 'OFF')]).toEqual([true, true]);
    expect(held('prune', 'ledger', 'OFF')).toBe(true);
    expect([held('prune', 'vault document', 'ON'), held('prune', 'another vault', 'OFF')]).toEqual([
      false,
      false,
    ]);
  });
});

describe('the policy of backup', () => {
  it('reads like this', () => {
    expect(rolePolicy('backup', full, { ...options, sets: ['app'] })).toMatchInlineSnapshot(`
      {
        "Statement": [
          {
            "Action": [
              "s3:PutObject",
            ],
            "Condition": {
              "Null": {
                "s3:if-none-match": "false",
              },
            },
            "Effect": "Allow",
            "Resource": [
              "arn:aws:s3:::acme-backups/shop/data/app/*",
              "arn:aws:s3:::acme-backups/shop/snapshots/app/*",
            ],
            "Sid": "CreateSnapshots",
          },
          {
            "Action": [
              "s3:PutObjectRetention",
            ],
            "Condition": {
              "NumericLessThanEquals": {
                "s3:object-lock-remaining-retention-days": "31",
              },
              "StringEquals": {
                "s3:object-lock-mode": "GOVERNANCE",
              },
            },
            "Effect": "Allow",
            "Resource": [
              "arn:aws:s3:::acme-backups/shop/data/app/*",
              "arn:aws:s3:::acme-backups/shop/snapshots/app/*",
            ],
            "Sid": "LockWhatIsCreated",
          },
          {
            "Action": [
              "kms:GenerateDataKey",
            ],
            "Condition": {
              "StringEquals": {
                "kms:ViaService": "s3.eu-central-1.amazonaws.com",
              },
              "StringLike": {
                "kms:EncryptionContext:aws:s3:arn": [
                  "arn:aws:s3:::acme-backups",
                  "arn:aws:s3:::acme-backups/shop/*",
                ],
              },
            },
            "Effect": "Allow",
            "Resource": [
              "arn:aws:kms:eu-central-1:111122223333:key/0a1b2c3d-0000-4000-8000-000000000001",
            ],
            "Sid": "EncryptThroughS3",
          },
        ],
        "Version": "2012-10-17",
      }
    `);
  });

  it('reaches its own sets alone, whatever they and the prefix are called', () => {
    const name = fc.stringMatching(/^[a-z0-9][a-z0-9._-]{0,12}$/);
    fc.assert(
      fc.property(
        fc.uniqueArray(name, { minLength: 2, maxLength: 5 }),
        name,
        ([first = '', ...others], prefix) => {
          const subject = { ...plain, prefix: `${prefix}/` };
          const policy = rolePolicy('backup', subject, { ...options, sets: [first] });
          const puts = (set: string, below: string) =>
            may(policy, 's3:PutObject', at(`${prefix}/${below}/${set}/x`), created);
          expect([puts(first, 'data'), puts(first, 'snapshots')]).toEqual([true, true]);
          for (const other of others)
            expect([puts(other, 'data'), puts(other, 'snapshots')]).toEqual([false, false]);
        },
      ),
    );
  });

  it('asks for no condition that another service than AWS would not know', () => {
    expect(JSON.stringify(of('backup', { ...plain, onAws: false }))).not.toContain('Condition');
  });
});

describe('the policy of prune', () => {
  it('reads like this', () => {
    expect(of('prune', plain)).toMatchInlineSnapshot(`
      {
        "Statement": [
          {
            "Action": [
              "s3:ListBucket",
              "s3:ListBucketVersions",
            ],
            "Condition": {
              "StringLike": {
                "s3:prefix": "shop/*",
              },
            },
            "Effect": "Allow",
            "Resource": [
              "arn:aws:s3:::acme-backups",
            ],
            "Sid": "ListTheVault",
          },
          {
            "Action": [
              "s3:GetObject",
              "s3:GetObjectVersion",
            ],
            "Effect": "Allow",
            "Resource": [
              "arn:aws:s3:::acme-backups/shop/*",
            ],
            "Sid": "ReadTheVault",
          },
          {
            "Action": [
              "s3:PutObject",
            ],
            "Condition": {
              "Null": {
                "s3:if-none-match": "false",
              },
            },
            "Effect": "Allow",
            "Resource": [
              "arn:aws:s3:::acme-backups/shop/ledger/*",
            ],
            "Sid": "CreateLedger",
          },
          {
            "Action": [
              "s3:DeleteObject",
            ],
            "Effect": "Allow",
            "Resource": [
              "arn:aws:s3:::acme-backups/shop/data/*",
              "arn:aws:s3:::acme-backups/shop/snapshots/*",
              "arn:aws:s3:::acme-backups/shop/ledger/*",
            ],
            "Sid": "RemoveSnapshots",
          },
          {
            "Action": [
              "s3:BypassGovernanceRetention",
            ],
            "Effect": "Deny",
            "Resource": [
              "arn:aws:s3:::acme-backups/shop/*",
            ],
            "Sid": "NeverAroundALock",
          },
        ],
        "Version": "2012-10-17",
      }
    `);
  });

  it('deletes old versions only when told to, and never goes round a lock, whatever else it may', () => {
    expect(may(of('prune'), 's3:DeleteObjectVersion', at(OBJECTS.part))).toBe(false);
    expect(may(of('prune', full, true), 's3:DeleteObjectVersion', at(OBJECTS.part))).toBe(true);
    const { Statement } = of('prune');
    const broad = { Statement: [...Statement, { Effect: 'Allow', Action: 's3:*', Resource: '*' }] };
    expect(may(broad, 's3:BypassGovernanceRetention', at(OBJECTS.part))).toBe(false);
  });
});

describe('the policies of verify, restore and drill', () => {
  it('read like this', () => {
    expect(of('verify', plain)).toMatchInlineSnapshot(`
      {
        "Statement": [
          {
            "Action": [
              "s3:ListBucket",
              "s3:ListBucketVersions",
            ],
            "Condition": {
              "StringLike": {
                "s3:prefix": "shop/*",
              },
            },
            "Effect": "Allow",
            "Resource": [
              "arn:aws:s3:::acme-backups",
            ],
            "Sid": "ListTheVault",
          },
          {
            "Action": [
              "s3:GetObject",
              "s3:GetObjectVersion",
            ],
            "Effect": "Allow",
            "Resource": [
              "arn:aws:s3:::acme-backups/shop/*",
            ],
            "Sid": "ReadTheVault",
          },
        ],
        "Version": "2012-10-17",
      }
    `);
    expect(of('drill')).toMatchInlineSnapshot(`
      {
        "Statement": [
          {
            "Action": [
              "s3:ListBucket",
              "s3:ListBucketVersions",
            ],
            "Condition": {
              "StringLike": {
                "s3:prefix": "shop/*",
              },
            },
            "Effect": "Allow",
            "Resource": [
              "arn:aws:s3:::acme-backups",
            ],
            "Sid": "ListTheVault",
          },
          {
            "Action": [
              "s3:GetObject",
              "s3:GetObjectVersion",
            ],
            "Effect": "Allow",
            "Resource": [
              "arn:aws:s3:::acme-backups/shop/*",
            ],
            "Sid": "ReadTheVault",
          },
          {
            "Action": [
              "kms:Decrypt",
            ],
            "Condition": {
              "StringEquals": {
                "kms:ViaService": "s3.eu-central-1.amazonaws.com",
              },
              "StringLike": {
                "kms:EncryptionContext:aws:s3:arn": [
                  "arn:aws:s3:::acme-backups",
                  "arn:aws:s3:::acme-backups/shop/*",
                ],
              },
            },
            "Effect": "Allow",
            "Resource": [
              "arn:aws:kms:eu-central-1:111122223333:key/0a1b2c3d-0000-4000-8000-000000000001",
            ],
            "Sid": "DecryptThroughS3",
          },
          {
            "Action": [
              "kms:Decrypt",
            ],
            "Condition": {
              "ForAllValues:StringEquals": {
                "kms:EncryptionContextKeys": [
                  "vault",
                  "generation",
                ],
              },
              "StringEquals": {
                "kms:EncryptionContext:generation": "1",
                "kms:EncryptionContext:vault": "0123456789abcdefghjkmnpqrs",
              },
            },
            "Effect": "Allow",
            "Resource": [
              "arn:aws:kms:eu-central-1:111122223333:key/mrk-00000000000000000000000000000002",
            ],
            "Sid": "OpenTheVault",
          },
          {
            "Action": [
              "s3:PutObject",
            ],
            "Condition": {
              "Null": {
                "s3:if-none-match": "false",
              },
            },
            "Effect": "Allow",
            "Resource": [
              "arn:aws:s3:::acme-backups/shop/drills/*",
            ],
            "Sid": "CreateEvidence",
          },
          {
            "Action": [
              "s3:PutObjectRetention",
            ],
            "Condition": {
              "NumericLessThanEquals": {
                "s3:object-lock-remaining-retention-days": "31",
              },
              "StringEquals": {
                "s3:object-lock-mode": "GOVERNANCE",
              },
            },
            "Effect": "Allow",
            "Resource": [
              "arn:aws:s3:::acme-backups/shop/drills/*",
            ],
            "Sid": "LockWhatIsCreated",
          },
          {
            "Action": [
              "kms:GenerateDataKey",
            ],
            "Condition": {
              "StringEquals": {
                "kms:ViaService": "s3.eu-central-1.amazonaws.com",
              },
              "StringLike": {
                "kms:EncryptionContext:aws:s3:arn": [
                  "arn:aws:s3:::acme-backups",
                  "arn:aws:s3:::acme-backups/shop/*",
                ],
              },
            },
            "Effect": "Allow",
            "Resource": [
              "arn:aws:kms:eu-central-1:111122223333:key/0a1b2c3d-0000-4000-8000-000000000001",
            ],
            "Sid": "EncryptThroughS3",
          },
        ],
        "Version": "2012-10-17",
      }
    `);
  });

  it('need no condition on lists where the vault has the bucket to itself', () => {
    const policy = of('verify', { ...plain, prefix: '' });
    expect(may(policy, 's3:ListBucket', 'arn:aws:s3:::acme-backups')).toBe(true);
  });

  it('speak of China and GovCloud in their own names', () => {
    const key = SSE_KEY.replace('arn:aws:', 'arn:aws-cn:').replace('eu-central-1', 'cn-north-1');
    const policy = of('verify', { ...full, partition: 'aws-cn', sseKey: key });
    const text = JSON.stringify(policy);
    expect(text).toContain('"arn:aws-cn:s3:::acme-backups/shop/*"');
    expect(text).toContain('["s3.cn-north-1.amazonaws.com","s3.cn-north-1.amazonaws.com.cn"]');
    expect(text).not.toContain('arn:aws:');
  });

  it('say of keys that were told different things what each was told', () => {
    const other = { arn: UNLOCK_KEY, context: { vault: 'v', generation: '2' } };
    const policy = of('restore', { ...full, unlockKeys: [...full.unlockKeys, other, other] });
    const opening = policy.Statement.filter(({ Sid }) => Sid.startsWith('OpenTheVault'));
    expect(opening.map(({ Sid, Resource }) => [Sid, Resource])).toEqual([
      ['OpenTheVault', [UNLOCK_KEY]],
      ['OpenTheVault2', [UNLOCK_KEY]],
    ]);
  });

  it.each(['alias/vault', 'arn:aws:kms:eu-central-1:111122223333:alias/vault', `${UNLOCK_KEY}\${x}`, '*'])(
    'refuse a KMS key that is no ARN of one: %s',
    (arn) => {
      expect(() => of('restore', { ...full, unlockKeys: [{ arn, context: {} }] })).toThrowError(
        expect.objectContaining({ code: 'bad-arn', exitCode: 2 }),
      );
    },
  );
});

describe('the policy of the bucket', () => {
  const bucket = 'arn:aws:s3:::acme-backups';
  const denies = (
    policy: unknown,
    action: string,
    resource: string,
    context: Context = {},
    principal?: string,
  ) => {
    const whole = { 'aws:securetransport': 'true', ...context };
    const verdict = evaluate(policy, {
      action,
      resource,
      context: whole,
      ...(principal ? { principal } : {}),
    });
    expect([verdict.unsure, verdict.allowed]).toEqual([false, false]);
    return verdict.denied;
  };

  it('reads like this', () => {
    expect(bucketPolicy(full, [ROLE])).toMatchInlineSnapshot(`
      {
        "Statement": [
          {
            "Action": [
              "s3:*",
            ],
            "Condition": {
              "Bool": {
                "aws:SecureTransport": "false",
              },
            },
            "Effect": "Deny",
            "Principal": "*",
            "Resource": [
              "arn:aws:s3:::acme-backups",
              "arn:aws:s3:::acme-backups/*",
            ],
            "Sid": "OverTlsOnly",
          },
          {
            "Action": [
              "s3:PutObject",
            ],
            "Condition": {
              "Null": {
                "s3:if-none-match": "true",
              },
            },
            "Effect": "Deny",
            "Principal": "*",
            "Resource": [
              "arn:aws:s3:::acme-backups/shop/*",
            ],
            "Sid": "CreateOnly",
          },
          {
            "Action": [
              "s3:PutObject",
              "s3:PutObjectRetention",
            ],
            "Condition": {
              "NumericGreaterThan": {
                "s3:object-lock-remaining-retention-days": "31",
              },
            },
            "Effect": "Deny",
            "Principal": "*",
            "Resource": [
              "arn:aws:s3:::acme-backups/shop/*",
            ],
            "Sid": "NoLongerLock",
          },
          {
            "Action": [
              "s3:PutObject",
              "s3:PutObjectRetention",
            ],
            "Condition": {
              "StringEquals": {
                "s3:object-lock-mode": "COMPLIANCE",
              },
            },
            "Effect": "Deny",
            "Principal": "*",
            "Resource": [
              "arn:aws:s3:::acme-backups/shop/*",
            ],
            "Sid": "NoStricterLock",
          },
          {
            "Action": [
              "s3:PutLifecycleConfiguration",
              "s3:PutBucketVersioning",
              "s3:PutBucketPolicy",
              "s3:DeleteBucketPolicy",
              "s3:PutBucketObjectLockConfiguration",
              "s3:PutBucketPublicAccessBlock",
              "s3:PutBucketAcl",
              "s3:PutBucketOwnershipControls",
              "s3:PutEncryptionConfiguration",
              "s3:PutReplicationConfiguration",
              "s3:DeleteBucket",
            ],
            "Effect": "Deny",
            "Principal": {
              "AWS": [
                "arn:aws:iam::111122223333:role/backup",
              ],
            },
            "Resource": [
              "arn:aws:s3:::acme-backups",
            ],
            "Sid": "BackupChangesNoGuard",
          },
          {
            "Action": [
              "s3:DeleteObject",
              "s3:DeleteObjectVersion",
              "s3:BypassGovernanceRetention",
              "s3:PutObjectAcl",
            ],
            "Effect": "Deny",
            "Principal": {
              "AWS": [
                "arn:aws:iam::111122223333:role/backup",
              ],
            },
            "Resource": [
              "arn:aws:s3:::acme-backups/*",
            ],
            "Sid": "BackupRemovesNothing",
          },
        ],
        "Version": "2012-10-17",
      }
    `);
  });

  it('refuses what is not over TLS, everywhere in the bucket', () => {
    const policy = bucketPolicy(plain, []);
    for (const action of REAL_ACTIONS) {
      if (!action.startsWith('s3:')) continue;
      const resource = action.includes('Object') ? `${bucket}/anything` : bucket;
      expect([action, denies(policy, action, resource, { 'aws:securetransport': 'false' })]).toEqual([
        action,
        true,
      ]);
    }
    expect(denies(policy, 's3:GetObject', at(OBJECTS.part))).toBe(false);
  });

  it('refuses to overwrite, in the vault', () => {
    const policy = bucketPolicy(plain, []);
    expect(denies(policy, 's3:PutObject', at(OBJECTS['vault document']))).toBe(true);
    expect(denies(policy, 's3:PutObject', at(OBJECTS['vault document']), created)).toBe(false);
    expect(denies(policy, 's3:PutObject', at(OBJECTS['another vault']))).toBe(false);
    expect(denies(bucketPolicy({ ...plain, onAws: false }, []), 's3:PutObject', at(OBJECTS.part))).toBe(
      false,
    );
  });

  it('bounds locks', () => {
    const locks = (policy: unknown, mode: string, days: number) =>
      denies(policy, 's3:PutObjectRetention', at(OBJECTS.part), lock(mode, days));
    expect(locks(bucketPolicy(full, []), 'GOVERNANCE', 30)).toBe(false);
    expect(locks(bucketPolicy(full, []), 'GOVERNANCE', 36_500)).toBe(true);
    const puts = (days: number) =>
      denies(bucketPolicy(full, []), 's3:PutObject', at(OBJECTS.part), {
        ...created,
        ...lock('GOVERNANCE', days),
      });
    expect([puts(30), puts(36_500)]).toEqual([false, true]);
    expect(locks(bucketPolicy(full, []), 'COMPLIANCE', 1)).toBe(true);
    const strict = bucketPolicy({ ...full, lock: { mode: 'compliance', days: 30 } }, []);
    expect(locks(strict, 'COMPLIANCE', 30)).toBe(false);
    expect(locks(strict, 'COMPLIANCE', 36_500)).toBe(true);
  });

  it('keeps a backup role from deleting, by whatever way', () => {
    const policy = bucketPolicy(plain, [ROLE]);
    const ways = ['s3:PutLifecycleConfiguration', 's3:PutBucketVersioning', 's3:PutBucketPolicy'];
    for (const way of ways) {
      expect(denies(policy, way, bucket, {}, ROLE)).toBe(true);
      expect(denies(policy, way, bucket, {}, 'arn:aws:iam::111122223333:role/admin')).toBe(false);
    }
    expect(denies(policy, 's3:DeleteObject', at(OBJECTS.part), {}, ROLE)).toBe(true);
    expect(denies(policy, 's3:PutObject', at(OBJECTS.part), created, ROLE)).toBe(false);
  });

  it('names no action and no condition that there is not', () => {
    const { Statement } = bucketPolicy(full, [ROLE]);
    const actions = Statement.flatMap(({ Action }) => Action).filter((a) => a !== 's3:*');
    expect(actions.filter((a) => !REAL_ACTIONS.has(a))).toEqual([]);
    const keys = Statement.flatMap(({ Condition = {} }) => Object.values(Condition).flatMap(Object.keys));
    expect(keys.filter((key) => !REAL_CONDITIONS.some((real) => real.test(key)))).toEqual([]);
  });

  it.each(['backup', '*', 'arn:aws:iam::1:role/x', 'arn:aws:s3:::bucket', `${ROLE}"`])(
    'refuses %s for a role',
    (arn) => {
      expect(() => bucketPolicy(plain, [arn])).toThrowError(expect.objectContaining({ code: 'bad-arn' }));
    },
  );
});
