// One set of a host in a drill, before and while it is restored. Data only.
import type { StrongroomError } from '../../errors.ts';
import type { Contents } from '../documents/contents.ts';
import type { Snapshot } from '../snapshots.ts';

export interface DrillTarget {
  readonly set: string;
  /** Empty where no host has written the set. */
  readonly host: string;
  /** What is restored; undefined where there is nothing to restore. */
  readonly snapshot?: Snapshot;
  readonly contents?: Contents;
  /** What `restore latest` would take, and so what would be lost when. */
  readonly newest?: Snapshot;
  readonly isOlder: boolean;
  /** Newer than the newest complete one: a source failed in it, and `restore latest` passes over it. */
  readonly passedOver?: string;
  /** Why it cannot be restored. */
  readonly failure?: StrongroomError;
}

/** Where the files of a snapshot are now. */
export interface RestoredTree {
  readonly set: string;
  readonly host: string;
  readonly contents: Contents;
  /** Absolute; what lies outside of the root of the set is at `@outside/` in it. */
  readonly directory: string;
}
