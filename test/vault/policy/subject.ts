// A vault in a bucket with everything that a policy can speak of, for the tests of policies.
import type { PolicySubject } from '../../../src/vault/policy/statement.ts';

export const SSE_KEY = 'arn:aws:kms:eu-central-1:111122223333:key/0a1b2c3d-0000-4000-8000-000000000001';
export const UNLOCK_KEY = 'arn:aws:kms:eu-central-1:111122223333:key/mrk-00000000000000000000000000000002';
export const ROLE = 'arn:aws:iam::111122223333:role/backup';

/** Plain: no encryption by KMS, no lock, no KMS key that opens it. */
export const plain: PolicySubject = {
  bucket: 'acme-backups',
  prefix: 'shop/',
  partition: 'aws',
  sseKey: undefined,
  lock: undefined,
  unlockKeys: [],
  onAws: true,
};

export const full: PolicySubject = {
  ...plain,
  sseKey: SSE_KEY,
  lock: { mode: 'governance', days: 30 },
  unlockKeys: [{ arn: UNLOCK_KEY, context: { vault: '0123456789abcdefghjkmnpqrs', generation: '1' } }],
};
