// Every failure a user can meet. The class answers "what can the caller do" and carries the exit code;
// `code` answers "what happened". Both are API: they are only ever added to.
//
// Rules. Messages are one line, lower case, without a full stop, and name the object. The hint says the next
// step. Neither holds file contents, key text, or a parser's echo of its input: an error ends up in logs and
// tickets. A foreign error is wrapped once, where it enters, with `cause`, and never again.

/** What an error may carry besides its message. */
export interface ErrorDetails {
  /** The next step for the person who reads it. */
  hint?: string;
  /** The vault object, file or setting that failed. */
  object?: string;
  cause?: unknown;
}

/** The base of every failure that strongroom reports on purpose; anything else that escapes is a bug. */
export class StrongroomError extends Error {
  /** Process exit code, an API (see the README). */
  readonly exitCode: number = 1;
  /** Stable machine-readable name of what happened, such as `wrong-passphrase`. */
  readonly code: string;
  readonly hint: string | undefined;
  readonly object: string | undefined;

  /**
   * @param code stable name of what happened, kebab-case
   * @param message one line, lower case, naming the object
   */
  constructor(code: string, message: string, details: ErrorDetails = {}) {
    super(message, details.cause === undefined ? undefined : { cause: details.cause });
    this.name = new.target.name;
    this.code = code;
    this.hint = details.hint;
    this.object = details.object;
  }
}

/** The command line, the configuration or an argument is wrong: change what was asked. */
export class UsageError extends StrongroomError {
  override readonly exitCode = 2;
}

/** There is no such vault, snapshot, set or path. */
export class NotFoundError extends StrongroomError {
  override readonly exitCode = 10;
}

/** Something is in the way: a target that exists, a vault that is busy, the last key. */
export class ConflictError extends StrongroomError {
  override readonly exitCode = 11;
}

/** No credential at hand opens the vault. */
export class UnlockError extends StrongroomError {
  override readonly exitCode = 12;
}

/** Bytes are not what was signed: damage or an attack. Nothing from them may be used. */
export class IntegrityError extends StrongroomError {
  override readonly exitCode = 13;
}

/** The place that holds the vault cannot be reached, refuses, or is full. */
export class StoreError extends StrongroomError {
  override readonly exitCode = 14;
}

/** The caller's signal fired; what was under way has been undone. */
export class InterruptedError extends StrongroomError {
  override readonly exitCode = 130;
}
