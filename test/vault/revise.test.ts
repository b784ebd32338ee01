// The one way to write the next vault document: what stands afterwards, whatever goes wrong on the way and whoever else
// is at it.

import { describe, expect, it } from 'vitest';
import { generateIdentity, recipientOf } from '../../src/crypt/identity.ts';
import { ConflictError, IntegrityError, InterruptedError, StoreError } from '../../src/errors.ts';
import { newRecipientKey } from '../../src/keys/recipient.ts';
import { NAMESPACES } from '../../src/sign/authority.ts';
import { sealDocument } from '../../src/sign/document.ts';
import { generateSigningKey } from '../../src/sign/key.ts';
import { openStore } from '../../src/store/index.ts';
import type { Store } from '../../src/store/store.ts';
import type { VaultDocument } from '../../src/vault/documents/vault-document.ts';
import { changeKeys } from '../../src/vault/keys/change.ts';
import { type Revision, revise } from '../../src/vault/revise.ts';
import type { UnlockedVault } from '../../src/vault/vault.ts';
import { digestsOf, get, namesOf, put } from '../support/forge.ts';
import { rotateVault } from '../support/rotation.ts';
import { makeVault, openLocked, openUnlocked, scratch, type TestVault, tick } from '../support/vault.ts';
import { denied, watched } from './stores.ts';

/** A revision that is easy to see: one more host, and an object that nothing needs. */
function addHost(name: string, object = `keys/1/extra-${name}.age`) {
  const { publicKey } = generateSigningKey();
  return async ({ document }: UnlockedVault): Promise<Revision> => ({
    change: {
      hosts: [...document.hosts, { name, key: publicKey, sets: ['*'], may: ['write'], added: document.time }],
    },
    objects: [{ object, bytes: Buffer.from(name) }],
  });
}

const hostsOf = async (vault: TestVault, store = vault.store): Promise<string[]> =>
  (await openLocked({ ...vault, store })).document.hosts.map(({ name }) => name);

async function failure(work: Promise<unknown>): Promise<{ error: unknown; code: string; hint: string }> {
  try {
    await work;
  } catch (error) {
    const { code, hint = '' } = error as { code: string; hint?: string };
    return { error, code, hint };
  }
  throw new Error('it did not fail');
}

/** The bytes of a next document of this vault, signed by `signer`. */
function sealed(
  vault: TestVault,
  change: Partial<VaultDocument> & Record<string, unknown>,
  signer = vault.authority,
) {
  return sealDocument({ ...vault.document, ...change }, NAMESPACES.vault, [signer]);
}

describe('a revision', () => {
  it('is one more document; what it names is there before it, what nothing names goes after it', async () => {
    const vault = await makeVault();
    const store = watched(vault.store);
    const opened = await openUnlocked(vault, { store });
    store.writes.length = 0;
    const old = opened.document.slots[0]!;
    tick(vault.clock);
    const revised = await revise(opened, async ({ document }) => ({
      change: { slots: document.slots.slice(1) },
      objects: [{ object: 'keys/1/new-0123456789.age', bytes: Buffer.from('new') }],
    }));
    // The new object is named by nothing, but it is this revision's own: the next one looks.
    expect(store.writes).toEqual([
      'create keys/1/new-0123456789.age',
      'create vault/2.json',
      `remove ${old.object}`,
    ]);
    const { document } = await openLocked(vault);
    expect(document).toMatchObject({ revision: 2, generation: 1, time: '2026-11-20T05:59:12Z' });
    expect(document.slots).toEqual(opened.document.slots.slice(1));
    expect(revised).toMatchObject({ document, pin: { revision: 2 }, findings: [] });
    expect((await vault.memory.vault(document.vault)).revision).toBe(1);
  });

  it('is remembered by whoever wrote it', async () => {
    const vault = await makeVault();
    const opened = await openUnlocked(vault, { memory: vault.memory });
    await revise(opened, addHost('web-2'));
    expect(await vault.memory.vault(vault.pin.vault)).toMatchObject({ revision: 2 });
  });

  it('that is too large changes nothing', async () => {
    const vault = await makeVault();
    const opened = await openUnlocked(vault);
    const before = await digestsOf(vault.store);
    const name = 'x'.repeat(1024 * 1024);
    await expect(revise(opened, addHost(name, 'keys/1/extra.age'))).rejects.toMatchObject({
      code: 'document-too-large',
      exitCode: 2,
    });
    expect(await digestsOf(vault.store)).toEqual(before);
  });

  it('whose plan fails changes nothing', async () => {
    const vault = await makeVault();
    const opened = await openUnlocked(vault);
    const before = await digestsOf(vault.store);
    const plan = async () => {
      throw new ConflictError('last-key', 'no');
    };
    await expect(revise(opened, plan)).rejects.toMatchObject({ code: 'last-key' });
    expect(await digestsOf(vault.store)).toEqual(before);
  });
});

