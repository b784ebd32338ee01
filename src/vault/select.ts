// From what a person typed to one snapshot: id, unique prefix, latest, latest~2, @label, --at (DESIGN's selectors).
// Pure, over the snapshots that were read.
import { IntegrityError, NotFoundError, UsageError } from '../errors.ts';
import type { RefusedRecord, Snapshot } from './snapshots.ts';

export interface Choice {
  /** `latest`, `latest~N`, `@label`, an id or a unique prefix of one; undefined means latest. */
  readonly selector?: string;
  readonly set?: string;
  readonly host?: string;
  /** Newest at or before this time. */
  readonly at?: Date;
}

export interface Chosen {
  readonly snapshot: Snapshot;
  /** Newer snapshots of the same set and host that were passed over because a source failed in them. */
  readonly passedOver: readonly Snapshot[];
}

export interface Selectable {
  readonly snapshots: readonly Snapshot[];
  readonly refused: readonly RefusedRecord[];
}

function describe({ set, host }: Choice): string {
  return [set === undefined ? '' : ` of the set ${set}`, host === undefined ? '' : ` by host ${host}`].join('');
}

/** Which host's snapshots `latest` means: the one named, this one, or the only one there is. */
function hostOf(snapshots: readonly Snapshot[], choice: Choice, thisHost: string | undefined): string {
  if (choice.host !== undefined) return choice.host;
  const hosts = [...new Set(snapshots.map((s) => s.host))];
  if (thisHost !== undefined && hosts.includes(thisHost)) return thisHost;
  if (hosts.length === 1) return hosts[0]!;
  throw new UsageError('which-host', `${hosts.length} hosts have snapshots${describe(choice)}: ${hosts.join(', ')}`, {
    hint: 'say which with --host',
  });
}

function setOf(snapshots: readonly Snapshot[], choice: Choice): string {
  if (choice.set !== undefined) return choice.set;
  const sets = [...new Set(snapshots.map((s) => s.set))];
  if (sets.length === 1) return sets[0]!;
  throw new UsageError('which-set', `the vault holds ${sets.length} sets: ${sets.join(', ')}`, {
    hint: 'say which with --set',
  });
}

function none(choice: Choice, what: string): NotFoundError {
  return new NotFoundError('no-snapshot', `there is no ${what}${describe(choice)}`, {
    hint: 'see what there is with `strongroom list`',
  });
}

/**
 * Snapshot choice `latest`, possibly some back and possibly as of a time: only complete ones.
 * A newer record that does not verify stops it: silently restoring an older state is what its planter may want.
 */
function chooseLatest(from: Selectable, choice: Choice, back: number, thisHost: string | undefined): Chosen {
  const matching = from.snapshots.filter(
    (s) => (choice.set === undefined || s.set === choice.set) && (choice.host === undefined || s.host === choice.host),
  );
  const before = choice.at === undefined ? undefined : choice.at.getTime();
  if (matching.length === 0) {
    const [bad] = from.refused.filter((r) => choice.set === undefined || r.set === choice.set);
    if (bad) {
      throw new IntegrityError(bad.finding.code, bad.finding.message, {
        object: bad.finding.object,
        hint: 'no other snapshot is there to restore; find out who can write to the store',
      });
    }
    throw none(choice, 'snapshot');
  }
  const set = setOf(matching, choice);
  const host = hostOf(matching.filter((s) => s.set === set), choice, thisHost);
  const group = matching
    .filter((s) => s.set === set && s.host === host && (before === undefined || Date.parse(s.time) <= before))
    .reverse();
  const complete = group.filter((s) => s.complete);
  const snapshot = complete[back];
  if (!snapshot) throw none({ ...choice, set, host }, back === 0 ? 'complete snapshot' : `latest~${back}`);
  const newerBad = from.refused.find(
    (r) => r.set === set && r.id > snapshot.id && back === 0 && choice.at === undefined,
  );
  if (newerBad) {
    throw new IntegrityError(newerBad.finding.code, `the newest record of ${set} does not count: ${newerBad.finding.message}`, {
      object: newerBad.finding.object,
      hint: `the newest sound snapshot is ${snapshot.id}: name it to restore that one, and find out who wrote the other`,
    });
  }
  return { snapshot, passedOver: group.filter((s) => s.id > snapshot.id && !s.complete) };
}

