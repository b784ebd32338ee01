// The AWS KMS keys that the user vouches for, and how KMS is asked. Both as the settings and the environment have it.
import type { Context } from './context.ts';

/** ARNs of `kms:` in the settings and of STRONGROOM_KMS_KEYS, as they were typed. */
export async function namedKmsKeys(context: Context): Promise<string[]> {
  const { config } = await context.settings();
  return [...(config?.kms ?? []), ...wordsOf(context, 'STRONGROOM_KMS_KEYS')];
}

/** Where and how long KMS is asked. AWS_ENDPOINT_URL does not count: it most often means an S3 service. */
export function kmsOptions(context: Context) {
  return {
    regions: wordsOf(context, 'STRONGROOM_KMS_REGIONS'),
    endpoint: context.env.AWS_ENDPOINT_URL_KMS,
    signal: context.signal,
  };
}

/** The words of a variable that holds a list, with commas or blanks between them. */
function wordsOf({ env }: Context, name: string): string[] {
  return (env[name] ?? '').split(/[\s,]+/).filter((word) => word !== '');
}
