import {
  chmodSync,
  chownSync,
  existsSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { beforeEach, describe, expect, it } from 'vitest';
import { bury, dieAfter } from '../pack/place/crash.ts';
import { journalsOf, restore } from '../pack/place/trees.ts';
import { treeOf } from '../support/vault.ts';
import { type Desk, deskWithVault } from './desk.ts';

let at: Desk;
beforeEach(async () => {
  at = await deskWithVault();
  await at.ok('backup');
});

const out = (path = '') => join(at.base, 'out', path);
const env = (path = out('.env')) => readFileSync(path, 'utf8');

describe('restore', () => {
  it('puts files into a new directory, for their owner only, and says so', async () => {
    const said = await at.ok('restore latest --target ../out');
    expect(said.err).toBe('');
    expect(said.out).toMatchInlineSnapshot(`
      "Restored ID-1 of shop into BASE/out: 3 files, SIZE, N s
        1 entry may be read by fewer than recorded (certs/site.pem); if the deployment needs that, add --as-recorded
      "
    `);
    expect(treeOf(out())).toMatchObject({
      '.': '700/',
      '.env': '600:TOKEN=1\n',
      certs: '700/',
      'certs/site.pem': '600:PEM\n',
    });
  });

  it('tells programs', async () => {
    const said = await at.ok('restore latest --target ../out --json');
    expect(said.lines()).toMatchInlineSnapshot(`
      [
        "{"message_type":"summary","snapshot":"ID-1","set":"shop","host":"web-1","target":"BASE/out","counts":{"create":4,"replace":0,"bak":0,"aside":0,"same":0,"skip":0,"conflict":0},"files":3,"bytes":"N","narrower":1,"owner_lost":0,"set_id_lost":0,"seconds":"N","dry_run":false,"recovered":[]}",
      ]
    `);
  });

  it('of a snapshot with damaged bytes names the newest before it', async () => {
    at.write('.env', 'TOKEN=2\n');
    await at.ok('backup');
    const data = join(at.base, 'vault/data/shop');
    const [older, newest] = readdirSync(data).sort() as [string, string];
    const files = readdirSync(join(data, newest), { recursive: true, encoding: 'utf8' });
    const part = join(data, newest, files.find((name) => name.includes('files.tar.gz.age.'))!);
    const bytes = readFileSync(part);
    bytes[bytes.length - 1]! ^= 1;
    chmodSync(part, 0o600);
    writeFileSync(part, bytes);
    for (const command of [
      'restore latest --target ../out',
      'restore latest .env --target ../out',
      'cat latest .env',
    ]) {
      const said = await at.ok(`${command} --json`, 13);
      const error = said.err
        .trim()
        .split('\n')
        .map((line) => JSON.parse(line))
        .at(-1);
      expect(error).toMatchObject({ code: 'part-differs' });
      expect(error.hint).toContain('the newest of shop by web-1 before it is ');
      expect(error.hint).toContain(at.tidy(older));
    }
    expect(existsSync(out())).toBe(false);
    await at.ok(`restore ${older} --target ../out`);
    expect(env()).toBe('TOKEN=1\n');
  });

  it('in place takes the set that has a place, whatever else was backed up from here', async () => {
    await at.ok('backup .env');
    at.write('.env', 'TOKEN=2\n');
    await at.ok('restore latest .env --in-place --existing replace --yes');
    expect(env(join(at.work, '.env'))).toBe('TOKEN=1\n');
    const every = await at.ok('restore --in-place');
    expect(every.err).toContain('left out, as the configuration does not say where they belong: shop-paths');
    const named = await at.say('restore latest --set shop-paths --in-place');
    expect([named.code, named.err]).toEqual([2, expect.stringContaining('where the set shop-paths belongs')]);
    // Elsewhere it could be either.
    expect((await at.say('restore latest .env --target ../out')).err).toContain('2 sets: shop, shop-paths');
  });

  it('of some paths takes only those', async () => {
    await at.ok('restore latest certs/* --target ../out');
    expect(Object.keys(treeOf(out()))).toEqual(['.', 'certs', 'certs/site.pem']);
  });

  it('with --dry-run shows the plan and changes nothing', async () => {
    at.write(out('.env'), 'MINE=1\n');
    const said = await at.ok('restore latest --target ../out --existing replace --dry-run');
    expect(said.out).toMatchInlineSnapshot(`
      "Would restore ID-1 of shop into BASE/out:
        changed BASE/out/.env (its content differs)
        new BASE/out/certs
        new BASE/out/certs/site.pem (narrower than recorded)
        new BASE/out/strongroom.yaml
      3 new, 1 changed, 0 the same, 0 skipped, 0 conflicting, 1 narrower than recorded; nothing was changed
      "
    `);
    const json = await at.ok('restore latest --target ../out --dry-run --json', 11);
    expect(json.lines()).toMatchInlineSnapshot(`
      [
        "{"message_type":"plan","path":".env","type":"file","destination":"BASE/out/.env","action":"conflict","mode":"0600","recorded_mode":"0600","narrower":false,"reason":"its content differs"}",
        "{"message_type":"plan","path":"certs","type":"dir","destination":"BASE/out/certs","action":"create","mode":"0700","recorded_mode":"0700","narrower":false}",
        "{"message_type":"plan","path":"certs/site.pem","type":"file","destination":"BASE/out/certs/site.pem","action":"create","mode":"0600","recorded_mode":"0640","narrower":true}",
        "{"message_type":"plan","path":"strongroom.yaml","type":"file","destination":"BASE/out/strongroom.yaml","action":"create","mode":"0600","recorded_mode":"0600","narrower":false}",
        "{"message_type":"summary","snapshot":"ID-1","set":"shop","host":"web-1","target":"BASE/out","counts":{"create":3,"replace":0,"bak":0,"aside":0,"same":0,"skip":0,"conflict":1},"files":0,"bytes":"N","narrower":1,"owner_lost":0,"set_id_lost":0,"dry_run":true,"recovered":[]}",
      ]
    `);
    expect(env()).toBe('MINE=1\n');
  });

  it.each<[string, string]>([
    ['replace', 'TOKEN=1\n'],
    ['bak', 'TOKEN=1\n'],
    ['skip', 'MINE=1\n'],
  ])('over what stands there with --existing %s', async (how, content) => {
    at.write(out('.env'), 'MINE=1\n');
    await at.ok(`restore latest --target ../out --existing ${how} --yes`);
    expect(env()).toBe(content);
  });

  it('asks before it replaces, and changes nothing when nobody can answer', async () => {
    at.write(out('.env'), 'MINE=1\n');
    const said = await at.say('restore latest --target ../out --existing replace');
    expect(said.code).toBe(2);
    expect(said.err).toMatchInlineSnapshot(`
      "strongroom: error: there is a question, and no terminal to ask it on
      strongroom: hint: look at it with --dry-run where there is one, and answer it with --yes
      "
    `);
    expect(env()).toBe('MINE=1\n');
    expect(existsSync(out('certs'))).toBe(false);
  });

  it('can be taken back, and that too', async () => {
    at.write(out('.env'), 'MINE=1\n');
    await at.ok('restore latest --target ../out --existing replace --yes');
    const said = await at.ok('restore --undo --target ../out --yes');
    expect(env()).toBe('MINE=1\n');
    expect(said.out).toMatchInlineSnapshot(`
      "Put back what the restore into BASE/out replaced: 1 file
        certs was added by that restore and stays
        certs/site.pem was added by that restore and stays
        strongroom.yaml was added by that restore and stays
        To take it back: strongroom restore --undo --target BASE/out
      "
    `);
    await at.ok('restore --undo --target ../out --yes');
    expect(env()).toBe('TOKEN=1\n');
  });

  it('can be taken back by another way to the target, and shown first', async () => {
    at.write(out('.env'), 'MINE=1\n');
    await at.ok('restore latest --target ../out --existing replace --yes');
    symlinkSync('out', join(at.base, 'link'));
    const plan = await at.ok('restore --undo --target ../link --dry-run');
    expect(plan.out).toContain('changed BASE/out/.env');
    expect(env()).toBe('TOKEN=1\n');
    await at.ok('restore --undo --target ../link --yes');
    expect(env()).toBe('MINE=1\n');
  });

  it('in place leaves what is unchanged as it is, in its own mode', async () => {
    at.write('.env', 'BROKEN=1\n');
    await at.ok('restore latest --in-place --existing replace --yes');
    expect(treeOf(at.work)).toMatchObject({ '.env': '600:TOKEN=1\n', 'certs/site.pem': '640:PEM\n' });
  });

  it('in place goes back to where it was taken from, and leaves the active settings', async () => {
    await at.ok('backup');
    at.write('.env', 'BROKEN=1\n');
    rmSync(join(at.work, 'certs'), { recursive: true });
    const settings = readFileSync(join(at.work, 'strongroom.yaml'), 'utf8');
    writeFileSync(join(at.work, 'strongroom.yaml'), `${settings}# mine\n`, { mode: 0o600 });
    await at.ok('restore latest --in-place --existing replace --yes');
    expect(env(join(at.work, '.env'))).toBe('TOKEN=1\n');
    expect(treeOf(at.work)).toMatchObject({ 'certs/site.pem': '600:PEM\n' });
    expect(readFileSync(join(at.work, 'strongroom.yaml'), 'utf8')).toContain('# mine');
    expect(readFileSync(join(at.work, 'strongroom.yaml.restored'), 'utf8')).toBe(settings);
    await at.ok('restore --undo --in-place --yes');
    expect(env(join(at.work, '.env'))).toBe('BROKEN=1\n');
  });

  it('of every set gives each a directory of its own', async () => {
    await at.ok('backup certs --set certs');
    const said = await at.ok('restore --target ../out --json');
    expect(said.json().map((l) => [l.message_type, l.set ?? l.sets])).toEqual([
      ['restored', 'certs'],
      ['restored', 'shop'],
      ['summary', 2],
    ]);
    expect(treeOf(out())).toMatchObject({
      'shop/.env': '600:TOKEN=1\n',
      'certs/certs/site.pem': '600:PEM\n',
    });
  });

  it('of every set changes none when one cannot be', async () => {
    await at.ok('backup certs --set certs');
    at.write(out('shop/.env'), 'MINE=1\n');
    const said = await at.say('restore --target ../out');
    expect(said.code).toBe(11);
    expect(existsSync(out('certs'))).toBe(false);
    expect(env(out('shop/.env'))).toBe('MINE=1\n');
  });

  it('with recorded modes when asked', async () => {
    await at.ok('restore latest --target ../out --as-recorded');
    expect(treeOf(out())).toMatchObject({ 'certs/site.pem': '640:PEM\n' });
  });

  it('says what was not in the snapshot', async () => {
    await at.say('backup .env gone.pem');
    const id = (await at.ok('list --json')).json().find((s) => s.complete === false)!.id;
    const said = await at.ok(`restore ${id} --target ../out`);
    expect(said.out).toContain('not in the snapshot: gone.pem: ');
  });

  it('of some paths says only what concerns them', async () => {
    await at.say('backup .env certs gone.pem certs/gone.pem');
    const id = (await at.ok('list --json')).json().find((s) => s.complete === false)!.id;
    const said = async (paths: string) =>
      (await at.ok(`restore ${id} ${paths} --target ../${paths.length}`)).out;
    expect(await said('.env')).not.toContain('not in the snapshot');
    for (const paths of ['certs', 'cert*']) {
      expect(await said(paths)).toContain('not in the snapshot: certs/gone.pem: ');
      expect(await said(`${paths} .env`)).not.toContain(' gone.pem: ');
    }
  });

  it('with --dry-run says that it would be refused, and ends as it would', async () => {
    at.write(out('.env'), 'MINE=1\n');
    const said = await at.ok('restore latest --target ../out --dry-run', 11);
    expect(said.out).toContain('\nthis would be refused: choose --existing replace, bak or skip\n');
    rmSync(out('.env'));
    at.write(out('.env/in-the-way'), '');
    const hard = await at.ok('restore latest --target ../out --dry-run --existing replace', 11);
    expect(hard.out).toContain('\nthis would be refused: move what is in the way away, or ');
  });

  it('into the vault itself is refused, by whatever way', async () => {
    symlinkSync('vault', join(at.base, 'link'));
    const before = treeOf(join(at.base, 'vault'));
    expect((await at.ok('restore latest --target ../link/snapshots', 2)).err).toContain(
      'is in the vault itself',
    );
    expect(treeOf(join(at.base, 'vault'))).toEqual(before);
    await at.ok('restore latest --target ../vault-restored');
  });

  it.each([['.env'], ['certs/site.pem'], ['*.pem']])(
    'of a path without a snapshot says what comes first: %s',
    async (path) => {
      const said = await at.ok(`restore ${path} --target ../out`, 10);
      expect(said.err).toContain(`hint: name the snapshot first: \`restore latest ${path} …\`\n`);
    },
  );

  it('says how many files of others now belong to root, unless they are given back', async () => {
    if (process.getuid!() !== 0) return;
    chownSync(join(at.work, '.env'), 1234, 1234);
    await at.ok('backup');
    const said = await at.ok('restore latest .env --target ../out');
    expect(said.out).toContain(
      '  1 entry belonged to others and now belongs to you: add --as-recorded for its owner\n',
    );
    const again = await at.ok('restore latest .env --target ../again --as-recorded --json');
    expect(again.json().at(-1)).toMatchObject({ owner_lost: 0 });
    // What is left as it is keeps its owner.
    chownSync(out('.env'), 77, 77);
    expect((await at.ok('restore latest .env --target ../out --json')).json().at(-1)).toMatchObject({
      owner_lost: 0,
    });
  });

  it('--undo after --existing bak says where the old files are', async () => {
    at.write(out('.env'), 'MINE=1\n');
    await at.ok('restore latest --target ../out --existing bak');
    expect((await at.ok('restore --undo --target ../out', 10)).err).toContain('NAME.<time>.bak');
  });

  it('says which links lead out', async () => {
    symlinkSync('/etc/passwd', join(at.work, 'leads-out'));
    await at.ok('backup');
    const said = await at.ok('restore latest --target ../out');
    expect(said.out).toContain('warning: BASE/out/leads-out is a link that leads outside: /etc/passwd\n');
  });

  it('--recover says when there is nothing to recover', async () => {
    const said = await at.ok('restore --recover --target ../out');
    expect(said).toMatchObject({ out: '', err: 'strongroom: there was no restore to finish or undo\n' });
    expect((await at.ok('restore --recover --target ../out --json')).json()).toEqual([
      { message_type: 'summary', sets: 0, files: 0, recovered: [], skipped: [] },
    ]);
  });

  it.each<[string, number, string]>([
    ['restore latest', 2, 'no-target'],
    ['restore latest --target x --in-place', 2, 'target-twice'],
    ['restore latest --target ../out --existing maybe', 2, 'bad-value'],
    ['restore 1999 --target ../out', 10, 'no-snapshot'],
    ['restore latest --target ../vault', 2, 'target-in-vault'],
    ['restore latest --target ../vault/new/dir', 2, 'target-in-vault'],
    ['restore latest nope --target ../out', 10, 'no-path'],
    ['restore --undo --target ../out', 10, 'no-undo'],
    ['restore --set nope --target ../out', 10, 'no-snapshot'],
  ])('%s is refused: %i %s', async (line, code, name) => {
    const said = await at.say(`${line} --json`);
    expect(said.code).toBe(code);
    expect(JSON.parse(said.err.trim().split('\n').at(-1)!)).toMatchObject({
      code: name,
      exit_code: code,
    });
    expect(existsSync(out())).toBe(false);
  });
});

describe('a set that several hosts write', () => {
  const as = (host: string) => ({ XDG_STATE_HOME: join(at.base, host), STRONGROOM_HOST: host });
  const done = async (line: string, env: Record<string, string>, code = 0) => {
    const said = await at.say(line, env);
    expect([said.code, said.err.replace(/^strongroom: (?!error).*\n/gm, '')], line).toEqual([code, '']);
    return said;
  };
  /** Of a machine that restores, and writes nothing. */
  const fresh = () => as('rescue');

  beforeEach(async () => {
    for (const [i, host] of ['web-2', 'laptop'].entries()) {
      await done('hosts enroll --yes', as(host));
      at.write('.env', `TOKEN=${host}\n`);
      at.clock.now = new Date(at.clock.now.getTime() + (2 - i) * 3_600_000);
      await done('backup', as(host));
    }
    at.clock.now = new Date(at.clock.now.getTime() + 2 * 3_600_000);
  });

  it('comes back whole, each host in a directory of its own', async () => {
    await at.ok('backup certs --set certs');
    const said = await done('restore --target ../out', fresh());
    expect(said.out.match(/into (\S+):/g)).toEqual([
      'into BASE/out/certs:',
      'into BASE/out/shop/laptop:',
      'into BASE/out/shop/web-1:',
      'into BASE/out/shop/web-2:',
    ]);
    expect(said.err).toBe(
      'strongroom: 3 hosts have snapshots of the set shop: each comes back into BASE/out/shop/HOST\n',
    );
    expect(env(out('shop/laptop/.env'))).toBe('TOKEN=laptop\n');
    expect(env(out('shop/web-1/.env'))).toBe('TOKEN=1\n');
    expect(env(out('shop/web-2/.env'))).toBe('TOKEN=web-2\n');
    expect(existsSync(out('shop/.env'))).toBe(false);
  });

  it('comes back whole on one of the hosts too, and of the host that is named alone', async () => {
    await at.ok('restore --target ../out');
    expect(env(out('shop/web-2/.env'))).toBe('TOKEN=web-2\n');
    // Sets that this host does not have do not stop it.
    await at.ok('backup certs --set certs');
    const said = await at.ok('restore --target ../two --host web-2 --json');
    expect(said.json().at(-1)).toMatchObject({ set: 'shop', host: 'web-2' });
    expect(env(join(at.base, 'two/shop/.env'))).toBe('TOKEN=web-2\n');
  });

  it('takes the newest of each before a time, and those who had none by then not at all', async () => {
    const before = (await at.ok('list --json')).json().find((row) => row.host === 'web-2')!.time;
    await done(`restore --target ../out --at ${before}`, fresh());
    expect(Object.keys(treeOf(out('shop'))).filter((path) => path.endsWith('.env'))).toEqual([
      'web-1/.env',
      'web-2/.env',
    ]);
  });

  it('takes every set as it was at a time, and names a set that was not there by then', async () => {
    const before = (await at.ok('list --json')).json().find((row) => row.host === 'web-1')!.time;
    at.clock.now = new Date(at.clock.now.getTime() + 3_600_000);
    await at.ok('backup certs --set certs');
    const said = await done(`restore --target ../out --at ${before}`, fresh());
    expect(said.err).toContain('strongroom: the set certs has no snapshot as old as that, and is left out\n');
    expect(env(out('shop/.env'))).toBe('TOKEN=1\n');
    expect(existsSync(out('certs'))).toBe(false);
    expect((await at.say('restore --target ../two --at 2000-01-01', fresh())).code).toBe(10);
  });

  it('leaves out, and says so, a host of which no snapshot is complete', async () => {
    await done('hosts enroll --yes --sets shop,certs', as('web-3'));
    await done('backup .env gone.pem --set certs', as('web-3'), 3);
    await at.ok('backup certs --set certs');
    const said = await done('restore --target ../out', fresh(), 3);
    expect(said.err).toMatch(
      /warning: no snapshot of the set certs by web-3 is complete, so none is restored\nstrongroom: hint: to restore the newest all the same: `strongroom restore ID-\d+ --target DIR`\n/,
    );
    expect(existsSync(out('certs/certs/site.pem'))).toBe(true);
    const rows = (await at.say('restore --target ../two --json', fresh())).json();
    expect(rows[0]).toMatchObject({ message_type: 'skipped', set: 'certs', code: 'no-complete' });
    expect(rows.at(-1)).toMatchObject({ sets: 4, skipped: ['certs'] });
  });

  it('is asked about when it is named, with the command to type, the newest host first', async () => {
    const said = await at.say(
      ['restore', 'latest', "it's", '--set', 'shop', '-t', '../out', '--as-recorded'],
      fresh(),
    );
    expect(said).toMatchObject({ code: 2, out: '' });
    expect(said.err).toMatchInlineSnapshot(`
      "strongroom: error: 3 hosts have snapshots of the set shop: web-1, web-2, laptop
      strongroom: hint: \`strongroom restore latest 'it'\\''s' --set shop --target ../out --as-recorded --host laptop\` (2 hours ago), or --host web-2 (3 hours ago), --host web-1 (5 hours ago)
      "
    `);
    const place = await at.say('restore --set shop --in-place --existing bak --yes', fresh());
    expect(place.err).toContain(
      'hint: `strongroom restore --set shop --in-place --existing bak --yes --host laptop` (2 hours ago)',
    );
    const shown = await at.say('show latest --set shop', fresh());
    expect(shown.err).toContain(
      'hint: add --host laptop (2 hours ago), or --host web-2 (3 hours ago), --host web-1 (5 hours ago)\n',
    );
  });
});

describe('restore --in-place', () => {
  const secure = (name: string) => join(at.base, 'secure', name);
  const configure = (sets: string) => {
    const path = join(at.work, 'strongroom.yaml');
    const text = readFileSync(path, 'utf8').replace(/^sets:.*/ms, '');
    writeFileSync(path, `${text}sets:\n  shop: ${sets}\n`, { mode: 0o600 });
  };

  it('puts back what the set takes from elsewhere, and leaves alone the directories it lies in', async () => {
    configure(`{ root: ., include: [.env, "${secure('*.pem')}"] }`);
    at.write(secure('tls.pem'), 'PEM\n');
    chmodSync(secure(''), 0o755);
    await at.ok('backup');
    chmodSync(secure(''), 0o711);
    rmSync(secure('tls.pem'));
    await at.ok('restore latest --in-place --as-recorded --existing replace --yes');
    expect(env(secure('tls.pem'))).toBe('PEM\n');
    expect(statSync(secure('')).mode & 0o777).toBe(0o711);
  });

  it('refuses what the set does not ask for here, by name, and places nothing', async () => {
    at.write(secure('evil'), 'EVIL\n');
    configure(`{ root: ., include: [.env, "${secure('evil')}"] }`);
    await at.ok('backup');
    configure('{ root: . }');
    rmSync(secure(''), { recursive: true });
    at.write('.env', 'MINE=1\n');
    for (const flags of ['', ' --dry-run', ' --json']) {
      const said = await at.say(`restore latest --in-place --existing replace --yes${flags}`);
      expect([said.code, said.out]).toEqual([13, '']);
      expect(said.err).toContain('BASE/secure/evil');
    }
    expect(env(join(at.work, '.env'))).toBe('MINE=1\n');
    expect(existsSync(secure(''))).toBe(false);
    // What is asked for of it can be had, and all of it elsewhere.
    await at.ok('restore latest .env --in-place --existing replace --yes');
    expect(env(join(at.work, '.env'))).toBe('TOKEN=1\n');
    await at.ok('restore latest --target ../out');
    expect(env(out(`@outside${secure('evil')}`))).toBe('EVIL\n');
  });

  it('takes the root from the configuration only: a set that it lacks has no place', async () => {
    await at.ok('backup certs --set certs');
    rmSync(join(at.work, 'certs'), { recursive: true });
    const said = await at.say('restore --set certs --in-place');
    expect(said).toMatchObject({ code: 2, out: '' });
    expect(said.err).toMatchInlineSnapshot(`
      "strongroom: error: the configuration does not say where the set certs belongs
      strongroom: hint: it was taken from BASE/shop: name the set in strongroom.yaml, or give --target BASE/shop
      "
    `);
    expect(existsSync(join(at.work, 'certs'))).toBe(false);
  });

  it('counts the configuration itself as asked for, wherever it is, and does not replace it', async () => {
    configure(`{ root: certs }`);
    await at.ok('backup');
    const settings = readFileSync(join(at.work, 'strongroom.yaml'), 'utf8');
    writeFileSync(join(at.work, 'strongroom.yaml'), `${settings}# mine\n`, { mode: 0o600 });
    rmSync(join(at.work, 'certs/site.pem'));
    await at.ok('restore latest --in-place --existing replace --yes');
    expect(env(join(at.work, 'certs/site.pem'))).toBe('PEM\n');
    expect(readFileSync(join(at.work, 'strongroom.yaml'), 'utf8')).toContain('# mine');
  });
});

describe('restore --as-recorded', () => {
  it('gives no set-id bits, says so, and --undo gives those back that were there', async () => {
    chmodSync(join(at.work, '.env'), 0o4750);
    await at.ok('backup');
    const said = await at.ok('restore latest .env --target ../out --as-recorded');
    expect(statSync(out('.env')).mode & 0o7777).toBe(0o750);
    expect(said.out).toContain('warning: 1 entry came back without the recorded set-id bits');
    writeFileSync(out('.env'), 'MINE=1\n');
    chmodSync(out('.env'), 0o4755);
    const json = await at.ok(
      'restore latest .env --target ../out --as-recorded --existing replace --yes --json',
    );
    expect(json.json().at(-1)).toMatchObject({ set_id_lost: 1 });
    await at.ok('restore --undo --target ../out --yes');
    expect(statSync(out('.env')).mode & 0o7777).toBe(0o4755);
    expect(env()).toBe('MINE=1\n');
  });
});

describe('restore --dry-run', () => {
  it.each(['restore latest', 'restore --recover', 'restore --undo'])(
    'leaves a killed restore as it is, and says that there is one: %s',
    async (line) => {
      at.write(out('.env'), 'MINE=1\n');
      await at.ok('restore latest .env --target ../out --existing replace --yes');
      // Something else was killed while it changed the same target.
      const place = { directory: at.base, target: out(), stateDirectory: at.state };
      const tree = { '.env': 'HALF=1\n' };
      for (let changes = 0; journalsOf(place).length === 0 || env() !== 'HALF=1\n'; changes++) {
        const { ended } = await dieAfter(changes, () => restore(place, tree, { existing: 'replace' }));
        expect(ended).toBe(false);
        bury(place);
        if (env() !== 'HALF=1\n') await at.ok('restore --recover --target ../out');
      }
      const [before, journals] = [treeOf(out()), journalsOf(place)];
      const said = await at.say(`${line} --target ../out --existing replace --dry-run`);
      expect(said.code).toBe(0);
      expect(said.err).toContain('warning: a restore into BASE/out is unfinished; it is left as it is\n');
      expect(treeOf(out())).toEqual(before);
      expect(journalsOf(place)).toEqual(journals);
      await at.ok('restore --recover --target ../out');
      expect(env()).toBe('TOKEN=1\n');
      expect((await at.ok('restore latest --target ../out --existing replace --dry-run')).err).toBe('');
    },
  );
});

describe('a set in which nothing counts', () => {
  const PLANTED = '20991231T235959Z-zzzzzz';
  beforeEach(() => void at.write(join(at.base, `vault/snapshots/zzz/${PLANTED}.json`), 'garbage'));

  it('does not keep the others from coming back, and is said, however quiet', async () => {
    const said = await at.ok('restore --target ../out --quiet', 3);
    expect(said.err).toMatchInlineSnapshot(`
      "strongroom: warning: snapshots/zzz/ID-2.json is not signed
      strongroom: hint: run \`strongroom verify\` for the whole picture
      strongroom: warning: the set zzz is not restored, as nothing in it counts: snapshots/zzz/ID-2.json is not signed
      strongroom: hint: run \`strongroom verify\` for the whole picture, and find out who can write to the store
      "
    `);
    expect(treeOf(out())).toMatchObject({ 'shop/.env': '600:TOKEN=1\n' });
    expect(existsSync(out('zzz'))).toBe(false);
  });

  it('is told to programs', async () => {
    const said = await at.ok('restore --target ../out --json', 3);
    expect(said.json().map((l) => [l.message_type, l.set, l.code ?? l.skipped])).toEqual([
      ['skipped', 'zzz', 'unsigned'],
      ['restored', 'shop', undefined],
      ['summary', undefined, ['zzz']],
    ]);
  });

  it('is refused when it is asked for, or there is nothing else', async () => {
    expect((await at.say('restore --set zzz --target ../out')).code).toBe(13);
    rmSync(join(at.base, 'vault/snapshots/shop'), { recursive: true });
    expect((await at.say('restore --target ../out')).code).toBe(13);
    expect(existsSync(out())).toBe(false);
  });
});
