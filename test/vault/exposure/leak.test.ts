import { describe, expect, it } from 'vitest';
import { generateIdentity, recipientOf } from '../../../src/crypt/identity.ts';
import { newRecipientKey } from '../../../src/keys/recipient.ts';
import { sealVaultDocument } from '../../../src/vault/commit.ts';
import type { VaultDocument } from '../../../src/vault/documents/vault-document.ts';
import { gapsOf, generationLeak, hostLeak, keyLeak, readHistory } from '../../../src/vault/exposure/leak.ts';
import { revise } from '../../../src/vault/revise.ts';
import { wrapSlot } from '../../../src/vault/slots.ts';
import type { UnlockedVault } from '../../../src/vault/vault.ts';
import { rotateVault } from '../../support/rotation.ts';
import { makeVault, openLocked, openUnlocked, type TestVault, tick } from '../../support/vault.ts';

async function addKey(vault: TestVault, opened: UnlockedVault, name: string): Promise<UnlockedVault> {
  tick(vault.clock);
  const recipient = await recipientOf(await generateIdentity('x25519'));
  return await revise(opened, async (now) => {
    const { slot, object } = await wrapSlot(now, newRecipientKey(name, recipient), 'web-1');
    return { change: { slots: [...now.document.slots, slot] }, objects: [object] };
  });
}

async function removeKey(vault: TestVault, opened: UnlockedVault, name: string): Promise<UnlockedVault> {
  tick(vault.clock);
  return await revise(opened, async (now) => ({
    change: { slots: now.document.slots.filter((slot) => slot.name !== name) },
  }));
}

describe('when a key opened the vault', () => {
  it('is found in the vault documents of the past, over removal, return and rotation', async () => {
    const vault = await makeVault();
    let opened = await addKey(vault, await openUnlocked(vault), 'alice');
    opened = await removeKey(vault, opened, 'alice');
    opened = await addKey(vault, opened, 'alice');
    opened = await addKey(vault, opened, 'bob');
    tick(vault.clock);
    opened = (await rotateVault(vault, opened, { without: ['alice'] })).vault;
    opened = await removeKey(vault, opened, 'bob');
    const history = await readHistory(opened);
    expect(history.map((d) => [d.revision, d.generation])).toEqual([
      [1, 1],
      [2, 1],
      [3, 1],
      [4, 1],
      [5, 1],
      [6, 2],
      [7, 2],
    ]);
    const time = (revision: number) => history[revision - 1]!.time;
    expect(keyLeak(history, 'alice')).toEqual({
      kind: 'key',
      name: 'alice',
      generation: 1,
      known: 1,
      missing: [],
      periods: [
        { from: time(2), fromRevision: 2, to: time(3), toRevision: 3 },
        { from: time(4), fromRevision: 4, to: time(6), toRevision: 6 },
      ],
    });
    expect(keyLeak(history, 'bob')).toMatchObject({
      generation: 2,
      periods: [{ fromRevision: 5, toRevision: 7 }],
    });
    expect(keyLeak(history, 'age')).toMatchObject({
      generation: 2,
      periods: [{ from: time(1), fromRevision: 1 }],
    });
    expect(keyLeak(history, 'age').periods[0]).not.toHaveProperty('to');
    expect(() => keyLeak(history, 'carol')).toThrow(
      expect.objectContaining({
        code: 'no-such-key',
        exitCode: 10,
        hint: 'it has had age, alice, bob, passphrase; if it is missing there, --generation 1 lists what it may have read',
      }),
    );
    expect(await readHistory(await openLocked(vault))).toEqual(history);
  });

  it('is not what somebody says who kept an old key, or has none', async () => {
    const vault = await makeVault();
    const before = await openUnlocked(vault);
    tick(vault.clock);
    const { vault: opened } = await rotateVault(vault, before);
    const planted = (document: VaultDocument, revision: number, slot: string, key = before.authority) => {
      const next = { ...document, revision, object: `vault/${revision}.json` };
      const slots = [{ ...document.slots[0]!, name: slot }];
      return vault.store.create(next.object, sealVaultDocument({ ...next, slots }, [key]));
    };
    await planted(before.document, 3, 'planted');
    const stranger = await makeVault();
    await planted(stranger.document, 4, 'stranger', stranger.authority);
    await vault.store.create('vault/5.json', Buffer.from('{}\n'));
    const { vault: now } = await rotateVault(vault, opened);
    expect(now.document.revision).toBeGreaterThan(5);
    const history = await readHistory(now);
    expect(history.map((d) => d.generation)).toEqual([1, 2, 3]);
    expect(() => keyLeak(history, 'planted')).toThrow(/never had a key/);
    expect(() => keyLeak(history, 'stranger')).toThrow(/never had a key/);
  });
});

