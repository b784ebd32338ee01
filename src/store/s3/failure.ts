// Owns what a service's refusal means: from errors of the SDK, HTTP and the network to one StoreError that names the
// action, the bucket, the key and the permission that is likely missing. The SDK's own words are never shown: they may
// quote a request.

import { StoreError, StrongroomError } from '../../errors.ts';
import {
  BAD_REPLY_HINT,
  KMS_KEY,
  KMS_REASONS,
  MEANINGS,
  type Meaning,
  NETWORK,
  NO_CREDENTIALS_IN_TIME,
  ownOf,
} from './words.ts';

/** What was asked for. */
export interface Action {
  /** `PutObject` and the like, which is also the name of the permission unless `permission` says otherwise. */
  readonly name: string;
  readonly permission?: string;
  readonly bucket: string;
  /** Key or prefix. */
  readonly key: string;
  /** False when nothing was ever sent. */
  readonly isSent?: boolean;
}

const TRANSIENT_NAMES = new Set([
  'SlowDown',
  'SlowDownRead',
  'SlowDownWrite',
  'Throttling',
  'ThrottlingException',
  'TooManyRequestsException',
  'RequestTimeout',
  'TimeoutError',
  'AbortError',
  'ConditionalRequestConflict',
  'OperationAborted',
]);
// A wrong name stays wrong, and so does a certificate, or a port that speaks no TLS.
const FINAL_NETWORK = /^ENOTFOUND$|CERT|LEAF_SIGNATURE|^ERR_(?:TLS|SSL)_|^EPROTO$/;

// What the SDK calls a refusal that it cannot read.
const NAMELESS = new Set(['Error', 'Unknown', 'UnknownError']);

/** What is known of any error that the SDK throws. */
export function facts(error: unknown): {
  name: string;
  status: number | undefined;
  network: string | undefined;
} {
  const { name, code, $metadata } = (error ?? {}) as {
    name?: unknown;
    code?: unknown;
    $metadata?: { httpStatusCode?: number };
  };
  const status = $metadata?.httpStatusCode;
  const called = typeof name === 'string' ? name : '';
  // A refusal that broke off has a status, and no name but the network's.
  const isNetwork = status === undefined || (NAMELESS.has(called) && /^E[A-Z]+$/.test(String(code)));
  return { name: called, status, network: isNetwork && typeof code === 'string' ? code : undefined };
}

/**
 * Whether the same call may succeed a little later.
 * @param attempt how many there were: the SDK learns the service's time from its first refusal, and signs with that
 */
export function isTransient(error: unknown, attempt = 1): boolean {
  if (error instanceof StrongroomError) return false;
  const { name, status, network } = facts(error);
  if (name === 'RequestTimeTooSkewed') return attempt === 1;
  if (TRANSIENT_NAMES.has(name)) return true;
  if (network !== undefined) return !FINAL_NETWORK.test(network);
  // A refusal that nobody can read: it is asked for again, but a proxy may send such for good.
  if (NAMELESS.has(name) && (status ?? 500) < 500) return attempt <= 3;
  // The service never does that (501), or is full (507): waiting changes neither.
  if (status === 501 || status === 507) return false;
  return status !== undefined && (status >= 500 || status === 429 || status === 408);
}

/**
 * Turns what the SDK threw into a StoreError; our own errors are returned as they are.
 *
 * @param action what was asked for, for the message
 */
export function s3Failure(error: unknown, action: Action): unknown {
  if (error instanceof StrongroomError) return error;
  const { name, status, network } = facts(error);
  const object = `s3://${action.bucket}/${action.key}`;
  const fail = ({ code, reason, hint }: Meaning): StoreError =>
    new StoreError(code, `${action.name} of ${object} failed: ${reason}`, { object, hint, cause: error });

  const kms = /^KMS\.(\w+)/.exec(name)?.[1];
  if (kms)
    return fail({
      code: 'store-denied',
      reason: ownOf(KMS_REASONS, kms) ?? 'its KMS key refused',
      hint: KMS_KEY,
    });
  const meaning = ownOf(MEANINGS, name) ?? ownOf(MEANINGS, `${(error as Error | undefined)?.message}`);
  if (meaning) return fail(meaning);
  if (network !== undefined || name === 'TimeoutError' || name === 'AbortError') {
    const [reason, hint] =
      action.isSent === false
        ? NO_CREDENTIALS_IN_TIME
        : (ownOf(NETWORK, network ?? '') ?? (['no answer in time'] as const));
    return fail({
      code: 'store-unreachable',
      reason,
      hint: hint ?? 'check the network, s3.endpoint and s3.region, then try again',
    });
  }
  if (status === 401 || status === 403) {
    const permission = action.permission ?? `s3:${action.name}`;
    // Listing is a right on the bucket, for prefixes.
    const where = permission.startsWith('s3:ListBucket')
      ? `${action.bucket}${action.key === '' ? '' : ` for the prefix ${action.key}`}`
      : `${action.bucket}/${action.key}`;
    const hint = `allow this role ${permission} on arn:aws:s3:::${where}; a bucket policy or its KMS key may refuse it too`;
    return fail({ code: 'store-denied', reason: 'access denied', hint });
  }
  if (status === 507) return fail(MEANINGS.QuotaExceeded!);
  if (status !== undefined && (status >= 500 || status === 429 || TRANSIENT_NAMES.has(name))) {
    return fail({
      code: 'store-unreachable',
      reason: `the service is not well (${status})`,
      hint: 'try again later',
    });
  }
  if (status !== undefined && status < 300) {
    return fail({ code: 'bad-reply', reason: 'its reply cannot be read', hint: BAD_REPLY_HINT });
  }
  if (status !== undefined) {
    return fail({
      code: 'store-refused',
      reason: `the service refused (${status}${/^\w{1,60}$/.test(name) ? ` ${name}` : ''})`,
      hint: 'check the s3 settings and the bucket',
    });
  }
  return error;
}
