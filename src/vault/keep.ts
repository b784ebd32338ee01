// Snapshots that are kept: nobody deletes them before they are released or their time is over. The ledger says so; where
// the store can hold objects, it does that too. Plan, then apply.
import { ConflictError, IntegrityError, NotFoundError, StoreError, type StrongroomError } from '../errors.ts';
import type { Keep } from './documents/ledger.ts';
import { type Finding, finding } from './finding.ts';
import { type CountingEntry, isOver, type Kept, type Ledger, readLedger } from './ledger.ts';
import { documentTime, inScope } from './names.ts';
import { isPast } from './settled.ts';
import { readSnapshots, type Snapshot, type Snapshots } from './snapshots.ts';
import { callOptions, type Vault } from './vault.ts';
import { maintainer, type Signer, writeLedgerEntry } from './write-ledger.ts';

export interface KeepPlan {
  /** Each gets an entry of its own, so that it can be released alone. */
  readonly keeps: readonly (Keep & Kept)[];
  /** What the store is to hold, besides the new entries; empty where it cannot. */
  readonly hold: readonly string[];
  /** Entries that end. */
  readonly ends: Ending;
  /** Entries whose time is over and that the store still holds for. */
  readonly lapsed: Ending;
}

export interface Ending {
  readonly entries: readonly CountingEntry[];
  /** What the store need not hold any more. */
  readonly lift: readonly string[];
}

const NOTHING: Ending = { entries: [], lift: [] };

/**
 * Keeps snapshots. One that is kept as long already gets no second entry, but is held again.
 * @param read the snapshots of the vault, or of the set that is meant
 * @param until when; for ever where it is left out
 * @throws UsageError `may-not-maintain`
 */
export function planKeep(
  vault: Vault,
  read: Snapshots,
  snapshots: readonly Snapshot[],
  host: Signer,
  until?: Date,
): KeepPlan {
  checkMaintainer(vault, host, snapshots);
  const added = snapshots.filter(({ set, id, sha256 }) => !lasts(read.ledger.kept(set, id, sha256), until));
  const keeps = added.map(({ set, id, sha256 }) => ({ set, id, sha256, ...(until ? { until } : {}) }));
  const entries = snapshots.flatMap((s) =>
    read.ledger.keeping.filter((e) => isOf(e, s) && !isOver(e, read.ledger.readAt)),
  );
  const hold = vault.store.holds ? [...snapshots.flatMap(objectsOf), ...entries.map((e) => e.object)] : [];
  return { keeps, hold, ends: NOTHING, lapsed: planLapse(vault, read, host, keeps) };
}

/**
 * Releases snapshots. Of one that was released before, what the store still holds is lifted: that may have been cut off.
 * @param read as for `planKeep`
 * @throws NotFoundError `not-kept` for one that was never kept; UsageError `may-not-maintain`
 */
export function planRelease(
  vault: Vault,
  read: Snapshots,
  snapshots: readonly Snapshot[],
  host: Signer,
): KeepPlan {
  const { ledger } = read;
  const isNamed = (keep: Keep) => snapshots.some((s) => isSame(s, keep));
  const past = ledger.entries.filter((e) => e.keeps?.some(isNamed));
  for (const snapshot of snapshots) {
    if (past.some((e) => isOf(e, snapshot))) continue;
    throw new NotFoundError('not-kept', `${snapshot.id} of ${snapshot.set} is not kept`, {
      object: snapshot.id,
      hint: 'see which are with `strongroom list`',
    });
  }
  const entries = past.filter((e) => ledger.keeping.includes(e));
  checkMaintainer(vault, host, [...snapshots, ...entries.flatMap((e) => e.keeps ?? [])]);
  // An entry ends as a whole: what else another writer put into it is kept on.
  const keeps = entries
    .filter((e) => !isOver(e, ledger.readAt))
    .flatMap((e) => (e.keeps ?? []).filter((k) => !isNamed(k)).map((k) => ({ ...k, ...untilOf(e) })));
  const lift = vault.store.holds ? [...snapshots.flatMap(objectsOf), ...past.map((e) => e.object)] : [];
  const lapsed = planLapse(vault, read, host, keeps, entries);
  return { keeps, hold: [], ends: { entries, lift: [...new Set(lift)] }, lapsed };
}

/**
 * Entries whose time is over, where the store holds objects: a hold has no date of its own, so that somebody must lift it.
 * By the clock and by the snapshots of the same host: what is lifted and released is not kept again once a clock is right.
 * @param but what is kept anew
 * @param without entries that end anyway
 * @param asked what somebody removes by name: there the clock alone decides, as for whether that may go
 */
export function planLapse(
  vault: Vault,
  { ledger, snapshots }: Snapshots,
  host: Signer,
  but: readonly Keep[] = [],
  without: readonly CountingEntry[] = [],
  asked: readonly Keep[] = [],
): Ending {
  const scope = vault.document.hosts.find((h) => h.key === host.key.publicKey)?.sets ?? [];
  if (!vault.store.holds) return NOTHING;
  const standing = new Map(snapshots.map((s) => [`${s.set}/${s.sha256}`, s]));
  const snapshotsOf = ({ keeps = [] }: CountingEntry) =>
    keeps.flatMap((k) => standing.get(`${k.set}/${k.sha256}`) ?? []);
  const isPastFor = (until: Date, one: Snapshot) => {
    if (asked.some((a) => isSame(a, one))) return true;
    const { set, host: by } = one;
    const itsOwn = snapshots.filter((s) => s.set === set && s.host === by && s.complete);
    return isPast(until, itsOwn, ledger.readAt);
  };
  const entries = ledger.keeping.filter(
    (e) =>
      e.until !== undefined &&
      isOver(e, ledger.readAt) &&
      !without.includes(e) &&
      e.keeps?.every((k) => inScope(k.set, scope)) &&
      // Those of a set that was not read wait for the next time.
      snapshotsOf(e).length === e.keeps.length &&
      snapshotsOf(e).every((s) => isPastFor(new Date(e.until ?? Number.NaN), s)),
  );
  const free = entries
    .flatMap(snapshotsOf)
    .filter((s) => !ledger.keeping.some((e) => isOf(e, s) && !entries.includes(e) && !without.includes(e)))
    .filter((s) => !but.some((k) => isSame(s, k)));
  return { entries, lift: [...new Set([...free.flatMap(objectsOf), ...entries.map((e) => e.object)])] };
}

