import { chmodSync, existsSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { beforeEach, describe, expect, it } from 'vitest';
import { generateSigningKey } from '../../src/sign/key.ts';
import { lineOf } from '../../src/vault/hosts/line.ts';
import { type Desk, deskWithVault } from './desk.ts';

let at: Desk;
beforeEach(async () => {
  at = await deskWithVault();
});

/** The random parts of what the desk does not know. */
const plain = (text: string) =>
  at
    .tidy(text)
    .replace(/AAAAC3NzaC1\S+/g, 'KEY')
    .replace(/(?<=check=)\w+/g, 'CHECK');

/** On a machine that has a name of its own and no key that opens anything. */
const elsewhere = (host: string, more: Record<string, string | undefined> = {}) => ({
  XDG_STATE_HOME: join(at.base, host),
  STRONGROOM_HOST: host,
  STRONGROOM_IDENTITY_FILE: undefined,
  ...more,
});
const keyOf = (host: string) => join(at.base, host, 'strongroom/host-key');

/** The line that a host printed. */
const printed = (text: string) => /--approve '([^']+)'/.exec(text)![1]!;

describe('hosts list', () => {
  it('shows who may write and who did, without a key', async () => {
    await at.ok('backup');
    const said = await at.say('hosts list', { STRONGROOM_IDENTITY_FILE: undefined });
    expect(said).toMatchObject({ code: 0, err: '' });
    expect(said.out).toMatchInlineSnapshot(`
      "HOST   MAY              SETS  ADDED       LAST SNAPSHOT     FINGERPRINT
      web-1  write, maintain  *     2025-03-01  2025-03-01 06:00  FINGERPRINT-2
      "
    `);
  });

  it('tells programs', async () => {
    await at.ok('backup');
    expect((await at.ok('hosts list --json')).lines()).toMatchInlineSnapshot(`
      [
        "{"message_type":"host","name":"web-1","fingerprint":"FINGERPRINT-2","sets":["*"],"may":["write","maintain"],"added":"2025-03-01T05:59:12Z","snapshots":1,"last":"2025-03-01T06:00:12Z","last_snapshot":"ID-1"}",
        "{"message_type":"summary","hosts":1}",
      ]
    `);
  });

  it('shows what still counts of those that were removed, and who writes to an old key', async () => {
    await at.ok('backup');
    await at.ok('hosts remove web-1 --yes');
    await at.ok('hosts enroll web-1 --new-key --yes');
    await at.ok('backup');
    await at.ok('keys rotate --yes');
    expect((await at.ok('hosts list')).out).toMatchInlineSnapshot(`
      "HOST   MAY      SETS  ADDED       LAST SNAPSHOT     FINGERPRINT
      web-1  removed  *     2025-03-01  2025-03-01 06:00  FINGERPRINT-4
      web-1  write    shop  2025-03-01  2025-03-01 06:03  FINGERPRINT-2
      note: web-1 was removed on 2025-03-01; 1 snapshot of it still counts
      note: web-1 writes to key 1, and the vault has key 2: it needs the new pin, if it did not write since
      "
    `);
    const rows = (await at.ok('hosts list --json')).json();
    expect(rows.map((r) => [r.name, r.snapshots, r.writes_to_key, r.removed !== undefined])).toEqual([
      ['web-1', 1, undefined, true],
      ['web-1', 1, 1, false],
      [undefined, undefined, undefined, false],
    ]);
  });
});