describe('what a key could read at the worst', () => {
  /** Three generations; bob in the first two. */
  async function threeGenerations() {
    const vault = await makeVault();
    const first = await addKey(vault, await openUnlocked(vault), 'bob');
    tick(vault.clock);
    const second = (await rotateVault(vault, first)).vault;
    tick(vault.clock);
    const third = (await rotateVault(vault, second, { without: ['bob'] })).vault;
    expect(third.document).toMatchObject({ generation: 3, revision: 4 });
    return { vault, second, third };
  }

  it('is all that older keys could, as whoever held one may have replaced the documents that list him', async () => {
    const { vault, second, third } = await threeGenerations();
    expect(keyLeak(await readHistory(third), 'bob')).toMatchObject({ generation: 2, known: 2 });
    // With the key of the second generation and the right to delete.
    const { document, authority } = second;
    const slots = document.slots.filter(({ name }) => name !== 'bob');
    const bytes = sealVaultDocument({ ...document, slots }, [authority, (await second.proven(1)).authority]);
    await vault.store.remove([document.object]);
    await vault.store.create(document.object, bytes);
    const leak = keyLeak(await readHistory(third), 'bob');
    expect(leak).toMatchObject({ generation: 2, known: 1, missing: [] });
    expect(leak.periods).toMatchObject([{ fromRevision: 2, toRevision: 3 }]);
    // One that is listed today opens all, and nothing is assumed.
    expect(keyLeak(await readHistory(third), 'age')).toMatchObject({ generation: 3, known: 3 });
  });

  it('is all there is where a document of the newest generation is missing', async () => {
    const { vault, second, third } = await threeGenerations();
    const opened = await removeKey(vault, await addKey(vault, third, 'carol'), 'carol');
    expect(opened.document.revision).toBe(6);
    await vault.store.remove([second.document.object]);
    // The missing one may have been of the newest generation, for all that is left to see.
    const one = await readHistory(opened);
    expect(gapsOf(one)).toEqual([{ from: 3, to: 3 }]);
    expect(keyLeak(one, 'bob').generation).toBe(3);
    await vault.store.remove(['vault/5.json']);
    const two = await readHistory(opened);
    expect(gapsOf(two)).toEqual([
      { from: 3, to: 3 },
      { from: 5, to: 5 },
    ]);
    expect(keyLeak(two, 'bob')).toMatchObject({ generation: 3, known: 1, missing: gapsOf(two) });
    expect(() => keyLeak(two, 'carol')).toThrow(
      expect.objectContaining({ hint: expect.stringContaining('--generation 3 lists') }),
    );
  });
});

describe('what else may leak', () => {
  it('is one of the numbers that the vault has had, or one of its hosts', async () => {
    const vault = await makeVault();
    const { document } = await openUnlocked(vault);
    expect(generationLeak(document, 1)).toEqual({ kind: 'generation', generation: 1 });
    expect(() => generationLeak(document, 2)).toThrow(
      expect.objectContaining({
        code: 'no-such-key',
        hint: 'it was never rotated: its only one is number 1',
      }),
    );
    const since = new Date();
    expect(hostLeak(document, 'web-1', since)).toEqual({ kind: 'host', host: 'web-1', since });
    expect(() => hostLeak(document, 'web-2')).toThrow(
      expect.objectContaining({ code: 'no-host', exitCode: 10, hint: 'it has had web-1' }),
    );
  });

  it('is a host that was removed, too', async () => {
    const vault = await makeVault();
    const { document } = await openUnlocked(vault);
    const removed = { ...document, hosts: document.hosts.map((h) => ({ ...h, removed: document.time })) };
    expect(hostLeak(removed, 'web-1')).toEqual({ kind: 'host', host: 'web-1' });
  });
});