/**
 * The ledger first: what it says holds for every strongroom, whatever the store does.
 * @returns what the store refused when it was to hold or lift; the ledger stands all the same
 * @throws UsageError `may-not-maintain`; StoreError, ConflictError when the ledger could not be written
 */
export async function applyKeep(
  vault: Vault,
  { keeps, hold, ends, lapsed }: KeepPlan,
  host: Signer,
): Promise<StrongroomError | undefined> {
  const { entries } = ends;
  const signer = checkMaintainer(vault, host, [...keeps, ...entries.flatMap((e) => e.keeps ?? [])]);
  const held = [...hold];
  for (const { until, ...keep } of keeps) {
    const time = until ? { until: documentTime(until) } : {};
    held.push(await writeLedgerEntry(vault, signer, { action: 'keep', removes: [], keeps: [keep], ...time }));
  }
  const unheld = await setHolds(vault, held, true);
  await release(vault, signer, entries);
  const unlifted = await setHolds(vault, ends.lift, false);
  return unheld ?? unlifted ?? (await applyLapse(vault, lapsed, signer));
}

/** @returns what the store refused; it is tried again the next time */
export async function applyLapse(
  vault: Vault,
  { entries, lift }: Ending,
  host: Signer,
): Promise<StrongroomError | undefined> {
  if (entries.length === 0) return undefined;
  const signer = checkMaintainer(
    vault,
    host,
    entries.flatMap((e) => e.keeps ?? []),
  );
  const unlifted = await setHolds(vault, lift, false);
  if (!unlifted) await release(vault, signer, entries);
  return unlifted;
}

async function release(vault: Vault, signer: Signer, entries: readonly CountingEntry[]): Promise<void> {
  if (entries.length === 0) return;
  const releases = entries.map(({ object, sha256 }) => ({ object, sha256 }));
  await writeLedgerEntry(vault, signer, { action: 'release', removes: [], releases });
}

async function setHolds(
  vault: Vault,
  names: readonly string[],
  on: boolean,
): Promise<StrongroomError | undefined> {
  if (names.length === 0) return undefined;
  try {
    await vault.store.holds?.set(names, on, callOptions(vault));
    return undefined;
  } catch (error) {
    if (error instanceof StoreError || error instanceof IntegrityError) return error;
    throw error;
  }
}

/**
 * Holds what a re-encryption wrote of snapshots that are kept: it has other names than what the store held until now. Asked
 * before the old goes.
 * @returns a warning when the store refused
 * @throws StoreError when the vault cannot be read
 */
export async function holdAgain(vault: Vault, snapshots: readonly Keep[]): Promise<Finding[]> {
  if (!vault.store.holds || snapshots.length === 0) return [];
  const { kept } = await readLedger(vault);
  const mine = snapshots.filter(({ set, id, sha256 }) => kept(set, id, sha256));
  if (mine.length === 0) return [];
  const now = (await readSnapshots(vault)).snapshots.filter((s) => mine.some((m) => isSame(s, m)));
  const unheld = await setHolds(vault, now.flatMap(objectsOf), true);
  if (!unheld) return [];
  const ids = now.map((s) => s.id).join(', ');
  const message = `the store does not hold what was written anew of ${ids}, which the vault keeps: ${unheld.message}; run \`strongroom keep\` with the same again`;
  return [finding('not-held', unheld.object ?? vault.document.object, message, 'warning')];
}

/** @throws ConflictError `kept` for the first that is */
export function checkNotKept(ledger: Ledger, snapshots: readonly Keep[]): void {
  for (const { set, id, sha256 } of snapshots) {
    const kept = ledger.kept(set, id, sha256);
    if (!kept) continue;
    const until = kept.until ? ` until ${documentTime(kept.until)}` : '';
    throw new ConflictError('kept', `${id} of ${set} is kept${until}`, {
      object: id,
      hint: `if it may go all the same, run \`strongroom keep --release ${id}\` first`,
    });
  }
}

function checkMaintainer(vault: Vault, host: Signer, keeps: readonly Pick<Keep, 'set'>[]): Signer {
  return maintainer(
    vault,
    host,
    keeps.map((k) => k.set),
    'say what is kept in',
  );
}

function isOf({ keeps = [] }: CountingEntry, snapshot: Keep): boolean {
  return keeps.some((keep) => isSame(snapshot, keep));
}

function isSame(a: Keep, b: Keep): boolean {
  return a.set === b.set && a.id === b.id && a.sha256 === b.sha256;
}

/** What makes up a snapshot in the store: its record and its parts. */
function objectsOf({ object, artifacts }: Snapshot): string[] {
  return [object, ...artifacts.flatMap((a) => a.parts.map((p) => p.object))];
}

function untilOf({ until }: CountingEntry): Kept {
  return until === undefined ? {} : { until: new Date(until) };
}

/** Whether what is kept is kept at least until then. */
function lasts(kept: Kept | undefined, until: Date | undefined): boolean {
  if (!kept) return false;
  return !kept.until || (until !== undefined && kept.until >= until);
}
