// Owns what a PutObject asks for besides its bytes: create only, checksum, encryption, class and lock.

import { createHash } from 'node:crypto';
import type { EncryptionFields } from './encryption.ts';
import type { S3Options } from './options.ts';
import type { PutObjectCommandInput } from './sdk.ts';

const DAY_MS = 86_400_000;

export interface Put {
  /** Without the location's prefix. */
  readonly name: string;
  readonly bytes: Uint8Array;
  /** Whether nobody may remove it until the hold is lifted. */
  readonly hold: boolean;
  /**
   * Milliseconds that the service's clock is ahead of ours: a lock must not be short, nor last for years, because the
   * clock of this machine is wrong.
   */
  readonly ahead: number;
}

/** @returns the request but for its bucket and key */
export function putRequest(
  options: S3Options,
  encryption: EncryptionFields,
  { name, bytes, hold, ahead }: Put,
): Omit<PutObjectCommandInput, 'Bucket' | 'Key'> {
  const { checksums = true } = options;
  const storageClass = storageClassOf(options, name);
  return {
    Body: bytes,
    ContentLength: bytes.length,
    IfNoneMatch: '*',
    ...encryption,
    ...(checksums ? { ChecksumSHA256: createHash('sha256').update(bytes).digest('base64') } : {}),
    ...(storageClass
      ? { StorageClass: storageClass as NonNullable<PutObjectCommandInput['StorageClass']> }
      : {}),
    ...lockOf(options, name, ahead),
    ...(hold && isLocked(options, name) ? { ObjectLockLegalHoldStatus: 'ON' } : {}),
  };
}

/** Documents are small and read often, so they stay in the default class. */
function storageClassOf({ storageClass, storageClasses = {} }: S3Options, name: string): string | undefined {
  const [top, set = ''] = name.split('/');
  return top === 'data' ? (storageClasses[set] ?? storageClass) : undefined;
}

/** What a role needs to write an object. */
export function permissionOf(options: S3Options, name: string, hold: boolean): string {
  if (!isLocked(options, name)) return 's3:PutObject';
  return hold
    ? 's3:PutObject, s3:PutObjectRetention and s3:PutObjectLegalHold'
    : 's3:PutObject and s3:PutObjectRetention';
}

/** Whether an object is locked when it is written. Keys go when they are rotated, so they never are. */
function isLocked({ objectLock }: S3Options, name: string): boolean {
  return objectLock !== undefined && !name.startsWith('keys/');
}

function lockOf(options: S3Options, name: string, ahead: number): Partial<PutObjectCommandInput> {
  const { objectLock } = options;
  if (!objectLock || !isLocked(options, name)) return {};
  const [, set = ''] = /^(?:data|snapshots)\/([^/]+)\//.exec(name) ?? [];
  const days = objectLock.daysOf?.[set] ?? objectLock.days;
  return {
    ObjectLockMode: objectLock.mode === 'compliance' ? 'COMPLIANCE' : 'GOVERNANCE',
    ObjectLockRetainUntilDate: new Date(Date.now() + ahead + days * DAY_MS),
  };
}