describe('two who revise at once', () => {
  it.each<[string, () => Promise<Store | undefined>]>([
    ['in memory', async () => undefined],
    ['in a directory', async () => await openStore(scratch(), { create: true })],
  ])('both get through, one upon the other: %s', async (_, make) => {
    const store = await make();
    const vault = await makeVault(store ? { store } : {});
    // Neither goes on before both have a document ready.
    let waiting = 0;
    let go = () => {};
    const both = new Promise<void>((resolve) => {
      go = resolve;
    });
    const gate = async ({ verb, name }: { verb: string; name: string }) => {
      if (verb !== 'create' || name !== 'vault/2.json') return;
      if (++waiting === 2) go();
      await both;
    };
    const names = ['web-2', 'web-3'];
    const opened = await Promise.all(
      names.map(() => openUnlocked(vault, { store: watched(vault.store, gate) })),
    );
    const plans: number[] = [];
    await Promise.all(
      names.map((name, i) => {
        const plan = addHost(name);
        return revise(opened[i]!, async (now) => {
          plans.push(now.document.revision);
          return await plan(now);
        });
      }),
    );
    expect(plans.sort()).toEqual([1, 1, 2]);
    expect((await hostsOf(vault)).sort()).toEqual(['web-1', 'web-2', 'web-3']);
    expect(await namesOf(vault.store, 'vault/')).toEqual(['vault/1.json', 'vault/2.json', 'vault/3.json']);
  });

  it('is over for the one whose plan does not hold upon what the other wrote', async () => {
    const vault = await makeVault();
    const [mine, theirs] = [await openUnlocked(vault), await openUnlocked(vault)];
    await revise(theirs, addHost('web-2'));
    const after = await digestsOf(vault.store);
    const plan = addHost('web-3');
    const refused = revise(mine, async (now) => {
      if (now.document.hosts.length > 1) throw new ConflictError('changed-meanwhile', 'no');
      return await plan(now);
    });
    await expect(refused).rejects.toMatchObject({ code: 'changed-meanwhile' });
    expect(await digestsOf(vault.store)).toEqual(after);
  });

  it('is over for whoever adds a key while another rotates, and for whoever rotates while another adds one', async () => {
    const vault = await makeVault();
    const [mine, theirs] = [await openUnlocked(vault), await openUnlocked(vault)];
    await rotateVault(vault, theirs);
    const after = await digestsOf(vault.store);
    await expect(revise(mine, addHost('web-2'))).rejects.toMatchObject({
      code: 'rotated-meanwhile',
      exitCode: 11,
    });
    expect(await digestsOf(vault.store)).toEqual(after);

    const other = await makeVault();
    const rotating = await openUnlocked(other);
    const key = newRecipientKey('anna', await recipientOf(await generateIdentity('x25519')));
    await changeKeys(await openUnlocked(other), { add: [{ key, proofs: [] }], by: 'laptop' });
    const added = await digestsOf(other.store);
    // What was shown to whoever rotates is not what there is: they decide again.
    await expect(rotateVault(other, rotating)).rejects.toMatchObject({ code: 'vault-changed', exitCode: 11 });
    expect(await digestsOf(other.store)).toEqual(added);
    await rotateVault(other, await openUnlocked(other));
    const { document } = await openUnlocked(other);
    expect(document).toMatchObject({ revision: 3, generation: 2 });
    expect(document.slots.map(({ name }) => name)).toEqual(['passphrase', 'age', 'anna']);
  });

  it('many get through, or are told that the vault is busy', async () => {
    const vault = await makeVault();
    const opened = await openUnlocked(vault);
    const others = await openUnlocked(vault);
    let now = others;
    let count = 0;
    const plan = addHost('mine');
    const refused = failure(
      revise(opened, async (seen) => {
        // Somebody else is always quicker.
        now = await revise(now, addHost(`web-${++count + 1}`));
        return await plan(seen);
      }),
    );
    expect(await refused).toMatchObject({
      code: 'vault-busy',
      hint: expect.stringContaining('nothing was changed'),
    });
    expect(await hostsOf(vault)).not.toContain('mine');
    expect(await namesOf(vault.store, 'keys/1/extra-mine')).toEqual([]);
  });
});

