// The classic mistake is to lock the key in the box: refuses to back up what opens or writes this very vault.
import { recipientOf } from '../../crypt/identity.ts';
import { UsageError } from '../../errors.ts';
import type { Source } from '../../pack/collect.ts';
import { inspectSources } from '../../pack/inspect.ts';
import { printableName } from '../../pack/names.ts';
import { sourcesThatAre } from '../../pack/sources-at.ts';
import { publicHalvesOfPrivateKeys } from '../../sign/private-key-scan.ts';
import type { VaultDocument } from '../documents/vault-document.ts';
import { keySuspects } from './key-marks.ts';
import { holdsShare, identitiesIn } from './keys-in-text.ts';

export interface KeyWatch {
  /** Looks at a file of at most 1 MiB, in which anybody keeps a key, before its bytes go anywhere. @throws UsageError `key-in-backup` */
  inspect(path: string, content: Buffer): void;
  /** Settles what `inspect` could not decide at once; call it before passing anything on. */
  settle(): Promise<void>;
  /** Looks at sources that have not come by yet; call it before anything is written. */
  inspectRest(rest: readonly Source[], signal?: AbortSignal): Promise<void>;
}

const KEY = 'keep that key elsewhere, or exclude the file';
// Whose it is cannot be told where only the pin is known, and a share outlives the key number that it names.
const SHARE =
  'shares belong on paper and with other people; move the file away, or exclude it, also where it is a share for another vault';

function refuse(path: string, what: string, hint = KEY): never {
  throw new UsageError('key-in-backup', `${printableName(path)} ${what}`, {
    object: path,
    hint: `nothing was backed up: ${hint}`,
  });
}

/**
 * @param recipients whose identities open the vault: its own, and those of its keys
 * @param publicKeys OpenSSH public keys whose private halves open it or write to it
 */
export function watchKeys(recipients: ReadonlySet<string>, publicKeys: ReadonlySet<string>): KeyWatch {
  let found: { readonly path: string; readonly identity: string }[] = [];
  let settled = Promise.resolve();
  const judge = async (identities: typeof found): Promise<void> => {
    for (const { path, identity } of identities) {
      const recipient = await recipientOf(identity).catch(() => undefined);
      if (recipient !== undefined && recipients.has(recipient))
        refuse(path, 'holds a key that opens this vault');
    }
  };
  const self: KeyWatch = {
    inspect(path, content) {
      for (const suspect of keySuspects(content)) {
        if (publicHalvesOfPrivateKeys(suspect).some((key) => publicKeys.has(key))) {
          refuse(path, 'is a private key that opens this vault or writes to it');
        }
        const text = suspect.toString('latin1');
        for (const identity of identitiesIn(text)) found.push({ path, identity });
        if (holdsShare(text)) refuse(path, 'holds a share of a recovery key', SHARE);
      }
    },
    settle() {
      const identities = found;
      found = [];
      // One after the other: nobody goes on while an identity that another caller took up is undecided.
      if (identities.length > 0) settled = settled.then(() => judge(identities));
      return settled;
    },
    async inspectRest(rest, signal) {
      await inspectSources(rest, self.inspect, signal);
      await self.settle();
    },
  };
  return self;
}

/**
 * Refuses files that the configuration names as holding a credential: a passphrase cannot be told by its looks.
 * @param paths absolute
 * @throws UsageError `key-in-backup`
 */
export function refuseCredentials(sources: readonly Source[], paths: readonly string[]): void {
  const [first] = sourcesThatAre(sources, paths);
  if (first) refuse(first.path, 'is a credential that the configuration names for this vault');
}

/** What a vault document says about who opens it and who writes to it, for `watchKeys`. */
export function keysOf(document: VaultDocument): { recipients: string[]; publicKeys: string[] } {
  const named = document.slots.flatMap((slot) => slot.recipient ?? []);
  return {
    recipients: [
      ...document.generations.map((g) => g.recipient),
      ...named.filter((r) => r.startsWith('age1')),
    ],
    publicKeys: [...document.hosts.map((h) => h.key), ...named.filter((r) => r.startsWith('ssh-'))],
  };
}
