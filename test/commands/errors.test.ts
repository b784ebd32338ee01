// The failures that people meet, said by the shipped program: one line of cause, a hint with the next step, the exit
// code that scripts hold us to, and the same to programs.

import { spawnSync } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { chownSync, existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { beforeAll, describe, expect, it, onTestFinished } from 'vitest';
import { identityCredential } from '../../src/keys/recipient.ts';
import { openStore } from '../../src/store/index.ts';
import { noMemory } from '../../src/vault/client.ts';
import { unlock } from '../../src/vault/unlock.ts';
import { sign } from '../support/forge.ts';
import { type Machine, machines, type RunOptions } from '../support/program.ts';

const machine = machines();
const isRoot = process.getuid?.() === 0;

let on: Machine;
let me: Awaited<ReturnType<Machine['identity']>>;
let vault: string;
beforeAll(async () => {
  on = machine('web-1');
  me = await on.identity();
  vault = join(on.directory, 'vault');
  on.write('.env', 'TOKEN=1\n');
  await on.ok(['init', '--location', vault, '--recipient', me.recipient, '--name', 'shop']);
  await on.ok(['backup']);
});

const withKey = (): RunOptions => ({ env: { STRONGROOM_IDENTITY_FILE: me.file } });

/** Runs a command that must fail: its stderr with the machine's directory as BASE, held to say the same as JSON. */
async function failure(args: readonly string[], code: number, options: RunOptions = {}): Promise<string> {
  const ran = await on.run(args, options);
  expect(ran.code, ran.stderr).toBe(code);
  expect(ran.stdout).toBe('');
  const json = (await on.run([...args, '--json'], options)).failure();
  const [cause = '', hint = '', ...more] = plain(ran.stderr).trimEnd().split('\n');
  expect(more).toEqual([]);
  expect(cause).toBe(plain(`strongroom: error: ${json.message}`));
  expect(hint).toBe(plain(`strongroom: hint: ${json.hint}`));
  expect(json).toMatchObject({ exit_code: code, code: expect.stringMatching(/^[a-z][a-z-]+$/) });
  expect(ran.stderr).not.toMatch(/\n {4}at |Error:|node:/);
  return `${json.code}\n${plain(ran.stderr)}`;
}

/** Without what is random, or of this machine. */
function plain(text: string): string {
  return text
    .replaceAll(on.work, 'HERE')
    .replaceAll(on.directory, 'BASE')
    .replace(/age1[0-9a-z]{8}…/g, 'age1KEY…')
    .replace(/SHA256:\S{43}/g, 'FINGERPRINT')
    .replace(/\d{8}T\d{6}Z-\w{6}/g, 'ID')
    .replace(/(?<=ID\/1-)\w{10}/g, 'RANDOM');
}

/** A vault that opens with a passphrase too, with one snapshot: the flags that lead to it. */
async function passphraseVault(): Promise<string[]> {
  const place = join(on.directory, 'second');
  const where = ['--location', place, '--config', join(on.directory, 'second.yaml')];
  if (existsSync(place)) return where;
  const env = { STRONGROOM_PASSPHRASE_FILE: on.passphrase() };
  await on.ok(['init', '--passphrase', '--recipient', me.recipient, '--name', 'other', ...where], { env });
  await on.ok(['backup', '.env', '--set', 'app', ...where]);
  return where;
}

describe('a wrong passphrase', () => {
  it('is said to be one, and what else opens the vault', async () => {
    const wrong = { env: { STRONGROOM_PASSPHRASE_FILE: on.passphrase('not the one at all', 'wrong') } };
    const where = await passphraseVault();
    expect(await failure(['cat', 'latest', '.env', ...where], 12, wrong)).toMatchInlineSnapshot(`
      "wrong-passphrase
      strongroom: error: the passphrase does not open the vault other
      strongroom: hint: it opens with: passphrase, age (age1KEY…); give the right one with STRONGROOM_PASSPHRASE_FILE or STRONGROOM_IDENTITY_FILE
      "
    `);
  });

  it('or a key in a file that others can read is not even tried', async () => {
    const { file } = await on.identity('open.txt');
    spawnSync('chmod', ['644', file]);
    expect(await failure(['show'], 2, { env: { STRONGROOM_IDENTITY_FILE: file } })).toMatchInlineSnapshot(`
      "secret-file-readable
      strongroom: error: others can read BASE/keys/open.txt
      strongroom: hint: chmod 600 BASE/keys/open.txt
      "
    `);
  });

  it('as an identity that is none of the vault’s keys is said to be that', async () => {
    const other = await on.identity('other.txt');
    expect(
      await failure(['show'], 12, { env: { STRONGROOM_IDENTITY_FILE: other.file } }),
    ).toMatchInlineSnapshot(`
      "no-key-fits
      strongroom: error: no key at hand opens the vault shop: the identity in BASE/keys/other.txt is none of its keys
      strongroom: hint: it opens with: age (age1KEY…); give the right one with STRONGROOM_IDENTITY_FILE
      "
    `);
  });
});

describe('no terminal to ask on', () => {
  it('for the passphrase', async () => {
    expect(await failure(['show', ...(await passphraseVault())], 12)).toMatchInlineSnapshot(`
      "no-terminal
      strongroom: error: a passphrase is needed, and there is no terminal to ask for it
      strongroom: hint: set STRONGROOM_PASSPHRASE_FILE, _COMMAND or _FD, or STRONGROOM_IDENTITY_FILE
      "
    `);
  });

  it('is no matter to a vault that opens with something else', async () => {
    expect(await failure(['show'], 12)).toMatchInlineSnapshot(`
      "no-key-fits
      strongroom: error: no key at hand opens the vault shop
      strongroom: hint: it opens with: age (age1KEY…); give the right one with STRONGROOM_IDENTITY_FILE
      "
    `);
  });

  it('for a new passphrase', async () => {
    expect(
      await failure(['init', '--passphrase', '--location', join(on.directory, 'third')], 2),
    ).toMatchInlineSnapshot(`
      "no-terminal
      strongroom: error: a new passphrase is needed, and there is no terminal to ask for it
      strongroom: hint: set STRONGROOM_PASSPHRASE_FILE, _COMMAND or _FD
      "
    `);
    expect(existsSync(join(on.directory, 'third'))).toBe(false);
  });

  it('for a question', async () => {
    const [name = ''] = readdirSync(join(vault, 'snapshots/shop'));
    expect(await failure(['delete', name.replace('.json', '')], 2)).toMatchInlineSnapshot(`
      "no-terminal
      strongroom: error: there is a question, and no terminal to ask it on
      strongroom: hint: look at it with --dry-run where there is one, and answer it with --yes
      "
    `);
    expect(readdirSync(join(vault, 'snapshots/shop'))).toEqual([name]);
  });
});

describe('a target that exists', () => {
  it('is left alone, and what could be done is said', async () => {
    const out = join(on.directory, 'out');
    mkdirSync(out);
    writeFileSync(join(out, '.env'), 'MINE=1\n');
    expect(await failure(['restore', 'latest', '--target', out], 11, withKey())).toMatchInlineSnapshot(`
      "target-exists
      strongroom: error: 'BASE/out' already holds 1 entry that differ
      strongroom: hint: BASE/out/.env; choose --existing replace, bak or skip, or another --target
      "
    `);
    expect(readdirSync(out)).toEqual(['.env']);
  });

  it('as a file is in the way', async () => {
    const file = join(on.directory, 'file');
    writeFileSync(file, 'x');
    expect(
      await failure(['restore', 'latest', '--target', join(file, 'out')], 11, withKey()),
    ).toMatchInlineSnapshot(`
      "in-the-way
      strongroom: error: 2 entries cannot be placed in 'BASE/file/out'
      strongroom: hint: a file is in the way: BASE/file; move it away, or choose another --target
      "
    `);
  });
});

describe.skipIf(!isRoot || process.platform !== 'linux')('a full disk (needs root: a tiny tmpfs)', () => {
  /** A file system of a few pages. */
  function tiny(name: string, size: string): string {
    const directory = join(on.directory, name);
    mkdirSync(directory);
    const mounted = spawnSync('mount', ['-t', 'tmpfs', '-o', `size=${size},mode=0700`, 'tmpfs', directory], {
      encoding: 'utf8',
    });
    if (mounted.status !== 0) throw new Error(`cannot mount a tmpfs: ${mounted.stderr}`);
    onTestFinished(() => void spawnSync('umount', ['-l', directory]));
    return directory;
  }

  it('of the vault fails the backup, and nothing of it stays', async () => {
    const full = join(tiny('full-vault', '256k'), 'vault');
    const where = ['--location', full, '--config', join(on.directory, 'full.yaml')];
    await on.ok(['init', '--recipient', me.recipient, ...where]);
    on.write('big/noise', randomBytes(400_000));
    expect(await failure(['backup', 'big', '--set', 'big', ...where], 14)).toMatchInlineSnapshot(`
      "store-full
      strongroom: error: cannot create data/big/ID/1-RANDOM/files.tar.gz.age.00000 in BASE/full-vault/vault: no space left (ENOSPC)
      strongroom: hint: free some space there, or delete old snapshots; what was under way was not stored
      "
    `);
    expect(
      readdirSync(full)
        .filter((name) => name !== 'tmp')
        .sort(),
    ).toEqual(['RECOVERY.md', 'keys', 'vault']);
    await on.ok(['verify', '--location', full, '--config', join(on.directory, 'full.yaml')]);
  });

  it('of the target fails the restore, and nothing in it changes', async () => {
    on.write('big/noise', Buffer.alloc(400_000, 'x'));
    await on.ok(['backup', 'big', '--set', 'big']);
    const target = join(tiny('full-target', '128k'), 'out');
    const said = await failure(['restore', 'latest', '--set', 'big', '--target', target], 1, withKey());
    expect(said.replace(/\d{6}/, 'BYTES')).toMatchInlineSnapshot(`
      "disk-full
      strongroom: error: no space left at 'BASE/full-target', BYTES bytes are needed
      strongroom: hint: nothing was changed; free some space there, or restore elsewhere with --target
      "
    `);
    expect(readdirSync(join(target, '..'))).toEqual([]);
  });
});

describe('a vault that is not there', () => {
  it('is not found', async () => {
    expect(await failure(['list', '--location', join(on.directory, 'nowhere')], 10)).toMatchInlineSnapshot(`
      "no-vault
      strongroom: error: there is no vault at BASE/nowhere
      strongroom: hint: check the location, or make a vault there with \`strongroom init\`
      "
    `);
  });

  it('was not even named', async () => {
    const cwd = join(on.directory, 'elsewhere');
    mkdirSync(cwd);
    expect(await failure(['list'], 2, { cwd })).toMatchInlineSnapshot(`
      "no-location
      strongroom: error: no vault was named
      strongroom: hint: give --location DIR, set STRONGROOM_LOCATION, or run this where a strongroom.yaml is; \`strongroom init\` makes one, and a vault
      "
    `);
  });

  it('is not made by a backup either: its disk may not be mounted', async () => {
    const gone = join(on.directory, 'not-mounted');
    expect(await failure(['backup', '--location', gone], 10)).toMatchInlineSnapshot(`
      "no-vault
      strongroom: error: there is no vault at BASE/not-mounted
      strongroom: hint: check the location, or make a vault there with \`strongroom init\`
      "
    `);
    expect(existsSync(gone)).toBe(false);
  });

  it('is another one than the pinned', async () => {
    const other = join(on.directory, 'other-vault');
    await on.ok([
      'init',
      '--location',
      other,
      '--recipient',
      me.recipient,
      '--config',
      join(on.directory, 'other.yaml'),
    ]);
    const mixed = readFileSync(join(on.work, 'strongroom.yaml'), 'utf8').replace(
      /^location: .*$/m,
      `location: ${other}`,
    );
    writeFileSync(join(on.directory, 'mixed.yaml'), mixed, { mode: 0o600 });
    expect(
      await failure(['backup', '--config', join(on.directory, 'mixed.yaml')], 13),
    ).toMatchInlineSnapshot(`
      "foreign-vault
      strongroom: error: the vault at BASE/other-vault is not the pinned one
      strongroom: hint: somebody may have replaced it: compare its fingerprint with the one that init or a rotation printed, and only then run \`strongroom trust\`
      "
    `);
  });

  it('has no such snapshot', async () => {
    expect(await failure(['show', '1999'], 10, withKey())).toMatchInlineSnapshot(`
      "no-snapshot
      strongroom: error: there is no snapshot "1999"
      strongroom: hint: see what there is with \`strongroom list\`
      "
    `);
  });
});

it('a vault of a newer format is not read, nor written to', async () => {
  const newer = join(on.directory, 'newer');
  const config = join(on.directory, 'newer.yaml');
  const where = ['--location', newer, '--config', config];
  await on.ok(['init', '--recipient', me.recipient, ...where]);
  const store = await openStore(newer);
  const context = { store, memory: noMemory(), now: () => new Date() };
  const { document, authority } = await unlock(context, {
    credentials: async () => [await identityCredential([me.identity], 'me.txt')],
    confirm: async () => true,
  });
  const next = { ...document, format: 2, revision: 2, object: 'vault/2.json', surprise: true };
  await store.create(next.object, sign(next, 'vault', authority));
  expect(await failure(['list', ...where], 13)).toMatchInlineSnapshot(`
    "newer-format
    strongroom: error: vault/2.json was written by a newer strongroom
    strongroom: hint: upgrade strongroom on this machine
    "
  `);
  expect(await failure(['backup', '.env', '--set', 'app', ...where], 13)).toContain('newer-format');
});

describe('a config', () => {
  const config = (text: string, name = 'typo.yaml') => on.write(name, text);

  it('with a typing error is refused with what was probably meant', async () => {
    const file = config(`location: ${vault}\nsets:\n  app:\n    root: .\n    exlude: [x]\n`);
    expect(await failure(['config', 'validate', '--config', file], 2)).toMatchInlineSnapshot(`
      "unknown-key
      strongroom: error: HERE/typo.yaml line 5: unknown key sets.app.exlude
      strongroom: hint: did you mean exclude?
      "
    `);
    expect(await failure(['backup', '--config', file], 2)).toContain('exlude');
  });

  it('that is no YAML is refused by place, and not repeated', async () => {
    const file = config('sets: {app: [SECRET\n');
    const said = await failure(['backup', '--config', file], 2);
    expect(said).toMatchInlineSnapshot(`
      "bad-yaml
      strongroom: error: HERE/typo.yaml line 2: this is not valid YAML
      strongroom: hint: see the indentation
      "
    `);
    expect(said).not.toContain('SECRET');
  });

  it('with a pin that is none is refused', async () => {
    const file = config(
      `location: ${vault}\npin: { vault: x, generation: 1, revision: 1, recipient: age1x, authority: "SHA256:x" }\n`,
    );
    expect(await failure(['list', '--config', file], 2)).toMatchInlineSnapshot(`
      "bad-pin
      strongroom: error: the pin is not as init printed it
      strongroom: hint: copy the whole pin again: { vault, generation, revision, recipient, authority }
      "
    `);
  });

  it('that others can write is refused', async () => {
    const file = on.write('open.yaml', `location: ${vault}\n`, 0o666);
    spawnSync('chmod', ['666', file]);
    expect(await failure(['list', '--config', file], 2)).toMatchInlineSnapshot(`
      "config-unsafe
      strongroom: error: HERE/open.yaml can be changed by other users
      strongroom: hint: chmod go-w HERE/open.yaml
      "
    `);
  });

  it.skipIf(!isRoot)('that somebody else owns is refused (needs root: chown)', async () => {
    const file = config(`location: ${vault}\n`, 'theirs.yaml');
    chownSync(file, 65_534, 65_534);
    expect(await failure(['list', '--config', file], 2)).toMatchInlineSnapshot(`
      "config-unsafe
      strongroom: error: HERE/theirs.yaml belongs to another user
      strongroom: hint: read it, then take it over with chown, or run as its owner
      "
    `);
  });

  it('that was named and is not there is refused', async () => {
    expect(await failure(['list', '--config', 'nope.yaml'], 2)).toMatchInlineSnapshot(`
      "config-not-found
      strongroom: error: there is no nope.yaml
      strongroom: hint: give --config FILE, or run \`strongroom init\` to make one
      "
    `);
  });
});

describe('a command line', () => {
  it.each([['lst'], ['list', '--jsn'], ['list', 'extra'], ['restore', '--existing', 'maybe']])(
    '%s %s is refused with usage',
    async (...args) => {
      const ran = await on.run(args);
      expect(ran.code).toBe(2);
      expect(ran.stderr).toMatch(/^strongroom: error: /);
      expect(ran.stdout).toBe('');
    },
  );
});
