// Turns what the file system says into the failures of this project, once, where they enter.

import { ConflictError, InterruptedError, StrongroomError } from '../../errors.ts';
import { printableName } from '../names.ts';

/** The `errno` name of a system error (`ENOENT`), or undefined. */
export function errno(error: unknown): string | undefined {
  return error instanceof Error && 'syscall' in error && 'code' in error ? String(error.code) : undefined;
}

/** Whether a path led nowhere, or through something that is not a directory (a symbolic link, say). */
export function isLost(error: unknown): boolean {
  const code = errno(error);
  return code === 'ENOENT' || code === 'ENOTDIR' || code === 'ELOOP';
}

/**
 * @param error whatever was thrown; what is already a failure of this project passes through
 * @param path what was to be written, absolute
 * @returns StrongroomError `disk-full`, `target-denied` or `place-failed`; ConflictError `changed-since-plan` when
 *   what was there a moment ago is not
 */
export function placeFailure(error: unknown, path: string): unknown {
  const code = errno(error);
  if (code === undefined) return error;
  if (isLost(error)) return changedSincePlan(path, error);
  const object = printableName(path);
  if (code === 'ENOSPC' || code === 'EDQUOT') return diskFull(object, undefined, error);
  if (code === 'EACCES' || code === 'EPERM' || code === 'EROFS') {
    return new StrongroomError('target-denied', `no permission to write '${object}'`, {
      object,
      hint: 'restore to a directory of your own with --target, or run as its owner',
      cause: error,
    });
  }
  return new StrongroomError('place-failed', `cannot write '${object}': ${code}`, { object, cause: error });
}

/** @param needed bytes, where that is known */
export function diskFull(object: string, needed?: number, cause?: unknown): StrongroomError {
  const size = needed === undefined ? '' : `, ${needed} bytes are needed`;
  return new StrongroomError('disk-full', `no space left at '${object}'${size}`, {
    object,
    hint: 'nothing was changed; free some space there, or restore elsewhere with --target',
    cause,
  });
}

export function changedSincePlan(path: string, cause?: unknown): ConflictError {
  const object = printableName(path);
  return new ConflictError('changed-since-plan', `'${object}' changed while the restore was prepared`, {
    object,
    hint: 'nothing was changed; stop what writes there and restore again',
    cause,
  });
}

export function caseCollision(path: string): ConflictError {
  const object = printableName(path);
  return new ConflictError('case-collision', `'${object}' has the same name as another entry there`, {
    object,
    hint: 'nothing was changed; this file system does not tell upper from lower case: restore elsewhere with --target',
  });
}

export function restoreRunning(root: string): ConflictError {
  const object = printableName(root);
  return new ConflictError('restore-running', `another restore into '${object}' is under way`, {
    object,
    hint: 'wait for it to end',
  });
}

/** @throws InterruptedError when the signal has fired */
export function stopIfAborted(signal: AbortSignal | undefined): void {
  if (signal?.aborted) throw new InterruptedError('interrupted', 'interrupted');
}
