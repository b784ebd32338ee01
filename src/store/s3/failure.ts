// Owns what a service's refusal means: from errors of the SDK, HTTP and the network to one StoreError that names the
// action, the bucket, the key and the permission that is likely missing. The SDK's own words are never shown: they may
// quote a request.

import { StoreError, StrongroomError } from '../../errors.ts';

/** What was asked for. */
export interface Action {
  /** `PutObject` and the like, which is also the name of the permission unless `permission` says otherwise. */
  readonly name: string;
  readonly permission?: string;
  readonly bucket: string;
  /** Key or prefix. */
  readonly key: string;
}

interface Meaning {
  readonly code: string;
  readonly reason: string;
  readonly hint: string;
}

const CREDENTIALS =
  'check AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, AWS_PROFILE, or the role of this machine';
const KMS_KEY =
  "check the key in the AWS console: it must exist in the bucket's region, be enabled, and let this role use it";

const WRONG_REGION: Meaning = {
  code: 'wrong-region',
  reason: 'the bucket is in another region',
  hint: 'set s3.region, or AWS_REGION, to the region of the bucket',
};

const MEANINGS: Readonly<Record<string, Meaning>> = {
  NoSuchBucket: {
    code: 'no-bucket',
    reason: 'there is no such bucket',
    hint: 'check the name, the account and the endpoint; strongroom makes no bucket',
  },
  InvalidAccessKeyId: {
    code: 'bad-credentials',
    reason: 'the access key is not known there',
    hint: CREDENTIALS,
  },
  SignatureDoesNotMatch: {
    code: 'bad-credentials',
    reason: 'the secret key does not fit the access key',
    hint: CREDENTIALS,
  },
  ExpiredToken: {
    code: 'bad-credentials',
    reason: 'the session has expired',
    hint: 'sign in again (aws sso login), or renew the session token',
  },
  InvalidToken: { code: 'bad-credentials', reason: 'the session token is not valid', hint: CREDENTIALS },
  CredentialsProviderError: {
    code: 'no-credentials',
    reason: 'this machine has no AWS credentials',
    hint: CREDENTIALS,
  },
  RequestTimeTooSkewed: {
    code: 'clock-skew',
    reason: 'the clock of this machine is wrong',
    hint: 'set the clock (timedatectl, chrony), then try again',
  },
  PermanentRedirect: WRONG_REGION,
  AuthorizationHeaderMalformed: WRONG_REGION,
  IllegalLocationConstraintException: WRONG_REGION,
  // The SDK's words, since it has no name for it; it says so before anything is sent.
  'Region is missing': {
    code: 'no-region',
    reason: 'nothing says in which region the bucket is',
    hint: 'set s3.region, or AWS_REGION',
  },
  InvalidObjectState: {
    code: 'archived',
    reason: 'it is in an archive class and has to be thawed first',
    hint: 'restore it there (aws s3api restore-object), wait until that is done, then try again',
  },
  QuotaExceeded: {
    code: 'store-full',
    reason: 'the quota is used up',
    hint: 'raise the quota, or delete old snapshots; what was under way was not stored',
  },
  NotImplemented: {
    code: 'store-refused',
    reason: 'the service cannot do what was asked',
    hint: 'see the s3 settings: sse, objectLock, storageClass and checksums ask for things that not every service has',
  },
  InvalidStorageClass: {
    code: 'store-refused',
    reason: 'the service has no such storage class',
    hint: 'see s3.storageClass',
  },
  InvalidRequest: {
    code: 'store-refused',
    reason: 'the service takes no such request',
    hint: 'see the s3 settings: objectLock needs a bucket made with Object Lock; sse and storageClass must be what the service has',
  },
};

// KMS speaks through S3 when an object's encryption needs a key (`KMS.DisabledException` and the like).
const KMS_REASONS: Readonly<Record<string, string>> = {
  DisabledException: 'its KMS key is disabled',
  NotFoundException: 'its KMS key does not exist',
  KMSInvalidStateException: 'its KMS key is pending deletion, or cannot be used now',
  InvalidStateException: 'its KMS key is pending deletion, or cannot be used now',
  InvalidKeyUsageException: 'its KMS key is not one for encryption',
};

const UNTRUSTED = [
  'its certificate is signed by nobody that is trusted here',
  'name its CA with NODE_EXTRA_CA_CERTS=FILE',
] as const;
const NO_TLS = ['it speaks no TLS there', 'check s3.endpoint: https:// or http://, and its port'] as const;

const NETWORK: Readonly<Record<string, readonly [reason: string, hint?: string]>> = {
  ECONNREFUSED: ['nothing answers there'],
  ECONNRESET: ['the connection broke'],
  EPIPE: ['the connection broke'],
  ENOTFOUND: ['no such host', 'check s3.endpoint, s3.region and the name service'],
  EAI_AGAIN: ['the name service does not answer'],
  ETIMEDOUT: ['no answer in time'],
  EHOSTUNREACH: ['the host cannot be reached'],
  ENETUNREACH: ['the network cannot be reached'],
  DEPTH_ZERO_SELF_SIGNED_CERT: UNTRUSTED,
  SELF_SIGNED_CERT_IN_CHAIN: UNTRUSTED,
  UNABLE_TO_VERIFY_LEAF_SIGNATURE: UNTRUSTED,
  UNABLE_TO_GET_ISSUER_CERT_LOCALLY: UNTRUSTED,
  CERT_HAS_EXPIRED: ['its certificate has expired'],
  CERT_NOT_YET_VALID: ['its certificate is not valid yet', 'check the clock of this machine'],
  EPROTO: NO_TLS,
  ERR_SSL_WRONG_VERSION_NUMBER: NO_TLS,
  ERR_TLS_CERT_ALTNAME_INVALID: [
    'its certificate is for another host',
    'check s3.endpoint and s3.forcePathStyle',
  ],
};

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
  const network = typeof code === 'string' && status === undefined ? code : undefined;
  return { name: typeof name === 'string' ? name : '', status, network };
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
  // A refusal that broke off, so that nobody knows which: it is asked for again, but a proxy may send such for good.
  if (NAMELESS.has(name) && (status ?? 500) < 500) return attempt <= 3;
  // 501: not implemented; 507: full.
  if (status === 501 || status === 507) return false;
  if (status !== undefined) return status >= 500 || status === 429 || status === 408;
  // No status: the reply was lost, or never came.
  return network !== undefined && !FINAL_NETWORK.test(network);
}

/** Whether the service may have done what was asked for, although it did not say so. */
export function isUnknownOutcome(error: unknown): boolean {
  const { status } = facts(error);
  return !(error instanceof StrongroomError) && (status === undefined || status >= 500);
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
    return fail({ code: 'store-denied', reason: KMS_REASONS[kms] ?? 'its KMS key refused', hint: KMS_KEY });
  const meaning = MEANINGS[name] ?? MEANINGS[(error as Error | undefined)?.message ?? ''];
  if (meaning) return fail(meaning);
  if (network !== undefined || name === 'TimeoutError' || name === 'AbortError') {
    const [reason, hint] = NETWORK[network ?? ''] ?? ['no answer in time'];
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
  if (status !== undefined) {
    return fail({
      code: 'store-refused',
      reason: `the service refused (${status}${/^\w{1,60}$/.test(name) ? ` ${name}` : ''})`,
      hint: 'check the s3 settings and the bucket',
    });
  }
  return error;
}
