// Owns how a call of the `aws` program is written in a fix, so that it goes where the vault is.

import type { BucketPort } from './bucket-port.ts';

/** As a shell takes it without quotes. */
const PLAIN_URL = /^https?:\/\/[A-Za-z0-9.:[\]/_-]+$/;

/**
 * @param service and its verb: `s3api put-bucket-versioning`
 * @param endpoint URL of another service than AWS. What holds a name and a password, or is odd, is not repeated
 * @param rest the arguments, fit for a shell
 */
export function awsCommand(service: string, endpoint: string | undefined, rest: string): string {
  const shown = endpoint !== undefined && !PLAIN_URL.test(endpoint) ? 'URL' : endpoint;
  return `aws ${service}${shown === undefined ? '' : ` --endpoint-url ${shown}`} ${rest}`;
}

/** @param verb of `aws s3api`, about this bucket */
export function s3api({ bucket, endpoint }: BucketPort, verb: string, rest = ''): string {
  return awsCommand(`s3api ${verb}`, endpoint, `--bucket ${bucket}${rest === '' ? '' : ` ${rest}`}`);
}