describe('a planted revision', () => {
  it.each<[string, (vault: TestVault) => Promise<Buffer | string>]>([
    ['garbage', async () => 'garbage'],
    ['a copy of the document before', async ({ store }) => await get(store, 'vault/1.json')],
    [
      'a document that somebody else signed',
      async (vault) =>
        sealed(vault, { revision: 2, object: 'vault/2.json', slots: [] }, generateSigningKey()),
    ],
    ['more than a document may be', async () => Buffer.alloc(1024 * 1024 + 1, 'x')],
  ])('is named and passed over: %s', async (_, make) => {
    const vault = await makeVault();
    const opened = await openUnlocked(vault);
    await vault.store.create('vault/2.json', Buffer.from(await make(vault)));
    const revised = await revise(opened, addHost('web-2'));
    expect(revised.document).toMatchObject({ revision: 3, object: 'vault/3.json' });
    expect(revised.findings).toMatchObject([{ code: 'planted-document', object: 'vault/2.json' }]);
    expect(await hostsOf(vault)).toEqual(['web-1', 'web-2']);
    expect(await namesOf(vault.store, 'keys/1/extra')).toEqual(['keys/1/extra-web-2.age']);
  });

  it('that our authority signed and this version cannot read is not passed over', async () => {
    const vault = await makeVault();
    const opened = await openUnlocked(vault);
    const next = { revision: 2, object: 'vault/2.json', format: 2 } as unknown as Partial<VaultDocument>;
    await vault.store.create('vault/2.json', sealed(vault, next));
    const before = await digestsOf(vault.store);
    const { error } = await failure(revise(opened, addHost('web-2')));
    expect(error).toBeInstanceOf(IntegrityError);
    expect(error).toMatchObject({ code: 'newer-format' });
    expect(await digestsOf(vault.store)).toEqual(before);
  });

  it('one after the other ends in an error, with nothing changed', async () => {
    const vault = await makeVault();
    const opened = await openUnlocked(vault);
    for (let n = 2; n < 40; n++) await put(vault.store, `vault/${n}.json`, 'garbage');
    const before = await digestsOf(vault.store);
    expect(await failure(revise(opened, addHost('web-2')))).toMatchObject({ code: 'vault-busy' });
    expect(await digestsOf(vault.store)).toEqual(before);
  });
});

