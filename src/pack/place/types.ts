// What the caller and the parts of `place` say to each other: where entries go, what happens to what is there
// already, and what was done. Data only.

import type { Entry } from '../entry.ts';
import type { ConflictKind, Layout } from './layout.ts';

export type { ConflictKind };

/** What to do where a file or symbolic link stands already and differs. */
export type Existing = 'refuse' | 'replace' | 'bak' | 'skip';

export interface Destination {
  /** Absolute path of the target directory: new, existing, or the set's own root when in place. */
  root: string;
  /** Absolute path under which `@outside/…` entries go (`/` when in place); unset: they stay below the root. */
  outside?: string;
}

export interface PlaceOptions {
  existing: Existing;
  /** Give every entry the mode and numeric owner that were recorded, but for set-id bits. */
  asRecorded: boolean;
  /** With `asRecorded`, set-id bits too. Only for what this machine recorded of itself: an undo copy. */
  setId?: boolean;
  /**
   * Glob of entry paths to octal mode (`'0444'`), stronger than `asRecorded`. A glob that ends in `/` is for
   * directories, any other for files; the last one that matches counts.
   */
  modes?: Readonly<Record<string, string>>;
  /** Owner of everything that is placed; stronger than `asRecorded`. */
  owner?: { readonly uid: number; readonly gid: number };
  /** Absolute paths that are never replaced (the active config): what differs lands as `NAME.restored`. */
  protect?: readonly string[];
  /** Only with `outside: '/'` and `existing: 'replace'`: what is in the way moves aside, and is no conflict. */
  aside?: Aside;
  now: Date;
  /** Absolute path; journals of unfinished restores are kept in its `restores` directory. */
  stateDirectory: string;
  signal?: AbortSignal;
}

/** What a placement moves out of the target, whole, to where nobody else looks. */
export interface Aside {
  /** Entry paths of what must not stay, none below another. */
  readonly unwanted: readonly string[];
  /**
   * Where what stands at an absolute path goes: absolute, on the same mount, a name that nothing has. The directories
   * on the way may be missing but for the first below one that is the caller's own.
   */
  to(path: string): string;
}

/**
 * - `create`: nothing is there
 * - `replace`: what is there goes; for a directory: its mode or owner changes
 * - `bak`: as `replace`, and the old content stays beside it under the name `keptAs`
 * - `aside`: what is there is protected, so this lands beside it
 * - `same`: it is there already, or is a directory that stays as it is
 * - `skip`: something else is there and stays
 * - `conflict`: something is in the way; nothing is placed while there is one of these
 */
export type Action = 'create' | 'replace' | 'bak' | 'aside' | 'same' | 'skip' | 'conflict';

export interface PlannedEntry {
  readonly entry: Entry;
  /** Absolute, as a name of `names.ts`: `fsPath` for the file system, `printableName` for people. */
  readonly destination: string;
  readonly action: Action;
  /** Permission bits that it ends with; means nothing for a symbolic link. */
  readonly mode: number;
  /** Owner to give it; undefined: whoever runs this. */
  readonly owner: { readonly uid: number; readonly gid: number } | undefined;
  /** Lacks permission bits that were recorded, set-id bits aside. */
  readonly narrower: boolean;
  /** Why this action, in a few words. */
  readonly reason?: string;
  readonly conflict?: ConflictKind;
  /** Action `bak`: the absolute name under which the old content stays. */
  readonly keptAs?: string;
  /** A mount point (a bind-mounted file): it cannot be replaced, so it is written inside. */
  readonly mountPoint?: true;
}

/** What a restore will do. Dry run, confirmation, undo copy and the restore itself read the same plan. */
export interface PlacementPlan {
  /** The target, with every link above it resolved. */
  readonly root: string;
  /** The target is not there yet and comes into being by one rename. */
  readonly fresh: boolean;
  /** In the order of the entries that were handed in. */
  readonly entries: readonly PlannedEntry[];
  readonly counts: Readonly<Record<Action, number>>;
  /** How many of what is placed or found the same lack permission bits that were recorded. */
  readonly narrower: number;
  /** As root only, as nobody else can give an owner back: how many change hands without being asked to. */
  readonly ownerLost: number;
  /** Of those that were to be as recorded, how many lack recorded set-id bits. */
  readonly setIdLost: number;
  readonly conflicts: readonly PlannedEntry[];
  /** What exists and would be gone: the caller keeps an undo copy of these first. */
  readonly replaces: readonly PlannedEntry[];
  readonly mountPoints: readonly PlannedEntry[];
  /** Symbolic links that would be placed and lead outside the target. */
  readonly links: readonly PlannedEntry[];
  /** Content to be written, in bytes. */
  readonly bytes: number;
  /** Where everything is staged; of no concern to a caller. */
  readonly layout: Layout;
}

export interface StagedFile {
  /** Appends. The chunk may be used again once the promise is settled. */
  write(chunk: Uint8Array): Promise<void>;
  /** @throws IntegrityError `wrong-size` when the bytes written are not as many as the entry says */
  close(): Promise<void>;
}

/**
 * A place beside the target that takes the files one by one. Nothing in the target changes before `commit`.
 * Whatever throws leaves the target as it was (or as `recoverPlacement` will make it) and ends the staging.
 */
export interface Staging {
  /** Whether the content of this entry is needed; what is not wanted may be handed in all the same. */
  wants(path: string): boolean;
  /**
   * Takes a small file, whole. The caller has proven its content.
   *
   * @throws IntegrityError `unexpected-entry`, `wrong-size`; StrongroomError `disk-full`, `target-denied`,
   *   `place-failed`
   */
  file(entry: Entry, content: Uint8Array): void;
  /** Takes a large file in pieces. Its content must be proven before `commit`; throws as `file` does. */
  openFile(entry: Entry): StagedFile;
  /**
   * Takes a file that is there already by a second name: no room, no time. The file becomes the target's with the
   * mode and owner of its entry; nobody else may have it open.
   *
   * @param from absolute, a name of `names.ts`; on the mount that the entry goes to
   * @returns false where that cannot be, and nothing was taken
   * @throws as `file` does
   */
  adopt(entry: Entry, from: string): boolean;
  /**
   * Puts everything into the target: wholly, or not at all.
   *
   * @throws IntegrityError `missing-entry` when a planned file was not handed in; ConflictError
   *   `changed-since-plan`, `case-collision`; InterruptedError; StrongroomError `disk-full`, `target-denied`,
   *   `place-failed`, and `restore-half-done` when the target must be mended by `recoverPlacement`
   */
  commit(): Promise<PlaceReport>;
  /** Removes the staging; does nothing after `commit`. */
  discard(): Promise<void>;
}

export interface PlaceWarning {
  readonly code: 'mount-point' | 'owner-not-set';
  /** Absolute, a name of `names.ts`. */
  readonly destination: string;
  /** One line, safe to show. */
  readonly message: string;
}

export interface PlaceReport {
  readonly root: string;
  readonly counts: Readonly<Record<Action, number>>;
  readonly narrower: number;
  readonly ownerLost: number;
  readonly setIdLost: number;
  /** Symbolic links that lead outside the target. */
  readonly links: readonly PlannedEntry[];
  readonly warnings: readonly PlaceWarning[];
}

/** What `recoverPlacement` found and did. */
export type Recovery = 'nothing' | 'undone' | 'finished';

export interface RecoverOptions {
  stateDirectory: string;
  /** Told, in one line safe to show, what a recovery had to leave or to set aside. */
  onWarning?: (message: string) => void;
}
