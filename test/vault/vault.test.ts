import { describe, expect, it } from 'vitest';
import { memoryStore } from '../../src/store/memory.ts';
import { noMemory } from '../../src/vault/client.ts';
import {
  authorityFingerprint,
  effectivePin,
  keyFingerprint,
  openPinned,
  openVault,
  requirePin,
} from '../../src/vault/vault.ts';
import { copyOf, put, putRevision } from '../support/forge.ts';
import { client, clockAt, makeVault, openLocked, type TestVault } from '../support/vault.ts';

const vault = await makeVault();

/** A copy with a second revision, and what a client remembers that saw it. */
async function withTwoRevisions(): Promise<{ copy: TestVault; memory: ReturnType<typeof noMemory> }> {
  const copy = await copyOf(vault);
  await putRevision(copy, () => ({}));
  const memory = noMemory();
  await openLocked(copy, { memory });
  expect((await memory.vault(vault.pin.vault)).revision).toBe(2);
  await copy.store.remove(['vault/2.json']);
  return { copy, memory };
}

describe('opening a vault that needs no key', () => {
  it('with its pin trusts it', async () => {
    const open = await openLocked(vault);
    expect(open).toMatchObject({ trust: 'pinned', document: vault.document, findings: [] });
    expect(open.documentSha256).toMatch(/^[0-9a-f]{64}$/);
    expect(authorityFingerprint(open.document)).toBe(vault.pin.authority);
    expect(keyFingerprint(vault.host.key.publicKey)).toMatch(/^SHA256:/);
  });

  it('by the place it remembers trusts it too, and the given pin comes first', async () => {
    const memory = noMemory();
    await memory.rememberPin('memory:', vault.pin);
    expect(await openLocked(vault, { pin: null, memory })).toMatchObject({ trust: 'pinned' });
    const other = (await makeVault()).pin;
    await expect(openLocked(vault, { pin: other, memory })).rejects.toMatchObject({ code: 'foreign-vault' });
    expect(await effectivePin(client(vault, memory), other)).toBe(other);
  });

  it('without a pin believes the only one there, and says that nothing proves it', async () => {
    const memory = noMemory();
    const open = await openLocked(vault, { pin: null, memory });
    expect(open.trust).toBe('unproven');
    expect(await memory.pinFor('memory:')).toBeUndefined();
  });

  it('without a pin believes none of two', async () => {
    const copy = await copyOf(vault);
    const other = await makeVault();
    const [planted] = [await other.store.get('vault/1.json')];
    await put(copy.store, 'vault/1.json', (await copy.store.get('vault/1.json'))!);
    const two = memoryStore();
    await two.create('vault/1.json', planted!);
    await expect(openLocked({ ...copy, store: two }, { pin: null })).resolves.toMatchObject({
      trust: 'unproven',
    });
    await putRevision({ ...copy, document: { ...other.document, revision: 1 } }, () => ({}), other.authority);
    await expect(openLocked(copy, { pin: null })).rejects.toMatchObject({
      code: 'several-vaults',
      exitCode: 13,
      message: expect.stringContaining(vault.pin.authority),
      hint: expect.stringContaining('strongroom trust FINGERPRINT'),
    });
    expect(await openLocked(copy)).toMatchObject({ trust: 'pinned', document: { name: 'shop' } });
  });

  it.each([true, false])('where there is none says so, with a pin (%s) or without', async (pinned) => {
    const store = memoryStore();
    const context = { ...client({ store, clock: clockAt() }) };
    await expect(openVault(context, pinned ? { pin: vault.pin } : {})).rejects.toMatchObject({
      code: 'no-vault',
      exitCode: 10,
      message: 'there is no vault at memory:',
      hint: expect.stringContaining(pinned ? 'strongroom copy' : 'strongroom init'),
    });
  });

  it('where only garbage stands says what stands there', async () => {
    const store = memoryStore();
    await store.create('vault/1.json', Buffer.from('garbage'));
    for (const pin of [vault.pin, null]) {
      await expect(openLocked({ ...vault, store }, { pin })).rejects.toMatchObject({
        code: 'unsigned',
        exitCode: 13,
      });
    }
  });

  it('pinned, gives nothing where there is no pin', async () => {
    expect(await openPinned(client(vault))).toBeUndefined();
  });
});

describe('a revision that was seen before', () => {
  it('may not be gone, whether it was pinned or remembered', async () => {
    const { copy, memory } = await withTwoRevisions();
    const older = {
      code: 'older-revision',
      exitCode: 13,
      message: 'the vault shows revision 1, but revision 2 was seen before',
      hint: expect.stringContaining('--trust-new'),
    };
    await expect(openLocked(copy, { memory })).rejects.toMatchObject(older);
    await expect(openLocked(copy, { memory, pin: null })).rejects.toMatchObject(older);
    await expect(openLocked(copy, { pin: { ...vault.pin, revision: 2 } })).rejects.toMatchObject(older);
  });

  it('may be gone for who says so, and stays remembered', async () => {
    const { copy, memory } = await withTwoRevisions();
    expect((await openLocked(copy, { memory, trustOlder: true })).document.revision).toBe(1);
    expect((await memory.vault(vault.pin.vault)).revision).toBe(2);
  });

  it('is no matter to a client that never saw it', async () => {
    const { copy } = await withTwoRevisions();
    expect((await openLocked(copy)).document.revision).toBe(1);
  });
});

describe('a backup’s pin', () => {
  it('is never taken on first use', async () => {
    await expect(requirePin(client(vault), undefined)).rejects.toMatchObject({
      code: 'no-pin',
      exitCode: 2,
      message: 'this machine does not know yet which vault at memory: to trust',
      hint: expect.stringContaining('strongroom trust SHA256:'),
    });
  });

  it('is the given one, else the remembered one', async () => {
    const memory = noMemory();
    expect(await requirePin(client(vault, memory), vault.pin)).toBe(vault.pin);
    await memory.rememberPin('memory:', vault.pin);
    expect(await requirePin(client(vault, memory), undefined)).toEqual(vault.pin);
  });
});
