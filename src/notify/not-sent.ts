// Why a receiver was not told. Its words are ours: what a server answered, a URL and a password stand in none of them.

import { StrongroomError } from '../errors.ts';

export class NotSent extends StrongroomError {
  /** Whether it may go better in a moment. */
  readonly again: boolean;

  /** @param reason a phrase that goes on after the receiver: `it answered 404` */
  constructor(reason: string, again: boolean, cause?: unknown) {
    super('not-sent', reason, { cause });
    this.again = again;
  }
}

/** Names of system errors: letters and digits, so nothing of anybody's. */
const ERROR_NAME = /^[A-Z][A-Z0-9_]{2,40}$/;

/** The name that a system error or a library gave, such as `ENOTFOUND`; of nested ones the innermost. */
export function errorName(error: unknown): string | undefined {
  if (!(error instanceof Error)) return undefined;
  const nested = error instanceof AggregateError ? error.errors[0] : error.cause;
  // nodemailer puts a code of its own over the system's, and keeps that.
  const { code, originalCode = code } = error as { readonly code?: unknown; readonly originalCode?: unknown };
  return errorName(nested) ?? (ERROR_NAME.test(String(originalCode)) ? String(originalCode) : undefined);
}

/** A certificate that is refused is so in a second too. */
const FOR_GOOD = /^(?:CERT_|ERR_TLS_|ERR_SSL_|DEPTH_ZERO_|SELF_SIGNED_|UNABLE_TO_|ETLS$|EPROTO$)/;

/** What a connection failed of. */
export function unreachable(error: unknown): NotSent {
  const name = errorName(error);
  const why = name === undefined ? '' : ` (${name})`;
  return name !== undefined && FOR_GOOD.test(name)
    ? new NotSent(`its certificate or its TLS is not accepted${why}`, false, error)
    : new NotSent(`it cannot be reached${why}`, true, error);
}
