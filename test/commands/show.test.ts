import { rmSync, symlinkSync } from 'node:fs';
import { join } from 'node:path';
import { beforeEach, describe, expect, it } from 'vitest';
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
        "{"message_type":"summary","snapshot":"ID-1","set":"shop-paths","host":"web-1","time":"2025-03-01T06:00:12Z","seconds":"N","complete":true,"description":"x","root":"BASE/shop","tool":"strongroom 0.1.0","entries":4,"bytes":"N"}",
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
