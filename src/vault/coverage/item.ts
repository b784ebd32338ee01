// What a look at coverage comes to: plain data, without any value of a file.
import type { SecretFinding } from '../../capture/secrets/scan.ts';

/**
 * How something that the deployment refers to stands. `uncovered`: on disk, and the next backup would not take it.
 * `excluded`: it would not, because the sets say so. `nothing`: an empty directory, a socket. `outside`: beyond the
 * root and not allowed, so not looked at.
 */
export type CoverageState =
  | 'covered'
  | 'uncovered'
  | 'excluded'
  | 'missing'
  | 'outside'
  | 'too-large'
  | 'unreadable'
  | 'nothing';

/** How a file stands to the last snapshot. */
export type SnapshotState = 'same' | 'changed' | 'absent';

/** Something that the deployment refers to. */
export interface CoverageItem {
  /** Absolute. */
  readonly path: string;
  /** What it is to the file that names it, such as `env_file of web`. */
  readonly as: string;
  /** The file that names it, absolute; undefined for what was found by itself. */
  readonly by: string | undefined;
  readonly required: boolean;
  readonly state: CoverageState;
  /** More of why it is so, where there is more to say: a phrase. */
  readonly why: string | undefined;
  /** Whether the deployment would lack it after a restore: such a one is a failed check. */
  readonly lacking: boolean;
  /** Whether a person should look at it, though the check does not fail for it unless it is strict. */
  readonly warned: boolean;
  /** Whether it holds secrets, as far as anybody can tell. */
  readonly secret: boolean;
  readonly snapshot?: SnapshotState;
}

/** A file that is secret, or looks it. */
export interface SecretFile {
  /** Absolute. */
  readonly path: string;
  readonly findings: readonly SecretFinding[];
  /** Whether the deployment refers to it. */
  readonly referred: boolean;
  readonly covered: boolean;
  /** Whether it looks secret, and is nobody's: nothing refers to it, and no set takes it. */
  readonly stray: boolean;
  /** Whether git tracks it; undefined where git cannot be asked. */
  readonly tracked: boolean | undefined;
  /** Who else may read it. */
  readonly readable: 'everyone' | 'group' | undefined;
  readonly snapshot?: SnapshotState;
}

/** Something that keeps coverage from being known. */
export interface CoverageDoubt {
  /** Absolute, or a pattern of a set. */
  readonly path: string;
  /** A phrase. */
  readonly reason: string;
  /** The next snapshot would be incomplete for it. */
  readonly lacking: boolean;
}

/** One directory. */
export interface RootCoverage {
  /** Absolute. */
  readonly root: string;
  /** Names of the sets that it was held against. */
  readonly sets: readonly string[];
  readonly items: readonly CoverageItem[];
  /** Secret files that nothing refers to and no set takes, or that git tracks or others may read. */
  readonly secrets: readonly SecretFile[];
  readonly doubts: readonly CoverageDoubt[];
  /** Whether git could say what it tracks, wherever there is a repository. */
  readonly gitKnown: boolean;
  /** What to write below the first of the sets, so that all that is on disk is taken; undefined where that is nothing. */
  readonly next: NextLines | undefined;
}

/** Whole lists for strongroom.yaml: what is there already, and what is to be added. */
export interface NextLines {
  readonly set: string;
  readonly include: readonly string[] | undefined;
  readonly outside: readonly string[] | undefined;
}
