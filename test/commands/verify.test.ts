import { readdirSync, readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { beforeEach, describe, expect, it } from 'vitest';
import { type Desk, deskWithVault } from './desk.ts';

let at: Desk;
beforeEach(async () => {
  at = await deskWithVault();
  await at.ok('backup .env certs');
});

/** The part files of the newest snapshot, absolute. */
function parts(): string[] {
  const directory = join(at.base, 'vault/data/shop-paths');
  return readdirSync(directory, { recursive: true, encoding: 'utf8' })
    .filter((name) => /\.\d{5}$/.test(name))
    .map((name) => join(directory, name));
}

describe('verify', () => {
  it('says that a vault is sound, without a key', async () => {
    const said = await at.say('verify', { STRONGROOM_IDENTITY_FILE: undefined });
    expect(said).toMatchObject({ code: 0, err: '' });
    expect(said.out).toMatchInlineSnapshot(`
      "The vault shop is sound. 1 snapshot, 6 objects, SIZE: every stored byte was compared.
      "
    `);
    expect((await at.ok('verify --quiet')).out).toBe('');
  });

  it('with --read-data decrypts it too', async () => {
    expect((await at.ok('verify --read-data')).out).toMatchInlineSnapshot(`
      "The vault shop is sound. 1 snapshot, 6 objects, SIZE: every entry was decrypted and compared.
      "
    `);
    expect((await at.say('verify --read-data', { STRONGROOM_IDENTITY_FILE: undefined })).code).toBe(12);
  });

  it('tells programs', async () => {
    expect((await at.ok('verify --json')).lines()).toMatchInlineSnapshot(`
      [
        "{"message_type":"summary","sound":true,"snapshots":1,"bad":[],"errors":0,"warnings":0,"objects":6,"bytes":"N","read_data":false}",
      ]
    `);
  });

  it('names every fault, and exits 13', async () => {
    for (const part of parts()) rmSync(part);
    at.write(join(at.base, 'vault/notes.txt'), 'x');
    const said = await at.say('verify');
    expect(said.code).toBe(13);
    expect(said.out).toMatchInlineSnapshot(`
      "error: ID-1 of shop-paths: data/shop-paths/ID-1/1-RANDOM-1/files.tar.gz.age.00000 is gone
      error: ID-1 of shop-paths: data/shop-paths/ID-1/1-RANDOM-1/contents.json.gz.age.00000 is gone
      warning: notes.txt belongs to no snapshot and to no key
      The vault shop has 2 faults. 1 snapshot, 6 objects, SIZE: every stored byte was compared.
      "
    `);
    const json = await at.say('verify --json');
    expect(json.code).toBe(13);
    expect(json.lines()).toMatchInlineSnapshot(`
      [
        "{"message_type":"finding","code":"missing-part","object":"data/shop-paths/ID-1/1-RANDOM-1/files.tar.gz.age.00000","message":"ID-1 of shop-paths: data/shop-paths/ID-1/1-RANDOM-1/files.tar.gz.age.00000 is gone","severity":"error"}",
        "{"message_type":"finding","code":"missing-part","object":"data/shop-paths/ID-1/1-RANDOM-1/contents.json.gz.age.00000","message":"ID-1 of shop-paths: data/shop-paths/ID-1/1-RANDOM-1/contents.json.gz.age.00000 is gone","severity":"error"}",
        "{"message_type":"finding","code":"orphan","object":"notes.txt","message":"notes.txt belongs to no snapshot and to no key","severity":"warning"}",
        "{"message_type":"summary","sound":false,"snapshots":1,"bad":["ID-1"],"errors":2,"warnings":1,"objects":6,"bytes":"N","read_data":false}",
      ]
    `);
  });

  it('a warning alone is no fault', async () => {
    at.write(join(at.base, 'vault/notes.txt'), 'x');
    const said = await at.ok('verify');
    expect(said.out).toContain('warning: notes.txt belongs to no snapshot and to no key\n');
    expect(said.out).toContain('is sound');
  });

  it('says how many snapshots are incomplete', async () => {
    await at.say('backup .env gone');
    expect((await at.ok('verify')).out).toContain('2 snapshots (1 incomplete), ');
  });

  it('of one snapshot checks that one alone, with a key or without', async () => {
    const lost = parts();
    at.write('.env', 'TOKEN=2\n');
    await at.ok('backup .env');
    rmSync(lost[0]!);
    expect((await at.ok('verify latest --read-data')).out).toMatchInlineSnapshot(`
      "The snapshot ID-2 of shop-paths by web-1 is sound. 3 objects, SIZE: every entry was decrypted and compared.
      "
    `);
    expect((await at.ok('verify latest')).out).toContain('every stored byte was compared');
    const [first] = (await at.ok('list --json')).json();
    const older = ['latest~1', String(first!.id ?? first!.snapshot)];
    for (const name of older) {
      const said = await at.ok(`verify ${name} --read-data`, 13);
      expect(said.out).toMatch(
        /^error: ID-\d of shop-paths: \S+ is gone\nThe snapshot ID-\d of shop-paths by web-1 has 1 fault/,
      );
    }
    const json = await at.ok('verify latest~1 --read-data --json', 13);
    expect(json.json().at(-1)).toMatchObject({ sound: false, snapshots: 1, errors: 1, read_data: true });
    expect((await at.say('verify nothing')).code).toBe(10);
    expect((await at.say('verify latest --all-locations')).code).toBe(2);
  });

  it('limited to a set checks that one', async () => {
    await at.ok('backup certs --set certs');
    for (const part of parts()) rmSync(part);
    await at.ok('verify --set certs');
    expect((await at.say('verify --set shop-paths')).code).toBe(13);
  });
});

describe('verify --against', () => {
  it('says that a tree is the same', async () => {
    const said = await at.ok('verify --against .');
    expect(said.out).toMatchInlineSnapshot(`
      "Everything in ID-1 is there, unchanged.
      "
    `);
    expect((await at.ok('verify latest --against . --json')).lines()).toMatchInlineSnapshot(`
      [
        "{"message_type":"summary","snapshot":"ID-1","set":"shop-paths","differences":0,"streams_not_compared":0}",
      ]
    `);
  });

  it.each(['gone', '.env'])('refuses %s, which is no directory', async (path) => {
    const said = await at.say(`verify --against ${path} --json`);
    expect(JSON.parse(said.err)).toMatchObject({ code: 'no-directory', exit_code: 10 });
  });

  it('names what differs, and exits 4', async () => {
    at.write('.env', 'TOKEN=2\n');
    rmSync(join(at.work, 'certs'), { recursive: true });
    const said = await at.say('verify --against .');
    expect(said.code).toBe(4);
    expect(said.out).toMatchInlineSnapshot(`
      "changed: .env (its content differs)
      missing: certs
      missing: certs/site.pem
      "
    `);
    expect((await at.say('verify --against . --json')).lines()).toMatchInlineSnapshot(`
      [
        "{"message_type":"difference","path":".env","how":"changed","reason":"its content differs"}",
        "{"message_type":"difference","path":"certs","how":"missing"}",
        "{"message_type":"difference","path":"certs/site.pem","how":"missing"}",
        "{"message_type":"summary","snapshot":"ID-1","set":"shop-paths","differences":3,"streams_not_compared":0}",
      ]
    `);
    expect(said.out).not.toContain('TOKEN');
  });

  it('finds what lies outside of the root in its own place, where DIR is the root of the set', async () => {
    at.write(join(at.base, 'secure/tls.key'), 'KEY\n');
    const settings = readFileSync(join(at.work, 'strongroom.yaml'), 'utf8');
    const include = JSON.stringify(['.', join(at.base, 'secure')]);
    at.write('strongroom.yaml', `${settings}    include: ${include}\n`);
    await at.ok('backup');
    await at.ok('verify latest --set shop --against .');
    at.write(join(at.base, 'secure/tls.key'), 'OTHER\n');
    const said = await at.ok('verify latest --set shop --against .', 4);
    expect(said.out).toMatch(/^changed: @outside\S*\/secure\/tls\.key \(its content differs\)\n$/);
    // In a tree that was restored it is below the root.
    await at.ok('restore latest --set shop --target ../out');
    await at.ok('verify latest --set shop --against ../out');
  });

  it.each(['verify --host web-1', 'verify --at 2025-03-01'])(
    '%s would quietly check everything, so it is refused',
    async (line) => {
      const said = await at.say(line);
      expect(said.code).toBe(2);
      expect(said.err).toMatchInlineSnapshot(`
      "strongroom: error: without SNAPSHOT verify checks every one of every host
      strongroom: hint: leave out --host and --at (--set limits it to one set), or name one, such as latest
      "
    `);
    },
  );
});
