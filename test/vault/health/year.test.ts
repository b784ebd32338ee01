// A year of two hosts and two sets, day by day on a clock of the test's: sources that fail, an outage, an empty dump, a
// clock that is wrong, a vault that cannot be reached, a host that stops for good. Retention and health are the real
// ones. On each day the floor holds, health says what the table says, and so do the alerts that we ship, evaluated
// by Prometheus's own tool on the metrics of every day.

import { copyFileSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { beforeAll, describe, expect, it } from 'vitest';
import { type CachedRecord, noMemory, type RecordCache } from '../../../src/vault/client.ts';
import { applyDelete, planDelete } from '../../../src/vault/delete.ts';
import type { Artifact, PreviousRecord, SnapshotRecord } from '../../../src/vault/documents/record.ts';
import { readHealth } from '../../../src/vault/health/health.ts';
import { earlierGroups, metricsOf, metricsOfFailure } from '../../../src/vault/health/prometheus.ts';
import {
  CONTENTS_ARTIFACT,
  FILES_ARTIFACT,
  newDataDirectory,
  partName,
  recordName,
} from '../../../src/vault/layout.ts';
import { documentTime, newSnapshotId } from '../../../src/vault/names.ts';
import { applyPrune } from '../../../src/vault/prune/apply.ts';
import { planPrune } from '../../../src/vault/prune/plan.ts';
import { openVault, type Vault } from '../../../src/vault/vault.ts';
import { sign } from '../../support/forge.ts';
import { enrolled, removed } from '../../support/hosts.ts';
import { promtool, skipPromtool } from '../../support/promtool.ts';
import { clockAt, makeVault, scratch, sha256, type TestHost, type TestVault } from '../../support/vault.ts';

const HOUR = 3_600_000;
const DAY = 24 * HOUR;
const DAYS = 365;
const START = Date.parse('2026-01-01T00:00:00Z');
const FLOOR = 5;
const POLICY = { daily: 7, weekly: 4, monthly: 12, minimum: FLOOR };
/** What is promised of `db`; of `app` nothing, so that 26 hours count. */
const SETS = new Map([
  ['app', undefined],
  ['db', 3 * DAY],
]);

const AHEAD = 200;
const REMOVED = 300;
const fails = (day: number, host: string, set: string) =>
  day >= 60 && day <= 62 && host === 'web-1' && set === 'db';
const isOutage = (day: number) => day >= 100 && day <= 106;
const isEmpty = (day: number, host: string, set: string) => day === 150 && host === 'web-2' && set === 'db';
const isUnreachable = (day: number) => day === 180 || day === 181;
const hasStopped = (day: number, host: string) => host === 'web-2' && day >= 270;

/** Every third day, to be done in seconds; and on each that could go wrong. */
const prunes = (day: number) => day % 3 === 2 || isOutage(day) || day === AHEAD;

interface Phase {
  readonly from: number;
  readonly to: number;
  /** As health at six in the morning says it: severity, code, set, host. */
  readonly health?: readonly string[];
  /** As the alerts fire at nine: name, set, host; and the code of a problem that has no alert of its own. */
  readonly alerts?: readonly string[];
}

/** Every day that is in no phase is fine, and no alert fires. */
const PHASES: readonly Phase[] = [
  // A source fails: said at once, and wrong once the objective of three days is missed.
  { from: 60, to: 61, health: ['warning incomplete db web-1'], alerts: ['BackupIncomplete db web-1'] },
  {
    from: 62,
    to: 62,
    health: ['warning incomplete db web-1', 'wrong overdue db web-1'],
    alerts: ['BackupIncomplete db web-1', 'BackupOverdue db web-1'],
  },
  // Nothing runs for a week but health: what is due daily is late at once, the other after three days.
  {
    from: 100,
    to: 101,
    health: ['wrong overdue app web-1', 'wrong overdue app web-2'],
    alerts: ['BackupOverdue app web-1', 'BackupOverdue app web-2'],
  },
  {
    from: 102,
    to: 106,
    health: [
      'wrong overdue app web-1',
      'wrong overdue app web-2',
      'wrong overdue db web-1',
      'wrong overdue db web-2',
    ],
    alerts: [
      'BackupOverdue app web-1',
      'BackupOverdue app web-2',
      'BackupOverdue db web-1',
      'BackupOverdue db web-2',
    ],
  },
  { from: 150, to: 150, health: ['warning shrunk db web-2'], alerts: ['BackupShrunk db web-2'] },
  // Neither the backups nor health get at the vault. Prometheus goes on counting.
  {
    from: 180,
    to: 181,
    health: ['unreachable'],
    alerts: [
      'BackupOverdue app web-1',
      'BackupOverdue app web-2',
      'BackupVaultUnreachable',
      'BackupVerificationFailed app web-1',
      'BackupVerificationFailed app web-2',
      'BackupVerificationFailed db web-1',
      'BackupVerificationFailed db web-2',
    ],
  },
  // The clock of web-2, and of the place with it, is three days ahead for a day: no snapshot of that day is fresh.
  {
    from: AHEAD,
    to: AHEAD,
    health: ['wrong clock - -', 'wrong overdue app web-2'],
    alerts: ['BackupOverdue app web-2', 'BackupProblem clock'],
  },
  // The next ones are right, and show that those were not, until somebody deletes them.
  {
    from: AHEAD + 1,
    to: AHEAD + 1,
    health: ['wrong clock - -', 'wrong wrong-clock app -', 'wrong wrong-clock db -'],
    alerts: [
      'BackupProblem app wrong-clock',
      'BackupProblem clock',
      'BackupProblem db wrong-clock',
      'BackupVerificationFailed app web-1',
      'BackupVerificationFailed app web-2',
      'BackupVerificationFailed db web-1',
      'BackupVerificationFailed db web-2',
    ],
  },
  // A host stops for good, and is removed in the end.
  {
    from: 270,
    to: 271,
    health: ['wrong overdue app web-2'],
    alerts: ['BackupOverdue app web-2'],
  },
  {
    from: 272,
    to: REMOVED - 1,
    health: ['wrong overdue app web-2', 'wrong overdue db web-2'],
    alerts: ['BackupOverdue app web-2', 'BackupOverdue db web-2'],
  },
];

const expected = (day: number): Phase =>
  PHASES.find(({ from, to }) => from <= day && day <= to) ?? { from: day, to: day };

interface Day {
  readonly said: readonly string[];
  readonly metrics: string;
  /** Good snapshots that are left in the evening, by set and host. */
  readonly left: Readonly<Record<string, number>>;
  /** Whether the newest good one of each is still the one that was made last. */
  readonly lost: readonly string[];
}

/** Lives through the year. */
async function live(): Promise<Day[]> {
  const clock = clockAt(new Date(START - HOUR).toISOString());
  const vault = await makeVault({ clock });
  const web2 = await enrolled(vault, 'web-2');
  const cache = memoryCache();
  const hosts = [vault.host, web2];
  const monitor = { store: vault.store, memory: noMemory(), cache, now: () => clock.now };
  const open = async (): Promise<Vault> => await openVault(monitor, { pin: vault.pin });
  const newest = new Map<string, string>();
  const made = new Map<string, number>();
  const wrote = new Map<string, PreviousRecord>();

  const backUp = async (day: number) => {
    for (const [n, host] of hosts.entries()) {
      if (isOutage(day) || isUnreachable(day) || hasStopped(day, host.name)) continue;
      const wrong = day === AHEAD && host.name === 'web-2' ? 3 * DAY : 0;
      clock.now = new Date(START + day * DAY + (1 + n) * HOUR + wrong);
      for (const set of SETS.keys()) {
        clock.now = new Date(clock.now.getTime() + 60_000);
        const group = `${set} ${host.name}`;
        const complete = !fails(day, host.name, set);
        const size = isEmpty(day, host.name, set) ? 300 : 8000;
        const record = await write(vault, host, set, { complete, size, previous: wrote.get(group) ?? null });
        wrote.set(group, record);
        if (!complete) continue;
        newest.set(group, record.id);
        made.set(group, (made.get(group) ?? 0) + 1);
      }
    }
  };
  const prune = async (day: number) => {
    // On the day of the wrong clock it is the one that prunes, too.
    clock.now = new Date(START + day * DAY + 3 * HOUR + (day === AHEAD ? 3 * DAY : 0));
    const opened = await open();
    const plan = await planPrune(opened, () => POLICY);
    if (plan.removes.length > 0) await applyPrune(opened, plan, vault.host);
  };

  const days: Day[] = [];
  for (let day = 0; day < DAYS; day++) {
    await backUp(day);
    if (!isUnreachable(day) && prunes(day)) await prune(day);
    clock.now = new Date(START + day * DAY + 5 * HOUR);
    if (day === REMOVED) await removed(vault, 'web-2');
    if (day === AHEAD + 2) {
      const { groups } = await readHealth(await open());
      await applyDelete(await open(), planDelete(groups.flatMap((g) => g.ahead)), vault.host);
      for (const { set, host, newest: now } of groups) newest.set(`${set} ${host}`, now!.id);
    }
    clock.now = new Date(START + day * DAY + 6 * HOUR);
    if (isUnreachable(day)) {
      const earlier = days.at(-1)!;
      const metrics = metricsOfFailure(undefined, clock.now, earlierGroups(earlier.metrics, undefined));
      days.push({ ...earlier, said: ['unreachable'], metrics });
      continue;
    }
    const health = await readHealth(await open(), { sets: SETS });
    const said = health.problems.map(({ severity, code, set = '-', host = '-' }) =>
      [severity, code, set, host].join(' '),
    );
    const left: Record<string, number> = {};
    const lost: string[] = [];
    for (const { set, host, newest: last, snapshots, incomplete, ahead } of health.groups) {
      const group = `${set} ${host}`;
      const good = snapshots - incomplete.length - ahead.length;
      left[group] = good >= Math.min(made.get(group)!, FLOOR) ? good : -1;
      if (![...ahead, last].some((s) => s?.id === newest.get(group))) lost.push(group);
    }
    days.push({ said: said.sort(), metrics: metricsOf('', health), left, lost });
  }
  return days;
}

interface Written {
  readonly complete: boolean;
  /** Bytes of its files. */
  readonly size: number;
  readonly previous: PreviousRecord | null;
}

/** A snapshot as a host leaves it, for whoever has no key: its pieces hold nothing, since nobody here opens them. */
async function write(
  { store, pin, document, clock }: TestVault,
  host: TestHost,
  set: string,
  { complete, size, previous }: Written,
): Promise<PreviousRecord> {
  const id = newSnapshotId(clock.now);
  const data = newDataDirectory(set, id, pin.generation);
  const artifacts: Artifact[] = [];
  for (const name of [FILES_ARTIFACT, CONTENTS_ARTIFACT]) {
    const bytes = Buffer.alloc(size);
    const object = partName(data, name, 0);
    await store.create(object, bytes);
    artifacts.push({ name, parts: [{ object, size, sha256: sha256(bytes) }] });
  }
  const record: SnapshotRecord = {
    format: 1,
    type: 'record',
    object: recordName(set, id),
    vault: pin.vault,
    time: documentTime(clock.now),
    tool: 'year 1',
    revision: document.revision,
    generation: pin.generation,
    set,
    id,
    host: host.name,
    seconds: 2,
    complete,
    entries: 1,
    stored: 2 * size,
    data,
    artifacts,
    contents: sha256(Buffer.from(id)),
    previous,
  };
  const bytes = sign(record, 'record', host.key);
  await store.create(record.object, bytes);
  return { id, sha256: sha256(bytes) };
}

/** What the program keeps on disk. */
function memoryCache(): RecordCache {
  const kept = new Map<string, CachedRecord>();
  return {
    async load() {
      return new Map(kept);
    },
    async save(_vault, _location, known, added) {
      for (const name of [...kept.keys()]) if (!known.has(name)) kept.delete(name);
      for (const one of added) kept.set(one.object, one);
    },
  };
}

/** Samples of each metric, as they were on each day: `NaN` where there was none. */
function seriesOf(days: readonly Day[]): Map<string, number[]> {
  const series = new Map<string, number[]>();
  for (const [day, { metrics }] of days.entries()) {
    for (const line of metrics.split('\n')) {
      if (line === '' || line.startsWith('#')) continue;
      const end = line.lastIndexOf(' ');
      const name = line.slice(0, end);
      const values = series.get(name) ?? new Array<number>(days.length).fill(Number.NaN);
      series.set(name, values);
      // The tool's time begins at 0.
      values[day] = Number(line.slice(end)) - (name.includes('timestamp') ? START / 1000 : 0);
    }
  }
  return series;
}

/** How often the tool evaluates: health runs at six, and at nine every alert has had its time. */
const STEP = 3 * HOUR;
const STEPS_A_DAY = DAY / STEP;

/** A test for promtool: the samples of the year, and on each day the alerts that fire. */
function rulesTest(days: readonly Day[]): string {
  const before = (6 * HOUR) / STEP;
  const input = [...seriesOf(days)].map(([series, values]) => {
    const runs = values.map(
      (value) => `${Number.isNaN(value) ? '_' : value}x${STEPS_A_DAY - (Number.isNaN(value) ? 0 : 1)}`,
    );
    return { series, values: [`_x${before}`, ...runs].join(' ') };
  });
  const tests = days.map((_, day) => ({
    expr: 'sum by (alertname, type, host, code) (label_replace(ALERTS{alertstate="firing",alertname!="BackupProblem"}, "code", "", "", "") or ALERTS{alertstate="firing",alertname="BackupProblem"})',
    eval_time: `${day * 24 + 9}h`,
    exp_samples: (expected(day).alerts ?? []).map((alert) => ({ labels: labelsOf(alert), value: 1 })),
  }));
  // JSON is YAML.
  return JSON.stringify({
    rule_files: ['strongroom.rules.yml'],
    evaluation_interval: '3h',
    tests: [{ interval: '3h', input_series: input, promql_expr_test: tests }],
  });
}

function labelsOf(alert: string): string {
  const [name, ...rest] = alert.split(' ');
  const [type, second] = rest.length === 1 ? [undefined, rest[0]] : rest;
  const key = name === 'BackupProblem' ? 'code' : 'host';
  const pairs = { alertname: name, type, [key]: second };
  const shown = Object.entries(pairs).filter(([, value]) => value !== undefined);
  return `{${shown.map(([k, value]) => `${k}="${value}"`).join(', ')}}`;
}

describe('a year', () => {
  let days: Day[];
  beforeAll(async () => {
    days = await live();
  }, 120_000);

  it('is told by health as it went, on each day', () => {
    const wrong = days.flatMap(({ said }, day) => {
      const should = [...(expected(day).health ?? [])].sort();
      return said.join() === should.join() ? [] : [{ day, said, should }];
    });
    expect(wrong).toEqual([]);
  });

  it('never leaves fewer than the floor, nor loses the newest of anything', () => {
    expect(
      days.flatMap(({ left }, day) => (Object.values(left).includes(-1) ? [{ day, left }] : [])),
    ).toEqual([]);
    expect(days.flatMap(({ lost }, day) => (lost.length > 0 ? [{ day, lost }] : []))).toEqual([]);
    // And yet it prunes: a year of daily ones would be 365.
    expect(Math.max(...days.flatMap(({ left }) => Object.values(left)))).toBeLessThan(30);
    expect(Object.values(days.at(-1)!.left).every((n) => n >= 12)).toBe(true);
  });

  it.skipIf(skipPromtool)('fires the alerts that it should on each day, and no others', () => {
    const directory = scratch();
    const rules = resolve(import.meta.dirname, '../../../deploy/prometheus/strongroom.rules.yml');
    copyFileSync(rules, join(directory, 'strongroom.rules.yml'));
    writeFileSync(join(directory, 'year.yml'), rulesTest(days));
    const { code, text } = promtool(['test', 'rules', 'year.yml'], '', directory);
    expect(text.slice(0, 4000)).toMatch(/SUCCESS/);
    expect(code).toBe(0);
  });
});
