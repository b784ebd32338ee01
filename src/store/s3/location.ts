// Owns how an S3 location is written: s3://bucket/prefix. Knows no endpoint and no credential.

import { UsageError } from '../../errors.ts';

export interface S3Location {
  readonly bucket: string;
  /** Empty, or ends in a slash. */
  readonly prefix: string;
  /** As a person would write it, in one way only. */
  readonly text: string;
}

// What all services take (AWS, "General purpose bucket naming rules"), and the older ones with an underscore.
const BUCKET = /^[a-z0-9][a-z0-9._-]{1,61}[a-z0-9]$/;
const SEGMENT = /^[A-Za-z0-9._=@+-][A-Za-z0-9._=@+ -]*$/;
// An object's name of up to 512 bytes comes behind it, and a key has 1024 at most.
const MAX_PREFIX = 500;

/**
 * @param location `s3://bucket` or `s3://bucket/a/prefix`
 * @throws UsageError `bad-location`
 */
export function parseS3Location(location: string): S3Location {
  const match = /^s3:\/\/([^/]*)(?:\/(.*))?$/.exec(location);
  const [, bucket = '', path = ''] = match ?? [];
  if (!BUCKET.test(bucket))
    throw bad('names no bucket', 'write s3://BUCKET/PREFIX; the endpoint is a setting of its own');
  const segments = path.split('/').filter((segment) => segment !== '');
  if (segments.some((s) => !SEGMENT.test(s) || s === '.' || s === '..')) {
    throw bad('has a prefix that cannot be used', 'use letters, digits and . _ - = @ + between slashes');
  }
  const prefix = segments.map((segment) => `${segment}/`).join('');
  if (prefix.length > MAX_PREFIX) throw bad('has too long a prefix', `at most ${MAX_PREFIX} characters`);
  return { bucket, prefix, text: `s3://${bucket}${prefix === '' ? '' : `/${prefix.slice(0, -1)}`}` };
}

function bad(how: string, hint: string): UsageError {
  return new UsageError('bad-location', `the S3 location ${how}`, { hint });
}
