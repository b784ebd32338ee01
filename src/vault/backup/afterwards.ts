// What is left to do and to say once a snapshot stands: remembering it, and what nobody else will notice.
import { StrongroomError } from '../../errors.ts';
import { atPlace, type UnchangedMark } from '../client.ts';
import type { SnapshotRecord } from '../documents/record.ts';
import type { VaultDocument } from '../documents/vault-document.ts';
import { type Pin, pinOf } from '../pin.ts';
import type { VaultContext } from '../vault.ts';
import type { BackupOptions, BackupProblem } from './backup.ts';
import type { Made } from './write.ts';

/** A mistyped prefix takes everything and says nothing, and neither does a vault that knows no such host. */
export function unseen(location: string): BackupProblem {
  const reason =
    'is the first backup of this set from here, and nobody looked whether the vault is there and counts it: run `strongroom verify` where it may be read';
  return { kind: 'unseen', path: location, reason, incomplete: false };
}

/** The snapshot is under the key that this host knows, which others may know too. */
export function rotatedProblem({ generation }: Pin, document: VaultDocument | undefined): BackupProblem[] {
  if (!document || document.generation <= generation) return [];
  const { authority } = pinOf(document);
  const isExposed = document.generations[generation - 1]?.compromised === true;
  const what = isExposed ? 'a key that leaked' : 'an old one';
  const reason = `has a new key, and this host still writes to ${what}: ask whoever rotated it whether ${authority} is its fingerprint, then run \`strongroom trust ${authority}\``;
  return [{ kind: isExposed ? 'exposed' : 'rotated', path: document.name, reason, incomplete: false }];
}

/** The snapshot is under the pin's own key; which rotation came after that is for a person to find out. */
export function twoSuccessors({ object = '', message, hint = '' }: StrongroomError): BackupProblem {
  return { kind: 'two-successors', path: object, reason: `${message}: ${hint}`, incomplete: false };
}

/** Said now, since `latest` will not choose between this snapshot and the one that it sorts before. */
export function clockProblem({ id, previous }: SnapshotRecord): BackupProblem[] {
  if (!previous || previous.id <= id) return [];
  const reason = `the one before it, ${previous.id}, has a later date: the clock of this machine is or was wrong`;
  return [{ kind: 'clock', path: id, reason, incomplete: false }];
}

/** The snapshot stands, whatever becomes of this machine's own memory of it. */
export async function remember(
  context: VaultContext,
  { set, host }: BackupOptions,
  pin: Pin,
  { record, recordSha256 }: Made,
  mark: UnchangedMark | undefined,
): Promise<BackupProblem[]> {
  const confirmed = { id: record.id, sha256: recordSha256 };
  const here = (what: string) => atPlace(what, context.store.location);
  try {
    await context.memory.update(pin.vault, (m) => ({
      ...m,
      wrote: { ...m.wrote, [here(set)]: confirmed },
      seen: { ...m.seen, [here(`${set}/${host.name}`)]: confirmed },
      unchanged: mark ? { ...m.unchanged, [here(set)]: mark } : m.unchanged,
    }));
    return [];
  } catch (error) {
    if (!(error instanceof StrongroomError)) throw error;
    const reason = `this machine cannot remember it: ${error.message}`;
    return [{ kind: 'not-remembered', path: record.id, reason, incomplete: false }];
  }
}
