// Slots that open something else: only what derives this vault's recipient and authority is its identity.

import { beforeEach, describe, expect, it } from 'vitest';
import { encryptBytes } from '../../src/crypt/age.ts';
import { generateIdentity, recipientOf } from '../../src/crypt/identity.ts';
import { newPassphraseKey } from '../../src/keys/passphrase.ts';
import { type SlotPlaintext, writeSlotPlaintext } from '../../src/keys/slot.ts';
import type { Slot } from '../../src/vault/documents/vault-document.ts';
import { get, put, putRevision } from '../support/forge.ts';
import { briefly, failureOf, faultsOf, refusedRestore, restored } from '../support/refusals.ts';
import {
  makeVault,
  openUnlocked,
  PASSPHRASE,
  sha256,
  type TestVault,
  withKey,
  withPassphrase,
} from '../support/vault.ts';

const HONEST = { '.env': '600:HONEST=1\n' };

let vault: TestVault;
let own: SlotPlaintext;
beforeEach(async () => {
  vault = await makeVault();
  await vault.backup({ '.env': 'HONEST=1\n' });
  own = { vault: vault.pin.vault, generation: 1, recipient: vault.pin.recipient, identity: vault.identity };
});

function slotOf(method: Slot['method']): Slot {
  return vault.document.slots.find((s) => s.method === method)!;
}

describe('a slot replaced by who can write to the store', () => {
  it('is named, and opens nothing, even if it holds what it should', async () => {
    const { object } = slotOf('passphrase');
    const { bytes } = await newPassphraseKey('passphrase', PASSPHRASE, 10).wrap(writeSlotPlaintext(own), {
      vault: own.vault,
      generation: 1,
    });
    await put(vault.store, object, bytes);
    expect(briefly(await faultsOf(vault))).toEqual([`object-differs ${object}`]);
    expect(await refusedRestore(vault, { set: 'app' })).toBe('slot-differs');
    expect(await refusedRestore(vault, { set: 'app' }, { pin: null })).toBe('slot-differs');
    // The other way in is as good as before.
    const opened = await openUnlocked(vault, { credential: await withKey(vault.key) });
    expect(opened.openedBy).toBe('age');
  });

  it('by another slot of the same vault is named', async () => {
    const { object } = slotOf('passphrase');
    await put(vault.store, object, await get(vault.store, slotOf('age').object));
    expect(briefly(await faultsOf(vault))).toEqual([`object-differs ${object}`]);
    expect(await refusedRestore(vault, { set: 'app' })).toBe('slot-differs');
  });

  it('that is gone is named, and is no wrong passphrase', async () => {
    const { object } = slotOf('passphrase');
    await vault.store.remove([object]);
    expect(briefly(await faultsOf(vault))).toEqual([`missing-object ${object}`]);
    expect(await refusedRestore(vault, { set: 'app' })).toBe('missing-slot');
  });

  it('that is enormous is refused unread', async () => {
    const { object } = slotOf('passphrase');
    await put(vault.store, object, Buffer.alloc(1024 * 1024 + 1));
    expect(briefly(await faultsOf(vault))).toEqual([`object-too-large ${object}`]);
    expect(await refusedRestore(vault, { set: 'app' })).toBe('object-too-large');
  });

  it('that was never asked for is only an orphan', async () => {
    await put(
      vault.store,
      'keys/1/thief-0000000000.age',
      await encryptBytes(Buffer.from('x'), [vault.pin.recipient]),
    );
    expect(await faultsOf(vault)).toEqual([]);
    expect(await restored(vault)).toMatchObject(HONEST);
  });
});

