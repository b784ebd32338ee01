// What is left to do and to say once a snapshot stands: remembering it, and what nobody else will notice.
import { StrongroomError } from '../../errors.ts';
import { atPlace, type UnchangedMark } from '../client.ts';
import type { SnapshotRecord } from '../documents/record.ts';
import type { VaultDocument } from '../documents/vault-document.ts';
import { type Pin, pinOf } from '../pin.ts';
import type { VaultContext } from '../vault.ts';
import type { BackupOptions } from './backup.ts';
import type { BackupProblem } from './plan.ts';
import type { Made } from './write.ts';

/** What is wrong beside the sources. @param reason a whole sentence, unlike that of a source */
function beside(kind: BackupProblem['kind'], path: string, reason: string, hint: string): BackupProblem {
  return { kind, path, reason, incomplete: false, hint };
}

/** A mistyped prefix takes everything and says nothing, and neither does a vault that knows no such host. */
export function unseen(location: string, set: string): BackupProblem {
  const reason = `this is the first backup of the set ${set} from here to ${location}, and nobody looked whether the vault is there and counts it`;
  return beside('unseen', location, reason, 'run `strongroom verify` on a machine that may read the vault');
}

/** The snapshot is under the key that this host knows, which others may know too. */
export function rotatedProblem({ generation }: Pin, document: VaultDocument | undefined): BackupProblem[] {
  if (!document || document.generation <= generation) return [];
  const { authority } = pinOf(document);
  const isExposed = document.generations[generation - 1]?.compromised === true;
  const what = isExposed ? 'a key that leaked' : 'an old one';
  const reason = `the vault ${document.name} has a new key, number ${document.generation}, and this host still writes to ${what}`;
  const hint = `ask whoever rotated it whether ${authority} is its fingerprint, then run \`strongroom trust ${authority}\``;
  return [beside(isExposed ? 'exposed' : 'rotated', document.object, reason, hint)];
}

/** The snapshot is under the pin's own key; which rotation came after that is for a person to find out. */
export function twoSuccessors({ object = '', message, hint = '' }: StrongroomError): BackupProblem {
  return beside('two-successors', object, message, hint);
}

/** Said now, since `latest` will not choose between this snapshot and the one that it sorts before. */
export function clockProblem({ id, previous }: SnapshotRecord): BackupProblem[] {
  if (!previous || previous.id <= id) return [];
  const reason = `${id} was made after ${previous.id}, though its date is before: the clock of this machine is or was wrong`;
  const hint =
    'set the clock (timedatectl, chrony); `latest` chooses neither of them until the one with the wrong date is deleted';
  return [beside('clock', id, reason, hint)];
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
    const reason = `${record.id} stands, but this machine cannot remember it: ${error.message}`;
    return [beside('not-remembered', record.id, reason, error.hint ?? 'see why it cannot be written')];
  }
}
