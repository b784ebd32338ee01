import { describe, expect, it } from 'vitest';
import { generateIdentity, recipientOf } from '../../../src/crypt/identity.ts';
import { newRecipientKey } from '../../../src/keys/recipient.ts';
import { sealVaultDocument } from '../../../src/vault/commit.ts';
import type { VaultDocument } from '../../../src/vault/documents/vault-document.ts';
import { generationLeak, hostLeak, keyLeak, readHistory } from '../../../src/vault/exposure/leak.ts';
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
        hint: 'it has had age, alice, bob, passphrase',
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
