// One question to AWS KMS in one region, with a bound on its time and on the reply. Credentials are the SDK's affair:
// the usual AWS chain. The endpoint is not.
import { InterruptedError, StrongroomError, UnlockError } from '../../errors.ts';
import { kmsEndpoint } from './endpoint.ts';
import { type Asked, type Failure, failureOf } from './failure.ts';
import { boundReplies } from './reply.ts';
import type * as Sdk from './sdk.ts';

export interface KmsOptions {
  /** Further regions to ask for a multi-region key when its own does not answer or refuses. */
  readonly regions?: readonly string[];
  /** URL of another service than AWS, as AWS_ENDPOINT_URL_KMS names it; `http:` on this machine alone. */
  readonly endpoint?: string | undefined;
  /** Instead of what the SDK finds in the environment. */
  readonly credentials?: { readonly accessKeyId: string; readonly secretAccessKey: string };
  /** Milliseconds for one call with its retries. */
  readonly timeLimit?: number;
  readonly signal?: AbortSignal | undefined;
}

const TIME_LIMIT_MS = 10_000;
const ATTEMPTS = 3;

/** A call that failed: what it means, and what the SDK threw. */
export class KmsFailure extends Error {
  readonly failure: Failure;
  constructor(failure: Failure, cause: unknown) {
    super(failure.reason, { cause });
    this.failure = failure;
  }
}

/**
 * @param call makes the call with the SDK that it is given
 * @throws KmsFailure; UsageError `bad-kms-endpoint`; InterruptedError when the caller's signal fires
 */
export async function ask<T>(
  asked: Asked,
  options: KmsOptions,
  call: (client: Sdk.KMSClient, sdk: typeof Sdk, http: { abortSignal: AbortSignal }) => Promise<T>,
): Promise<T> {
  const { credentials, timeLimit = TIME_LIMIT_MS, signal } = options;
  const endpoint = kmsEndpoint(options.endpoint);
  const sdk = await import('./sdk.ts');
  const client = new sdk.KMSClient({
    region: asked.region,
    maxAttempts: ATTEMPTS,
    requestHandler: { connectionTimeout: timeLimit * 0.3, socketTimeout: timeLimit * 0.4 },
    ...(endpoint === undefined ? {} : { endpoint }),
    // Else AWS_ENDPOINT_URL and the endpoint_url of a profile would count: most often an S3 service of somebody else.
    ignoreConfiguredEndpointUrls: true,
    ...(credentials ? { credentials } : {}),
  });
  const limit = AbortSignal.timeout(timeLimit);
  const abortSignal = signal ? AbortSignal.any([signal, limit]) : limit;
  boundReplies(client, abortSignal);
  try {
    // The search for credentials asks the machine's own services, and heeds no signal.
    return await Promise.race([call(client, sdk, { abortSignal }), aborted(abortSignal)]);
  } catch (error) {
    if (signal?.aborted) throw new InterruptedError('interrupted', 'interrupted');
    if (error instanceof StrongroomError) throw error;
    throw new KmsFailure(failureOf(error, asked), error);
  } finally {
    client.destroy();
  }
}

function aborted(signal: AbortSignal): Promise<never> {
  return new Promise((_, reject) => {
    const stop = () => reject(signal.reason);
    if (signal.aborted) stop();
    else signal.addEventListener('abort', stop, { once: true });
  });
}

/**
 * One failure, or that of each region that was asked, as an error.
 * @param what `kms:Decrypt of OBJECT with ARN`
 * @param object what the error is about
 */
export function unlockError(
  what: string,
  object: string,
  [first, ...others]: readonly (readonly [region: string, error: KmsFailure])[],
): UnlockError {
  const [, error] = first!;
  const { code, reason, hint } = error.failure;
  const elsewhere = others.map(([region, { failure }]) => `; in ${region}: ${failure.reason}`).join('');
  return new UnlockError(code, `${what} failed: ${reason}${elsewhere}`, { object, hint, cause: error.cause });
}
