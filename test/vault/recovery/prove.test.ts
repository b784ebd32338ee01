import { beforeAll, describe, expect, it } from 'vitest';
import { newRecipientKey } from '../../../src/keys/recipient.ts';
import { memoryStore } from '../../../src/store/memory.ts';
import type { Store } from '../../../src/store/store.ts';
import { judgeShare, pinByShare } from '../../../src/vault/recovery/judge-share.ts';
import { revise } from '../../../src/vault/revise.ts';
import { rotate } from '../../../src/vault/rotate/rotate.ts';
import { client, makeVault, type TestVault, withKey } from '../../support/vault.ts';
import { watched } from '../stores.ts';
import { makeKit, openUnlocked, pieces, prove, type TestKit } from './kits.ts';

let vault: TestVault;
let kit: TestKit;
beforeAll(async () => {
  vault = await makeVault();
  kit = await makeKit(await openUnlocked(vault));
});

/** A copy of a vault's store, to be changed. */
async function copyOf({ store }: TestVault, keep: (name: string) => boolean = () => true): Promise<Store> {
  const copy = memoryStore({});
  for await (const { name } of store.list(''))
    if (keep(name)) await copy.create(name, (await store.get(name))!);
  return copy;
}

/** Rotates the key; every age key is made anew. */
async function rotated(of: TestVault, without: readonly string[] = ['passphrase']) {
  return await rotate(await openUnlocked(of, { credential: await withKey(of.key) }), {
    by: 'web-1',
    without,
    compromised: false,
    reencrypt: false,
    keyFor: async ({ name, recipient }) => newRecipientKey(name, recipient!),
    credentials: [await withKey(of.key)],
  });
}

describe('shares are proven', () => {
  it('to open the vault, on a machine that knows nothing of it, and nothing is written', async () => {
    const store = watched(vault.store);
    const { vault: opened, shares, wrong } = await prove(vault, pieces(...kit.shares.slice(1, 4)), { store });
    expect([opened.openedBy, wrong]).toEqual(['kit', []]);
    expect(shares.map((s) => [s.index, s.isOutdated])).toEqual([
      [2, false],
      [3, false],
      [4, false],
    ]);
    expect(store.writes).toEqual([]);
    expect(await opened.memory.pinFor(vault.store.location)).toBeUndefined();
    expect((await opened.memory.vault(vault.pin.vault)).revision).toBe(0);
  });

  it('as a whole kit, and as a bare key, which says nothing of whose vault it is', async () => {
    expect((await prove(vault, pieces(kit.whole))).vault.openedBy).toBe('kit');
    const bare = [{ identity: kit.identity, source: 'the key' }];
    await expect(prove(vault, bare)).rejects.toMatchObject({ code: 'not-trusted' });
    expect((await prove(vault, bare, { pin: true })).vault.openedBy).toBe('kit');
    expect((await prove(vault, bare, { confirm: true })).vault.openedBy).toBe('kit');
  });

  it('of a post-quantum vault', async () => {
    const mine = await makeVault({ kind: 'hybrid' });
    const { shares } = await makeKit(await openUnlocked(mine));
    expect((await prove(mine, pieces(...shares.slice(0, 3)))).vault.openedBy).toBe('kit');
  });

  it('sound but too few, with how many are missing', async () => {
    await expect(prove(vault, pieces(kit.shares[0]!, kit.shares[0]!))).rejects.toMatchObject({
      code: 'too-few-shares',
      exitCode: 12,
      message: 'share 1: sound, and of the key kit of this vault, but 3 shares are needed to open it',
      hint: 'find 2 more of the 5',
    });
  });

  it('wrong, where there are others to tell by', async () => {
    const forged = { ...kit.shares[0]!, payload: kit.shares[1]!.payload.with(0, 1).with(1, 2) };
    const proof = await prove(vault, pieces(forged, ...kit.shares.slice(1, 4)));
    expect([proof.wrong, proof.vault.openedBy]).toEqual([['share 1'], 'kit']);
    await expect(prove(vault, pieces(forged, ...kit.shares.slice(1, 3)))).rejects.toMatchObject({
      code: 'wrong-share',
      exitCode: 13,
    });
  });
});

