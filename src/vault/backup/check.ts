// What a backup is refused for before anything is read: names and texts that are none, and a host whose snapshots
// would not count.
import { UsageError } from '../../errors.ts';
import { checkWishes } from '../documents/contents.ts';
import type { VaultDocument } from '../documents/vault-document.ts';
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

/**
 * A snapshot by an unlisted writer would look fine here and count nowhere.
 * @throws UsageError `unlisted-host`
 */
export function checkListed(
  document: VaultDocument,
  { host, set }: Pick<BackupOptions, 'host' | 'set'>,
): void {
  const entry = document.hosts.find((h) => h.key === host.key.publicKey);
  const why = !entry
    ? 'is not one of its hosts'
    : entry.removed !== undefined
      ? 'was removed from its hosts'
      : entry.name !== host.name
        ? `is known to it as ${entry.name}`
        : !entry.may.includes('write') || !inScope(set, entry.sets)
          ? `may not write the set ${set}`
          : undefined;
  if (why === undefined) return;
  const isRenamed = entry !== undefined && entry.removed === undefined && entry.name !== host.name;
  throw new UsageError(
    'unlisted-host',
    `the vault ${document.name} would not count this backup: ${host.name} ${why}`,
    {
      object: document.object,
      hint: isRenamed
        ? `set STRONGROOM_HOST=${entry.name}`
        : `whoever keeps the vault must enroll this host: ${host.name} ${host.key.publicKey}`,
    },
  );
}
