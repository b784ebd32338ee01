// What health says of vaults in which things happened. Real vaults in memory; time passes as the test says.

import { randomBytes } from 'node:crypto';
import { beforeEach, describe, expect, it } from 'vitest';
import type { Host } from '../../../src/vault/documents/vault-document.ts';
import { type HealthOptions, isHealthy, readHealth } from '../../../src/vault/health/health.ts';
import { unwrittenSets } from '../../../src/vault/health/hosts.ts';
import { readActivity } from '../../../src/vault/hosts/activity.ts';
import { makeCertificate } from '../../support/certificates.ts';
import { forge, namesOf, put } from '../../support/forge.ts';
import { enrolled, keeper, removed } from '../../support/hosts.ts';
import { reencryptVault, rotateVault } from '../../support/rotation.ts';
import {
  makeVault,
  newHost,
  openLocked,
  openUnlocked,
  scratch,
  type TestVault,
  tick,
} from '../../support/vault.ts';
import { watched } from '../stores.ts';

const HOUR = 3_600_000;
const DAY = 24 * HOUR;
const FILES = { '.env': 'TOKEN=1\n' };

let vault: TestVault;
beforeEach(async () => {
  vault = await makeVault();
});

async function health(options: HealthOptions = {}) {
  return await readHealth(await openLocked(vault), options);
}

/** Severity, code, and what it is about. */
async function problems(options: HealthOptions = {}): Promise<string[]> {
  const found = (await health(options)).problems;
  return found.map(({ severity, code, set = '-', host = '-' }) => `${severity} ${code} ${set} ${host}`);
}

/** A file that is to be taken is not there. */
async function failing() {
  return await vault.backup({}, { sources: { root: scratch(), include: ['certs/site.pem'], exclude: [] } });
}

