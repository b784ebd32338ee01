// What a prune would do, and why: judged by the retention of each set, from what stands in the store now. Changes nothing.
import { IntegrityError, UsageError } from '../../errors.ts';
import type { Leftover } from '../delete.ts';
import type { Finding } from '../finding.ts';
import type { CountingEntry, Kept, Ledger } from '../ledger.ts';
import type { OldVersion } from '../old-versions.ts';
import { readReceivedAt } from '../received.ts';
import { readSnapshots, type Snapshot, type Snapshots } from '../snapshots.ts';
import type { Vault } from '../vault.ts';
import { findSpentEntries } from './entries.ts';
import { isPresent, placeOf, takeInventory } from './inventory.ts';
import { locksOf } from './locks.ts';
import { findRemains, type Orphan } from './remains.ts';
import {
  type Candidate,
  isWithoutFloor,
  judgeRetention,
  type RetentionPolicy,
  type Verdict,
} from './retention.ts';

export interface PruneOptions {
  /** Only this set. */
  readonly set?: string;
  /** Only the snapshots of this host. */
  readonly host?: string;
  /** Also those of a host of whose snapshots one is gone and nobody signed that. */
  readonly despiteGaps?: boolean;
}

export interface PrunePlan {
  /** Every snapshot of the sets that have a retention, oldest first. */
  readonly verdicts: readonly Verdict<Snapshot>[];
  /** Those of them that go. */
  readonly removes: readonly Snapshot[];
  /** Sets of hosts of which nothing goes, as somebody removed a snapshot without signing it. */
  readonly leftAlone: readonly LeftAlone[];
  /** Whole snapshots whose bytes are not as signed: they take no place, and stay. */
  readonly damaged: readonly Snapshot[];
  /** The rest of a prune or delete that was cut off, and records that a re-encryption left of what goes. */
  readonly leftovers: readonly Leftover[];
  readonly orphans: readonly Orphan[];
  /** Ledger entries that nothing needs any more. */
  readonly spent: readonly CountingEntry[];
  /** How long bytes stay after they went, by the object of the snapshot. */
  readonly locks: ReadonlyMap<string, OldVersion>;
  /** Bytes of data that go. */
  readonly bytes: number;
  /** What was read. */
  readonly read: Snapshots;
}

export interface LeftAlone {
  readonly set: string;
  readonly host: string;
  readonly finding: Finding;
}

/** What says that the vault is not shown as it is. */
const HIDING = ['hidden-document', 'missing-removal'];
const GAPS = ['missing-predecessor', 'missing-newest'];

/**
 * @param policyOf the retention of a set; one without is left as it is
 * @throws UsageError `no-floor` for a policy by which all may go; IntegrityError `not-as-it-was` for a vault of which
 *   something is hidden; StoreError; InterruptedError
 */
export async function planPrune(
  vault: Vault,
  policyOf: (set: string) => RetentionPolicy | undefined,
  options: PruneOptions = {},
): Promise<PrunePlan> {
  const { set, host } = options;
  const read = await readSnapshots(vault, set === undefined ? {} : { set });
  checkNothingHidden(vault, read);
  const inventory = await takeInventory(vault, set);
  const isAsked = (name: string) => (set === undefined || set === name) && policyOf(name) !== undefined;
  const asked = read.snapshots.filter((s) => isAsked(s.set) && (host === undefined || s.host === host));
  const gaps = options.despiteGaps ? [] : gapsOf(read, asked);
  const receivedAt = await readReceivedAt(vault, asked);
  for (const name of new Set(asked.map((s) => s.set))) checkFloor(name, policyOf(name) ?? {});
  const pins = pinsOf(read.ledger);
  const bySet = new Map<string, Candidate<Snapshot>[]>();
  const damaged: Snapshot[] = [];
  for (const snapshot of asked) {
    const isDamaged = !isPresent(inventory, snapshot);
    if (isDamaged) damaged.push(snapshot);
    const kept = pins.get(pinKey(snapshot));
    const delay = receivedAt(snapshot).getTime() - Date.parse(snapshot.time);
    const candidates = bySet.get(snapshot.set) ?? [];
    candidates.push({ snapshot, isDamaged, delay, ...(kept ? { kept } : {}) });
    bySet.set(snapshot.set, candidates);
  }
  const verdicts = [...bySet].flatMap(([name, candidates]) =>
    judgeRetention(candidates, policyOf(name) ?? {}, vault.now()).map((v) => leftAsIs(v, gaps)),
  );
  verdicts.sort((a, b) => (a.snapshot.id < b.snapshot.id ? -1 : a.snapshot.id > b.snapshot.id ? 1 : 0));
  const removes = verdicts.flatMap(({ keep, snapshot }) => (keep ? [] : [snapshot]));
  const { leftovers: found, orphans } = await findRemains(vault, read, inventory, isAsked);
  const leftovers = [...found, ...stoodInFor(read, removes)];
  const goes = [...removes.map((s) => s.stored), ...[...leftovers, ...orphans].map((one) => one.bytes)];
  return {
    verdicts,
    removes,
    leftAlone: gaps.filter(({ set: s, host: h }) => asked.some((a) => a.set === s && a.host === h)),
    damaged,
    leftovers,
    orphans,
    spent: findSpentEntries(vault, read, inventory, isAsked),
    locks: await locksOf(vault, removes),
    bytes: goes.reduce((sum, n) => sum + n, 0),
    read,
  };
}

