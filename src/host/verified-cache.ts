// The cache of verified signatures: digest of a signed object, and the key that signed it, a line each. Only this
// user can write it; a line that is lost or torn costs one more verification.
import { appendFile, mkdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { VerifiedCache } from '../vault/client.ts';

const LINE = /^([0-9a-f]{64}) (ssh-ed25519 [A-Za-z0-9+/=]{68})$/;

/** @param directory the cache directory, absolute */
export function fileCache(directory: string): VerifiedCache {
  const fileOf = (vault: string) => join(directory, 'verified', vault);
  return {
    async load(vault) {
      const verified = new Map<string, string>();
      const text = await readFile(fileOf(vault), 'latin1').catch(() => '');
      for (const line of text.split('\n')) {
        const [, digest, key] = LINE.exec(line) ?? [];
        if (digest && key) verified.set(digest, key);
      }
      return verified;
    },
    async add(vault, verified) {
      const lines = [...verified].map(([digest, key]) => `${digest} ${key}\n`).join('');
      try {
        await mkdir(join(directory, 'verified'), { recursive: true, mode: 0o700 });
        await appendFile(fileOf(vault), lines, { mode: 0o600 });
      } catch {
        // A cache that cannot be written is no reason to fail.
      }
    },
  };
}
