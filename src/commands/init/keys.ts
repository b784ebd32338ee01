// Which ways to open the new vault were asked for.
import { readFile } from 'node:fs/promises';
import { resolve } from 'node:path';
import { UsageError } from '../../errors.ts';
import type { KeyLine } from '../../keys/keys-file.ts';
import type { NewKey } from '../../keys/method.ts';
import type { Context } from '../context.ts';
import { kmsOptions } from '../kms-keys.ts';

export interface KeyFlags {
  readonly passphrase: boolean;
  readonly recipient: readonly string[];
  readonly kms: readonly string[];
  readonly keys: string | undefined;
}

export interface ChosenKeys {
  readonly keys: readonly NewKey[];
  /** A passphrase that was made up, to be shown once. */
  readonly madeUp: string | undefined;
  /** The age recipients, by the names of their keys. */
  readonly recipients: ReadonlyMap<string, string>;
}

/**
 * Stops before a private key that was given by mistake gets into a message, and so into a log.
 * @throws UsageError `bad-recipient`
 */
export function refusePrivateKeys(values: readonly (string | undefined)[]): void {
  if (
    !values.some((value) => /AGE-SECRET-KEY-(?:PQ-)?1/i.test(value ?? '') || value?.includes('PRIVATE KEY'))
  )
    return;
  throw new UsageError('bad-recipient', 'a private key was given where its recipient belongs', {
    hint: 'age-keygen -y prints the recipient; treat that key as exposed if this shell keeps a history',
  });
}

/** What was given for a file and is none, fit for a message: it may be anything. */
function shown(value: string): string {
  const letters = [...value.replace(/\p{C}/gu, '?')];
  return letters.length > 60 ? `${letters.slice(0, 60).join('')}…` : letters.join('');
}

async function linesOf(path: string, context: Context): Promise<KeyLine[]> {
  let text: string;
  try {
    text = await readFile(resolve(context.cwd, path), 'utf8');
  } catch (error) {
    throw new UsageError('bad-keys-file', `${shown(path)} cannot be read`, {
      object: shown(path),
      hint: 'name a file with one way to open the vault a line, or a recipient that begins with age1',
      cause: error,
    });
  }
  return (await context.world()).methods.keysFile(text, path);
}

/**
 * @throws UsageError `no-keys`, `weak-passphrase`, `bad-keys-file`, `bad-recipient`, `bad-kms-key`, `no-terminal`
 */
export async function chosenKeys(flags: KeyFlags, context: Context): Promise<ChosenKeys> {
  const lines: KeyLine[] = flags.keys === undefined ? [] : await linesOf(flags.keys, context);
  for (const given of flags.recipient) {
    if (given.startsWith('age1')) lines.push({ method: 'age', recipient: given });
    else lines.push(...(await linesOf(given, context)));
  }
  for (const arn of flags.kms) lines.push({ method: 'kms', arn });
  const { secrets, terminal } = context;
  const isAsked = flags.passphrase || lines.some((line) => line.method === 'passphrase');
  // With nothing chosen, a passphrase is what can be had at once.
  const isDefault =
    lines.length === 0 && (terminal.interactive || secrets.newPassphraseGiven || secrets.passphraseGiven);
  const recipients = [...new Set(lines.flatMap((line) => (line.method === 'age' ? [line.recipient] : [])))];
  const arns = [...new Set(lines.flatMap((line) => (line.method === 'kms' ? [line.arn] : [])))];
  const { methods } = await context.world();
  const keys: NewKey[] = [];
  // An ARN with a slip in it is said before anybody is asked for a passphrase.
  const kms = await Promise.all(
    arns.map((arn, i) => methods.newKms(i === 0 ? 'kms' : `kms-${i + 1}`, arn, kmsOptions(context))),
  );
  let madeUp: string | undefined;
  const named = new Map<string, string>();
  if (isAsked || isDefault) {
    const chosen = await passphrase(context);
    madeUp = chosen.madeUp ? chosen.passphrase : undefined;
    keys.push(await methods.newPassphrase('passphrase', chosen.passphrase));
  }
  for (const [i, recipient] of recipients.entries()) {
    const name = recipients.length === 1 ? 'age' : `age-${i + 1}`;
    keys.push(await methods.newRecipient(name, recipient));
    named.set(name, recipient);
  }
  keys.push(...kms);
  if (keys.length > 0) return { keys, madeUp, recipients: named };
  throw new UsageError('no-keys', 'no way to open the vault was chosen', {
    hint: 'add --passphrase, --recipient age1…, --kms arn:aws:kms:…, or --keys FILE',
  });
}

async function passphrase(context: Context): Promise<{ passphrase: string; madeUp: boolean }> {
  const given = await context.secrets.newPassphrase('New passphrase (empty: make up a strong one)', true);
  const { methods } = await context.world();
  if (given === '') return { passphrase: await methods.generatePassphrase(), madeUp: true };
  const weakness = await methods.weaknessOf(given);
  if (weakness === undefined) return { passphrase: given, madeUp: false };
  throw new UsageError('weak-passphrase', `the passphrase is too weak: ${weakness}`, {
    hint: 'whoever reads the store can try passphrases at leisure: use five words or more, or leave it empty to have one made up',
  });
}
