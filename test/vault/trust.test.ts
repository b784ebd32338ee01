import { beforeEach, describe, expect, it } from 'vitest';
import { pinOf } from '../../src/vault/pin.ts';
import { groupCandidates, readCandidates, trustPinned } from '../../src/vault/trust.ts';
import { bodyOf, copyOf, get, put, putRevision, sign } from '../support/forge.ts';
import { makeVault, newHost, type TestVault } from '../support/vault.ts';

let vault: TestVault;
beforeEach(async () => {
  vault = await makeVault();
});

const revisions = async () => (await readCandidates(vault.store)).candidates.map((c) => c.document.revision);
const current = async (pin = vault.pin) => trustPinned(await readCandidates(vault.store), pin, 'there');

describe('the documents of a vault', () => {
  it('are all that are consistent in themselves', async () => {
    for (let i = 0; i < 11; i++) vault = { ...vault, document: await putRevision(vault, () => ({})) };
    expect((await revisions()).sort((a, b) => a - b)).toEqual([1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12]);
  });

  it('the current one is the highest as a number, not as a name', async () => {
    for (let i = 0; i < 10; i++) vault = { ...vault, document: await putRevision(vault, () => ({})) };
    expect((await current()).current.document.revision).toBe(11);
  });

  it('of a newer format are not read, and not passed over either when our authority signed them', async () => {
    const body = {
      ...bodyOf(await get(vault.store, 'vault/1.json')),
      format: 2,
      object: 'vault/2.json',
      revision: 2,
    };
    await put(vault.store, 'vault/2.json', sign(body, 'vault', vault.authority));
    await expect(current()).rejects.toMatchObject({
      code: 'newer-format',
      exitCode: 13,
      message: 'vault/2.json was written by a newer strongroom',
      hint: 'upgrade strongroom on this machine',
    });
  });

  it('of a newer format by a stranger stop nobody', async () => {
    const body = { ...bodyOf(await get(vault.store, 'vault/1.json')), format: 2, object: 'vault/2.json' };
    await put(vault.store, 'vault/2.json', sign(body, 'vault', newHost('thief').key));
    expect((await current()).current.document.revision).toBe(1);
  });
});

describe('without a pin', () => {
  it('documents are grouped by vault and authority, the newest for each', async () => {
    await putRevision(vault, () => ({}));
    const other = await makeVault({ name: 'other' });
    await put(
      vault.store,
      'vault/3.json',
      sign({ ...other.document, object: 'vault/3.json', revision: 3 }, 'vault', other.authority),
    );
    const groups = groupCandidates(await readCandidates(vault.store));
    expect(groups.map(({ document }) => [document.name, document.revision])).toEqual([
      ['shop', 2],
      ['other', 3],
    ]);
  });

  it('an empty place has no group', async () => {
    const copy = await copyOf(vault);
    await copy.store.remove(['vault/1.json']);
    expect(groupCandidates(await readCandidates(copy.store))).toEqual([]);
  });
});

describe('a pin', () => {
  it('of a later revision is still of this vault; who may be older is for the caller', async () => {
    expect((await current({ ...vault.pin, revision: 7 })).current.document.revision).toBe(1);
  });

  it('of another vault, authority or recipient refuses what is there, each in its own way', async () => {
    const other = (await makeVault()).pin;
    await expect(current(other)).rejects.toMatchObject({
      code: 'foreign-vault',
      exitCode: 13,
      message: 'the vault at there is not the pinned one',
      hint: expect.stringContaining('strongroom trust'),
    });
    await expect(current({ ...vault.pin, vault: other.vault })).rejects.toMatchObject({
      code: 'foreign-vault',
    });
    await expect(current({ ...vault.pin, authority: other.authority })).rejects.toMatchObject({
      code: 'foreign-vault',
    });
    await expect(current({ ...vault.pin, recipient: other.recipient })).rejects.toMatchObject({
      code: 'foreign-recipient',
      exitCode: 13,
      hint: expect.stringContaining('do not back up to it'),
    });
  });

  it('of a vault that was rotated since says so', async () => {
    const next = newHost('next').key;
    const previous = { object: 'keys/2/previous-0123456789.age', size: 1, sha256: '0'.repeat(64) };
    const second = { ...vault.document.generations[0]!, generation: 2, authority: next.publicKey, previous };
    await putRevision(
      vault,
      (d) => ({ generation: 2, generations: [...d.generations, second] }),
      next,
      vault.authority,
    );
    await expect(current()).rejects.toMatchObject({
      code: 'rotated',
      exitCode: 2,
      hint: 'upgrade strongroom on this machine',
    });
    const [, rotated] = (await readCandidates(vault.store)).candidates;
    expect(pinOf(rotated!.document)).toMatchObject({ generation: 2 });
  });
});
