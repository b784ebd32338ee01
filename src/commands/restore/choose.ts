// What a restore is to bring back, and where to.
import { UsageError } from '../../errors.ts';
import { readSnapshotContents } from '../../vault/artifact-read.ts';
import { readSnapshots, type Snapshot } from '../../vault/snapshots.ts';
import type { UnlockedVault } from '../../vault/vault.ts';
import type { Context } from '../context.ts';
import { type ChoiceFlags, chooseFrom } from '../open.ts';

/** The snapshot that was named, or the newest of every set. */
export async function chosenSnapshots(
  vault: UnlockedVault,
  selector: string | undefined,
  flags: ChoiceFlags,
  context: Context,
): Promise<Snapshot[]> {
  const read = await readSnapshots(vault, flags.set === undefined ? {} : { set: flags.set });
  const one = () => chooseFrom(context, vault, read, selector, flags);
  if (selector !== undefined || flags.set !== undefined) return [await one()];
  const sets = [...new Set([...read.snapshots, ...read.refused].map((s) => s.set))].sort();
  if (sets.length === 0) return [await one()];
  const newest: Snapshot[] = [];
  for (const set of sets) newest.push(await chooseFrom(context, vault, read, undefined, { ...flags, set }));
  return newest;
}

/** Where a snapshot was taken from: as configured here, else as it recorded. */
export async function ownRoot(vault: UnlockedVault, snapshot: Snapshot, context: Context): Promise<string> {
  const set = (await context.settings()).config?.sets.get(snapshot.set);
  return set?.root ?? (await readSnapshotContents(vault, snapshot)).root;
}

/** The places of the configured sets, or of the one that was named. @throws UsageError `no-target` */
export async function configuredRoots(context: Context, set: string | undefined): Promise<string[]> {
  const sets = [...((await context.settings()).config?.sets.values() ?? [])];
  const roots = sets.filter((s) => set === undefined || s.name === set).map((s) => s.root);
  if (roots.length > 0) return [...new Set(roots)];
  throw new UsageError('no-target', 'the configuration names no set whose place this could mean', {
    hint: 'give the directory with --target',
  });
}
