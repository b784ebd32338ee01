// Writes what a host, or the authority, says in the ledger. Whether it counts is for readers to judge: src/vault/standing.ts.
import { ConflictError, UsageError } from '../errors.ts';
import { NAMESPACES } from '../sign/authority.ts';
import { sealDocument } from '../sign/document.ts';
import type { SigningKey } from '../sign/key.ts';
import { TOOL } from '../version.ts';
import type { LedgerEntry } from './documents/ledger.ts';
import { newLedgerName } from './layout.ts';
import { documentTime, inScope } from './names.ts';
import { callOptions, type Vault } from './vault.ts';

export interface Signer {
  readonly name: string;
  readonly key: SigningKey;
}

/**
 * The host of the vault that this one is, under the name that the vault knows.
 * @param sets those concerned
 * @param what it wants to do, after `may not`: `remove snapshots from`
 * @throws UsageError `may-not-maintain`
 */
export function maintainer({ document }: Vault, host: Signer, sets: readonly string[], what: string): Signer {
  const entry = document.hosts.find((h) => h.key === host.key.publicKey && h.removed === undefined);
  if (entry?.may.includes('maintain') && sets.every((set) => inScope(set, entry.sets)))
    return { name: entry.name, key: host.key };
  throw new UsageError('may-not-maintain', `${host.name} may not ${what} the vault ${document.name}`, {
    hint: 'run this on a host that may maintain; `strongroom hosts list` shows which',
  });
}

/**
 * @param said what differs from entry to entry
 * @returns the name of its object
 * @throws StoreError; ConflictError
 */
export async function writeLedgerEntry(
  vault: Vault,
  host: Signer,
  said: Pick<LedgerEntry, 'action' | 'removes' | 'keeps' | 'until' | 'releases'>,
): Promise<string> {
  const { document, store } = vault;
  const now = vault.now();
  const entry: LedgerEntry = {
    format: 1,
    type: 'ledger',
    object: newLedgerName(now),
    vault: document.vault,
    time: documentTime(now),
    tool: TOOL,
    revision: document.revision,
    generation: document.generation,
    by: host.name,
    ...said,
  };
  const bytes = sealDocument(entry, NAMESPACES.ledger, [host.key]);
  if ((await store.create(entry.object, bytes, callOptions(vault))) === 'exists') {
    throw new ConflictError('object-exists', `${entry.object} exists already`, { hint: 'try again' });
  }
  return entry.object;
}
