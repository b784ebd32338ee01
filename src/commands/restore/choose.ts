// What a restore is to bring back, and where to.
import { NotFoundError, UsageError } from '../../errors.ts';
import { readSnapshotContents } from '../../vault/artifact-read.ts';
import { type RefusedRecord, readSnapshots, type Snapshot } from '../../vault/snapshots.ts';
import type { UnlockedVault } from '../../vault/vault.ts';
import type { Context, SetConfig } from '../context.ts';
import { type ChoiceFlags, chooseFrom } from '../open.ts';

export interface ChosenSnapshots {
  readonly chosen: readonly Snapshot[];
  /** Sets of which no record counts: the newest record of each, and why. */
  readonly skipped: readonly RefusedRecord[];
}

/**
 * The snapshot that was named, or the newest of every set. A set of which no record counts is left out, and said: a
 * record that anybody put there must not keep the others from coming back.
 */
export async function chosenSnapshots(
  vault: UnlockedVault,
  selector: string | undefined,
  flags: ChoiceFlags,
  context: Context,
): Promise<ChosenSnapshots> {
  const read = await readSnapshots(vault, flags.set === undefined ? {} : { set: flags.set });
  const sets = [...new Set(read.snapshots.map((s) => s.set))].sort();
  if (selector !== undefined || flags.set !== undefined || sets.length === 0)
    try {
      return { chosen: [await chooseFrom(context, vault, read, selector, flags)], skipped: [] };
    } catch (error) {
      throw maybeAPath(error, selector);
    }
  const chosen: Snapshot[] = [];
  for (const set of sets) chosen.push(await chooseFrom(context, vault, read, undefined, { ...flags, set }));
  const refused = new Map(read.refused.filter((r) => !sets.includes(r.set)).map((r) => [r.set, r]));
  for (const { set, finding } of refused.values()) {
    context.warn(
      finding.code,
      `the set ${set} is not restored, as nothing in it counts: ${finding.message}`,
      {
        object: finding.object,
        hint: 'run `strongroom verify` for the whole picture, and find out who can write to the store',
        severity: 'error',
      },
    );
  }
  return { chosen, skipped: [...refused.values()] };
}

/** Whoever gives a path alone is told that the snapshot comes first. */
function maybeAPath(error: unknown, selector = ''): unknown {
  const isPath = /[./*?[{]/.test(selector) && !selector.startsWith('@');
  if (!isPath || !(error instanceof NotFoundError) || error.code !== 'no-snapshot') return error;
  const path = /^[\w./*?-]+$/.test(selector) ? selector : 'PATH';
  return new NotFoundError(error.code, error.message, {
    hint: `name the snapshot first: \`restore latest ${path} …\``,
  });
}

/**
 * The set that a snapshot is of, as it is configured here. Where the snapshot says that it was taken from is the word
 * of the host that made it, which must not choose what is written to on this machine.
 * @throws UsageError `no-place`
 */
export async function ownSet(vault: UnlockedVault, snapshot: Snapshot, context: Context): Promise<SetConfig> {
  const { config } = await context.settings();
  const set = config?.sets.get(snapshot.set);
  if (set) return set;
  const { root } = await readSnapshotContents(vault, snapshot);
  throw new UsageError('no-place', `the configuration does not say where the set ${snapshot.set} belongs`, {
    object: snapshot.set,
    hint:
      root === ''
        ? 'it was not made from files, so choose a place with --target DIR'
        : `it was taken from ${root}: name the set in strongroom.yaml, or give --target ${root}`,
  });
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
