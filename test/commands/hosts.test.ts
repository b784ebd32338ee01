import { beforeEach, describe, expect, it } from 'vitest';
import { type Desk, deskWithVault } from './desk.ts';

let at: Desk;
beforeEach(async () => {
  at = await deskWithVault();
});

describe('hosts list', () => {
  it('shows who may write, without a key', async () => {
    const said = await at.say('hosts list', { STRONGROOM_IDENTITY_FILE: undefined });
    expect(said).toMatchObject({ code: 0, err: '' });
    expect(said.out).toMatchInlineSnapshot(`
      "HOST   MAY              SETS  ADDED       FINGERPRINT
      web-1  write, maintain  *     2025-03-01  FINGERPRINT-2
      "
    `);
  });

  it('tells programs', async () => {
    expect((await at.ok('hosts list --json')).lines()).toMatchInlineSnapshot(`
      [
        "{"message_type":"host","name":"web-1","fingerprint":"FINGERPRINT-2","sets":["*"],"may":["write","maintain"],"added":"2025-03-01T05:59:12Z"}",
        "{"message_type":"summary","hosts":1}",
      ]
    `);
  });
});