/** A tag with a slip in it would empty the vault. */
function checkFloor(set: string, policy: RetentionPolicy): void {
  if (!isWithoutFloor(policy)) return;
  throw new UsageError('no-floor', `nothing was removed: by the retention of ${set}, none of it need stay`, {
    object: set,
    hint: 'tags alone keep nothing for certain: say how many stay in any case, as `minimum: 1` or --keep-minimum 1',
  });
}

/** Whoever hides a vault document, or what a removed host may no longer say, brings back writers that do not count. */
function checkNothingHidden({ document, findings }: Vault, read: Snapshots): void {
  const hidden = [...findings, ...read.findings].find((f) => HIDING.includes(f.code));
  if (!hidden) return;
  throw new IntegrityError('not-as-it-was', `nothing was removed: ${hidden.message}`, {
    object: hidden.object || document.object,
    hint: 'find out who may write to the store, and run `strongroom verify` for the whole picture',
  });
}

/** Somebody removes snapshots past us: what is left of that host may be needed to see what is gone. */
function gapsOf({ findings, refused }: Snapshots, asked: readonly Snapshot[]): LeftAlone[] {
  const gaps = new Map<string, LeftAlone>();
  for (const gap of findings.filter((f) => GAPS.includes(f.code))) {
    const gone = refused.find((r) => r.finding === gap);
    for (const { set, host, object } of asked) {
      // Of the newest one, which is gone, nobody can say whose it was.
      const isIts = gone ? gone.set === set : object === gap.object;
      if (isIts && !gaps.has(`${set}/${host}`)) gaps.set(`${set}/${host}`, { set, host, finding: gap });
    }
  }
  return [...gaps.values()];
}

function leftAsIs(verdict: Verdict<Snapshot>, gaps: readonly LeftAlone[]): Verdict<Snapshot> {
  const { snapshot, keep } = verdict;
  const isLeft = gaps.some(({ set, host }) => set === snapshot.set && host === snapshot.host);
  if (keep || !isLeft) return verdict;
  return { snapshot, keep: true, reasons: ['left alone: another is gone, and nobody signed its removal'] };
}

function pinKey({ set, id, sha256 }: Pick<Snapshot, 'set' | 'id' | 'sha256'>): string {
  return `${set}/${id}/${sha256}`;
}

/** The longest of each, also what is over by this machine's clock: see `judgeRetention`. */
function pinsOf({ keeping }: Ledger): Map<string, Kept> {
  const pins = new Map<string, Kept>();
  for (const { keeps = [], until } of keeping) {
    for (const one of keeps) {
      const other = pins.get(pinKey(one));
      const mine = until === undefined ? undefined : new Date(until);
      const isLonger = !mine || (other?.until && mine > other.until);
      if (!other || (other.until && isLonger)) pins.set(pinKey(one), mine ? { until: mine } : {});
    }
  }
  return pins;
}

/** A re-encryption that was cut off left older records of the same snapshots. */
function stoodInFor({ superseded }: Snapshots, removes: readonly Snapshot[]): Leftover[] {
  if (superseded.length === 0) return [];
  const going = new Set(removes.map(placeOf));
  return superseded
    .filter((s) => going.has(placeOf(s)))
    .map(({ set, id, object, recordSha256, artifacts, stored }) => ({
      set,
      id,
      objects: [object, ...artifacts.flatMap((a) => a.parts.map((p) => p.object))],
      unsigned: [recordSha256],
      bytes: stored,
    }));
}
