// What reading a vault brings to light without stopping: one line for a person, a code for a program.

import { IntegrityError, StoreError, type StrongroomError } from '../errors.ts';

export interface Finding {
  /** Stable name, as in docs/format.md: `unlisted-writer`, `missing-part`. */
  readonly code: string;
  /** The object in the vault it is about, or the snapshot's id. */
  readonly object: string;
  /** One line, lower case, which names no value. */
  readonly message: string;
  /** `error`: the vault is damaged or was tampered with. `warning`: worth knowing. */
  readonly severity: 'error' | 'warning';
}

export function finding(
  code: string,
  object: string,
  message: string,
  severity: Finding['severity'] = 'error',
): Finding {
  return { code, object, message, severity };
}

/**
 * Whether a failure is of one object, so that looking at the others goes on: damaged, hostile, or (one file made
 * unreadable is a cheap way to blind a check) not to be read by this user.
 */
export function isFault(error: unknown): error is StrongroomError {
  return error instanceof IntegrityError || (error instanceof StoreError && error.code === 'store-denied');
}
