// What a copy would do: which objects of the vault are sound and are not at the other place yet, in the order in which they
// may go there, and what of there has to go. Changes nothing.
import { StoreError } from '../../errors.ts';
import type { Store } from '../../store/store.ts';
import type { VaultDocument } from '../documents/vault-document.ts';
import { readDrills } from '../drill/evidence.ts';
import { type Finding, finding } from '../finding.ts';
import { KEYS } from '../layout.ts';
import { type CountingEntry, readLedger } from '../ledger.ts';
import { isOf } from '../locations/agree.ts';
import { namedBy, type Named as Piece } from '../locations/named-by.ts';
import { readRecords } from '../read-records.ts';
import { readSnapshots, type Snapshot } from '../snapshots.ts';
import { type Candidate, readCandidates } from '../trust.ts';
import { callOptions, type Vault } from '../vault.ts';
import { partsOf, readBack } from './read-back.ts';
import { planRemovals, type Removals } from './removals.ts';
import { checkMine, checkStillThere, lookAtTarget, type Target } from './target.ts';

export interface CopyOptions {
  /** Only the snapshots of this set; keys, hosts and removals go all the same. */
  readonly set?: string;
  /** Also compare what is there already, byte for byte, and replace what is damaged. */
  readonly recheck?: boolean;
  /** A copy was made there before: that it is gone is not taken for an empty place. */
  readonly wasThere?: boolean;
}

/** A finding, and at which of the two places. */
export interface CopyFinding extends Finding {
  readonly at: 'vault' | 'copy';
}

/** A snapshot that is not whole at the copy. */
export interface Missing {
  readonly snapshot: Snapshot;
  readonly parts: readonly Piece[];
}

export interface CopyPlan {
  readonly source: Vault;
  readonly target: Target;
  /** What the vault document names, before it. */
  readonly keys: readonly Piece[];
  readonly documents: readonly Piece[];
  readonly ledger: readonly CountingEntry[];
  /** Oldest first, but each after the one that it names as the one before it. */
  readonly missing: readonly Missing[];
  /** Whole there already, by object. */
  readonly there: ReadonlySet<string>;
  /** They end what a re-encryption replaced, so what replaces it has to be there first. */
  readonly replacing: readonly CountingEntry[];
  readonly drills: readonly Piece[];
  readonly removals: Removals;
  readonly findings: readonly CopyFinding[];
  /** What the vault has, by `set/id`. */
  readonly snapshots: ReadonlyMap<string, Snapshot>;
  /** What it has and does not count, likewise. */
  readonly refused: ReadonlySet<string>;
  /** What stands at the copy now, by the digest of its record. */
  readonly standing: ReadonlyMap<string, Snapshot>;
}

/**
 * @param source a vault that a pin vouches for
 * @param store the other place
 * @throws ConflictError `same-place`, `not-empty`; NotFoundError `no-copy`; IntegrityError `foreign-vault`, `newer-copy`,
 *   `two-vaults`; StoreError, `store-denied` for a recheck where nothing may be read; InterruptedError
 */
export async function planCopy(source: Vault, store: Store, options: CopyOptions = {}): Promise<CopyPlan> {
  const documents = await trustedDocuments(source);
  const target = await lookAtTarget(source, store, documents);
  checkStillThere(target, options.wasThere === true);
  if (options.recheck && !target.mayRead) throw unreadable(store.location);
  const read = await readSnapshots(source);
  const named = namedBy(source.document);
  const known = new Set([
    ...named.map((p) => p.object),
    ...read.snapshots.flatMap(partsOf).map((p) => p.object),
  ]);
  checkMine(target, (name) => known.has(name));

  const ledger = target.mayRead ? await readLedger(target.vault) : undefined;
  const records = ledger && (await readRecords(target.vault, ledger, {}));
  const seen = new Map((ledger?.entries ?? []).map((e) => [e.object, e.sha256]));
  for (const s of [...(records?.superseded ?? []), ...(records?.snapshots ?? [])])
    seen.set(s.object, s.recordSha256);
  // What counts there is not written over, whatever now has its name and counts here: a listed host may have made both.
  const isOther = (object: string, sha256: string) => (seen.get(object) ?? sha256) !== sha256;
  const others = [
    ...read.snapshots.filter((s) => isOther(s.object, s.recordSha256)),
    ...read.ledger.entries.filter((e) => isOther(e.object, e.sha256)),
  ].map(({ object }) => object);
  const asked = read.snapshots.filter(
    ({ set, object }) => (options.set === undefined || set === options.set) && !others.includes(object),
  );
  const standing = new Map((records?.snapshots ?? []).map((s) => [s.recordSha256, s]));
  const damaged = options.recheck ? await readBack(target, asked) : new Set<string>();
  const isRecordThere = (s: Snapshot) =>
    target.mayRead ? standing.get(s.recordSha256)?.object === s.object : target.sizes.has(s.object);
  const incomplete = inChains(asked).map((snapshot) => ({
    snapshot,
    parts: partsOf(snapshot).filter((p) => target.sizes.get(p.object) !== p.size || damaged.has(p.object)),
  }));
  const missing = incomplete.filter(({ snapshot, parts }) => parts.length > 0 || !isRecordThere(snapshot));
  const lacking = new Set(missing.map((m) => m.snapshot));
  const isEntryMissing = ({ object, sha256 }: CountingEntry) =>
    target.mayRead ? seen.get(object) !== sha256 : !target.sizes.has(object);
  const entries = read.ledger.entries.filter((e) => isEntryMissing(e) && !others.includes(e.object));
  const there = [...target.findings, ...(records?.findings ?? [])];
  const removals = await planRemovals(source, target, { read, records, ledger });
  const findings: CopyFinding[] = [
    ...[...source.findings, ...read.findings].map((f) => ({ ...f, at: 'vault' as const })),
    ...there.filter((f) => !isToCome(f, read.snapshots)).map((f) => ({ ...f, at: 'copy' as const })),
    ...onlyThere(read, records?.snapshots ?? []),
    ...others.map((object) => ({
      ...finding('two-versions', object, whyOther(object)),
      at: 'vault' as const,
    })),
    ...removals.findings.map((f) => ({ ...f, at: 'copy' as const })),
  ];
  return {
    source,
    target,
    keys: named,
    documents: inOrder(source, documents).filter((p) => target.documents.get(p.object) !== p.sha256),
    ledger: entries.filter((e) => e.action !== 'reencrypt'),
    missing,
    there: new Set(asked.filter((s) => !lacking.has(s)).map((s) => s.object)),
    replacing: entries.filter((e) => e.action === 'reencrypt'),
    // What is there is written once, and not looked at again.
    drills: (await readDrills(source, { isPassedOver: (name) => target.sizes.has(name) })).drills,
    removals,
    findings,
    refused: new Set(read.refused.map((r) => `${r.set}/${r.id}`)),
    snapshots: new Map(read.snapshots.map((s) => [`${s.set}/${s.id}`, s])),
    standing,
  };
}

