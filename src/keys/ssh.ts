// The ssh method: the identity encrypted to somebody's SSH key, as the age program does it.
import type { Identity } from 'age-encryption';
import { decryptBytes, encryptBytes } from '../crypt/age.ts';
import type { Credential, NewKey } from './method.ts';
import { readSshPrivateKey } from './ssh-private.ts';
import { parseSshLine } from './ssh-public.ts';

/**
 * @param publicKeyLine the line of a .pub file: `ssh-ed25519 AAAA…` or `ssh-rsa AAAA…`, with a comment or without
 * @throws UsageError `bad-ssh-key`
 */
export function newSshKey(name: string, publicKeyLine: string): NewKey {
  const { line, recipient } = parseSshLine(publicKeyLine);
  return {
    name,
    method: 'ssh',
    extension: 'age',
    async wrap(plain) {
      return { bytes: await encryptBytes(plain, [recipient]), fields: { recipient: line } };
    },
  };
}

/**
 * @param text the content of a private key file
 * @param source names it in messages
 * @param ask gives the passphrase of the key file, once it is needed; called at most once
 * @param silent whether that is at hand, so that nobody need be asked
 * @throws UsageError `bad-ssh-key`
 */
export async function sshCredential(
  text: string,
  source: string,
  ask: () => Promise<string>,
  silent = false,
): Promise<Credential> {
  const file = readSshPrivateKey(text, source);
  let identity: Promise<Identity> | undefined;
  const open = async (): Promise<Identity> => file.open(file.isEncrypted ? await ask() : '');
  // What is wrong with a key that needs no passphrase is said before anything is fetched.
  if (!file.isEncrypted) identity = Promise.resolve(await open());
  return {
    description: `the SSH key ${source}`,
    // Anyone can encrypt to a public key: a key that opens says nothing about who made it.
    authenticates: false,
    asks: file.isEncrypted && !silent ? 'person' : 'nobody',
    fits: (slot) => slot.method === 'ssh' && (slot.recipient === undefined || slot.recipient === file.line),
    async unwrap(bytes, slot) {
      identity ??= open();
      return await decryptBytes(bytes, [await identity], { object: slot.object });
    },
  };
}