describe('the newest good snapshot', () => {
  it('may be a day and two hours old where nothing else is said, and not a minute more', async () => {
    await vault.backup(FILES);
    tick(vault.clock, 26 * HOUR);
    expect(await problems()).toEqual([]);
    tick(vault.clock);
    expect(await problems()).toEqual(['wrong overdue app web-1']);
    const [said] = (await health()).problems;
    expect(said?.message).toBe(
      'app by web-1: the newest good snapshot is 26 hours old; no objective is set, so 26 hours count',
    );
    expect(said?.fix).toContain('objectives: { rpo: 8d }');
  });

  it('may be as old as its objective, and a flag overrides that', async () => {
    await vault.backup(FILES);
    tick(vault.clock, 7 * HOUR);
    const sets = new Map([['app', 6 * HOUR]]);
    expect(await problems({ sets })).toEqual(['wrong overdue app web-1']);
    expect(await problems({ sets, maxAge: 8 * HOUR })).toEqual([]);
    expect((await health({ sets })).groups[0]?.objective).toEqual({ maxAge: 6 * HOUR, from: 'config' });
  });

  it('is no incomplete one, and that a source fails is said before it is too late', async () => {
    const { snapshot } = await vault.backup(FILES);
    tick(vault.clock, 10 * HOUR);
    const incomplete = await failing();
    const said = await health();
    expect(said.groups[0]?.newest?.id).toBe(snapshot);
    expect(said.groups[0]?.incomplete.map((s) => s.id)).toEqual([incomplete.snapshot]);
    expect(isHealthy(said)).toBe(true);
    expect(await problems()).toEqual(['warning incomplete app web-1']);
    tick(vault.clock, 20 * HOUR);
    expect(await problems()).toEqual(['wrong overdue app web-1', 'warning incomplete app web-1']);
  });

  it('is none where every one is incomplete', async () => {
    await failing();
    expect(await problems()).toEqual(['wrong no-good-snapshot app web-1', 'warning incomplete app web-1']);
  });

  it.each(['missing', 'cut short'])('is none of which a piece is %s', async (how) => {
    const first = await vault.backup(FILES);
    const { snapshot } = await vault.backup(FILES);
    const [piece] = await namesOf(vault.store, `data/app/${snapshot}/`);
    if (how === 'missing') await vault.store.remove([piece!]);
    else await put(vault.store, piece!, 'short');
    const said = await health();
    expect(said.groups[0]?.newest?.id).toBe(first.snapshot);
    expect(await problems()).toEqual(['wrong damaged app web-1']);
    expect(said.problems[0]).toMatchObject({ object: snapshot, unsound: true });
  });

  it('that is pruned while health looks is not taken for damaged', async () => {
    const { snapshot } = await vault.backup(FILES);
    await vault.backup(FILES);
    const store = watched(vault.store, async ({ verb, name }) => {
      if (verb !== 'list' || !name.startsWith('data/')) return;
      const pieces = await namesOf(vault.store, `data/app/${snapshot}/`);
      await vault.store.remove([`snapshots/app/${snapshot}.json`, ...pieces]);
    });
    const said = await readHealth(await openLocked(vault, { store }));
    expect(store.writes).toEqual([]);
    expect(await namesOf(vault.store, `data/app/${snapshot}/`)).toEqual([]);
    expect(said.problems).toEqual([]);
    expect(said.groups[0]?.snapshots).toBe(2);
  });

  it('that was dated ahead is no proof that backups are made', async () => {
    await vault.backup(FILES);
    vault.clock.now = new Date(vault.clock.now.getTime() + 40 * DAY);
    const ahead = await vault.backup(FILES);
    // Every clock was wrong, that of the place too, and is right again.
    vault.clock.now = new Date(vault.clock.now.getTime() - 38 * DAY);
    const said = await health();
    expect(said.groups[0]?.ahead.map((s) => s.id)).toEqual([ahead.snapshot]);
    expect(await problems({ maxAge: 3 * DAY })).toEqual(['wrong clock - -']);
    expect(await problems()).toContain('wrong overdue app web-1');
  });

  it('of a group is not that of another set or host', async () => {
    const web2 = await enrolled(vault, 'web-2');
    await vault.backup(FILES, { set: 'db' });
    tick(vault.clock, 2 * DAY);
    await web2.backup(1, { set: 'db' });
    expect(await problems()).toEqual(['wrong overdue db web-1']);
    expect(await problems({ host: 'web-2' })).toEqual([]);
    expect(await problems({ set: 'app' })).toEqual([]);
  });

  it('that is a tenth of the others is looked at twice', async () => {
    for (let n = 0; n < 3; n++) await vault.backup({ dump: randomBytes(100_000) });
    expect(await problems()).toEqual([]);
    await vault.backup({ dump: '' });
    expect(await problems()).toEqual(['warning shrunk app web-1']);
  });
});

