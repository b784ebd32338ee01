// What the two sides of a comparison are: from what was typed to snapshots and to files on disk.
import { realpathSync } from 'node:fs';
import { UsageError } from '../../errors.ts';
import { readSnapshotContents } from '../../vault/artifact-read.ts';
import type { Snapshot } from '../../vault/snapshots.ts';
import type { UnlockedVault } from '../../vault/vault.ts';
import { type AskedSet, setsToBackUp } from '../backup/sets.ts';
import type { Context } from '../context.ts';

/** What the files on disk are called. */
export const LIVE = 'live';

/** @returns both sides, `latest` and `live` where nothing was typed. @throws UsageError `nothing-to-compare` */
export function selectorsOf(before = 'latest', after = LIVE): readonly [string, string] {
  if (before !== LIVE || after !== LIVE) return [before, after];
  throw new UsageError('nothing-to-compare', 'the files on disk are the same as themselves', {
    hint: 'name a snapshot, such as `strongroom diff latest live`',
  });
}

/** The set that is meant: where files on disk are compared and only one is configured, that one. */
export async function setMeant(
  selectors: readonly string[],
  set: string | undefined,
  context: Context,
): Promise<string | undefined> {
  if (set !== undefined || !selectors.includes(LIVE)) return set;
  const names = [...((await context.settings()).config?.sets.keys() ?? [])];
  return names.length === 1 ? names[0] : undefined;
}

/**
 * The files on disk of the set that a snapshot is of, as the next backup would take them. Where no set of that name is
 * configured, a snapshot of the directory that one stands in will do: what else it says of places on a disk is the word
 * of the host that made it, which must not choose what is read on this machine.
 * @throws UsageError `no-live-set`
 */
export async function liveSources(
  vault: UnlockedVault,
  snapshot: Snapshot,
  context: Context,
): Promise<AskedSet['sources']> {
  const settings = await context.settings();
  if (settings.config?.sets.has(snapshot.set)) {
    const [asked] = setsToBackUp([], { set: snapshot.set, exclude: [] }, settings, context.cwd);
    return asked!.sources;
  }
  const { root, sources } = await readSnapshotContents(vault, snapshot);
  const isHere = root !== '' && (root === context.cwd || root === realpathSync.native(context.cwd));
  if (isHere && sources.include.every(isInside)) {
    const include = sources.include.length > 0 ? sources.include : ['.'];
    const { exclude } = sources;
    const [asked] = setsToBackUp(include, { set: snapshot.set, exclude }, settings, context.cwd);
    return asked!.sources;
  }
  throw new UsageError(
    'no-live-set',
    `the configuration does not say where the files of the set ${snapshot.set} are`,
    {
      object: snapshot.set,
      hint: 'name the set in strongroom.yaml, run this in the directory that was backed up, or compare with a directory by `strongroom verify --against DIR`',
    },
  );
}

/** Whether a pattern stays below the root. */
const isInside = (pattern: string): boolean =>
  !pattern.startsWith('/') && !/(?:^|[/{,])\.\.(?:$|[/},])/.test(pattern);
