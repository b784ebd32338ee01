// `keys add`, `remove`, `passwd`, `test` and `apply` as they are typed: what they say, and every bad input.

import { spawnSync } from 'node:child_process';
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { beforeEach, describe, expect, it } from 'vitest';
import { generateIdentity, recipientOf } from '../../../src/crypt/identity.ts';
import { newPassphraseKey } from '../../../src/keys/passphrase.ts';
import { openStore } from '../../../src/store/index.ts';
import { noMemory } from '../../../src/vault/client.ts';
import { changeKeys } from '../../../src/vault/keys/change.ts';
import { unlock } from '../../../src/vault/unlock.ts';
import { treeOf, withKey } from '../../support/vault.ts';
import { type Desk, deskWithVault } from '../desk.ts';

const OLD = 'staple orbit velvet canyon marble thirteen';
const NEW = 'lantern gravel october piano willow seven';

let at: Desk;
beforeEach(async () => {
  at = await deskWithVault();
});

interface Person {
  readonly identity: string;
  readonly recipient: string;
  /** The variables that give the identity. */
  readonly env: { readonly STRONGROOM_IDENTITY_FILE: string };
}

async function person(name: string): Promise<Person> {
  const identity = await generateIdentity('x25519');
  const file = at.write(join(at.base, `keys/${name}.txt`), `${identity}\n`);
  return { identity, recipient: await recipientOf(identity), env: { STRONGROOM_IDENTITY_FILE: file } };
}

/** Makes an SSH key pair; the path of its private half. */
function sshKey(name: string, comment = 'me@laptop'): string {
  mkdirSync(join(at.base, 'ssh'), { recursive: true, mode: 0o700 });
  const path = join(at.base, 'ssh', name);
  const made = spawnSync('ssh-keygen', ['-q', '-t', 'ed25519', '-N', '', '-C', comment, '-f', path]);
  if (made.status !== 0) throw new Error(String(made.stderr));
  return path;
}

const names = async (): Promise<string[]> =>
  (await at.ok('keys list --json'))
    .json()
    .filter(({ message_type }) => message_type === 'key')
    .map(({ name }) => name);

/** The vault as it is on disk. */
const stored = () => treeOf(join(at.base, 'vault'));

/** The desk's vault opens with {@link OLD} too: one that costs nothing to try. */
async function addOldPassphrase(): Promise<void> {
  const store = await openStore(join(at.base, 'vault'));
  const context = { store, memory: noMemory(), now: () => at.clock.now };
  const vault = await unlock(context, {
    credentials: async () => [await withKey(at.identity)],
    confirm: async () => true,
  });
  await changeKeys(vault, {
    add: [{ key: newPassphraseKey('passphrase', OLD, 10), proofs: [] }],
    by: 'web-1',
  });
}

