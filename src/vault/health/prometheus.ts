// Health as metrics, in the text exposition format that the node exporter's textfile collector reads:
// https://prometheus.io/docs/instrumenting/exposition_formats/. Written by hand: a client library keeps a registry of what
// a living process counts, and this is forty lines of a table. Names and numbers only, no secret. Pure.
import type { Group } from './groups.ts';
import { type Health, isHealthy } from './health.ts';

type Labels = Readonly<Record<string, string>>;

interface Sample {
  readonly labels: Labels;
  readonly value: number;
}

interface Metric {
  readonly name: string;
  readonly help: string;
  readonly samples: readonly Sample[];
}

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
  /** Whether all that is stored of it counts and is there; left out where nothing is. */
  readonly isSound?: boolean;
}

/** The metrics of a vault that was read. */
export function metricsOf(health: Health): string {
  const { groups, problems, time } = health;
  const isSound = ({ set, host }: Group) =>
    !problems.some(
      (p) => p.unsound && (p.set === undefined || p.set === set) && (p.host === undefined || p.host === host),
    );
  const known = groups.map((group) => groupMetrics(group, isSound(group)));
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
  return render([
    ...ofGroups([...known, ...unwritten]),
    metric('strongroom_problems', 'Problems that health found, by kind.', [...counts.values()]),
    metric('strongroom_older_key_snapshots', 'Snapshots under an older key of the vault.', [
      { labels: {}, value: health.underOlderKey },
    ]),
    ...ofRun(time, true, isHealthy(health)),
  ]);
}

/** The metrics when the vault could not be read: nothing is verified, and nothing is fine. @param earlier what was known */
export function metricsOfFailure(time: Date, earlier: readonly GroupMetrics[]): string {
  return render([
    ...ofGroups(earlier.map((group) => ({ ...group, isSound: false }))),
    ...ofRun(time, false, false),
  ]);
}

function groupMetrics(group: Group, isSound: boolean): GroupMetrics {
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
  };
}

/** Of what is kept when the vault cannot be read: what is true of the past. */
const LASTING = {
  backup_last_success_timestamp: 'success',
  backup_last_duration_seconds: 'seconds',
  backup_size_bytes: 'bytes',
  strongroom_max_age_seconds: 'maxAge',
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

function render(metrics: readonly Metric[]): string {
  return metrics
    .flatMap(({ name, help, samples }) => [
      `# HELP ${name} ${help}`,
      `# TYPE ${name} gauge`,
      ...samples.map(({ labels, value }) => `${name}${labelText(labels)} ${value}`),
    ])
    .map((line) => `${line}\n`)
    .join('');
}

/** An empty label is the same as none. */
function labelText(labels: Labels): string {
  const pairs = Object.entries(labels).filter(([, value]) => value !== '');
  if (pairs.length === 0) return '';
  return `{${pairs.map(([key, value]) => `${key}="${escaped(value)}"`).join(',')}}`;
}

function escaped(value: string): string {
  return value.replaceAll('\\', '\\\\').replaceAll('"', '\\"').replaceAll('\n', '\\n');
}

const LINE =
  /^([a-z_]+)\{(?=[th])(?:type="([a-z0-9._-]{1,63})")?,?(?:host="([a-z0-9._-]{1,63})")?\} ([0-9.e+]{1,24})$/;

/**
 * What an earlier file said that lasts: when the last good snapshot was made stays true while the vault cannot be read,
 * and is what tells that it grows old.
 * @param text of a file of `metricsOf`; whatever else is in it is passed over
 */
export function earlierGroups(text: string): GroupMetrics[] {
  const groups = new Map<string, GroupMetrics>();
  for (const line of text.split('\n')) {
    const [, name = '', type = '', host = '', value] = LINE.exec(line) ?? [];
    const field = Object.hasOwn(LASTING, name) ? LASTING[name as keyof typeof LASTING] : undefined;
    if (field === undefined || !Number.isFinite(Number(value))) continue;
    const group = groups.get(`${type}/${host}`) ?? { type, host, success: 0, isSound: false };
    groups.set(`${type}/${host}`, { ...group, [field]: Number(value) });
  }
  return [...groups.values()];
}