/**
 * @param thisHost name of this machine's host in the vault, preferred by `latest`
 * @throws NotFoundError `no-snapshot`; UsageError `ambiguous-snapshot`, `which-set`, `which-host`; IntegrityError
 *   with the code of the finding when the chosen or a newer record does not count
 */
export function chooseSnapshot(from: Selectable, choice: Choice, thisHost?: string): Chosen {
  const selector = choice.selector ?? 'latest';
  const latest = /^latest(?:~(\d{1,6}))?$/.exec(selector);
  if (latest) return chooseLatest(from, choice, Number(latest[1] ?? 0), thisHost);
  const inChoice = (s: { set: string }) => choice.set === undefined || s.set === choice.set;
  if (selector.startsWith('@')) {
    const label = selector.slice(1);
    const labelled = from.snapshots.filter((s) => inChoice(s) && s.label === label);
    const newest = labelled[labelled.length - 1];
    if (!newest) throw none(choice, `snapshot labelled ${JSON.stringify(label)}`);
    return { snapshot: newest, passedOver: [] };
  }
  const matches = from.snapshots.filter((s) => inChoice(s) && s.id.startsWith(selector));
  const [only, ...others] = matches;
  if (only && others.length === 0) return { snapshot: only, passedOver: [] };
  if (others.length > 0) {
    throw new UsageError('ambiguous-snapshot', `${matches.length} snapshots begin with ${JSON.stringify(selector)}`, {
      hint: 'give more of the id, or the set with --set',
    });
  }
  const bad = from.refused.find((r) => inChoice(r) && r.id.startsWith(selector));
  if (bad) {
    throw new IntegrityError(bad.finding.code, bad.finding.message, {
      object: bad.finding.object,
      hint: 'this snapshot cannot be trusted; choose another from `strongroom list`',
    });
  }
  throw none(choice, `snapshot ${JSON.stringify(selector)}`);
}

/**
 * Reads a time that a person typed. Without a zone it is local time.
 * @param dayTime what a date alone means: its last second, unless given
 * @throws UsageError `bad-time`
 */
export function parseAt(text: string, dayTime = '23:59:59'): Date {
  const form = /^(\d{4}-\d\d-\d\d)(?:[T ](\d\d:\d\d(?::\d\d)?)(Z|[+-]\d\d:?\d\d)?)?$/.exec(text.trim());
  const date = form ? new Date(`${form[1]}T${form[2] ?? dayTime}${form[3] ?? ''}`) : undefined;
  if (date && !Number.isNaN(date.getTime())) return date;
  throw new UsageError('bad-time', `not a time: ${JSON.stringify(text)}`, {
    hint: "write it as 2026-11-20, '2026-11-20 06:00' (local time) or 2026-11-20T06:00:00Z",
  });
}

export interface ListFilter {
  readonly set?: string | undefined;
  readonly host?: string | undefined;
  readonly label?: string | undefined;
  readonly tags?: readonly (readonly [key: string, value: string])[];
  /** Times as a person types them. */
  readonly since?: string | undefined;
  readonly until?: string | undefined;
}

/** Those of `snapshots` that a filter lets through. @throws UsageError `bad-time` */
export function chooseListed(snapshots: readonly Snapshot[], filter: ListFilter): Snapshot[] {
  const since = filter.since === undefined ? Number.NEGATIVE_INFINITY : parseAt(filter.since, '00:00:00').getTime();
  const until = filter.until === undefined ? Number.POSITIVE_INFINITY : parseAt(filter.until).getTime();
  return snapshots.filter((s) => {
    const time = Date.parse(s.time);
    return (
      (filter.set === undefined || s.set === filter.set) &&
      (filter.host === undefined || s.host === filter.host) &&
      (filter.label === undefined || s.label === filter.label) &&
      (filter.tags ?? []).every(([key, value]) => s.tags?.[key] === value) &&
      time >= since &&
      time <= until
    );
  });
}
