// What a policy is made of: IAM's words, ARNs, and what is known of the vault that it is for. Decides nothing.
import { UsageError } from '../../errors.ts';

export type Conditions = Readonly<Record<string, Readonly<Record<string, string | readonly string[]>>>>;

export interface Statement {
  /** Letters and digits. */
  readonly Sid: string;
  readonly Effect: 'Allow' | 'Deny';
  /** Only in the policy of a bucket. */
  readonly Principal?: '*' | { readonly AWS: readonly string[] };
  readonly Action: readonly string[];
  readonly Resource: readonly string[];
  readonly Condition?: Conditions;
}

/** An IAM policy, as its JSON is. */
export interface Policy {
  readonly Version: '2012-10-17';
  readonly Statement: readonly Statement[];
}

/** A KMS key that opens the vault, and what it was told when it wrapped. */
export interface UnlockKey {
  readonly arn: string;
  readonly context: Readonly<Record<string, string>>;
}

/** A vault in a bucket, as far as policies speak of it. */
export interface PolicySubject {
  readonly bucket: string;
  /** Empty, or ends in a slash. */
  readonly prefix: string;
  /** `aws`, `aws-cn`, `aws-us-gov`. */
  readonly partition: string;
  /** ARN of the key that the service encrypts with, where it is one of KMS. */
  readonly sseKey: string | undefined;
  readonly lock: { readonly mode: 'governance' | 'compliance'; readonly days: number } | undefined;
  readonly unlockKeys: readonly UnlockKey[];
  /**
   * AWS itself. Other services know fewer actions, and refuse a policy with one that is new to them; and a condition
   * that they do not know, such as `s3:if-none-match`, would refuse everybody everything.
   */
  readonly onAws: boolean;
}

const KMS_KEY = /^arn:(aws[a-z-]*):kms:([a-z0-9-]+):\d{12}:key\/[A-Za-z0-9-]{1,64}$/;
const PRINCIPAL =
  /^arn:aws[a-z-]*:(?:iam|sts)::(?:\d{12})?:(?:role|user|assumed-role|root)[A-Za-z0-9+=,.@_/-]*$/;

/**
 * The parts of a KMS key's ARN.
 * @throws UsageError `bad-arn` for anything else: a policy takes no alias
 */
export function kmsKey(arn: string): { readonly partition: string; readonly region: string } {
  const [, partition, region] = KMS_KEY.exec(arn) ?? [];
  if (partition !== undefined && region !== undefined) return { partition, region };
  throw new UsageError('bad-arn', 'that is no ARN of a KMS key', {
    hint: 'write arn:aws:kms:REGION:ACCOUNT:key/ID (aws kms describe-key --key-id alias/NAME shows it); IAM knows keys by nothing else',
  });
}

/** @throws UsageError `bad-arn` */
export function checkPrincipal(arn: string): string {
  if (PRINCIPAL.test(arn)) return arn;
  throw new UsageError('bad-arn', 'that is no ARN of a role or a user', {
    hint: 'write arn:aws:iam::ACCOUNT:role/NAME',
  });
}

/** The ARN of the bucket. */
export function bucketArn({ partition, bucket }: PolicySubject): string {
  return `arn:${partition}:s3:::${bucket}`;
}

/** The ARN of what is in the vault. @param below `data/app/*`; `*` is everything */
export function objectArn(subject: PolicySubject, below: string): string {
  return `${bucketArn(subject)}/${subject.prefix}${below}`;
}

export function policyOf(statements: readonly (Statement | undefined)[]): Policy {
  return { Version: '2012-10-17', Statement: statements.filter((s): s is Statement => s !== undefined) };
}

/**
 * The longest that this vault locks anything, in days, for a bound. One more than the setting: the service counts what
 * is left from its own clock, and rounds up.
 */
export function longestLock({ days }: { readonly days: number }): string {
  return String(days + 1);
}