describe('hosts enroll', () => {
  it('where the vault can be opened asks, and lists the host at once', async () => {
    const done = await at.say('hosts enroll --yes', {
      ...elsewhere('web-2'),
      STRONGROOM_IDENTITY_FILE: at.env.STRONGROOM_IDENTITY_FILE,
    });
    expect([done.code, plain(done.out), done.err]).toMatchInlineSnapshot(`
      [
        0,
        "web-2 is a host of the vault now: it may write the set shop
        fingerprint: FINGERPRINT-2
      ",
        "",
      ]
    `);
    expect(statSync(keyOf('web-2')).mode & 0o777).toBe(0o600);
    expect(await at.say('backup', elsewhere('web-2'))).toMatchObject({ code: 0 });
    const again = await at.say('hosts enroll --yes', elsewhere('web-2'));
    expect([again.code, plain(again.err)]).toMatchInlineSnapshot(`
      [
        11,
        "strongroom: error: the vault shop lists that key already, as web-2
      strongroom: hint: there is nothing to do; what it may do is not changed: for that, remove web-2, and enroll it again with --new-key
      ",
      ]
    `);
  });

  it('without --yes and a terminal lists nobody, and makes no key', async () => {
    const said = await at.say('hosts enroll', {
      ...elsewhere('web-2'),
      STRONGROOM_IDENTITY_FILE: at.env.STRONGROOM_IDENTITY_FILE,
    });
    expect([said.code, said.err]).toMatchInlineSnapshot(`
      [
        2,
        "strongroom: error: there is a question, and no terminal to ask it on
      strongroom: hint: look at it with --dry-run where there is one, and answer it with --yes
      ",
      ]
    `);
    expect(existsSync(keyOf('web-2'))).toBe(false);
    expect((await at.ok('hosts list --json')).json().at(-1)).toMatchObject({ hosts: 1 });
  });

  it('elsewhere prints one line, with which whoever keeps the vault lists it', async () => {
    const asked = await at.say('hosts enroll', elsewhere('web-2'));
    expect([asked.code, plain(asked.out), plain(asked.err)]).toMatchInlineSnapshot(`
      [
        0,
        "strongroom hosts enroll --approve 'web-2 ssh-ed25519 KEY sets=shop may=write check=CHECK'
      ",
        "strongroom: web-2 is not a host of the vault yet: send this line to whoever keeps it, and read out the fingerprint FINGERPRINT-2 to them another way
      ",
      ]
    `);
    // Asked again, it is the same.
    expect((await at.say('hosts enroll', elsewhere('web-2'))).out).toBe(asked.out);
    const line = printed(asked.bytes.toString());
    const refused = await at.say(['hosts', 'enroll', '--approve', line]);
    expect([refused.code, refused.err]).toMatchInlineSnapshot(`
      [
        2,
        "strongroom: error: there is a question, and no terminal to ask it on
      strongroom: hint: look at it with --dry-run where there is one, and answer it with --yes
      ",
      ]
    `);
    const dry = await at.ok(['hosts', 'enroll', '--approve', line, '--dry-run']);
    expect(plain(dry.out)).toMatchInlineSnapshot(`
      "would enroll web-2 (FINGERPRINT-2): it may write the set shop
      "
    `);
    expect((await at.ok('hosts list --json')).json().at(-1)).toMatchObject({ hosts: 1 });
    const done = await at.ok(['hosts', 'enroll', '--approve', line, '--yes', '--json']);
    expect(
      done.json().map(({ fingerprint, ...rest }) => [fingerprint.slice(0, 7), rest]),
    ).toMatchInlineSnapshot(`
      [
        [
          "SHA256:",
          {
            "dry_run": false,
            "enrolled": true,
            "host": "web-2",
            "may": [
              "write",
            ],
            "message_type": "summary",
            "sets": [
              "shop",
            ],
          },
        ],
      ]
    `);
    expect(await at.say('backup', elsewhere('web-2'))).toMatchObject({ code: 0 });
  });

  describe('with --new-key', () => {
    const keyFile = (suffix = '') => join(at.state, `host-key${suffix}`);
    const contentOf = (suffix?: string) => readFileSync(keyFile(suffix), 'utf8');
    const noKey = { STRONGROOM_IDENTITY_FILE: undefined };
    const linked = async (more: Record<string, string | undefined> = {}) => {
      const asked = await at.say('hosts enroll --new-key', { ...noKey, ...more });
      expect(asked).toMatchObject({ code: 0 });
      return { ...asked, line: printed(asked.bytes.toString()) };
    };

    it('only asked, leaves the listed key in use until the vault lists the new one', async () => {
      const before = contentOf();
      // The vault is not to be seen from here: else a name that is taken would be refused.
      const config = readFileSync(join(at.work, 'strongroom.yaml'), 'utf8');
      at.write('strongroom.yaml', config.replace(/^location:.*$/m, ''));
      const asked = await linked();
      expect([plain(asked.out), plain(asked.err)]).toMatchInlineSnapshot(`
        [
          "strongroom hosts enroll --approve 'web-1 ssh-ed25519 KEY sets=shop may=write check=CHECK'
          the new key waits in BASE/xdg/state/strongroom/host-key.new: until the vault lists it, this machine goes on with the one in BASE/xdg/state/strongroom/host-key
        ",
          "strongroom: web-1 is not a host of the vault yet: send this line to whoever keeps it, and read out the fingerprint FINGERPRINT-2 to them another way
        ",
        ]
      `);
      // Asked again, it is the same key, and nothing is lost.
      expect((await linked()).out).toBe(asked.out);
      expect(contentOf()).toBe(before);
      expect(existsSync(keyFile('.old'))).toBe(false);
      const fresh = contentOf('.new');
      at.write('strongroom.yaml', config);
      const first = await at.say('backup', noKey);
      expect(first).toMatchObject({ code: 0, err: '' });
      // Whoever keeps the vault does so elsewhere.
      const desk = { XDG_STATE_HOME: join(at.base, 'keeper') };
      await at.ok(['hosts', 'remove', 'web-1', '--yes']);
      expect(await at.say(['hosts', 'enroll', '--approve', asked.line, '--yes'], desk)).toMatchObject({
        code: 0,
      });
      expect(contentOf()).toBe(before);
      const second = await at.say('backup', noKey);
      expect([second.code, second.err]).toMatchInlineSnapshot(`
        [
          0,
          "strongroom: the vault lists the new key of web-1, which is in use now: the old one is kept as BASE/xdg/state/strongroom/host-key.old
        ",
        ]
      `);
      expect([contentOf(), contentOf('.old'), existsSync(keyFile('.new'))]).toEqual([fresh, before, false]);
      expect(await at.say('backup', noKey)).toMatchObject({ code: 0, err: '' });
    });

    it('listed under another name, takes it up once this machine has that', async () => {
      const before = contentOf();
      const asked = await at.say('hosts enroll other --new-key', noKey);
      const fresh = contentOf('.new');
      const line = printed(asked.bytes.toString());
      await at.ok(['hosts', 'enroll', '--approve', line, '--yes']);
      expect(await at.say('backup', noKey)).toMatchObject({ code: 0, err: '' });
      expect(contentOf()).toBe(before);
      const other = await at.say('backup', { ...noKey, STRONGROOM_HOST: 'other' });
      expect(other).toMatchObject({ code: 0 });
      expect([contentOf(), contentOf('.old')]).toEqual([fresh, before]);
    });

    it('that fails to be listed leaves the key in use, and tries the same one again', async () => {
      const before = contentOf();
      const temporary = join(at.base, 'vault/tmp');
      rmSync(temporary, { recursive: true, force: true });
      writeFileSync(temporary, 'in the way of every write');
      const failed = await at.say('hosts enroll other --new-key --yes');
      expect(failed.code).toBe(13);
      const fresh = contentOf('.new');
      expect(contentOf()).toBe(before);
      rmSync(temporary);
      expect(await at.say('backup', noKey)).toMatchObject({ code: 0, err: '' });
      await at.ok('hosts enroll other --new-key --yes');
      expect([contentOf(), contentOf('.old')]).toEqual([fresh, before]);
    });

    it('a second time keeps every key that there was', async () => {
      const keys = [contentOf()];
      for (const _ of [1, 2, 3]) {
        await at.ok('hosts remove web-1 --yes');
        await at.ok('hosts enroll --new-key --yes');
        keys.push(contentOf());
      }
      expect([contentOf('.old'), contentOf('.old.2'), contentOf('.old.3'), contentOf()]).toEqual(keys);
      expect(new Set(keys).size).toBe(4);
    });

    it('run again after the vault listed it, takes it up', async () => {
      const asked = await linked({ STRONGROOM_HOST: 'other' });
      await at.ok(['hosts', 'enroll', '--approve', asked.line, '--yes']);
      const fresh = contentOf('.new');
      const again = await at.say('hosts enroll --new-key', { ...noKey, STRONGROOM_HOST: 'other' });
      expect([again.code, again.err]).toMatchInlineSnapshot(`
        [
          11,
          "strongroom: the vault lists the new key of other, which is in use now: the old one is kept as BASE/xdg/state/strongroom/host-key.old
        strongroom: error: the vault shop lists that key already, as other
        strongroom: hint: there is nothing to do; what it may do is not changed: for that, remove other, and enroll it again with --new-key
        ",
        ]
      `);
      expect(contentOf()).toBe(fresh);
    });

    it('makes another one when that which waited was listed and removed', async () => {
      const before = contentOf();
      const asked = await linked({ STRONGROOM_HOST: 'other' });
      await at.ok(['hosts', 'enroll', '--approve', asked.line, '--yes']);
      await at.ok('hosts remove other --yes');
      const again = await at.say('hosts enroll --new-key', { ...noKey, STRONGROOM_HOST: 'other' });
      expect([again.code, again.err]).toMatchInlineSnapshot(`
        [
          11,
          "strongroom: other was removed from the vault: its key, which waited here, is kept as BASE/xdg/state/strongroom/host-key.old
        strongroom: error: that key is of other, which was removed from the vault shop
        strongroom: hint: a removed host never comes back with the same key: make a new one there with \`strongroom hosts enroll --new-key\`
        ",
        ]
      `);
      const anew = await linked({ STRONGROOM_HOST: 'other' });
      expect(anew.line).not.toBe(asked.line);
      expect(contentOf()).toBe(before);
    });

    it('does not stop a backup when something is wrong with the key that waits', async () => {
      await linked({ STRONGROOM_HOST: 'other' });
      chmodSync(keyFile('.new'), 0o644);
      const said = await at.say('backup', noKey);
      expect([said.code, said.err]).toMatchInlineSnapshot(`
        [
          0,
          "strongroom: warning: the new key of this machine is not in use yet: BASE/xdg/state/strongroom/host-key.new can be read by others
        strongroom: hint: run: chmod 600 BASE/xdg/state/strongroom/host-key.new
        ",
        ]
      `);
    });
  });

  it('tells programs what to send', async () => {
    const said = await at.say(
      'hosts enroll --json --sets app,web-* --may write,maintain',
      elsewhere('web-2'),
    );
    expect(said.lines().map(plain)).toMatchInlineSnapshot(`
      [
        "{"message_type":"summary","host":"web-2","fingerprint":"FINGERPRINT-2","sets":["app","web-*"],"may":["write","maintain"],"enrolled":false,"dry_run":false,"approve":"strongroom hosts enroll --approve 'web-2 ssh-ed25519 KEY sets=app,web-* may=write,maintain check=CHECK'","key_file":"BASE/web-2/strongroom/host-key"}",
      ]
    `);
  });

  it('asks for every set where no configuration names one, and says so', async () => {
    at.write('strongroom.yaml', `location: ${join(at.base, 'vault')}\n`);
    const said = await at.say('hosts enroll', elsewhere('web-2'));
    expect(said.out).toContain(' sets=* may=write ');
    expect(said.err).toContain('no configuration here names a set, so this asks for every set');
  });

  it('prints the line where no vault is named yet', async () => {
    at.write('strongroom.yaml', 'sets: { app: { root: . } }\n');
    const said = await at.say('hosts enroll', elsewhere('web-2'));
    expect(said.code).toBe(0);
    expect(printed(said.out)).toContain(' sets=app ');
  });

  it('lets whoever keeps the vault allow less', async () => {
    const line = lineOf({
      name: 'web-2',
      key: generateSigningKey().publicKey,
      sets: ['*'],
      may: ['write', 'maintain'],
    });
    const said = await at.ok([
      'hosts',
      'enroll',
      '--approve',
      line,
      '--sets',
      'app',
      '--may',
      'write',
      '--yes',
    ]);
    expect(plain(said.out)).toMatchInlineSnapshot(`
      "web-2 is a host of the vault now: it may write the set app
        fingerprint: FINGERPRINT-2
      "
    `);
    expect((await at.ok('hosts list --json')).json()[1]).toMatchObject({ sets: ['app'], may: ['write'] });
  });

  it('for CI makes a key in a file, which the environment then holds', async () => {
    const done = await at.ok('hosts enroll ci --key-file ci.key --sets app --yes');
    expect([plain(done.out), done.err]).toMatchInlineSnapshot(`
      [
        "ci is a host of the vault now: it may write the set app
        fingerprint: FINGERPRINT-2
        its key is in BASE/shop/ci.key: give what it holds to that machine as STRONGROOM_SIGNING_KEY, beside STRONGROOM_HOST=ci, and remove the file
      ",
        "",
      ]
    `);
    const file = join(at.work, 'ci.key');
    expect(statSync(file).mode & 0o777).toBe(0o600);
    const key = readFileSync(file, 'utf8');
    const ci = elsewhere('ci', { STRONGROOM_SIGNING_KEY: key });
    expect(await at.say('backup .env --set app', ci)).toMatchObject({ code: 0, err: '' });
    expect(existsSync(join(at.base, 'ci'))).toBe(true);
    expect(existsSync(keyOf('ci'))).toBe(false);
    const again = await at.say('hosts enroll ci2 --key-file ci.key --yes');
    expect([again.code, again.err]).toMatchInlineSnapshot(`
      [
        11,
        "strongroom: error: BASE/shop/ci.key exists already
      strongroom: hint: name another file; to enroll a key that is there already, give it in STRONGROOM_SIGNING_KEY_FILE
      ",
      ]
    `);
    expect(readFileSync(file, 'utf8')).toBe(key);
    expect((await at.ok('hosts list --json')).json()).toHaveLength(3);
  });

  it('lists a key that the environment gives, and never replaces it', async () => {
    await at.ok('hosts enroll ci --key-file ci.key --sets app --yes --dry-run');
    expect(existsSync(join(at.work, 'ci.key'))).toBe(false);
    await at.say('hosts enroll ci --key-file ci.key', elsewhere('web-1'));
    const env = { ...elsewhere('ci'), STRONGROOM_SIGNING_KEY_FILE: 'ci.key' };
    const both = { ...env, STRONGROOM_IDENTITY_FILE: at.env.STRONGROOM_IDENTITY_FILE };
    expect(await at.say('hosts enroll --yes', both)).toMatchObject({ code: 0 });
    const replaced = await at.say('hosts enroll --new-key --yes', both);
    expect([replaced.code, replaced.err]).toMatchInlineSnapshot(`
      [
        2,
        "strongroom: error: the key comes from STRONGROOM_SIGNING_KEY, and is not replaced
      strongroom: hint: leave --new-key out, and put another key there
      ",
      ]
    `);
  });

  it.each<[string, string[]]>([
    ['with a line that is none', ['--approve', 'web-2']],
    [
      'with a line that was changed',
      ['--approve', `web-2 ${generateSigningKey().publicKey} sets=app may=write check=00000000`],
    ],
    ['with a line and a new key', ['--approve', 'x', '--new-key']],
    [
      'with another name than the line has',
      ['web-3', '--approve', `web-2 ${generateSigningKey().publicKey} sets=app may=write`],
    ],
    ['with a key file and no name', ['--key-file', 'ci.key']],
    ['with a set that is a path', ['web-2', '--key-file', 'ci.key', '--sets', 'a/b']],
    ['with something that a host cannot do', ['web-2', '--key-file', 'ci.key', '--may', 'read']],
    ['under a name in use', ['web-1', '--key-file', 'ci.key', '--sets', 'app']],
  ])('%s is refused, and changes nothing', async (what, args) => {
    const said = await at.say(['hosts', 'enroll', '--yes', ...args]);
    expect(`${what}: ${said.code}\n${plain(said.err)}`).toMatchSnapshot();
    expect(existsSync(join(at.work, 'ci.key'))).toBe(false);
    expect((await at.ok('hosts list --json')).json().at(-1)).toMatchObject({ hosts: 1 });
  });
});

