import { copyFileSync, mkdirSync, readFileSync, rmSync, symlinkSync } from 'node:fs';
import { join } from 'node:path';
import { beforeEach, describe, expect, it } from 'vitest';
import { type Desk, desk, deskWithVault } from './desk.ts';

let at: Desk;
beforeEach(async () => {
  at = await deskWithVault();
});

/** Paths of the newest snapshot. */
async function taken(set = 'shop'): Promise<string[]> {
  const said = await at.ok(`show --set ${set} --json`);
  return said.json().flatMap((line) => (line.message_type === 'entry' ? [line.path] : []));
}

describe('backup', () => {
  it('takes the sets of the settings, and the settings too', async () => {
    const said = await at.ok('backup');
    expect(said.err).toBe('');
    expect(said.out).toMatchInlineSnapshot(`
      "shop: ID-1 (3 files, SIZE, SIZE stored, N s)
      "
    `);
    expect(await taken()).toEqual(['.env', 'certs', 'certs/site.pem', 'strongroom.yaml']);
  });

  it('tells programs', async () => {
    expect(
      (await at.ok('backup --json --label before-deploy --tag release=42')).lines(),
    ).toMatchInlineSnapshot(`
      [
        "{"message_type":"summary","set":"shop","snapshot":"ID-1","files":3,"entries":4,"bytes":"N","stored":"N","seconds":"N","complete":true,"unchanged":false,"warnings":0}",
      ]
    `);
  });

  it('is silent when asked to be and all is well', async () => {
    expect(await at.ok('backup --quiet')).toMatchObject({ out: '', err: '' });
  });

  it('of paths is a set of that name, and takes the settings along', async () => {
    const said = await at.ok('backup .env --set env-only --json');
    expect(said.json()[0]).toMatchObject({ set: 'env-only', files: 2 });
    expect(await taken('env-only')).toEqual(['.env', 'strongroom.yaml']);
    expect((await at.ok('backup certs --json')).json()[0]).toMatchObject({ set: 'shop-paths' });
  });

  it('leaves out what it is told to, and the vault itself', async () => {
    at = await desk();
    await at.ok(['init', '--location', 'vault', '--recipient', at.recipient]);
    await at.ok(['backup', '.', '--exclude', '**/*.pem', '--set', 'all']);
    expect(await taken('all')).toEqual(['.env', 'certs', 'strongroom.yaml']);
  });

  it('never takes the vault along, by whatever path that is reached', async () => {
    at = await desk();
    at.write('dep/backups/other', 'x');
    symlinkSync('dep/backups', join(at.work, 'mnt'));
    await at.ok(['init', '--location', 'mnt/vault', '--recipient', at.recipient]);
    for (const paths of ['.', 'dep .env']) {
      await at.ok(`backup ${paths} --set all`);
      const found = await taken('all');
      expect(found).toContain('dep/backups/other');
      expect(found.filter((path) => path.includes('vault'))).toEqual([]);
    }
    at = await desk();
    at.write('../store/other', 'x');
    await at.ok(['init', '--location', '../store/vault', '--recipient', at.recipient]);
    await at.ok('backup .env ../store --set all');
    expect((await taken('all')).filter((path) => /store/.test(path))).toEqual([
      `@outside${at.base}/store`,
      `@outside${at.base}/store/other`,
    ]);
  });

  it('of a set whose files are gone is incomplete, though the settings are there', async () => {
    at.write(
      'sets.yaml',
      `location: ../vault\nsets:\n  app: { root: data }\n  some: { include: [certs, .env] }\n`,
    );
    mkdirSync(join(at.work, 'data'));
    rmSync(join(at.work, 'certs/site.pem'));
    const said = await at.say('backup --config sets.yaml');
    expect(said.code).toBe(3);
    expect(said.out).toMatchInlineSnapshot(`
      "failed: BASE/shop/data: there is nothing in it to back up
      app: ID-1 is incomplete (1 file, SIZE, SIZE stored)
      failed: certs: there is nothing in it to back up
      some: ID-2 is incomplete (2 files, SIZE, SIZE stored)
      "
    `);
    expect((await at.say('backup . --set none --exclude .env --exclude sets.yaml')).out).toContain(
      'failed: ',
    );
  });

  it('of several sets says each, and goes on where one fails', async () => {
    mkdirSync(join(at.base, 'db'));
    at.write('../db/dump.sql', 'x');
    const settings = (await at.ok('config show --json')).json();
    const pin = settings.find((s) => s.setting === 'pin');
    expect(pin).toBeDefined();
    at.write(
      'sets.yaml',
      `location: ../vault\nsets:\n  app: { root: ., include: [.env] }\n  db: { root: ../db }\n  gone: { root: ../gone }\n`,
      0o600,
    );
    const said = await at.say('backup --config sets.yaml');
    expect(said.code).toBe(3);
    expect(said.out).toMatchInlineSnapshot(`
      "app: ID-1 (2 files, SIZE, SIZE stored, N s)
      db: ID-2 (2 files, SIZE, SIZE stored, N s)
      "
    `);
    expect(said.err).toMatchInlineSnapshot(`
      "strongroom: warning: gone was not backed up: there is no directory 'BASE/gone' to back up
      strongroom: hint: check the \`root\` of the set
      "
    `);
    const json = await at.say('backup --config sets.yaml --json');
    expect(json.lines()).toMatchInlineSnapshot(`
      [
        "{"message_type":"error","set":"gone","code":"missing-root","message":"there is no directory 'BASE/gone' to back up","hint":"check the \`root\` of the set"}",
        "{"message_type":"snapshot","set":"app","snapshot":"ID-3","files":2,"entries":2,"bytes":"N","stored":"N","seconds":"N","complete":true,"unchanged":false,"warnings":0}",
        "{"message_type":"snapshot","set":"db","snapshot":"ID-4","files":2,"entries":6,"bytes":"N","stored":"N","seconds":"N","complete":true,"unchanged":false,"warnings":0}",
        "{"message_type":"summary","sets":2,"files":4,"bytes":"N","complete":false,"dry_run":false}",
      ]
    `);
  });

  it('of one set that fails is a failure', async () => {
    at.write('sets.yaml', `location: ../vault\nsets:\n  gone: { root: ../gone }\n`);
    const said = await at.say('backup --config sets.yaml');
    expect(said.code).toBe(2);
    expect(said.err).toMatchInlineSnapshot(`
      "strongroom: error: there is no directory 'BASE/gone' to back up
      strongroom: hint: check the \`root\` of the set
      "
    `);
  });

  it('says what is not in the snapshot, in the exit code too, however quiet', async () => {
    symlinkSync('../nowhere', join(at.work, 'dangling'));
    const said = await at.say('backup .env certs missing.pem dangling --quiet');
    expect(said.code).toBe(3);
    expect(said.out).toMatchInlineSnapshot(`
      "failed: missing.pem: does not exist
      failed: dangling: points to '../nowhere', which is not in the snapshot: include that too
      shop-paths: ID-1 is incomplete (3 files, SIZE, SIZE stored)
      "
    `);
    const json = await at.say('backup .env missing.pem --json');
    expect(json.code).toBe(3);
    expect(json.lines()).toMatchInlineSnapshot(`
      [
        "{"message_type":"warning","set":"shop-paths","kind":"missing","path":"missing.pem","reason":"does not exist","incomplete":true}",
        "{"message_type":"summary","set":"shop-paths","snapshot":"ID-2","files":2,"entries":2,"bytes":"N","stored":"N","seconds":"N","complete":false,"unchanged":false,"warnings":1}",
      ]
    `);
  });

  it('with --dry-run lists what would be taken, and writes nothing', async () => {
    const said = await at.ok('backup --dry-run');
    expect(said.out).toMatchInlineSnapshot(`
      ".env
      certs/
      certs/site.pem
      strongroom.yaml
      shop: would take 3 files, SIZE
      "
    `);
    expect((await at.ok('backup --dry-run --json')).lines()).toMatchInlineSnapshot(`
      [
        "{"message_type":"source","set":"shop","path":".env","type":"file","bytes":"N"}",
        "{"message_type":"source","set":"shop","path":"certs","type":"dir","bytes":"N"}",
        "{"message_type":"source","set":"shop","path":"certs/site.pem","type":"file","bytes":"N"}",
        "{"message_type":"source","set":"shop","path":"strongroom.yaml","type":"file","bytes":"N"}",
        "{"message_type":"summary","sets":1,"files":3,"bytes":"N","complete":true,"dry_run":true}",
      ]
    `);
    expect((await at.say('backup nope --dry-run')).code).toBe(3);
    expect((await at.ok('list --json')).json()).toHaveLength(1);
  });

  it('with --skip-unchanged makes no snapshot of what did not change', async () => {
    await at.ok('backup --skip-unchanged');
    const again = await at.ok('backup --skip-unchanged');
    expect(again.out).toMatchInlineSnapshot(`
      "shop: unchanged since ID-1 (3 files, SIZE)
      "
    `);
    expect((await at.ok('backup --skip-unchanged --json')).json()[0]).toMatchObject({
      unchanged: true,
      complete: true,
      stored: 0,
    });
    at.write('.env', 'TOKEN=2\n');
    expect((await at.ok('backup --skip-unchanged --json')).json()[0]).toMatchObject({ unchanged: false });
  });

  it('never takes the key that opens the vault along', async () => {
    at.write('oops/me.txt', `${at.identity}\n`);
    const said = await at.say('backup');
    expect(said.code).toBe(2);
    expect(said.err).toMatchInlineSnapshot(`
      "strongroom: error: oops/me.txt holds a key that opens this vault
      strongroom: hint: nothing was backed up: keep that key elsewhere, or exclude the file
      "
    `);
    rmSync(join(at.work, 'oops'), { recursive: true });
    at.write('conf/pass', 'correct horse');
    const named = await at.say('backup', { STRONGROOM_PASSPHRASE_FILE: join(at.work, 'conf/pass') });
    expect(named.err).toContain('conf/pass is a credential that the configuration names for this vault');
    expect((await at.ok('list --json')).json()).toHaveLength(1);
  });

  it.each<[string, string, string]>([
    ['a label that is none', 'backup --label Before!', 'bad-name'],
    ['a tag that is none', 'backup --tag release', 'bad-value'],
    ['a set that is not configured', 'backup --set nope', 'no-set'],
    ['a set that is no name', 'backup .env --set My!', 'bad-name'],
  ])('with %s is refused', async (_, line, code) => {
    const said = await at.say(`${line} --json`);
    expect(JSON.parse(said.err)).toMatchObject({ code });
  });

  it('without settings and paths has nothing to do', async () => {
    rmSync(join(at.work, 'strongroom.yaml'));
    const said = await at.say('backup --location ../vault');
    expect(said.code).toBe(2);
    expect(said.err).toMatchInlineSnapshot(`
      "strongroom: error: there is nothing to back up: no paths were given, and no configuration names a set
      strongroom: hint: say what: \`strongroom backup . --set app\`, or name sets in strongroom.yaml, which \`strongroom init\` makes with a vault
      "
    `);
  });

  it('by a machine that the vault does not know is refused with what to do', async () => {
    const said = await at.say('backup', { STRONGROOM_HOST: 'web-2' });
    expect(said.code).toBe(2);
    expect(said.err).toMatchInlineSnapshot(`
      "strongroom: error: the vault shop would not count this backup: web-2 is known to it as web-1
      strongroom: hint: set STRONGROOM_HOST=web-1
      "
    `);
    const stranger = await at.say('backup', { XDG_STATE_HOME: join(at.base, 'other') });
    expect(stranger.err).toMatchInlineSnapshot(`
      "strongroom: error: this machine, web-1, has no signing key
      strongroom: hint: ask to be a host of the vault: \`strongroom hosts enroll\`; or give the key of an enrolled host in STRONGROOM_SIGNING_KEY_FILE
      "
    `);
  });

  it('to a key that was rotated out is said once, beside the result, however quiet', async () => {
    const settings = readFileSync(join(at.work, 'strongroom.yaml'), 'utf8').replace(/^sets:[\s\S]*/m, '');
    at.write('strongroom.yaml', `${settings}sets:\n  app: { root: . }\n  certs: { root: certs }\n`);
    // Another machine, which has the settings and the signing key, and was told of nothing.
    const state = join(at.base, 'other/strongroom');
    mkdirSync(state, { recursive: true, mode: 0o700 });
    copyFileSync(join(at.state, 'host-key'), join(state, 'host-key'));
    const env = { XDG_STATE_HOME: join(at.base, 'other') };
    await at.ok('keys rotate --yes');
    const said = await at.say('backup --quiet', env);
    expect([said.code, said.out]).toEqual([0, '']);
    expect(said.err).toMatchInlineSnapshot(`
      "strongroom: warning: the vault shop has a new key, number 2, and this host still writes to an old one
      strongroom: hint: ask whoever rotated it whether FINGERPRINT-2 is its fingerprint, then run \`strongroom trust FINGERPRINT-2\`
      "
    `);
    const rows = (await at.say('backup --json', env)).json();
    expect(rows.map((row) => row.message_type)).toEqual(['snapshot', 'snapshot', 'summary']);
  });

  it('of a directory with a recovery kit or its shares is refused, by any host, until they are gone', async () => {
    const env = { XDG_STATE_HOME: join(at.base, 'other'), STRONGROOM_HOST: 'web-2' };
    expect((await at.say('hosts enroll --yes', env)).code).toBe(0);
    await at.ok('recovery kit --output strongroom-kit.html');
    for (const machine of [{}, env]) {
      const said = await at.say('backup', machine);
      expect([said.code, said.out]).toEqual([2, '']);
      expect(said.err).toMatch(
        /error: strongroom-kit.html holds a (?:share of a recovery key|key that opens)/,
      );
    }
    rmSync(join(at.work, 'strongroom-kit.html'));
    await at.ok('recovery split --name people --output strongroom-shares');
    const said = await at.say('backup');
    expect([said.code, said.err]).toEqual([2, expect.stringContaining('holds a share of a recovery key')]);
    await at.ok('backup --exclude strongroom-shares');
    expect(await taken()).toEqual(['.env', 'certs', 'certs/site.pem', 'strongroom.yaml']);
  });
});
