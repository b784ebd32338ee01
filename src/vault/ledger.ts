// The ledger: which removals count, and what is to be kept. A record that it removes does not count, present or not.
import { createHash } from 'node:crypto';
import { NAMESPACES } from '../sign/authority.ts';
import { openDocument } from '../sign/document.ts';
import { type Keep, type LedgerEntry, type Release, readLedgerEntry } from './documents/ledger.ts';
import type { Host } from './documents/vault-document.ts';
import { type Finding, finding, isFault } from './finding.ts';
import { LEDGER, LIMITS } from './layout.ts';
import { checkLedgerWriter, judgeLedgerEntry, judgeRelease, type Outlasting } from './standing.ts';
import { callOptions, type Vault } from './vault.ts';

/** An entry that counts. */
export interface CountingEntry extends LedgerEntry {
  /** SHA-256 of the whole object. */
  readonly sha256: string;
  /** The key that signed it. */
  readonly signer: string;
  /** The store's own time of it. */
  readonly modified: Date;
}

/** How long a snapshot is to be kept; for ever where `until` is left out. */
export interface Kept {
  readonly until?: Date;
}

/** A note of what was pruned stays at least so long: a client that saw it knows then why it is gone. */
export const NOTES_KEPT_MS = 30 * 24 * 60 * 60 * 1000;

export interface Ledger {
  readonly entries: readonly CountingEntry[];
  readonly findings: readonly Finding[];
  /** Whether an entry that counts removes the snapshot of this record. */
  removes(set: string, id: string, sha256: string): boolean;
  /** Whether a re-encryption put another record in the place of this one. @param generation of its data */
  replaces(set: string, id: string, sha256: string, generation: number): boolean;
  /**
   * Whether an entry that counts keeps this snapshot, and the longest of them until when.
   * @param sha256 of the record that its host signed
   */
  kept(set: string, id: string, sha256: string): Kept | undefined;
  /** Entries that keep something and were not released, those whose time is over included. */
  readonly keeping: readonly CountingEntry[];
  /** By the reader's clock: what was kept until before then is kept no more. */
  readonly readAt: Date;
  readonly outlasts: Outlasting;
}

/** An entry, the digest of its object and who signed it. */
interface Judged {
  readonly entry: LedgerEntry;
  readonly sha256: string;
  readonly signer: string;
}

/** Reads and judges every ledger entry. What does not count is a finding, and removes nothing. */
export async function readLedger(vault: Vault): Promise<Ledger> {
  const findings: Finding[] = [];
  const outlasts = await readRemovedHosts(vault, findings);
  const entries: CountingEntry[] = [];
  for await (const { name, modified } of vault.store.list(LEDGER, callOptions(vault))) {
    const read = await orFinding(findings, name, () => readEntry(vault, name, outlasts));
    if (read) entries.push({ ...read.entry, sha256: read.sha256, signer: read.signer, modified });
  }
  const inScope = await withoutForeignReleases(vault, entries, findings);
  // What a leaked key said before it leaked is said again when the re-encryption ends: until then it is no alarm.
  const told = findings.map((f) =>
    f.code === 'exposed-key' && vault.document.reencrypt ? { ...f, severity: 'warning' as const } : f,
  );
  return ledgerOf(inScope, { findings: told, outlasts, readAt: vault.now() });
}

/** What a release may end depends on other entries, so that it is judged when all were read. */
async function withoutForeignReleases(
  { document }: Vault,
  entries: readonly CountingEntry[],
  findings: Finding[],
): Promise<CountingEntry[]> {
  const keeps = new Map(entries.filter((e) => e.action === 'keep').map((e) => [objectKeyOf(e), e]));
  const counting: CountingEntry[] = [];
  for (const entry of entries) {
    const judged = await orFinding(findings, entry.object, async () => {
      if (entry.action !== 'release') return entry;
      const ended = (entry.releases ?? []).flatMap((r) => keeps.get(objectKeyOf(r)) ?? []);
      judgeRelease(document, entry, entry.signer, ended);
      return entry;
    });
    if (judged) counting.push(judged);
  }
  return counting;
}

function objectKeyOf({ object, sha256 }: Release): string {
  return `${object}/${sha256}`;
}

function ledgerOf(
  entries: readonly CountingEntry[],
  { findings, outlasts, readAt }: Pick<Ledger, 'findings' | 'outlasts' | 'readAt'>,
): Ledger {
  const removed = new Set<string>();
  const replaced = new Map<string, number>();
  const keeping: CountingEntry[] = [];
  const kept = new Map<string, Kept>();
  const released = new Set<string>();
  for (const { releases = [] } of entries) for (const r of releases) released.add(objectKeyOf(r));
  for (const entry of entries) {
    const { action, generation, removes } = entry;
    for (const one of removes) {
      const key = keyOf(one);
      if (action === 'delete' || action === 'prune') removed.add(key);
      if (action === 'reencrypt') replaced.set(key, Math.max(generation, replaced.get(key) ?? 0));
    }
    if (action !== 'keep' || released.has(objectKeyOf(entry))) continue;
    keeping.push(entry);
    if (isOver(entry, readAt)) continue;
    for (const one of entry.keeps ?? []) kept.set(keyOf(one), longest(kept.get(keyOf(one)), entry));
  }
  return {
    entries,
    findings,
    // Each is asked of every snapshot, and most ledgers have nothing to say: then no key is made.
    removes: (set, id, sha256) => removed.size > 0 && removed.has(keyOf({ set, id, sha256 })),
    replaces: (set, id, sha256, generation) =>
      replaced.size > 0 && (replaced.get(keyOf({ set, id, sha256 })) ?? 0) > generation,
    kept: (set, id, sha256) => (kept.size > 0 ? kept.get(keyOf({ set, id, sha256 })) : undefined),
    keeping,
    readAt,
    outlasts,
  };
}

function keyOf({ set, id, sha256 }: Keep): string {
  return `${set}/${id}/${sha256}`;
}

/** Whether the time of a `keep` entry is over. */
export function isOver({ until }: LedgerEntry, now: Date): boolean {
  return until !== undefined && Date.parse(until) <= now.getTime();
}

function longest(other: Kept | undefined, { until }: LedgerEntry): Kept {
  if (until === undefined || (other && !other.until)) return {};
  const mine = new Date(until);
  return other?.until && other.until > mine ? other : { until: mine };
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
  return { entry, sha256, signer: signers[0]! };
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
