// What the sets that a drill leaves out hold, by the paths that their host knows: a compose file may refer to a secret that
// is in another set.
import { posix } from 'node:path';
import type { Contents } from '../documents/contents.ts';
import { eachSnapshot } from '../each-snapshot.ts';
import { readSnapshots, type Snapshot } from '../snapshots.ts';
import type { UnlockedVault } from '../vault.ts';
import type { DrillPlan } from './plan.ts';

/**
 * @returns whether such a set of a host has a file, or a stream stands for it
 * @throws StoreError; InterruptedError
 */
export async function readElsewhere(
  vault: UnlockedVault,
  { targets }: DrillPlan,
): Promise<(host: string, path: string) => boolean> {
  const held = new Set<string>();
  const keyOf = (host: string, path: string) => `${host} ${path}`;
  const hold = (host: string, { root, entries, streams }: Contents): void => {
    for (const { path } of entries) {
      const outside = path.startsWith('@outside/') ? path.slice('@outside'.length) : undefined;
      held.add(keyOf(host, outside ?? posix.resolve(root, path)));
    }
    for (const { facts } of streams)
      if (facts.file !== undefined) held.add(keyOf(host, posix.resolve(root, facts.file)));
  };
  for (const { host, contents } of targets) if (contents) hold(host, contents);
  const hosts = new Set(targets.map(({ host }) => host));
  const drilled = new Set(targets.map(({ set, host }) => `${set}/${host}`));
  const newest = new Map<string, Snapshot>();
  for (const s of (await readSnapshots(vault)).snapshots) {
    const key = `${s.set}/${s.host}`;
    if (s.complete && hosts.has(s.host) && !drilled.has(key)) newest.set(key, s);
  }
  await eachSnapshot({ vault, unread: [] }, [...newest.values()], async ({ host }, contents) => {
    hold(host, contents);
  });
  return (host, path) => held.has(keyOf(host, path));
}
