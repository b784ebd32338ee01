// The ledger: which removals count. A record that it removes does not count, present or not.
import { NAMESPACES } from '../sign/authority.ts';
import { openDocument } from '../sign/document.ts';
import { type LedgerEntry, readLedgerEntry } from './documents/ledger.ts';
import { type Finding, finding, isFault } from './finding.ts';
import { LIMITS } from './layout.ts';
import { checkLedgerWriter, judgeLedgerEntry } from './standing.ts';
import { callOptions, type Vault } from './vault.ts';

export interface Ledger {
  readonly entries: readonly LedgerEntry[];
  readonly findings: readonly Finding[];
  /** Whether an entry that counts removes this record. */
  removes(set: string, id: string, sha256: string): boolean;
}

/** Reads and judges every ledger entry. What does not count is a finding, and removes nothing. */
export async function readLedger(vault: Vault): Promise<Ledger> {
  const entries: LedgerEntry[] = [];
  const findings: Finding[] = [];
  const options = callOptions(vault);
  for await (const { name } of vault.store.list('ledger/', options)) {
    try {
      const bytes = await vault.store.get(name, { maxBytes: LIMITS.ledger, ...options });
      if (bytes === null) continue;
      const opened = openDocument(bytes, {
        namespace: NAMESPACES.ledger,
        object: name,
        maxBytes: LIMITS.ledger,
      });
      checkLedgerWriter(vault.document, opened.signers, name);
      const entry = readLedgerEntry(opened.parse(), name, vault.document.vault);
      judgeLedgerEntry(vault.document, entry, { signers: opened.signers });
      entries.push(entry);
    } catch (error) {
      if (!isFault(error)) throw error;
      findings.push(finding(error.code, name, error.message));
    }
  }
  const removed = new Set(entries.flatMap((e) => e.removes.map((r) => `${r.set}/${r.id}/${r.sha256}`)));
  return { entries, findings, removes: (set, id, sha256) => removed.has(`${set}/${id}/${sha256}`) };
}
