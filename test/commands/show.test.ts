import { mkdtempSync, rmSync, symlinkSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { type Certified, makeCertificate } from '../support/certificates.ts';
import { type Desk, deskWithVault } from './desk.ts';

let at: Desk;
beforeEach(async () => {
  at = await deskWithVault();
});

describe('show', () => {
  it('shows what a snapshot holds', async () => {
    symlinkSync('certs/site.pem', join(at.work, 'current'));
    at.write('name\u001b[2J\nx', 'odd');
    rmSync(join(at.work, 'strongroom.yaml'));
    const where = ['.', '--location', '../vault'];
    await at.ok([
      'backup',
      ...where,
      '--label',
      'before-deploy',
      '--tag',
      'release=42',
      '--description',
      'all of\u001b[2J it',
    ]);
    const said = await at.ok('show --location ../vault');
    expect(said.err).toBe('');
    // Columns are as wide as the longest owner.
    expect(said.out.replace(/ +/g, ' ')).toMatchInlineSnapshot(`
      "ID-1 of shop by web-1, 2025-03-01 06:00:12 UTC, in N s
      label: before-deploy
      tag: release=42
      description: all of\\x1b[2J it
      root: BASE/shop
      MODE OWNER SIZE PATH
      -0600 UID:GID 8 B .env
      d0700 UID:GID certs/
      -0640 UID:GID 4 B certs/site.pem
      l0777 UID:GID current -> certs/site.pem
      -0600 UID:GID 3 B name\\x1b[2J\\nx
      "
    `);
    expect(said.out).not.toContain('\u001b');
  });

  it('tells programs', async () => {
    await at.ok('backup .env certs --description x');
    const said = await at.ok('show latest --json');
    expect(said.lines().filter((line) => !line.includes('strongroom.yaml'))).toMatchInlineSnapshot(`
      [
        "{"message_type":"entry","path":".env","type":"file","mode":"0600","uid":"N","gid":"N","mtime":"N","size":8,"sha256":"HASH-1"}",
        "{"message_type":"entry","path":"certs","type":"dir","mode":"0700","uid":"N","gid":"N","mtime":"N","size":0}",
        "{"message_type":"entry","path":"certs/site.pem","type":"file","mode":"0640","uid":"N","gid":"N","mtime":"N","size":4,"sha256":"HASH-2"}",
        "{"message_type":"summary","snapshot":"ID-1","set":"shop-paths","host":"web-1","time":"2025-03-01T06:00:12Z","seconds":"N","complete":true,"description":"x","root":"BASE/shop","tool":"strongroom 0.1.0","entries":4,"bytes":"N","streams":0,"findings":0}",
      ]
    `);
  });

  it('of an incomplete one says what is missing', async () => {
    await at.say('backup .env gone.pem');
    const said = await at.ok(`show ${(await at.ok('list --json')).json()[0]!.id}`);
    expect(said.out).toContain('incomplete: a source failed\n');
    expect(said.out).toContain('warning: gone.pem ');
    expect((await at.say('show')).code).toBe(10);
  });

  it.each(['latest', 'latest~1', '@first', '--at 2025-03-01T06:00:30Z'])('takes %s', async (selector) => {
    await at.ok('backup --label first');
    await at.ok('backup');
    const said = await at.ok(`show ${selector} --json`);
    const [first, second] = (await at.ok('list --json')).json();
    expect(said.json().at(-1)!.snapshot).toBe(selector === 'latest' ? second!.id : first!.id);
  });

  it('says on stderr, in UTC, what time it took', async () => {
    await at.ok('backup');
    const said = await at.ok(['show', '--at', '2025-03-02 06:00:00+01:00']);
    expect(said.err).toBe('strongroom: newest at or before 2025-03-02T05:00:00Z\n');
  });

  it('says which newer one was passed over', async () => {
    await at.ok('backup .env');
    await at.say('backup .env gone.pem');
    const said = await at.ok('show');
    expect(said.err).toMatchInlineSnapshot(`
      "strongroom: warning: ID-2 is newer, but a source failed in it
      strongroom: hint: to use it all the same, name it
      "
    `);
  });
});

describe('show --findings', () => {
  const PASSWORD = 'tulip-9-Harbour';
  const DAY = 86_400_000;

  const made = new Map<string, Certified>();

  beforeAll(() => {
    const directory = mkdtempSync(join(tmpdir(), 'strongroom-test-'));
    // By the desk's clock.
    const today = (Date.parse('2025-03-01T06:00:00Z') - Date.now()) / DAY;
    for (const [name, days] of Object.entries({ api: 5, other: 300, 'old\u202e': -40, far: 100 })) {
      const options = { subject: `/CN=${name}`, days: today + days };
      made.set(name, makeCertificate(directory, options));
    }
    rmSync(directory, { recursive: true });
  });

  beforeEach(async () => {
    at.write('certs/api.crt', made.get('api')!.certificate);
    at.write('certs/api.key', made.get('other')!.key);
    at.write('old.pem', made.get('old\u202e')!.certificate);
    at.write('far.pem', made.get('far')!.certificate);
    at.write('.env.production', `DB_PASSWORD=${PASSWORD}\n`);
    at.write('staging/app.yaml', `db: { password: ${PASSWORD} }\n`);
    await at.ok('backup .');
  });

  const tidyDates = (text: string): string =>
    text
      .replace(/\d{4}-\d\d-\d\d(?=\))/g, 'DATE')
      .replace(/(ago|in) \d+ days/g, '$1 N days')
      .replace(/\d+ days ago/g, 'N days ago');

  it('lists what is amiss, the gravest first, and no value', async () => {
    const said = await at.ok('show --findings');
    expect(tidyDates(said.out)).toMatchInlineSnapshot(`
      "ID-1 of shop-paths by web-1, 2025-03-01 06:00:12 UTC, in N s
      ! old.pem: CN=old\\u202e expired N days ago (DATE)
      ! certs/api.key: this private key does not belong to the certificate certs/api.crt (CN=api)
      - certs/api.crt: CN=api expires in N days (DATE)
      - .env.production: DB_PASSWORD is the same as db.password in staging/app.yaml
      1 certificate is good for more than 30 days
      "
    `);
    expect((await at.ok('show --findings --within 1d')).out).not.toContain('expires in');
    expect((await at.ok('show --findings --within 20w')).out).toContain('far.pem: CN=far expires in');
  });

  it('tells programs all of them', async () => {
    const all = (await at.ok('show --findings --within 1d --json')).json();
    expect(all.map(({ message_type, kind, path, due }) => [message_type, kind, path, due])).toEqual([
      ['finding', 'certificate', 'old.pem', true],
      ['finding', 'key-mismatch', 'certs/api.key', true],
      ['finding', 'same-value', '.env.production', true],
      ['finding', 'certificate', 'certs/api.crt', false],
      ['finding', 'certificate', 'far.pem', false],
      ['summary', undefined, undefined, undefined],
    ]);
    expect(all[2]).toEqual({
      message_type: 'finding',
      kind: 'same-value',
      path: '.env.production',
      name: 'DB_PASSWORD',
      other_path: 'staging/app.yaml',
      other_name: 'db.password',
      due: true,
    });
    expect(all[3]!.days_left).toBeOneOf([4, 5]);
    expect(all[3]!.expires).toMatch(/^2025-03-0\dT/);
    expect(all[5]!.findings).toBe(3);
  });

  it('are counted by a plain show, and are nothing where nothing is amiss', async () => {
    expect((await at.ok('show')).out).toContain('4 findings: strongroom show ID-1 --findings\n');
    await at.ok('backup far.pem');
    expect((await at.ok('show --findings')).out).toMatch(/\nnothing is amiss in the files\n1 certificate is/);
    expect((await at.ok('show')).out).not.toContain('finding');
  });

  it.each(['--within 30', '--within 0d', '--within soon'])('refuses %s', async (flag) => {
    expect((await at.say(`show --findings ${flag}`)).code).toBe(2);
  });

  it('refuses a time for what it does not list', async () => {
    const said = await at.say('show --within 30d');
    expect([said.code, said.err]).toEqual([
      2,
      expect.stringContaining('--within is of use with --findings only'),
    ]);
  });
});
