// What a journal says, and how strictly it is read: it makes us move files, so anything odd makes it no journal.

import { checkEntryPath } from '../names.ts';
import type { Terrain } from './ground.ts';
import type { Landing, UnitKind } from './layout.ts';
import type { Runner } from './runner.ts';

/** One change to the target, with what it takes to undo it. */
export interface Step {
  readonly kind: UnitKind;
  /** The number under which it is staged and what it replaces is kept. */
  readonly unit: number;
  readonly group: number;
  readonly base: number;
  readonly directory: string;
  readonly name: string;
  /** Something stands there now. */
  readonly isReplacing: boolean;
  /** What was staged, to be known again; zeros for `access`. */
  readonly ino: number;
  readonly size: number;
  readonly mtimeMs: number;
  /** Where what stands there is moved to, for `aside`. */
  readonly aside?: Landing | undefined;
  /** What stands there had this, for `access` and `write`. */
  readonly before?: {
    readonly mode: number;
    readonly uid: number;
    readonly gid: number;
    readonly mtimeMs: number;
  };
}

export interface Journal extends Terrain {
  readonly format: 1;
  /** The target that was asked for, absolute, links above it resolved. */
  readonly root: string;
  readonly runner: Runner;
  /** What is done to the target; absent while it is only staged. */
  readonly steps?: readonly Step[];
  /** When that began, milliseconds since the epoch; goes with `steps`. */
  readonly sinceMs?: number;
}

const KINDS: ReadonlySet<unknown> = new Set<UnitKind>(['tree', 'file', 'link', 'write', 'access', 'aside']);

/** @returns undefined when it is not a journal of this id, or of another format */
export function parseJournal(text: string, id: string): Journal | undefined {
  let journal: Journal;
  try {
    journal = JSON.parse(text) as Journal;
    return isJournal(journal) && journal.id === id ? journal : undefined;
  } catch {
    return undefined; // Not JSON, or a path that cannot be.
  }
}

// Throws on what is not even shaped like one.
function isJournal(journal: Journal): boolean {
  const { format, root, runner, bases, groups, steps = [], sinceMs = 0 } = journal;
  return (
    format === 1 &&
    isAbsolute(root) &&
    bases.every(isAbsolute) &&
    groups.length > 0 &&
    groups.every(({ base, directory }) => isIndex(base, bases) && isRelative(directory)) &&
    Number.isFinite(sinceMs) &&
    isCount(runner.pid) &&
    [runner.started, runner.boot, runner.namespace].every((text) => typeof text === 'string') &&
    steps.every((step) => isStep(step, journal))
  );
}

function isStep(step: Step, { bases, groups }: Journal): boolean {
  const { kind, unit, group, isReplacing, ino, size, mtimeMs, before, aside } = step;
  return (
    KINDS.has(kind) &&
    isCount(unit) &&
    isIndex(group, groups) &&
    isLanding(step, bases) &&
    (kind === 'aside' ? aside !== undefined && isLanding(aside, bases) : aside === undefined) &&
    typeof isReplacing === 'boolean' &&
    [ino, size, mtimeMs].every(Number.isFinite) &&
    (before === undefined ||
      ([before.mode, before.uid, before.gid].every(isCount) && Number.isFinite(before.mtimeMs)))
  );
}

function isLanding({ base, directory, name }: Landing, bases: Journal['bases']): boolean {
  return (
    isIndex(base, bases) && isRelative(directory) && name !== '' && !name.includes('/') && isRelative(name)
  );
}

function isAbsolute(path: unknown): boolean {
  return typeof path === 'string' && path.startsWith('/') && (path === '/' || isRelative(path.slice(1)));
}

function isRelative(path: string): boolean {
  if (path !== '') checkEntryPath(path);
  return true;
}

function isCount(value: unknown): boolean {
  return Number.isSafeInteger(value) && (value as number) >= 0;
}

function isIndex(value: unknown, list: readonly unknown[]): boolean {
  return isCount(value) && (value as number) < list.length;
}