describe('a vault', () => {
  it('without any snapshot is not fine', async () => {
    expect(await problems()).toEqual(['wrong empty-vault - -', 'warning never-wrote - web-1']);
  });

  it('without a snapshot of a configured set is not fine', async () => {
    await vault.backup(FILES);
    const sets = new Map([
      ['app', undefined],
      ['db', HOUR],
    ] as const);
    expect(await problems({ sets })).toEqual(['wrong no-snapshot db -']);
    // Where nothing is promised of it, it may never have been meant.
    expect(await problems({ sets: new Map([['db', undefined]]) })).toEqual(['warning no-snapshot db -']);
    expect((await health({ sets })).unwritten).toEqual([
      { set: 'db', objective: { maxAge: HOUR, from: 'config' }, isLate: false },
    ]);
    expect(await problems({ sets, set: 'app' })).toEqual([]);
  });

  it('of which a configured set vanished wholly is not fine, though nobody remembers it', async () => {
    const sets = new Map([
      ['app', undefined],
      ['db', undefined],
    ]);
    await vault.backup(FILES);
    await vault.backup(FILES, { set: 'db' });
    tick(vault.clock, 3 * DAY);
    await vault.backup(FILES);
    const late = await problems({ sets });
    expect(late).toEqual(['wrong overdue db web-1']);
    for (const prefix of ['snapshots/db/', 'data/db/'])
      await vault.store.remove(await namesOf(vault.store, prefix));
    expect(await problems({ sets })).toEqual(['wrong no-snapshot db -']);
  });

  it.each([
    [25 * HOUR, {}, 'warning'],
    [27 * HOUR, {}, 'wrong'],
    [27 * HOUR, { maxAge: 2 * DAY }, 'warning'],
    [3 * HOUR, { maxAge: 2 * HOUR }, 'wrong'],
  ])('of %i ms is held to a set that nobody backed up (%j): %s', async (age, options, severity) => {
    await vault.backup(FILES);
    tick(vault.clock, age - HOUR);
    await vault.backup(FILES);
    tick(vault.clock, HOUR);
    expect(await problems({ sets: new Map([['db', undefined]]), ...options })).toEqual([
      `${severity} no-snapshot db -`,
    ]);
  });

  it('is held to a set from when somebody may write it, else from when it was made', () => {
    const [web1] = vault.document.hosts;
    const now = new Date(Date.parse(web1!.added) + 3 * DAY);
    const added = new Date(now.getTime() - HOUR).toISOString();
    const objective = { maxAge: DAY, from: 'default' } as const;
    const late = (...hosts: readonly Host[]) =>
      unwrittenSets({ ...vault.document, hosts }, [], {
        now,
        sets: [{ set: 'db', objective }],
        other: objective,
      })[0]?.isLate;
    const app = { ...web1!, sets: ['app'] };
    expect(late(web1!)).toBe(true);
    expect(late(app)).toBe(true);
    expect(late(app, { ...web1!, name: 'web-2', sets: ['d*'], added })).toBe(false);
    expect(late({ ...web1!, added })).toBe(false);
  });

  it('to which somebody writes in vain says so', async () => {
    await vault.backup(FILES);
    const stranger = newHost('laptop');
    for (let n = 0; n < 3; n++)
      await forge(vault, { record: () => ({ host: 'laptop' }), signers: [stranger.key] });
    const said = (await health()).problems;
    expect(said).toMatchObject([{ code: 'unlisted-writer', severity: 'wrong', set: 'app' }]);
    expect(said[0]?.message).toMatch(/ and 2 more like it$/);
    expect(said[0]?.fix).toContain('strongroom hosts enroll');
  });

  it('of which a snapshot went without a signature says so', async () => {
    const { snapshot } = await vault.backup(FILES);
    await vault.backup(FILES);
    await vault.store.remove([`snapshots/app/${snapshot}.json`]);
    expect(await problems()).toEqual(['wrong missing-predecessor app -']);
  });

  it('of which somebody hides the newest document says so', async () => {
    const web2 = await enrolled(vault, 'web-2');
    await vault.backup(FILES);
    await web2.backup(1);
    await vault.store.remove(['vault/2.json']);
    const said = await problems();
    expect(said).toContain('wrong hidden-document - -');
  });

  it('whose re-encryption was cut off says so, and that it is wrong after a day', async () => {
    await vault.backup(FILES);
    const { vault: rotated } = await rotateVault(vault, await keeper(vault), { reencrypt: true });
    expect(await problems()).toEqual(['warning reencryption-open - -', 'warning old-key - web-1']);
    expect((await health()).underOlderKey).toBe(1);
    tick(vault.clock, 25 * HOUR);
    expect(await problems()).toEqual(['wrong reencryption-open - -', 'warning old-key - web-1']);
    await reencryptVault(rotated);
    expect(await problems()).toEqual(['warning old-key - web-1']);
    expect((await health()).underOlderKey).toBe(0);
  });
});

