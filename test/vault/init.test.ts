import { describe, expect, it } from 'vitest';
import { generateIdentity, recipientOf } from '../../src/crypt/identity.ts';
import { StoreError, UnlockError } from '../../src/errors.ts';
import type { NewKey } from '../../src/keys/method.ts';
import { newPassphraseKey } from '../../src/keys/passphrase.ts';
import { newRecipientKey } from '../../src/keys/recipient.ts';
import { localStore } from '../../src/store/local.ts';
import { memoryStore } from '../../src/store/memory.ts';
import type { Store } from '../../src/store/store.ts';
import { noMemory } from '../../src/vault/client.ts';
import { type InitOptions, initVault } from '../../src/vault/init.ts';
import { RECOVERY_TEXT } from '../../src/vault/recovery-text.ts';
import { unlock } from '../../src/vault/unlock.ts';
import type { VaultContext } from '../../src/vault/vault.ts';
import { verify } from '../../src/vault/verify/verify.ts';
import { get, namesOf, put } from '../support/forge.ts';
import { newHost, PASSPHRASE, scratch, withKey, withPassphrase } from '../support/vault.ts';
import { Killed, killedAfter, watched } from './stores.ts';

const host = newHost('web-1');
const identity = await generateIdentity('x25519');
const recipient = await recipientOf(identity);

function options(more: Partial<InitOptions> = {}): InitOptions {
  return {
    name: 'shop',
    keys: [newPassphraseKey('passphrase', PASSPHRASE, 10), newRecipientKey('age', recipient)],
    host: { name: host.name, publicKey: host.key.publicKey },
    ...more,
  };
}

function at(store: Store, memory = noMemory()): VaultContext {
  return { store, memory, now: () => new Date('2026-11-20T05:58:12Z') };
}

async function isWhole(store: Store, pin = undefined as Parameters<typeof unlock>[1]['pin']): Promise<void> {
  for (const credential of [await withPassphrase(), await withKey(identity)]) {
    const open = await unlock(at(store), {
      ...(pin ? { pin } : {}),
      credentials: async () => [credential],
      confirm: async () => true,
    });
    const { findings } = await verify(open, { unlocked: open });
    expect(findings.filter((f) => f.severity === 'error')).toEqual([]);
  }
}

describe('a new vault', () => {
  it('opens with each of its keys, and nothing is wrong with it', async () => {
    const store = memoryStore();
    const { pin } = await initVault(at(store), options());
    await isWhole(store, pin);
  });

  it('is made of keys, RECOVERY.md and last the vault document', async () => {
    const store = watched(memoryStore());
    await initVault(at(store), options());
    expect(store.writes.map((w) => w.replace(/-[0-9a-z]{10}\./, '-R.'))).toEqual([
      'create keys/1/passphrase-R.age',
      'create keys/1/age-R.age',
      'create RECOVERY.md',
      'create vault/1.json',
    ]);
    expect((await get(store, 'RECOVERY.md')).toString()).toBe(RECOVERY_TEXT);
  });

  it('says who made it, when, and what opens it', async () => {
    const { document } = await initVault(at(memoryStore()), options());
    expect(document).toMatchObject({
      name: 'shop',
      revision: 1,
      generation: 1,
      time: '2026-11-20T05:58:12Z',
      reencrypt: false,
      slots: [
        { name: 'passphrase', method: 'passphrase', workFactor: 10, by: 'web-1' },
        { name: 'age', method: 'age', recipient, by: 'web-1' },
      ],
      hosts: [{ name: 'web-1', key: host.key.publicKey, sets: ['*'], may: ['write', 'maintain'] }],
    });
    expect(document.generations).toHaveLength(1);
  });

  it('is remembered by its place', async () => {
    const memory = noMemory();
    const { pin } = await initVault(at(memoryStore(), memory), options());
    expect(await memory.pinFor('memory:')).toEqual(pin);
    expect((await memory.vault(pin.vault)).revision).toBe(1);
  });

  it('may be post-quantum', async () => {
    const store = memoryStore();
    const { pin, document } = await initVault(at(store), options({ postQuantum: true }));
    expect(pin.recipient).toMatch(/^age1pq1/);
    expect(document.generations[0]!.recipient).toBe(pin.recipient);
    await isWhole(store, pin);
  });

  it('is like no other, though all that was asked for is the same', async () => {
    const [one, two] = [
      await initVault(at(memoryStore()), options()),
      await initVault(at(memoryStore()), options()),
    ];
    expect(one.pin.vault).not.toBe(two.pin.vault);
    expect(one.pin.recipient).not.toBe(two.pin.recipient);
    expect(one.pin.authority).not.toBe(two.pin.authority);
  });
});

/** A key that says a lot of itself. */
function wordyKey(name: string): NewKey {
  const wrap = async () => ({ bytes: Buffer.from(name), fields: { recipient: name + 'x'.repeat(4000) } });
  return { name, method: 'age', extension: 'age', wrap };
}

