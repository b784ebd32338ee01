// The least that each role needs, as IAM policies. Pure: what is known of the vault goes in, documents come out.
// Nothing here grants a role a way to change the bucket, and none may bypass a lock.
import {
  bucketArn,
  type Conditions,
  kmsKey,
  longestLock,
  objectArn,
  type Policy,
  type PolicySubject,
  policyOf,
  type Statement,
} from './statement.ts';

export const ROLES = ['backup', 'verify', 'restore', 'drill', 'prune'] as const;
export type Role = (typeof ROLES)[number];

export interface RoleOptions {
  /** The sets that a backup role may write. */
  readonly sets: readonly string[];
  /** A prune role of a versioned bucket: old versions go too. */
  readonly deleteVersions: boolean;
  /** A backup role may hold what it creates; a prune role may also lift holds. */
  readonly hold: boolean;
}

/** The policy of a role on this vault. */
export function rolePolicy(role: Role, subject: PolicySubject, options: RoleOptions): Policy {
  switch (role) {
    case 'backup': {
      const below = options.sets.flatMap((set) => [`data/${set}/*`, `snapshots/${set}/*`]);
      return policyOf([
        ...create(subject, 'CreateSnapshots', below),
        // Only to hold: whoever takes the machine over must not lift what somebody else put there.
        options.hold
          ? hold(subject, 'HoldSnapshots', below, { 's3:object-lock-legal-hold': 'ON' })
          : undefined,
      ]);
    }
    case 'verify':
      return policyOf(read(subject));
    case 'restore':
      return policyOf(open(subject));
    case 'drill':
      return policyOf([...open(subject), ...create(subject, 'CreateEvidence', ['drills/*'])]);
    case 'prune':
      return policyOf([
        ...read(subject),
        ...create(subject, 'CreateLedger', ['ledger/*']),
        remove(subject, options.deleteVersions),
        subject.lock && seeLocks(subject),
        options.hold ? hold(subject, 'HoldAndLift', ['data/*', 'snapshots/*', 'ledger/*']) : undefined,
        never(subject),
      ]);
  }
}

type Some = (Statement | undefined)[];

/** Makes objects that are not there yet. */
function create(subject: PolicySubject, sid: string, below: readonly string[]): Some {
  const { lock, sseKey, onAws } = subject;
  const Resource = below.map((path) => objectArn(subject, path));
  return [
    {
      Sid: sid,
      Effect: 'Allow',
      Action: ['s3:PutObject'],
      Resource,
      // Without it, whoever may put may overwrite: the header is what makes a put a create.
      ...(onAws ? { Condition: { Null: { 's3:if-none-match': 'false' } } } : {}),
    },
    lock && {
      Sid: 'LockWhatIsCreated',
      Effect: 'Allow',
      Action: ['s3:PutObjectRetention'],
      Resource,
      // Unbounded, a stolen host could buy a bucket's owner a hundred years of storage.
      Condition: {
        StringEquals: { 's3:object-lock-mode': lock.mode.toUpperCase() },
        NumericLessThanEquals: { 's3:object-lock-remaining-retention-days': longestLock(lock) },
      },
    },
    sseKey === undefined ? undefined : throughS3(subject, sseKey, 'EncryptThroughS3', 'kms:GenerateDataKey'),
  ];
}

/** Holds, which no time ends. @param only what a hold must be set to */
function hold(
  subject: PolicySubject,
  sid: string,
  below: readonly string[],
  only?: Readonly<Record<string, string>>,
): Statement {
  return {
    Sid: sid,
    Effect: 'Allow',
    Action: ['s3:PutObjectLegalHold'],
    Resource: below.map((path) => objectArn(subject, path)),
    ...(only ? { Condition: { StringEquals: only } } : {}),
  };
}

