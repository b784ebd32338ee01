// The classic mistake is to lock the key in the box: refuses to back up what opens or writes this very vault.
import { recipientOf } from '../../crypt/identity.ts';
import { UsageError } from '../../errors.ts';
import { printableName } from '../../pack/names.ts';
import { publicHalfOfPrivateKey } from '../../sign/private-key-scan.ts';
import type { VaultDocument } from '../documents/vault-document.ts';

const MARKER = 'AGE-SECRET-KEY-';
const IDENTITY = /AGE-SECRET-KEY-(?:PQ-)?1[0-9A-Z]{50,70}/g;

export interface KeyWatch {
  /** Looks at a small file before its bytes go anywhere. @throws UsageError `key-in-backup` */
  inspect(path: string, content: Buffer): void;
  /** Settles what `inspect` could not decide at once; call it before passing anything on. */
  settle(): Promise<void>;
}

function refuse(path: string, what: string): never {
  throw new UsageError('key-in-backup', `${printableName(path)} ${what}`, {
    object: path,
    hint: 'nothing was backed up: keep that key elsewhere, or exclude the file',
  });
}

/**
 * @param recipients whose identities open the vault: its own, and those of its keys
 * @param publicKeys OpenSSH public keys whose private halves open it or write to it
 * @param paths files that the configuration names as holding a credential, by entry path
 */
export function watchKeys(
  recipients: ReadonlySet<string>,
  publicKeys: ReadonlySet<string>,
  paths: ReadonlySet<string>,
): KeyWatch {
  let found: { path: string; identity: string }[] = [];
  return {
    inspect(path, content) {
      if (paths.has(path)) refuse(path, 'is a credential that the configuration names for this vault');
      const publicKey = publicHalfOfPrivateKey(content);
      if (publicKey !== undefined && publicKeys.has(publicKey)) {
        refuse(path, 'is a private key that opens this vault or writes to it');
      }
      if (!content.includes(MARKER)) return;
      for (const [identity] of content.toString('latin1').matchAll(IDENTITY)) found.push({ path, identity });
    },
    async settle() {
      const settling = found;
      found = [];
      for (const { path, identity } of settling) {
        const recipient = await recipientOf(identity).catch(() => undefined);
        if (recipient !== undefined && recipients.has(recipient)) refuse(path, 'holds a key that opens this vault');
      }
    },
  };
}

/** What a vault document says about who opens it and who writes to it, for `watchKeys`. */
export function keysOf(document: VaultDocument): { recipients: string[]; publicKeys: string[] } {
  const named = document.slots.flatMap((slot) => slot.recipient ?? []);
  return {
    recipients: [...document.generations.map((g) => g.recipient), ...named.filter((r) => r.startsWith('age1'))],
    publicKeys: [...document.hosts.map((h) => h.key), ...named.filter((r) => r.startsWith('ssh-'))],
  };
}
