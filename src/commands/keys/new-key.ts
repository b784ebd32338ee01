// A key that somebody asked for, by a flag or by a line of a keys file: what wraps the vault for it, and what at hand
// may show that it opens.
import { readFile } from 'node:fs/promises';
import { resolve } from 'node:path';
import { UsageError } from '../../errors.ts';
import type { KeyLine } from '../../keys/keys-file.ts';
import type { NewKey } from '../../keys/method.ts';
import type { Addition } from '../../vault/keys/change.ts';
import { nameFrom } from '../../vault/names.ts';
import type { Context } from '../context.ts';
import { kmsOptions } from '../kms-keys.ts';
import { type NewPassphrase, newPassphrase } from '../new-keys.ts';
import { identityCredentials } from '../open.ts';

export interface NewKeyOptions {
  /** Instead of the name of the line. */
  readonly name?: string | undefined;
  readonly untested: boolean;
  /** What is asked for a passphrase. */
  readonly prompt?: string;
}

export interface WantedKey extends Addition {
  readonly passphrase?: NewPassphrase;
}

/** @throws UsageError for a key with a slip in it, and as `newPassphrase` */
export async function wantedKey(line: KeyLine, context: Context, options: NewKeyOptions): Promise<WantedKey> {
  const { methods } = await context.world();
  const { untested } = options;
  const chosen = options.name ?? (line.method === 'ssh' ? undefined : line.name);
  const suggested = line.method === 'ssh' ? nameFrom(line.name ?? '', line.method) : line.method;
  const name = chosen ?? suggested;
  const addition = (key: NewKey, proofs: Addition['proofs']): WantedKey => ({
    key,
    mayRename: chosen === undefined,
    proofs,
    untested,
  });
  switch (line.method) {
    case 'age':
      return addition(await methods.newRecipient(name, line.recipient), await atHand(context));
    case 'ssh':
      return addition(await methods.newSsh(name, line.recipient), await atHand(context));
    case 'kms': {
      const kms = kmsOptions(context);
      return addition(await methods.newKms(name, line.arn, kms), [await methods.kms({}, kms)]);
    }
    case 'passphrase': {
      const given = await newPassphrase(context, options.prompt ?? 'New passphrase');
      const proof = await methods.passphrase(async () => given.passphrase, true, true);
      return { ...addition(await methods.newPassphrase(name, given.passphrase), [proof]), passphrase: given };
    }
  }
}

/** Identities that can be tried without asking anybody. */
async function atHand(context: Context): Promise<Addition['proofs']> {
  return (await identityCredentials(context)).filter(({ asks }) => asks === 'nobody');
}

/** The line of a .pub file. @throws UsageError `bad-ssh-key` */
export async function sshLine(file: string, context: Context): Promise<KeyLine> {
  const { methods } = await context.world();
  let text = file;
  if (!/^(?:ssh|ecdsa|sk)-\S+\s/.test(file)) {
    try {
      text = await readFile(resolve(context.cwd, file), 'utf8');
    } catch (error) {
      throw new UsageError('bad-ssh-key', `the SSH key file ${JSON.stringify(file)} cannot be read`, {
        hint: 'name the .pub file of an Ed25519 or RSA key',
        cause: error,
      });
    }
  }
  const source = text === file ? '--ssh' : file;
  const { line, comment } = await methods.sshPublicKey(text, source);
  return { method: 'ssh', recipient: line, ...(comment === undefined ? {} : { name: comment }) };
}
