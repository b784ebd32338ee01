// Which snapshots a retention keeps, and why: a pure function of dates and counts. What is whole, and what goes then, is
// for others to find out (plan.ts). Nothing here counts from the clock of the machine that prunes.
import type { Kept } from '../ledger.ts';
import { isPast, settledEnd } from '../settled.ts';
import { MAX_AHEAD_MS } from '../standing.ts';
import { PERIODS, type Period, periodOf } from './periods.ts';

/** How many snapshots are kept of each kind, for each set and host by itself. What is left out, or 0, is no rule. */
export interface RetentionPolicy extends Readonly<Partial<Record<Period, number>>> {
  /** The newest. */
  readonly last?: number;
  /** Those of so many milliseconds before the newest, or before a gap that only a few came after. */
  readonly within?: number;
  /** Those with one of these tags, `key=value` each. */
  readonly tags?: readonly string[];
  /** Never fewer than these, the newest; 1 unless given. No rule: alone it removes nothing. */
  readonly minimum?: number;
}

/** What retention looks at of a snapshot. */
export interface Dated {
  readonly set: string;
  readonly host: string;
  readonly id: string;
  readonly time: string;
  readonly complete: boolean;
  readonly tags?: Readonly<Record<string, string>>;
}

export interface Candidate<S extends Dated = Dated> {
  readonly snapshot: S;
  /** Its bytes are not there as its host signed them. */
  readonly isDamaged?: boolean;
  /** How long after its own time the store received it, in milliseconds: as long as the backup took, unless it is dated back. */
  readonly delay?: number;
  /** What `keep` says of it, over or not. */
  readonly kept?: Kept;
}

export interface Verdict<S extends Dated = Dated> {
  readonly snapshot: S;
  readonly keep: boolean;
  /** In people's words, at least one. */
  readonly reasons: readonly string[];
}

const HOUR_MS = 60 * 60 * 1000;
const DAY_MS = 24 * HOUR_MS;
/**
 * How long backups take: most next to nothing, some hours, none more than a day. Whoever dates snapshots back takes at
 * once only the places of as long as the backups that he imitates take themselves.
 */
const LENGTHS_MS = [0, HOUR_MS, 4 * HOUR_MS, DAY_MS].map((length) => length + MAX_AHEAD_MS);

/** Whether a policy has no rule, and so removes nothing. */
export function isEmptyPolicy({ last, within, tags = [], minimum: _, ...periods }: RetentionPolicy): boolean {
  return ![last, within, tags.length, ...PERIODS.map((p) => periods[p])].some((n) => (n ?? 0) > 0);
}

/** Whether it removes all where a tag is misspelt: every other rule keeps the newest. */
export function isWithoutFloor(policy: RetentionPolicy): boolean {
  const { minimum = 1, tags: _, ...rules } = policy;
  return minimum === 0 && !isEmptyPolicy(policy) && isEmptyPolicy(rules);
}

/**
 * Judges snapshots by a policy, each set and host by itself.
 *
 * Only good ones, complete and not damaged, take a place of a rule or of the minimum. An incomplete one goes once a good
 * one is newer; a damaged one never. All good ones are judged, and then once more those that arrived as soon as backups
 * of some length do, those that are not dated after the clock, and those that are both: what is dated back, by whoever
 * has the host's key, or ahead, by a clock that was wrong, takes no place of what is dated as it was made.
 *
 * @param now by this machine's clock: it can only make more be kept
 * @returns oldest first, whatever the order of the candidates
 */
export function judgeRetention<S extends Dated>(
  candidates: readonly Candidate<S>[],
  policy: RetentionPolicy,
  now: Date,
): Verdict<S>[] {
  const groups = new Map<string, Candidate<S>[]>();
  for (const one of candidates) {
    const key = `${one.snapshot.set}/${one.snapshot.host}`;
    const group = groups.get(key);
    if (group) group.push(one);
    else groups.set(key, [one]);
  }
  const verdicts = [...groups.values()].flatMap((group) => judgeGroup(group, policy, now));
  return verdicts.sort((a, b) => inOrder(a.snapshot, b.snapshot));
}

