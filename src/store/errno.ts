// What the operating system says, in the words of errors.ts: a foreign error is wrapped here, once.

import { IntegrityError, StoreError } from '../errors.ts';

const words: Readonly<Record<string, string>> = {
  ENOSPC: 'no space left',
  EDQUOT: 'the quota is used up',
  EACCES: 'permission denied',
  EPERM: 'not permitted',
  EROFS: 'the file system is read-only',
  ENOENT: 'it went away',
  ENOTDIR: 'that is not a directory',
  EIO: 'input or output error',
};

/** The errno name of a system error, such as 'ENOENT', or undefined for any other error. */
export function errno(error: unknown): string | undefined {
  if (!(error instanceof Error) || !('errno' in error) || !('code' in error)) return undefined;
  return typeof error.code === 'string' ? error.code : undefined;
}

/**
 * Turns a system error into a StoreError: `store-full`, `store-denied` or `store-unreachable`. Any other error,
 * ours or a bug, is returned as it is.
 *
 * @param what what could not be done, such as `cannot create vault/1.json in /srv/vault`
 * @param object the object or directory it was about
 */
export function storeFailure(error: unknown, what: string, object: string): unknown {
  const code = errno(error);
  if (code === undefined) return error;
  const message = `${what}: ${words[code] ?? 'the system refused'} (${code})`;
  if (code === 'ENOSPC' || code === 'EDQUOT') {
    const hint = 'free some space there, or delete old snapshots; what was under way was not stored';
    return new StoreError('store-full', message, { hint, object, cause: error });
  }
  if (code === 'EACCES' || code === 'EPERM' || code === 'EROFS') {
    const hint = 'check who owns the directory, as whom this runs, and how it is mounted';
    return new StoreError('store-denied', message, { hint, object, cause: error });
  }
  const hint = 'check that the disk or network mount is there and sound';
  return new StoreError('store-unreachable', message, { hint, object, cause: error });
}

/** The error for what somebody put where an object or a directory of the vault belongs. */
export function notAnObject(
  name: string,
  location: string,
  expected: 'plain file' | 'directory',
): IntegrityError {
  return new IntegrityError(
    'not-an-object',
    `${name} in ${location} should be a ${expected} and is something else`,
    {
      object: name,
      hint: 'strongroom follows no link and opens no device there; look at who can write to the store',
    },
  );
}
