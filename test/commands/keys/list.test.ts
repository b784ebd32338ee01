import { join } from 'node:path';
import { beforeEach, describe, expect, it } from 'vitest';
import { generateIdentity, recipientOf } from '../../../src/crypt/identity.ts';
import { type Desk, desk, deskWithVault } from '../desk.ts';

let at: Desk;
beforeEach(async () => {
  at = await deskWithVault();
});

describe('keys list', () => {
  it('shows what opens the vault, without a key, and what to think about', async () => {
    const said = await at.say('keys list', { STRONGROOM_IDENTITY_FILE: undefined });
    expect(said).toMatchObject({ code: 0, err: '' });
    expect(said.out.replace(/ +BY/, '  BY')).toMatchInlineSnapshot(`
      "KEY  METHOD  ADDED  BY
      age  age     2025-03-01  web-1  SHORT-1
      note: there is only one way in: when it is lost, so is the vault
      "
    `);
  });

  it('tells a recovery kit from the age key of a person, after a rotation too', async () => {
    await at.ok('recovery kit');
    const kits = async () =>
      (await at.ok('keys list --json')).json().flatMap(({ name, kit }) => (kit === true ? [name] : []));
    expect(await kits()).toEqual(['kit']);
    const { out } = await at.ok('keys rotate --yes');
    expect(out).toContain(
      '\nRecovery kit kit opens the vault, but what stands on the paper is old: print it again (`strongroom recovery kit --replace --name kit`, or `recovery split` if it was in shares).\n',
    );
    expect(out).not.toMatch(/recovery kit.* age/i);
    expect(await kits()).toEqual(['kit']);
    const listed = (await at.ok('keys list')).out;
    expect(listed).toMatch(/^kit +age, recovery kit +2025/m);
    expect(listed).toMatch(/^age +age +2025/m);
  });

  it('tells programs', async () => {
    expect((await at.ok('keys list --json')).lines()).toMatchInlineSnapshot(`
      [
        "{"message_type":"key","name":"age","method":"age","added":"2025-03-01T05:59:12Z","by":"web-1","recipient":"RECIPIENT-1"}",
        "{"message_type":"summary","keys":1,"revision":1,"generation":1,"compromised":[],"reencrypt":false,"notes":["there is only one way in: when it is lost, so is the vault"]}",
      ]
    `);
  });

  it('says how often the key was rotated, and what a rotation marked', async () => {
    await at.ok('keys rotate --compromised --yes');
    const { out } = await at.ok('keys list');
    expect(out).toContain('\nThey open key number 2: it was rotated 1 time.\n');
    expect(out).toContain('\nnote: key number 1 is marked compromised: ');
    expect((await at.ok('keys list --json')).json().at(-1)).toMatchObject({
      generation: 2,
      compromised: [1],
      reencrypt: false,
    });
  });

  it('says what keeps a post-quantum vault from being one', async () => {
    const on = await desk();
    const hybrid = await recipientOf(await generateIdentity('hybrid'));
    await on.ok([
      'init',
      '--post-quantum',
      '--recipient',
      hybrid,
      '--recipient',
      on.recipient,
      '--location',
      join(on.base, 'vault'),
    ]);
    expect((await on.ok('keys list')).out).toContain('note: not post-quantum as long as age-2 opens it\n');
  });
});
