// A colleague leaves, and later the key leaks: what whoever keeps the vault types, what is said, and what the other
// host, the colleague and a stranger can do then.

import { cpSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { beforeAll, describe, expect, it } from 'vitest';
import { type Machine, machines, type RunOptions } from '../support/program.ts';
import { treeOf } from '../support/vault.ts';

const machine = machines();
const OLD = 'staple orbit velvet canyon marble thirteen';
const NEW = 'lantern gravel october piano willow seven';

describe('bob leaves', () => {
  let alice: Machine;
  let web: Machine;
  let vault: string;
  /** Alice's own key; the passphrase of the office besides; what bob still has. */
  let asAlice: RunOptions;
  let withOffice: RunOptions;
  let asBob: RunOptions;
  let fingerprint: string;
  const ids: string[] = [];

  const stored = () => treeOf(vault);
  const rotate = (flags: string[], options = asAlice, code = 0) =>
    alice.ok(['keys', 'rotate', ...flags, '--yes', '--json'], { ...options, code });
  const backup = async (on: Machine, value: string) => {
    on.write('.env', `TOKEN=${value}\n`);
    const ran = await on.ok(['backup', '--json']);
    ids.push(ran.summary().snapshot);
    return ran;
  };
  const keys = async () =>
    (await alice.ok(['keys', 'list', '--json']))
      .lines()
      .filter((m) => m.message_type === 'key')
      .map((m) => m.name);
  const generations = async () =>
    (await alice.ok(['list', '--json']))
      .lines()
      .filter((m) => m.message_type === 'snapshot')
      .map((m) => m.generation);

  beforeAll(async () => {
    [alice, web] = [machine('alice'), machine('web-1')];
    vault = join(alice.directory, 'vault');
    const [own, bobs] = [await alice.identity('alice.txt'), await machine('bob').identity()];
    const office = alice.passphrase(OLD, 'office');
    asAlice = { env: { STRONGROOM_IDENTITY_FILE: own.file } };
    withOffice = { env: { ...asAlice.env, STRONGROOM_PASSPHRASE_FILE: office } };
    asBob = { env: { STRONGROOM_IDENTITY_FILE: bobs.file } };
    await alice.ok(['init', '--name', 'shop', '--location', vault, '--recipient', own.recipient]);
    await alice.ok(['keys', 'add', '--recipient', bobs.recipient, '--name', 'bob', '--yes'], asAlice);
    const first = { env: { ...asAlice.env, STRONGROOM_NEW_PASSPHRASE_FILE: office } };
    await alice.ok(['keys', 'add', '--passphrase', '--name', 'office', '--yes'], first);
    web.write('strongroom.yaml', readFileSync(join(alice.work, 'strongroom.yaml')));
    await web.ok(['hosts', 'enroll', '--yes'], asAlice);
    await backup(alice, 'alice-1');
    await backup(web, 'web-1');
    cpSync(join(vault, 'keys'), join(alice.directory, 'old-keys'), { recursive: true });
  });

  it('--dry-run shows what that key could read and what would be done, and changes nothing', async () => {
    const before = stored();
    const ran = await alice.ok(['keys', 'rotate', '--without', 'bob', '--dry-run'], withOffice);
    // Padding hides sizes, but the nonce does not compress to the same length each time.
    const said = ran.stdout.replace(/age1\w+…/g, 'age1…').replace(/[\d.]+ KiB/, 'N KiB');
    expect(said).toMatchInlineSnapshot(`
      "The vault shop gets key number 2 in place of 1.
        opens with: age (age1…), office
        no more with: bob (age1…), which could read 2 snapshots until now; \`strongroom keys exposure --key bob\` lists the secrets in them, to be changed where they are used
        hosts that go on: alice, web-1; see \`strongroom hosts list\`
        re-encrypts 2 snapshots, N KiB
      "
    `);
    const { summary } = await rotate(['--without', 'bob', '--dry-run'], withOffice);
    expect(summary()).toMatchObject({
      vault: 'shop',
      dry_run: true,
      rotated: false,
      generation: 2,
      keys: ['age', 'office'],
      without: ['bob'],
      left_out: [],
      compromised: false,
      readable_snapshots: 2,
      to_reencrypt: 2,
    });
    expect(stored()).toEqual(before);
  });

  it.each<[string, string[], number, string]>([
    ['a key that is not there', ['--without', 'carol'], 10, 'no-such-key'],
    ['the last keys', ['--without', 'bob', '--without', 'age', '--without', 'office'], 11, 'last-key'],
    ['all keys but a passphrase that nobody gives', ['--without', 'bob', '--without', 'age'], 11, 'last-key'],
  ])('%s cannot be left out, and nothing changes', async (_, flags, code, name) => {
    const before = stored();
    const ran = await rotate(flags, asAlice, code);
    expect(ran.failure().code).toBe(name);
    expect(ran.stdout).toBe('');
    expect(stored()).toEqual(before);
  });

  it('one command, which says who still writes to the old key, and what they have to be told', async () => {
    // Nobody gives the passphrase of the office at this moment.
    const ran = await alice.ok(['keys', 'rotate', '--without', 'bob', '--yes'], asAlice);
    const said = ran.stdout
      .replaceAll(alice.work, 'WORK')
      .replace(/age1\w+/g, 'age1…')
      .replace(/vault: \w+/g, 'vault: ID')
      .replace(/SHA256:[\w+/]{43}/g, 'SHA256:…')
      .replace(/[\d.]+ KiB/, 'N KiB');
    expect(said).toMatchInlineSnapshot(`
      "The vault shop has a new key, number 2 (revision 5)
      Left out: office. Add them again with \`strongroom keys add\`.
      These hosts write to an older key until they have the new pin: alice (last to 1), web-1 (last to 1).
      Replace \`pin:\` in WORK/strongroom.yaml by the line below, and wherever that file was copied to.
      Elsewhere run \`strongroom trust SHA256:…\`, with the fingerprint told by you and not by the store.
      pin: { vault: ID, generation: 2, revision: 5, recipient: age1…, authority: "SHA256:…" }
      2 snapshots re-encrypted, N KiB
      "
    `);
    fingerprint = /authority: "(SHA256:\S+)"/.exec(ran.stdout)![1]!;
    expect(await keys()).toEqual(['age']);
    expect(await generations()).toEqual([2, 2]);
  });

  it('and bob’s key opens nothing any more', async () => {
    for (const args of [
      ['cat', ids[0]!, '.env'],
      ['verify', '--read-data'],
      ['keys', 'rotate', '--yes'],
    ]) {
      const ran = await alice.run([...args, '--json'], asBob);
      expect([args[0], ran.code, ran.failure().code, ran.stdout]).toEqual([args[0], 12, 'no-key-fits', '']);
    }
    // Not the old objects either: they are gone.
    expect(readdirSync(join(vault, 'keys'))).toEqual(['2']);
    const data = readdirSync(join(vault, 'data'), { recursive: true, encoding: 'utf8' });
    expect(data.some((name) => /\/1-[^/]+$/.test(name))).toBe(false);
  });

  it('the other host goes on with its pin, loses nothing, and is told in so many words', async () => {
    const ran = await backup(web, 'web-2');
    expect(ran.lines().map((m) => m.message_type)).toEqual(['summary']);
    const [warning, ...others] = ran.warnings();
    expect([others, warning]).toEqual([[], expect.objectContaining({ code: 'rotated' })]);
    expect(warning!.message).toBe(
      'the vault shop has a new key, number 2, and this host still writes to an old one',
    );
    expect(warning!.hint).toContain(`strongroom trust ${fingerprint}`);
    const listed = await web.ok(['list', '--json']);
    expect(listed.warnings()).toMatchObject([{ code: 'rotated', object: expect.stringMatching(/^vault\//) }]);
    expect(listed.warnings()[0]!.hint).toContain(`strongroom trust ${fingerprint}`);
    expect(await generations()).toEqual([2, 2, 1]);
    expect((await web.ok(['cat', ids[2]!, '.env'], asAlice)).stdout).toBe('TOKEN=web-2\n');
    // Read it may by the old key's word; write a vault document it may not.
    const before = stored();
    const refused = await web.run(['keys', 'rotate', '--yes', '--json'], asAlice);
    expect([refused.code, refused.failure().code]).toEqual([2, 'old-pin']);
    expect(stored()).toEqual(before);
  });

  it('`trust` with the fingerprint that was told moves its pin, and then it writes to the new key', async () => {
    const wrong = await web.run(['trust', `SHA256:${'A'.repeat(43)}`, '--json']);
    expect([wrong.code, wrong.failure().code]).toEqual([13, 'foreign-vault']);
    const trusted = (await web.ok(['trust', fingerprint, '--json'])).summary();
    expect(trusted).toMatchObject({ how: 'fingerprint', fingerprint, pin: { generation: 2 } });
    const ran = await backup(web, 'web-3');
    expect(ran.lines().filter((m) => m.message_type === 'warning')).toEqual([]);
    expect((await web.ok(['list', '--json'])).warnings()).toEqual([]);
    expect(await generations()).toEqual([2, 2, 1, 2]);
  });

  it('--finish takes in what was written meanwhile, and is content when there is nothing to do', async () => {
    expect((await rotate(['--finish'])).summary()).toMatchObject({ rotated: false, reencrypted: 1 });
    expect(await generations()).toEqual([2, 2, 2, 2]);
    const before = stored();
    expect((await rotate(['--finish'])).summary()).toMatchObject({ rotated: false, reencrypted: 0 });
    expect(stored()).toEqual(before);
    // As a kill between the new document and the removal of the old keys leaves them.
    cpSync(join(alice.directory, 'old-keys'), join(vault, 'keys'), { recursive: true });
    await rotate(['--finish']);
    expect(readdirSync(join(vault, 'keys'))).toEqual(['2']);
  });

  it('a passphrase that was left out is added again, and opens what was made before and after', async () => {
    const office = { env: { ...asAlice.env, STRONGROOM_NEW_PASSPHRASE: OLD } };
    await alice.ok(['keys', 'add', '--passphrase', '--name', 'office', '--yes'], office);
    expect(await keys()).toEqual(['age', 'office']);
    for (const id of [ids[0]!, ids[3]!]) {
      const opened = await alice.ok(['cat', id, '.env'], { env: { STRONGROOM_PASSPHRASE: OLD } });
      expect(opened.stdout).toMatch(/^TOKEN=(?:alice-1|web-3)\n$/);
    }
  });

  it('everything restores, and every byte is sound', async () => {
    const values = ['alice-1', 'web-1', 'web-2', 'web-3'];
    for (const [n, id] of ids.entries()) {
      const out = join(alice.directory, `out-${n}`);
      await alice.ok(['restore', id, '--set', 'shop', '--target', out], asAlice);
      expect(readFileSync(join(out, '.env'), 'utf8')).toBe(`TOKEN=${values[n]}\n`);
    }
    const checked = await alice.ok(['verify', '--read-data', '--json'], asAlice);
    expect(checked.summary()).toMatchObject({ sound: true, errors: 0, warnings: 0, snapshots: 4 });
  });

  describe('then the key leaks', () => {
    it('the old passphrase is not taken again, and nothing changes', async () => {
      const before = stored();
      const same = { env: { ...withOffice.env, STRONGROOM_NEW_PASSPHRASE: OLD } };
      const ran = await rotate(['--compromised'], same, 2);
      expect(ran.failure()).toMatchObject({ code: 'same-passphrase', object: 'office' });
      expect(ran.stderr + ran.stdout).not.toContain(OLD);
      expect(stored()).toEqual(before);
    });

    it('--compromised marks what the key opened, re-encrypts, and says what to deny to whom', async () => {
      const fresh = alice.passphrase(NEW, 'fresh');
      const options = { env: { ...withOffice.env, STRONGROOM_NEW_PASSPHRASE_FILE: fresh } };
      const ran = await alice.ok(['keys', 'rotate', '--compromised', '--yes'], options);
      expect(ran.stdout).toMatch(/deny them to create .*data\/\*\/\*\/2-\* until then/);
      expect(ran.stderr).toContain('everything up to key number 2 counts as exposed');
      expect(await generations()).toEqual([3, 3, 3, 3]);
      const open = (passphrase: string) =>
        alice.run(['cat', ids[0]!, '.env', '--json'], { env: { STRONGROOM_PASSPHRASE: passphrase } });
      expect((await open(OLD)).code).toBe(12);
      expect((await open(NEW)).stdout).toBe('TOKEN=alice-1\n');
      const checked = await alice.ok(['verify', '--read-data', '--json'], asAlice);
      expect(checked.summary()).toMatchObject({ sound: true, errors: 0, warnings: 0, snapshots: 4 });
    });

    it('what a host still writes to the old key is reported as exposed until it is finished', async () => {
      const ran = await backup(web, 'web-4');
      expect(ran.warnings()).toMatchObject([
        { code: 'exposed', message: expect.stringContaining('still writes to a key that leaked') },
      ]);
      const found = (await alice.ok(['verify', '--json']))
        .lines()
        .filter((m) => m.message_type !== 'summary');
      expect(found.map((m) => [m.code, m.severity])).toEqual([['exposed', 'warning']]);
      expect(found[0]!.message).toContain(ids[4]!);
      await rotate(['--finish']);
      const checked = await alice.ok(['verify', '--read-data', '--json'], asAlice);
      expect(checked.summary()).toMatchObject({ sound: true, errors: 0, warnings: 0, snapshots: 5 });
      expect((await alice.ok(['cat', ids[4]!, '.env'], asAlice)).stdout).toBe('TOKEN=web-4\n');
    });
  });
});