describe('a vault is refused', () => {
  it.each<[string, Partial<InitOptions>, string, string]>([
    ['without a key', { keys: [] }, 'no-keys', 'a vault needs at least one way to open it'],
    ['with a name that is none', { name: 'The Shop' }, 'bad-name', 'not a valid vault name: "The Shop"'],
    [
      'by a host whose name is none',
      { host: { name: 'Web', publicKey: host.key.publicKey } },
      'bad-name',
      'not a valid host name: "Web"',
    ],
    [
      'with a key whose name is none',
      { keys: [newRecipientKey('my laptop', recipient)] },
      'bad-name',
      'not a valid key name: "my laptop"',
    ],
    [
      'with two keys of one name',
      { keys: [newRecipientKey('a', recipient), newRecipientKey('a', recipient)] },
      'name-taken',
      'the name a is taken',
    ],
    [
      'with one key under two names',
      { keys: [newRecipientKey('a', recipient), newRecipientKey('b', recipient)] },
      'same-key',
      `a and b are one and the same key: ${recipient}`,
    ],
    [
      'with a key of a reserved name',
      { keys: [newRecipientKey('previous', recipient)] },
      'name-taken',
      'the name previous is taken',
    ],
    [
      'with more keys than a document holds',
      { keys: Array.from({ length: 300 }, (_, i) => wordyKey(`key-${i}`)) },
      'document-too-large',
      'so many keys and hosts do not fit into one vault document',
    ],
  ])('%s, and nothing is written', async (_, more, code, message) => {
    const store = memoryStore();
    await expect(initVault(at(store), options(more))).rejects.toMatchObject({ code, exitCode: 2, message });
    expect((await namesOf(store)).filter((name) => name !== 'RECOVERY.md')).toEqual([]);
  });

  it('when one of its keys cannot be made, and nothing is even created: not every role may remove it again', async () => {
    const store = watched(memoryStore());
    const refused: NewKey = {
      name: 'kms',
      method: 'kms',
      extension: 'kms',
      wrap: async () => {
        throw new UnlockError('kms-denied', 'access denied');
      },
    };
    const keys = [newRecipientKey('a', recipient), refused];
    await expect(initVault(at(store), options({ keys }))).rejects.toMatchObject({ code: 'kms-denied' });
    expect(store.writes).toEqual([]);
    await initVault(at(store), options({ keys: keys.slice(0, 1) }));
    expect(store.writes).toHaveLength(3);
  });

  it.each(['vault/1.json', 'vault/7.json', 'snapshots/app/x.json', 'data/x', 'notes.txt', 'keys/2/x.age'])(
    'over %s, which stays as it is',
    async (name) => {
      const store = memoryStore();
      await store.create(name, Buffer.from('mine'));
      await expect(initVault(at(store), options())).rejects.toMatchObject({
        code: 'vault-exists',
        exitCode: 11,
        message: `there is already something at memory:: ${name}`,
        hint: expect.stringContaining(
          'choose an empty place, or, if this one is yours, use it with `strongroom trust`',
        ),
      });
      expect(await namesOf(store)).toEqual([name]);
      expect((await get(store, name)).toString()).toBe('mine');
    },
  );

  it('over a RECOVERY.md that is another’s', async () => {
    const store = memoryStore();
    await put(store, 'RECOVERY.md', 'how to open something else');
    await expect(initVault(at(store), options())).rejects.toMatchObject({ code: 'vault-exists' });
    expect(await namesOf(store)).toEqual(['RECOVERY.md']);
  });
});

describe('an init that breaks off', () => {
  it.each([0, 1, 2, 3])('killed after %i objects, leaves what the next one goes on over', async (count) => {
    const store = memoryStore();
    await expect(initVault(at(killedAfter(store, count)), options())).rejects.toThrow(Killed);
    expect(await namesOf(store)).toHaveLength(count);
    const { pin } = await initVault(at(store), options());
    await isWhole(store, pin);
  });

  it.each([0, 1, 2, 3])(
    'by a failure of object %i, takes back what it made, but for RECOVERY.md',
    async (count) => {
      const store = memoryStore();
      const full = watched(store, ({ verb, creates }) => {
        if (verb === 'create' && creates === count) throw new StoreError('store-full', 'no space left');
      });
      await expect(initVault(at(full), options())).rejects.toMatchObject({
        code: 'store-full',
        exitCode: 14,
      });
      expect(await namesOf(store)).toEqual(count === 3 ? ['RECOVERY.md'] : []);
    },
  );

  it('when nobody knows whether its document was written, keeps the keys that the document names', async () => {
    const store = memoryStore();
    const unsure = watched(store, undefined, ({ name }) => {
      if (name === 'vault/1.json') throw new StoreError('store-unreachable', 'the disk went away');
    });
    await expect(initVault(at(unsure), options())).rejects.toMatchObject({ code: 'store-unreachable' });
    await isWhole(store);
  });

  it('by a signal, stops with nothing made', async () => {
    const store = memoryStore();
    const signal = AbortSignal.abort();
    await expect(initVault({ ...at(store), signal }, options())).rejects.toMatchObject({
      code: 'interrupted',
      exitCode: 130,
    });
    expect(await namesOf(store)).toEqual([]);
  });
});

describe('two that are made at the same time in the same place', () => {
  it('come to one vault; the other is told, and leaves nothing', async () => {
    const directory = scratch();
    for (let round = 0; round < 5; round++) {
      const place = `${directory}/${round}`;
      const ended = await Promise.allSettled(
        ['one', 'two', 'three'].map(async (name) => {
          const store = await localStore(place, { create: true });
          return await initVault(at(store), options({ name }));
        }),
      );
      const made = ended.flatMap((e) => (e.status === 'fulfilled' ? [e.value] : []));
      expect(made).toHaveLength(1);
      for (const e of ended)
        if (e.status === 'rejected') expect(e.reason).toMatchObject({ code: 'vault-exists', exitCode: 11 });
      const store = await localStore(place);
      expect((await namesOf(store)).length).toBe(4);
      await isWhole(store, made[0]!.pin);
    }
  });
});
