// The two halves of one change to the target: what stands there is saved, then what was staged is put there. Both
// look again first; what is not as planned stops the restore.

import {
  chmodSync,
  chownSync,
  fchmodSync,
  fchownSync,
  fstatSync,
  futimesSync,
  linkSync,
  readlinkSync,
  renameSync,
  symlinkSync,
  unlinkSync,
  utimesSync,
} from 'node:fs';
import { printableName } from '../names.ts';
import { closeDirectory, type Directory, inside, openChild } from './beneath.ts';
import { copyToNew, writeInto } from './copy.ts';
import { isAsWritten, isStill, lookAt, type Seen } from './existing.ts';
import { changedSincePlan, errno } from './failures.ts';
import { giveOwner, timeOf } from './finish.ts';
import { asidePath, type OpenGround, savedPath, stagedPath } from './ground.ts';
import type { Step } from './journal.ts';
import type { PlaceWarning, PlannedEntry } from './types.ts';

/** One step with all that is needed to take it. */
export interface Change {
  readonly step: Step;
  /** Absolute, for messages. */
  readonly path: string;
  /** What the plan saw there. */
  readonly seen: Seen | undefined;
  /** Absent for a new directory that is no entry, and for the copy of what is replaced. */
  readonly planned: PlannedEntry | undefined;
  /** The mode of a new directory that can only be set once it is in place. */
  readonly lateMode: number | undefined;
}

/**
 * Keeps what a change would replace: a second link to it, or a copy where links cannot be had.
 *
 * @throws ConflictError `changed-since-plan`, or a system error
 */
export async function save({ step, seen, path }: Change, ground: OpenGround): Promise<void> {
  if (seen === undefined || step.kind === 'access' || step.kind === 'aside') return;
  const from = inside(ground.walks[step.base]!.at(step.directory), step.name);
  const staging = ground.stagings[step.group]!;
  const to = savedPath(staging, step.unit);
  if (!isStill(seen, lookAt(from))) throw changedSincePlan(path);
  // Elsewhere than on Linux, linking may follow a link.
  const canLink = step.kind !== 'write' && (seen.type === 'file' || process.platform === 'linux');
  if (canLink && hasLinked(from, to)) {
    // The name may have gone to another file in between: what counts is what was linked. That may have got
    // another inode by it, where file systems are stacked.
    if (!isAsWritten(seen, lookAt(to))) throw changedSincePlan(path);
  } else if (seen.type === 'symlink') {
    symlinkSync(readlinkSync(from, { encoding: 'buffer' }), to);
  } else {
    const part = savedPath(staging, step.unit, '.part');
    if (!(await copyToNew(from, part, seen))) throw changedSincePlan(path);
    if (step.kind !== 'write') lookLike(part, seen);
    renameSync(part, to);
  }
}

/**
 * Puts what is staged into the target.
 *
 * @throws ConflictError `changed-since-plan`, or a system error; EEXIST when something new is in the way
 */
export async function put(change: Change, ground: OpenGround, warnings: PlaceWarning[]): Promise<void> {
  const { step, seen, path } = change;
  const parent = ground.walks[step.base]!.at(step.directory);
  const to = inside(parent, step.name);
  if (seen !== undefined) {
    const now = lookAt(to);
    const saved = lookAt(savedPath(ground.stagings[step.group]!, step.unit));
    if (!isStill(seen, now) && (saved === undefined || !isStill(saved, now))) throw changedSincePlan(path);
  }
  if (step.kind === 'access') return putAccess(change, parent, warnings);
  if (step.kind === 'aside') return moveAside(step, parent, ground);
  const from = stagedPath(ground.stagings[step.group]!, step.unit);
  if (step.kind === 'write') return putInside(change, from, to, warnings);
  if (seen === undefined) {
    // A link does not replace what has appeared there; a rename would.
    if (step.kind === 'file' && hasLinked(from, to)) return unlinkSync(from);
    if (lookAt(to) !== undefined) throw changedSincePlan(path);
  }
  renameSync(from, to);
  const { lateMode } = change;
  if (lateMode !== undefined) inChild(parent, step.name, (child) => chmodSync(child.path, lateMode));
}

async function putInside(
  { planned, path }: Change,
  from: string | Buffer,
  to: string | Buffer,
  warnings: PlaceWarning[],
): Promise<void> {
  const time = timeOf(planned!.entry.mtime);
  await writeInto(to, from, (fd) => {
    fchmodSync(
      fd,
      giveOwner(planned!, (uid, gid) => fchownSync(fd, uid, gid), warnings),
    );
    futimesSync(fd, time, time);
  });
  const message = `'${printableName(path)}' is a mount point, so it was written inside and not replaced`;
  warnings.push({ code: 'mount-point', destination: path, message });
}

function putAccess({ step, planned }: Change, parent: Directory, warnings: PlaceWarning[]): void {
  const time = timeOf(planned!.entry.mtime);
  inChild(parent, step.name, ({ path }) => {
    const mode = giveOwner(planned!, (uid, gid) => chownSync(path, uid, gid), warnings);
    chmodSync(path, mode);
    utimesSync(path, time, time);
  });
}

function moveAside(step: Step, parent: Directory, ground: OpenGround): void {
  const to = asidePath(step.aside!, ground, true)!;
  if (lookAt(to) !== undefined) throw changedSincePlan(step.aside!.name);
  makeMovable(parent, step.name);
  renameSync(inside(parent, step.name), to);
}

/** A directory that its owner may not write into cannot be moved to another one. */
export function makeMovable(parent: Directory, name: string): void {
  if (process.geteuid!() === 0 || lookAt(inside(parent, name))?.type !== 'dir') return;
  inChild(parent, name, ({ fd, path }) => {
    const { mode, uid } = fstatSync(fd);
    if (uid === process.geteuid!() && (mode & 0o300) !== 0o300) chmodSync(path, (mode & 0o7777) | 0o300);
  });
}

/** Works on a directory by its descriptor: a link that takes its name is not followed. */
export function inChild(parent: Directory, name: string, act: (child: Directory) => void): void {
  const child = openChild(parent, name);
  try {
    act(child);
  } finally {
    closeDirectory(child);
  }
}

const CANNOT_LINK: readonly unknown[] = ['EPERM', 'ENOTSUP', 'EOPNOTSUPP', 'ENOSYS', 'EMLINK', 'EXDEV'];

/** @returns false where links cannot be had: not on this file system, or not to a file of another owner */
export function hasLinked(from: string | Buffer, to: string | Buffer): boolean {
  try {
    linkSync(from, to);
    return true;
  } catch (error) {
    if (CANNOT_LINK.includes(errno(error))) return false;
    throw error;
  }
}

function lookLike(copy: string | Buffer, { mode, uid, gid }: Seen): void {
  try {
    chownSync(copy, uid, gid);
  } catch (error) {
    if (errno(error) !== 'EPERM') throw error;
  }
  chmodSync(copy, mode);
}
