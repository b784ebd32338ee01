// Health as metrics for Prometheus. Names and numbers only, no secret. Each says of which vault it is: one exporter may
// read the files of several, and takes what two of them say alike from one only. Pure.
import type { Drilled } from './drills.ts';
import { labelText, type Metric, type ReadSample, readSamples, render, type Sample } from './exposition.ts';
import type { Group } from './groups.ts';
import { type Health, isHealthy } from './health.ts';

/** What is said of a set of a host; `host` is empty for a set that has nothing, `type` for a host that has nothing. */
export interface GroupMetrics {
  /** The set. An older name for it, which dashboards know. */
  readonly type: string;
  readonly host: string;
  /** When the newest good snapshot was made, in seconds; 0 for never. */
  readonly success: number;
  readonly seconds?: number;
  readonly bytes?: number;
  readonly maxAge?: number;
  readonly age?: number;
  readonly snapshots?: number;
  readonly incomplete?: number;
  readonly usualBytes?: number;
  /** When the last drill began, in seconds; 0 for never. */
  readonly drill?: number;
  /** Whether that one passed: 1 or 0. */
  readonly drillPassed?: number;
  /** Whether all that is stored of it counts and is there; left out where nothing is. */
  readonly isSound?: boolean;
}

/**
 * The metrics of a vault that was read.
 * @param vault its id
 * @param kept of the same vault, what is not in `health` as it was not asked about: see `notAsked`
 */
export function metricsOf(vault: string, health: Health, kept: readonly ReadSample[] = []): string {
  const { groups, problems, time, drills } = health;
  const isSound = ({ set, host }: Group) =>
    !problems.some(
      (p) => p.unsound && (p.set === undefined || p.set === set) && (p.host === undefined || p.host === host),
    );
  const known = groups.map((group) => groupMetrics(group, isSound(group), drills.parts.get(group)));
  // The series of what vanished go with it, and an alert with them, if nothing else were said.
  const unwritten = health.unwritten
    .filter(({ set, isLate }) => set !== undefined || isLate)
    .map(({ set = '', host = '', objective: { maxAge, from }, isLate }): GroupMetrics => {
      const limit = isLate || from === 'config' ? { maxAge: maxAge / 1000 } : {};
      return { type: set, host, success: 0, ...limit };
    });
  const counts = new Map<string, Sample>();
  for (const { code, severity, set = '', host = '' } of problems) {
    const labels = { code, severity, type: set, host };
    const key = JSON.stringify(labels);
    counts.set(key, { labels, value: (counts.get(key)?.value ?? 0) + 1 });
  }
  const isFine = isHealthy(health) && !kept.some(({ name, labels }) => name === PROBLEMS && isWrong(labels));
  const metrics = [
    ...ofGroups([...known, ...unwritten]),
    metric(PROBLEMS, 'Problems that health found, by kind.', [...counts.values()]),
    metric('strongroom_older_key_snapshots', 'Snapshots under an older key of the vault.', [
      { labels: {}, value: health.underOlderKey },
    ]),
    ...ofRun(time, true, isFine),
  ];
  return render(
    metrics.map((one) => withKept(one, kept)),
    { vault },
  );
}

const PROBLEMS = 'strongroom_problems';
const isWrong = ({ severity }: Sample['labels']): boolean => severity === 'wrong';

/** What is known now stands in for what was. */
function withKept(one: Metric, kept: readonly ReadSample[]): Metric {
  const own = new Set(one.samples.map(({ labels }) => labelText(labels)));
  const more = kept.filter(({ name, labels }) => name === one.name && !own.has(labelText(labels)));
  return { ...one, samples: [...one.samples, ...more] };
}

/**
 * The metrics when the vault could not be read: nothing is verified, and nothing is fine.
 * @param vault its id, where that is known
 * @param earlier what was known
 */
export function metricsOfFailure(
  vault: string | undefined,
  time: Date,
  earlier: readonly GroupMetrics[],
): string {
  const groups = ofGroups(earlier.map((group) => ({ ...group, isSound: false })));
  return render([...groups, ...ofRun(time, false, false)], { vault: vault ?? '' });
}

function groupMetrics(group: Group, isSound: boolean, { last }: Partial<Drilled> = {}): GroupMetrics {
  const { set, host, newest, age, isExpected, objective, usual } = group;
  return {
    type: set,
    host,
    success: newest ? Date.parse(newest.time) / 1000 : 0,
    isSound,
    snapshots: group.snapshots,
    // What nobody expects is never late.
    ...(isExpected ? { maxAge: objective.maxAge / 1000, incomplete: group.incomplete.length } : {}),
    ...(age === undefined ? {} : { age: age / 1000 }),
    ...(newest ? { seconds: newest.seconds, bytes: newest.stored } : {}),
    ...(usual ? { usualBytes: usual.bytes } : {}),
    ...(isExpected ? { drill: Math.floor((last?.began.getTime() ?? 0) / 1000) } : {}),
    ...(isExpected && last ? { drillPassed: Number(last.passed) } : {}),
  };
}

