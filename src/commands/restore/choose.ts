// What a restore is to bring back, and where to.
import { NotFoundError, UsageError } from '../../errors.ts';
import { readSnapshotContents } from '../../vault/artifact-read.ts';
import { finding } from '../../vault/finding.ts';
import { hostsOf, parseAt } from '../../vault/select.ts';
import { type RefusedRecord, readSnapshots, type Snapshot, type Snapshots } from '../../vault/snapshots.ts';
import type { UnlockedVault } from '../../vault/vault.ts';
import { type ChoiceFlags, chooseFrom } from '../choose.ts';
import type { Context, SetConfig } from '../context.ts';

export interface ChosenSnapshots {
  readonly chosen: readonly Snapshot[];
  /** Sets of which several hosts' snapshots were chosen. */
  readonly shared: ReadonlySet<string>;
  /** What is left out: the newest record of a set of which none counts, or of a host of which none is complete. */
  readonly skipped: readonly RefusedRecord[];
}

/** What was typed. */
export interface Asked extends ChoiceFlags {
  readonly selector: string | undefined;
  /** Whether what several hosts wrote can come back side by side. */
  readonly hasRoom: boolean;
  /** The sets that have a place of their own here, where it is to go back to that; undefined otherwise. */
  readonly placed?: ReadonlySet<string>;
  /** The command without --host. */
  readonly again: string;
}

/**
 * The snapshot that was named, or the newest of every set, and of every host where there is room. A set of which no
 * record counts is left out, and said: a record that anybody put there must not keep the others from coming back.
 */
export async function chosenSnapshots(
  vault: UnlockedVault,
  asked: Asked,
  context: Context,
): Promise<ChosenSnapshots> {
  const { selector, set: only, hasRoom, again } = asked;
  const read = placedOf(await readSnapshots(vault, only === undefined ? {} : { set: only }), asked, context);
  const choose = (flags: ChoiceFlags) => chooseFrom(context, vault, read, selector, flags, again);
  const setsOf = (some: readonly Snapshot[]) => [...new Set(some.map((s) => s.set))].sort();
  const sound = setsOf(read.snapshots);
  // Of the host that was named, where one was.
  const those = read.snapshots.filter((s) => asked.host === undefined || s.host === asked.host);
  const at = asked.at === undefined ? {} : { at: parseAt(asked.at) };
  const then = at.at?.getTime() ?? Number.POSITIVE_INFINITY;
  const sets = setsOf(those.filter((s) => Date.parse(s.time) <= then));
  const shared = new Set<string>();
  if (selector !== undefined || only !== undefined || sets.length === 0)
    try {
      return { chosen: [await choose(asked)], shared, skipped: [] };
    } catch (error) {
      throw maybeAPath(error, selector);
    }
  const chosen: Snapshot[] = [];
  const skipped: RefusedRecord[] = [];
  for (const set of setsOf(those).filter((one) => !sets.includes(one)))
    context.notice(`the set ${set} has no snapshot as old as that, and is left out`);
  for (const set of sets) {
    const hosts = hasRoom && asked.host === undefined ? hostsOf(read.snapshots, { set, ...at }) : [];
    if (hosts.length > 1) shared.add(set);
    // Where there is none, choosing says why.
    for (const host of hosts.length > 0 ? hosts : [asked.host])
      chosen.push(await choose({ ...asked, set, host }));
    if (hosts.length > 0) skipped.push(...incomplete(read.snapshots, set, hosts, at, context));
  }
  const refused = new Map(read.refused.filter((r) => !sound.includes(r.set)).map((r) => [r.set, r]));
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
  return { chosen, shared, skipped: [...skipped, ...refused.values()] };
}

/**
 * What goes back to its place is of a set that has one: a set that was once made of some paths leaves no doubt which is
 * meant. Not where a snapshot is named by its id, or none has a place: then it is said why it cannot go there.
 */
function placedOf(read: Snapshots, { selector, set: only, placed }: Asked, context: Context): Snapshots {
  const isById = selector !== undefined && !/^(?:latest|@)/.test(selector);
  const others = new Set(read.snapshots.map((s) => s.set).filter((set) => placed?.has(set) === false));
  const isPlaced = ({ set }: { readonly set: string }) => !others.has(set);
  if (only !== undefined || isById || others.size === 0 || !read.snapshots.some(isPlaced)) return read;
  if (selector === undefined)
    context.notice(
      `left out, as the configuration does not say where they belong: ${[...others].join(', ')}`,
    );
  return { ...read, snapshots: read.snapshots.filter(isPlaced), refused: read.refused.filter(isPlaced) };
}

/** Hosts that wrote a set, but no complete snapshot of it: said, as none of theirs comes back. */
function incomplete(
  snapshots: readonly Snapshot[],
  set: string,
  complete: readonly string[],
  { at }: { readonly at?: Date },
  context: Context,
): RefusedRecord[] {
  const inTime = snapshots.filter((s) => s.set === set && !(at && Date.parse(s.time) > at.getTime()));
  const newest = new Map(inTime.filter((s) => !complete.includes(s.host)).map((s) => [s.host, s]));
  return [...newest.values()].map(({ host, id, object }) => {
    const message = `no snapshot of the set ${set} by ${host} is complete, so none is restored`;
    const hint = `to restore the newest all the same: \`strongroom restore ${id} --target DIR\``;
    context.warn('no-complete', message, { object, hint, severity: 'error' });
    return { set, id, finding: finding('no-complete', object, message, 'warning') };
  });
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
