// From what a person typed to one snapshot: id, unique prefix, latest, latest~2, @label, --at (DESIGN's selectors).
// Pure, over the snapshots that were read.
import { IntegrityError, NotFoundError, UsageError } from '../errors.ts';
import { documentTime, timeOfSnapshotId } from './names.ts';
import { isAgainstClock, type RefusedRecord, type Snapshot } from './snapshots.ts';

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

function describe({ set, host, at }: Choice): string {
  return [
    set === undefined ? '' : ` of the set ${set}`,
    host === undefined ? '' : ` by host ${host}`,
    at === undefined ? '' : ` at or before ${documentTime(at)}`,
  ].join('');
}

function none(choice: Choice, what: string): NotFoundError {
  return new NotFoundError('no-snapshot', `there is no ${what}${describe(choice)}`, {
    hint: 'see what there is with `strongroom list`',
  });
}

function doesNotCount({ finding }: RefusedRecord, message: string, hint: string): IntegrityError {
  return new IntegrityError(finding.code, message, { object: finding.object, hint });
}

function setOf(snapshots: readonly Snapshot[], choice: Choice): string {
  if (choice.set !== undefined) return choice.set;
  const sets = [...new Set(snapshots.map((s) => s.set))];
  if (sets.length === 1) return sets[0]!;
  throw new UsageError('which-set', `that could be of ${sets.length} sets: ${sets.join(', ')}`, {
    hint: 'say which with --set',
  });
}

/** Several hosts have the set, and nothing says which of them is meant. */
export class WhichHostError extends UsageError {
  /** The newest snapshot of each, newest first. */
  readonly newest: readonly Snapshot[];

  constructor(message: string, newest: readonly Snapshot[]) {
    super('which-host', message, {
      hint: `say which with --host, such as --host ${newest[0]!.host}, the newest`,
    });
    this.newest = newest;
  }
}

/** Whose snapshots are meant: the host's that was named, this one's, or the only one's that there is. */
function hostOf(snapshots: readonly Snapshot[], choice: Choice, thisHost: string | undefined): string {
  if (choice.host !== undefined) return choice.host;
  // Oldest first: the last one of each host stays.
  const newest = new Map(snapshots.map((s) => [s.host, s]));
  const hosts = [...newest.keys()];
  if (thisHost !== undefined && newest.has(thisHost)) return thisHost;
  if (hosts.length === 1) return hosts[0]!;
  throw new WhichHostError(
    `${hosts.length} hosts have snapshots${describe(choice)}: ${hosts.join(', ')}`,
    [...newest.values()].sort((a, b) => (a.id < b.id ? 1 : -1)),
  );
}

/** The hosts that have a complete snapshot which a choice lets through, by name. */
export function hostsOf(snapshots: readonly Snapshot[], choice: Omit<Choice, 'selector'>): string[] {
  const { set, host, at } = choice;
  const fits = (s: Snapshot) =>
    s.complete &&
    (set === undefined || s.set === set) &&
    (host === undefined || s.host === host) &&
    (at === undefined || Date.parse(s.time) <= at.getTime());
  return [...new Set(snapshots.filter(fits).map((s) => s.host))].sort();
}

interface Newest {
  readonly choice: Choice;
  readonly thisHost: string | undefined;
  /** How many to go back from the newest. */
  readonly back: number;
  readonly fits: (snapshot: Snapshot) => boolean;
  /** What it is called in a failure. */
  readonly what: string;
}

/**
 * The newest of one set and one host that fits, or one so many before it. A newer record that does not count stops
 * it: it may have counted before somebody touched it, and quietly to restore an older state is what they may want.
 */
function chooseNewest(
  { snapshots, refused }: Selectable,
  { choice, thisHost, back, fits, what }: Newest,
): Chosen {
  const nothing = (where: Choice): Error => {
    const bad = refused.find((r) => where.set === undefined || r.set === where.set);
    if (!bad || back > 0) return none(where, what);
    const hint = 'no other snapshot is there to restore; find out who can write to the store';
    return doesNotCount(bad, bad.finding.message, hint);
  };
  if (snapshots.length === 0) throw nothing(choice);
  const set = setOf(snapshots, choice);
  const ofSet = snapshots.filter((s) => s.set === set);
  const host = hostOf(ofSet, { ...choice, set }, thisHost);
  const group = ofSet.filter((s) => s.host === host).reverse();
  const snapshot = group.filter(fits)[back];
  if (!snapshot) throw nothing({ ...choice, set, host });
  const newerBad = refused.find((r) => r.set === set && r.id > snapshot.id);
  if (newerBad) {
    throw doesNotCount(
      newerBad,
      `the newest snapshot of ${set} does not count: ${newerBad.finding.message}`,
      `the newest sound snapshot is ${snapshot.id}: name it to restore that one, and find out who wrote the other`,
    );
  }
  const later = group.find((s) => isAgainstClock(s, snapshot));
  if (later) {
    const { object, id } = snapshot;
    throw new IntegrityError('wrong-clock', `${later.id} was made after ${id}, though its date is before`, {
      object,
      hint: `the clock of ${host} was wrong at one of them: name the one you want, and delete the one with the wrong date`,
    });
  }
  return { snapshot, passedOver: group.filter((s) => s.id > snapshot.id && !s.complete) };
}

