// Removes snapshots, in the order of docs/format.md section 10: one ledger entry, records, data. Plan, then apply.
import { ConflictError, UsageError } from '../errors.ts';
import { NAMESPACES } from '../sign/authority.ts';
import { sealDocument } from '../sign/document.ts';
import type { SigningKey } from '../sign/key.ts';
import { TOOL } from '../version.ts';
import type { LedgerAction, LedgerEntry } from './documents/ledger.ts';
import { newLedgerName } from './layout.ts';
import { documentTime, inScope } from './names.ts';
import type { Snapshot } from './snapshots.ts';
import { callOptions, type Vault } from './vault.ts';

export interface DeletePlan {
  readonly action: Extract<LedgerAction, 'delete' | 'prune'>;
  readonly snapshots: readonly Snapshot[];
  /** Every object that goes, records first. */
  readonly objects: readonly string[];
  /** Bytes of data that go. */
  readonly bytes: number;
}

/** What deleting these snapshots would remove. */
export function planDelete(
  snapshots: readonly Snapshot[],
  action: DeletePlan['action'] = 'delete',
): DeletePlan {
  const parts = snapshots.flatMap((s) => s.artifacts.flatMap((a) => a.parts));
  return {
    action,
    snapshots,
    objects: [...snapshots.map((s) => s.object), ...parts.map((p) => p.object)],
    bytes: parts.reduce((sum, part) => sum + part.size, 0),
  };
}

/**
 * @param host a host that may maintain, whose scope covers every set concerned
 * @throws UsageError `may-not-maintain`; StoreError. Whatever was removed by then no longer counts, by the ledger.
 */
export async function applyDelete(
  vault: Vault,
  plan: DeletePlan,
  host: { readonly name: string; readonly key: SigningKey },
): Promise<void> {
  if (plan.snapshots.length === 0) return;
  const { document, store } = vault;
  const entry = document.hosts.find((h) => h.key === host.key.publicKey && h.removed === undefined);
  const inside = entry && plan.snapshots.every((s) => inScope(s.set, entry.sets));
  if (!entry?.may.includes('maintain') || !inside) {
    throw new UsageError(
      'may-not-maintain',
      `${host.name} may not remove snapshots from the vault ${document.name}`,
      {
        hint: 'run this on a host that may maintain; `strongroom hosts list` shows which',
      },
    );
  }
  const now = vault.now();
  const ledger: LedgerEntry = {
    format: 1,
    type: 'ledger',
    object: newLedgerName(now),
    vault: document.vault,
    time: documentTime(now),
    tool: TOOL,
    revision: document.revision,
    generation: document.generation,
    by: entry.name,
    action: plan.action,
    removes: plan.snapshots.map(({ set, id, sha256 }) => ({ set, id, sha256 })),
  };
  const bytes = sealDocument(ledger, NAMESPACES.ledger, [host.key]);
  // Before the first record goes: a record that is gone without an entry here is an alarm.
  if ((await store.create(ledger.object, bytes, callOptions(vault))) === 'exists') {
    throw new ConflictError('object-exists', `${ledger.object} exists already`, { hint: 'try again' });
  }
  await store.remove(plan.objects, callOptions(vault));
}
