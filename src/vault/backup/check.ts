// What a backup is refused for before anything is read: names and texts that are none, and a host whose snapshots
// would not count.
import { UsageError } from '../../errors.ts';
import { checkWishes } from '../documents/contents.ts';
import type { VaultDocument } from '../documents/vault-document.ts';
import { approveCommand } from '../hosts/line.ts';
import { checkName, inScope } from '../names.ts';
import type { BackupOptions } from './backup.ts';

export type BackupHost = BackupOptions['host'];

/** @throws UsageError `bad-name`, `bad-tag`, `bad-description`, `bad-pattern` */
export function checkOptions(options: BackupOptions): void {
  const { set, host, label, tags = {}, description = '', restore = {} } = options;
  checkName(set, 'set');
  checkName(host.name, 'host');
  if (label !== undefined) checkName(label, 'label');
  for (const [key, value] of Object.entries(tags)) {
    checkName(key, 'tag');
    if (value.length <= 256) continue;
    throw new UsageError('bad-tag', `the tag ${key} is longer than 256 characters`);
  }
  if (description.length > 65536) {
    throw new UsageError('bad-description', 'the description is longer than 65536 characters');
  }
  checkWishes(restore);
}

/** Whether a host's snapshots would count, and what it says that it needs where they would not. */
type Writer = Pick<BackupOptions, 'host' | 'set' | 'scope'>;

/**
 * A snapshot by an unlisted writer would look fine here and count nowhere.
 * @throws UsageError `unlisted-host`
 */
export function checkListed(document: VaultDocument, writer: Writer): void {
  const { host, set } = writer;
  const entry = document.hosts.find((h) => h.key === host.key.publicKey);
  const refuse = (why: string, hint: string): never => {
    throw new UsageError(
      'unlisted-host',
      `the vault ${document.name} would not count this backup: ${host.name} ${why}`,
      { object: document.object, hint },
    );
  };
  if (!entry) {
    const isTaken = document.hosts.some((h) => h.name === host.name && h.removed === undefined);
    if (!isTaken)
      refuse('is not one of its hosts', `send this to whoever keeps the vault: ${lineFor(writer)}`);
    refuse(
      'is a host of it with another key',
      'set STRONGROOM_HOST to a name of its own; if this machine was made anew, have the old host removed; then run `strongroom hosts enroll`',
    );
  } else if (entry.removed !== undefined) {
    refuse(
      'was removed from its hosts',
      'if it should write again, give it a new key: run `strongroom hosts enroll --new-key` here',
    );
  } else if (entry.name !== host.name) {
    refuse(`is known to it as ${entry.name}`, `set STRONGROOM_HOST=${entry.name}`);
  } else if (!entry.may.includes('write') || !inScope(set, entry.sets)) {
    refuse(
      `may not write the set ${set}`,
      `have it removed (\`strongroom hosts remove ${entry.name}\`), then run \`strongroom hosts enroll --new-key\` here and ask for all that it needs`,
    );
  }
}

/** What whoever keeps the vault has to type. */
function lineFor({ host, set, scope = [] }: Writer): string {
  const sets = [...new Set([...scope, set])];
  return approveCommand({ name: host.name, key: host.key.publicKey, sets, may: ['write'] });
}
