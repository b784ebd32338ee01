// Where AWS KMS is asked: AWS itself, or what was named for KMS. To be encrypted, the identity of a vault is sent
// there as it is; so what was named for S3 or for every service of AWS never counts here.
import { UsageError } from '../../errors.ts';

const LOOPBACK = /^(?:localhost|127\.\d{1,3}\.\d{1,3}\.\d{1,3}|\[::1\])$/;

/**
 * @param text AWS_ENDPOINT_URL_KMS or a library caller's own; empty or undefined: none
 * @returns a URL, `https:` or on this machine; undefined for AWS itself
 * @throws UsageError `bad-kms-endpoint`; the text is not repeated, as it may hold a password
 */
export function kmsEndpoint(text: string | undefined): string | undefined {
  if (text === undefined || text === '') return undefined;
  const url = URL.canParse(text) ? new URL(text) : undefined;
  const isLocal = url?.protocol === 'http:' && LOOPBACK.test(url.hostname);
  // As it was judged, so that nobody reads another host out of it.
  if (url && (isLocal || url.protocol === 'https:')) return url.href;
  throw new UsageError(
    'bad-kms-endpoint',
    url?.protocol === 'http:'
      ? 'the endpoint for AWS KMS is not encrypted, and the key of the vault would be sent there'
      : 'the endpoint for AWS KMS is not an https URL',
    {
      object: 'AWS_ENDPOINT_URL_KMS',
      hint: 'give it as https://HOST; http: is for this machine itself (localhost, 127.0.0.1, [::1])',
    },
  );
}
