// A chain of records: the newest one's signature stands for those before it, and nobody's word for another's.
import { beforeEach, describe, expect, it } from 'vitest';
import type { SigningKey } from '../../src/sign/key.ts';
import { applyDelete, planDelete } from '../../src/vault/delete.ts';
import { readSnapshots } from '../../src/vault/snapshots.ts';
import { enroll, flipped, forge, get, put, putRevision } from '../support/forge.ts';
import { makeVault, newHost, openLocked, sha256, type TestVault, tick } from '../support/vault.ts';

/** More than are read at once: within one reading of the store all signatures are verified. */
const LONG = 70;

let vault: TestVault;
beforeEach(async () => {
  vault = await makeVault();
});

/** Writes records, each naming the one before it. @returns their object names, oldest first */
async function chain(first: TestVault, rest: TestVault, signer?: SigningKey): Promise<string[]> {
  const objects: string[] = [];
  let previous: { id: string; sha256: string } | null = null;
  for (let i = 0; i < LONG; i++) {
    const writer = i === 0 ? first : rest;
    tick(vault.clock);
    const forgery = { record: () => ({ previous }), ...(i === 0 && signer ? { signers: [signer] } : {}) };
    const { object, id }: { object: string; id: string } = await forge(writer, forgery);
    previous = { id, sha256: sha256(await get(vault.store, object)) };
    objects.push(object);
  }
  return objects;
}

async function list(fresh = false) {
  const { snapshots, refused } = await readSnapshots(await openLocked(vault), { fresh });
  return {
    count: snapshots.length,
    refused: refused.map((r) => [r.finding.object, r.finding.code]),
    snapshots,
  };
}

describe('a chain of records', () => {
  it('counts as a whole, by the signature of its end or by each of them', async () => {
    await chain(vault, vault);
    for (const fresh of [false, true]) expect(await list(fresh)).toMatchObject({ count: LONG, refused: [] });
  });

  it('needs no signature but at its end, except for verify', async () => {
    // The host's own key, and a signature over something else.
    const spoilt = { ...vault.host.key, sign: () => vault.host.key.sign(Buffer.from('something else')) };
    const [first] = await chain(vault, vault, spoilt);
    expect(await list()).toMatchObject({ count: LONG, refused: [] });
    expect(await list(true)).toMatchObject({ count: LONG - 1, refused: [[first, 'bad-signature']] });
  });

  it('does not make a stranger one of the hosts', async () => {
    const [first] = await chain(vault, vault, newHost('stranger').key);
    for (const fresh of [false, true])
      expect(await list(fresh)).toMatchObject({ count: LONG - 1, refused: [[first, 'unlisted-writer']] });
  });

  it('does not bring a removed host back that had the same name and another key', async () => {
    const again = newHost(vault.host.name);
    await putRevision(vault, ({ hosts }) => ({
      hosts: [
        { ...hosts[0]!, removed: vault.document.time },
        { ...hosts[0]!, key: again.key.publicKey },
      ],
    }));
    const [first] = await chain(vault, { ...vault, host: again });
    for (const fresh of [false, true])
      expect(await list(fresh)).toMatchObject({ count: LONG - 1, refused: [[first, 'removed-host']] });
  });

  it('says nothing by the mouth of one that was removed and put back', async () => {
    const [first = '', second = ''] = await chain(vault, vault, newHost('stranger').key);
    const bytes = await get(vault.store, second);
    const { snapshots } = await list();
    const opened = await openLocked(vault);
    await applyDelete(opened, planDelete(snapshots.filter((s) => s.object === second)), vault.host);
    await put(vault.store, second, bytes);
    expect(await list()).toMatchObject({ count: LONG - 2, refused: [[first, 'unlisted-writer']] });
  });

  it('says nothing for other bytes than those it names', async () => {
    const [first = ''] = await chain(vault, vault);
    await put(vault.store, first, flipped(await get(vault.store, first), 30));
    expect(await list()).toMatchObject({ count: LONG - 1, refused: [[first, 'bad-signature']] });
  });

  it('says nothing when its end does not count', async () => {
    const thief = { ...vault, host: { ...vault.host, key: newHost('web-1').key } };
    const [first = ''] = await chain(vault, thief);
    const { snapshots } = await list();
    expect(snapshots.map((s) => s.object)).toEqual([first]);
  });

  it('of one host says nothing about another: neither for nor against', async () => {
    const ci = await enroll(vault, newHost('ci'));
    const [first = ''] = await chain(vault, ci);
    const { count, snapshots, refused } = await list();
    expect({ count, refused }).toEqual({ count: LONG, refused: [] });
    expect(snapshots[0]).toMatchObject({ object: first, host: 'web-1' });

    const forged = await forge(
      { ...vault, host: { ...vault.host, key: ci.host.key } },
      { record: () => ({ previous: null }) },
    );
    tick(vault.clock);
    const named = { id: forged.id, sha256: sha256(await get(vault.store, forged.object)) };
    await forge(ci, { record: () => ({ previous: named }) });
    expect((await list()).refused).toEqual([[forged.object, 'wrong-host']]);
  });
});