function read(subject: PolicySubject): Some {
  const { prefix, sseKey } = subject;
  return [
    {
      Sid: 'ListTheVault',
      Effect: 'Allow',
      // Versions: what was overwritten or hidden shows only there.
      Action: ['s3:ListBucket', 's3:ListBucketVersions'],
      Resource: [bucketArn(subject)],
      ...(prefix === '' ? {} : { Condition: { StringLike: { 's3:prefix': `${prefix}*` } } }),
    },
    {
      Sid: 'ReadTheVault',
      Effect: 'Allow',
      // What was hidden is judged by what it was.
      Action: ['s3:GetObject', 's3:GetObjectVersion'],
      Resource: [objectArn(subject, '*')],
    },
    sseKey === undefined ? undefined : throughS3(subject, sseKey, 'DecryptThroughS3', 'kms:Decrypt'),
  ];
}

/** Reads, and opens with the KMS keys that the vault has. */
function open(subject: PolicySubject): Some {
  return [
    ...read(subject),
    ...contextsOf(subject).map(
      ({ keys, context }, i): Statement => ({
        Sid: `OpenTheVault${i === 0 ? '' : i + 1}`,
        Effect: 'Allow',
        Action: ['kms:Decrypt'],
        Resource: keys,
        Condition: exactly(context),
      }),
    ),
  ];
}

function remove(subject: PolicySubject, versions: boolean): Statement {
  return {
    Sid: 'RemoveSnapshots',
    Effect: 'Allow',
    Action: ['s3:DeleteObject', ...(versions ? ['s3:DeleteObjectVersion'] : [])],
    // Never vault/, keys/ or drills/: a vault document is never removed, and without its keys nothing opens.
    Resource: ['data/*', 'snapshots/*', 'ledger/*'].map((below) => objectArn(subject, below)),
  };
}

/** Without it the service says of no object that it is locked. */
function seeLocks(subject: PolicySubject): Statement {
  return {
    Sid: 'SeeLocks',
    Effect: 'Allow',
    Action: ['s3:GetObjectRetention', 's3:GetObjectLegalHold'],
    Resource: [objectArn(subject, '*')],
  };
}

/** Said aloud, so that no other policy of this role can grant it. */
function never(subject: PolicySubject): Statement {
  return {
    Sid: 'NeverAroundALock',
    Effect: 'Deny',
    Action: ['s3:BypassGovernanceRetention'],
    Resource: [objectArn(subject, '*')],
  };
}

/** The use of the service's key, by S3 alone and for this vault alone. */
function throughS3(subject: PolicySubject, key: string, sid: string, action: string): Statement {
  const { partition, region } = kmsKey(key);
  const service = `s3.${region}.amazonaws.com`;
  return {
    Sid: sid,
    Effect: 'Allow',
    Action: [action],
    Resource: [key],
    Condition: {
      StringEquals: { 'kms:ViaService': partition === 'aws-cn' ? [service, `${service}.cn`] : service },
      // S3 names the object, or with a bucket key the bucket.
      StringLike: { 'kms:EncryptionContext:aws:s3:arn': [bucketArn(subject), objectArn(subject, '*')] },
    },
  };
}

/** This context, no more and no less. */
function exactly(context: Readonly<Record<string, string>>): Conditions {
  const names = Object.keys(context);
  return {
    StringEquals: Object.fromEntries(names.map((name) => [`kms:EncryptionContext:${name}`, context[name]!])),
    'ForAllValues:StringEquals': { 'kms:EncryptionContextKeys': names },
  };
}

/** Keys that were told the same stand in one statement. */
function contextsOf({
  unlockKeys,
}: PolicySubject): { keys: string[]; context: Readonly<Record<string, string>> }[] {
  const found = new Map<string, { keys: string[]; context: Readonly<Record<string, string>> }>();
  for (const { arn, context } of unlockKeys) {
    kmsKey(arn);
    const text = JSON.stringify(Object.entries(context).sort());
    const same = found.get(text) ?? { keys: [], context };
    if (!same.keys.includes(arn)) same.keys.push(arn);
    found.set(text, same);
  }
  return [...found.values()];
}
