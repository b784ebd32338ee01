// Who can open a vault, who cannot, and the classic mistake: to lock the key in the box.

import { spawnSync } from 'node:child_process';
import { chmodSync, existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { generateIdentity, recipientOf } from '../../src/crypt/identity.ts';
import { type Credentials, type Kms, startKms } from '../servers/kms.ts';
import { type Machine, machines, PASSPHRASE, type RunOptions } from '../support/program.ts';

const machine = machines();
let web: Machine;
let vault: string;

beforeEach(() => {
  web = machine('web-1');
  vault = join(web.directory, 'vault');
  web.write('.env', 'TOKEN=4711\n');
});

const objects = (): string[] =>
  existsSync(vault) ? readdirSync(vault, { recursive: true, encoding: 'utf8' }).sort() : [];

describe('the machine that backs up', () => {
  it('cannot read its backups: it holds nothing that opens them', async () => {
    const { file, recipient } = await machine('laptop').identity();
    await web.ok(['init', '--location', vault, '--name', 'shop', '--recipient', recipient]);
    await web.ok(['backup']);
    for (const args of [
      ['cat', 'latest', '.env'],
      ['show'],
      ['restore', '--target', 'out'],
      ['verify', '--read-data'],
    ]) {
      const ran = await web.run([...args, '--json']);
      expect([args[0], ran.code, ran.stdout]).toEqual([args[0], 12, '']);
    }
    expect(existsSync(join(web.work, 'out'))).toBe(false);
    // What needs no key still works: is it there, is it whole?
    await web.ok(['list']);
    await web.ok(['verify']);
    // Nor does anything that it keeps.
    for (const kept of [web.state, web.cache, web.work]) {
      const found = spawnSync('grep', ['-rlE', 'AGE-SECRET-KEY|TOKEN=4711', kept], {
        encoding: 'utf8',
      }).stdout;
      expect(found.split('\n').filter((path) => path !== '' && path !== join(web.work, '.env'))).toEqual([]);
    }
    expect(
      (await web.ok(['cat', 'latest', '.env'], { env: { STRONGROOM_IDENTITY_FILE: file } })).stdout,
    ).toBe('TOKEN=4711\n');
  });

  it('has a signing key that only it can read', async () => {
    const { recipient } = await web.identity();
    await web.ok(['init', '--location', vault, '--name', 'shop', '--recipient', recipient]);
    const key = join(web.state, 'host-key');
    chmodSync(key, 0o644);
    const ran = await web.run(['backup', '--json']);
    expect([ran.code, ran.failure().code]).toEqual([2, 'secret-file-readable']);
  });

  it('is refused when the vault does not know it', async () => {
    const { recipient } = await web.identity();
    await web.ok(['init', '--location', vault, '--name', 'shop', '--recipient', recipient]);
    const before = objects();
    const other = machine('web-2');
    other.write('strongroom.yaml', readFileSync(join(web.work, 'strongroom.yaml')));
    const ran = await other.run(['backup', '--json']);
    expect([ran.code, ran.failure().code]).toEqual([2, 'no-signing-key']);
    // With a key of its own it is still a stranger.
    await other.ok([
      'init',
      '--location',
      join(other.directory, 'own'),
      '--name',
      'own',
      '--recipient',
      recipient,
      '--config',
      'own.yaml',
    ]);
    const stranger = await other.run(['backup', '--json']);
    expect([stranger.code, stranger.failure().code]).toEqual([2, 'unlisted-host']);
    expect(stranger.failure().hint).toMatch(
      / strongroom hosts enroll --approve 'web-2 ssh-ed25519 \S+ sets=\S+ may=write check=\w+'$/,
    );
    expect(objects()).toEqual(before);
  });
});

describe('the key locked in the box', () => {
  it.each<[string, (at: { identity: string }) => Promise<void> | void]>([
    [
      'an age identity that opens it',
      ({ identity }) => void web.write('keys/me.txt', `# mine\n${identity}\n`),
    ],
    [
      'the same, somewhere in a longer file',
      ({ identity }) => void web.write('.env.backup', `TOKEN=1\nBACKUP_KEY=${identity}\n`),
    ],
    [
      'this machine’s signing key',
      () => void web.write('copy-of-key', readFileSync(join(web.state, 'host-key'))),
    ],
  ])('%s is refused, by its path, with nothing written', async (_, put) => {
    const me = await web.identity();
    await web.ok(['init', '--location', vault, '--name', 'shop', '--recipient', me.recipient]);
    await put(me);
    const before = objects();
    const ran = await web.run(['backup', '--json']);
    expect([ran.code, ran.failure().code]).toEqual([2, 'key-in-backup']);
    expect(ran.failure().message).toMatch(/keys\/me\.txt|\.env\.backup|copy-of-key/);
    expect(ran.stdout + ran.stderr).not.toContain('AGE-SECRET-KEY');
    expect(objects()).toEqual(before);
    // Excluded, the rest goes in; a key of something else is a secret like any other.
    web.write('other.txt', `${await generateIdentity('x25519')}\n`);
    await web.ok(['backup', '--exclude', 'keys', '--exclude', '.env.backup', '--exclude', 'copy-of-key']);
  });

  it('the configured passphrase file is refused by its place, whatever it holds', async () => {
    const { recipient } = await web.identity();
    await web.ok(['init', '--location', vault, '--name', 'shop', '--recipient', recipient]);
    const pass = web.write('secrets/vault-pass', `${PASSPHRASE}\n`);
    const ran = await web.run(['backup', '--json'], { env: { STRONGROOM_PASSPHRASE_FILE: pass } });
    expect([ran.code, ran.failure().code]).toEqual([2, 'key-in-backup']);
  });
});

describe('a vault opens with', () => {
  it('each of the ways in a keys file, and with nothing else', async () => {
    const [anna, ben] = [await machine('anna').identity(), await machine('ben').identity()];
    web.write(
      'keys.txt',
      `# who opens the shop's vault\npassphrase   \n\n# Anna\n${anna.recipient}\n# Ben\n${ben.recipient}\n`,
    );
    const env = { STRONGROOM_NEW_PASSPHRASE_FILE: web.passphrase() };
    const made = await web.ok(
      ['init', '--location', vault, '--name', 'shop', '--keys', 'keys.txt', '--json'],
      { env },
    );
    expect(made.summary().keys).toEqual(['passphrase', 'age-1', 'age-2']);
    await web.ok(['backup']);
    const cat = (env: RunOptions['env']) => web.run(['cat', 'latest', '.env', '--json'], { env });
    for (const way of [
      { STRONGROOM_IDENTITY_FILE: anna.file },
      { STRONGROOM_IDENTITY_FILE: ben.file },
      { STRONGROOM_PASSPHRASE: PASSPHRASE },
    ]) {
      expect((await cat(way)).stdout).toBe('TOKEN=4711\n');
    }
    const stranger = await machine('carol').identity();
    const refused = await cat({ STRONGROOM_IDENTITY_FILE: stranger.file });
    expect([refused.code, refused.failure().code]).toEqual([12, 'no-key-fits']);
    // Of several at hand the one that fits is found.
    expect((await cat({ STRONGROOM_IDENTITY_FILE: `${stranger.file}:${ben.file}` })).stdout).toBe(
      'TOKEN=4711\n',
    );
    const listed = await web.ok(['keys', 'list', '--json']);
    expect(
      listed
        .lines()
        .filter((m) => m.message_type === 'key')
        .map((m) => m.method),
    ).toEqual(['passphrase', 'age', 'age']);
  });

  it('a post-quantum identity, where init was asked for that', async () => {
    const identity = await generateIdentity('hybrid');
    const file = web.write('../keys/pq.txt', `${identity}\n`);
    const made = await web.ok([
      'init',
      '--location',
      vault,
      '--name',
      'shop',
      '--post-quantum',
      '--recipient',
      await recipientOf(identity),
      '--json',
    ]);
    expect(made.summary().pin.recipient).toMatch(/^age1pq1/);
    await web.ok(['backup']);
    const env = { STRONGROOM_IDENTITY_FILE: file };
    await web.ok(['restore', '--set', 'shop', '--target', 'out'], { env });
    expect(readFileSync(join(web.work, 'out/.env'), 'utf8')).toBe('TOKEN=4711\n');
    await web.ok(['verify', '--read-data'], { env });
  });

  it('a passphrase that was made up, where none was given', async () => {
    // There is no terminal here to show it on.
    const ran = await web.run(['init', '--location', vault, '--name', 'shop', '--passphrase', '--json']);
    expect([ran.code, ran.failure().code]).toEqual([2, 'no-terminal']);
    expect(objects()).toEqual([]);
  });

  it('no weak passphrase: that is refused with the reason, and no vault is made', async () => {
    for (const weak of ['hunter2', 'shop2026', 'aaaaaaaaaaaaaaaaaaaaaaaa']) {
      const ran = await web.run(['init', '--location', vault, '--name', 'shop', '--passphrase', '--json'], {
        env: { STRONGROOM_NEW_PASSPHRASE: weak },
      });
      expect([ran.code, ran.failure().code]).toEqual([2, 'weak-passphrase']);
      expect(ran.stderr).not.toContain(weak);
    }
    expect(objects()).toEqual([]);
    expect(existsSync(join(web.work, 'strongroom.yaml'))).toBe(false);
  });
});

it('a secret file that others can read is no secret, and is refused', async () => {
  const me = await web.identity();
  await web.ok(['init', '--location', vault, '--name', 'shop', '--recipient', me.recipient]);
  await web.ok(['backup']);
  chmodSync(me.file, 0o640);
  const ran = await web.run(['cat', 'latest', '.env', '--json'], {
    env: { STRONGROOM_IDENTITY_FILE: me.file },
  });
  expect([ran.code, ran.failure().code]).toEqual([2, 'secret-file-readable']);
});

describe('who may open a vault changes', () => {
  const cat = (on: Machine, env: RunOptions['env']) => on.run(['cat', 'latest', '.env', '--json'], { env });

  it('while it holds snapshots: a colleague comes, the passphrase changes, a colleague goes', async () => {
    const [anna, ben] = [await machine('anna').identity(), await machine('ben').identity()];
    const env = { STRONGROOM_PASSPHRASE_FILE: web.passphrase() };
    await web.ok(
      ['init', '--location', vault, '--name', 'shop', '--passphrase', '--recipient', anna.recipient],
      { env },
    );
    await web.ok(['backup']);
    const withAnna = { env: { STRONGROOM_IDENTITY_FILE: anna.file } };
    await web.ok(['keys', 'add', '--recipient', ben.recipient, '--name', 'ben'], withAnna);
    expect((await cat(web, { STRONGROOM_IDENTITY_FILE: ben.file })).stdout).toBe('TOKEN=4711\n');
    const changed = 'lantern gravel october piano willow seven';
    await web.ok(['keys', 'passwd'], { env: { ...env, STRONGROOM_NEW_PASSPHRASE: changed } });
    expect((await cat(web, env)).code).toBe(12);
    expect((await cat(web, { STRONGROOM_PASSPHRASE: changed })).stdout).toBe('TOKEN=4711\n');
    await web.ok(['keys', 'remove', 'ben', '--yes'], withAnna);
    expect((await cat(web, { STRONGROOM_IDENTITY_FILE: ben.file })).failure().code).toBe('no-key-fits');
    // One object for each key that opens it, and none of those that did.
    expect(objects().filter((name) => /^keys\/1\/./.test(name))).toHaveLength(2);
    // The host that holds no key goes on, and everything is sound.
    await web.ok(['backup']);
    await web.ok(['verify', '--read-data'], withAnna);
    expect((await web.ok(['keys', 'list', '--json'])).summary()).toMatchObject({ keys: 2, revision: 4 });
  });

  it('by a passphrase that was made up, shown at the terminal before it counts', async () => {
    const env = { STRONGROOM_PASSPHRASE_FILE: web.passphrase() };
    await web.ok(['init', '--location', vault, '--name', 'shop', '--passphrase'], { env });
    await web.ok(['backup']);
    const prompt = 'New passphrase (empty: make up a strong one)';
    const steps = JSON.stringify([[prompt, '\r']]);
    const ran = await web.run(['keys', 'passwd'], {
      env,
      under: ['python3', join(import.meta.dirname, '../cli/person.py'), steps],
    });
    const { code, shown, stdout } = JSON.parse(ran.stdout);
    expect([code, stdout]).toEqual([0, expect.stringContaining('is changed')]);
    const [, words = ''] = /^ {4}(\S+)\r?$/m.exec(shown) ?? [];
    expect(words.split('-')).toHaveLength(7);
    expect(stdout).not.toContain(words);
    expect((await cat(web, env)).code).toBe(12);
    expect((await cat(web, { STRONGROOM_PASSPHRASE: words })).stdout).toBe('TOKEN=4711\n');
    // Typed with a slip, it is asked for once more.
    const slip = ['cat', 'latest', '.env'];
    const typed = JSON.stringify([
      ['Passphrase', 'slip\r'],
      ['does not open it', ''],
      ['Passphrase', `${words}\r`],
    ]);
    const again = await web.run(slip, {
      under: ['python3', join(import.meta.dirname, '../cli/person.py'), typed],
    });
    expect(JSON.parse(again.stdout)).toMatchObject({ code: 0, stdout: 'TOKEN=4711\n' });
  });
});

describe('a KMS key', () => {
  let kms: Kms;
  let arn: string;
  beforeAll(async () => {
    kms = await startKms();
    arn = kms.createKey();
  });
  afterAll(() => kms.close());
  const as = ({ accessKeyId, secretAccessKey }: Credentials) => ({
    AWS_ENDPOINT_URL_KMS: kms.endpoint,
    AWS_ACCESS_KEY_ID: accessKeyId,
    AWS_SECRET_ACCESS_KEY: secretAccessKey,
  });

  it('is added where it can be tried, and otherwise only when that is asked for', async () => {
    const me = await web.identity();
    const env = { STRONGROOM_IDENTITY_FILE: me.file };
    await web.ok(['init', '--location', vault, '--name', 'shop', '--recipient', me.recipient]);
    await web.ok(['backup']);
    const mayEncrypt = { ...env, ...as(kms.createUser(['Encrypt'])) };
    const before = objects();
    const refused = await web.run(['keys', 'add', '--kms', arn, '--json'], { env: mayEncrypt });
    expect(refused).toMatchObject({ code: 12, stdout: '' });
    expect(refused.failure()).toMatchObject({
      code: 'kms-denied',
      message: expect.stringMatching(
        /^the new key kms would not open the vault here: kms:Decrypt .*access denied$/,
      ),
      hint: expect.stringMatching(
        /allow this role kms:Decrypt on arn:.*; nothing was changed; with --untested/,
      ),
    });
    expect(objects()).toEqual(before);
    const neither = await web.run(['keys', 'add', '--kms', arn, '--json'], {
      env: { ...env, ...as(kms.createUser([])) },
    });
    expect([neither.code, neither.failure().code]).toEqual([12, 'kms-denied']);
    expect(objects()).toEqual(before);

    const added = await web.ok(['keys', 'add', '--kms', arn, '--untested', '--json'], { env: mayEncrypt });
    expect(added.lines()[0]).toMatchObject({ name: 'kms', arn, tested: false });
    expect(added.warnings()).toMatchObject([{ code: 'untested-key' }]);
    const twice = await web.run(['keys', 'add', '--kms', arn, '--untested', '--json'], { env: mayEncrypt });
    expect([twice.code, twice.failure().code]).toEqual([2, 'same-key']);

    const mayDecrypt = as(kms.createUser(['Decrypt']));
    const tested = await web.ok(['keys', 'test', 'kms', '--json'], { env: mayDecrypt });
    expect(tested.lines()[0]).toMatchObject({ name: 'kms', arn, outcome: 'opens' });
    const denied = await web.run(['keys', 'test', 'kms', '--json'], { env: mayEncrypt });
    expect([denied.code, denied.failure().code]).toEqual([12, 'kms-denied']);

    // A second one, by an alias, tried at once; and the keys file that names the alias finds it again.
    const other = kms.createKey();
    const alias = kms.setAlias('second', other);
    const both = { ...env, ...as(kms.createUser(['Encrypt', 'Decrypt', 'DescribeKey'])) };
    const second = await web.ok(['keys', 'add', '--kms', alias, '--json'], { env: both });
    expect(second.lines()[0]).toMatchObject({ name: 'kms-2', arn: other, tested: true });
    web.write('keys.txt', `${arn}\n${alias}\n`);
    const applied = await web.ok(['keys', 'apply', 'keys.txt', '--yes', '--json'], { env: both });
    expect(applied.summary()).toMatchObject({ added: 0, removed: 1, keys: 2 });
    const { notes } = (await web.ok(['keys', 'list', '--json'])).summary();
    expect(notes).toEqual([expect.stringMatching(/^every way in hangs on the AWS account \d{12}: /)]);
  });
});
