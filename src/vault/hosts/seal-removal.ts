// The signed word on what still counts of a host that is removed (docs/format.md section 8). What that is, is decided
// elsewhere; this stores nothing.
import { UsageError } from '../../errors.ts';
import { NAMESPACES } from '../../sign/authority.ts';
import { sealDocument } from '../../sign/document.ts';
import { TOOL } from '../../version.ts';
import type { NewObject } from '../commit.ts';
import type { LedgerEntry } from '../documents/ledger.ts';
import type { Host } from '../documents/vault-document.ts';
import { LIMITS, newLedgerName } from '../layout.ts';
import type { CountingEntry } from '../ledger.ts';
import { documentTime } from '../names.ts';
import type { Snapshot } from '../snapshots.ts';
import type { UnlockedVault } from '../vault.ts';

export interface WhatCounts {
  readonly host: Pick<Host, 'name'>;
  readonly counts: readonly Pick<Snapshot, 'sha256' | 'previous'>[];
  readonly entries: readonly Pick<CountingEntry, 'sha256'>[];
}

/** @throws UsageError `removal-too-large` */
export function sealRemoval(vault: UnlockedVault, { host, counts, entries }: WhatCounts): NewObject {
  const { document, authority } = vault;
  const now = vault.now();
  const object = newLedgerName(now);
  const entry: LedgerEntry = {
    format: 1,
    type: 'ledger',
    object,
    vault: document.vault,
    time: documentTime(now),
    tool: TOOL,
    revision: document.revision,
    generation: document.generation,
    by: 'authority',
    action: 'remove-host',
    removes: [],
    host: host.name,
    // What one names as the one before it is the host's own too, and may be put back from elsewhere.
    records: [...new Set(counts.flatMap((s) => [s.sha256, ...(s.previous ? [s.previous.sha256] : [])]))],
    entries: entries.map((e) => e.sha256),
  };
  const bytes = sealDocument(entry, NAMESPACES.ledger, [authority]);
  if (bytes.length <= LIMITS.ledger) return { object, bytes };
  throw new UsageError(
    'removal-too-large',
    `${host.name} has so many snapshots and removals that what still counts does not fit into one object`,
    { object: host.name, hint: 'delete old snapshots of it first, or let fewer count with --since' },
  );
}
