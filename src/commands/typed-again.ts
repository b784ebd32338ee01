// Another try for somebody who mistyped the passphrase of the vault. What came from the environment is tried once.
import { UnlockError } from '../errors.ts';
import type { Context } from './context.ts';

const MOST_TRIES = 3;

/** One try to open the vault. */
export interface Try {
  /** What was typed before is wrong. Whatever else is at hand was tried then. */
  readonly isAgain: boolean;
  /** Asks for the passphrase, or takes it from its source. */
  ask(prompt: string): Promise<string>;
}

/**
 * Opens with what `open` finds, up to three times where somebody typed a passphrase that opens nothing.
 * @throws as `open` did at first, when all tries are used up
 */
export async function typedAgain<T>(
  { secrets, terminal }: Pick<Context, 'secrets' | 'terminal'>,
  open: (attempt: Try) => Promise<T>,
): Promise<T> {
  let first: unknown;
  for (let tries = 1; ; tries++) {
    let isTyped = false;
    const isAgain = tries > 1;
    const ask = async (prompt: string): Promise<string> => {
      const answer = await secrets.passphrase(prompt, isAgain);
      isTyped = !secrets.passphraseGiven;
      return answer;
    };
    try {
      return await open({ isAgain, ask });
    } catch (error) {
      if (!isTyped || !isWrong(error)) throw error;
      first ??= error;
      if (tries === MOST_TRIES) throw first;
      terminal.tell(['That does not open it.']);
    }
  }
}

function isWrong(error: unknown): boolean {
  return error instanceof UnlockError && ['wrong-passphrase', 'no-key-fits'].includes(error.code);
}
