// Whether a backup from this machine counts, as the vault has it: a backup that may not read cannot find out itself.
import { UsageError } from '../../errors.ts';
import { type BackupHost, checkListed } from '../backup/check.ts';
import type { VaultDocument } from '../documents/vault-document.ts';
import type { Role } from '../policy/roles.ts';
import { type Outcome, ok, unknown, wrong } from './check.ts';

export const COUNTS = { id: 'counts', title: 'backups from here' } as const;

/** @param why the vault document could not be read */
export function unreadOutcome(why: string): Outcome {
  return unknown(
    `the vault document cannot be read from here, so whether it is the right place and lists this machine is not known: ${why}`,
    'after the first backup from here, run `strongroom verify` on a machine that may read the vault',
  );
}

/**
 * @param sets of strongroom.yaml; none: whether the host is listed at all
 * @param role that the user says this machine has
 */
export function countsOutcome(
  document: VaultDocument,
  host: BackupHost,
  sets: readonly string[],
  role: Role | undefined,
): Outcome {
  const scope = document.hosts.find(({ key }) => key === host.key.publicKey)?.sets ?? [];
  const refusals = new Map<string, string | undefined>();
  // A glob is in its own scope.
  for (const set of sets.length > 0 ? sets : [scope[0] ?? '*']) {
    try {
      checkListed(document, { host, set, scope: sets });
    } catch (error) {
      if (!(error instanceof UsageError)) throw error;
      refusals.set(error.message, error.hint);
    }
  }
  const [first] = refusals;
  if (first === undefined)
    return ok(`${host.name} is listed${sets.length > 0 ? `, and may write ${sets.join(', ')}` : ''}`);
  const why = [...refusals.keys()].join('; ');
  // Who only reads need not be listed.
  if (role !== undefined && role !== 'backup') return ok(`${why}, which the role ${role} need not`);
  return wrong(why, first[1] ?? 'ask whoever keeps the vault');
}
