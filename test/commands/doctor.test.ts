import { chmodSync, copyFileSync, mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { beforeEach, describe, expect, it } from 'vitest';
import { type Desk, desk, deskWithVault } from './desk.ts';

let at: Desk;
beforeEach(async () => {
  at = await deskWithVault();
});

/** The check with this name, as programs are told. */
async function check(id: string, line = 'doctor'): Promise<Record<string, unknown> | undefined> {
  return (await at.say(`${line} --json`)).json().find((row) => row.id === id);
}

describe('doctor, of a vault in a directory', () => {
  it('says what is right, and what to think about, and changes nothing', async () => {
    const said = await at.say('doctor');
    expect([said.code, said.err]).toEqual([0, '']);
    expect(said.out).toMatchInlineSnapshot(`
      "ok      pin: the settings hold the pin
      ok      signing key: only this user can read BASE/xdg/state/strongroom/host-key (0600)
      ok      memory: only this user can read BASE/xdg/state/strongroom (0700)
      ok      settings: only this user can change BASE/shop/strongroom.yaml (0600)
      ok      guarded deploys: nothing is left of earlier ones
      ok      age identities: only this user can read it
      ok      place: BASE/vault is there
      ok      modes of the vault: only this user (0700)
      warning disk of the vault: it is on the disk of what it protects (BASE/shop): one failure takes both
              fix: move it to another disk, or to S3
      ok      vault: shop, as it should be read
      ok      key of the vault: number 1, as the pin has it
      ok      re-encryption: none is open
      ok      backups from here: web-1 is listed, and may write shop
      ok      clock: not behind the vault
      warning ways in: only one: age; when it is lost, so is the vault
              fix: add a second one that is kept elsewhere: \`strongroom recovery kit\` for paper in a safe, or \`strongroom keys add\`
      Nothing is wrong, but there are 2 warnings.
      "
    `);
  });

  it('tells programs', async () => {
    const rows = (await at.say('doctor --json')).json();
    expect(rows.at(-1)).toMatchObject({ message_type: 'summary', wrong: 0, unknown: 0 });
    expect(rows[0]).toEqual({
      message_type: 'check',
      id: 'pin',
      title: 'pin',
      verdict: 'ok',
      message: 'the settings hold the pin',
    });
  });

  it('is silent about what is right when it is told to be quiet', async () => {
    const said = await at.say('doctor --quiet');
    expect(said.out.split('\n').filter((line) => /^ok/.test(line))).toEqual([]);
  });

  it.each<[string, string, number, string, RegExp]>([
    [
      'a signing key that others can read',
      'xdg/state/strongroom/host-key',
      0o640,
      'signing-key',
      /chmod go-rwx/,
    ],
    ['a state directory that others can change', 'xdg/state/strongroom', 0o770, 'state', /chmod go-rwx/],
    ['a vault that others can change', 'vault', 0o777, 'vault-modes', /chmod go-w/],
    ['an identity file that others can read', 'keys/me.txt', 0o644, 'identities', /chmod 600/],
  ])('finds %s', async (_, path, mode, id, fix) => {
    chmodSync(join(at.base, path), mode);
    expect(await check(id)).toMatchObject({ verdict: 'wrong', fix: expect.stringMatching(fix) });
    expect((await at.say('doctor')).code).toBe(5);
    chmodSync(join(at.base, path), 0o700);
    expect((await check(id))?.verdict).toBe('ok');
  });

  it('warns of a vault that others can look into, and of one key alone', async () => {
    chmodSync(join(at.base, 'vault'), 0o755);
    expect(await check('vault-modes')).toMatchObject({ verdict: 'warning' });
    expect(await check('ways-in')).toMatchObject({
      verdict: 'warning',
      message: expect.stringContaining('only one'),
    });
    expect((await at.say('doctor')).code).toBe(0);
  });

  it('warns of a vault on the disk of what it protects', async () => {
    at.write('strongroom.yaml', `location: ${join(at.base, 'vault')}\nsets: { shop: { root: . } }\n`);
    expect(await check('same-disk')).toMatchObject({
      verdict: 'warning',
      message: expect.stringContaining('shop'),
    });
  });

  it('finds that there is no pin, and takes one that is remembered', async () => {
    at.write('strongroom.yaml', `location: ${join(at.base, 'vault')}\n`);
    expect(await check('pin')).toMatchObject({ verdict: 'ok', message: 'the pin is remembered' });
    const stranger = await desk();
    const said = await stranger.say(['doctor', '--json', '--location', join(at.base, 'vault')]);
    expect(said.code).toBe(5);
    expect(said.json().find(({ id }) => id === 'pin')).toMatchObject({
      verdict: 'wrong',
      fix: expect.stringContaining('strongroom trust'),
    });
  });

  it('finds a clock that is behind the vault', async () => {
    at.clock.now = new Date('2024-01-01T00:00:00Z');
    expect(await check('clock')).toMatchObject({ verdict: 'wrong' });
  });

  describe('of a role that backs up', () => {
    const counts = (env: Record<string, string>, line = 'doctor --role backup') =>
      at.say(`${line} --json`, env).then((said) => said.json().find(({ id }) => id === 'counts'));

    it('says that what it writes counts', async () => {
      expect(await counts({})).toMatchObject({
        verdict: 'ok',
        message: 'web-1 is listed, and may write shop',
      });
      expect(await counts({}, 'doctor')).toMatchObject({ verdict: 'ok' });
    });

    it('finds that it is not listed, with the line that whoever keeps the vault needs', async () => {
      const stranger = await desk('app-7');
      await stranger.ok(['init', '--recipient', stranger.recipient]);
      const env = { STRONGROOM_SIGNING_KEY_FILE: join(stranger.state, 'host-key'), STRONGROOM_HOST: 'app-7' };
      expect(await counts(env)).toMatchObject({
        verdict: 'wrong',
        message: 'the vault shop would not count this backup: app-7 is not one of its hosts',
        fix: expect.stringMatching(/hosts enroll --approve 'app-7 ssh-ed25519 \S+ sets=shop may=write \S+'$/),
      });
      expect((await at.say('doctor --role backup', env)).code).toBe(5);
      expect(await counts(env, 'doctor')).toMatchObject({ verdict: 'wrong' });
      expect((await at.say('doctor', env)).code).toBe(5);
      expect(await counts(env, 'doctor --role restore')).toMatchObject({ verdict: 'ok' });
    });

    it('finds no signing key where the settings name sets, unless the role only reads', async () => {
      const env = { XDG_STATE_HOME: join(at.base, 'other') };
      expect(await counts(env, 'doctor')).toMatchObject({
        verdict: 'wrong',
        message: 'this machine, web-1, has no signing key, and the settings name sets to back up',
        fix: expect.stringMatching(/`strongroom hosts enroll`.*`doctor --role restore`$/),
      });
      expect((await at.say('doctor', env)).code).toBe(5);
      expect(await counts(env, 'doctor --role restore')).toMatchObject({ verdict: 'ok' });
      const bare = await at.say(`doctor --json --config none --location ${join(at.base, 'vault')}`, env);
      expect(bare.json().find(({ id }) => id === 'counts')).toMatchObject({ verdict: 'ok' });
    });

    it('finds that it has no signing key', async () => {
      const bare = await desk();
      expect(
        (await bare.say(`doctor --role backup --json --location ${join(at.base, 'vault')}`))
          .json()
          .find(({ id }) => id === 'counts'),
      ).toMatchObject({ verdict: 'wrong', message: expect.stringContaining('has no signing key') });
    });
  });

  describe('of a vault whose key was rotated', () => {
    const elsewhere = { XDG_STATE_HOME: '' };
    const key = async (env = {}) =>
      (await at.say('doctor --json', env)).json().find(({ id }) => id === 'known-key');
    beforeEach(() => {
      // Another machine, which has the settings and knows nothing else; its signing key is the same.
      const state = join(at.base, 'other/strongroom');
      mkdirSync(state, { recursive: true, mode: 0o700 });
      copyFileSync(join(at.state, 'host-key'), join(state, 'host-key'));
      elsewhere.XDG_STATE_HOME = join(at.base, 'other');
    });

    it('says that the pin is of its key', async () => {
      expect(await key()).toMatchObject({ verdict: 'ok', message: 'number 1, as the pin has it' });
    });

    it('warns of settings with the pin of a former key, where it was rotated and elsewhere', async () => {
      await at.ok('keys rotate --yes');
      const fix = expect.stringMatching(
        /^ask whoever rotated it whether (SHA256:\S+) is its fingerprint, then run `strongroom trust \1`, and put the pin that it prints into strongroom.yaml$/,
      );
      expect(await key()).toMatchObject({
        verdict: 'warning',
        message: 'the vault has key number 2, and the settings hold the pin of number 1',
        fix,
      });
      expect(await key(elsewhere)).toMatchObject({
        verdict: 'warning',
        message: 'the vault has key number 2, and this machine writes to number 1',
        fix,
      });
      const said = await at.say('doctor', elsewhere);
      expect([said.code, said.out]).toEqual([0, expect.stringContaining('Nothing is wrong, but there are ')]);
    });

    it('finds a machine that writes to a key that leaked', async () => {
      await at.ok('keys rotate --compromised --yes');
      expect(await key()).toMatchObject({ verdict: 'warning' });
      expect(await key(elsewhere)).toMatchObject({
        verdict: 'wrong',
        message: 'the vault has key number 2, and this machine writes to number 1, which leaked',
      });
      expect((await at.say('doctor', elsewhere)).code).toBe(5);
    });
  });

  it('finds no vault where there is none, and none mounted', async () => {
    mkdirSync(join(at.base, 'empty'), { mode: 0o700 });
    expect(await check('vault', `doctor --config none --location ${join(at.base, 'empty')}`)).toMatchObject({
      verdict: 'wrong',
    });
    expect(await check('reach', `doctor --location ${join(at.base, 'nowhere')}`)).toMatchObject({
      verdict: 'wrong',
    });
  });
});
