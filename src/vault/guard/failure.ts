// How a guard fails: with the exit code of what it ran, or with its own two.
import { type ErrorDetails, StrongroomError } from '../../errors.ts';

/** It failed before the command ran, and nothing was changed. */
export const BEFORE_COMMAND = 125;
/** The files could not be put back. */
export const NOT_PUT_BACK = 126;
/** The command went well and the probe did not. */
export const PROBE_FAILED = 5;

/** A guard that did not go well. Its exit code is the command's, or says what else went wrong. */
export class GuardError extends StrongroomError {
  override readonly exitCode: number;
  /** Ids of the snapshots from before, as far as there were any. */
  readonly snapshots: readonly string[];

  constructor(
    exitCode: number,
    code: string,
    message: string,
    details: ErrorDetails = {},
    snapshots: readonly string[] = [],
  ) {
    super(code, message, details);
    this.exitCode = exitCode;
    this.snapshots = snapshots;
  }
}

/** The same failure, of a guard that has not run its command. */
export function beforeCommand(error: StrongroomError): GuardError {
  const { code, message, hint, object } = error;
  return new GuardError(BEFORE_COMMAND, code, message, {
    ...(hint === undefined ? {} : { hint }),
    ...(object === undefined ? {} : { object }),
    cause: error,
  });
}

/** @param copies directories with what was there before, printable; none where they are gone @param snapshots ids */
export function notPutBack(
  cause: unknown,
  copies: readonly string[],
  snapshots: readonly string[],
): GuardError {
  const why = cause instanceof StrongroomError ? cause.message : 'an internal error';
  const where = copies.map((copy) => `'${copy}'`).join(', ');
  const here = where === '' ? '' : `; the files as they were are in ${where}`;
  const restore = snapshots.map((id) => `\`strongroom restore ${id}\``).join(', ');
  const details = {
    hint: `see what is in the way, then run \`strongroom guard --recover\`${here}${restore === '' ? '' : `; with a key ${restore} has them${here && ' too'}`}`,
    cause,
  };
  const message = `the files could not be put back: ${why}`;
  return new GuardError(NOT_PUT_BACK, 'not-put-back', message, details, snapshots);
}
