import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { beforeEach, describe, expect, it } from 'vitest';
import { type Desk, deskWithVault } from './desk.ts';

let at: Desk;
beforeEach(async () => {
  at = await deskWithVault();
});

// Columns are as wide as what is in them, and sizes depend on a path's length.
const plain = (text: string) => text.replace(/\d+(?:\.\d)? (?:B|KiB)/g, 'SIZE').replace(/ +/g, ' ');

describe('list', () => {
  it('shows snapshots, oldest first, and needs no key', async () => {
    await at.ok('backup --label before-deploy --tag release=42 --tag tier=gold');
    await at.say('backup .env gone');
    await at.ok('backup certs --set certs');
    const said = await at.say('list', { STRONGROOM_IDENTITY_FILE: undefined });
    expect(said).toMatchObject({ code: 0, err: '' });
    expect(plain(said.out)).toMatchInlineSnapshot(`
      "SNAPSHOT SET HOST AGE STORED
      ID-1 shop web-1 3 minutes ago SIZE @before-deploy release=42 tier=gold
      ID-2 shop-paths web-1 2 minutes ago SIZE incomplete
      ID-3 certs web-1 1 minute ago SIZE
      "
    `);
  });

  it('tells programs', async () => {
    await at.ok('backup --label before-deploy --tag release=42');
    const said = await at.ok('list --json');
    expect(said.lines()).toMatchInlineSnapshot(`
      [
        "{"message_type":"snapshot","id":"ID-1","set":"shop","host":"web-1","time":"2025-03-01T06:00:12Z","seconds":"N","complete":true,"entries":4,"bytes":"N","generation":1,"label":"before-deploy","tags":{"release":"42"},"trust":"pinned"}",
        "{"message_type":"summary","vault":"VAULT-1","name":"shop","fingerprint":"FINGERPRINT-1","trust":"pinned","snapshots":1}",
      ]
    `);
  });

  it('of nothing says so, and is an empty list to programs', async () => {
    expect((await at.ok('list')).out).toBe('The vault shop holds no snapshots yet.\n');
    expect((await at.ok('list --set nope')).out).toBe('The vault shop holds no snapshots yet.\n');
    expect((await at.ok('list --quiet')).out).toBe('');
    expect((await at.ok('list --json')).json()).toMatchObject([{ message_type: 'summary', snapshots: 0 }]);
  });

  it.each<[string, number]>([
    ['--set shop', 2],
    ['--set certs', 1],
    ['--set nope', 0],
    ['--host web-1', 3],
    ['--host web-2', 0],
    ['--label l', 1],
    ['--tag k=v', 1],
    ['--tag k=v --tag a=b', 0],
    ['--since 2025-03-01T06:01:00Z', 2],
    ['--until 2025-03-01T06:01:00Z', 1],
    ['--since 2025-03-02', 0],
  ])('takes %s for a filter', async (flags, count) => {
    await at.ok('backup --label l --tag k=v');
    await at.ok('backup');
    await at.ok('backup certs --set certs');
    expect((await at.ok(`list --json ${flags}`)).json().at(-1)).toMatchObject({ snapshots: count });
  });

  it('when nothing is left over says why, and which sets there are', async () => {
    await at.ok('backup');
    await at.ok('backup certs --set certs');
    expect((await at.ok('list --host web-2')).out).toBe('No snapshot matches.\n');
    expect((await at.ok('list --set shop --host web-2')).out).toBe('No snapshot matches.\n');
    expect((await at.ok('list --set nope')).out).toBe(
      'No snapshot is of the set nope; there are: certs, shop.\n',
    );
  });

  it('names what does not count on stderr, and lists the others', async () => {
    await at.ok('backup');
    await at.ok('backup');
    const directory = join(at.base, 'vault/snapshots/shop');
    const [first] = readdirSync(directory).sort();
    at.write(join(directory, first!), 'garbage');
    const said = await at.ok('list');
    expect(said.out.split('\n')).toHaveLength(3);
    expect(said.err).toMatchInlineSnapshot(`
      "strongroom: warning: snapshots/shop/ID-1.json is not signed
      strongroom: hint: run \`strongroom verify\` for the whole picture
      strongroom: warning: ID-1, which ID-2 of shop names as its predecessor, is gone and nobody signed its removal
      strongroom: hint: run \`strongroom verify\` for the whole picture
      "
    `);
  });

  it('names ten of a kind, and how many more there are; to programs all', async () => {
    await at.ok('backup');
    for (let n = 10; n < 35; n++)
      at.write(join(at.base, `vault/snapshots/shop/20250101T0000${n}Z-aaaaaa.json`), 'garbage');
    const said = await at.ok('list');
    expect(said.err.match(/is not signed/g)).toHaveLength(10);
    expect(said.err).toContain('strongroom: warning: and 15 more like these\n');
    expect((await at.ok('list --json')).err.match(/is not signed/g)).toHaveLength(25);
  });

  it('of a vault that nothing vouches for says whom it trusts', async () => {
    const said = await at.say('list --location ../vault --json', {
      XDG_STATE_HOME: join(at.base, 'other'),
      STRONGROOM_CONFIG: at.write('empty.yaml', 'sets: {}\n'),
    });
    expect(said.code).toBe(0);
    expect(said.json()).toMatchObject([{ trust: 'unproven' }]);
    expect(said.err).toMatchInlineSnapshot(`
      "{"message_type":"warning","code":"unpinned","message":"nothing vouches for this vault: trusting fingerprint FINGERPRINT-1","hint":"compare it with the one that init printed, then run \`strongroom trust\` with it"}
      "
    `);
  });

  it.each([
    ['list --since soon', 'bad-time', 2],
    ['list --set ../x', 'bad-name', 2],
    ['list --tag x', 'bad-value', 2],
  ])('%s is refused', async (line, code, exit) => {
    const said = await at.say(`${line} --json`);
    expect(said.code).toBe(exit);
    expect(JSON.parse(said.err)).toMatchObject({ code });
  });
});