describe('a host', () => {
  it('that stopped is named, until it is removed', async () => {
    const web2 = await enrolled(vault, 'web-2');
    await web2.backup(1);
    tick(vault.clock, 3 * DAY);
    await vault.backup(FILES);
    expect(await problems()).toEqual(['wrong overdue app web-2']);
    await removed(vault, 'web-2');
    const said = await health();
    expect(said.problems).toEqual([]);
    expect(said.groups.map((g) => [g.host, g.isExpected])).toEqual([
      ['web-1', true],
      ['web-2', false],
    ]);
  });

  it('that was removed leaves a set that somebody counts on without a writer', async () => {
    const web2 = await enrolled(vault, 'web-2', { sets: ['db'] });
    await vault.backup(FILES);
    await web2.backup(1, { set: 'db' });
    const sets = new Map([['db', undefined]]);
    expect(await problems({ sets })).toEqual([]);
    await removed(vault, 'web-2');
    expect(await problems({ sets })).toEqual(['wrong no-writer db -']);
    expect(await problems()).toEqual([]);
  });

  it('that never wrote is worth a look', async () => {
    await vault.backup(FILES);
    await enrolled(vault, 'web-2');
    expect(await problems()).toEqual(['warning never-wrote - web-2']);
    expect(isHealthy(await health())).toBe(true);
    expect(await problems({ host: 'web-1' })).toEqual([]);
  });

  it('that wrote nothing for longer than it may is no better off than one that is late', async () => {
    const web2 = await enrolled(vault, 'web-2');
    await web2.backup(1);
    await vault.backup(FILES);
    tick(vault.clock, 3 * DAY);
    await vault.backup(FILES);
    expect(await problems()).toEqual(['wrong overdue app web-2']);
    const { groups } = await health();
    const { set, newest } = groups.find((g) => g.host === 'web-2')!;
    await vault.store.remove([newest!.object, ...(await namesOf(vault.store, `data/${set}/${newest!.id}/`))]);
    const said = await health();
    expect(said.problems).toMatchObject([{ code: 'never-wrote', severity: 'wrong', host: 'web-2' }]);
    expect(isHealthy(said)).toBe(false);
    // What it may write is due less often.
    const weekly = new Map([['app', 8 * DAY]]);
    expect(await problems({ sets: weekly })).toEqual(['warning never-wrote - web-2']);
  });

  it('that only maintains need not write', async () => {
    await vault.backup(FILES);
    await enrolled(vault, 'web-2', { may: ['maintain'] });
    expect(await problems()).toEqual([]);
  });

  it.each([
    [false, 'warning'],
    [true, 'wrong'],
  ])('that writes to an older key (leaked: %s) is named', async (compromised, severity) => {
    await vault.backup(FILES);
    await rotateVault(vault, await keeper(vault), { compromised });
    tick(vault.clock);
    await vault.backup(FILES);
    expect(await problems()).toContain(`${severity} old-key - web-1`);
    const { hosts } = await readActivity(await openLocked(vault));
    expect(hosts[0]?.behind).toBe(1);
  });
});

describe('an unlocked vault', () => {
  const opened = async () => {
    const unlocked = await openUnlocked(vault);
    return (await readHealth(unlocked, { unlocked })).problems;
  };

  it('tells of certificates in the newest snapshots that lapse', async () => {
    vault.clock.now = new Date();
    const { certificate, key } = makeCertificate(scratch(), { subject: '/CN=shop.example', days: 40 });
    await vault.backup({ 'site.pem': certificate, 'site.key': key });
    expect(await opened()).toEqual([]);
    tick(vault.clock, 20 * DAY);
    await vault.backup({ 'site.pem': certificate, 'site.key': key });
    expect(await opened()).toMatchObject([
      { code: 'expiring', severity: 'warning', set: 'app', host: 'web-1' },
    ]);
    tick(vault.clock, 25 * DAY);
    await vault.backup({ 'site.pem': certificate, 'site.key': key });
    expect(await opened()).toMatchObject([{ code: 'expired', severity: 'wrong' }]);
    expect(await problems()).toEqual([]);
  });

  it('tells of a newest snapshot that does not open', async () => {
    await vault.backup(FILES);
    tick(vault.clock);
    await forge(vault, { contentsJson: () => '{' });
    expect(await opened()).toMatchObject([{ severity: 'wrong', set: 'app', host: 'web-1', unsound: true }]);
    expect(await problems()).toEqual([]);
  });
});
