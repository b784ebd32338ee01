// What a refusal by AWS KMS means, and what to do about it. The service's own words are never shown: they may quote
// a request.

/** One failed call. */
export interface Failure {
  readonly code: string;
  /** Goes behind `failed:` in a message. */
  readonly reason: string;
  readonly hint: string;
  /** Whether the same key may do in another region. */
  readonly isRegional: boolean;
}

/** What was asked of which key. */
export interface Asked {
  readonly operation: 'Encrypt' | 'Decrypt' | 'DescribeKey' | 'GetKeyRotationStatus';
  /** Of the key, or of an alias. */
  readonly arn: string;
  readonly region: string;
}

const CREDENTIALS = 'AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, AWS_PROFILE, or the role of this machine';
const RENEW = '`aws sso login` renews a session';
const NOT_AWS = 'check AWS_ENDPOINT_URL_KMS: what answers there is not AWS KMS';
const OTHER_KEY = 'use another key of the vault, or a copy of it';

const BAD_CREDENTIALS: Readonly<Record<string, string>> = {
  UnrecognizedClientException: 'the AWS access key is not known there',
  InvalidClientTokenId: 'the AWS access key is not known there',
  InvalidSignatureException:
    'the AWS secret key does not fit the access key, or the clock of this machine is wrong',
  IncompleteSignature: 'the AWS credentials are not complete',
  MissingAuthenticationTokenException: 'the AWS credentials are not complete',
  ExpiredTokenException: 'the AWS session has expired',
  RequestExpired: 'the clock of this machine is wrong',
};

const UNWELL: Readonly<Record<string, string>> = {
  ThrottlingException: 'too many requests there just now',
  LimitExceededException: 'too many requests there just now',
  KMSInternalException: 'the service is not well',
  DependencyTimeoutException: 'the service is not well',
  KeyUnavailableException: 'the key cannot be reached by the service just now',
};

const NETWORK: Readonly<Record<string, string>> = {
  ECONNREFUSED: 'nothing answers there',
  ECONNRESET: 'the connection broke',
  EPIPE: 'the connection broke',
  ENOTFOUND: 'no such host',
  EAI_AGAIN: 'the name service does not answer',
  EHOSTUNREACH: 'the host cannot be reached',
  ENETUNREACH: 'the network cannot be reached',
  CERT_HAS_EXPIRED: 'its certificate has expired',
};

/** A reply that AWS KMS would not give. */
export function liedTo(reason: string): Failure {
  return { code: 'kms-refused', reason, hint: NOT_AWS, isRegional: false };
}

/** The service chooses the name of its error: what every object has is none of the table's. */
function meaning(table: Readonly<Record<string, string>>, name: string | undefined): string | undefined {
  return name !== undefined && Object.hasOwn(table, name) ? table[name] : undefined;
}

/** @param error whatever the SDK threw, or our own time limit */
export function failureOf(error: unknown, { operation, arn, region }: Asked): Failure {
  const { name, code, message, $metadata } = (error ?? {}) as {
    name?: string;
    code?: unknown;
    message?: string;
    $metadata?: { httpStatusCode?: number };
  };
  const status = $metadata?.httpStatusCode;
  const aws = (command: string) => `\`aws kms ${command} --region ${region} --key-id ${arn}\``;
  const is = (what: string, reason: string, hint: string, isRegional = true): Failure => ({
    code: what,
    reason,
    hint,
    isRegional,
  });
  const bad = meaning(BAD_CREDENTIALS, name);
  if (bad !== undefined) return is('kms-credentials', bad, `check ${CREDENTIALS}; ${RENEW}`, false);
  const unwell =
    meaning(UNWELL, name) ?? (status !== undefined && status >= 500 ? 'the service is not well' : undefined);
  if (unwell !== undefined) return is('kms-unreachable', unwell, 'try again in a while');
  switch (name) {
    case 'LongReply':
      return liedTo('the reply is too long for one of AWS KMS');
    case 'CredentialsProviderError':
    case 'TokenProviderError':
      return is(
        'no-credentials',
        'this machine has no AWS credentials',
        `set ${CREDENTIALS}; ${RENEW}`,
        false,
      );
    case 'AccessDeniedException':
    case 'AccessDenied':
      return is(
        'kms-denied',
        'access denied',
        `allow this role kms:${operation} on ${arn}, in its own policy and in the key's; \`aws sts get-caller-identity\` says who it is`,
      );
    case 'DisabledException':
      return is('kms-disabled', 'the key is disabled', `enable it: ${aws('enable-key')}`);
    case 'KMSInvalidStateException':
      if (/pending (?:replica )?deletion/i.test(message ?? '')) {
        return is(
          'kms-pending-deletion',
          'the key is about to be deleted',
          `keep it, while there is time: ${aws('cancel-key-deletion')}, then ${aws('enable-key')}`,
        );
      }
      return is('kms-unusable', 'the key cannot be used as it is', `see its state: ${aws('describe-key')}`);
    case 'NotFoundException':
      return is(
        'kms-not-found',
        'there is no such key',
        `check region, account and id; a key that was deleted is gone for good: ${OTHER_KEY}`,
      );
    case 'InvalidCiphertextException':
      return is(
        'kms-wrong-context',
        'the key did not encrypt this, or for another vault',
        `somebody may have moved or damaged it: ${OTHER_KEY}`,
        false,
      );
    case 'IncorrectKeyException':
      return is(
        'kms-wrong-key',
        'another key encrypted this',
        `somebody may have exchanged it: ${OTHER_KEY}`,
        false,
      );
    case 'InvalidKeyUsageException':
    case 'UnsupportedOperationException':
      return is(
        'kms-unusable',
        'the key is not one for encryption',
        'choose a symmetric key (SYMMETRIC_DEFAULT, ENCRYPT_DECRYPT)',
      );
  }
  if (status === undefined) {
    const reason =
      meaning(NETWORK, String(code)) ??
      (/CERT|SIGNED/.test(String(code)) ? 'its certificate is not trusted here' : 'no answer in time');
    return is(
      'kms-unreachable',
      reason,
      `check the way to AWS KMS in ${region}: network, proxy, VPC endpoint, AWS_ENDPOINT_URL_KMS`,
    );
  }
  const shown = /^\w{1,60}$/.test(name ?? '') ? ` ${name}` : '';
  return is(
    'kms-refused',
    `the service refused (${status}${shown})`,
    `try it by hand: ${aws('describe-key')}`,
  );
}
