// Takes back what a restore did to a target. Each step is judged by what is there and not by how far the restore
// came, so it can be taken back again and again. What somebody changed since is kept beside, never deleted.

import {
  chmodSync,
  chownSync,
  fchmodSync,
  fchownSync,
  fstatSync,
  futimesSync,
  lstatSync,
  readdirSync,
  renameSync,
  unlinkSync,
  utimesSync,
} from 'node:fs';
import { ConflictError } from '../../errors.ts';
import { decodeName, printableName } from '../names.ts';
import { closeDirectory, type Directory, inside, openChild } from './beneath.ts';
import { nameBeside } from './beside.ts';
import { writeInto } from './copy.ts';
import { lookAt, type Seen } from './existing.ts';
import { errno, isLost } from './failures.ts';
import { asidePath, type OpenGround, savedPath, stagedPath } from './ground.ts';
import type { Step } from './journal.ts';
import { inChild, makeMovable } from './swap.ts';

export interface UndoOptions {
  /** When the restore began to change the target, milliseconds since the epoch: what is newer is not its. */
  readonly sinceMs: number;
  /** Absolute path of a step, for messages. */
  readonly pathOf: (step: Step) => string;
  /** Told in one line, safe to show, of what was set aside. */
  readonly onWarning: (message: string) => void;
}

/**
 * Makes the target what it was.
 *
 * @param steps in the order in which they were to be taken
 * @throws ConflictError `directory-gone` when there is nowhere to put back what was saved; a system error. It can
 *   be called again
 */
export async function undoSteps(
  steps: readonly Step[],
  ground: OpenGround,
  options: UndoOptions,
): Promise<void> {
  for (const step of steps.toReversed()) {
    const staging = ground.stagings[step.group];
    // A staging directory goes only when all is undone.
    if (staging === undefined) continue;
    const saved = savedPath(staging, step.unit);
    const isSaved = lookAt(saved) !== undefined;
    const parent = parentOf(step, ground);
    if (parent === undefined) {
      if (isSaved) throw directoryGone(options.pathOf(step));
      continue;
    }
    if (step.kind === 'aside') {
      undoAside(step, parent, ground, options);
      continue;
    }
    const staged = stagedPath(staging, step.unit);
    if (step.kind === 'access') undoAccess(step, parent);
    else if (step.kind === 'write') await undoWrite(step, parent, saved, isSaved);
    else if (!step.isReplacing) undoNew(step, parent, staged, options);
    else if (isSaved) undoReplace(step, parent, staged, saved, options);
  }
}

function parentOf(step: Step, ground: OpenGround): Directory | undefined {
  try {
    return ground.walks[step.base]!.at(step.directory);
  } catch (error) {
    if (isLost(error)) return undefined;
    throw error;
  }
}

function undoReplace(
  step: Step,
  parent: Directory,
  staged: string | Buffer,
  saved: string | Buffer,
  options: UndoOptions,
): void {
  // Still staged: the old one still stands. (Both may be one file, which a rename would leave with two names.)
  if (lookAt(staged) !== undefined) {
    unlinkSync(saved);
    return;
  }
  const path = inside(parent, step.name);
  const now = lookAt(path);
  if (now !== undefined && !isOurs(step, now)) setAside(step, parent, options);
  renameSync(saved, path);
}

function undoNew(step: Step, parent: Directory, staged: string | Buffer, options: UndoOptions): void {
  const path = inside(parent, step.name);
  const now = lookAt(path);
  if (now === undefined) return;
  const isPlaced = lookAt(staged) === undefined;
  if (step.kind !== 'tree') {
    if (isOurs(step, now)) unlinkSync(path);
    else if (isPlaced) setAside(step, parent, options);
    return;
  }
  if (!isPlaced || now.type !== 'dir' || now.ino !== step.ino) return;
  if (isChangedBelow(parent, step.name, options.sinceMs)) {
    setAside(step, parent, options);
  } else {
    makeMovable(parent, step.name);
    renameSync(path, staged);
  }
}

async function undoWrite(
  step: Step,
  parent: Directory,
  saved: string | Buffer,
  isSaved: boolean,
): Promise<void> {
  const path = inside(parent, step.name);
  const now = lookAt(path);
  const { before } = step;
  if (!isSaved || before === undefined || now?.type !== 'file') return;
  await writeInto(path, saved, (fd) => {
    const { uid, gid } = fstatSync(fd);
    if (uid !== before.uid || gid !== before.gid) fchownSync(fd, before.uid, before.gid);
    fchmodSync(fd, before.mode);
    futimesSync(fd, before.mtimeMs / 1000, before.mtimeMs / 1000);
  });
  unlinkSync(saved);
}

function undoAside(step: Step, parent: Directory, ground: OpenGround, options: UndoOptions): void {
  const from = asidePath(step.aside!, ground);
  const moved = from === undefined ? undefined : lookAt(from);
  if (moved === undefined || moved.ino !== step.ino) return;
  const path = inside(parent, step.name);
  if (lookAt(path) !== undefined) setAside(step, parent, options);
  renameSync(from!, path);
}

function undoAccess({ name, before }: Step, parent: Directory): void {
  if (before === undefined || lookAt(inside(parent, name))?.type !== 'dir') return;
  inChild(parent, name, ({ fd, path }) => {
    const { uid, gid } = fstatSync(fd);
    if (uid !== before.uid || gid !== before.gid) chownSync(path, before.uid, before.gid);
    chmodSync(path, before.mode);
    utimesSync(path, before.mtimeMs / 1000, before.mtimeMs / 1000);
  });
}

function isOurs(step: Step, now: Seen): boolean {
  return now.ino === step.ino && now.size === step.size && now.mtimeMs === step.mtimeMs;
}

// The kernel keeps the time of change itself: nobody can set it back.
function isChangedBelow(parent: Directory, name: string, sinceMs: number): boolean {
  const directory = openChild(parent, name);
  try {
    for (const entry of readdirSync(directory.path, { encoding: 'buffer', withFileTypes: true })) {
      const child = decodeName(entry.name as unknown as Buffer);
      if (lstatSync(inside(directory, child)).ctimeMs > sinceMs) return true;
      if (entry.isDirectory() && isChangedBelow(directory, child, sinceMs)) return true;
    }
    return false;
  } catch (error) {
    // Closed as recorded, to others too. A name that was added would have shown in its own time.
    if (errno(error) === 'EACCES') return false;
    throw error;
  } finally {
    closeDirectory(directory);
  }
}

function setAside(step: Step, parent: Directory, { pathOf, onWarning }: UndoOptions): void {
  const isFree = (name: string) => lookAt(inside(parent, name)) === undefined;
  const aside = nameBeside(step.name, new Date(), 'bak', isFree);
  renameSync(inside(parent, step.name), inside(parent, aside));
  const path = printableName(pathOf(step));
  onWarning(`'${path}' was changed after the restore broke off, so it is kept as '${printableName(aside)}'`);
}

function directoryGone(path: string): ConflictError {
  const object = printableName(path);
  return new ConflictError('directory-gone', `'${object}' cannot be put back: its directory is gone`, {
    object,
    hint: 'make the directory again, then run restore --recover',
  });
}
