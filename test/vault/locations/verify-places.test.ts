import { describe, expect, it } from 'vitest';
import { StoreError } from '../../../src/errors.ts';
import type { Store } from '../../../src/store/store.ts';
import { type VerifyPlacesOptions, verifyPlaces } from '../../../src/vault/locations/verify-places.ts';
import { readSnapshots } from '../../../src/vault/snapshots.ts';
import { writeLedgerEntry } from '../../../src/vault/write-ledger.ts';
import { copyTo, emptyPlace } from '../../support/copies.ts';
import { bodyOf, flipped, get, namesOf, objectsOf, put, sign, storeOf } from '../../support/forge.ts';
import { enrolled, keeper, removed } from '../../support/hosts.ts';
import { rotateVault } from '../../support/rotation.ts';
import { rotation } from '../../support/thief.ts';
import {
  client,
  makeVault,
  newHost,
  openLocked,
  openUnlocked,
  sha256,
  type TestVault,
  tick,
  withKey,
} from '../../support/vault.ts';
import { watched } from '../stores.ts';

/** What is found at each place: an error, or errors and warnings by code, and what it lacks. */
async function found(
  vault: TestVault,
  replicas: readonly Store[],
  options: VerifyPlacesOptions = { pin: vault.pin },
  first = vault.store,
) {
  const { places } = await verifyPlaces({ ...client(vault), store: first }, replicas, options);
  return places.map(({ error, findings, lacks }) => {
    if (error) return error.code;
    const codes = (severity: string) => [
      ...new Set(findings.filter((f) => f.severity === severity).map((f) => f.code)),
    ];
    return { errors: codes('error'), warnings: codes('warning'), lacks: lacks.length };
  });
}

const sound = { errors: [], warnings: [], lacks: 0 };

async function lived(): Promise<{ vault: TestVault; copy: Store }> {
  const vault = await makeVault();
  await enrolled(vault, 'web-2');
  for (const n of [1, 2]) await vault.backup({ '.env': `N=${n}\n` });
  const copy = emptyPlace(vault);
  await copyTo(vault, copy);
  return { vault, copy };
}

const away = (store: Store) =>
  watched(store, () => {
    throw new StoreError('store-unreachable', 'no answer');
  });

describe('a replica that is only behind', () => {
  it('is no alarm: after a new host, a rotation, a removal of a host, and backups by all of them', async () => {
    const { vault, copy } = await lived();
    expect(await found(vault, [copy])).toEqual([sound, sound]);
    const web3 = await enrolled(vault, 'web-3');
    await web3.backup(3);
    // The replica was there for that one.
    for (const name of await namesOf(vault.store))
      if (/^(?:data|snapshots)/.test(name)) await copy.create(name, await get(vault.store, name));
    tick(vault.clock);
    const { pin } = await rotateVault(vault, await keeper(vault));
    await vault.backup({ '.env': 'N=4\n' }, { pin });
    await removed(vault, 'web-2');
    const options = { pin };
    expect(await found(vault, [copy], options)).toEqual([
      sound,
      {
        errors: [],
        warnings: expect.arrayContaining(['older-document', 'missing-object', 'missing-removal']),
        lacks: 1,
      },
    ]);
    await copyTo({ ...vault, pin }, copy);
    expect(await found(vault, [copy], options)).toEqual([sound, sound]);
  });

  it('must have what it has as it was signed, and the keys that open it', async () => {
    const { vault, copy } = await lived();
    await copy.remove(['vault/2.json']);
    const [record = ''] = await namesOf(copy, 'snapshots/');
    const bytes = await get(copy, record);
    for (const [damage, code] of [
      [flipped(bytes, 30), 'bad-signature'],
      [Buffer.from('x'), 'unsigned'],
      [sign(bodyOf(bytes), 'record', newHost('x').key), 'unlisted-writer'],
    ] as const) {
      await put(copy, record, damage);
      const [, at] = await found(vault, [copy]);
      expect(at).toMatchObject({ errors: [code], warnings: expect.arrayContaining(['older-document']) });
    }
    await put(copy, record, bytes);
    const before = await objectsOf(vault.store);
    tick(vault.clock);
    await rotateVault(vault, await keeper(vault));
    const old = await storeOf(before, vault.clock.now);
    const [key = ''] = await namesOf(old, 'keys/1/');
    await old.remove([key]);
    const [, at] = await found(vault, [old]);
    expect(at).toMatchObject({ errors: ['missing-object'] });
  });
});