describe('keys add', () => {
  it('adds an age key, and says whether it was tried', async () => {
    const anna = await person('anna');
    const said = await at.ok(`keys add --recipient ${anna.recipient} --name anna`);
    expect(`${said.out}${said.err}`).toMatchInlineSnapshot(`
      "added anna (SHORT-2) to the vault shop
      revision 2
      strongroom: warning: the key anna was not tried here
      strongroom: hint: run \`strongroom keys test anna\` where what opens it is
      "
    `);
    await at.ok('backup');
    expect((await at.say('cat latest .env', anna.env)).out).toBe('TOKEN=1\n');
    const ben = await person('ben');
    const files = `${at.env.STRONGROOM_IDENTITY_FILE}:${ben.env.STRONGROOM_IDENTITY_FILE}`;
    const tried = await at.say(`keys add --recipient ${ben.recipient}`, { STRONGROOM_IDENTITY_FILE: files });
    expect(tried).toMatchObject({ code: 0, err: '' });
    expect(tried.out).toMatch(/^age-2 \(SHORT-\d\) opens the vault shop now, and was seen to\nrevision 3\n$/);
  });

  it('adds an SSH key by its .pub file, called after its comment', async () => {
    const key = sshKey('id');
    const said = await at.ok(`keys add --ssh ${key}.pub`);
    expect(said.out).toMatch(/^added me-laptop \(FINGERPRINT-\d\) to the vault shop$/m);
    const env = { STRONGROOM_IDENTITY_FILE: key };
    const tested = await at.say('keys test me-laptop --json', env);
    expect(tested.code).toBe(0);
    expect(tested.json()[0]).toMatchObject({ name: 'me-laptop', method: 'ssh', outcome: 'opens' });
  });

  it('adds a passphrase from the environment, tried before it counts', async () => {
    const said = await at.say('keys add --passphrase --name safe --json', { STRONGROOM_NEW_PASSPHRASE: NEW });
    expect(said).toMatchObject({ code: 0, err: '' });
    expect(said.lines()).toEqual([
      '{"message_type":"key","name":"safe","method":"passphrase","added":"2025-03-01T06:00:12Z","by":"web-1","tested":true}',
      '{"message_type":"summary","vault":"shop","revision":2,"generation":1,"keys":2,"added":["safe"]}',
    ]);
    await at.ok('backup');
    const env = { STRONGROOM_IDENTITY_FILE: undefined, STRONGROOM_PASSPHRASE: NEW };
    expect((await at.say('cat latest .env', env)).out).toBe('TOKEN=1\n');
  });

  it.each<[string, string | (() => string), number, string, object?]>([
    ['nothing to add', 'keys add', 2, 'one-key'],
    [
      'two kinds at once',
      'keys add --passphrase --kms arn:aws:kms:eu-west-1:111122223333:key/a',
      2,
      'one-key',
    ],
    ['a recipient with a slip in it', 'keys add --recipient age1abc', 2, 'bad-recipient'],
    ['a private key', 'keys add --recipient AGE-SECRET-KEY-1ABC', 2, 'bad-recipient'],
    ['no ARN', 'keys add --kms alias/strongroom', 2, 'bad-kms-key'],
    ['a file that is not there', 'keys add --ssh no.pub', 2, 'bad-ssh-key'],
    ['the private half', () => `keys add --ssh ${sshKey('id')}`, 2, 'bad-ssh-key'],
    ['a name that is none', () => `keys add --recipient ${at.recipient} --name Anna`, 2, 'bad-name'],
    ['a key that is there', () => `keys add --recipient ${at.recipient} --name anna`, 2, 'same-key'],
    [
      'a weak passphrase',
      'keys add --passphrase',
      2,
      'weak-passphrase',
      { STRONGROOM_NEW_PASSPHRASE: 'hunter2' },
    ],
    ['no passphrase', 'keys add --passphrase', 2, 'no-terminal'],
    [
      'nothing that opens the vault',
      'keys add --passphrase',
      12,
      'no-key-fits',
      { STRONGROOM_IDENTITY_FILE: undefined },
    ],
  ])('refuses %s, and changes nothing', async (_, line, code, which, env = {}) => {
    const before = stored();
    const words = typeof line === 'string' ? line : line();
    const said = await at.say(`${words} --json`, env as Record<string, string>);
    expect([said.code, said.out]).toEqual([code, '']);
    expect(JSON.parse(said.err)).toMatchObject({ code: which, hint: expect.any(String) });
    expect(said.err).not.toMatch(/hunter2|SECRET-KEY-1ABC/);
    expect(stored()).toEqual(before);
  });

  it('refuses a name that is taken', async () => {
    const anna = await person('anna');
    const said = await at.say(`keys add --recipient ${anna.recipient} --name age`);
    expect([said.code, said.err]).toEqual([
      2,
      'strongroom: error: the name age is taken\nstrongroom: hint: give each key a name of its own\n',
    ]);
  });
});

