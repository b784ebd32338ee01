// A passphrase that is about to open a vault: asked for or made up, refused when it is weak, shown once when it was
// made up.
import { UsageError } from '../errors.ts';
import type { Context } from './context.ts';

export interface NewPassphrase {
  readonly passphrase: string;
  /** Nobody has seen it yet. */
  readonly madeUp: boolean;
}

/**
 * @param prompt what is asked, where it is not in the environment
 * @param first of a new vault, so that STRONGROOM_PASSPHRASE… will do too
 * @throws UsageError `weak-passphrase`, and as `Secrets.newPassphrase`
 */
export async function newPassphrase(context: Context, prompt: string, first = false): Promise<NewPassphrase> {
  const given = await context.secrets.newPassphrase(`${prompt} (empty: make up a strong one)`, first);
  const { methods } = await context.world();
  if (given === '') return { passphrase: await methods.generatePassphrase(), madeUp: true };
  const weakness = await methods.weaknessOf(given);
  if (weakness === undefined) return { passphrase: given, madeUp: false };
  throw new UsageError('weak-passphrase', `the passphrase is too weak: ${weakness}`, {
    hint: 'whoever reads the store can try passphrases at leisure: use five words or more that were drawn by lot, or leave it empty to have one made up',
  });
}

/** Shows a made-up passphrase before it counts: what is cut off between the two must not leave one that nobody knows. */
export function tellPassphrase(context: Context, { passphrase, madeUp }: NewPassphrase): void {
  if (!madeUp) return;
  context.terminal.tell([
    'The new passphrase, shown this once. Write it down, and keep it away from this machine:',
    '',
    `    ${passphrase}`,
    '',
  ]);
}
