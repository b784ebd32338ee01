// Which SSH keys this user logs in with, or is logged in to with. Public halves only; no private key is opened.
import { open, readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { readSshLine } from '../../keys/ssh-public.ts';

const MAX_BYTES = 1024 * 1024;
/** Options may stand before a key in authorized_keys. */
const KEY = /\bssh-(?:ed25519|rsa)\s+[A-Za-z0-9+/=]+/g;

/**
 * @param home the home directory, if there is one
 * @returns where each was found, by its canonical line; what cannot be read is left out
 */
export async function loginKeys(home: string | undefined): Promise<Map<string, string>> {
  const found = new Map<string, string>();
  if (home === undefined || home === '') return found;
  const directory = join(home, '.ssh');
  const names = await readdir(directory).catch(() => []);
  const files = names.filter((name) => name === 'authorized_keys' || /^id_.*\.pub$/.test(name)).sort();
  for (const name of files) {
    const text = await beginningOf(join(directory, name));
    for (const [line] of text.matchAll(KEY)) {
      const key = readSshLine(line);
      if ('line' in key && !found.has(key.line)) found.set(key.line, `~/.ssh/${name}`);
    }
  }
  return found;
}

async function beginningOf(path: string): Promise<string> {
  try {
    const file = await open(path, 'r');
    try {
      const { buffer, bytesRead } = await file.read(Buffer.alloc(MAX_BYTES), 0, MAX_BYTES, 0);
      return buffer.toString('latin1', 0, bytesRead);
    } finally {
      await file.close();
    }
  } catch {
    return '';
  }
}