describe('keys remove', () => {
  it('asks, says what it does not undo, and removes', async () => {
    const anna = await person('anna');
    await at.ok(`keys add --recipient ${anna.recipient} --name anna`);
    const unanswered = await at.say('keys remove anna');
    expect(unanswered.code).toBe(2);
    expect(await names()).toEqual(['age', 'anna']);
    const said = await at.ok('keys remove anna --yes');
    expect(`${said.out}${said.err}`).toMatchInlineSnapshot(`
      "anna opens the vault shop no longer
      revision 3
      strongroom: warning: whoever had anna may have kept what it opens, and can read the snapshots with that
      strongroom: hint: \`strongroom keys rotate --reencrypt\` makes that worthless
      "
    `);
    expect(await names()).toEqual(['age']);
    await at.ok('backup');
    expect((await at.say('cat latest .env', anna.env)).code).toBe(12);
  });

  it('warns when the only key that is known to work goes', async () => {
    const anna = await person('anna');
    await at.ok(`keys add --recipient ${anna.recipient} --name anna`);
    const said = await at.say('keys remove age --dry-run');
    expect(said).toMatchObject({ code: 0, out: 'would remove age\n' });
    expect(said.err).toContain(
      'warning: the key that opened the vault just now, age, is to go, and none of the others was tried here: anna\n',
    );
    expect(said.err).toContain('`strongroom keys rotate --without age` ends it');
    const files = `${at.env.STRONGROOM_IDENTITY_FILE}:${anna.env.STRONGROOM_IDENTITY_FILE}`;
    const tried = await at.say('keys remove age --yes', { STRONGROOM_IDENTITY_FILE: files });
    expect(tried.code).toBe(0);
    expect(tried.err).not.toContain('none of the others');
  });

  it('refuses the last key, and one that is not there', async () => {
    const before = stored();
    const last = await at.say('keys remove age --yes');
    expect([last.code, last.err]).toEqual([
      11,
      'strongroom: error: age is the last key of the vault\nstrongroom: hint: without a key nothing in it can be read again: add another one first with `strongroom keys add`\n',
    ]);
    const unknown = await at.say('keys remove anna --yes');
    expect([unknown.code, unknown.err]).toEqual([
      10,
      'strongroom: error: the vault has no key "anna"\nstrongroom: hint: it opens with: age\n',
    ]);
    expect(stored()).toEqual(before);
  });
});

describe('keys passwd', () => {
  it('changes a passphrase', async () => {
    await addOldPassphrase();
    const env = { STRONGROOM_IDENTITY_FILE: undefined, STRONGROOM_PASSPHRASE: OLD };
    const said = await at.say('keys passwd', { ...env, STRONGROOM_NEW_PASSPHRASE: NEW });
    expect(said).toMatchObject({ code: 0, err: '' });
    expect(said.out).toBe('the passphrase of the vault shop is changed (the key passphrase)\nrevision 3\n');
    const tested = await at.say('keys test', { ...env, STRONGROOM_PASSPHRASE: NEW });
    expect(tested.out).toMatch(/^passphrase +passphrase +opens, in N s +the passphrase$/m);
  });

  it('changes nothing for a wrong one, the same one or a weak one', async () => {
    await addOldPassphrase();
    const before = stored();
    const tell = async (old: string, fresh: string | undefined, name = '') => {
      const env = { STRONGROOM_PASSPHRASE: old, STRONGROOM_NEW_PASSPHRASE: fresh };
      const said = await at.say(`keys passwd${name}`, env);
      expect(stored()).toEqual(before);
      return `${said.code}\n${said.out}${said.err}`;
    };
    expect(await tell(NEW, NEW)).toMatchInlineSnapshot(`
      "12
      strongroom: error: the old passphrase opens no key of this vault
      strongroom: hint: nothing was changed; if it is lost, use another key to run \`strongroom keys add --passphrase\`, then remove this one
      "
    `);
    expect(await tell(NEW, NEW, ' passphrase')).toMatchInlineSnapshot(`
      "12
      strongroom: error: the old passphrase does not open the key passphrase
      strongroom: hint: nothing was changed; if it is lost, use another key to run \`strongroom keys add --passphrase\`, then remove this one
      "
    `);
    expect(await tell(OLD, OLD)).toMatchInlineSnapshot(`
      "2
      strongroom: error: the new passphrase is the old one
      strongroom: hint: choose another one, or leave it empty to have one made up
      "
    `);
    expect(await tell(OLD, 'hunter2')).toMatchInlineSnapshot(`
      "2
      strongroom: error: the passphrase is too weak: has fewer than 12 characters
      strongroom: hint: whoever reads the store can try passphrases at leisure: use five words or more that were drawn by lot, or leave it empty to have one made up
      "
    `);
    expect(await tell(OLD, undefined)).toMatchInlineSnapshot(`
      "2
      strongroom: error: a new passphrase is needed, and there is no terminal to ask for it
      strongroom: hint: set STRONGROOM_NEW_PASSPHRASE_FILE, _COMMAND or _FD
      "
    `);
    expect(await tell(OLD, NEW, ' anna')).toMatchInlineSnapshot(`
      "10
      strongroom: error: the vault has no key "anna"
      strongroom: hint: it opens with: age, passphrase
      "
    `);
  });

  it('asks nobody where nobody is, and names what gives both passphrases', async () => {
    await addOldPassphrase();
    const said = await at.say('keys passwd');
    expect([said.code, said.err]).toEqual([
      12,
      'strongroom: error: the old passphrase is needed, and there is no terminal to ask for it\nstrongroom: hint: give it with STRONGROOM_PASSPHRASE_FILE, and the new one with STRONGROOM_NEW_PASSPHRASE_FILE\n',
    ]);
  });

  it('is not for another kind of key', async () => {
    const env = { STRONGROOM_PASSPHRASE: OLD, STRONGROOM_NEW_PASSPHRASE: NEW };
    for (const [line, message] of [
      ['keys passwd age', 'the key age is no passphrase'],
      ['keys passwd', 'the vault shop opens with no passphrase'],
    ] as const) {
      const said = await at.say(line, env);
      expect(said.code).toBe(2);
      expect(said.err).toBe(
        `strongroom: error: ${message}\nstrongroom: hint: add one with \`strongroom keys add --passphrase\`\n`,
      );
    }
  });
});