function judgeGroup<S extends Dated>(
  group: readonly Candidate<S>[],
  policy: RetentionPolicy,
  now: Date,
): Verdict<S>[] {
  if (isEmptyPolicy(policy)) {
    return group.map(({ snapshot }) => ({ snapshot, keep: true, reasons: ['no rule to remove anything'] }));
  }
  const good = group
    .filter(({ snapshot, isDamaged }) => snapshot.complete && !isDamaged)
    .sort((a, b) => inOrder(b.snapshot, a.snapshot));
  const all = good.map((g) => g.snapshot);
  const isByNow = ({ snapshot }: Candidate) => Date.parse(snapshot.time) <= now.getTime() + MAX_AHEAD_MS;
  const inTime = LENGTHS_MS.map((length) => good.filter(({ delay = 0 }) => delay <= length));
  const views = [...inTime.reverse(), ...[good, ...inTime].map((v) => v.filter(isByNow))]
    .map((v) => v.map((g) => g.snapshot))
    .filter((v) => v.length < all.length);
  const places = [all, ...views].map((v) => placesOf(v, policy, now));
  const [newest] = all;
  return group.map((candidate): Verdict<S> => {
    const { snapshot, isDamaged } = candidate;
    const reasons = [...pinOf(candidate, all, now), ...tagOf(snapshot, policy)];
    if (isDamaged) return { snapshot, keep: true, reasons: ['damaged: see `strongroom verify`', ...reasons] };
    if (!snapshot.complete) {
      if (!newest) reasons.push('incomplete, but none is whole');
      else if (inOrder(snapshot, newest) > 0) reasons.push('newer than the newest whole one');
      const keep = reasons.length > 0;
      return { snapshot, keep, reasons: keep ? reasons : ['incomplete, and a newer one is whole'] };
    }
    reasons.push(...(places.find((p) => p.has(snapshot))?.get(snapshot) ?? []));
    const keep = reasons.length > 0;
    return { snapshot, keep, reasons: keep ? reasons : ['no rule keeps it'] };
  });
}

/** The places of the rules and of the minimum, and who takes them. @param good newest first */
function placesOf<S extends Dated>(good: readonly S[], policy: RetentionPolicy, now: Date): Map<S, string[]> {
  const places = new Map<S, string[]>();
  const place = (snapshot: S, reason: string) => {
    const reasons = places.get(snapshot);
    if (reasons) reasons.push(reason);
    else places.set(snapshot, [reason]);
  };
  const { last = 0, within = 0, minimum = 1 } = policy;
  for (const snapshot of good.slice(0, last)) place(snapshot, last === 1 ? 'newest' : `last ${last}`);
  for (const period of PERIODS) {
    const taken = new Set<string>();
    for (const snapshot of good) {
      if (taken.size >= (policy[period] ?? 0)) break;
      const key = periodOf(period, snapshot.time);
      if (taken.has(key)) continue;
      taken.add(key);
      place(snapshot, `${period} ${key}`);
    }
  }
  if (within > 0) {
    // Not from the clock, so that an outage ages nothing.
    const since = (settledEnd(good, now) ?? Number.NEGATIVE_INFINITY) - within;
    for (const snapshot of good)
      if (Date.parse(snapshot.time) >= since) place(snapshot, `within ${spanOf(within)}`);
  }
  // The newest ones, and not merely so many of any age: else one more rule could let a newer one go.
  for (const snapshot of good.slice(0, minimum))
    if (!places.has(snapshot)) place(snapshot, minimum === 1 ? 'newest' : `minimum ${minimum}`);
  return places;
}

function pinOf({ kept }: Candidate, good: readonly Dated[], now: Date): string[] {
  if (!kept) return [];
  if (!kept.until) return ['kept'];
  return isPast(kept.until, good, now) ? [] : [`kept until ${kept.until.toISOString().slice(0, 10)}`];
}

function tagOf({ tags = {} }: Dated, { tags: wanted = [] }: RetentionPolicy): string[] {
  const found = Object.entries(tags).map(([key, value]) => `${key}=${value}`);
  return wanted.filter((tag) => found.includes(tag)).map((tag) => `tag ${tag}`);
}

/** Ids begin with the time; two of one second are told apart by the rest. */
function inOrder(a: Dated, b: Dated): number {
  return compare(a.id, b.id) || compare(a.set, b.set) || compare(a.host, b.host);
}

function compare(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}

/** `90 days`, `36 hours`: in the largest unit of which it is a whole number. */
function spanOf(milliseconds: number): string {
  const units = [['day', DAY_MS] as const, ['hour', DAY_MS / 24] as const, ['minute', 60_000] as const];
  const [unit, length] = units.find(([, ms]) => milliseconds % ms === 0) ?? ['second', 1000];
  const n = milliseconds / length;
  return `${n} ${unit}${n === 1 ? '' : 's'}`;
}