describe('a replica', () => {
  it('is held to the vault of the first place where no pin is known', async () => {
    const { vault, copy } = await lived();
    const { copy: other } = await lived();
    expect(await found(vault, [copy, other], {})).toEqual([sound, sound, 'foreign-vault']);
  });

  it('that is the vault itself is not two places', async () => {
    const { vault, copy } = await lived();
    expect(await found(vault, [vault.store, copy, copy])).toEqual([sound, 'same-place', sound, 'same-place']);
  });

  it('does not vouch for what another one lacks, nor accuse the first, by a rotation made up there alone', async () => {
    const { vault, copy: good } = await lived();
    const evil = emptyPlace(vault);
    await copyTo(vault, evil);
    await vault.backup({ '.env': 'N=3\n' });
    const document = (await openLocked(vault)).document;
    const object = 'keys/2/previous-0123456789.age';
    await put(evil, object, 'x');
    const previous = { object, size: 1, sha256: sha256(Buffer.from('x')) };
    const thief = newHost('thief');
    const his = await rotation({ ...vault, store: evil, document }, thief, { revision: 3, previous });
    const open = await openLocked(vault);
    const removes = (await readSnapshots(open)).snapshots.map(({ set, id, sha256: digest }) => ({
      set,
      id,
      sha256: digest,
    }));
    const at = await openLocked({ ...his, store: evil });
    await writeLedgerEntry(at, thief, { action: 'delete', removes });
    const [first, evilOne, goodOne] = await found(vault, [evil, good]);
    expect(first).toEqual(sound);
    expect(evilOne).toMatchObject({ errors: expect.arrayContaining(['foreign-vault']), lacks: 1 });
    expect(goodOne).toMatchObject({ errors: [], lacks: 1 });
  });

  it('that shows another rotation than the first does is an alarm', async () => {
    const { vault, copy } = await lived();
    const { document } = await openLocked(vault);
    tick(vault.clock);
    await rotateVault(vault, await keeper(vault));
    const object = 'keys/2/previous-0123456789.age';
    await put(copy, object, 'x');
    const previous = { object, size: 1, sha256: sha256(Buffer.from('x')) };
    await rotation({ ...vault, store: copy, document }, newHost('thief'), { revision: 4, previous });
    await expect(found(vault, [copy])).rejects.toMatchObject({ code: 'two-successors', exitCode: 13 });
  });
});

describe('the first place', () => {
  it.each([
    ['is away', away, 'store-unreachable'],
    ['is empty', (_: Store, vault: TestVault) => emptyPlace(vault), 'no-vault'],
  ])('that %s is named, and the replicas are verified', async (_what, spoil, code) => {
    const { vault, copy } = await lived();
    const first = spoil(vault.store, vault);
    expect(await found(vault, [copy], { pin: vault.pin }, first)).toEqual([code, sound]);
    await expect(found(vault, [copy], {}, first)).rejects.toMatchObject({ code });
  });

  it('that has gone back is named, by the documents of a replica', async () => {
    const { vault, copy } = await lived();
    await vault.store.remove(['vault/2.json']);
    expect(await found(vault, [copy])).toEqual([
      { errors: ['older-document'], warnings: [], lacks: 0 },
      sound,
    ]);
  });

  it('that has gone back before a rotation is named too', async () => {
    const { vault } = await lived();
    const before = await objectsOf(vault.store);
    tick(vault.clock);
    const { pin } = await rotateVault(vault, await keeper(vault));
    const copy = emptyPlace(vault);
    await copyTo({ ...vault, pin }, copy);
    const first = await storeOf(before, vault.clock.now);
    const [at, replica] = await found(vault, [copy], { pin }, first);
    expect(at).toMatchObject({ errors: expect.arrayContaining(['older-document', 'missing-object']) });
    expect(replica).toEqual(sound);
  });

  it('that is damaged is not read elsewhere, unlocked or not', async () => {
    const { vault, copy } = await lived();
    const [part = ''] = await namesOf(vault.store, 'data/');
    await put(vault.store, part, flipped(await get(vault.store, part), 30));
    const unlocked = await openUnlocked(vault, { credential: await withKey(vault.key) });
    const elsewhere = { stores: [copy], first: 'x', say: () => {}, readAt: () => undefined };
    const options = { pin: vault.pin, unlocked: { ...unlocked, elsewhere } };
    const [first, replica] = await found(vault, [copy], options);
    expect(first).toMatchObject({ errors: ['part-differs'] });
    expect(replica).toEqual(sound);
  });
});
