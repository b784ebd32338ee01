import { readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { beforeEach, describe, expect, it } from 'vitest';
import { identityCredential } from '../../src/keys/recipient.ts';
import { openStore } from '../../src/store/index.ts';
import { EMPTY_MEMORY, noMemory } from '../../src/vault/client.ts';
import { parsePin } from '../../src/vault/pin.ts';
import { unlock } from '../../src/vault/unlock.ts';
import { put, sign } from '../support/forge.ts';
import { type Desk, deskWithVault } from './desk.ts';

let at: Desk;
let pin: string;
let fingerprint: string;
beforeEach(async () => {
  at = await deskWithVault();
  const summary = (await at.ok('list --json')).json()[0]!;
  fingerprint = summary.fingerprint;
  const shown = await at.ok(['trust', fingerprint, '--json']);
  const { vault, generation, revision, recipient, authority } = shown.json()[0]!.pin;
  pin = `{ vault: ${vault}, generation: ${generation}, revision: ${revision}, recipient: ${recipient}, authority: "${authority}" }`;
  // A machine that knows nothing yet.
  rmSync(join(at.work, 'strongroom.yaml'));
  rmSync(join(at.base, 'xdg/state/strongroom/known-vaults.json'));
});

const location = ['--location', '../vault'];
const pinIn = () => /^pin: .*$/m.exec(readFileSync(join(at.work, 'strongroom.yaml'), 'utf8'))![0];
/** Whether a backup may be made now. */
const isTrusted = async () => (await at.say(['backup', '.env', ...location])).code === 0;

describe('trust', () => {
  it('takes the fingerprint that init printed', async () => {
    expect(await isTrusted()).toBe(false);
    const said = await at.ok(['trust', fingerprint, ...location]);
    expect(said).toMatchObject({ err: '' });
    expect(said.out).toMatchInlineSnapshot(`
      "This machine trusts the vault with fingerprint FINGERPRINT-1 at BASE/vault.
      pin: { vault: VAULT-1, generation: 1, revision: 1, recipient: RECIPIENT-1, authority: "FINGERPRINT-1" }
      "
    `);
    expect(await isTrusted()).toBe(true);
  });

  it('takes the whole pin', async () => {
    const said = await at.ok(['trust', '--pin', pin, ...location, '--json']);
    expect(said.lines()).toMatchInlineSnapshot(`
      [
        "{"message_type":"summary","location":"BASE/vault","how":"pin","pin":{"vault":"VAULT-1","generation":1,"revision":1,"recipient":"RECIPIENT-1","authority":"FINGERPRINT-1"},"fingerprint":"FINGERPRINT-1","config_pin_differs":false}",
      ]
    `);
    expect(await isTrusted()).toBe(true);
  });

  it('refuses another fingerprint, and shows what is there', async () => {
    const said = await at.say(['trust', `SHA256:${'A'.repeat(43)}`, ...location]);
    expect(said.code).toBe(13);
    expect(said.err).toMatchInlineSnapshot(`
      "strongroom: error: no vault at BASE/vault has that fingerprint
      strongroom: hint: it shows FINGERPRINT-1: if that is a surprise, somebody may have replaced the vault
      "
    `);
    expect(await isTrusted()).toBe(false);
  });

  it('refuses the pin of another vault, and goes on trusting nothing', async () => {
    await at.ok(['init', '--recipient', at.recipient, '--location', '../second']);
    rmSync(join(at.work, 'strongroom.yaml'));
    const said = await at.say(['trust', '--pin', pin, '--location', '../second', '--json']);
    expect(JSON.parse(said.err)).toMatchObject({ code: 'foreign-vault', exit_code: 13 });
    const nowhere = await at.say(['trust', '--pin', pin, '--location', '../nowhere', '--json']);
    expect(JSON.parse(nowhere.err)).toMatchObject({ code: 'no-vault', exit_code: 10 });
    expect(await isTrusted()).toBe(false);
  });

  it('takes a fingerprint without its first word, and refuses what is none', async () => {
    const bare = fingerprint.replace('SHA256:', '');
    const bad = await at.say(['trust', 'SHA256:short', ...location, '--json']);
    expect(JSON.parse(bad.err)).toMatchObject({ code: 'bad-fingerprint', exit_code: 2 });
    await at.ok(['trust', bare, ...location]);
    expect(await isTrusted()).toBe(true);
  });

  it('says that the settings hold another pin', async () => {
    await at.ok(['init', '--recipient', at.recipient, '--location', '../second']);
    const said = await at.ok(['trust', fingerprint, ...location]);
    expect(said.out).toContain('Replace `pin:` in BASE/shop/strongroom.yaml by this line:\npin: {');
    const json = (await at.ok(['trust', fingerprint, ...location, '--json'])).json()[0];
    expect(json).toMatchObject({ config_pin_differs: true });
    const same = (await at.ok(['trust', '--location', '../second', '--json', '--pin', pinIn()])).json()[0];
    expect(same).toMatchObject({ config_pin_differs: false });
  });

  it('refuses a pin that is none', async () => {
    const said = await at.say(['trust', '--pin', '{ vault: x }', ...location]);
    expect(said.code).toBe(2);
    expect(said.err).toMatchInlineSnapshot(`
      "strongroom: error: the pin is not as init printed it
      strongroom: hint: copy the whole pin again: { vault, generation, revision, recipient, authority }
      "
    `);
  });

  it('by a key that proves nothing asks, and trusts nothing when nobody answers', async () => {
    const said = await at.say(['trust', ...location]);
    expect(said.code).toBe(12);
    expect(said.err).toMatchInlineSnapshot(`
      "strongroom: error: nothing vouches for the vault at BASE/vault
      strongroom: hint: compare FINGERPRINT-1 with the fingerprint that init printed; if it is the same, run \`strongroom trust FINGERPRINT-1 --location BASE/vault\`; or read it with --trust-new, which believes it unseen
      "
    `);
    expect(await isTrusted()).toBe(false);
  });

  it('by the passphrase needs no fingerprint', async () => {
    const pass = at.write('../keys/pass', 'staple orbit velvet canyon marble thirteen\n');
    const env = { STRONGROOM_PASSPHRASE_FILE: pass, STRONGROOM_IDENTITY_FILE: undefined };
    await at.say(['init', '--passphrase', '--location', '../second'], env);
    rmSync(join(at.base, 'xdg/state/strongroom/known-vaults.json'));
    rmSync(join(at.work, 'strongroom.yaml'));
    const said = await at.say(['trust', '--location', '../second', '--json'], env);
    expect(said.json()[0]).toMatchObject({ how: 'unlock' });
    expect((await at.say(['backup', '.env', '--location', '../second'])).code).toBe(0);
  });

  it('takes no recipient that whoever held the key signed for instead of the real one', async () => {
    const store = await openStore(join(at.base, 'vault'));
    const credential = await identityCredential([at.identity], 'me.txt');
    const context = { store, memory: noMemory(), now: () => new Date() };
    const opened = await unlock(context, { pin: parsePin(pin), credentials: async () => [credential] });
    const [first] = opened.document.generations;
    const generations = [{ ...first, recipient: at.recipient }];
    const planted = { ...opened.document, object: 'vault/9.json', revision: 9, generations };
    await put(store, 'vault/9.json', sign(planted, 'vault', opened.authority));
    const said = await at.say(['trust', fingerprint, ...location, '--json']);
    expect(JSON.parse(said.err)).toMatchObject({ code: 'foreign-recipient', exit_code: 13 });
    expect(await isTrusted()).toBe(false);
  });

  it('outweighs a rotation that was believed before, on an old key’s word', async () => {
    await at.ok(['trust', fingerprint, ...location]);
    const { vault } = parsePin(pin);
    const path = join(at.base, `xdg/state/strongroom/vaults/${vault}.json`);
    const memory = { ...EMPTY_MEMORY, generation: 5, revision: 900, authority: `SHA256:${'A'.repeat(43)}` };
    writeFileSync(path, JSON.stringify(memory), { mode: 0o600 });
    expect(await isTrusted()).toBe(false);
    await at.ok(['trust', fingerprint, ...location]);
    expect(await isTrusted()).toBe(true);
  });

  it('of nothing says that nothing is there', async () => {
    const said = await at.say(['trust', fingerprint, '--location', '../nowhere', '--json']);
    expect(JSON.parse(said.err)).toMatchObject({ code: 'no-vault', exit_code: 10 });
  });
});
