// From a location to a store: the only list of stores. An adapter is loaded when a location names it.

import { UsageError } from '../errors.ts';
import type { S3Options } from './s3/options.ts';
import type { Store } from './store.ts';

export interface OpenOptions {
  /** The first `create` may make the store's directory; without it, a missing one is an error. */
  create?: boolean;
  /** Settings of an S3 location. */
  s3?: S3Options;
  /** The environment, for an endpoint and a region. */
  env?: Readonly<Record<string, string | undefined>>;
}

type Opener = (location: string, options: OpenOptions) => Promise<Store>;

const stores: readonly (readonly [scheme: string, load: () => Promise<Opener>])[] = [
  ['directory', async () => (await import('./local.ts')).localStore],
  [
    's3',
    async () => {
      const [{ s3Store }, { withConfiguredEndpoint }] = await Promise.all([
        import('./s3/s3.ts'),
        import('./s3/client.ts'),
      ]);
      return async (location, { s3 = {}, env = {} }) =>
        s3Store(location, await withConfiguredEndpoint(s3, env), env);
    },
  ],
];

/**
 * @param location `s3://bucket/prefix`, or a directory path, absolute or relative to the working directory; `~` is not
 *   expanded
 * @throws UsageError `bad-location`, `bad-setting`; `unknown-location` for a scheme this version has no store for, or no path at all
 */
export async function openStore(location: string, options: OpenOptions = {}): Promise<Store> {
  const scheme = schemeOf(location);
  const load = stores.find(([name]) => name === scheme)?.[1];
  if (load === undefined) throw unsupported(scheme);
  return (await load())(location, options);
}

// 'foo:bar' is read as a scheme, so that a mistyped URL never becomes a directory of that name.
function schemeOf(location: string): string {
  if (location === '' || location.includes('\0')) {
    throw new UsageError('unknown-location', 'the location of the vault is empty or no path', {
      hint: 'name a directory or s3://BUCKET/PREFIX with --location or STRONGROOM_LOCATION',
    });
  }
  if (/^~[^/]*(\/|$)/.test(location)) {
    throw new UsageError('unknown-location', "'~' at the start of a location is not expanded", {
      hint: 'write the absolute path, or ./~ for a directory of that name',
    });
  }
  return /^([A-Za-z][A-Za-z0-9+.-]*):/.exec(location)?.[1]?.toLowerCase() ?? 'directory';
}

function unsupported(scheme: string): UsageError {
  return new UsageError('unknown-location', `'${scheme}:' locations are not supported by this version`, {
    hint: 'name a directory or s3://BUCKET/PREFIX; ./ in front makes a name with a colon a path',
  });
}