describe('keys test', () => {
  it('tries what can be tried without a question', async () => {
    const anna = await person('anna');
    await at.ok(`keys add --recipient ${anna.recipient} --name anna`);
    const said = await at.ok('keys test');
    expect(said.err).toBe('');
    expect(said.out).toMatchInlineSnapshot(`
      "KEY   METHOD
      age   age     opens, in N s  the identity in BASE/keys/me.txt; SHORT-1
      anna  age     not tried        SHORT-2
      "
    `);
    expect((await at.ok('keys test --json')).json().at(-1)).toMatchObject({
      opens: 1,
      fails: 0,
      untested: 1,
    });
  });

  it('ends with 12 when the key does not open, whatever the reason', async () => {
    const anna = await person('anna');
    expect(await at.say('keys test age', anna.env)).toMatchObject({
      code: 12,
      out: '',
      err: 'strongroom: error: nothing at hand is the key age (SHORT-1)\nstrongroom: hint: run it where it is, and name its file in STRONGROOM_IDENTITY_FILE\n',
    });
    expect(await at.say('keys test', anna.env)).toMatchObject({ code: 12, out: '' });
    expect(await at.say('keys test ben')).toMatchObject({ code: 10 });
    const [slot] = Object.keys(stored()).filter((path) => path.startsWith('keys/1/age-'));
    at.write(join(at.base, 'vault', slot!), 'x');
    expect(await at.say('keys test age')).toMatchObject({ code: 13 });
    expect(await at.say('keys test')).toMatchObject({
      code: 12,
      out: expect.stringContaining('does not open'),
    });
  });
});

