import { describe, expect, it } from 'vitest';
import { generateIdentity } from '../../../src/crypt/identity.ts';
import { StoreError, UnlockError } from '../../../src/errors.ts';
import type { Credential } from '../../../src/keys/method.ts';
import { freeName, keyNamed } from '../../../src/vault/keys/names.ts';
import { tryKey } from '../../../src/vault/keys/trial.ts';
import { put } from '../../support/forge.ts';
import { makeVault, openLocked, withKey, withPassphrase } from '../../support/vault.ts';
import { watched } from '../stores.ts';

async function scene() {
  const vault = await makeVault();
  const locked = await openLocked(vault);
  return { vault, locked, slot: (name: string) => keyNamed(locked.document.slots, name) };
}

const denied: Credential = {
  description: 'a service',
  authenticates: true,
  asks: 'service',
  fits: () => true,
  unwrap: async () => {
    throw new UnlockError('kms-denied', 'access denied');
  },
};

describe('a trial of a key', () => {
  it('says what opened it', async () => {
    const { vault, locked, slot } = await scene();
    const credentials = [await withKey(await generateIdentity('x25519')), await withKey(vault.key)];
    expect(await tryKey(locked, slot('age'), credentials)).toMatchObject({
      outcome: 'opens',
      by: 'the identity in me.txt',
      seconds: expect.any(Number),
    });
    expect(await tryKey(locked, slot('passphrase'), [await withPassphrase()])).toMatchObject({
      outcome: 'opens',
    });
  });

  it('says nothing of a key that nothing at hand is', async () => {
    const { locked, slot } = await scene();
    expect(await tryKey(locked, slot('age'), [await withPassphrase()])).toMatchObject({
      outcome: 'untested',
    });
    expect(await tryKey(locked, slot('passphrase'), [await withPassphrase('another one')])).toMatchObject({
      outcome: 'untested',
      error: { code: 'wrong-passphrase' },
    });
  });

  it('fails where a service refuses', async () => {
    const { locked, slot } = await scene();
    expect(await tryKey(locked, slot('age'), [denied])).toMatchObject({
      outcome: 'fails',
      error: { code: 'kms-denied' },
    });
  });

  it.each<[string, string, Buffer | undefined]>([
    ['gone', 'missing-slot', undefined],
    ['not what the vault document lists', 'slot-differs', Buffer.from('x')],
  ])('fails where the key is %s, whether or not anything at hand is it', async (_, code, bytes) => {
    const { vault, locked, slot } = await scene();
    const { object } = slot('age');
    await vault.store.remove([object]);
    if (bytes) await put(vault.store, object, bytes);
    for (const credentials of [[], [await withKey(vault.key)]]) {
      expect(await tryKey(locked, slot('age'), credentials)).toMatchObject({
        outcome: 'fails',
        error: { code },
      });
    }
  });

  it('fails where what comes out is no identity of this vault', async () => {
    const { locked, slot } = await scene();
    const other = await makeVault();
    const plain = Buffer.from(`# strongroom vault=${other.pin.vault} generation=1\n`);
    const wrong: Credential = { ...denied, unwrap: async () => plain };
    expect(await tryKey(locked, slot('age'), [wrong])).toMatchObject({
      outcome: 'fails',
      error: { code: 'wrong-slot' },
    });
  });

  it('throws where the store does not answer', async () => {
    const { vault, locked, slot } = await scene();
    const store = watched(vault.store, () => {
      throw new StoreError('store-unreachable', 'no answer');
    });
    await expect(tryKey({ ...locked, store }, slot('age'), [])).rejects.toThrow('no answer');
  });
});

describe('names of keys', () => {
  it('are found, or said not to be there', async () => {
    const { slot } = await scene();
    expect(slot('age').method).toBe('age');
    try {
      slot('anna\nben');
      expect.unreachable();
    } catch (error) {
      expect(error).toMatchObject({
        code: 'no-such-key',
        exitCode: 10,
        message: 'the vault has no key "anna\\nben"',
        hint: 'it opens with: passphrase, age',
      });
    }
  });

  it.each([
    ['age', [], 'age'],
    ['age', ['age'], 'age-2'],
    ['age', ['age', 'age-2', 'age-4'], 'age-3'],
    ['previous', [], 'previous-2'],
    ['x'.repeat(63), ['x'.repeat(63)], `${'x'.repeat(58)}-2`],
  ])('%s, with %j taken, becomes %s', (wanted, taken, name) => {
    expect(freeName(wanted, taken)).toBe(name);
  });
});
