// Ways to open a new vault that name SSH keys, and what keys are called, typed at a desk.
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { generateIdentity, recipientOf } from '../../../src/crypt/identity.ts';
import { makeKey, workspace } from '../../sign/ssh-keygen.ts';
import { type Desk, desk } from '../desk.ts';

const directory = workspace();
const PASSPHRASE = 'correct horse battery';
type Made = ReturnType<typeof makeKey>;
let bob: Made;
let carol: Made;
let rsa: Made;
beforeAll(() => {
  bob = makeKey(directory, 'bob@laptop', ['-t', 'ed25519']);
  carol = makeKey(directory, 'carol', ['-t', 'ed25519'], PASSPHRASE);
  rsa = makeKey(directory, 'rsa', ['-t', 'rsa', '-b', '2048']);
});

let at: Desk;
beforeEach(async () => {
  at = await desk();
});

const bare = ({ publicLine }: Made): string => publicLine.split(' ').slice(0, 2).join(' ');
const init = (...args: string[]) => ['init', '--location', '../vault', '--json', ...args];
const document = () =>
  JSON.parse(readFileSync(join(at.base, 'vault/vault/1.json'), 'utf8').split('\n-----BEGIN')[0]!);

describe('init with an SSH key', () => {
  it.each<[string, () => string, string]>([
    ['a line with a comment', () => bob.publicLine, 'bob-laptop-comment'],
    ['a line without', () => bare(bob), 'ssh'],
    ['a .pub file', () => `${bob.path}.pub`, 'bob-laptop-comment'],
    ['an RSA key', () => bare(rsa), 'ssh'],
  ])('takes %s, and the key opens the vault', async (_, recipient, name) => {
    const made = await at.ok(init('--recipient', recipient()));
    expect(made.json()[0]).toMatchObject({ keys: [name] });
    const key = recipient().startsWith('ssh-rsa') ? rsa : bob;
    expect(document().slots[0]).toMatchObject({ name, method: 'ssh', recipient: bare(key) });
    await at.ok('backup');
    const seen = await at.say('cat latest .env', { STRONGROOM_IDENTITY_FILE: key.path });
    expect([seen.code, seen.bytes.toString(), seen.err]).toEqual([0, 'TOKEN=1\n', '']);
    // Another key is told which one would do.
    const locked = await at.say('cat latest .env');
    expect(locked.code).toBe(12);
    expect(locked.err).toMatch(/opens with: .* \(FINGERPRINT-\d+\).*STRONGROOM_IDENTITY_FILE/);
  });

  it('opens it with a key that has a passphrase, for which no terminal is needed', async () => {
    await at.ok(init('--recipient', `${carol.path}.pub`));
    await at.ok('backup');
    const cat = (env: Record<string, string>) =>
      at.say('cat latest .env --json', { STRONGROOM_IDENTITY_FILE: carol.path, ...env });
    expect((await cat({ STRONGROOM_SSH_PASSPHRASE: PASSPHRASE })).bytes.toString()).toContain('TOKEN=1');
    const file = at.write(join(at.base, 'keys/pass'), `${PASSPHRASE}\n`);
    expect((await cat({ STRONGROOM_SSH_PASSPHRASE_FILE: file })).code).toBe(0);
    const wrong = await cat({ STRONGROOM_SSH_PASSPHRASE: 'hunter2' });
    expect(JSON.parse(wrong.err)).toMatchObject({
      code: 'wrong-ssh-passphrase',
      exit_code: 12,
      message: `the passphrase does not open the SSH key ${carol.path}`,
    });
    // That of the vault is another.
    const nobody = await cat({});
    expect(JSON.parse(nobody.err)).toMatchObject({
      code: 'no-terminal',
      exit_code: 12,
      hint: expect.stringContaining('STRONGROOM_SSH_PASSPHRASE_FILE'),
    });
  });

  it('does not ask for the passphrase of a key that the vault does not name', async () => {
    await at.ok(init('--recipient', bare(bob), '--recipient', at.recipient));
    await at.ok('backup');
    const files = [carol.path, at.env.STRONGROOM_IDENTITY_FILE].join(':');
    const seen = await at.say('cat latest .env', { STRONGROOM_IDENTITY_FILE: files });
    expect([seen.code, seen.bytes.toString()]).toEqual([0, 'TOKEN=1\n']);
  });

  it('never takes the private key itself into a backup, with a passphrase or without', async () => {
    await at.ok(init('--recipient', bare(bob), '--recipient', bare(carol), '--recipient', bare(rsa)));
    for (const { text } of [bob, carol, rsa]) {
      at.write('certs/key', text);
      expect(JSON.parse((await at.say('backup --json')).err)).toMatchObject({ code: 'key-in-backup' });
    }
    at.write('certs/key', '');
    const pass = at.write('certs/pass', `${PASSPHRASE}\n`);
    const said = await at.say('backup --json', { STRONGROOM_SSH_PASSPHRASE_FILE: pass });
    expect(JSON.parse(said.err)).toMatchObject({ code: 'key-in-backup', object: 'certs/pass' });
  });

  it('is no proof of whose vault it is: without a pin it is asked', async () => {
    await at.ok(init('--recipient', bare(bob)));
    await at.ok('backup');
    const fresh = { XDG_STATE_HOME: join(at.base, 'fresh'), STRONGROOM_CONFIG: undefined };
    const elsewhere = at.write(join(at.base, 'other.yaml'), `location: ${join(at.base, 'vault')}\n`);
    const args = [
      'cat',
      'latest',
      '.env',
      '--host',
      'web-1',
      '--set',
      'shop',
      '--json',
      '--config',
      elsewhere,
    ];
    const said = await at.say(args, { STRONGROOM_IDENTITY_FILE: bob.path, ...fresh });
    expect(JSON.parse(said.err.split('\n')[0]!)).toMatchObject({ code: 'not-trusted', exit_code: 12 });
  });

  it('says that it keeps a post-quantum vault from being one', async () => {
    const said = await at.ok(init('--post-quantum', '--recipient', bare(bob)));
    expect(JSON.parse(said.err)).toMatchObject({ code: 'not-post-quantum', object: 'ssh' });
  });

  it.each<[string, () => string, string, RegExp]>([
    ['ecdsa', () => 'ecdsa-sha2-nistp256 AAAA me', 'bad-ssh-key', /ECDSA key can sign/],
    ['a cut one', () => `${bare(bob).slice(0, 40)} me`, 'bad-ssh-key', /not an SSH public key/],
    ['the private file', () => bob.path, 'bad-keys-file', /line 1: a private key does not belong here/],
    ['the private text', () => bob.text, 'bad-recipient', /a private key was given/],
    ['half of it', () => 'ssh-ed25519', 'bad-keys-file', /cannot be read/],
  ])('makes nothing of %s', async (_, recipient, code, message) => {
    const said = await at.say(init('--recipient', recipient()));
    expect(JSON.parse(said.err)).toMatchObject({
      code,
      exit_code: 2,
      message: expect.stringMatching(message),
    });
    expect(said.err).not.toContain(bob.text.split('\n')[3]);
    expect(existsSync(join(at.base, 'vault'))).toBe(false);
  });
});