describe('a reply that is lost', () => {
  const lost = new StoreError('store-unreachable', 'no answer', { object: 'vault/2.json' });
  const atCommit = ({ verb, name }: { verb: string; name: string }) =>
    verb === 'create' && name === 'vault/2.json';

  it('after the document was written leaves it and what it names, and says that this is not known', async () => {
    const vault = await makeVault();
    const store = watched(vault.store, undefined, (call) => {
      if (atCommit(call)) throw lost;
    });
    const { error, hint } = await failure(revise(await openUnlocked(vault, { store }), addHost('web-2')));
    expect(error).toBeInstanceOf(StoreError);
    expect(hint).toContain('not known');
    expect(await hostsOf(vault)).toEqual(['web-1', 'web-2']);
    expect(await namesOf(vault.store, 'keys/1/extra')).toEqual(['keys/1/extra-web-2.age']);
  });

  it('before it was written leaves nothing', async () => {
    const vault = await makeVault();
    const before = await digestsOf(vault.store);
    const store = watched(vault.store, (call) => {
      if (atCommit(call)) throw lost;
    });
    const { hint } = await failure(revise(await openUnlocked(vault, { store }), addHost('web-2')));
    expect(hint).not.toContain('not known');
    expect(await digestsOf(vault.store)).toEqual(before);
  });

  it('while it may still be on its way to a remote place leaves what it names', async () => {
    const vault = await makeVault();
    let late = async (): Promise<unknown> => undefined;
    const inner = watched(vault.store);
    const store: Store = {
      ...inner,
      remote: true,
      create: async (name, bytes, options) => {
        if (name !== 'vault/2.json') return await inner.create(name, bytes, options);
        late = () => vault.store.create(name, bytes);
        throw lost;
      },
    };
    const { hint } = await failure(revise(await openUnlocked(vault, { store }), addHost('web-2')));
    expect(hint).toContain('not known');
    expect(await hostsOf(vault)).toEqual(['web-1']);
    await late();
    expect(await hostsOf(vault)).toEqual(['web-1', 'web-2']);
    expect(await namesOf(vault.store, 'keys/1/extra')).toEqual(['keys/1/extra-web-2.age']);
  });

  it('but a refusal is known to be one', async () => {
    const vault = await makeVault();
    const before = await digestsOf(vault.store);
    const inner = watched(vault.store, (call) => {
      if (atCommit(call)) throw denied(call.name);
    });
    const opened = await openUnlocked(vault, { store: { ...inner, remote: true } });
    expect(await failure(revise(opened, addHost('web-2')))).toMatchObject({ code: 'store-denied', hint: '' });
    expect(await digestsOf(vault.store)).toEqual(before);
  });

  it('and then “exists” is this very document', async () => {
    const vault = await makeVault();
    const inner = watched(vault.store);
    const store: Store = {
      ...inner,
      create: async (name, bytes, options) => {
        const result = await inner.create(name, bytes, options);
        return name === 'vault/2.json' ? 'exists' : result;
      },
    };
    const revised = await revise(await openUnlocked(vault, { store }), addHost('web-2'));
    expect(revised.document.revision).toBe(2);
    expect(await hostsOf(vault)).toEqual(['web-1', 'web-2']);
    expect(await namesOf(vault.store, 'keys/1/extra')).toEqual(['keys/1/extra-web-2.age']);
  });
});

describe('an end in the middle', () => {
  it('leaves objects that the next revision removes', async () => {
    const vault = await makeVault();
    const named = await namesOf(vault.store, 'keys/');
    await vault.store.create('keys/1/killed-0123456789.age', Buffer.from('a key that was never listed'));
    await revise(await openUnlocked(vault), async () => ({ change: {} }));
    expect(await namesOf(vault.store, 'keys/')).toEqual(named);
  });

  it('by a signal leaves nothing, or is too late', async () => {
    let ended = 0;
    for (let at = 0; at < 12; at++) {
      const vault = await makeVault();
      const before = await digestsOf(vault.store);
      const controller = new AbortController();
      const { signal } = controller;
      let calls = 0;
      const store = watched(vault.store, () => {
        if (calls++ === at) controller.abort();
      });
      const opened = { ...(await openUnlocked(vault)), store, signal };
      const result = await revise(opened, addHost('web-2')).catch((error: unknown) => error);
      if (result instanceof InterruptedError) {
        ended++;
        expect(await digestsOf(vault.store)).toEqual(before);
      } else expect(await hostsOf(vault)).toEqual(['web-1', 'web-2']);
    }
    expect(ended).toBeGreaterThan(1);
  });

  it('while old keys are removed is told, and the change stands', async () => {
    const vault = await makeVault();
    const store = watched(vault.store, ({ verb, name }) => {
      if (verb === 'remove') throw denied(name);
    });
    const opened = await openUnlocked(vault, { store });
    const revised = await revise(opened, async ({ document }) => ({
      change: { slots: document.slots.slice(1) },
    }));
    expect(revised.findings).toMatchObject([{ code: 'left-over', severity: 'warning' }]);
    expect((await openLocked(vault)).document).toMatchObject({ revision: 2, slots: [{ name: 'age' }] });
  });
});