describe('keys apply', () => {
  it('shows the plan, and makes it so in one revision', async () => {
    const [anna, ben] = [await person('anna'), await person('ben')];
    const key = sshKey('id');
    await at.ok(`keys add --recipient ${anna.recipient} --name anna`);
    const ssh = spawnSync('cat', [`${key}.pub`], { encoding: 'utf8' }).stdout;
    at.write('keys.txt', `# ours\n${at.recipient}\n${ben.recipient} ben\n${ssh}`);
    const before = stored();
    const dry = await at.ok('keys apply keys.txt --dry-run');
    expect(dry.out).toMatchInlineSnapshot(`
      "+ add    ben (SHORT-3)
      + add    me-laptop (FINGERPRINT-2)
        keep   age (SHORT-1)
      - remove anna (SHORT-2)
      nothing was changed
      "
    `);
    expect(stored()).toEqual(before);
    expect((await at.say('keys apply keys.txt')).code).toBe(2);
    expect(stored()).toEqual(before);
    const said = await at.ok('keys apply keys.txt --yes');
    expect(said.out).toMatchInlineSnapshot(`
      "added ben (SHORT-3)
      added me-laptop (FINGERPRINT-2)
      removed anna (SHORT-2)
      revision 3
      "
    `);
    expect(said.err).toContain('- remove anna');
    expect(said.err).toContain('whoever had anna may have kept what it opens');
    expect(await names()).toEqual(['age', 'ben', 'me-laptop']);
    const again = await at.ok('keys apply keys.txt --yes');
    expect([again.out, again.err]).toEqual(['nothing to do: the keys are those of the file\n', '']);
  });

  it('says which keys keep another name than the file gives them', async () => {
    at.write('keys.txt', `${at.recipient} me\n`);
    for (const flag of ['', ' --dry-run']) {
      const said = await at.ok(`keys apply keys.txt${flag}`);
      expect([said.out, said.err]).toEqual([
        'nothing to do: the keys are those of the file\n',
        'strongroom: the key age keeps its name, though the file calls it me\n',
      ]);
    }
    expect(await names()).toEqual(['age']);
  });

  it('says of a recovery kit that it is one before it goes', async () => {
    await at.ok('recovery kit');
    at.write('keys.txt', `${at.recipient}\n`);
    const { out } = await at.ok('keys apply keys.txt --dry-run');
    expect(out).toMatch(/^- remove kit \(SHORT-\d\) - a recovery kit$/m);
    expect((await at.ok('keys apply keys.txt --dry-run --json')).json()).toMatchObject([
      { action: 'keep', name: 'age' },
      { action: 'remove', name: 'kit', kit: true },
      { removed: 1 },
    ]);
  });

  it('does not remove the only key that is known to work', async () => {
    const anna = await person('anna');
    at.write('keys.txt', `${anna.recipient} anna\n`);
    const before = stored();
    const said = await at.say('keys apply keys.txt --yes');
    expect(said.code).toBe(11);
    expect(said.err).toContain('no key that would be left was seen to open the vault');
    expect(stored()).toEqual(before);
    const files = `${at.env.STRONGROOM_IDENTITY_FILE}:${anna.env.STRONGROOM_IDENTITY_FILE}`;
    expect(await at.say('keys apply keys.txt --yes', { STRONGROOM_IDENTITY_FILE: files })).toMatchObject({
      code: 0,
    });
    expect(await names()).toEqual(['anna']);
    const same = (await at.say('keys apply keys.txt --json', anna.env)).json();
    expect(same).toMatchObject([
      { message_type: 'key', action: 'keep', name: 'anna' },
      { added: 0, removed: 0, dry_run: false },
    ]);
  });

  it('asks for the passphrase that the file names, and for one alone', async () => {
    at.write('keys.txt', `${at.recipient}\npassphrase\npassphrase safe\n`);
    const env = { STRONGROOM_NEW_PASSPHRASE: NEW };
    const two = await at.say('keys apply keys.txt --yes', env);
    expect([two.code, two.err]).toEqual([
      2,
      'strongroom: error: the file names more than one new passphrase\nstrongroom: hint: nothing was changed: add them one by one with `strongroom keys add --passphrase --name NAME`\n',
    ]);
    at.write('keys.txt', `${at.recipient}\npassphrase safe\n`);
    expect((await at.say('keys apply keys.txt --yes', env)).code).toBe(0);
    expect(await names()).toEqual(['age', 'safe']);
    // A line without a name means it too.
    at.write('keys.txt', `${at.recipient}\npassphrase\n`);
    expect((await at.ok('keys apply keys.txt --yes')).out).toContain('nothing to do');
  });

  it('refuses a file that is none', async () => {
    at.write('keys.txt', 'hunter2\n');
    expect(await at.say('keys apply keys.txt')).toMatchObject({
      code: 2,
      err: expect.not.stringContaining('hunter2'),
    });
    expect((await at.say('keys apply no.txt')).err).toContain('the keys file "no.txt" cannot be read');
  });
});

describe('keys list', () => {
  it('says of an SSH key that it is used to log in', async () => {
    const key = sshKey('id_ed25519');
    await at.ok(`keys add --ssh ${key}.pub --name me`);
    const home = join(at.base, 'home');
    expect((await at.say('keys list', { HOME: home })).out).toContain(
      'note: an SSH key that is also used to log in',
    );
    const line = spawnSync('cat', [`${key}.pub`], { encoding: 'utf8' }).stdout;
    at.write(join(home, '.ssh/authorized_keys'), `# mine\nno-pty ${line}`);
    expect((await at.say('keys list', { HOME: home })).out).toContain(
      'note: the SSH key me is in ~/.ssh/authorized_keys, so it is used to log in too',
    );
  });
});
