// This machine's signing key: what makes a snapshot this host's. It opens nothing. OpenSSH format, 0600.
import { readFile, stat } from 'node:fs/promises';
import { hostname } from 'node:os';
import { join } from 'node:path';
import { ConflictError, UsageError } from '../errors.ts';
import { generateSigningKey, type SigningKey } from '../sign/key.ts';
import { formatPrivateKey, parsePrivateKey } from '../sign/openssh.ts';
import { checkName, nameFrom } from '../vault/names.ts';
import { createState, isOurs } from './state-file.ts';

export interface HostKey {
  readonly name: string;
  readonly key: SigningKey;
}

/** The name under which this machine writes: STRONGROOM_HOST, else its host name. @throws UsageError `bad-name` */
export function hostName(env: Readonly<Record<string, string | undefined>>): string {
  const given = env.STRONGROOM_HOST;
  return given ? checkName(given, 'host') : nameFrom(hostname(), 'host');
}

/** Where the key is kept. */
export function signingKeyPath(stateDirectory: string): string {
  return join(stateDirectory, 'host-key');
}

/**
 * The key on disk.
 * @returns undefined when there is none
 * @throws UsageError `secret-file-readable` when others can read it, and as `parsePrivateKey`
 */
export async function readSigningKey(path: string): Promise<SigningKey | undefined> {
  let text: string;
  try {
    const stats = await stat(path);
    if (!isOurs({ uid: stats.uid, mode: 0 })) {
      throw new UsageError('secret-file-foreign', `${path} belongs to somebody else`, {
        object: path,
        hint: 'move it away: whoever made it could write to the vault in the name of this machine',
      });
    }
    if ((stats.mode & 0o077) !== 0) {
      throw new UsageError('secret-file-readable', `${path} can be read by others`, {
        object: path,
        hint: `run: chmod 600 ${path}`,
      });
    }
    text = await readFile(path, 'latin1');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    if (error instanceof UsageError) throw error;
    throw new UsageError('signing-key-unreadable', `${path} cannot be read`, {
      object: path,
      hint: 'run this as the user whose key it is',
      cause: error,
    });
  }
  return parsePrivateKey(text, path);
}

/**
 * The key on disk, made when there is none.
 * @param comment its comment, the host's name
 * @throws as `readSigningKey`; StrongroomError `state-unusable`
 */
export async function ensureSigningKey(path: string, comment: string): Promise<SigningKey> {
  const there = await readSigningKey(path);
  if (there) return there;
  const key = generateSigningKey();
  if (await createState(path, formatPrivateKey(key, comment))) return key;
  // Another process was quicker: its key is the machine's.
  return (await readSigningKey(path))!;
}

/** A new key, which is nowhere yet. */
export function makeSigningKey(): SigningKey {
  return generateSigningKey();
}

/**
 * Writes a key for another machine to a file of its own, 0600.
 * @param comment the host's name
 * @throws ConflictError `key-file-exists`; StrongroomError `state-unusable`
 */
export async function writeKeyFile(path: string, key: SigningKey, comment: string): Promise<void> {
  if (await createState(path, formatPrivateKey(key, comment))) return;
  throw new ConflictError('key-file-exists', `${path} exists already`, {
    object: path,
    hint: 'name another file; to enroll a key that is there already, give it in STRONGROOM_SIGNING_KEY_FILE',
  });
}
