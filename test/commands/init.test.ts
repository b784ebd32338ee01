import { existsSync, readdirSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { beforeEach, describe, expect, it } from 'vitest';
import { generateIdentity, recipientOf } from '../../src/crypt/identity.ts';
import { type Desk, desk } from './desk.ts';

let at: Desk;
beforeEach(async () => {
  at = await desk();
});

const settings = () => readFileSync(join(at.work, 'strongroom.yaml'), 'utf8');

describe('init', () => {
  it('makes a vault under the data directory, says that it is on the same disk, and writes the settings', async () => {
    const said = await at.ok(['init', '--recipient', at.recipient]);
    expect(said.err).toBe('');
    expect(said.out).toMatchInlineSnapshot(`
      "The vault shop is ready at BASE/xdg/data/strongroom/shop
        opens with: age (SHORT-1) (only one way in: think of a second)
        fingerprint: FINGERPRINT-1
        settings: BASE/shop/strongroom.yaml (holds the pin and no secret: commit it)
        It is on the same disk as what it protects: copy it elsewhere, or make it with --location on another disk.
      Next: strongroom backup
      "
    `);
    expect(at.tidy(settings())).toMatchInlineSnapshot(`
      "# What strongroom backs up from here, and where to. It holds no secret: commit it.
      # \`strongroom config schema\` prints its schema, \`strongroom config validate\` checks it.

      location: "BASE/xdg/data/strongroom/shop"

      # Which vault is meant. Any other one at that place is refused.
      pin: { vault: VAULT-1, generation: 1, revision: 1, recipient: RECIPIENT-1, authority: "FINGERPRINT-1" }

      sets:
        shop:
          root: .
          # Everything below the root is taken, unless this says what. Paths, globs, and absolute ones too.
          # include: [.env, compose.yaml, "certs/**", "/secure/*.pem"]
          exclude: [".git", "node_modules", "**/*.log"]
          # Database dumps and the output of other programs go with the files; see docs/streams.md.
          # With streams, and without include, a set takes no files.
          # streams: { db: { postgres: { database: shop, password: { dotenv: .env, key: DB_PASSWORD } } } }
          # How old the newest snapshot may be; also how long \`backup --skip-unchanged\` may skip.
          # objectives: { rpo: 24h }
          # Modes that the deployment needs after a restore, instead of 0600 and 0700.
          # restore: { modes: { "secrets/*": "0444" } }
      "
    `);
    expect(statSync(join(at.work, 'strongroom.yaml')).mode & 0o022).toBe(0);
    const made = readdirSync(join(at.base, 'xdg/data/strongroom/shop')).filter((name) => name !== 'tmp');
    expect(made.sort()).toEqual(['RECOVERY.md', 'keys', 'vault']);
  });

  it('tells programs the same', async () => {
    const said = await at.ok(['init', '--recipient', at.recipient, '--location', '../vault', '--json']);
    expect(said.lines()).toMatchInlineSnapshot(`
      [
        "{"message_type":"summary","vault":"VAULT-1","name":"shop","location":"BASE/vault","fingerprint":"FINGERPRINT-1","pin":{"vault":"VAULT-1","generation":1,"revision":1,"recipient":"RECIPIENT-1","authority":"FINGERPRINT-1"},"keys":["age"],"host":"web-1","config":"BASE/shop/strongroom.yaml","config_written":true,"discover":[]}",
      ]
    `);
  });

  it('is silent when asked to be', async () => {
    expect(await at.ok(['init', '--recipient', at.recipient, '--quiet'])).toMatchObject({ out: '', err: '' });
  });

  it('leaves settings that are there as they are, and shows the lines that they need', async () => {
    at.write('strongroom.yaml', 'sets: { app: { root: . } }\n');
    const said = await at.ok(['init', '--recipient', at.recipient, '--location', '../vault', '--quiet']);
    expect(settings()).toBe('sets: { app: { root: . } }\n');
    expect(said.out).toMatchInlineSnapshot(`
      "  BASE/shop/strongroom.yaml was there already and is unchanged. It needs these two lines:
      location: "BASE/vault"
      pin: { vault: VAULT-1, generation: 1, revision: 1, recipient: RECIPIENT-1, authority: "FINGERPRINT-1" }
      "
    `);
  });

  it('names the vault and writes the settings as it is told', async () => {
    const args = ['--recipient', at.recipient, '--name', 'acme', '--config', 'conf/room.yaml'];
    at.write('conf/.keep', '');
    const said = await at.ok(['init', ...args, '--json']);
    expect(said.json()[0]).toMatchObject({
      name: 'acme',
      location: join(at.base, 'xdg/data/strongroom/acme'),
      config: join(at.work, 'conf/room.yaml'),
    });
    expect(existsSync(join(at.work, 'strongroom.yaml'))).toBe(false);
  });

  it('for an environment writes that environment’s settings', async () => {
    const said = await at.ok(['init', '--recipient', at.recipient, '--env', 'prod', '--json']);
    expect(said.json()[0]).toMatchObject({ config: join(at.work, 'strongroom.prod.yaml') });
  });

  it('below another deployment makes one of its own', async () => {
    at.write('../strongroom.yaml', 'location: ./elsewhere\n');
    const said = await at.ok(['init', '--recipient', at.recipient, '--json']);
    expect(said.json()[0]).toMatchObject({
      location: join(at.base, 'xdg/data/strongroom/shop'),
      config: join(at.work, 'strongroom.yaml'),
    });
  });

  it('takes keys from files, each once', async () => {
    const other = await recipientOf(await generateIdentity('x25519'));
    at.write('keys.txt', `# mine\n${at.recipient}\n${other}\n`);
    at.write('more.txt', `${other}\n`);
    const said = await at.ok([
      'init',
      '--keys',
      'keys.txt',
      '--recipient',
      'more.txt',
      '--recipient',
      at.recipient,
    ]);
    expect(said.out).toMatch(/opens with: age-1 \(\S+…?\), age-2 \(\S+…?\)\n/);
    expect(said.out).not.toContain('only one way in');
  });

  it('takes a first passphrase from where a passphrase comes from', async () => {
    const file = at.write('../keys/pass', 'staple orbit velvet canyon marble thirteen\n');
    const said = await at.say('init --passphrase --json', { STRONGROOM_PASSPHRASE_FILE: file });
    expect(said.json()[0]).toMatchObject({ keys: ['passphrase'] });
    // Chosen for who chose nothing.
    const again = await at.say('init --location ../second --json', { STRONGROOM_PASSPHRASE_FILE: file });
    expect(again.json()[0]).toMatchObject({ keys: ['passphrase'] });
  });

  it('may be post-quantum, and says what that needs', async () => {
    const hybrid = await recipientOf(await generateIdentity('hybrid'));
    const said = await at.ok(['init', '--post-quantum', '--recipient', hybrid, '--json']);
    expect(said.json()[0]?.pin.recipient).toMatch(/^age1pq1/);
  });

  it('warns of a vault inside of what it protects', async () => {
    const said = await at.ok(['init', '--recipient', at.recipient, '--location', 'vault']);
    expect(said.out).toContain('It is inside this directory: see that git does not take it.');
    expect(said.out).not.toContain('same disk');
    const beside = await at.ok([
      'init',
      '--recipient',
      at.recipient,
      '--location',
      '../shop-vault',
      '--config',
      'b.yaml',
    ]);
    expect(beside.out).not.toContain('inside this directory');
  });

  it('says which mounted files lie beyond or are gone, and proposes a stream for a database', async () => {
    at.write(
      'compose.yaml',
      'services:\n  web:\n    volumes: ["../secure/site.conf:/a:ro", "./tls.key:/b", "../data:/c"]\n',
    );
    at.write('../secure/site.conf', 'server {}\n');
    at.write('data/users.db', 'SQLite format 3\0...');
    const said = await at.ok(['init', '--recipient', at.recipient]);
    expect(said.out).toContain(
      '  beyond this directory, and not taken until you say so: BASE/secure/site.conf\n',
    );
    expect(said.out).toContain('  referred to, and not there: tls.key\n');
    expect(at.tidy(settings())).toContain('    # outside: ["BASE/secure/site.conf"]\n');
    expect(settings()).toContain('    # streams: { users: { sqlite: { file: "data/users.db" } } }\n');
  });

  it.each<[string, string[], string, number]>([
    ['no way to open it', [], 'no-keys', 2],
    ['a recipient with a letter wrong', ['--recipient', `age1${'q'.repeat(58)}`], 'bad-recipient', 2],
    ['a file that is not there', ['--keys', 'nope.txt'], 'bad-keys-file', 2],
    ['a name that is none', ['--name', 'The Shop', '--recipient', 'R'], 'bad-name', 2],
  ])('with %s makes nothing', async (_, args, code, exit) => {
    const said = await at.say([
      'init',
      '--json',
      '--location',
      '../vault',
      ...args.map((a) => (a === 'R' ? at.recipient : a)),
    ]);
    expect(said.code).toBe(exit);
    expect(JSON.parse(said.err)).toMatchObject({
      message_type: 'exit_error',
      code,
      exit_code: exit,
      hint: expect.any(String),
    });
    expect(existsSync(join(at.base, 'vault'))).toBe(false);
    expect(existsSync(join(at.work, 'strongroom.yaml'))).toBe(false);
  });

  it.each(['--recipient', '--keys', '--name'])('never repeats a private key given to %s', async (flag) => {
    const pem = '-----BEGIN OPENSSH PRIVATE KEY-----b3BlbnNzaC1rZXktdjEAAAAA';
    for (const key of [await generateIdentity('x25519'), await generateIdentity('hybrid'), pem]) {
      for (const json of [[], ['--json']]) {
        const said = await at.say(['init', '--location', '../vault', flag, key, ...json]);
        expect(said.code).toBe(2);
        expect(said.err).toContain('a private key was given where its recipient belongs');
        const secret = key.slice(20, 60);
        expect(`${said.out}${said.err}`.toLowerCase()).not.toContain(secret.toLowerCase());
      }
    }
    expect(existsSync(join(at.base, 'vault'))).toBe(false);
  });

  it('of what is no file repeats only a beginning, fit for a terminal', async () => {
    const said = await at.say(['init', '--json', '--recipient', `\u001b[31m${'x'.repeat(100)}`]);
    const { code, message, object } = JSON.parse(said.err);
    expect([code, message]).toEqual(['bad-keys-file', `?[31m${'x'.repeat(55)}… cannot be read`]);
    expect(object).toBe(`?[31m${'x'.repeat(55)}…`);
  });

  it('says which key keeps a post-quantum vault from being one', async () => {
    const said = await at.ok(['init', '--post-quantum', '--recipient', at.recipient, '--json']);
    expect(JSON.parse(said.err)).toMatchObject({ code: 'not-post-quantum', object: 'age' });
  });

  it('beside settings of another vault says which lines to replace, and not to go on', async () => {
    await at.ok(['init', '--recipient', at.recipient]);
    const before = settings();
    const said = await at.ok(['init', '--recipient', at.recipient, '--location', '../second']);
    expect(settings()).toBe(before);
    expect(said.out).toContain(
      'still names another vault. Replace its lines location: and pin: by these two:',
    );
    expect(said.out).not.toContain('Next:');
  });

  it('with a weak passphrase makes nothing, and says why it is weak', async () => {
    const file = at.write('../keys/pass', 'hunter2\n');
    const said = await at.say('init --passphrase --location ../vault', {
      STRONGROOM_NEW_PASSPHRASE_FILE: file,
    });
    expect(said.code).toBe(2);
    expect(said.err).toMatch(
      /^strongroom: error: the passphrase is too weak: .+\nstrongroom: hint: whoever reads the store can try/,
    );
    expect(said.err).not.toContain('hunter2');
    expect(existsSync(join(at.base, 'vault'))).toBe(false);
  });

  it('over a vault is refused, and what is there stays', async () => {
    await at.ok(['init', '--recipient', at.recipient, '--location', '../vault']);
    const said = await at.say(['init', '--recipient', at.recipient, '--location', '../vault']);
    expect(said.code).toBe(11);
    expect(said.err).toMatchInlineSnapshot(`
      "strongroom: error: there is already something at BASE/vault: vault/1.json
      strongroom: hint: a vault is never made over another: choose an empty place, or, if this one is yours, use it with \`strongroom trust\` and its fingerprint
      "
    `);
    await at.ok('backup');
  });

  it('where the settings cannot be written says that the vault is made all the same', async () => {
    const said = await at.say([
      'init',
      '--recipient',
      at.recipient,
      '--location',
      '../vault',
      '--config',
      'no/such/room.yaml',
    ]);
    expect(said.code).toBe(2);
    expect(said.err).toMatchInlineSnapshot(`
      "strongroom: error: the vault is made, but BASE/shop/no/such/room.yaml cannot be written
      strongroom: hint: this machine remembers the vault all the same; write the file by hand with \`strongroom trust\` showing the pin
      "
    `);
    await at.ok('list --location ../vault');
  });
});