describe('a share that does not belong is said to be', () => {
  it('of another vault', async () => {
    const other = await makeVault({ name: 'other' });
    const theirs = await makeKit(await openUnlocked(other));
    for (const pin of [false, true]) {
      await expect(prove(vault, pieces(theirs.shares[0]!), { pin })).rejects.toMatchObject({
        code: 'foreign-share',
        exitCode: 12,
      });
      // Among good ones too.
      await expect(
        prove(vault, pieces(kit.shares[0]!, kit.shares[1]!, theirs.shares[2]!), { pin }),
      ).rejects.toMatchObject({ code: 'foreign-share', object: 'share 3' });
    }
  });

  it('where there is no vault at all', async () => {
    await expect(prove(vault, pieces(kit.whole), { store: memoryStore({}) })).rejects.toMatchObject({
      code: 'no-vault',
      exitCode: 10,
    });
  });

  it('of another set of the same vault', async () => {
    const mine = await makeVault();
    const a = await makeKit(await openUnlocked(mine), 'kit');
    const b = await makeKit(await openUnlocked(mine), 'spare');
    await expect(prove(mine, pieces(a.shares[0]!, a.shares[1]!, b.shares[2]!))).rejects.toMatchObject({
      code: 'mixed-shares',
      exitCode: 2,
    });
  });

  it('stale, once its key was replaced or removed', async () => {
    const mine = await makeVault();
    const old = await makeKit(await openUnlocked(mine));
    await makeKit(await openUnlocked(mine), 'kit', true);
    await expect(prove(mine, pieces(...old.shares.slice(0, 3)))).rejects.toMatchObject({
      code: 'stale-share',
      exitCode: 12,
      object: 'share 1',
    });
    await revise(await openUnlocked(mine), async ({ document }) => ({
      change: { slots: document.slots.filter((slot) => slot.name !== 'kit') },
    }));
    await expect(prove(mine, pieces(old.whole))).rejects.toMatchObject({ code: 'stale-share' });
  });
});

describe('after a rotation', () => {
  it('shares open the vault all the same, and are said to be out of date', async () => {
    const mine = await makeVault();
    const old = await makeKit(await openUnlocked(mine));
    const { pin } = await rotated(mine);
    const proof = await prove(mine, pieces(...old.shares.slice(2)));
    expect(proof.vault.document.generation).toBe(2);
    expect(proof.shares.map((s) => [s.printedFor, s.isOutdated])).toEqual(Array(3).fill([1, true]));
    // Whoever knows of the rotation by its old key alone changes nothing.
    await expect(makeKit(proof.vault, 'kit', true)).rejects.toMatchObject({ code: 'old-pin' });
    const anew = await makeKit(
      await openUnlocked(mine, { pin, credential: await withKey(mine.key) }),
      'kit',
      true,
    );
    const [share] = (await prove(mine, pieces(anew.whole))).shares;
    expect([share!.printedFor, share!.isOutdated]).toEqual([2, false]);
  });

  it('shares of a key that was left out are stale', async () => {
    const mine = await makeVault();
    const old = await makeKit(await openUnlocked(mine));
    await rotated(mine, ['passphrase', 'kit']);
    await expect(prove(mine, pieces(old.whole))).rejects.toMatchObject({ code: 'stale-share' });
  });

  it('a store that was put back to before it does not pass', async () => {
    const mine = await makeVault();
    await makeKit(await openUnlocked(mine));
    const before = await copyOf(mine);
    const { vault: now } = await rotated(mine);
    const anew = await makeKit(now, 'kit', true);
    await expect(prove(mine, pieces(anew.whole), { store: before })).rejects.toMatchObject({ exitCode: 12 });
    expect(() => judgeShare(kit.vault.document, { ...kit.whole, generation: 2 }, 'it')).toThrow(
      'it was printed for key number 2, but the vault shows number 1',
    );
  });
});

describe('a vault that somebody planted', () => {
  it('is not called the one of the shares, though their key opens it', async () => {
    const recipient = kit.slot.recipient!;
    const planted = await makeVault({ name: 'shop' });
    const toKey = newRecipientKey('kit', recipient);
    const { wrapSlot } = await import('../../../src/vault/slots.ts');
    await revise(await openUnlocked(planted), async (now) => {
      const { slot, object } = await wrapSlot(now, toKey, 'web-1');
      return { change: { slots: [slot] }, objects: [object] };
    });
    const given = pieces(...kit.shares.slice(0, 3));
    await expect(prove(planted, given)).rejects.toMatchObject({ code: 'foreign-share' });
    // Nor beside the true one.
    const both = await copyOf(vault);
    await both.create('vault/9.json', (await planted.store.get('vault/2.json'))!);
    expect((await prove(vault, given, { store: both })).vault.document.vault).toBe(vault.pin.vault);
    await expect(pinByShare(client({ ...planted }), kit.whole, 'a')).rejects.toMatchObject({
      code: 'foreign-share',
    });
  });
});
