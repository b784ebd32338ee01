// Which ways to open the new vault were asked for.
import { readFile } from 'node:fs/promises';
import { resolve } from 'node:path';
import { UsageError } from '../../errors.ts';
import type { KeyLine } from '../../keys/keys-file.ts';
import type { NewKey } from '../../keys/method.ts';
import type { Context } from '../context.ts';
import { kmsOptions } from '../kms-keys.ts';
import { newPassphrase } from '../new-keys.ts';
import { namesFor } from './names.ts';

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
  /** The age recipients and SSH public keys, by the names of their keys. */
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
    hint: 'age-keygen -y prints the recipient, and of an SSH key the .pub file is it; treat that key as exposed if this shell keeps a history',
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
      hint: 'name a file with one way to open the vault a line, an age recipient (age1…), or an SSH public key in quotes',
      cause: error,
    });
  }
  return (await context.world()).methods.keysFile(text, path);
}

/** One way to open a vault, however often it is named. A passphrase is asked for once. */
function withoutTwins(lines: readonly KeyLine[]): KeyLine[] {
  const known = new Map<string, KeyLine>();
  for (const line of lines) {
    const which =
      line.method === 'passphrase' ? line.method : line.method === 'kms' ? line.arn : line.recipient;
    const twin = known.get(which);
    if (line.method === 'passphrase' && twin?.name !== line.name && twin?.name && line.name) {
      throw new UsageError('bad-keys-file', 'a vault begins with one passphrase, and several are named', {
        hint: 'make it with one of them, and add the others with `strongroom keys add --passphrase`',
      });
    }
    known.set(which, { ...line, ...twin });
  }
  return [...known.values()];
}

async function linesFor(flags: KeyFlags, context: Context): Promise<KeyLine[]> {
  const { methods } = await context.world();
  const lines: KeyLine[] = flags.keys === undefined ? [] : await linesOf(flags.keys, context);
  for (const given of flags.recipient) {
    if (given.startsWith('age1')) lines.push({ method: 'age', recipient: given });
    else if (/^(?:ssh|ecdsa|sk)-\S+\s/.test(given)) {
      const { line, comment } = await methods.sshPublicKey(given, '--recipient');
      lines.push({ method: 'ssh', recipient: line, ...(comment === undefined ? {} : { name: comment }) });
    } else lines.push(...(await linesOf(given, context)));
  }
  for (const arn of flags.kms) lines.push({ method: 'kms', arn });
  if (flags.passphrase) lines.push({ method: 'passphrase' });
  const { secrets, terminal } = context;
  // With nothing chosen, a passphrase is what can be had at once.
  const canBeAsked = terminal.interactive || secrets.newPassphraseGiven || secrets.passphraseGiven;
  if (lines.length === 0 && canBeAsked) lines.push({ method: 'passphrase' });
  const order = ['passphrase', 'age', 'ssh', 'kms'];
  return withoutTwins(lines).sort((a, b) => order.indexOf(a.method) - order.indexOf(b.method));
}

/**
 * @throws UsageError `no-keys`, `weak-passphrase`, `bad-keys-file`, `bad-recipient`, `bad-ssh-key`, `bad-kms-key`,
 *   `no-terminal`
 */
export async function chosenKeys(flags: KeyFlags, context: Context): Promise<ChosenKeys> {
  const { methods } = await context.world();
  const lines = await linesFor(flags, context);
  if (lines.length === 0) {
    throw new UsageError('no-keys', 'no way to open the vault was chosen', {
      hint: 'add --passphrase, --recipient age1…, --kms arn:aws:kms:…, or --keys FILE',
    });
  }
  const recipients = new Map<string, string>();
  const names = namesFor(lines);
  const others: NewKey[] = [];
  let passphraseName: string | undefined;
  // A recipient or an ARN with a slip in it is said before anybody is asked for a passphrase.
  for (const [i, line] of lines.entries()) {
    const name = names[i]!;
    if (line.method === 'passphrase') passphraseName = name;
    else if (line.method === 'kms') others.push(await methods.newKms(name, line.arn, kmsOptions(context)));
    else {
      const make = line.method === 'age' ? methods.newRecipient : methods.newSsh;
      others.push(await make(name, line.recipient));
      recipients.set(name, line.recipient);
    }
  }
  if (passphraseName === undefined) return { keys: others, madeUp: undefined, recipients };
  const chosen = await newPassphrase(context, 'New passphrase', true);
  const first = await methods.newPassphrase(passphraseName, chosen.passphrase);
  return { keys: [first, ...others], madeUp: chosen.madeUp ? chosen.passphrase : undefined, recipients };
}
