// The ledger: which removals count. A record that it removes does not count, present or not.
import { createHash } from 'node:crypto';
import { NAMESPACES } from '../sign/authority.ts';
import { openDocument } from '../sign/document.ts';
import { type LedgerEntry, readLedgerEntry } from './documents/ledger.ts';
import type { Host } from './documents/vault-document.ts';
import { type Finding, finding, isFault } from './finding.ts';
import { LEDGER, LIMITS } from './layout.ts';
import { checkLedgerWriter, judgeLedgerEntry, type Outlasting } from './standing.ts';
import { callOptions, type Vault } from './vault.ts';

/** An entry that counts. */
export interface CountingEntry extends LedgerEntry {
  /** SHA-256 of the whole object. */
  readonly sha256: string;
  /** The store's own time of it. */
  readonly modified: Date;
}

export interface Ledger {
  readonly entries: readonly CountingEntry[];
  readonly findings: readonly Finding[];
  /** Whether an entry that counts removes the snapshot of this record. */
  removes(set: string, id: string, sha256: string): boolean;
  /** Whether a re-encryption put another record in the place of this one. @param generation of its data */
  replaces(set: string, id: string, sha256: string, generation: number): boolean;
  readonly outlasts: Outlasting;
}

/** An entry and the digest of its object. */
interface Judged {
  readonly entry: LedgerEntry;
  readonly sha256: string;
}

/** Reads and judges every ledger entry. What does not count is a finding, and removes nothing. */
export async function readLedger(vault: Vault): Promise<Ledger> {
  const findings: Finding[] = [];
  const outlasts = await readRemovedHosts(vault, findings);
  const entries: CountingEntry[] = [];
  for await (const { name, modified } of vault.store.list(LEDGER, callOptions(vault))) {
    const read = await orFinding(findings, name, () => readEntry(vault, name, outlasts));
    if (read) entries.push({ ...read.entry, sha256: read.sha256, modified });
  }
  return ledgerOf(entries, { findings, outlasts });
}

/** The same ledger as if some of its entries did not count. */
export function ledgerWithout(ledger: Ledger, entries: readonly CountingEntry[]): Ledger {
  return ledgerOf(
    ledger.entries.filter((entry) => !entries.includes(entry)),
    ledger,
  );
}

function ledgerOf(
  entries: readonly CountingEntry[],
  { findings, outlasts }: Pick<Ledger, 'findings' | 'outlasts'>,
): Ledger {
  const removed = new Set<string>();
  const replaced = new Map<string, number>();
  for (const { action, generation, removes } of entries) {
    for (const { set, id, sha256 } of removes) {
      const key = `${set}/${id}/${sha256}`;
      if (action !== 'reencrypt') removed.add(key);
      else replaced.set(key, Math.max(generation, replaced.get(key) ?? 0));
    }
  }
  return {
    entries,
    findings,
    removes: (set, id, sha256) => removed.has(`${set}/${id}/${sha256}`),
    replaces: (set, id, sha256, generation) => (replaced.get(`${set}/${id}/${sha256}`) ?? 0) > generation,
    outlasts,
  };
}

/** @returns undefined when it is gone */
async function readEntry(vault: Vault, name: string, outlasts: Outlasting): Promise<Judged | undefined> {
  const { document } = vault;
  const bytes = await vault.store.get(name, { maxBytes: LIMITS.ledger, ...callOptions(vault) });
  if (bytes === null) return undefined;
  const { signers, parse } = openDocument(bytes, {
    namespace: NAMESPACES.ledger,
    object: name,
    maxBytes: LIMITS.ledger,
  });
  checkLedgerWriter(document, signers, name);
  const entry = readLedgerEntry(parse(), name, document.vault);
  const sha256 = createHash('sha256').update(bytes).digest('hex');
  judgeLedgerEntry(document, entry, { signers, sha256 }, outlasts);
  return { entry, sha256 };
}

/** What still counts of hosts that were removed, as the entries say that the vault document names. */
async function readRemovedHosts(vault: Vault, findings: Finding[]): Promise<Outlasting> {
  const outlasting = new Map<string, { records: ReadonlySet<string>; entries: ReadonlySet<string> }>();
  for (const { name, key, counts } of vault.document.hosts) {
    if (!counts) continue;
    const read = await orFinding(findings, counts.object, () => readEntry(vault, counts.object, () => false));
    if (read?.sha256 === counts.sha256 && read.entry.host === name) {
      const { records = [], entries = [] } = read.entry;
      outlasting.set(key, { records: new Set(records), entries: new Set(entries) });
    } else {
      const message = `${counts.object}, which says what of the removed host ${name} still counts, is gone or another`;
      findings.push(finding('missing-removal', counts.object, message));
    }
  }
  return (host: Host, kind, sha256) => outlasting.get(host.key)?.[kind].has(sha256) ?? false;
}

async function orFinding<T>(
  findings: Finding[],
  object: string,
  read: () => Promise<T>,
): Promise<T | undefined> {
  try {
    return await read();
  } catch (error) {
    if (!isFault(error)) throw error;
    findings.push(finding(error.code, object, error.message));
    return undefined;
  }
}
