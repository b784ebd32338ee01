// Owns the settings of an S3 location: plain data, which the configuration and callers of the library fill in.

/** Every field may be left out. */
export interface S3Options {
  /** `eu-central-1`; else AWS_REGION and the profile, else `us-east-1`. */
  readonly region?: string;
  /** Profile of ~/.aws/config and credentials; then the environment's own credentials are not used. */
  readonly profile?: string;
  /** URL of another service than AWS; else AWS_ENDPOINT_URL_S3 and AWS_ENDPOINT_URL. */
  readonly endpoint?: string;
  /** `https://host/bucket/key` instead of `https://bucket.host/key`; on by itself where an endpoint is named. */
  readonly forcePathStyle?: boolean;
  /** Account id that must own the bucket: a bucket that was deleted may be made again by somebody else. */
  readonly expectedBucketOwner?: string;
  /** Encryption by the service, which its reply must confirm; `none` asks for nothing. */
  readonly sse?: ServerSideEncryption;
  /** ARN of the service's key for `aws:kms` and `aws:kms:dsse`; its id will do, an alias will not. */
  readonly kmsKeyId?: string;
  /** Encryption context for that key; it stands in the service's logs. */
  readonly kmsContext?: Readonly<Record<string, string>>;
  /** `STANDARD_IA` and the like, for artifacts' parts; documents and keys stay in the default class. */
  readonly storageClass?: string;
  /** The same for single sets. */
  readonly storageClasses?: Readonly<Record<string, string>>;
  /** Nobody may remove an object before its time. */
  readonly objectLock?: ObjectLock;
  /** Seconds that one call may take, all attempts together; 60 unless given. */
  readonly deadline?: number;
  /** Seconds without a byte before an attempt is given up; 15 unless given. */
  readonly stall?: number;
  /** Send SHA-256 checksums: true unless given. Some services refuse them. */
  readonly checksums?: boolean;
}

export const SSE_MODES = ['none', 'AES256', 'aws:kms', 'aws:kms:dsse'] as const;
export type ServerSideEncryption = (typeof SSE_MODES)[number];

export interface ObjectLock {
  readonly mode: 'governance' | 'compliance';
  /** From the time of writing. */
  readonly days: number;
  /** Other days for the data and the records of single sets. */
  readonly daysOf?: Readonly<Record<string, number>>;
}