function chooseById({ snapshots, refused }: Selectable, choice: Choice, beginning: string): Chosen {
  // Empty, such as a shell makes of an unset variable, it begins every id.
  const begins = ({ id }: { readonly id: string }) => beginning !== '' && id.startsWith(beginning);
  const matches = snapshots.filter(begins);
  const [only, ...others] = matches;
  if (only && others.length === 0) return { snapshot: only, passedOver: [] };
  if (only) {
    throw new UsageError(
      'ambiguous-snapshot',
      `${matches.length} snapshots begin with ${JSON.stringify(beginning)}`,
      {
        hint: 'give more of the id, or the set with --set',
      },
    );
  }
  const bad = refused.find(begins);
  if (!bad) throw none(choice, `snapshot ${JSON.stringify(beginning)}`);
  throw doesNotCount(
    bad,
    bad.finding.message,
    'this snapshot cannot be trusted; choose another from `strongroom list`',
  );
}

/**
 * Set, host and time narrow whatever the selector means.
 * @param thisHost name of this machine's host in the vault, preferred where several have the set
 * @throws NotFoundError `no-snapshot`; UsageError `ambiguous-snapshot`, `which-set`, `which-host`; IntegrityError
 *   with the code of the finding when the chosen or a newer record does not count
 */
export function chooseSnapshot(from: Selectable, choice: Choice, thisHost?: string): Chosen {
  const { selector = 'latest', set, host, at } = choice;
  const inTime = (time = '') => at === undefined || Date.parse(time) <= at.getTime();
  const snapshots = from.snapshots.filter(
    (s) => (set === undefined || s.set === set) && (host === undefined || s.host === host) && inTime(s.time),
  );
  const refused = from.refused.filter(
    (r) => (set === undefined || r.set === set) && inTime(timeOfSnapshotId(r.id)),
  );
  const latest = /^latest(?:~(\d{1,6}))?$/.exec(selector);
  if (latest) {
    const back = Number(latest[1] ?? 0);
    const what = back === 0 ? 'complete snapshot' : selector;
    return chooseNewest({ snapshots, refused }, { choice, thisHost, back, fits: (s) => s.complete, what });
  }
  if (selector.startsWith('@')) {
    const label = selector.slice(1);
    const what = `snapshot labelled ${JSON.stringify(label)}`;
    const labelled = snapshots.filter((s) => s.label === label);
    if (labelled.length === 0) throw none(choice, what);
    const newest = { choice, thisHost, back: 0, fits: () => true, what };
    return chooseNewest({ snapshots: labelled, refused }, newest);
  }
  return chooseById({ snapshots, refused }, choice, selector);
}

/**
 * Reads a time that a person typed. Without a zone it is local time.
 * @param dayTime what a date alone means: its last second, unless given
 * @throws UsageError `bad-time`
 */
export function parseAt(text: string, dayTime = '23:59:59'): Date {
  const form = /^(\d{4}-\d\d-\d\d)(?:[T ](\d\d:\d\d(?::\d\d)?)(Z|[+-]\d\d:?\d\d)?)?$/.exec(text.trim());
  const date = form ? new Date(`${form[1]}T${form[2] ?? dayTime}${form[3] ?? ''}`) : undefined;
  // JavaScript takes the 31st of February for the 3rd of March.
  const isDay = form !== null && new Date(`${form[1]}T00:00:00Z`).getUTCDate() === Number(form[1]?.slice(8));
  if (date && isDay && !Number.isNaN(date.getTime())) return date;
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
  const since =
    filter.since === undefined ? Number.NEGATIVE_INFINITY : parseAt(filter.since, '00:00:00').getTime();
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
