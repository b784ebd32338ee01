// What health says of drills: of each set and host, and of the whole. Real vaults in memory, with real evidence.
import { beforeEach, describe, expect, it } from 'vitest';
import { backup } from '../../../src/vault/backup/backup.ts';
import type { Drill } from '../../../src/vault/documents/drill.ts';
import { drilledPart, drilledWhole } from '../../../src/vault/health/drills.ts';
import type { Group } from '../../../src/vault/health/groups.ts';
import { type HealthOptions, isHealthy, readHealth } from '../../../src/vault/health/health.ts';
import { earlierGroups, metricsOf, metricsOfFailure } from '../../../src/vault/health/prometheus.ts';
import { applyPrune } from '../../../src/vault/prune/apply.ts';
import { planPrune } from '../../../src/vault/prune/plan.ts';
import { drilled } from '../../support/drills.ts';
import { namesOf, put } from '../../support/forge.ts';
import { enrolled, keeper, removed } from '../../support/hosts.ts';
import { rotateVault } from '../../support/rotation.ts';
import { client, makeVault, openLocked, type TestVault, tick } from '../../support/vault.ts';
import { watched } from '../stores.ts';

const DAY = 86_400_000;
const FILES = { '.env': 'TOKEN=1\n' };
const weekly = { sets: new Map([['app', 7 * DAY]]) };
const YEARS = 1000 * DAY;

let vault: TestVault;
beforeEach(async () => {
  vault = await makeVault();
  await vault.backup(FILES);
});

/** Of how old snapshots are, others tell. */
const health = async (drills: HealthOptions['drills'] = { sets: new Map() }, more: HealthOptions = {}) =>
  await readHealth(await openLocked(vault), { maxAge: YEARS, drills, ...more });

async function problems(drills?: HealthOptions['drills'], more?: HealthOptions): Promise<string[]> {
  const found = (await health(drills, more)).problems;
  return found.map(({ severity, code, set = '-', host = '-' }) => `${severity} ${code} ${set} ${host}`);
}

describe('which drill counts', () => {
  const group = { set: 'app', host: 'web-1', isExpected: true, since: new Date(0) } as Group;
  const drill = (began: string, passed: boolean, older = false) =>
    ({ began, passed, parts: [{ set: 'app', host: 'web-1', passed, older }] }) as unknown as Drill;

  it('is none of an older snapshot: that one came back says nothing of the newest', () => {
    const drills = [drill('2026-11-20T06:00:00Z', false), drill('2026-11-20T07:00:00Z', true, true)];
    for (const found of [drilledPart(group, drills), drilledWhole([group], drills)]) {
      expect(found.last?.passed).toBe(false);
      expect(found.lastPassed).toBeUndefined();
    }
  });

  it('is of two in one second the one that failed', () => {
    const at = '2026-11-20T06:00:00Z';
    for (const drills of [
      [drill(at, true), drill(at, false)],
      [drill(at, false), drill(at, true)],
    ])
      expect(drilledPart(group, drills).last?.passed).toBe(false);
  });
});

describe('a drill of a set', () => {
  it('is missed by nobody who wanted none', async () => {
    tick(vault.clock, YEARS / 2);
    expect(await problems()).toEqual([]);
  });

  it('is due for the first time when its objective has passed since the first snapshot', async () => {
    tick(vault.clock, 7 * DAY);
    expect(await problems(weekly)).toEqual([]);
    tick(vault.clock);
    const { problems: found } = await health(weekly);
    expect(found).toMatchObject([
      {
        code: 'drill-overdue',
        severity: 'wrong',
        set: 'app',
        host: 'web-1',
        message: 'app by web-1: no drill passed, in 7 days; one is due every 7 days',
        fix: 'run `strongroom drill --set app` where a key is, and not on web-1',
      },
    ]);
  });

  it('is due anew when the last that passed is older than its objective, and not a minute before', async () => {
    tick(vault.clock, 30 * DAY);
    await drilled(vault, ['app', 'web-1']);
    expect(await problems(weekly)).toEqual([]);
    tick(vault.clock, 7 * DAY);
    expect(await problems(weekly)).toEqual([]);
    tick(vault.clock);
    expect(await problems(weekly)).toEqual(['wrong drill-overdue app web-1']);
    expect((await health(weekly)).problems[0]?.message).toBe(
      'app by web-1: the last drill that passed is 7 days old; it may be 7 days old',
    );
    await drilled(vault, ['app', 'web-1']);
    expect(await problems(weekly)).toEqual([]);
  });

  it('that failed is wrong where one is promised, else a warning; one that passes ends it', async () => {
    await drilled(vault, ['app', 'web-1']);
    tick(vault.clock, DAY);
    await drilled(vault, ['app', 'web-1', false]);
    expect(await problems(weekly)).toEqual(['wrong drill-failed app web-1']);
    expect(await problems()).toEqual(['warning drill-failed app web-1']);
    expect(isHealthy(await health())).toBe(true);
    tick(vault.clock, 7 * DAY);
    expect(await problems(weekly)).toContain('wrong drill-overdue app web-1');
    await drilled(vault, ['app', 'web-1']);
    expect(await problems(weekly)).toEqual([]);
  });

  it('is due for each host that may still write it, and one that failed speaks for itself', async () => {
    const web2 = await enrolled(vault, 'web-2');
    await web2.backup(1);
    tick(vault.clock, 8 * DAY);
    expect(await problems(weekly)).toEqual([
      'wrong drill-overdue app web-1',
      'wrong drill-overdue app web-2',
    ]);
    await drilled(vault, ['app', 'web-1'], ['app', 'web-2', false]);
    expect(await problems(weekly)).toEqual(['wrong drill-overdue app web-2', 'wrong drill-failed app web-2']);
    expect(await problems(weekly, { host: 'web-1' })).toEqual([]);
    await removed(vault, 'web-2');
    expect(await problems(weekly)).toEqual(['warning drill-failed - -']);
  });

  it('counts from when the host was listed where its first snapshots were pruned', async () => {
    tick(vault.clock, 6 * DAY);
    await vault.backup(FILES);
    const opened = await openLocked(vault);
    await applyPrune(opened, await planPrune(opened, () => ({ last: 1 })), vault.host);
    tick(vault.clock, 2 * DAY);
    expect((await health()).groups[0]?.snapshots).toBe(1);
    expect(await problems(weekly)).toEqual(['wrong drill-overdue app web-1']);
  });

  it('counts likewise where a host without a memory backs up, whose snapshots name none before them', async () => {
    const forget = async () => {
      tick(vault.clock);
      const sources = { memory: { '.env': 'N=1\n' } };
      await backup(client(vault), { set: 'ci', sources, host: vault.host, pin: vault.pin });
    };
    tick(vault.clock, 30 * DAY);
    await forget();
    const first = (await health()).groups.find((g) => g.set === 'ci')!;
    expect(first.since).toEqual(vault.clock.now);
    await forget();
    const { since } = (await health()).groups.find((g) => g.set === 'ci')!;
    expect(since).toEqual(new Date(vault.document.hosts[0]!.added));
  });

  it('is made up by nobody: what does not count is a warning, and no drill', async () => {
    await drilled(vault, ['app', 'web-1']);
    const [name] = await namesOf(vault.store, 'drills/');
    await put(vault.store, name!, (await vault.store.get(name!))!.subarray(0, 200));
    tick(vault.clock, 8 * DAY);
    const { problems: found } = await health(weekly);
    expect(found).toMatchObject([
      { code: 'drill-overdue', severity: 'wrong' },
      { code: 'unsigned', severity: 'warning', object: name, fix: expect.stringContaining('proves nothing') },
    ]);
  });

  it('of before the key leaked counts no more, and nobody is alarmed for ever', async () => {
    await drilled(vault, ['app', 'web-1']);
    tick(vault.clock, 8 * DAY);
    await drilled(vault, ['app', 'web-1']);
    await rotateVault(vault, await keeper(vault), { compromised: true });
    const codes = (await health(weekly)).problems.map((p) => p.code);
    expect(codes).toContain('drill-overdue');
    expect(codes).not.toContain('exposed-key');
  });
});

