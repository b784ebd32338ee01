// The policy of the bucket itself: what nobody may do there, whatever their own policies say. It grants nothing.
import {
  bucketArn,
  checkPrincipal,
  longestLock,
  objectArn,
  type Policy,
  type PolicySubject,
  policyOf,
} from './statement.ts';

/**
 * Calls that would undo what the rest of the policy guards. To deny deletion alone is not enough: a lifecycle rule
 * deletes just as well, and a bucket without versions or without this policy keeps nothing.
 */
export const GUARDS = [
  's3:PutLifecycleConfiguration',
  's3:PutBucketVersioning',
  's3:PutBucketPolicy',
  's3:DeleteBucketPolicy',
  's3:PutBucketObjectLockConfiguration',
  's3:PutBucketPublicAccessBlock',
  's3:PutBucketAcl',
  's3:PutBucketOwnershipControls',
  's3:PutEncryptionConfiguration',
  's3:PutReplicationConfiguration',
  's3:DeleteBucket',
] as const;

/** Of other services, which call some of them otherwise and refuse a policy with a name that they do not know. */
const GUARDS_ELSEWHERE = ['s3:Put*', 's3:DeleteBucket*'] as const;

const REMOVALS = [
  's3:DeleteObject',
  's3:DeleteObjectVersion',
  's3:BypassGovernanceRetention',
  's3:PutObjectAcl',
] as const;

/** Both lock: a put may say for how long. */
const LOCKING = ['s3:PutObject', 's3:PutObjectRetention'] as const;

/**
 * @param backupRoles ARNs of the roles that only create
 * @throws UsageError `bad-arn`
 */
export function bucketPolicy(subject: PolicySubject, backupRoles: readonly string[]): Policy {
  const { lock, onAws } = subject;
  const everything = [bucketArn(subject), `${bucketArn(subject)}/*`];
  const vault = [objectArn(subject, '*')];
  const roles = { AWS: backupRoles.map(checkPrincipal) };
  return policyOf([
    {
      Sid: 'OverTlsOnly',
      Effect: 'Deny',
      Principal: '*',
      Action: ['s3:*'],
      Resource: everything,
      Condition: { Bool: { 'aws:SecureTransport': 'false' } },
    },
    // Without an exception for multipart uploads: strongroom makes none, and one could overwrite.
    onAws
      ? {
          Sid: 'CreateOnly',
          Effect: 'Deny',
          Principal: '*',
          Action: ['s3:PutObject'],
          Resource: vault,
          Condition: { Null: { 's3:if-none-match': 'true' } },
        }
      : undefined,
    lock && {
      Sid: 'NoLongerLock',
      Effect: 'Deny',
      Principal: '*',
      Action: LOCKING,
      Resource: vault,
      Condition: {
        NumericGreaterThan: { 's3:object-lock-remaining-retention-days': longestLock(lock) },
      },
    },
    lock?.mode === 'governance'
      ? {
          Sid: 'NoStricterLock',
          Effect: 'Deny',
          Principal: '*',
          Action: LOCKING,
          Resource: vault,
          Condition: { StringEquals: { 's3:object-lock-mode': 'COMPLIANCE' } },
        }
      : undefined,
    backupRoles.length > 0
      ? {
          Sid: 'BackupChangesNoGuard',
          Effect: 'Deny',
          Principal: roles,
          // About the bucket alone, so that objects may still be put.
          Action: onAws ? GUARDS : GUARDS_ELSEWHERE,
          Resource: [bucketArn(subject)],
        }
      : undefined,
    backupRoles.length > 0
      ? {
          Sid: 'BackupRemovesNothing',
          Effect: 'Deny',
          Principal: roles,
          Action: [...REMOVALS],
          Resource: [`${bucketArn(subject)}/*`],
        }
      : undefined,
  ]);
}