/** Of what is kept when the vault cannot be read: what is true of the past. */
const LASTING = {
  backup_last_success_timestamp: 'success',
  backup_last_duration_seconds: 'seconds',
  backup_size_bytes: 'bytes',
  strongroom_max_age_seconds: 'maxAge',
  strongroom_last_drill_timestamp_seconds: 'drill',
  strongroom_last_drill_success: 'drillPassed',
} as const;

function ofGroups(groups: readonly GroupMetrics[]): Metric[] {
  const of = (name: string, help: string, value: (group: GroupMetrics) => number | undefined): Metric =>
    metric(
      name,
      help,
      groups.flatMap((group) => {
        const n = value(group);
        const { type, host } = group;
        return n === undefined ? [] : [{ labels: { type, host }, value: n }];
      }),
    );
  return [
    of(
      'backup_last_success_timestamp',
      'When the newest good snapshot of the set was begun, in seconds since 1970; 0 for never.',
      (g) => g.success,
    ),
    of('backup_last_duration_seconds', 'How long that one took.', (g) => g.seconds),
    of('backup_size_bytes', 'Its stored bytes.', (g) => g.bytes),
    of('backup_verification_success', 'Whether all of the set counts and is there: 1 or 0.', (g) =>
      g.isSound === undefined ? undefined : Number(g.isSound),
    ),
    of('strongroom_max_age_seconds', 'How old the newest good snapshot may be.', (g) => g.maxAge),
    of('strongroom_snapshot_age_seconds', 'How old it was when health looked.', (g) => g.age),
    of('strongroom_usual_size_bytes', 'Median of the stored bytes of those before it.', (g) => g.usualBytes),
    of('strongroom_snapshots', 'Snapshots that count.', (g) => g.snapshots),
    of(
      'strongroom_incomplete_snapshots',
      'Incomplete snapshots since the newest good one.',
      (g) => g.incomplete,
    ),
    of(
      'strongroom_last_drill_timestamp_seconds',
      'When the last drill of the set was begun, in seconds since 1970; 0 for never.',
      (g) => g.drill,
    ),
    of('strongroom_last_drill_success', 'Whether that one passed: 1 or 0.', (g) => g.drillPassed),
  ];
}

function ofRun(time: Date, isReachable: boolean, isOk: boolean): Metric[] {
  const one = (value: number): Sample[] => [{ labels: {}, value }];
  return [
    metric(
      'strongroom_vault_reachable',
      'Whether the vault could be read: 1 or 0.',
      one(Number(isReachable)),
    ),
    metric('strongroom_health_ok', 'Whether nothing is wrong: 1 or 0.', one(Number(isOk))),
    metric(
      'strongroom_health_timestamp_seconds',
      'When health looked, in seconds since 1970.',
      one(Math.floor(time.getTime() / 1000)),
    ),
  ];
}

function metric(name: string, help: string, samples: readonly Sample[]): Metric {
  return { name, help, samples };
}

/** The vault that an earlier file is of. @param text of a file of `metricsOf` */
export function vaultOfMetrics(text: string): string | undefined {
  return readSamples(text).find(({ labels }) => labels.vault !== undefined)?.labels.vault;
}

/** The samples of one vault, without the label that says so. */
function samplesOf(text: string, vault: string | undefined): ReadSample[] {
  return readSamples(text).flatMap(({ labels: { vault: of, ...labels }, ...one }) =>
    of === vault ? [{ ...one, labels }] : [],
  );
}

/**
 * What an earlier file says of sets and hosts that this run did not ask about. Were they left out, each schedule of one
 * set would take the others out of sight, and one that has ended with them.
 * @param text of a file of `metricsOf`
 * @param asked the set and the host that were; undefined for all
 */
export function notAsked(
  text: string,
  vault: string,
  asked: { readonly set: string | undefined; readonly host: string | undefined },
): ReadSample[] {
  return samplesOf(text, vault).filter(({ labels: { type, host } }) => {
    const isOfVault = type === undefined && host === undefined;
    const isOther = asked.set !== undefined && type !== undefined && type !== asked.set;
    return !isOfVault && (isOther || (asked.host !== undefined && host !== asked.host));
  });
}

/**
 * What an earlier file said that lasts: when the last good snapshot was made stays true while the vault cannot be read,
 * and is what tells that it grows old.
 * @param text of a file of `metricsOf`; whatever else is in it is passed over
 * @param vault only of this one
 */
export function earlierGroups(text: string, vault: string | undefined): GroupMetrics[] {
  const groups = new Map<string, GroupMetrics>();
  for (const { name, labels, value } of samplesOf(text, vault)) {
    const { type = '', host = '' } = labels;
    const field = Object.hasOwn(LASTING, name) ? LASTING[name as keyof typeof LASTING] : undefined;
    if (field === undefined || (type === '' && host === '')) continue;
    const group = groups.get(`${type}/${host}`) ?? { type, host, success: 0, isSound: false };
    groups.set(`${type}/${host}`, { ...group, [field]: value });
  }
  return [...groups.values()];
}
