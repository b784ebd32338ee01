import { readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { beforeEach, describe, expect, it } from 'vitest';
import { tick } from '../support/vault.ts';
import { type Desk, deskWithVault } from './desk.ts';

const DAY = 24 * 60 * 60 * 1000;
let at: Desk;
beforeEach(async () => {
  at = await deskWithVault();
});

/** Three snapshots, sixty days apart each; the password changes with the last, which another sixty days are over. */
async function threeSnapshots(): Promise<void> {
  at.write('app/.env', 'DB_PASSWORD=first-one\nAPI_KEY=stays-here\nLOG=debug\n');
  await at.ok('backup --set app app');
  tick(at.clock, 60 * DAY);
  at.write('app/.env', 'DB_PASSWORD=first-one\nAPI_KEY=stays-here\nLOG=debug\nSMTP_TOKEN=came-later\n');
  await at.ok('backup --set app app');
  tick(at.clock, 60 * DAY);
  at.write('app/.env', 'DB_PASSWORD=second-one\nAPI_KEY=stays-here\nLOG=info\nSMTP_TOKEN=came-later\n');
  await at.ok('backup --set app app');
  tick(at.clock, 60 * DAY);
}

describe('history KEY', () => {
  it('says since when a value is what it is, and when it changed', async () => {
    await threeSnapshots();
    expect((await at.ok('history DB_PASSWORD')).out).toMatchInlineSnapshot(`
      "DB_PASSWORD in app/.env (app by web-1)
        the same since ID-3 (2025-06-29 06:02:12 UTC, 60 days ago)
        ID-3  2025-06-29 06:02:12 UTC  changed
        ID-1  2025-03-01 06:00:12 UTC  there, in the oldest snapshot
      "
    `);
    expect((await at.ok('history app/.env:API_KEY')).out).toMatchInlineSnapshot(`
      "API_KEY in app/.env (app by web-1)
        the same since the oldest snapshot (2025-03-01 06:00:12 UTC, 180 days ago): at least that old
        ID-1  2025-03-01 06:00:12 UTC  there, in the oldest snapshot
      "
    `);
    expect((await at.ok('history app/.env')).out).toMatchInlineSnapshot(`
      "(whole file) in app/.env (app by web-1)
        the same since ID-3 (2025-06-29 06:02:12 UTC, 60 days ago)
        ID-3  2025-06-29 06:02:12 UTC  changed
        ID-2  2025-04-30 06:01:12 UTC  changed
        ID-1  2025-03-01 06:00:12 UTC  there, in the oldest snapshot
      "
    `);
  });

  it('says so when it is gone', async () => {
    await threeSnapshots();
    at.write('app/.env', 'API_KEY=stays-here\n');
    await at.ok('backup --set app app');
    expect((await at.ok('history DB_PASSWORD')).out).toMatch(/^ {2}gone since ID-\d$/m);
    expect((await at.ok('history DB_PASSWORD --json')).json()[0]).toMatchObject({ present: false });
  });

  it('as JSON names what happened in which snapshot', async () => {
    await threeSnapshots();
    const [value, summary] = (await at.ok('history DB_PASSWORD --json')).json();
    expect(value).toMatchObject({
      message_type: 'value',
      set: 'app',
      host: 'web-1',
      path: 'app/.env',
      name: 'DB_PASSWORD',
      kind: 'value',
      likely: true,
      present: true,
      at_least: false,
      age_days: 60,
      since_snapshot: value!.changes[0].snapshot,
    });
    expect(value!.changes.map(({ change }: { change: string }) => change)).toEqual(['changed', 'first']);
    expect(summary).toMatchObject({ message_type: 'summary', values: 1, unread: [] });
    expect(summary!.groups).toMatchObject([{ set: 'app', host: 'web-1', snapshots: 3 }]);
  });

  it('refuses a name that is nowhere, and says what is like it', async () => {
    await threeSnapshots();
    const said = await at.ok('history db_password', 10);
    expect(said.err).toContain('no snapshot holds a value or file "db_password"');
    expect(said.err).toContain('hint: there is app/.env:DB_PASSWORD\n');
    expect((await at.ok('history nothing', 10)).err).toContain('hint: see the names');
    expect((await at.ok('history X --set nowhere', 10)).err).toContain('no snapshot of the set nowhere');
    expect((await at.ok(['history', ''], 2)).err).toContain('an empty name');
  });
});

describe('history --older-than', () => {
  it('lists what is due, by name, and ends with 5; with nothing due it ends with 0', async () => {
    await threeSnapshots();
    const said = await at.ok('history --older-than 100d', 5);
    expect(said.out).toMatchInlineSnapshot(`
      "SINCE           PATH      NAME
      ≥ 180 days ago  app/.env  API_KEY
        120 days ago  app/.env  SMTP_TOKEN
      ≥: it was in the oldest snapshot already, so it may be older
      "
    `);
    const none = await at.ok('history --older-than 500d');
    expect(none.out).toBe('No secret is older than that, in 3 snapshots.\n');
    expect((await at.ok('history --older-than 500d --quiet')).out).toBe('');
    expect((await at.ok('history DB_PASSWORD --older-than 50d', 5)).out).toMatch(/DB_PASSWORD$/m);
    expect((await at.ok('history DB_PASSWORD --older-than 90d')).out).toContain('No secret is older');
    for (const { out, err } of [said, none]) expect(out + err).not.toMatch(/stays-here|came-later|-one/);
  });

  it('leaves out what is gone, and lists all that is there without an age', async () => {
    await threeSnapshots();
    at.write('app/.env', 'SMTP_TOKEN=came-later\n');
    await at.ok('backup --set app app');
    const names = (await at.ok('history --json')).json().map(({ name }) => name);
    expect(names.filter((name) => name)).toEqual(['SMTP_TOKEN']);
  });
});

it('a damaged snapshot is named, and the others are read', async () => {
  await threeSnapshots();
  const [id] = (await at.ok('list --json')).json().map((line) => line.id);
  const data = join(at.base, 'vault/data/app', id);
  const [directory] = readdirSync(data);
  const object = readdirSync(join(data, directory!)).find((name) => name.startsWith('contents'))!;
  writeFileSync(join(data, directory!, object), 'damaged');
  const said = await at.ok('history DB_PASSWORD --json', 3);
  expect(said.json().at(-1)).toMatchObject({ values: 1, unread: [id] });
  expect(said.err).toContain('was not read');
  expect(said.json()[0]!.changes.map(({ change }: { change: string }) => change)).toEqual([
    'changed',
    'first',
  ]);
});
