import { describe, expect, it } from 'vitest';
import type { Slot, VaultDocument } from '../../../src/vault/documents/vault-document.ts';
import { keyNotes } from '../../../src/vault/keys/notes.ts';
import { makeVault } from '../../support/vault.ts';

const { document } = await makeVault();
const [passphrase, age] = document.slots as [Slot, Slot];
const kms = (name: string, account: string): Slot => ({
  ...passphrase,
  name,
  method: 'kms',
  arn: `arn:aws:kms:eu-west-1:${account}:key/${name}`,
});
const ssh = (name: string, recipient: string): Slot => ({ ...age, name, method: 'ssh', recipient });

const notes = (change: Partial<VaultDocument>, logins?: ReadonlyMap<string, string>): string[] =>
  keyNotes({ ...document, ...change }, logins ? { logins } : {});

describe('notes on keys', () => {
  it('are none for two ways in of different kinds', () => {
    expect(notes({})).toEqual([]);
  });

  it('say that there is one way in', () => {
    expect(notes({ slots: [age] })).toEqual(['there is only one way in: when it is lost, so is the vault']);
  });

  it('say that all of them hang on one AWS account', () => {
    const one = '111122223333';
    expect(notes({ slots: [kms('a', one), kms('b', one)] })).toEqual([
      'every way in hangs on the AWS account 111122223333: when it is locked, so is the vault; add a key that is kept elsewhere',
    ]);
    expect(notes({ slots: [kms('a', one), kms('b', '444455556666')] })).toEqual([]);
    expect(notes({ slots: [kms('a', one), age] })).toEqual([]);
  });

  it('say of an SSH key that it is used to log in, or might be', () => {
    const slots = [age, ssh('me', 'ssh-ed25519 AAAA'), ssh('ci', 'ssh-ed25519 BBBB')];
    expect(notes({ slots })).toEqual([
      expect.stringMatching(/^an SSH key that is also used to log in .*: if me, ci is one,/),
    ]);
    expect(notes({ slots }, new Map([['ssh-ed25519 AAAA', '~/.ssh/authorized_keys']]))).toEqual([
      expect.stringMatching(/^the SSH key me is in ~\/\.ssh\/authorized_keys, so it is used to log in too/),
      expect.stringMatching(/: if ci is one,/),
    ]);
  });

  it('say what keeps a post-quantum vault from being one', () => {
    const generations = [{ ...document.generations[0]!, recipient: 'age1pq1abc' }];
    const slots = [passphrase, { ...age, recipient: 'age1pq1def' }];
    expect(notes({ generations, slots })).toEqual([]);
    expect(notes({ generations, slots: [...slots, ssh('me', 'ssh-ed25519 AAAA'), age] })[0]).toBe(
      'not post-quantum as long as me, age opens it',
    );
  });

  it('say what a rotation left to do', () => {
    const first = document.generations[0]!;
    const generations = [
      { ...first, compromised: true },
      { ...first, generation: 2 },
    ];
    expect(notes({ generations, reencrypt: true })).toEqual([
      expect.stringMatching(/^key number 1 is marked compromised: /),
      expect.stringContaining('`strongroom keys rotate --finish`'),
    ]);
  });
});