function unreadable(location: string): StoreError {
  return new StoreError(
    'store-denied',
    `this machine may not read what is at ${location}, so it cannot be rechecked`,
    {
      object: location,
      hint: 'let it read there, or run this on a machine that may',
    },
  );
}

/** Those of the vault that is meant, also of generations before: a pin of one of them leads from there to the newest. */
async function trustedDocuments(source: Vault): Promise<Candidate[]> {
  const { candidates } = await readCandidates(source.store, callOptions(source));
  const doubtful = new Set(source.findings.map((f) => f.object));
  return candidates.filter((c) => isOf(source.document, c) && !doubtful.has(c.document.object));
}

/**
 * Ascending, as they came to be; but those that name keys which are gone come last, when a newer one stands. Until then
 * the copy would be a vault that they open, and nothing does.
 */
function inOrder({ document }: Vault, documents: readonly Candidate[]): Piece[] {
  const now = new Set(keysOf(document));
  const sorted = [...documents].sort((a, b) => a.document.revision - b.document.revision);
  const isWhole = (c: Candidate) => keysOf(c.document).every((key) => now.has(key));
  return [...sorted.filter(isWhole), ...sorted.filter((c) => !isWhole(c)).reverse()].map(
    ({ document: { object }, sha256 }) => ({ object, sha256 }),
  );
}

function keysOf(document: VaultDocument): string[] {
  return namedBy(document)
    .map((p) => p.object)
    .filter((name) => name.startsWith(KEYS));
}

/** Oldest first. Where a clock was set back, one that is named as the one before another is dated after it. */
function inChains(snapshots: readonly Snapshot[]): Snapshot[] {
  const byDigest = new Map(snapshots.map((s) => [s.sha256, s]));
  const ordered = new Set<Snapshot>();
  for (const snapshot of snapshots) {
    const chain: Snapshot[] = [];
    for (let next: Snapshot | undefined = snapshot; next && !ordered.has(next) && !chain.includes(next); ) {
      chain.push(next);
      next = next.previous ? byDigest.get(next.previous.sha256) : undefined;
    }
    for (const one of chain.reverse()) ordered.add(one);
  }
  return [...ordered];
}

function whyOther(object: string): string {
  return `${object} is another one in the copy, which was signed too: what is there stays`;
}

/** What is wrong at the copy only because what comes now is not there yet. */
function isToCome({ code, object }: Finding, snapshots: readonly Snapshot[]): boolean {
  if (code === 'removed-host') return snapshots.some((s) => s.object === object);
  return code === 'missing-removal' || code === 'unnamed-removal';
}

/** What somebody deleted from the vault is still at the copy: nobody signed that, or the note of it is long gone. */
function onlyThere(
  { snapshots, superseded, refused, ledger }: Awaited<ReturnType<typeof readSnapshots>>,
  there: readonly Snapshot[],
): CopyFinding[] {
  const known = new Set([...snapshots, ...superseded, ...refused].map(({ set, id }) => `${set}/${id}`));
  const only = there.filter((s) => !known.has(`${s.set}/${s.id}`) && !ledger.removes(s.set, s.id, s.sha256));
  const newest = only.at(-1);
  if (!newest) return [];
  const what =
    only.length === 1
      ? `${newest.id} of ${newest.set} is`
      : `${only.length} snapshots, such as ${newest.id} of ${newest.set}, are`;
  const message = `${what} only in the copy, and no removal is known: what is there stays`;
  return [{ ...finding('only-in-copy', newest.object, message, 'warning'), at: 'copy' }];
}