describe('hosts remove', () => {
  it('asks, says what counts, and what to think of', async () => {
    await at.ok('backup');
    const refused = await at.say('hosts remove web-1');
    expect([refused.code, refused.err]).toMatchInlineSnapshot(`
      [
        2,
        "strongroom: warning: without web-1 no host may remove snapshots
      strongroom: hint: enroll another one with --may write,maintain
      strongroom: warning: without web-1 nothing can be backed up to this vault
      strongroom: hint: enroll another one with \`strongroom hosts enroll\`
      strongroom: warning: web-1 is this machine: it cannot back up to this vault any more
      strongroom: hint: to go on, enroll it again with \`strongroom hosts enroll --new-key\`
      strongroom: error: there is a question, and no terminal to ask it on
      strongroom: hint: look at it with --dry-run where there is one, and answer it with --yes
      ",
      ]
    `);
    const dry = await at.ok('hosts remove web-1 --dry-run');
    expect([dry.out, dry.err]).toMatchInlineSnapshot(`
      [
        "would remove web-1: 1 of its snapshots goes on counting
      ",
        "strongroom: warning: without web-1 no host may remove snapshots
      strongroom: hint: enroll another one with --may write,maintain
      strongroom: warning: without web-1 nothing can be backed up to this vault
      strongroom: hint: enroll another one with \`strongroom hosts enroll\`
      strongroom: warning: web-1 is this machine: it cannot back up to this vault any more
      strongroom: hint: to go on, enroll it again with \`strongroom hosts enroll --new-key\`
      ",
      ]
    `);
    const done = await at.ok('hosts remove web-1 --yes');
    expect([done.out, done.err]).toMatchInlineSnapshot(`
      [
        "web-1 is no host of the vault any more: 1 of its snapshots goes on counting
        now take its access to the store away too: its IAM user or role, its SSH key, its account
      ",
        "strongroom: warning: without web-1 no host may remove snapshots
      strongroom: hint: enroll another one with --may write,maintain
      strongroom: warning: without web-1 nothing can be backed up to this vault
      strongroom: hint: enroll another one with \`strongroom hosts enroll\`
      strongroom: warning: web-1 is this machine: it cannot back up to this vault any more
      strongroom: hint: to go on, enroll it again with \`strongroom hosts enroll --new-key\`
      ",
      ]
    `);
    const again = await at.say('hosts remove web-1 --yes');
    expect([again.code, again.err]).toMatchInlineSnapshot(`
      [
        11,
        "strongroom: error: web-1 was removed from the vault shop already
      strongroom: hint: to let less of what it wrote count, add --since or --last-good
      ",
      ]
    `);
    const stays = await at.say('backup');
    expect([stays.code, stays.err]).toMatchInlineSnapshot(`
      [
        2,
        "strongroom: error: the vault shop would not count this backup: web-1 was removed from its hosts
      strongroom: hint: if it should write again, give it a new key: run \`strongroom hosts enroll --new-key\` here
      ",
      ]
    `);
  });

  it('shows what counts no more before it asks', async () => {
    await at.ok('backup');
    await at.ok('hosts enroll web-2 --key-file web-2.key --yes');
    const said = await at.ok('hosts remove web-1 --since 2000-01-01T00:00:00Z --yes');
    expect([said.out.replace(/received at \S+/g, 'received at TIME'), said.err]).toMatchInlineSnapshot(`
      [
        "counts no more: ID-1 of shop, which the store received at TIME
      web-1 is no host of the vault any more: 0 of its snapshots go on counting, 1 no more
        now take its access to the store away too: its IAM user or role, its SSH key, its account
        to remove what does not count, on a host that may maintain: strongroom delete ID-1
      ",
        "strongroom: warning: nothing that web-1 backed up would count any more
      strongroom: hint: a vault that was copied, or whose files were given to somebody else, has later times: name the newest good snapshot of each set with --last-good
      strongroom: warning: without web-1 no host may remove snapshots
      strongroom: hint: enroll another one with --may write,maintain
      strongroom: warning: web-1 is this machine: it cannot back up to this vault any more
      strongroom: hint: to go on, enroll it again with \`strongroom hosts enroll --new-key\`
      ",
      ]
    `);
    expect((await at.say('list')).out).not.toContain('web-1');
  });

  it('tells programs', async () => {
    await at.ok('backup');
    const said = await at.ok('hosts remove web-1 --since 2000-01-01T00:00:00Z --dry-run --json');
    expect(said.json().map(({ received, ...rest }) => at.tidy(JSON.stringify(rest)))).toMatchInlineSnapshot(`
      [
        "{"message_type":"stops","id":"ID-1","set":"shop","time":"2025-03-01T06:00:12Z"}",
        "{"message_type":"summary","host":"web-1","fingerprint":"FINGERPRINT-2","counts":0,"stops":1,"deletions":0,"keeps":0,"releases":0,"undone":0,"dry_run":true}",
      ]
    `);
  });

  it('shows what it deleted and what is deleted no more', async () => {
    const id = (await at.ok('backup --json')).json().at(-1)!.snapshot;
    await at.ok(['delete', id, '--yes']);
    const line = 'hosts remove web-1 --since 2000-01-01T00:00:00Z --dry-run';
    expect((await at.ok(line)).out).toContain(at.tidy(`counts no more: its deletion of ${id} of shop`));
    const [undone, summary] = (await at.ok(`${line} --json`)).json();
    expect(undone).toMatchObject({ message_type: 'undone', action: 'delete', id, set: 'shop' });
    expect(summary).toMatchObject({ deletions: 0, undone: 1, stops: 0 });
    const all = (await at.ok('hosts remove web-1 --dry-run --json')).json();
    expect(all).toMatchObject([{ message_type: 'summary', deletions: 1, undone: 0 }]);
  });

  it('tells wishes to keep and releases from deletions', async () => {
    const ids: string[] = [];
    for (const n of [1, 2]) {
      at.write('.env', `TOKEN=${n}\n`);
      ids.push((await at.ok('backup --json')).json().at(-1)!.snapshot);
    }
    await at.ok(['keep', ids[0]!]);
    await at.ok(['keep', ids[0]!, '--release']);
    await at.ok(['keep', ids[1]!]);
    const whole = (await at.ok('hosts remove web-1 --dry-run --json')).json();
    expect(whole).toMatchObject([{ deletions: 0, keeps: 2, releases: 1, undone: 0 }]);
    const line = 'hosts remove web-1 --since 2000-01-01T00:00:00Z --dry-run';
    const said = (await at.ok(line)).out.split('\n').filter((row) => row.includes(': its '));
    expect(said.sort()).toEqual(
      [
        `counts no more: its release of ${ids[0]} of shop`,
        `counts no more: its wish to keep ${ids[0]} of shop`,
        `counts no more: its wish to keep ${ids[1]} of shop`,
      ]
        .map(at.tidy)
        .sort(),
    );
    expect((await at.ok(`${line} --json`)).json().at(-1)).toMatchObject({ keeps: 0, releases: 0, undone: 3 });
  });

  it('goes on with a new key, and what counts no more can be deleted', async () => {
    const first = (await at.ok('backup --json')).json().at(-1)!.snapshot;
    await at.ok('hosts remove web-1 --since 2000-01-01T00:00:00Z --yes');
    const anew = await at.ok(['hosts', 'enroll', '--new-key', '--may', 'write,maintain', '--yes']);
    expect([plain(anew.out), anew.err]).toMatchInlineSnapshot(`
      [
        "web-1 is a host of the vault now: it may write and maintain the set shop
        fingerprint: FINGERPRINT-2
        the old key is kept as BASE/xdg/state/strongroom/host-key.old
      ",
        "",
      ]
    `);
    expect(existsSync(join(at.state, 'host-key.old'))).toBe(true);
    await at.ok('backup');
    expect((await at.say('verify')).code).toBe(13);
    await at.ok(['delete', first, '--yes']);
    expect(await at.ok('verify')).toMatchObject({ err: '' });
  });
});
