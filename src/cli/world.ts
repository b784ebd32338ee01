// The composition root: the one place that picks stores, unlock methods, memory and the signing key.
import { join } from 'node:path';
import { setFlagsFromString } from 'node:v8';
import type { Settings, World } from '../commands/context.ts';
import { stateMemory } from '../host/memory.ts';
import { recordCache } from '../host/record-cache.ts';
import { ensureSigningKey, hostName, readSigningKey, signingKeyPath } from '../host/signing-key.ts';
import { methods } from '../keys/index.ts';
import { openStore } from '../store/index.ts';
import type { S3Options } from '../store/s3/options.ts';
import type { WorldParts } from './run.ts';

const LONG_RUN_MS = 1000;

/**
 * Each call of the SDK leaves a quarter of a MiB of garbage, which V8 lets pile up to several times what is alive. A run
 * of many calls then looks for it sooner, and takes a fifth less memory; a short one is over before.
 */
function boundGarbage(): void {
  setTimeout(() => setFlagsFromString('--heap-growing-percent=50'), LONG_RUN_MS).unref();
}

/** A replica may have settings of its own, however it is asked for: `--to` and `--location` mean the same place. */
function s3SettingsFor(location: string, { config }: Settings): S3Options {
  const plain = (place: string) => place.replace(/\/+$/, '');
  const replica = config?.replicas.find((one) => plain(one.location) === plain(location));
  return replica?.s3 ?? config?.s3 ?? {};
}

/** Builds what commands ask of the world, out of this machine's parts. */
export async function createWorld({ env, paths, secrets }: WorldParts): Promise<World> {
  const keyPath = signingKeyPath(paths.state);
  return {
    openStore: (location, settings, create = false) => {
      if (location.startsWith('s3:')) boundGarbage();
      return openStore(location, { create, env, s3: s3SettingsFor(location, settings) });
    },
    s3Place: async (location) =>
      location.startsWith('s3:')
        ? (await import('../store/s3/location.ts')).parseS3Location(location)
        : undefined,
    bucket: async (location, settings) => {
      if (!location.startsWith('s3:')) return undefined;
      const { withConfiguredEndpoint } = await import('../store/s3/client.ts');
      const s3 = await withConfiguredEndpoint(s3SettingsFor(location, settings), env);
      return (await import('../store/s3/bucket.ts')).s3Bucket(location, s3, env);
    },
    kmsKeyState: async (arn) =>
      (await import('../keys/kms/state.ts')).kmsKeyState(arn, { endpoint: env.AWS_ENDPOINT_URL_KMS }),
    undoStore: () => openStore(join(paths.state, 'undo'), { create: true }),
    memory: stateMemory(paths.state),
    cache: recordCache(paths.cache),
    get hostName() {
      return hostName(env);
    },
    signingKeyPath: keyPath,
    async signingKey(make) {
      const given = await secrets.signingKey();
      if (given) {
        const { parsePrivateKey } = await import('../sign/openssh.ts');
        return parsePrivateKey(given.text, given.source);
      }
      return make ? await ensureSigningKey(keyPath, hostName(env)) : await readSigningKey(keyPath);
    },
    methods,
    stream: async (config, root) =>
      (await import('../capture/streams/index.ts')).openStream(config, { root, env }),
  };
}
