// What a call that must fail says to the person who made it.

import { StrongroomError } from '../../../src/errors.ts';

export interface Outcome {
  readonly exit: number;
  readonly code: string;
  readonly message: string;
  readonly hint: string;
}

/** Waits for one of our own errors; anything else is thrown on. */
export async function outcomeOf(work: Promise<unknown>): Promise<Outcome> {
  try {
    throw new Error(`nothing failed: ${JSON.stringify(await work)}`);
  } catch (error) {
    if (!(error instanceof StrongroomError)) throw error;
    return { exit: error.exitCode, code: error.code, message: error.message, hint: error.hint ?? '' };
  }
}
