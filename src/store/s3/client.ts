// Owns the SDK's client: how it is set up, so that every call is one attempt with a bound on silence. The SDK's own
// retries are off: after an attempt of unknown outcome a create must know that there was one.

import { collectReply } from './body.ts';
import type { S3Options } from './options.ts';
import { S3Client } from './sdk.ts';

export type Environment = Readonly<Record<string, string | undefined>>;

const CONNECT_MS = 5000;
const STALL_SECONDS = 15;
/** As many as records are read at once. */
const SOCKETS = 64;

/** URL of a service other than AWS, as far as it is known: see {@link withConfiguredEndpoint}. */
export function endpointOf({ endpoint }: S3Options, env: Environment): string | undefined {
  return endpoint ?? (env.AWS_ENDPOINT_URL_S3 || env.AWS_ENDPOINT_URL || undefined);
}

/** Whether the service is another one than AWS, as far as `endpointOf` can tell. */
export function isElsewhere(options: S3Options, env: Environment): boolean {
  return endpointOf(options, env) !== undefined;
}

/**
 * Settings that name the service which the SDK would call anyway, because ~/.aws/config says so: how a bucket is written
 * and what can be asked of the service depend on it.
 */
export async function withConfiguredEndpoint(options: S3Options, env: Environment): Promise<S3Options> {
  if (isElsewhere(options, env)) return options;
  // Whatever is wrong with that file is told by the first call.
  const { profile } = options;
  const { config } = new S3Client({ region: 'us-east-1', ...(profile === undefined ? {} : { profile }) });
  const endpoint = await config.serviceConfiguredEndpoint?.().catch(() => undefined);
  return endpoint === undefined ? options : { ...options, endpoint };
}

/** @param env for the endpoint that the SDK takes by itself: then the bucket stands in the path, as most services want */
export function makeClient(options: S3Options, env: Environment): S3Client {
  const { region, endpoint, profile, stall = STALL_SECONDS } = options;
  const elsewhere = isElsewhere(options, env);
  return new S3Client({
    region: region ?? env.AWS_REGION ?? env.AWS_DEFAULT_REGION ?? (elsewhere ? 'us-east-1' : undefined)!,
    ...(endpoint === undefined ? {} : { endpoint }),
    ...(profile === undefined ? {} : { profile }),
    forcePathStyle: options.forcePathStyle ?? elsewhere,
    maxAttempts: 1,
    // We send SHA-256, and check what we read ourselves; other checksums are unknown to older services.
    requestChecksumCalculation: 'WHEN_REQUIRED',
    responseChecksumValidation: 'WHEN_REQUIRED',
    // All replies but those of GetObject, and the refusals of that, too.
    streamCollector: collectReply,
    requestHandler: {
      connectionTimeout: CONNECT_MS,
      socketTimeout: stall * 1000,
      httpsAgent: { keepAlive: true, maxSockets: SOCKETS },
      httpAgent: { keepAlive: true, maxSockets: SOCKETS },
    },
  });
}
