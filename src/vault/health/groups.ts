// What stands in the vault of each set and host: its newest good snapshot, and what is to be known of the others. Facts
// only; what to make of them is judge.ts. Pure.
import type { Host } from '../documents/vault-document.ts';
import { inScope } from '../names.ts';
import type { Snapshot } from '../snapshots.ts';
import { MAX_AHEAD_MS } from '../standing.ts';
import { type Usual, usualOf } from './size-trend.ts';

/** How old the newest good snapshot may be, and who says so. */
export interface Objective {
  /** In milliseconds. */
  readonly maxAge: number;
  readonly from: 'flag' | 'config' | 'default';
}

/** A set of a host. Its good snapshots are complete, count by their signature, and all their pieces are there. */
export interface Group {
  readonly set: string;
  readonly host: string;
  /** Whether the host may still write the set, and it is no one-off: else nobody expects a new snapshot. */
  readonly isExpected: boolean;
  readonly objective: Objective;
  /** Since when it has snapshots: its first one where that is still there, else its host is listed. */
  readonly since: Date;
  /** How many count, good or not. */
  readonly snapshots: number;
  /** The newest good one that is not dated after now. */
  readonly newest: Snapshot | undefined;
  /** Of the newest good one, in milliseconds. */
  readonly age: number | undefined;
  /** Newer than the newest good one, and incomplete: a source fails. */
  readonly incomplete: readonly Snapshot[];
  /** Pieces of them are missing or have another size. */
  readonly damaged: readonly Snapshot[];
  /** Dated after now. */
  readonly ahead: readonly Snapshot[];
  /** What the good ones before the newest are like; undefined while there are too few. */
  readonly usual: Usual | undefined;
}

export interface Grouping {
  readonly now: Date;
  readonly hosts: readonly Host[];
  readonly isWhole: (snapshot: Snapshot) => boolean;
  readonly objectiveOf: (set: string) => Objective;
  /** Whether a set was made of a few paths by hand, and nobody is to wait for the next. */
  readonly isOneOff?: (set: string) => boolean;
}

/** @param snapshots those that count, oldest first @returns by set, then host */
export function groupsOf(snapshots: readonly Snapshot[], grouping: Grouping): Group[] {
  const byGroup = new Map<string, Snapshot[]>();
  for (const snapshot of snapshots) {
    const key = `${snapshot.set}/${snapshot.host}`;
    const group = byGroup.get(key);
    if (group) group.push(snapshot);
    else byGroup.set(key, [snapshot]);
  }
  // No name holds a slash, which sorts before all that follow a dot or a dash.
  return [...byGroup].sort(([a], [b]) => (a < b ? -1 : 1)).map(([, group]) => groupOf(group, grouping));
}

function groupOf(snapshots: readonly Snapshot[], grouping: Grouping): Group {
  const { now, hosts, isWhole, objectiveOf, isOneOff } = grouping;
  const { set, host } = snapshots[0]!;
  const isAhead = (s: Snapshot) => Date.parse(s.time) > now.getTime() + MAX_AHEAD_MS;
  const damaged = snapshots.filter((s) => !isWhole(s));
  const good = snapshots.filter((s) => s.complete && !isAhead(s) && !damaged.includes(s));
  const newest = good.at(-1);
  return {
    set,
    host,
    isExpected: mayWrite(hosts, set, host) && isOneOff?.(set) !== true,
    objective: objectiveOf(set),
    since: sinceOf(snapshots, hosts),
    snapshots: snapshots.length,
    newest,
    age: newest && Math.max(0, now.getTime() - Date.parse(newest.time)),
    incomplete: snapshots.filter((s) => !s.complete && !isAhead(s) && s.id > (newest?.id ?? '')),
    damaged,
    ahead: snapshots.filter(isAhead),
    usual: usualOf(good.slice(0, -1)),
  };
}

function sinceOf(snapshots: readonly Snapshot[], hosts: readonly Host[]): Date {
  const { time, host } = snapshots[0]!;
  // Only the first names none before it. Where others name none either, as a host without a memory does not, there may
  // have been any number, which were pruned.
  const isFirst = snapshots.every(({ previous }, i) => (previous === null) === (i === 0));
  const listed = isFirst ? [] : hosts.filter((h) => h.name === host).map((h) => Date.parse(h.added));
  return new Date(Math.min(Date.parse(time), ...listed));
}

function mayWrite(hosts: readonly Host[], set: string, host: string): boolean {
  return hosts.some(
    (h) => h.name === host && h.removed === undefined && h.may.includes('write') && inScope(set, h.sets),
  );
}
