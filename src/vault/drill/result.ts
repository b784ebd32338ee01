// What a drill found, as the command shows it, the pages draw it and the evidence sums it up. Plain data: names and
// times; no value of any file, and no answer of a query but a number.
import type { Snapshot } from '../snapshots.ts';

/** What was looked at. Names are part of the format of evidence: docs/format.md section 8. */
export const CHECKS = [
  'files',
  'modes',
  'dotenv',
  'compose',
  'manifests',
  'certificates',
  'stream',
  'query',
  'command',
  'recovery-point',
  'recovery-time',
] as const;
export type CheckName = (typeof CHECKS)[number];

export interface Check {
  readonly check: CheckName;
  /** A path in the snapshot, a stream, a command, made printable: `certs/site.pem`, `db`. */
  readonly subject: string;
  /** `skipped`: nothing could be said, and `message` says why; neither good nor bad. */
  readonly outcome: 'passed' | 'failed' | 'skipped';
  /** One sentence, without a value; for what failed, what is wrong. */
  readonly message?: string;
  readonly seconds?: number;
}

/** Whether nothing failed; what was skipped is neither good nor bad. */
export function noneFailed(checks: readonly Check[]): boolean {
  return checks.every(({ outcome }) => outcome !== 'failed');
}

/** A span of the drill, for its timeline. */
export interface Phase {
  /** Such as `open the vault`, `restore files`, `load db`, `check`. */
  readonly name: string;
  /** Seconds from the beginning of the drill. */
  readonly at: number;
  readonly seconds: number;
}

/** What was promised, in milliseconds. */
export interface Objectives {
  readonly rpo?: number;
  readonly rto?: number;
  readonly drill?: number;
}

/** A set of a host, restored and looked at. */
export interface DrillPart {
  readonly set: string;
  readonly host: string;
  /** The one that was restored; undefined where there was none to restore. */
  readonly snapshot: Snapshot | undefined;
  /** Whether an older one than the newest was chosen. */
  readonly isOlder: boolean;
  readonly objectives: Objectives;
  /** Seconds that would have been lost: the age of the newest good snapshot when the drill began. */
  readonly recoveryPoint: number | undefined;
  /** Seconds that it took to bring files back and to load dumps, checks aside; undefined where they are not all back. */
  readonly recoveryTime: number | undefined;
  readonly files: number;
  /** Of files and streams. */
  readonly bytes: number;
  readonly phases: readonly Phase[];
  readonly checks: readonly Check[];
  /** Nothing failed. */
  readonly passed: boolean;
}

export interface DrillResult {
  readonly began: Date;
  /** Of all of it. */
  readonly seconds: number;
  readonly parts: readonly DrillPart[];
  /** Of the whole: from the beginning until the last set was back; the oldest recovery point. */
  readonly recoveryTime: number | undefined;
  readonly recoveryPoint: number | undefined;
  readonly objectives: Objectives;
  /** Of the whole: objectives. */
  readonly checks: readonly Check[];
  /** To be ticked by a person. */
  readonly manual: readonly string[];
  readonly passed: boolean;
  /** Where files were put: in memory, or on a disk, where what is removed may be found. */
  readonly scratch: 'memory' | 'disk';
  /** The object of its evidence; undefined where none was kept. */
  readonly evidence: string | undefined;
}
