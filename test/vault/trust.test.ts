import { beforeEach, describe, expect, it } from 'vitest';
import type { SigningKey } from '../../src/sign/key.ts';
import type { Generation, VaultDocument } from '../../src/vault/documents/vault-document.ts';
import { type Pin, pinOf } from '../../src/vault/pin.ts';
import { groupCandidates, newestGroups, readCandidates, trustPinned } from '../../src/vault/trust.ts';
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
});

describe('a pin of a vault that was rotated since', () => {
  const rotate = async (to: TestVault, next: SigningKey, ...before: SigningKey[]) => {
    const at = (d: VaultDocument) => d.generations.length + 1;
    const generation = (d: VaultDocument): Generation => ({
      ...d.generations[0]!,
      generation: at(d),
      authority: next.publicKey,
      previous: { object: `keys/${at(d)}/previous-0123456789.age`, size: 1, sha256: '0'.repeat(64) },
    });
    const document = await putRevision(
      to,
      (d) => ({ generation: at(d), generations: [...d.generations, generation(d)] }),
      next,
      ...before,
    );
    return { ...to, document };
  };
  const trusted = async (to: TestVault, pin = vault.pin) =>
    trustPinned(await readCandidates(to.store), pin, 'there');
  let copy: TestVault;
  let second: SigningKey;

  beforeEach(async () => {
    second = newHost('second').key;
    copy = await rotate(await copyOf(vault), second, vault.authority);
  });

  it('is followed by the signature of the old authority, over any number of rotations', async () => {
    const third = newHost('third').key;
    const again = await rotate(copy, third, second);
    await putRevision(again, () => ({}), third);
    const { current: now, findings } = await trusted(copy);
    expect([now.document.generation, now.document.revision, findings]).toEqual([3, 4, []]);
    const [first, , last] = await Promise.all([1, 2, 3].map(async (n) => pinAt(copy, n)));
    expect((await trusted(copy, last)).current.document.revision).toBe(4);
    expect((await trusted(copy, first)).findings).toEqual([]);
  });

  it('is not followed to what the old authority did not sign', async () => {
    const forged = await copyOf(vault);
    await rotate(await rotate(forged, second), newHost('x').key, newHost('y').key);
    const { current: now, findings } = await trusted(forged);
    expect(now.document.revision).toBe(1);
    expect(findings.map((f) => [f.code, f.object])).toEqual([
      ['foreign-vault', 'vault/2.json'],
      ['foreign-vault', 'vault/3.json'],
    ]);
  });

  it('is not followed to a document that lists another old key than the pinned one', async () => {
    const forged = await copyOf(vault);
    const listed = (await makeVault()).pin.recipient;
    await putRevision(
      forged,
      (d) => ({
        generation: 2,
        generations: [
          { ...d.generations[0]!, recipient: listed },
          {
            ...d.generations[0]!,
            generation: 2,
            authority: second.publicKey,
            previous: { object: 'keys/2/previous-0123456789.age', size: 1, sha256: '0'.repeat(64) },
          },
        ],
      }),
      second,
      forged.authority,
    );
    expect((await trusted(forged)).current.document.revision).toBe(1);
  });

  it('with two successors is an alarm, and neither is followed', async () => {
    const thief = newHost('thief').key;
    const stolen = await copyOf(vault);
    await rotate(stolen, thief, vault.authority);
    const body = bodyOf(await get(stolen.store, 'vault/2.json'));
    await put(
      copy.store,
      'vault/9.json',
      sign({ ...body, object: 'vault/9.json', revision: 9 }, 'vault', thief, copy.authority),
    );
    await expect(trusted(copy)).rejects.toMatchObject({ code: 'two-successors', exitCode: 13 });
    // Whoever has moved on does not mind.
    const { current: now, findings } = await trusted(copy, await pinAt(copy, 2));
    expect(now.document.revision).toBe(2);
    expect(findings.map((f) => [f.code, f.object])).toEqual([['foreign-vault', 'vault/9.json']]);
  });

  it('names what the old key signed after the rotation, and does not believe it', async () => {
    await put(
      copy.store,
      'vault/3.json',
      sign({ ...vault.document, object: 'vault/3.json', revision: 3 }, 'vault', vault.authority),
    );
    for (const pin of [vault.pin, await pinAt(copy, 2)]) {
      const { current: now, findings } = await trusted(copy, pin);
      expect(now.document.revision).toBe(2);
      expect(findings.map((f) => [f.code, f.object])).toEqual([['superseded-key', 'vault/3.json']]);
    }
  });

  it('is one group with what came before it, where nothing is pinned', async () => {
    expect(newestGroups(await readCandidates(copy.store)).map((c) => c.document.revision)).toEqual([2]);
    expect(groupCandidates(await readCandidates(copy.store))).toHaveLength(2);
  });
});

async function pinAt(vault: TestVault, revision: number): Promise<Pin> {
  const { candidates } = await readCandidates(vault.store);
  return pinOf(candidates.find((c) => c.document.revision === revision)!.document);
}
