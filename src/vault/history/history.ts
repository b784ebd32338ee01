// How old the values in the files of a set are: in which snapshots each changed. A value is decrypted only where its file
// is not the one of the snapshot before, and only its keyed hash is kept.
import { newMarker } from '../../compare/mark.ts';
import type { ValueKind } from '../../compare/named-value.ts';
import { eachSnapshot, type UnreadSnapshot } from '../each-snapshot.ts';
import { newVersions } from '../exposure/versions.ts';
import type { Snapshot } from '../snapshots.ts';
import type { UnlockedVault } from '../vault.ts';
import { newTimeline, type ValueEvent } from './timeline.ts';

/** The snapshots of one set and host, oldest first. */
export interface HistoryGroup {
  readonly set: string;
  readonly host: string;
  readonly snapshots: readonly Snapshot[];
}

export interface ValueHistory {
  readonly set: string;
  readonly host: string;
  readonly path: string;
  readonly name: string;
  readonly kind: ValueKind;
  readonly likely: boolean;
  /** Whether the newest snapshot has it. */
  readonly present: boolean;
  /**
   * The first snapshot with the value that it has, or last had: an earlier value that came back is as old as it was,
   * and a likely secret is known again under another name.
   */
  readonly since: Snapshot;
  /** Where that was, if not here. */
  readonly sinceAs?: { readonly path: string; readonly name: string };
  /** It was in the oldest snapshot that there is: it may be older. */
  readonly atLeast: boolean;
  /** Newest first. */
  readonly events: readonly ValueEvent[];
}

export interface History {
  readonly values: readonly ValueHistory[];
  /** What a key that was not found may have meant: `PATH:NAME`, a few. */
  readonly similar: readonly string[];
  /** Snapshots that are damaged, so that it is not known what they hold. */
  readonly unread: readonly UnreadSnapshot[];
  /** How many files had more names than are kept, so that some are missing. */
  readonly cut: number;
}

export interface HistoryOptions {
  /** A name, `PATH:NAME`, or the path of a file; every likely secret where it is left out. */
  readonly key?: string;
  readonly onProgress?: (progress: { readonly done: number; readonly of: number }) => void;
}

/** Snapshots by set and host, in the order of their names. @param snapshots oldest first */
export function groupsOf(snapshots: readonly Snapshot[]): HistoryGroup[] {
  const groups = new Map<string, { set: string; host: string; snapshots: Snapshot[] }>();
  for (const snapshot of snapshots) {
    const { set, host } = snapshot;
    const key = `${set}/${host}`;
    const group = groups.get(key);
    if (group) group.snapshots.push(snapshot);
    else groups.set(key, { set, host, snapshots: [snapshot] });
  }
  return [...groups.entries()].sort(([a], [b]) => (a < b ? -1 : 1)).map(([, group]) => group);
}

/** @throws StoreError; InterruptedError; a snapshot that is damaged is reported in `unread` */
export async function readHistory(
  vault: UnlockedVault,
  groups: readonly HistoryGroup[],
  { key, onProgress }: HistoryOptions = {},
): Promise<History> {
  const of = groups.reduce((sum, { snapshots }) => sum + snapshots.length, 0);
  let done = 0;
  const progress = () => {
    done += 1;
    onProgress?.({ done, of });
  };
  const unread: UnreadSnapshot[] = [];
  const values: ValueHistory[] = [];
  const similar = new Set<string>();
  let cut = 0;
  for (const { set, host, snapshots } of groups) {
    // Of one group at a time: hosts share no files.
    const timeline = newTimeline(key);
    const versions = newVersions(MAX_BYTES, newMarker(), timeline.keeps);
    await eachSnapshot({ vault, unread, progress }, snapshots, async (snapshot, contents) => {
      await versions.read(vault, snapshot, contents, (entry) => timeline.wants(entry));
      timeline.see(snapshot, contents.entries, versions.of);
    });
    for (const value of timeline.values()) values.push({ set, host, ...value });
    for (const name of timeline.similar()) similar.add(name);
    cut += timeline.cut().length;
  }
  return { values, similar: [...similar].slice(0, MAX_SIMILAR), unread, cut };
}

const MAX_SIMILAR = 5;
/** For the names of one group, about. Files beyond that are one value each. */
const MAX_BYTES = { path: 8 * 2 ** 20, run: 16 * 2 ** 20 };
