import { execFileSync, spawnSync } from 'node:child_process';
import { cpSync, mkdirSync, readdirSync, readFileSync, rmSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { beforeEach, describe, expect, it, onTestFinished } from 'vitest';
import { newRecipientKey } from '../../src/keys/recipient.ts';
import { readPieces } from '../../src/kit/read.ts';
import { openStore } from '../../src/store/index.ts';
import { noMemory } from '../../src/vault/client.ts';
import { revise } from '../../src/vault/revise.ts';
import { rotate } from '../../src/vault/rotate/rotate.ts';
import { unlock } from '../../src/vault/unlock.ts';
import type { UnlockedVault } from '../../src/vault/vault.ts';
import { withKey } from '../support/vault.ts';
import { type Desk, deskWithVault } from './desk.ts';

let at: Desk;
beforeEach(async () => {
  at = await deskWithVault();
});

const mode = (path: string) => (statSync(join(at.work, path)).mode & 0o777).toString(8);
/** Where pages go unless somebody says. */
const KITS = '../xdg/state/strongroom/kits';
const KIT = `${KITS}/shop-kit.html`;
const page = (n: number, of = 5) => `${KITS}/shop-kit-shares/share-${n}-of-${of}.html`;
const text = (path: string) => readFileSync(join(at.work, path), 'utf8');
/** The lines of a share, as they stand on its page. */
const typed = (path: string) => /data-strongroom-share>([^<]*)</.exec(text(path))![1]!;
const keys = async () =>
  (await at.ok('keys list --json'))
    .json()
    .slice(0, -1)
    .map((key) => key.name);

describe('recovery kit', () => {
  it('adds a key and writes its page, for the owner alone', async () => {
    const said = await at.ok('recovery kit');
    expect(said).toMatchObject({ err: '' });
    expect(said.out).toMatchInlineSnapshot(`
      "The recovery kit is in BASE/xdg/state/strongroom/kits/shop-kit.html, as the key kit.
      Whoever holds it opens the vault.
      Print it on a printer that keeps nothing, prove the paper with \`strongroom recovery test\`, and remove it: it must not stay on this machine, in a backup or in git. \`rm -r BASE/xdg/state/strongroom/kits/shop-kit.html\`
      "
    `);
    expect([mode(KITS), mode(KIT)]).toEqual(['700', '600']);
    // The deployment's own backups and git would take it from there.
    expect(readdirSync(at.work)).not.toContain('shop-kit.html');
    expect(await keys()).toEqual(['age', 'kit']);
    const [piece] = readPieces(text(KIT), 'a');
    expect(piece?.share).toMatchObject({ count: 1, generation: 1 });
    expect((await at.ok(`recovery test ${KIT}`)).out).toBe(
      'It opens the vault shop, by its key kit. Nothing was written.\n',
    );
  });

  it('never shows the key, however it is asked', async () => {
    for (const flags of ['', ' --json --output b.html --name b', ' --verbose --output c.html --name c']) {
      const said = await at.ok(`recovery kit${flags}`);
      expect(said.out + said.err).not.toMatch(/AGE-SECRET-KEY|[0-9A-Z]{5} [0-9A-Z]{5}/);
    }
  });

  it('writes over nothing, and then adds nothing', async () => {
    at.write(join(at.work, KIT), 'mine');
    const said = await at.say('recovery kit');
    expect([said.code, said.err]).toEqual([
      11,
      'strongroom: error: BASE/xdg/state/strongroom/kits/shop-kit.html is there already\nstrongroom: hint: name another file with --output, or remove that one\n',
    ]);
    expect(text(KIT)).toBe('mine');
    expect(await keys()).toEqual(['age']);
    const nowhere = await at.say('recovery kit --output no/where.html');
    expect([nowhere.code, await keys()]).toEqual([1, ['age']]);
  });

  it('leaves no page behind when the key cannot be added', async () => {
    await at.ok('recovery kit --output a.html');
    const said = await at.say('recovery kit --output b.html');
    expect([said.code, said.err.split('\n')[0]]).toEqual([
      11,
      'strongroom: error: the vault has a key kit already',
    ]);
    expect(readdirSync(at.work)).not.toContain('b.html');
  });

  it('replaces a key when that is agreed to, and the old page is stale', async () => {
    await at.ok('recovery kit --output a.html');
    const unasked = await at.say('recovery kit --output b.html --replace');
    expect([unasked.code, unasked.err]).toEqual([
      2,
      'strongroom: error: there is a question, and no terminal to ask it on\nstrongroom: hint: answer it with --yes\n',
    ]);
    await at.ok('recovery kit --output b.html --replace --yes');
    expect(await keys()).toEqual(['age', 'kit']);
    const stale = await at.say('recovery test a.html');
    expect([stale.code, stale.err.split('\n')[0]]).toEqual([
      12,
      "strongroom: error: the kit in a.html is stale: its key is none of the vault's any more",
    ]);
    await at.ok('recovery test b.html');
  });

  it('does not take the place of the age key of a person unsaid', async () => {
    const line = 'recovery kit --output b.html --name age --replace';
    const said = await at.say(line);
    expect([said.code, await keys()]).toEqual([2, ['age']]);
    expect(said.err).toContain('strongroom: warning: the key age was not made by `strongroom recovery`\n');
    expect(readdirSync(at.work)).not.toContain('b.html');
    await at.ok('recovery kit --output a.html');
    expect((await at.ok('recovery kit --output c.html --replace --yes')).err).not.toContain(
      'was not made by',
    );
    expect((await at.ok(`${line} --yes`)).err).toContain('the key age was not made by');
  });
});

describe('a page that cannot be written', () => {
  /** A place of 4 KiB, which is less than a page. */
  const small = (): string => {
    const path = join(at.base, 'small');
    mkdirSync(path);
    execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=4k,mode=700', 'tmpfs', path]);
    onTestFinished(() => void execFileSync('umount', [path]));
    return path;
  };
  const canMount = spawnSync('unshare', ['-m', 'true']).status === 0 && process.getuid?.() === 0;

  it.skipIf(!canMount)('leaves the last way in as it was (needs root)', async () => {
    const place = small();
    await at.ok('recovery kit --output a.html');
    await at.ok('recovery join a.html --output kit.txt');
    const env = { STRONGROOM_IDENTITY_FILE: join(at.work, 'kit.txt') };
    expect((await at.say('keys remove age --yes', env)).code).toBe(0);
    for (const line of [
      `recovery kit --replace --yes --output ${place}/b.html`,
      `recovery split --replace --yes --output ${place}/shares`,
    ]) {
      const said = await at.say(line, env);
      expect([said.code, said.err]).toEqual([
        1,
        expect.stringMatching(
          /^strongroom: error: cannot write BASE\/small\/\S+ \(ENOSPC\)\nstrongroom: hint: make room there, or choose another place\n$/,
        ),
      ]);
      expect(readdirSync(place)).toEqual([]);
    }
    // Nobody was told of a change, and there was none.
    expect((await at.say('recovery test a.html', env)).out).toContain('by its key kit');
    expect((await at.say('list', env)).code).toBe(0);
  });
});

describe('recovery split', () => {
  it('writes a page for each share into a directory of its own', async () => {
    const said = await at.ok('recovery split --json');
    expect(said.lines().map((line) => line.replace(/kit-[0-9a-z]{10}/, 'kit-RANDOM'))).toMatchInlineSnapshot(`
      [
        "{"message_type":"summary","made":true,"key":"kit","object":"keys/1/kit-RANDOM.age","shares":5,"threshold":3,"files":["BASE/xdg/state/strongroom/kits/shop-kit-shares/share-1-of-5.html","BASE/xdg/state/strongroom/kits/shop-kit-shares/share-2-of-5.html","BASE/xdg/state/strongroom/kits/shop-kit-shares/share-3-of-5.html","BASE/xdg/state/strongroom/kits/shop-kit-shares/share-4-of-5.html","BASE/xdg/state/strongroom/kits/shop-kit-shares/share-5-of-5.html"]}",
      ]
    `);
    expect(mode(`${KITS}/shop-kit-shares`)).toBe('700');
    const names = readdirSync(join(at.work, `${KITS}/shop-kit-shares`));
    expect(names).toEqual([1, 2, 3, 4, 5].map((n) => `share-${n}-of-5.html`));
    for (const name of names) expect(mode(`${KITS}/shop-kit-shares/${name}`)).toBe('600');
    expect((await at.say(`recovery split --name other --output ${KITS}/shop-kit-shares`)).code).toBe(11);
  });

  it.each(['--shares 3 --threshold 4', '--threshold 1', '--shares 99', '--shares five'])(
    'refuses %s before anything is asked',
    async (flags) => {
      const said = await at.say(`recovery split ${flags}`);
      expect([said.code, await keys()]).toEqual([2, ['age']]);
    },
  );
});

describe('recovery join', () => {
  beforeEach(async () => {
    await at.ok('recovery split');
  });

  it('gets the key back from pages and typed texts, into a file that others cannot read', async () => {
    at.write('bob.txt', `# from Bob\n${typed(page(4)).toLowerCase().replaceAll(' ', '')}\n`);
    const said = await at.ok(['recovery', 'join', page(2), 'bob.txt', page(5)]);
    expect(said).toMatchObject({ err: '' });
    expect(said.out).toMatchInlineSnapshot(`
      "The key is in BASE/shop/kit.txt. Remove it when all is restored.
      To open the vault with it:
      export STRONGROOM_IDENTITY_FILE=BASE/shop/kit.txt
      strongroom --location BASE/vault trust FINGERPRINT-1
      "
    `);
    expect(mode('kit.txt')).toBe('600');
    const env = { STRONGROOM_IDENTITY_FILE: join(at.work, 'kit.txt') };
    await at.ok('backup --set app .env');
    expect((await at.say('cat latest .env', env)).out).toBe('TOKEN=1\n');
    // And never over another file.
    expect((await at.say(['recovery', 'join', page(1), page(2), page(3)])).code).toBe(11);
  });

  it('needs no vault, and then tells where the fingerprint stands', async () => {
    const said = await at.say(['recovery', 'join', page(1), page(2), page(3), '--config', 'none']);
    expect([said.code, said.err]).toEqual([0, '']);
    expect(said.out.replace(/SHA256:\S{26}\./, 'SHA256:BEGINNING.')).toMatchInlineSnapshot(`
      "The key is in BASE/shop/kit.txt. Remove it when all is restored.
      To open the vault with it:
      export STRONGROOM_IDENTITY_FILE=BASE/shop/kit.txt
      strongroom --location LOCATION trust FINGERPRINT
      Both stand on the page; the fingerprint begins with SHA256:BEGINNING.
      "
    `);
    // A vault that is not there is no reason to refuse either.
    rmSync(join(at.work, 'kit.txt'));
    const nowhere = await at.say(['recovery', 'join', page(1), page(2), page(3), '--location', '/nowhere']);
    expect([nowhere.code, nowhere.err]).toEqual([
      0,
      'strongroom: warning: there is no vault at /nowhere\nstrongroom: hint: the page names its vault and where that was; check --location\n',
    ]);
    expect(mode('kit.txt')).toBe('600');
  });

  it('hands the key out although the settings are broken', async () => {
    at.write('strongroom.yaml', 'no: such thing\n');
    const said = await at.say(['recovery', 'join', page(1), page(2), page(3)]);
    expect([said.code, mode('kit.txt')]).toEqual([0, '600']);
  });

  it('writes it to standard output when that is asked for, and nothing else', async () => {
    const said = await at.ok(['recovery', 'join', page(1), page(2), page(3), '--output', '-']);
    expect(said.out).toMatch(/^# strongroom recovery key, joined \S+\nAGE-SECRET-KEY-1[0-9A-Z]{58}\n$/);
    const both = await at.say(['recovery', 'join', page(1), page(2), page(3), '--output', '-', '--json']);
    expect([both.code, both.out]).toEqual([2, '']);
  });

  it.each<[string, () => string[], number, string]>([
    ['too few', () => [page(1), page(4)], 12, '3 of the 5 shares are needed; 2 were given'],
    [
      'one twice',
      () => [page(1), page(4), page(1)],
      12,
      '3 of the 5 shares are needed; 2 were given, one of them twice',
    ],
    [
      'a typing error',
      () => {
        at.write(
          'bob.txt',
          typed(page(4)).replace(/^3 {2}(.)/m, (_, first) => `3  ${first === 'Q' ? 'P' : 'Q'}`),
        );
        return [page(1), page(2), 'bob.txt'];
      },
      2,
      'line 3 of bob.txt, numbered 3, has a typing error, most likely in group 1 of 6',
    ],
    [
      'a torn page',
      () => {
        at.write('bob.txt', typed(page(4)).split('\n').slice(0, 3).join('\n'));
        return [page(1), page(2), 'bob.txt'];
      },
      2,
      'line 4 is missing of bob.txt',
    ],
    [
      'a file that is cut off',
      () => {
        at.write('bob.html', text(page(4)).slice(0, 1500));
        return [page(1), page(2), 'bob.html'];
      },
      2,
      'there is no share of a recovery key in bob.html',
    ],
    [
      'an output that cannot be',
      () => [page(1), '--output', 'no/kit.txt'],
      1,
      'cannot write BASE/shop/no/kit.txt (ENOENT)',
    ],
    ['no such file', () => ['nobody.html'], 2, 'there is no file nobody.html'],
  ])('refuses %s, says so, and writes nothing', async (_, given, code, message) => {
    const said = await at.say(['recovery', 'join', ...given()]);
    expect([said.code, said.err.split('\n')[0]]).toEqual([code, `strongroom: error: ${message}`]);
    expect(readdirSync(at.work)).not.toContain('kit.txt');
  });

  it('refuses shares of two sets', async () => {
    await at.ok('recovery split --name other --output others');
    const said = await at.say(['recovery', 'join', page(1), page(2), 'others/share-3-of-5.html']);
    expect([said.code, said.err.split('\n')[0]]).toEqual([
      2,
      'strongroom: error: these shares are of different sets: 1, 2 and 3',
    ]);
  });

  it('refuses a page that others can read', async () => {
    at.write('copy.html', text(page(1)), 0o644);
    const said = await at.say('recovery join copy.html');
    expect([said.code, said.err]).toEqual([
      2,
      'strongroom: error: others can read copy.html\nstrongroom: hint: chmod 600 copy.html\n',
    ]);
  });
});

describe('recovery test', () => {
  it('proves shares, and changes nothing on this machine or in the vault', async () => {
    await at.ok('recovery split --shares 3 --threshold 2');
    const before = treeHash();
    const said = await at.ok(['recovery', 'test', page(1, 3), page(3, 3), '--json']);
    expect(said.lines()).toMatchInlineSnapshot(`
      [
        "{"message_type":"summary","vault":"VAULT-1","name":"shop","key":"kit","opens":true,"outdated":false,"key_number":1,"shares":[{"source":"share 1 in ../xdg/state/strongroom/kits/shop-kit-shares/share-1-of-3.html","index":1,"key_number":1},{"source":"share 3 in ../xdg/state/strongroom/kits/shop-kit-shares/share-3-of-3.html","index":3,"key_number":1}],"wrong":[]}",
      ]
    `);
    expect(treeHash()).toEqual(before);
  });

  it('tells a keeper that one share is sound, though it opens nothing by itself', async () => {
    await at.ok('recovery split');
    const said = await at.say(['recovery', 'test', page(3)]);
    expect([said.code, said.err.replaceAll('strongroom: ', '')]).toEqual([
      12,
      `error: share 3 in ${page(3)}: sound, and of the key kit of this vault, but 3 shares are needed to open it\nhint: find 2 more of the 5\n`,
    ]);
  });

  it('says that pages are out of date after a rotation, though they open the vault', async () => {
    await at.ok('recovery split');
    await at.ok('recovery kit --name safe');
    const store = await openStore(join(at.base, 'vault'));
    const context = { store, memory: noMemory(), now: () => at.clock.now };
    const credentials = [await withKey(at.identity)];
    const vault = await unlock(context, { credentials: async () => credentials, confirm: async () => true });
    const keyFor = async ({ name, recipient }: { name: string; recipient?: string }) =>
      newRecipientKey(name, recipient!);
    await rotate(vault, {
      by: 'web-1',
      without: [],
      compromised: false,
      reencrypt: false,
      keyFor,
      credentials,
    });
    const said = await at.ok(['recovery', 'test', page(1), page(2), page(3)]);
    expect([said.out, said.err]).toEqual([
      'Shares 1, 2, 3 open the vault shop, by its key kit, and must be printed again. Nothing was written.\n',
      'strongroom: warning: it opens, but was printed for key number 1: print it again\nstrongroom: hint: compare FINGERPRINT-2 with what `strongroom keys rotate` printed; then run `strongroom recovery split --shares 5 --threshold 3 --replace`, and destroy what was printed before\n',
    ]);
    const kit = await at.ok(`recovery test ${KITS}/shop-safe.html --json`);
    expect(kit.json()[0]).toMatchObject({ opens: true, outdated: true, key_number: 2, key: 'safe' });
    expect(kit.err).toContain('strongroom recovery kit --replace --name safe');
    // The shares vouch for the fingerprint that they were printed with, and for no later one.
    const joined = await at.ok(['recovery', 'join', page(1), page(2), page(3)]);
    const own = /SHA256:[A-Za-z0-9+/]{43}/.exec(text(page(1)))![0];
    const later = /Fingerprint.*?(SHA256:[A-Za-z0-9+/]{43})|"fingerprint":"(SHA256:[^"]*)"/.exec(
      (await at.ok('list --json')).bytes.toString(),
    )![2]!;
    expect(later).not.toBe(own);
    expect(
      joined.out.replaceAll(at.tidy(own), 'OWN').replaceAll(at.tidy(later), 'LATER'),
    ).toMatchInlineSnapshot(`
      "The key is in BASE/shop/kit.txt. Remove it when all is restored.
      To open the vault with it:
      export STRONGROOM_IDENTITY_FILE=BASE/shop/kit.txt
      strongroom --location BASE/vault trust OWN
      That is key number 1; the vault shows number 2 now, which is no attack if your team rotated it since these were printed: ask whoever did.
      LATER. Compare it with what \`strongroom keys rotate\` printed, and trust it only then:
      whoever held the older key can show another one.
      "
    `);
    rmSync(join(at.work, 'kit.txt'));
    const json = (await at.ok(['recovery', 'join', page(1), page(2), page(3), '--json'])).json()[0];
    expect(json).toMatchObject({ fingerprint: own, later_fingerprint: later, later_key_number: 2 });
    // This machine was not told of the rotation: it prints nothing for it until somebody compared the fingerprint.
    expect((await at.say('recovery kit --name safe --replace --yes --output new.html')).code).toBe(2);
    expect(readdirSync(at.work)).not.toContain('new.html');
    await at.ok(['trust', later]);
    await at.ok('recovery kit --name safe --replace --yes --output new.html');
    expect((await at.ok('recovery test new.html')).err).toBe('');
  });

  it('of two rotations that both claim to be the next one trusts neither, and hands the key out', async () => {
    await at.ok('recovery kit');
    const place = join(at.base, 'vault');
    const other = join(at.base, 'other');
    cpSync(place, other, { recursive: true });
    const again = async (location: string, before: (vault: UnlockedVault) => Promise<UnlockedVault>) => {
      const store = await openStore(location);
      const context = { store, memory: noMemory(), now: () => at.clock.now };
      const credentials = [await withKey(at.identity)];
      const vault = await unlock(context, {
        credentials: async () => credentials,
        confirm: async () => true,
      });
      const keyFor = async ({ name, recipient }: { name: string; recipient?: string }) =>
        newRecipientKey(name, recipient!);
      const how = { by: 'web-1', without: [], compromised: false, reencrypt: false };
      return await rotate(await before(vault), { ...how, keyFor, credentials });
    };
    const ours = await again(place, async (vault) => vault);
    const theirs = await again(other, (vault) => revise(vault, async () => ({ change: {} })));
    const { object } = theirs.vault.document;
    expect(object).not.toBe(ours.vault.document.object);
    cpSync(join(other, object), join(place, object));
    const said = await at.ok(`recovery join ${KIT}`);
    const own = /SHA256:[A-Za-z0-9+/]{43}/.exec(text(KIT))![0];
    expect(said.out).toContain(`trust ${at.tidy(own)}\n`);
    expect(said.out).not.toContain(at.tidy(theirs.pin.authority));
    expect(said.err).toContain('both claim to come after key number 1');
    expect(mode('kit.txt')).toBe('600');
  });

  it('names a share of another vault', async () => {
    const other = await deskWithVault('web-2');
    await other.ok('recovery kit');
    at.write('theirs.html', readFileSync(join(other.work, KIT)));
    const said = await at.say('recovery test theirs.html');
    expect([said.code, said.err.split('\n')[0]]).toEqual([
      12,
      'strongroom: error: the kit in theirs.html is not of the vault shop: it belongs to another vault',
    ]);
  });

  /** Every file below the desk with its bytes and time. */
  function treeHash(): [string, number, string][] {
    return readdirSync(at.base, { recursive: true, encoding: 'utf8' })
      .map((name) => join(at.base, name))
      .filter((path) => statSync(path).isFile())
      .sort()
      .map((path) => [path, statSync(path).mtimeMs, readFileSync(path, 'latin1')]);
  }
});
