// Owns the words for what goes wrong at a service: by its own name of an error, by that of KMS, and by the network's. Data
// only. The names come from a service that may lie, so look them up with {@link ownOf} and nothing else.

export interface Meaning {
  readonly code: string;
  readonly reason: string;
  readonly hint: string;
}

const CREDENTIALS =
  'check AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, AWS_PROFILE, or the role of this machine';
export const KMS_KEY =
  "check the key in the AWS console: it must exist in the bucket's region, be enabled, and let this role use it";

/** What our own bound on replies throws. */
export const REPLY_TOO_LARGE = 'ReplyTooLarge';
export const BAD_REPLY_HINT =
  'check s3.endpoint: what answers there is broken, or no S3 service; strongroom uses nothing of such a reply';

const WRONG_REGION: Meaning = {
  code: 'wrong-region',
  reason: 'the bucket is in another region',
  hint: 'set s3.region, or AWS_REGION, to the region of the bucket',
};

export const MEANINGS: Readonly<Record<string, Meaning>> = {
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
  [REPLY_TOO_LARGE]: {
    code: 'bad-reply',
    reason: 'its reply does not end',
    hint: BAD_REPLY_HINT,
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
export const KMS_REASONS: Readonly<Record<string, string>> = {
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

export const NETWORK: Readonly<Record<string, readonly [reason: string, hint?: string]>> = {
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
  ERR_SSL_HTTP_REQUEST: ['it speaks TLS there', 'write https:// in s3.endpoint'],
  ERR_TLS_CERT_ALTNAME_INVALID: [
    'its certificate is for another host',
    'check s3.endpoint and s3.forcePathStyle',
  ],
};

/** Nothing was sent yet: it all went into looking for credentials. */
export const NO_CREDENTIALS_IN_TIME = [
  'the AWS credentials could not be had in time',
  'look at what gives them: credential_process, the SSO session, or the role of this machine or container',
] as const;

/** @returns undefined for a name that is not in the table itself: `constructor` is in every object */
export function ownOf<T>(table: Readonly<Record<string, T>>, name: string): T | undefined {
  return Object.hasOwn(table, name) ? table[name] : undefined;
}
