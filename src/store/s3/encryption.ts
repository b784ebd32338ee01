// Owns encryption by the service: what is asked for, and whether the reply says that it was done.

import { StoreError, UsageError } from '../../errors.ts';
import type { S3Options, ServerSideEncryption } from './options.ts';

/** Fields of a PutObject request. */
export interface EncryptionFields {
  readonly ServerSideEncryption?: Exclude<ServerSideEncryption, 'none'>;
  readonly SSEKMSKeyId?: string;
  /** JSON in base64. */
  readonly SSEKMSEncryptionContext?: string;
}

/**
 * @param settings the key by its ARN or its id: of an alias, whose key is answered, nobody could tell whether that is the
 *   right one. The context is only asked for: no reply confirms it
 * @throws UsageError `bad-setting` for settings that do not go together, and for an alias
 */
export function encryptionFields({ sse = 'none', kmsKeyId, kmsContext }: S3Options): EncryptionFields {
  const isKms = sse === 'aws:kms' || sse === 'aws:kms:dsse';
  if (!isKms && (kmsKeyId !== undefined || kmsContext !== undefined)) {
    throw new UsageError('bad-setting', 's3.kmsKeyId and s3.kmsContext need s3.sse', {
      hint: 'write sse: "aws:kms" beside them',
    });
  }
  if (/^(?:alias\/|arn:.*:alias\/)/.test(kmsKeyId ?? '')) {
    throw new UsageError('bad-setting', 's3.kmsKeyId is an alias, which may be another key tomorrow', {
      hint: "give the key's ARN; `aws kms describe-key --key-id alias/NAME` prints it",
    });
  }
  if (sse === 'none') return {};
  return {
    ServerSideEncryption: sse,
    ...(kmsKeyId === undefined ? {} : { SSEKMSKeyId: kmsKeyId }),
    ...(kmsContext === undefined
      ? {}
      : { SSEKMSEncryptionContext: Buffer.from(JSON.stringify(kmsContext)).toString('base64') }),
  };
}

/**
 * Holds a reply to what was asked for: some services ignore the request in silence.
 * @throws StoreError `sse-not-confirmed`
 */
export function checkConfirmed(
  asked: EncryptionFields,
  reply: { readonly ServerSideEncryption?: string | undefined; readonly SSEKMSKeyId?: string | undefined },
  object: string,
): void {
  if (asked.ServerSideEncryption === undefined) return;
  const isDone = reply.ServerSideEncryption === asked.ServerSideEncryption;
  if (isDone && isSameKey(asked.SSEKMSKeyId, reply.SSEKMSKeyId)) return;
  const what = isDone ? 'with the key that was asked for' : `with ${asked.ServerSideEncryption}`;
  throw new StoreError('sse-not-confirmed', `the service does not say that it encrypted ${object} ${what}`, {
    object,
    hint: 'it may not know how: set s3.sse to what it has, or to none (strongroom encrypts before it sends, all the same)',
  });
}

// An id is answered with the ARN.
function isSameKey(asked: string | undefined, got: string | undefined): boolean {
  if (asked === undefined || asked === got) return true;
  return got !== undefined && !asked.startsWith('arn:') && got.endsWith(`/${asked}`);
}
