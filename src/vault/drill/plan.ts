// Which snapshots a drill restores: of each set and host the one that `restore latest` would take, or an older one by lot.
// Reads their contents, so that it is known how much room they need; restores nothing.
import { randomInt } from 'node:crypto';
import { StrongroomError } from '../../errors.ts';
import { readSnapshotContents } from '../artifact-read.ts';
import type { Contents } from '../documents/contents.ts';
import { inScope } from '../names.ts';
import { chooseSnapshot } from '../select.ts';
import { readSnapshots, type Snapshots } from '../snapshots.ts';
import type { UnlockedVault } from '../vault.ts';
import { faultOf } from './fault.ts';
import type { DrillTarget } from './target.ts';

export interface DrillPlanOptions {
  /** Only this set, or this host's. */
  readonly set?: string;
  readonly host?: string;
  /** An older snapshot than the newest of each, where there is one. */
  readonly older?: boolean;
  /** The sets that are configured: one without any snapshot fails the drill. */
  readonly sets?: readonly string[];
}

export interface DrillPlan {
  readonly targets: readonly DrillTarget[];
  /** Bytes of all files and streams, and how many entries. */
  readonly bytes: number;
  readonly entries: number;
}

/**
 * @returns targets by set and host; those that cannot be restored say why
 * @throws StoreError; InterruptedError
 */
export async function planDrill(vault: UnlockedVault, options: DrillPlanOptions = {}): Promise<DrillPlan> {
  const read = await readSnapshots(vault);
  const targets: DrillTarget[] = [];
  for (const one of groupsOf(vault, read, options)) targets.push(await targetOf(vault, read, one, options));
  return planOf(targets);
}

function planOf(targets: readonly DrillTarget[]): DrillPlan {
  const held = targets.flatMap(({ contents }) => contents ?? []);
  return {
    targets,
    bytes: held.reduce((sum, contents) => sum + bytesOf(contents), 0),
    entries: held.reduce((sum, { entries, streams }) => sum + entries.length + streams.length, 0),
  };
}

/** Of files and streams. */
function bytesOf({ bytes, streams }: Contents): number {
  return streams.reduce((sum, stream) => sum + stream.bytes, bytes);
}

/**
 * The plan without the snapshot that takes the most room, which fails: a host that claims much must not keep the others
 * from being drilled.
 * @returns undefined where there is none left that could be restored
 */
export function withoutLargest({ targets }: DrillPlan): DrillPlan | undefined {
  const sizes = targets.map(({ contents }) => (contents ? bytesOf(contents) + contents.entries.length : -1));
  const largest = Math.max(...sizes);
  if (largest < 0) return undefined;
  const at = sizes.indexOf(largest);
  const { contents, ...target } = targets[at]!;
  const mebibytes = Math.ceil(bytesOf(contents!) / 2 ** 20);
  const entries = contents!.entries.length;
  const failure = new StrongroomError(
    'disk-full',
    `it comes to ${mebibytes} MiB in ${entries} entries, and there is no room for it here`,
  );
  return planOf(targets.with(at, { ...target, failure }));
}

interface Group {
  readonly set: string;
  /** Undefined where no host has written it. */
  readonly host: string | undefined;
}

/** Of every host that may still write: what a removed one left is history, and drilled when it is asked for. */
function groupsOf(
  { document }: UnlockedVault,
  { snapshots, refused }: Snapshots,
  { set, host, sets = [] }: DrillPlanOptions,
): Group[] {
  const mayWrite = (of: string, by: string) =>
    document.hosts.some(
      (h) => h.name === by && h.removed === undefined && h.may.includes('write') && inScope(of, h.sets),
    );
  const found = new Map<string, Group>();
  for (const s of snapshots) {
    if (host === undefined ? mayWrite(s.set, s.host) : s.host === host)
      found.set(`${s.set}/${s.host}`, { set: s.set, host: s.host });
  }
  const known = new Set([...found.values()].map((group) => group.set));
  // A set of which no record counts any more is not one that nobody has.
  for (const name of new Set([...sets, ...refused.map((r) => r.set)]))
    if (!known.has(name) && host === undefined) found.set(`${name}/`, { set: name, host: undefined });
  return [...found]
    .filter(([, group]) => set === undefined || group.set === set)
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([, group]) => group);
}

async function targetOf(
  vault: UnlockedVault,
  read: Snapshots,
  { set, host }: Group,
  { older = false }: DrillPlanOptions,
): Promise<DrillTarget> {
  const of = { set, host: host ?? '' };
  try {
    const { snapshot: newest, passedOver } = chooseSnapshot(read, {
      set,
      ...(host === undefined ? {} : { host }),
    });
    const others = read.snapshots.filter(
      (s) => s.set === set && s.host === newest.host && s.complete && s.id < newest.id,
    );
    const snapshot = older && others.length > 0 ? others[randomInt(others.length)]! : newest;
    const [later] = passedOver;
    const target = {
      ...of,
      host: newest.host,
      snapshot,
      newest,
      isOlder: snapshot !== newest,
      ...(later ? { passedOver: later.id } : {}),
    };
    try {
      return { ...target, contents: await readSnapshotContents(vault, snapshot) };
    } catch (error) {
      return { ...target, failure: faultOf(error) };
    }
  } catch (error) {
    return { ...of, isOlder: false, failure: faultOf(error) };
  }
}
