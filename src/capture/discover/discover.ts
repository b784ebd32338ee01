// Which files a deployment refers to: runs the kinds that are asked for, one after the other, on one ground.
import type { Disk } from './disk.ts';
import { checkInterrupt } from './extent.ts';
import { type Discover, openGround, together } from './ground.ts';
import { DISCOVERERS, type Discoverer, type DiscoverOptions, type Discovery } from './reference.ts';

const KINDS: Readonly<Record<Discoverer, () => Promise<Discover>>> = {
  compose: async () => (await import('./compose.ts')).discoverCompose,
  kustomize: async () => (await import('./kustomize.ts')).discoverKustomize,
  kubernetes: async () => (await import('./kubernetes.ts')).discoverKubernetes,
  dotenv: async () => (await import('./dotenv.ts')).discoverDotenv,
  pem: async () => (await import('./pem.ts')).discoverPem,
};

/**
 * Finds what a deployment needs.
 *
 * @param options `kinds`: in any order
 * @param disk another one for tests
 * @returns references by path, and files that could not be understood. No value of any file is in it, other than as a
 *   path where the file names one
 * @throws UsageError `missing-root`, `bad-pattern`; InterruptedError
 */
export async function discover(options: DiscoverOptions, disk?: Disk): Promise<Discovery> {
  return together((await discoverEach(options, disk)).values());
}

/** As `discover`, what each kind found by itself. A file that several kinds look into is warned of with the first. */
export async function discoverEach(
  options: DiscoverOptions,
  disk?: Disk,
): Promise<ReadonlyMap<Discoverer, Discovery>> {
  const { ground, take } = openGround(options, disk);
  const found = new Map<Discoverer, Discovery>();
  for (const kind of DISCOVERERS.filter((name) => options.kinds.includes(name))) {
    checkInterrupt(options.signal);
    await (await KINDS[kind]())(ground);
    found.set(kind, take());
  }
  return found;
}