describe('a drill of the whole', () => {
  const whole = { sets: new Map<string, number>(), whole: 7 * DAY };

  it('has everything that had snapshots by then and is still written', async () => {
    await vault.backup(FILES, { set: 'db' });
    tick(vault.clock, 8 * DAY);
    expect(await problems(whole)).toEqual(['wrong drill-overdue - -']);
    await drilled(vault, ['app', 'web-1']);
    expect(await problems(whole)).toEqual(['wrong drill-overdue - -']);
    await drilled(vault, ['app', 'web-1'], ['db', 'web-1']);
    expect(await problems(whole)).toEqual([]);
    tick(vault.clock);
    await vault.backup(FILES, { set: 'new' });
    expect(await problems(whole)).toEqual([]);
    tick(vault.clock, 7 * DAY);
    await drilled(vault, ['app', 'web-1'], ['db', 'web-1']);
    expect(await problems(whole)).toEqual(['wrong drill-overdue - -']);
    expect((await health(whole)).problems[0]?.message).toBe(
      'the whole: the last drill that passed is 7 days old; it may be 7 days old',
    );
    // What was not looked at is not judged.
    expect(await problems(whole, { set: 'app' })).toEqual([]);
  });

  it('that failed is said, though a part of it passed since', async () => {
    await drilled(vault, ['app', 'web-1', false]);
    await vault.backup(FILES, { set: 'db' });
    tick(vault.clock);
    await drilled(vault, ['app', 'web-1', false], ['db', 'web-1']);
    tick(vault.clock);
    await drilled(vault, ['app', 'web-1']);
    expect(await problems(whole)).toEqual(['wrong drill-failed - -']);
  });
});

describe('the metrics', () => {
  const drillLines = (text: string) => text.split('\n').filter((line) => /^strongroom_last_drill/.test(line));
  it('say when the last drill was and whether it passed, 0 for never, and keep it when the vault is out of reach', async () => {
    expect(drillLines(metricsOf('', await health()))).toEqual([
      'strongroom_last_drill_timestamp_seconds{type="app",host="web-1"} 0',
    ]);
    await drilled(vault, ['app', 'web-1', false]);
    const text = metricsOf('', await health(weekly));
    const lines = [
      `strongroom_last_drill_timestamp_seconds{type="app",host="web-1"} ${vault.clock.now.getTime() / 1000}`,
      'strongroom_last_drill_success{type="app",host="web-1"} 0',
    ];
    expect(drillLines(text)).toEqual(lines);
    expect(text).toContain(
      'strongroom_problems{code="drill-failed",severity="wrong",type="app",host="web-1"} 1',
    );
    expect(drillLines(metricsOfFailure(undefined, vault.clock.now, earlierGroups(text, undefined)))).toEqual(
      lines,
    );
  });
});

it('evidence of years is not read again and again', async () => {
  for (let n = 0; n < 40; n++) {
    tick(vault.clock, DAY);
    await drilled(vault, ['app', 'web-1']);
  }
  let reads = 0;
  const store = watched(vault.store, async ({ verb, name }) => {
    if (verb === 'get' && name.startsWith('drills/')) reads++;
  });
  await readHealth(await openLocked(vault, { store }));
  expect(reads).toBe(16);
});