describe('the keys of a new vault', () => {
  const withKeys = async (lines: string[], ...args: string[]) => {
    const file = join(at.base, 'keys.txt');
    writeFileSync(file, lines.join('\n'));
    return at.say(init('--keys', file, ...args), {
      STRONGROOM_NEW_PASSPHRASE: 'staple orbit velvet canyon marble',
    });
  };
  const another = async () => recipientOf(await generateIdentity('x25519'));

  it('are called as their lines say, and after their kind where those say nothing', async () => {
    const said = await withKeys([
      'passphrase break-glass',
      `${await another()} alice`,
      await another(),
      await another(),
      bob.publicLine,
      bare(rsa),
    ]);
    expect([said.code, said.json()[0]?.keys]).toEqual([
      0,
      ['break-glass', 'alice', 'age-1', 'age-2', 'bob-laptop-comment', 'ssh'],
    ]);
  });

  it('are told apart where their names would be the same, and chosen names stay', async () => {
    const said = await withKeys([
      `${bare(bob)} age`,
      `${bare(carol)} age`,
      await another(),
      `${bare(rsa)} ПРИВЕТ`,
      `${at.recipient} ssh`,
    ]);
    expect(said.json()[0]?.keys).toEqual(['age', 'ssh', 'age-2', 'age-3', 'ssh-2']);
    expect(document().slots.map((slot: { name: string }) => slot.name)).toEqual(said.json()[0]?.keys);
  });

  it('are never called what is reserved', async () => {
    expect((await withKeys([`${bare(bob)} previous`])).json()[0]?.keys).toEqual(['previous-2']);
  });

  it('are one where one is named twice, under the name that it was given', async () => {
    const said = await withKeys(
      [`${at.recipient}`, `${bare(bob)}`, 'passphrase'],
      '--recipient',
      bob.publicLine,
      '--recipient',
      at.recipient,
      '--passphrase',
    );
    expect(said.json()[0]?.keys).toEqual(['passphrase', 'age', 'bob-laptop-comment']);
  });

  it('begin with one passphrase', async () => {
    const said = await withKeys(['passphrase one', 'passphrase two']);
    expect(JSON.parse(said.err)).toMatchObject({ code: 'bad-keys-file', exit_code: 2 });
  });
});
