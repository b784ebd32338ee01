// Health as metrics: what the file says of a vault, and of one that cannot be read. Prometheus's own tool reads it too.

import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { type Health, readHealth } from '../../../src/vault/health/health.ts';
import {
  earlierGroups,
  metricsOf,
  metricsOfFailure,
  notAsked,
  vaultOfMetrics,
} from '../../../src/vault/health/prometheus.ts';
import { forge, namesOf } from '../../support/forge.ts';
import { enrolled, removed } from '../../support/hosts.ts';
import { promtool, skipPromtool } from '../../support/promtool.ts';
import { makeVault, openLocked, type TestVault, tick } from '../../support/vault.ts';

const HOUR = 3_600_000;
const sets = new Map([
  ['app', undefined],
  ['db', HOUR],
]);

const NEITHER = new Map([['db', undefined]]);

/** Samples only: name and labels, but for the vault, to value. */
function samples(text: string): Record<string, number> {
  const plain = text.replace(/\{vault="[^"]+"\}/g, '').replace(/,vault="[^"]+"/g, '');
  const lines = plain.split('\n').filter((line) => line !== '' && !line.startsWith('#'));
  return Object.fromEntries(
    lines.map((line) => [line.slice(0, line.lastIndexOf(' ')), Number(line.slice(line.lastIndexOf(' ')))]),
  );
}

async function metrics(vault: TestVault): Promise<string> {
  return metricsOf(vault.pin.vault, await readHealth(await openLocked(vault), { sets }));
}

/** Two hosts, of which one is gone, a set that nobody wrote, and one that went wrong. */
async function eventful(): Promise<TestVault> {
  const vault = await makeVault();
  const old = await enrolled(vault, 'old');
  await old.backup(1);
  await removed(vault, 'old');
  for (let n = 0; n < 4; n++) await vault.backup({ '.env': `N=${n}\n` });
  tick(vault.clock, 30 * HOUR);
  return vault;
}

describe('the metrics of a vault', () => {
  it('have the names that dashboards know, and ours', async () => {
    const vault = await eventful();
    const made = Date.parse('2026-11-20T05:58:12Z') / 1000;
    const said = samples(await metrics(vault));
    const now = vault.clock.now.getTime() / 1000;
    const newest = now - 30 * 3600;
    expect(newest).toBeGreaterThan(made);
    expect(said).toMatchObject({
      'backup_last_success_timestamp{type="app",host="web-1"}': newest,
      'backup_last_success_timestamp{type="db"}': 0,
      'backup_verification_success{type="app",host="web-1"}': 1,
      'backup_verification_success{type="app",host="old"}': 1,
      'strongroom_max_age_seconds{type="app",host="web-1"}': 26 * 3600,
      'strongroom_max_age_seconds{type="db"}': 3600,
      'strongroom_snapshot_age_seconds{type="app",host="web-1"}': 30 * 3600,
      'strongroom_snapshots{type="app",host="web-1"}': 4,
      'strongroom_incomplete_snapshots{type="app",host="web-1"}': 0,
      'strongroom_problems{code="overdue",severity="wrong",type="app",host="web-1"}': 1,
      'strongroom_problems{code="no-snapshot",severity="wrong",type="db"}': 1,
      strongroom_vault_reachable: 1,
      strongroom_health_ok: 0,
      strongroom_health_timestamp_seconds: Math.floor(now),
    });
    expect(said['backup_size_bytes{type="app",host="web-1"}']).toBe(
      said['strongroom_usual_size_bytes{type="app",host="web-1"}'],
    );
    expect(said['backup_last_duration_seconds{type="app",host="web-1"}']).toBeGreaterThanOrEqual(0);
    // Nobody expects anything of a host that was removed.
    expect(Object.keys(said)).not.toContain('strongroom_max_age_seconds{type="app",host="old"}');
  });

  it('say never, and since when that is too long, of a set and a host that have nothing', async () => {
    const vault = await makeVault();
    await enrolled(vault, 'web-2');
    await vault.backup({ a: 'a' });
    const young = samples(
      metricsOf(vault.pin.vault, await readHealth(await openLocked(vault), { sets: NEITHER })),
    );
    expect(young['backup_last_success_timestamp{type="db"}']).toBe(0);
    expect(Object.keys(young)).not.toContain('strongroom_max_age_seconds{type="db"}');
    expect(Object.keys(young).join()).not.toMatch(/backup_[^,]*web-2/);
    tick(vault.clock, 27 * HOUR);
    await vault.backup({ a: 'a' });
    const text = metricsOf(vault.pin.vault, await readHealth(await openLocked(vault), { sets: NEITHER }));
    const late = {
      'backup_last_success_timestamp{type="db"}': 0,
      'strongroom_max_age_seconds{type="db"}': 26 * 3600,
      'backup_last_success_timestamp{host="web-2"}': 0,
      'strongroom_max_age_seconds{host="web-2"}': 26 * 3600,
    };
    expect(samples(text)).toMatchObject(late);
    expect(
      samples(metricsOfFailure(vault.pin.vault, vault.clock.now, earlierGroups(text, vault.pin.vault))),
    ).toMatchObject(late);
    if (!skipPromtool) expect(promtool(['check', 'metrics'], text)).toEqual({ code: 0, text: '' });
  });

  it('do not verify a set of which something is missing, and verify the others', async () => {
    const vault = await makeVault();
    await vault.backup({ a: 'a' });
    const { snapshot } = await vault.backup({ a: 'a' }, { set: 'db' });
    await vault.store.remove(await namesOf(vault.store, `data/db/${snapshot}/`));
    const said = samples(await metrics(vault));
    expect(said['backup_verification_success{type="db",host="web-1"}']).toBe(0);
    expect(said['backup_verification_success{type="app",host="web-1"}']).toBe(1);
    expect(said.strongroom_health_ok).toBe(0);
  });

  it('verify nothing where the vault itself is not as it was', async () => {
    const vault = await makeVault();
    await vault.backup({ a: 'a' });
    await forge(vault, { record: () => ({ revision: 9 }) });
    expect(samples(await metrics(vault))['backup_verification_success{type="app",host="web-1"}']).toBe(0);
  });

  it('escape whatever a label holds', () => {
    const problem = { code: 'a"b\\c\nd', severity: 'warning', message: '', fix: '' } as const;
    const health: Health = {
      time: new Date(0),
      groups: [],
      drills: { parts: new Map(), whole: undefined },
      unwritten: [],
      problems: [problem],
      underOlderKey: 0,
      isOpened: false,
    };
    expect(metricsOf('v', health)).toContain(
      'strongroom_problems{code="a\\"b\\\\c\\nd",severity="warning",vault="v"} 1\n',
    );
  });
});

describe('the metrics of one set at a time', () => {
  const one = async (vault: TestVault, earlier: string, asked: { set?: string; host?: string }) => {
    const health = await readHealth(await openLocked(vault), { sets, ...asked });
    const { vault: id } = vault.pin;
    return metricsOf(id, health, notAsked(earlier, id, { set: asked.set, host: asked.host }));
  };

  it('leave what was known of the others, and come to what all at once say', async () => {
    const vault = await eventful();
    await vault.backup({ a: 'a' }, { set: 'db' });
    const whole = samples(await metrics(vault));
    let text = '';
    for (const set of ['app', 'db', 'app']) text = await one(vault, text, { set });
    expect(samples(text)).toEqual(whole);
    for (const host of ['web-1', 'old', 'web-1']) text = await one(vault, text, { host });
    expect(samples(text)).toEqual(whole);
    if (!skipPromtool) expect(promtool(['check', 'metrics'], text)).toEqual({ code: 0, text: '' });
  });

  it('take what was asked about anew, be it gone, and do not say that all is well while another is not', async () => {
    const vault = await makeVault();
    await vault.backup({ a: 'a' });
    const { snapshot } = await vault.backup({ a: 'a' }, { set: 'db' });
    await vault.store.remove(await namesOf(vault.store, `data/db/${snapshot}/`));
    const before = await metrics(vault);
    const app = samples(await one(vault, before, { set: 'app' }));
    const damaged = 'strongroom_problems{code="damaged",severity="wrong",type="db",host="web-1"}';
    expect(app).toMatchObject({ [damaged]: 1, strongroom_health_ok: 0 });
    await vault.store.remove(await namesOf(vault.store, `snapshots/db/${snapshot}`));
    tick(vault.clock);
    await vault.backup({ a: 'b' }, { set: 'db' });
    expect(samples(await one(vault, before, { set: 'db' }))).not.toHaveProperty([damaged]);
  });

  it('take nothing of another vault over', async () => {
    const [vault, other] = [await eventful(), await makeVault()];
    await other.backup({ a: 'a' }, { set: 'db' });
    const text = await one(vault, await metrics(other), { set: 'app' });
    expect(vaultOfMetrics(text)).toBe(vault.pin.vault);
    expect(text).toBe(await one(vault, '', { set: 'app' }));
  });
});

it('of two vaults on one machine are told apart, sample by sample', async () => {
  const texts = [await metrics(await eventful()), await metrics(await eventful())];
  const of = (text: string) => text.split('\n').filter((line) => /^[a-z]/.test(line));
  const names = texts.flatMap((text) => of(text).map((line) => line.slice(0, line.lastIndexOf(' '))));
  expect(names.length).toBeGreaterThan(40);
  expect(new Set(names).size).toBe(names.length);
});

describe('the metrics of a vault that cannot be read', () => {
  it('keep when the last good snapshot was made, and verify nothing', async () => {
    const vault = await eventful();
    const before = await metrics(vault);
    tick(vault.clock, HOUR);
    const { vault: id } = vault.pin;
    const failure = metricsOfFailure(id, vault.clock.now, earlierGroups(before, id));
    const [was, is] = [samples(before), samples(failure)];
    for (const name of ['backup_last_success_timestamp', 'backup_size_bytes', 'strongroom_max_age_seconds']) {
      const key = `${name}{type="app",host="web-1"}`;
      expect(is[key]).toBe(was[key]);
    }
    expect(is).toMatchObject({
      'backup_last_success_timestamp{type="db"}': 0,
      'backup_verification_success{type="app",host="web-1"}': 0,
      'backup_verification_success{type="db"}': 0,
      strongroom_vault_reachable: 0,
      strongroom_health_ok: 0,
      strongroom_health_timestamp_seconds: Math.floor(vault.clock.now.getTime() / 1000),
    });
    // And again, from what that said.
    expect(metricsOfFailure(id, vault.clock.now, earlierGroups(failure, id))).toBe(failure);
    expect(earlierGroups(failure, 'another')).toEqual([]);
  });

  it('are made from any file, be it none of ours', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary' }), (text) => {
        for (const { type, success } of earlierGroups(text, undefined)) {
          expect(type).toMatch(/^[a-z0-9._-]+$/);
          expect(Number.isFinite(success)).toBe(true);
        }
      }),
    );
    expect(
      earlierGroups(
        'backup_size_bytes{type="app",host="a\\"} 1\nbackup_size_bytes{type="x"} 1e999\n',
        undefined,
      ),
    ).toEqual([]);
  });
});

describe.skipIf(skipPromtool)('what Prometheus says of them', () => {
  it('is nothing', async () => {
    const vault = await eventful();
    const text = await metrics(vault);
    const { vault: id } = vault.pin;
    const failure = metricsOfFailure(id, new Date(), earlierGroups(text, id));
    for (const one of [text, failure, metricsOfFailure(undefined, new Date(), [])])
      expect(promtool(['check', 'metrics'], one)).toEqual({ code: 0, text: '' });
  });
});