describe('a slot that the vault document lists and that opens something else', () => {
  /** Puts it in the place of the age slot, and lists it, as only who holds a key of the vault could. */
  async function list(plain: Uint8Array): Promise<string> {
    const slot = slotOf('age');
    const bytes = await encryptBytes(plain, [await recipientOf(vault.key)]);
    await put(vault.store, slot.object, bytes);
    await putRevision(vault, ({ slots }) => ({
      slots: slots.map((s) =>
        s.name === slot.name ? { ...s, size: bytes.length, sha256: sha256(bytes) } : s,
      ),
    }));
    return slot.object;
  }

  const others: [string, () => Promise<Uint8Array> | Uint8Array][] = [
    [
      'the slot of another vault',
      async () => {
        const other = await makeVault({ clock: vault.clock });
        return writeSlotPlaintext({
          vault: other.pin.vault,
          generation: 1,
          recipient: other.pin.recipient,
          identity: other.identity,
        });
      },
    ],
    [
      'another vault’s identity under this vault’s name',
      async () => {
        const identity = await generateIdentity('x25519');
        return writeSlotPlaintext({ ...own, identity, recipient: await recipientOf(identity) });
      },
    ],
    [
      'an identity that is not that of the recipient it names',
      async () => writeSlotPlaintext({ ...own, identity: await generateIdentity('x25519') }),
    ],
    ['the right identity for another vault', () => writeSlotPlaintext({ ...own, vault: '0'.repeat(26) })],
    ['the right identity for another generation', () => writeSlotPlaintext({ ...own, generation: 2 })],
    ['two identities', () => Buffer.concat([writeSlotPlaintext(own), Buffer.from(`${own.identity}\n`)])],
    ['an identity file without its header', () => Buffer.from(`${own.identity}\n`)],
    ['something before it', () => Buffer.concat([Buffer.from('#\n'), writeSlotPlaintext(own)])],
    ['nothing', () => Buffer.alloc(0)],
  ];

  it.each(others)('%s', async (_, plain) => {
    const object = await list(await plain());
    const credential = await withKey(vault.key);
    for (const pin of [vault.pin, null]) {
      const error = await failureOf(openUnlocked(vault, { pin, credential, confirm: true }));
      expect(error).toMatchObject({ code: 'wrong-slot', exitCode: 13, object });
      expect(error.message + error.hint).not.toMatch(/AGE-SECRET-KEY/);
    }
    // The passphrase opens another slot.
    expect(await restored(vault)).toMatchObject(HONEST);
  });
});

describe('a slot that asks for too much work', () => {
  /** Rewrites the work factor of the passphrase slot, and lists it so. */
  async function workFactor(factor: number): Promise<void> {
    const { object, name } = slotOf('passphrase');
    const bytes = Buffer.from(
      (await get(vault.store, object)).toString('latin1').replace(/^(-> scrypt \S+) 10$/m, `$1 ${factor}`),
      'latin1',
    );
    await put(vault.store, object, bytes);
    await putRevision(vault, ({ slots }) => ({
      slots: slots.map((s) =>
        s.name === name ? { ...s, size: bytes.length, sha256: sha256(bytes), workFactor: factor } : s,
      ),
    }));
  }

  it.each([23, 30, 63])('2^%i is refused before the memory is taken', async (factor) => {
    await workFactor(factor);
    const before = process.memoryUsage().rss;
    expect(await refusedRestore(vault, { set: 'app' })).toBe('work-factor-too-high');
    expect(process.memoryUsage().rss - before).toBeLessThan(256 * 1024 * 1024);
  });

  it('2^21 is refused where no pin says whose vault it is', async () => {
    await workFactor(21);
    const credential = await withPassphrase(PASSPHRASE, 20);
    const error = await failureOf(openUnlocked(vault, { pin: null, credential }));
    expect(error.code).toBe('work-factor-too-high');
  });
});

it('a wrong passphrase and a wrong key are told apart from tampering', async () => {
  const wrong = await withPassphrase('something else altogether');
  expect(await failureOf(openUnlocked(vault, { credential: wrong }))).toMatchObject({
    code: 'wrong-passphrase',
    exitCode: 12,
  });
  const stranger = await withKey(await generateIdentity('x25519'));
  expect(await failureOf(openUnlocked(vault, { credential: stranger }))).toMatchObject({
    code: 'no-key-fits',
    exitCode: 12,
  });
});
