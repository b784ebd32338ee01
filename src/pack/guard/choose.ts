// Chooses where a guard's copies go: only where nobody but the caller and root can put something else in their place.

import { accessSync, constants, lstatSync } from 'node:fs';
import { posix } from 'node:path';
import { StrongroomError } from '../../errors.ts';
import { isWithin } from '../collect-place.ts';
import { fsPath, printableName } from '../names.ts';
import type { Mounts } from '../place/mounts.ts';
import type { UndoPlace } from './journal.ts';
import { undoName } from './name.ts';

/** What files can be renamed and cloned within. @param directory absolute */
export function mountOf(directory: string, mounts: Mounts): string {
  return `${lstatSync(fsPath(directory)).dev} ${mounts.above(directory)}`;
}

/**
 * Chooses where the copies of files on one mount go: into the state directory if that is on it, else as far up as the
 * caller has a directory, as deploys clean what is near the files: `rsync --delete`, `git clean`. Within the roots only
 * where nothing else will do.
 *
 * @param top absolute real path of a directory on the mount
 * @param roots real paths of what is guarded
 * @param state absolute real path of the state directory
 * @throws StrongroomError `no-room-beside` when nothing may be made there, or others could meddle with it
 */
export function choosePlace(
  top: string,
  id: string,
  mounts: Mounts,
  roots: readonly string[],
  state?: string,
): UndoPlace {
  const mount = mountOf(top, mounts);
  const above = [...directoriesAbove(top, mount, mounts).toReversed(), top];
  const candidates = [
    ...(state !== undefined && mountOf(state, mounts) === mount ? [state] : []),
    ...above.filter(isOwn),
    ...above,
  ].filter((directory) => isWritable(directory) && isQuiet(directory));
  const isOutside = (directory: string) => !roots.some((root) => isWithin(directory, root));
  const chosen = candidates.find(isOutside) ?? candidates[0];
  if (chosen !== undefined) return { path: posix.join(chosen, undoName(id)), mount };
  const object = printableName(top);
  throw new StrongroomError(
    'no-room-beside',
    `no copy of the files in '${object}' can be kept near them, where only you can change it`,
    {
      object,
      hint: 'run it as the owner of the files, such as `sudo -u app strongroom guard …`; what could not be put back is not guarded',
    },
  );
}

/** The directories above one, on its mount, the nearest first. */
function directoriesAbove(top: string, mount: string, mounts: Mounts): string[] {
  const found: string[] = [];
  for (let at = top; at !== '/'; ) {
    at = posix.dirname(at);
    if (mountOf(at, mounts) !== mount) break;
    found.push(at);
  }
  return found;
}

/** The caller's, and no place for everybody such as /tmp, which somebody cleans. */
function isOwn(directory: string): boolean {
  const { uid, mode } = lstatSync(fsPath(directory));
  return uid === process.geteuid!() && (mode & 0o002) === 0;
}

function isWritable(directory: string): boolean {
  try {
    accessSync(fsPath(directory), constants.W_OK | constants.X_OK);
    return true;
  } catch {
    return false;
  }
}

/**
 * Whether nobody else can move away what we make there, nor a directory above it: he would choose where we write. A
 * group may be a user's own, so for a user one that may write does not count; as root it does.
 *
 * @param directory absolute, real
 */
export function isQuiet(directory: string): boolean {
  const me = process.geteuid!();
  const others = me === 0 ? 0o022 : 0o002;
  for (let at = directory; ; at = posix.dirname(at)) {
    const stats = lstatSync(fsPath(at));
    if (!stats.isDirectory() || (stats.uid !== 0 && stats.uid !== me)) return false;
    if ((stats.mode & others) !== 0 && (stats.mode & 0o1000) === 0) return false;
    if (at === '/') return true;
  }
}
